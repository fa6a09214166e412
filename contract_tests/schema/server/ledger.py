"""What holds for tasks from answer to answer. It reads every exchange of a run, whoever sent it, in order."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from attrs import Factory, define

from contract_tests.schema.server.operations import COMPLETED, RANK, TERMINAL, LifeCycle, at, life_cycles
from contract_tests.schema.server.rules import Seen
from contract_tests.schema.server.verdicts import stricter

Texts = Iterator[str]
Check = Callable[..., Texts]

# A list may show the last tasks alone; one that shows fewer than this of those it must know leaves some out.
_SHORTEST_PAGE: Final = 5
_RATE: Final = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
_ENOUGH: Final = 6  # answers in which a rest that counts something has gone down
_ROUNDING_SECONDS: Final = 1.0
_ROUNDED_SECONDS: Final = 60.0  # some servers round the reset to a minute


@define(eq=False)
class Known:
    life_cycle: LifeCycle
    owner: str
    scenarios: dict[str, str]
    word: str
    results: list[str] = Factory(list)


@define(eq=False)
class Ledger:
    """The tasks that a run has made or seen."""

    tasks: dict[str, Known] = Factory(dict)
    listed: set[str] = Factory(set)
    answers: set[str] = Factory(set)
    windows: dict[tuple[str, str, int], tuple[float, list[tuple[int, int]]]] = Factory(dict)
    longest: dict[tuple[str, str], int] = Factory(dict)
    elsewhere: dict[tuple[str, str], set[str]] = Factory(dict)
    unclear: int = 0

    def checks(self, seen: Seen) -> Iterator[tuple[Check, Texts]]:
        """Give the rules that are about an exchange, each with its breaches. They are read in this order."""
        yield Ledger.request_ids_are_new, self.request_ids_are_new(seen)
        if not seen.sent.forces_an_answer:
            yield Ledger.rate_limits_count_down, self.rate_limits_count_down(seen)
        for cycle in life_cycles():
            if seen.operation is cycle.create:
                self.unclear += seen.answer.status >= 500
                if seen.answer.is_success:
                    yield Ledger.a_created_task_is_new, self.a_created_task_is_new(seen, cycle)
            elif seen.operation is cycle.listing and not seen.sent.forces_an_answer:
                yield Ledger.a_list_has_each_task_once, self.a_list_has_each_task_once(seen, cycle)
                yield Ledger.a_list_has_no_other_tasks, self.a_list_has_no_other_tasks(seen, cycle)
        # Several kinds of task may share one status operation.
        shown = next((cycle for cycle in life_cycles() if seen.operation is cycle.status), None)
        if shown is not None and not seen.sent.forces_an_answer:
            check = Ledger.a_status_is_of_the_task_asked_for
            yield check, self.a_status_is_of_the_task_asked_for(seen, shown)

    def request_ids_are_new(self, seen: Seen) -> Texts:
        """No two answers have the same x-request-id: it names one request to the vendor's support."""
        request_id = seen.answer.header("x-request-id")
        if request_id is not None:
            if request_id in self.answers:
                yield f"x-request-id {request_id} was already another answer's"
            self.answers.add(request_id)

    def rate_limits_count_down(self, seen: Seen) -> Texts:
        """Over the answers of one window the rest of a rate limit goes down, never up, nor below zero.

        The reset comes nearer by the seconds that pass.
        """
        texts = [seen.answer.header(name) or "" for name in _RATE]
        is_counted = seen.answer.is_success and seen.sent.method != "HEAD"
        if not is_counted or not all(text.isdecimal() for text in texts):
            return
        limit, left, reset = map(int, texts)
        key, now = (str(seen.operation), seen.owner, limit), time.monotonic()
        ends, told = self.windows.get(key, (0.0, []))
        if now >= ends:
            # Until the reset that the first answer of a window names, nothing is given back.
            self.windows[key] = now + reset - _ROUNDING_SECONDS, [(left, reset)]
            return
        before = told[-1][0]
        told.append((left, reset))
        if left > before:
            yield f"x-ratelimit-remaining went up from {before} to {left} within one window"
        elif before == 0:
            yield "a request succeeds though x-ratelimit-remaining was 0"
        elif left == told[0][0] and len(told) == _ENOUGH:
            yield f"x-ratelimit-remaining is still {left} after {len(told)} answers"
        if reset > told[0][1] + _ROUNDING_SECONDS:
            yield f"x-ratelimit-reset went up from {told[0][1]} to {reset} within one window"
        passed = now + told[0][1] - _ROUNDING_SECONDS - ends
        if told[0][1] - reset > passed + _ROUNDED_SECONDS:
            yield f"x-ratelimit-reset went down from {told[0][1]} to {reset} within {passed:.1f} s"

    def a_created_task_is_new(self, seen: Seen, cycle: LifeCycle) -> Texts:
        """A create answers with an id that no other task has, and a task that has not ended."""
        task_id, task = at(seen.value, cycle.id_pointer), at(seen.value, cycle.task_pointer)
        if not isinstance(task_id, str) or not task_id or task_id in self.tasks or task_id in self.listed:
            self.unclear += 1
            yield f"create answers with the id of another task, {task_id}" if task_id else "there is no id"
            return
        word = task.get(cycle.word_name)
        self.tasks[task_id] = known = Known(cycle, seen.owner, seen.sent.scenarios, str(word))
        if word in TERMINAL:
            yield f"a task that was just created is {word}"
        yield from self._results(known, task_id, task)

    def a_status_is_of_the_task_asked_for(self, seen: Seen, cycle: LifeCycle) -> Texts:
        """A status echoes the id; an id never created is not found; only its maker sees a task.

        Its status only moves on, and it has a result if and only if it is COMPLETED.
        """
        wanted = unquote(seen.sent.path.removeprefix(cycle.status.path.split("{", maxsplit=1)[0]))
        known, is_head = self.tasks.get(wanted), seen.sent.method == "HEAD"
        if seen.answer.status == 404 and known is not None and known.owner == seen.owner and not is_head:
            if not known.scenarios.keys() & {"not-found-first", "flaky"}:
                yield f"the task {wanted} was created, and is not found"
        elif seen.answer.is_success and known is None and wanted not in self.listed:
            yield f"the id {wanted} was never created, and is found"
        elif seen.answer.is_success:
            if known is not None and known.owner != seen.owner:
                yield f"another key sees the task {wanted}"
            given, task = at(seen.value, cycle.id_pointer), at(seen.value, cycle.task_pointer)
            if not is_head and given != wanted:
                yield f"the task {wanted} was asked for, and {given} is answered"
            elif not is_head and known is not None:
                yield from self._moves(known, wanted, task.get(cycle.word_name))
                yield from self._results(known, wanted, task)

    def _moves(self, known: Known, task_id: str, word: Any) -> Texts:
        before, known.word = known.word, str(word)
        if before in TERMINAL and word != before:
            yield f"the task {task_id} left {before} for {word}"
        elif RANK.get(str(word), 1) < RANK.get(before, 1):
            yield f"the task {task_id} went back from {before} to {word}"

    def _results(self, known: Known, task_id: str, task: Any) -> Texts:
        """A task has a result if and only if it is COMPLETED: always the same, once, and no other task's."""
        results, word = task.get(known.life_cycle.result_name) or [], task.get(known.life_cycle.word_name)
        results = results if isinstance(results, list) else [results]
        if results and word != COMPLETED:
            yield f"the task {task_id} is {word}, and has a result"
        if word == COMPLETED and bool(results) == ("complete-empty" in known.scenarios):
            yield f"the task {task_id} is {word} {'with' if results else 'without'} a result"
        if known.results and results != known.results:
            yield f"the result of the task {task_id} has changed from {known.results} to {results}"
        if not known.results:
            known.results = list(map(str, results))
            yield from self._addresses(known, task_id)

    def _addresses(self, known: Known, task_id: str) -> Texts:
        for url in known.results:
            if known.results.count(url) > 1:
                yield f"the task {task_id} has the result {url} {known.results.count(url)} times"
            if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
                yield f"the result of the task {task_id}, {url}, is no address to fetch it from"
        for other_id, other in self.tasks.items():
            if other is not known and set(known.results) & set(other.results):
                yield f"the tasks {task_id} and {other_id} have the same result"

    def a_list_has_each_task_once(self, seen: Seen, cycle: LifeCycle) -> Texts:
        """A list has the key's tasks, or the last of them, once each, with their status and no result."""
        here = seen.owner, cycle.create
        mine = {i: k for i, k in self.tasks.items() if (k.owner, k.life_cycle.create) == here}
        if seen.answer.status == 404 and mine:
            yield f"the list is said to be empty, and {len(mine)} tasks were created"
        rows = at(seen.value, cycle.task_pointer)
        if not seen.answer.is_success or not isinstance(rows, list):
            return
        rows = [row for row in rows if isinstance(row, dict)]
        ids = [str(row.get(cycle.id_name)) for row in rows]
        for task_id in sorted({i for i in ids if ids.count(i) > 1}):
            yield f"the task {task_id} is listed {ids.count(task_id)} times"
        place = (str(cycle.listing), seen.owner)
        made, most = list(mine), self.longest.get(place, 0)
        self.longest[place] = max(most, len(ids))
        first = next((position for position, task_id in enumerate(made) if task_id in ids), len(made))
        is_cut = len(ids) >= max(most, _SHORTEST_PAGE)
        for position, task_id in enumerate(made):
            if task_id not in ids and not (is_cut and position < first):
                yield f"the task {task_id} was created, and is not listed"
        self.listed.update(ids)
        for task_id, row in zip(ids, rows, strict=True):
            if task_id in mine:
                yield from self._moves(mine[task_id], task_id, row.get(cycle.word_name))
            if row.get(cycle.result_name):
                yield f"the list gives the result of the task {task_id}"

    @stricter("Somebody else may use the account; the document does not say that a list is never empty")
    def a_list_has_no_other_tasks(self, seen: Seen, cycle: LifeCycle) -> Texts:
        """A list has no task of another key or model, none that nobody created, and is a 404 if empty."""
        rows, place = at(seen.value, cycle.task_pointer), (str(cycle.listing), seen.owner)
        if not seen.answer.is_success or not isinstance(rows, list):
            if seen.answer.status == 404:
                self.elsewhere.setdefault(place, set())
            return
        if not rows:
            yield "an empty list is a 404, as documented, not an empty array"
        ids = [str(row.get(cycle.id_name)) for row in rows if isinstance(row, dict)]
        new = {task_id for task_id in ids if task_id not in self.tasks}
        before = self.elsewhere.setdefault(place, new)
        for task_id in sorted(new - before) if not self.unclear else ():
            yield f"the task {task_id} is listed, and no create has answered with it"
        for task_id, known in ((task_id, self.tasks[task_id]) for task_id in ids if task_id in self.tasks):
            if known.owner != seen.owner:
                yield f"another key's list has the task {task_id}"
            elif known.life_cycle.create is not cycle.create:
                yield f"the task {task_id} was made by {known.life_cycle.create}"
