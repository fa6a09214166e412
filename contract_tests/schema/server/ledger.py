"""What holds for tasks from answer to answer. It reads every exchange of a run, whoever sent it, in order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from attrs import Factory, define

from contract_tests.schema.server.operations import COMPLETED, RANK, TERMINAL, at, life_cycles
from contract_tests.schema.server.verdicts import note, rule_of, stricter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract_tests.schema.server.exchange import Exchange
    from contract_tests.schema.server.operations import LifeCycle, Operation
    from contract_tests.schema.server.verdicts import Rule

    Texts = Iterator[str]

# A list may show the last tasks alone; one that shows fewer than this of those it must know leaves some out.
_SHORTEST_PAGE: Final = 5
_RATE: Final = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
_ENOUGH: Final = 6  # answers in which a rest that counts something has gone down
_ROUNDING_SECONDS: Final = 1.0
_LONG_SECONDS: Final = 3.0


@define(eq=False)
class Known:
    """A task as it was last seen."""

    life_cycle: LifeCycle
    owner: str
    scenarios: dict[str, str]
    word: str
    results: list[str] = Factory(list)


@define
class _Window:
    """What the rate limit's headers have said since the first answer of a window."""

    started: float
    ends: float
    reset: int
    first: int
    left: int
    answers: int = 1
    is_told: bool = False


@define(eq=False)
class Ledger:
    """The tasks that a run has made or seen."""

    tasks: dict[str, Known] = Factory(dict)
    listed: set[str] = Factory(set)
    answers: set[str] = Factory(set)
    windows: dict[tuple[str, str, int], _Window] = Factory(dict)
    longest: dict[tuple[str, str], int] = Factory(dict)
    elsewhere: dict[tuple[str, str], set[str]] = Factory(dict)
    unclear: int = 0

    def read(self, exchange: Exchange, operation: Operation, owner: str) -> Iterator[tuple[Rule, str]]:
        """Take in one exchange, and give the rule and a sentence for each breach."""

        def held(check: Callable[..., Texts], *arguments: Any) -> Iterator[tuple[Rule, str]]:
            rule = rule_of(check.__func__)  # type: ignore[attr-defined]  # a bound method
            note(rule, "held")
            return ((rule, text) for text in check(*arguments))

        yield from held(self.request_ids_are_new, exchange)
        if not exchange.sent.forces_an_answer:
            yield from held(self.rate_limits_count_down, exchange, operation, owner)
        value = _value(exchange)
        for cycle in life_cycles():
            if operation is cycle.create:
                if exchange.answer.is_success:
                    yield from held(self.a_created_task_is_new, cycle, exchange, value, owner)
                self.unclear += exchange.answer.status >= 500
            elif operation is cycle.listing and not exchange.sent.forces_an_answer:
                yield from held(self.a_list_has_each_task_once, cycle, exchange, value, owner)
                yield from held(self.a_list_has_no_other_tasks, cycle, exchange, value, owner)
        # Several kinds of task may share one status operation.
        shown = next((cycle for cycle in life_cycles() if operation is cycle.status), None)
        if shown is not None and not exchange.sent.forces_an_answer:
            yield from held(self.a_status_is_of_the_task_asked_for, shown, exchange, value, owner)

    def request_ids_are_new(self, exchange: Exchange) -> Texts:
        """No two answers have the same x-request-id: it names one request to the vendor's support."""
        request_id = exchange.answer.header("x-request-id")
        if request_id is not None:
            if request_id in self.answers:
                yield f"x-request-id {request_id} was already another answer's"
            self.answers.add(request_id)

    def rate_limits_count_down(self, exchange: Exchange, operation: Operation, owner: str) -> Texts:
        """Over the answers of one window the rest of a rate limit goes down, never up, nor below zero."""
        if not exchange.answer.is_success or exchange.sent.method == "HEAD":
            return
        now = time.monotonic()
        texts = [exchange.answer.header(name) or "" for name in _RATE]
        if not all(text.isdecimal() for text in texts):
            return
        limit, left, reset = map(int, texts)
        key = str(operation), owner, limit
        window = self.windows.get(key)
        if window is None or now >= window.ends:
            # Until the reset that the first answer of a window names, nothing is given back.
            self.windows[key] = _Window(now, now + reset - _ROUNDING_SECONDS, reset, left, left)
            return
        window.answers += 1
        if left > window.left:
            yield f"x-ratelimit-remaining went up from {window.left} to {left} within one window"
        elif window.left == 0:
            yield "a request succeeds though x-ratelimit-remaining was 0"
        elif left == window.first and window.answers >= _ENOUGH and not window.is_told:
            window.is_told = True
            yield f"x-ratelimit-remaining is still {left} after {window.answers} answers"
        if reset > window.reset + _ROUNDING_SECONDS:
            yield f"x-ratelimit-reset went up from {window.reset} to {reset} within one window"
        elif reset == window.reset and now - window.started > _LONG_SECONDS and left < window.first:
            yield f"x-ratelimit-reset is still {reset} after {now - window.started:.0f} s"
        window.left = left

    def a_created_task_is_new(self, cycle: LifeCycle, exchange: Exchange, value: Any, owner: str) -> Texts:
        """A create answers with an id that no other task has, and a task that has not ended."""
        task_id, task = at(value, cycle.id_pointer), at(value, cycle.task_pointer)
        if not isinstance(task_id, str) or not task_id:
            self.unclear += 1
            yield "create answers without an id"
            return
        if task_id in self.tasks or task_id in self.listed:
            self.unclear += 1
            yield f"create answers with the id of another task, {task_id}"
            return
        word = task.get(cycle.word_name)
        self.tasks[task_id] = known = Known(cycle, owner, exchange.sent.scenarios, str(word))
        if word in TERMINAL:
            yield f"a task that was just created is {word}"
        yield from self.a_result_comes_with_completion(known, task_id, task)

    def a_status_is_of_the_task_asked_for(
        self, cycle: LifeCycle, exchange: Exchange, value: Any, owner: str
    ) -> Texts:
        """A status echoes the id; an id never created is not found; only its maker sees a task.

        Its status only moves on, and it has a result if and only if it is COMPLETED.
        """
        prefix = cycle.status.path.split("{", maxsplit=1)[0]
        wanted = unquote(exchange.sent.path.removeprefix(prefix))
        known = self.tasks.get(wanted)
        if exchange.answer.status == 404 and exchange.sent.method != "HEAD":
            excused = known is not None and known.scenarios.keys() & {"not-found-first", "flaky"}
            if known is not None and known.owner == owner and not excused:
                yield f"the task {wanted} was created, and is not found"
            return
        if not exchange.answer.is_success:
            return
        if known is None and wanted not in self.listed:
            yield f"the id {wanted} was never created, and is found"
            return
        if known is not None and known.owner != owner:
            yield f"another key sees the task {wanted}"
        if exchange.sent.method == "HEAD":
            return
        given, task = at(value, cycle.id_pointer), at(value, cycle.task_pointer)
        if given != wanted:
            yield f"the task {wanted} was asked for, and {given} is answered"
        elif known is not None:
            yield from self.a_task_never_goes_back(known, wanted, task.get(cycle.word_name))
            yield from self.a_result_comes_with_completion(known, wanted, task)

    def a_task_never_goes_back(self, known: Known, task_id: str, word: Any) -> Texts:
        """A task's status only moves on, and a task that has ended stays as it ended."""
        before, known.word = known.word, str(word)
        if before in TERMINAL and word != before:
            yield f"the task {task_id} left {before} for {word}"
        elif RANK.get(str(word), 1) < RANK.get(before, 1):
            yield f"the task {task_id} went back from {before} to {word}"

    def a_result_comes_with_completion(self, known: Known, task_id: str, task: Any) -> Texts:
        """A task has a result if and only if it is COMPLETED: always the same, once, and no other task's."""
        results, word = task.get(known.life_cycle.result_name) or [], task.get(known.life_cycle.word_name)
        if not isinstance(results, list):
            return
        if results and word != COMPLETED:
            yield f"the task {task_id} is {word}, and has a result"
        if word == COMPLETED and bool(results) == ("complete-empty" in known.scenarios):
            yield f"the task {task_id} is {word} {'with' if results else 'without'} a result"
        if known.results and results != known.results:
            yield f"the result of the task {task_id} has changed from {known.results} to {results}"
        if not known.results:
            known.results = list(results)
            yield from self._results_are_addresses(known, task_id)

    def _results_are_addresses(self, known: Known, task_id: str) -> Texts:
        urls = list(map(str, known.results))
        for url in urls:
            if urls.count(url) > 1:
                yield f"the task {task_id} has the result {url} {urls.count(url)} times"
            if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
                yield f"the result of the task {task_id}, {url}, is no address to fetch it from"
        for other_id, other in self.tasks.items():
            if other is not known and set(urls) & set(map(str, other.results)):
                yield f"the tasks {task_id} and {other_id} have the same result"

    def a_list_has_each_task_once(
        self, cycle: LifeCycle, exchange: Exchange, value: Any, owner: str
    ) -> Texts:
        """A list has the key's tasks, or the last of them, once each, with their status and no result."""
        mine = {
            i: k for i, k in self.tasks.items() if k.owner == owner and k.life_cycle.create is cycle.create
        }
        if exchange.answer.status == 404 and mine:
            yield f"the list is said to be empty, and {len(mine)} tasks were created"
        rows = at(value, cycle.task_pointer)
        if not exchange.answer.is_success or not isinstance(rows, list):
            return
        rows = [row for row in rows if isinstance(row, dict)]
        ids = [str(row.get(cycle.id_name)) for row in rows]
        for task_id in sorted({i for i in ids if ids.count(i) > 1}):
            yield f"the task {task_id} is listed {ids.count(task_id)} times"
        place = (str(cycle.listing), owner)
        made, most = list(mine), self.longest.get(place, 0)
        self.longest[place] = max(most, len(ids))
        first = next((position for position, task_id in enumerate(made) if task_id in ids), len(made))
        is_cut = len(ids) >= max(most, _SHORTEST_PAGE)
        for position, task_id in enumerate(made):
            if task_id not in ids and not (is_cut and position < first):
                yield f"the task {task_id} was created, and is not listed"
        self.listed.update(ids)
        for row in rows:
            known = mine.get(str(row.get(cycle.id_name)))
            if known is not None:
                yield from self.a_task_never_goes_back(known, row[cycle.id_name], row.get(cycle.word_name))
            if row.get(cycle.result_name):
                yield f"the list gives the result of the task {row.get(cycle.id_name)}"

    @stricter(
        "Somebody else may use the account meanwhile; the document does not say that a list is never empty"
    )
    def a_list_has_no_other_tasks(
        self, cycle: LifeCycle, exchange: Exchange, value: Any, owner: str
    ) -> Texts:
        """A list has no task of another key or model, none that nobody created, and is a 404 if empty."""
        rows = at(value, cycle.task_pointer)
        if not exchange.answer.is_success or not isinstance(rows, list):
            if exchange.answer.status == 404:
                self.elsewhere.setdefault((str(cycle.listing), owner), set())
            return
        if not rows:
            yield "an empty list is a 404, as documented, not an empty array"
        ids = [str(row.get(cycle.id_name)) for row in rows if isinstance(row, dict)]
        new = {task_id for task_id in ids if task_id not in self.tasks}
        place = (str(cycle.listing), owner)
        before = self.elsewhere.setdefault(place, new)
        for task_id in sorted(new - before) if not self.unclear else ():
            yield f"the task {task_id} is listed, and no create has answered with it"
        for task_id in ids:
            known = self.tasks.get(task_id)
            if known is not None and known.owner != owner:
                yield f"another key's list has the task {task_id}"
            elif known is not None and known.life_cycle.create is not cycle.create:
                yield f"the task {task_id} was made by {known.life_cycle.create}"


def _value(exchange: Exchange) -> Any:
    if not exchange.answer.is_json:
        return None
    try:
        return exchange.answer.json()
    except ValueError:
        return None
