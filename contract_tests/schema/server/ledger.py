"""What holds for tasks from answer to answer. It reads every exchange of a run, whoever sent it, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from contract_tests.schema.server.operations import COMPLETED, RANK, TERMINAL, at, life_cycles
from contract_tests.schema.server.scenarios import asked, forces_an_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.schema.server.exchange import Exchange
    from contract_tests.schema.server.operations import LifeCycle, Operation


@dataclass
class Known:
    """A task as it was last seen.

    Attributes:
        life_cycle: Its operations.
        owner: The key that made it.
        scenarios: What its create asked for.
        word: Its last status.
        results: Its addresses, once there were any.
    """

    life_cycle: LifeCycle
    owner: str
    scenarios: dict[str, str]
    word: str
    results: list[str] = field(default_factory=list)


@dataclass
class Ledger:
    """The tasks that a run has made or seen.

    Attributes:
        tasks: By id.
        listed: Ids that came in a list, of whoever made them.
        answers: The x-request-ids so far.
    """

    tasks: dict[str, Known] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)

    def read(self, exchange: Exchange, operation: Operation, owner: str) -> Iterator[str]:
        """Take in one exchange, and give a sentence for each breach.

        Args:
            exchange: What was asked and answered.
            operation: What was called.
            owner: The key that went with it.
        """
        yield from self.request_ids_are_new(exchange)
        value = _value(exchange)
        for cycle in life_cycles():
            if operation is cycle.create and exchange.answer.is_success:
                yield from self.a_created_task_is_new(cycle, exchange, value, owner)
            elif operation is cycle.listing and not forces_an_answer(exchange.sent):
                yield from self.a_list_has_each_task_once(cycle, exchange, value, owner)
        # Several kinds of task may share one status operation.
        shown = next((cycle for cycle in life_cycles() if operation is cycle.status), None)
        if shown is not None and not forces_an_answer(exchange.sent):
            yield from self.a_status_is_of_the_task_asked_for(shown, exchange, value, owner)

    def request_ids_are_new(self, exchange: Exchange) -> Iterator[str]:
        """No two answers have the same x-request-id: it names one request to the vendor's support."""
        request_id = exchange.answer.header("x-request-id")
        if request_id is not None:
            if request_id in self.answers:
                yield f"x-request-id {request_id} was already another answer's"
            self.answers.add(request_id)

    def a_created_task_is_new(
        self, cycle: LifeCycle, exchange: Exchange, value: Any, owner: str
    ) -> Iterator[str]:
        """A create answers with an id that no other task has, and a task that has not ended."""
        task_id = at(value, cycle.id_pointer)
        if not isinstance(task_id, str) or not task_id:
            yield "create answers without an id"
            return
        if task_id in self.tasks or task_id in self.listed:
            yield f"create answers with the id of another task, {task_id}"
            return
        task = at(value, cycle.task_pointer)
        word = task.get(cycle.word_name)
        self.tasks[task_id] = known = Known(cycle, owner, asked(exchange.sent), str(word))
        if word in TERMINAL:
            yield f"a task that was just created is {word}"
        yield from self.a_result_comes_with_completion(known, task_id, task)

    def a_status_is_of_the_task_asked_for(
        self, cycle: LifeCycle, exchange: Exchange, value: Any, owner: str
    ) -> Iterator[str]:
        """A status echoes the id; an id never created is not found; only its maker sees a task."""
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
        given = at(value, cycle.id_pointer)
        if given != wanted:
            yield f"the task {wanted} was asked for, and {given} is answered"
            return
        if known is None:
            if wanted not in self.listed:
                yield f"the id {wanted} was never created, and is found"
            return
        if known.owner != owner:
            yield f"another key sees the task {wanted}"
        task = at(value, cycle.task_pointer)
        yield from self.a_task_never_goes_back(known, wanted, task.get(cycle.word_name))
        yield from self.a_result_comes_with_completion(known, wanted, task)

    def a_task_never_goes_back(self, known: Known, task_id: str, word: Any) -> Iterator[str]:
        """A task's status only moves on, and a task that has ended stays as it ended."""
        before, known.word = known.word, str(word)
        if before in TERMINAL and word != before:
            yield f"the task {task_id} left {before} for {word}"
        elif RANK.get(str(word), 1) < RANK.get(before, 1):
            yield f"the task {task_id} went back from {before} to {word}"

    def a_result_comes_with_completion(self, known: Known, task_id: str, task: Any) -> Iterator[str]:
        """A task has a result if and only if it is COMPLETED: always the same, and no other task's."""
        results, word = task.get(known.life_cycle.result_name) or [], task.get(known.life_cycle.word_name)
        if results and word != COMPLETED:
            yield f"the task {task_id} is {word}, and has a result"
        if word == COMPLETED and bool(results) == ("complete-empty" in known.scenarios):
            yield f"the task {task_id} is {word} {'with' if results else 'without'} a result"
        if known.results and results and results != known.results:
            yield f"the result of the task {task_id} has changed from {known.results} to {results}"
        if not known.results:
            known.results = list(results)
            for other_id, other in self.tasks.items():
                if other is not known and set(map(str, results)) & set(other.results):
                    yield f"the tasks {task_id} and {other_id} have the same result"

    def a_list_has_each_task_once(
        self, cycle: LifeCycle, exchange: Exchange, value: Any, owner: str
    ) -> Iterator[str]:
        """A list has each task of the key's account once, with its status, without its result."""
        mine = {
            i: k for i, k in self.tasks.items() if k.owner == owner and k.life_cycle.create is cycle.create
        }
        if exchange.answer.status == 404 and mine:
            yield f"the list is said to be empty, and {len(mine)} tasks were created"
        rows = at(value, cycle.list_pointer)
        if not exchange.answer.is_success or not isinstance(rows, list):
            return
        if not rows:
            yield "an empty list is a 404, as observed, not an empty array"
        ids = [str(row.get(cycle.id_name)) for row in rows if isinstance(row, dict)]
        for task_id in sorted({i for i in ids if ids.count(i) > 1}):
            yield f"the task {task_id} is listed {ids.count(task_id)} times"
        for task_id in sorted(mine.keys() - set(ids)):
            yield f"the task {task_id} was created, and is not listed"
        for task_id in sorted(i for i in ids if i in self.tasks and self.tasks[i].owner != owner):
            yield f"another key's list has the task {task_id}"
        self.listed.update(ids)
        for row in rows:
            known = mine.get(str(row.get(cycle.id_name)))
            if known is not None:
                yield from self.a_task_never_goes_back(known, row[cycle.id_name], row.get(cycle.word_name))
            if row.get(cycle.result_name):
                yield f"the list gives the result of the task {row.get(cycle.id_name)}"


def _value(exchange: Exchange) -> Any:
    if not exchange.answer.is_json:
        return None
    try:
        return exchange.answer.json()
    except ValueError:
        return None
