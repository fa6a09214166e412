"""Flows on a bench: run step by step without a shell, over a service that is a list of outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import asdict, define, field, fields, frozen

from contract_tests.support.answers import ID
from contract_tests.support.clients import FakeTime
from contract_tests.support.driving import drive
from contract_tests.support.shells import SETTINGS
from kling_elements import Event, RetryPolicy
from kling_elements.answers import Answer
from kling_elements.creating import Creator
from kling_elements.decisions import Fault, Operation
from kling_elements.effects import Head, Request, Send, Stream
from kling_elements.flows import Flows
from kling_elements.governor import Governor, Limits
from kling_elements.journal import Entry
from kling_elements.records import Records
from kling_elements.schedule import PollSchedule
from kling_elements.sending import Sender

if TYPE_CHECKING:
    from kling_elements.decisions import Outcome
    from kling_elements.effects import Flow
    from kling_elements.journal import Journal
    from kling_elements.task import Task

ADDRESS: Final = "https://v.example/a.mp4"
STATUS: Final = Request("GET", f"/v1/{ID}", task_id=ID)
REFUSED: Final = Answer(400, {"x-request-id": "req-2"}, b'{"message":"no"}')
MISSING: Final = Answer(404, {}, b'{"message":"Task not found"}')
BUSY: Final = Answer(503, {}, b"")
GONE: Final = Fault("cut", was_sent=True)
# What every entry has, and no test can tell beforehand.
_OF_ALL: Final = {"entry_id", "created_at", "updated_at", "fingerprint", "digest", "model", "origin"}


def answer(
    status: int = 200, task_id: str = ID, word: str = "CREATED", address: str = ADDRESS, **headers: str
) -> Answer:
    """An answer that shows a task."""
    body = f'{{"data":{{"task_id":"{task_id}","status":"{word}","generated":["{address}"]}}}}'
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"x-request-id": "req-1", **names}, body.encode())


DONE: Final = answer(word="COMPLETED")


@frozen
class Interruption:
    """In place of an outcome: what the caller is struck by while the request is on its way."""

    error: BaseException


@frozen
class Fetched:
    """What another host gives.

    Attributes:
        status: The status code.
        body: The body, which comes in one piece.
    """

    status: int
    body: bytes = b""


@define
class Bench:
    """Flows with a clock, a journal and a service that is a list of outcomes.

    Attributes:
        journal: The journal.
        governor: The limits.
        time: The clock; a request takes two seconds.
        sent: What was sent to the service.
        fetched: The addresses that other hosts were asked for.
        told: The events.
        flows: The flows.
    """

    journal: Journal
    governor: Governor | None = None
    time: FakeTime = field(factory=FakeTime)
    sent: list[Send] = field(factory=list)
    fetched: list[str] = field(factory=list)
    told: list[Event] = field(factory=list)
    flows: Flows[Task] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the flows."""
        sender = Sender(
            SETTINGS,
            self.governor,
            RetryPolicy(attempts=2),
            self.time.clock,
            self.time.sleep,
            lambda: 0.5,
            self.told.append,
        )
        records = Records(self.journal, SETTINGS)
        schedule = PollSchedule.fixed(10.0)
        self.flows = Flows(sender, schedule, records, lambda task: task, Creator(sender, records))

    @classmethod
    def governed(cls, journal: Journal, remaining: str | None = None, reset: str = "99") -> Bench:
        """Flows with limits, of which the service has told how much is left."""
        bench = cls(journal, Governor(Limits(tasks=2)))
        if remaining is not None:
            told = answer(x_ratelimit_remaining=remaining, x_ratelimit_reset=reset)
            bench.run(bench.sender.ask_once(Operation.STATUS, STATUS), told)
            bench.told.clear()
            bench.sent.clear()
        return bench

    @property
    def sender(self) -> Sender:
        """What sends."""
        return self.flows.sender

    def run(self, flow: Flow[Any], *outcomes: Outcome | Interruption | Fetched) -> Any:
        """Run a flow to its end; each request gets the next outcome, and none may be left."""
        left = list(outcomes)
        result = drive(flow, lambda request: self._answer(request, left))
        assert not left, "fewer was asked for"
        return result

    def entry(self) -> dict[str, object]:
        """What the one entry of the journal knows."""
        (entry,) = self.journal.entries()
        return known(entry)

    def events(self, name: str) -> list[dict[str, object]]:
        """The fields of the events of a name."""
        return [dict(event.fields) for event in self.told if event.name == name]

    def _answer(self, request: Send | Stream, left: list[Any]) -> Any:
        if isinstance(request, Send):
            self.sent.append(request)
            self.time.now += 2.0
            return self._next(left)
        self.fetched.append(request.url)
        given = self._next(left)
        head = Head(given.status, {"content-type": "video/mp4"}, request.url)
        if sink := request.open_sink(head):
            sink(given.body)
        return head

    @staticmethod
    def _next(left: list[Any]) -> Any:
        assert left, "more was asked for"
        outcome = left.pop(0)
        if isinstance(outcome, Interruption):
            raise outcome.error
        return outcome


def known(entry: Entry) -> dict[str, object]:
    """What an entry knows, apart from what every entry has."""
    told = asdict(entry, recurse=False)
    return {
        each.name: told[each.name]
        for each in fields(Entry)
        if each.name not in _OF_ALL and told[each.name] != each.default
    }
