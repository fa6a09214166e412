"""Creating, by the flow itself: what is sent, told and written down, however it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.answers import ID, IMAGE
from contract_tests.support.bench import (
    ADDRESS,
    DONE,
    GONE,
    MISSING,
    REFUSED,
    STATUS,
    Bench,
    Interruption,
    answer,
)
from contract_tests.support.shells import ORIGIN
from kling_elements import BadRequestError, ConnectionFailed, Event, NotFoundError, OutcomeUnknown
from kling_elements.answers import Answer
from kling_elements.decisions import Fault
from kling_elements.effects import Compute
from kling_elements.errors import RateLimitError
from kling_elements.journal import Job, State
from kling_elements.models import DEFAULT_MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from kling_elements.decisions import Outcome
    from kling_elements.journal import Journal

JOB = Job("b", "j")


def create(bench: Bench, *outcomes: Any, **options: Any) -> Any:
    """Create a task for a job."""
    return bench.run(bench.flows.creator.create([IMAGE], {"job": JOB, **options}), *outcomes)


def test_a_created_task_is_told(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A created task is an event and an entry, with its job, its target, and whose it is."""
    monkeypatch.chdir(tmp_path)
    created = create(bench, answer(), target="videos/../out.mp4", prompt="p")
    assert (created.task.id, created.is_new) == (ID, True)
    assert bench.told == [
        Event(
            "request.answered",
            {"operation": "create", "status_code": 200, "request_id": "req-1", "seconds": 2.0},
        ),
        Event("task.created", {"task_id": ID, "model": DEFAULT_MODEL}),
    ]
    assert bench.entry() == {
        "job": JOB,
        "target": str(tmp_path / "out.mp4"),
        "state": State.CREATED,
        "task_id": ID,
        "status": "CREATED",
        "urls": (ADDRESS,),
        "request_id": "req-1",
    }
    (entry,) = bench.journal.entries()
    owner = bench.flows.records.owner(DEFAULT_MODEL)
    assert (entry.model, entry.origin, entry.fingerprint) == (DEFAULT_MODEL, ORIGIN, owner.fingerprint)
    assert entry.digest


def test_without_a_job_and_a_target(bench: Bench) -> None:
    """A create need not be for a job or a file, and images are looked at on request only."""
    created = bench.run(bench.flows.creator.create([IMAGE], {}), answer(word="IN_PROGRESS"))
    assert created.task.status == "IN_PROGRESS"
    assert bench.fetched == []
    known = bench.entry()
    assert (known.get("job"), known.get("target"), known["state"]) == (None, None, State.CREATED)


def test_a_job_is_sent_once(bench: Bench) -> None:
    """A job that made a task gives that task again, as one that is not new, and nothing is sent."""
    create(bench, answer())
    again = create(bench)
    assert (again.task.id, again.task.status, again.is_new) == (ID, "CREATED", False)
    assert bench.run(bench.flows.create([IMAGE], {"job": JOB})).id == ID
    assert (len(bench.sent), len(bench.events("task.created"))) == (1, 1)


@pytest.mark.parametrize("is_new", [True, False], ids=["just now", "before"])
def test_a_task_that_was_just_created_may_be_missing(journal: Journal, is_new: bool) -> None:  # noqa: FBT001 - a case
    """A task that this client has just created may not be there yet; one of a job of before has to be."""
    options: dict[str, Any] = {"job": JOB}
    if not is_new:
        create(Bench(journal), answer())
    bench = Bench(journal)
    bench.run(bench.flows.create([IMAGE], options), *([answer()] if is_new else []))
    wait = bench.flows.wait(ID, {})
    if is_new:
        assert bench.run(wait, MISSING, DONE).status == "COMPLETED"
    else:
        with pytest.raises(NotFoundError):
            bench.run(wait, MISSING)


RATE = Answer(429, {}, b'{"message":"Too many requests"}')
UNSENT = Fault("refused", was_sent=False)
NAMED: dict[str, object] = {"state": State.CREATED, "task_id": ID, "request_id": "req-1"}
FAILURES: list[tuple[tuple[Outcome, ...], type[Exception], list[dict[str, object]], dict[str, object]]] = [
    (
        (GONE,),
        OutcomeUnknown,
        [{"task_id": None, "status_code": None}],
        {
            "state": State.UNKNOWN,
            "note": (
                "the create was sent, and there was no answer: cut. A task may have been created and billed. "
                "Before you repeat, look for it: kling-elements list"
            ),
        },
    ),
    (
        (Answer(500, {}, b""),),
        OutcomeUnknown,
        [{"task_id": None, "status_code": 500}],
        {
            "state": State.UNKNOWN,
            "note": (
                "the create was sent, and the service answered HTTP 500: an empty answer. The fault is the "
                "service's. A task may have been created and billed. Before you repeat, look for it: "
                "kling-elements list"
            ),
        },
    ),
    ((answer(500),), OutcomeUnknown, [{"task_id": ID, "status_code": 500}], NAMED),
    ((answer(400),), BadRequestError, [], NAMED),
    (
        (REFUSED,),
        BadRequestError,
        [],
        {
            "state": State.REFUSED,
            "note": "HTTP 400: no. No task was created; mend the request [request req-2]",
        },
    ),
    (
        (RATE, RATE),
        RateLimitError,
        [],
        {"state": State.REFUSED, "note": "HTTP 429: Too many requests. Slow down and repeat"},
    ),
    (
        (UNSENT, UNSENT),
        ConnectionFailed,
        [],
        {
            "state": State.REFUSED,
            "note": ("the service was not reached: refused. No task was created; it is safe to repeat"),
        },
    ),
]


@pytest.mark.parametrize(
    ("outcomes", "kind", "told", "known"),
    FAILURES,
    ids=["no answer", "500", "500 with a task", "400 with a task", "400", "429", "not sent"],
)
def test_a_create_that_fails_is_told(
    bench: Bench,
    outcomes: tuple[Outcome, ...],
    kind: type[Exception],
    told: list[dict[str, object]],
    known: dict[str, object],
) -> None:
    """A create whose outcome nobody knows is an event, with the task if one is named; a refusal is none."""
    with pytest.raises(kind) as caught:
        create(bench, *outcomes)
    assert type(caught.value) is kind
    assert bench.events("create.unknown") == told
    assert bench.events("task.created") == []
    assert bench.entry() == {"job": JOB, **known}


@pytest.mark.parametrize("task_id", [None, ID])
def test_an_unknown_outcome_is_told(bench: Bench, task_id: str | None) -> None:
    """That nobody knows what became of a create is told with the task and the status, if there are any."""
    begun = bench.journal.begin(bench.flows.records.owner(DEFAULT_MODEL))
    outcome = answer(500) if task_id else Answer(502, {}, b"")
    with pytest.raises(OutcomeUnknown):
        bench.run(bench.flows.creator._send(STATUS, begun), outcome)
    assert bench.events("create.unknown") == [{"task_id": task_id, "status_code": outcome.status}]


@pytest.mark.parametrize("outcome", [REFUSED, answer(word="COMPLETED")], ids=["refused", "created"])
def test_a_create_is_sent_again_only_where_nothing_was_done(bench: Bench, outcome: Outcome) -> None:
    """After a 429, and after no connection, it is sent again; after that answer, not any more."""
    for failure in (RATE, UNSENT):
        flow = bench.flows.creator.create([IMAGE], {})
        if outcome is REFUSED:
            with pytest.raises(BadRequestError):
                bench.run(flow, failure, outcome)
        else:
            assert bench.run(flow, failure, outcome).task.status == "COMPLETED"
    assert len(bench.sent) == 4
    assert bench.time.sleeps == [0.25, 0.25]


def test_a_job_nobody_knows_about_says_why(bench: Bench) -> None:
    """A job whose outcome is unknown is not sent again, and the error says what had happened."""
    with pytest.raises(OutcomeUnknown):
        create(bench, GONE)
    with pytest.raises(OutcomeUnknown, match=r"sent before \(.*there was no answer: cut.*\)"):
        create(bench)
    assert len(bench.sent) == 1


def test_a_job_of_a_process_that_was_killed(journal: Journal) -> None:
    """A job that was being sent when its process ended is not sent again either."""
    bench = Bench(journal)
    flow = bench.flows.creator.create([IMAGE], {"job": JOB})
    effect = next(flow)
    while isinstance(effect, Compute):
        effect = flow.send(effect.function())
    assert [entry.state for entry in bench.journal.entries()] == [State.PENDING]
    with pytest.raises(OutcomeUnknown, match=r"sent before \(by a process that did not finish\)"):
        create(Bench(journal))


def test_an_interrupted_create(bench: Bench) -> None:
    """A create that is interrupted on its way is noted as unknown by the interruption's name, and told."""
    with pytest.raises(KeyboardInterrupt) as caught:
        create(bench, Interruption(KeyboardInterrupt()))
    assert bench.events("create.unknown") == [{"task_id": None, "status_code": None}]
    assert bench.entry() == {"job": JOB, "state": State.UNKNOWN, "note": "KeyboardInterrupt"}
    assert caught.value.__notes__ == [
        (
            "A create was being sent: a task may exist and be billed. Before you repeat it, look for it: "
            "kling-elements list"
        )
    ]


@pytest.mark.parametrize("after", ["the limits", "a refusal"])
def test_a_create_that_is_interrupted_before_it_is_sent(journal: Journal, after: str) -> None:
    """A create that is interrupted while it waits for its turn was not sent, and the entry says so."""
    bench = Bench.governed(journal, "0") if after == "the limits" else Bench(journal)

    def strike(seconds: float) -> None:
        raise KeyboardInterrupt

    bench.sender.sleep = strike
    with pytest.raises(KeyboardInterrupt) as caught:
        create(bench, *([] if after == "the limits" else [RATE]))
    assert bench.entry() == {
        "job": JOB,
        "state": State.REFUSED,
        "note": "interrupted before it was sent (KeyboardInterrupt)",
    }
    assert bench.events("create.unknown") == []
    assert not hasattr(caught.value, "__notes__")


def test_a_paid_task_is_not_lost_with_the_journal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keeps a created task from being noted, the error tells the task."""

    def fail(*_: object) -> None:
        raise LookupError("mine")

    monkeypatch.setattr(type(bench.flows.records), "created", fail)
    with pytest.raises(LookupError, match="mine") as caught:
        create(bench, answer())
    assert caught.value.__notes__ == [
        f"Task {ID} was created and is billed. To resume: kling-elements wait {ID}"
    ]


def test_an_odd_id_keeps_its_request(bench: Bench) -> None:
    """A created task that can't be asked for is named with the request that made it."""
    with pytest.raises(OutcomeUnknown) as caught:
        bench.run(bench.flows.generate([IMAGE], {}), answer(task_id="a/../b"))
    assert (caught.value.task_id, caught.value.request_id) == ("a/../b", "req-1")
    assert str(caught.value).startswith("task 'a/../b' was created, and can't be asked for by this id: ")
    assert bench.entry()["task_id"] == "a/../b"
