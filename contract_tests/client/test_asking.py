"""One question to the service: the time it has, what is told of it, and what it leaves in doubt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.bench import BUSY, GONE, MISSING, STATUS, Bench, Interruption, answer
from kling_elements import ConnectionFailed, Event, NotFoundError, RetryPolicy, ServerError, sending
from kling_elements.decisions import Operation, Raise, Repeat, Return, decide
from kling_elements.effects import Call, Request, Send
from kling_elements.errors import ResponseFormatError
from kling_elements.sending import Flight

if TYPE_CHECKING:
    from kling_elements.decisions import Outcome
    from kling_elements.journal import Journal

OUTCOMES: list[tuple[Outcome, Event]] = [
    (
        answer(),
        Event(
            "request.answered",
            {"operation": "status", "status_code": 200, "request_id": "req-1", "seconds": 2.0},
        ),
    ),
    (
        BUSY,
        Event(
            "request.answered",
            {"operation": "status", "status_code": 503, "request_id": None, "seconds": 2.0},
        ),
    ),
    (
        GONE,
        Event("request.failed", {"operation": "status", "reason": "cut", "was_sent": True, "seconds": 2.0}),
    ),
]


@pytest.mark.parametrize(("outcome", "event"), OUTCOMES, ids=["a task", "an error", "no answer"])
def test_each_request_is_told(bench: Bench, outcome: Outcome, event: Event) -> None:
    """What came of a request is told with the operation and how long it took."""
    bench.run(bench.sender.ask_once(Operation.STATUS, STATUS), outcome)
    assert bench.told == [event]


def test_a_request_has_its_time(bench: Bench) -> None:
    """A request may take as long as the call says, else as long as the client's do."""
    for timeout in (None, 5.0, 0.0):
        bench.run(bench.sender.ask_once(Operation.STATUS, STATUS, timeout=timeout), answer())
    assert bench.sent == [Send(STATUS, seconds) for seconds in (30.0, 5.0, 0.0)]


@pytest.mark.parametrize(
    ("fresh", "kind"), [({}, Raise), ({"is_fresh": False}, Raise), ({"is_fresh": True}, Repeat)]
)
def test_a_new_task_may_not_be_there_yet(
    bench: Bench, fresh: dict[str, Any], kind: type[Raise | Repeat]
) -> None:
    """Only of a task that was created a moment ago a 404 is no end; by default it is one."""
    decision = bench.run(bench.sender.ask_once(Operation.STATUS, STATUS, **fresh), MISSING)
    assert isinstance(decision, kind)
    assert isinstance(decision.error, NotFoundError)


def test_by_default_nothing_is_known_of_a_task() -> None:
    """Unless it is said otherwise, a task is not new, and an answer about any task will do."""
    assert isinstance(decide(Operation.STATUS, MISSING), Raise)
    assert isinstance(decide(Operation.STATUS, answer(task_id="any")), Return)


def test_another_tasks_answer_is_none(bench: Bench) -> None:
    """An answer about another task than was asked for is no answer, and may be asked for again."""
    asked = Request("GET", "/v1/one", task_id="one")
    decision = bench.run(bench.sender.ask_once(Operation.STATUS, asked), answer(task_id="other"))
    assert isinstance(decision, Repeat)
    assert isinstance(decision.error, ResponseFormatError)
    assert decision.error.task_id == "one"
    assert isinstance(
        bench.run(bench.sender.ask_once(Operation.STATUS, asked), answer(task_id="ONE")), Return
    )


@pytest.mark.parametrize("reset", ["9", "1"])
def test_a_pause_for_the_limits_is_told(
    journal: Journal, reset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that waits for the limits, however shortly, says so with the operation and the seconds."""
    # The governor's clock is the process's own.
    monkeypatch.setattr(sending, "time", SimpleNamespace(monotonic=lambda: 5.0))
    bench = Bench.governed(journal, "0", reset)
    bench.run(bench.sender.ask_once(Operation.LIST, STATUS), answer())
    delayed, answered = bench.told
    assert delayed == Event("request.delayed", {"operation": "list", "pause": float(reset)})
    assert answered.name == "request.answered"
    assert bench.time.sleeps == [float(reset)]


def test_when_a_request_may_have_arrived(bench: Bench) -> None:
    """From when it is sent until its answer says that nothing was done, a request may have arrived."""
    flight = Flight()
    asking = bench.sender.ask(Operation.STATUS, STATUS, 60.0, flight)
    assert flight.may_have_arrived is False
    assert next(asking) == Send(STATUS, 30.0)
    assert flight.may_have_arrived is True
    # Half of the first pause's bound, as the number drawn is a half.
    assert asking.send(BUSY) == Call(bench.time.sleep, 0.25)
    assert flight.may_have_arrived is False
    assert asking.send(None) == Send(STATUS, 30.0)
    assert flight.may_have_arrived is True
    assert bench.events("request.repeated") == [{"operation": "status", "attempt": 1, "pause": 0.25}]


def test_a_question_is_repeated_by_the_policy(bench: Bench) -> None:
    """It is asked as often as the policy says, with longer pauses each time, and then its error is raised."""
    bench.sender.policy = RetryPolicy(attempts=3)
    with pytest.raises(ConnectionFailed, match="cut"):
        bench.run(bench.sender.ask(Operation.LIST, STATUS, 60.0), *[GONE] * 3)
    assert bench.time.sleeps == [0.25, 0.5]
    assert bench.events("request.repeated") == [
        {"operation": "list", "attempt": attempt, "pause": pause} for attempt, pause in ((1, 0.25), (2, 0.5))
    ]


def test_a_hint_is_kept_to(bench: Bench) -> None:
    """A question is asked again when the service asks for it, unless that is after its time."""
    hinted = answer(503, retry_after="7")
    bench.run(bench.sender.ask(Operation.STATUS, STATUS, 9.5), hinted, answer())
    assert bench.time.sleeps == [7.0]
    with pytest.raises(ServerError, match="HTTP 503"):
        bench.run(bench.sender.ask(Operation.STATUS, STATUS, 8.5), hinted)
    assert bench.time.sleeps == [7.0]


def test_an_interruption_comes_out(bench: Bench) -> None:
    """What strikes the caller in the middle of a request comes out as it is, and nothing is asked again."""
    with pytest.raises(KeyboardInterrupt):
        bench.run(bench.sender.ask(Operation.STATUS, STATUS, 60.0), Interruption(KeyboardInterrupt()))
    assert (len(bench.sent), bench.told) == (1, [])
