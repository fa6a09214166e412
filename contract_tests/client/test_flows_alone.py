"""The flows by themselves, run step by step without a shell: what they ask for, tell, and write down."""

from __future__ import annotations

import time as process_time
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, evolve, field, frozen

from contract_tests.support.answers import ID, IMAGE
from contract_tests.support.clients import KEY, FakeTime
from kling_elements import Event, OutcomeUnknown, RetryPolicy, ValidationError
from kling_elements.answers import Answer
from kling_elements.creating import Creator
from kling_elements.decisions import Fault, Operation, Raise, Repeat
from kling_elements.effects import Call, Compute, Request, Send
from kling_elements.errors import DeadlineExceeded, ResponseFormatError
from kling_elements.flows import Flows
from kling_elements.governor import Governor, Limits
from kling_elements.journal import Entry, Job, Journal, State
from kling_elements.models import DEFAULT_MODEL
from kling_elements.records import Records, task_of
from kling_elements.schedule import PollSchedule
from kling_elements.sending import Flight, Sender
from kling_elements.settings import ApiKey, Settings
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kling_elements.decisions import Outcome
    from kling_elements.effects import Flow
    from kling_elements.waiting import Look

SETTINGS = Settings("https://a.example", "x-key", ApiKey(KEY), 30.0)
STATUS = Request("GET", f"/v1/{ID}", task_id=ID)


def answer(status: int = 200, task_id: str = ID, word: str = "CREATED", **headers: str) -> Answer:
    body = f'{{"data":{{"task_id":"{task_id}","status":"{word}","generated":["https://v.example/a.mp4"]}}}}'
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"x-request-id": "req-1", **names}, body.encode())


REFUSED = Answer(400, {"x-request-id": "req-2"}, b'{"message":"no"}')
GONE = Fault("cut", was_sent=True)


@frozen
class Interruption:
    """In place of an outcome: what the caller is struck by while the request is on its way."""

    error: BaseException


@define
class Stage:
    """Flows with a clock, a journal and a service that is a list of outcomes.

    Attributes:
        journal: The journal.
        governor: The limits.
        time: The clock; a request takes two seconds.
        sent: What was sent.
        told: The events.
        flows: The flows.
    """

    journal: Journal
    governor: Governor | None = None
    time: FakeTime = field(factory=FakeTime)
    sent: list[Send] = field(factory=list)
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

    @property
    def sender(self) -> Sender:
        """What sends."""
        return self.flows.sender

    def run(self, flow: Flow[Any], *outcomes: Outcome | Interruption) -> Any:
        """Run a flow to its end; each request gets the next outcome."""
        left = list(outcomes)
        try:
            effect = next(flow)
            while True:
                match effect:
                    case Send():
                        self.sent.append(effect)
                        self.time.now += 2.0
                        outcome = left.pop(0)
                        if isinstance(outcome, Interruption):
                            effect = flow.throw(outcome.error)
                        else:
                            effect = flow.send(outcome)
                    case Compute():
                        effect = flow.send(effect.function())
                    case Call():
                        try:
                            effect.function(effect.value)
                        except KeyboardInterrupt as error:
                            effect = flow.throw(error)
                        else:
                            effect = flow.send(None)
                    case _:
                        raise TypeError(effect)
        except StopIteration as end:
            return end.value

    def entry(self) -> Entry:
        """The one entry of the journal."""
        (entry,) = self.journal.entries()
        return entry

    def events(self, name: str) -> list[dict[str, object]]:
        """The fields of the events of a name."""
        return [dict(event.fields) for event in self.told if event.name == name]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal."""
    found = Journal.open(tmp_path / "j.sqlite3")
    yield found
    found.close()


@pytest.fixture
def stage(journal: Journal) -> Stage:
    """Flows without limits."""
    return Stage(journal)


def governed(journal: Journal, remaining: str | None = None, reset: str = "9") -> Stage:
    """Flows with limits, of which the service has told how much is left."""
    stage = Stage(journal, Governor(Limits(tasks=2)))
    if remaining is not None:
        told = answer(x_ratelimit_remaining=remaining, x_ratelimit_reset=reset)
        stage.run(stage.sender.ask_once(Operation.STATUS, STATUS), told)
        stage.told.clear()
    return stage


OUTCOMES: list[tuple[Outcome, Event]] = [
    (
        answer(),
        Event(
            "request.answered",
            {"operation": "status", "status_code": 200, "request_id": "req-1", "seconds": 2.0},
        ),
    ),
    (
        GONE,
        Event("request.failed", {"operation": "status", "reason": "cut", "was_sent": True, "seconds": 2.0}),
    ),
]


@pytest.mark.parametrize(("outcome", "event"), OUTCOMES)
def test_each_request_is_told(stage: Stage, outcome: Outcome, event: Event) -> None:
    """What came of a request is told with the operation and how long it took."""
    stage.run(stage.sender.ask_once(Operation.STATUS, STATUS), outcome)
    assert stage.told == [event]


def test_a_request_has_its_time(stage: Stage) -> None:
    """A request may take as long as the call says, else as long as the client's do."""
    for timeout in (None, 5.0):
        stage.run(stage.sender.ask_once(Operation.STATUS, STATUS, timeout=timeout), answer())
    assert [sent.timeout for sent in stage.sent] == [30.0, 5.0]


def test_a_new_task_may_not_be_there_yet(stage: Stage) -> None:
    """Only of a task that was created a moment ago a 404 is no end; by default it is one."""
    missing = Answer(404, {}, b'{"message":"Task not found"}')
    cases: list[tuple[dict[str, Any], type]] = [
        ({}, Raise),
        ({"is_fresh": False}, Raise),
        ({"is_fresh": True}, Repeat),
    ]
    for fresh, kind in cases:
        decision = stage.run(stage.sender.ask_once(Operation.STATUS, STATUS, **fresh), missing)
        assert type(decision) is kind


def test_another_tasks_answer_is_none(stage: Stage) -> None:
    """An answer about another task than was asked for is an error."""
    asked = Request("GET", "/v1/one", task_id="one")
    decision = stage.run(stage.sender.ask_once(Operation.STATUS, asked), answer(task_id="other"))
    assert isinstance(decision, Raise | Repeat)
    assert isinstance(decision.error, ResponseFormatError)


def test_a_pause_for_the_limits_is_told(journal: Journal) -> None:
    """A request that waits for the limits, however shortly, says so with the operation and the seconds."""
    for reset in ("9", "1"):
        stage = governed(journal, "0", reset)
        stage.run(stage.sender.ask_once(Operation.LIST, STATUS), answer())
        [event] = stage.events("request.delayed")
        assert event == {"operation": "list", "pause": pytest.approx(float(reset), abs=0.5)}
        assert stage.time.sleeps == [event["pause"]]


def test_when_a_request_may_have_arrived(stage: Stage) -> None:
    """From when it is sent until its answer says that nothing was done, a request may have arrived."""
    flight = Flight()
    asking = stage.sender.ask(Operation.STATUS, STATUS, 60.0, flight)
    assert flight.may_have_arrived is False
    assert isinstance(next(asking), Send)
    assert flight.may_have_arrived is True
    assert isinstance(asking.send(Answer(503, {}, b"")), Call)
    assert flight.may_have_arrived is False
    [event] = stage.events("request.repeated")
    assert event == {"operation": "status", "attempt": 1, "pause": pytest.approx(event["pause"])}
    assert isinstance(event["pause"], float)


def test_a_created_task_is_told(stage: Stage) -> None:
    """A created task is an event and an entry, with its job, its target and its request."""
    options = {"job": Job("b", "j"), "target": "videos/../out.mp4", "prompt": "p"}
    created = stage.run(stage.flows.creator.create([IMAGE], options), answer())
    assert (created.task.id, created.is_new) == (ID, True)
    assert stage.events("task.created") == [{"task_id": ID, "model": DEFAULT_MODEL}]
    entry = stage.entry()
    assert (entry.job, entry.state, entry.task_id) == (Job("b", "j"), State.CREATED, ID)
    assert (entry.model, entry.origin) == (DEFAULT_MODEL, SETTINGS.base_url)
    assert entry.target
    assert entry.target.endswith("/out.mp4")
    assert "videos" not in entry.target
    assert entry.digest


def test_a_job_is_sent_once(stage: Stage) -> None:
    """A job that made a task gives that task again, as one that is not new, and nothing is sent."""
    options = {"job": Job("b", "j")}
    stage.run(stage.flows.creator.create([IMAGE], options), answer())
    again = stage.run(stage.flows.creator.create([IMAGE], options))
    assert (again.task.id, again.task.status, again.is_new) == (ID, "CREATED", False)
    assert (len(stage.sent), len(stage.events("task.created"))) == (1, 1)
    assert stage.run(stage.flows.create([IMAGE], options)).id == ID
    assert not stage.flows._created  # its age is not known


def test_the_age_of_a_created_task_is_known(stage: Stage) -> None:
    """When a task was created is remembered, so that it may not be there at once."""
    stage.run(stage.flows.create([IMAGE], {}), answer())
    assert stage.flows._created == {ID: stage.time.now}


@pytest.mark.parametrize(
    ("outcome", "told", "note"),
    [
        (Fault("cut", was_sent=True), [{"task_id": None, "status_code": None}], "cut"),
        (Answer(500, {}, b""), [{"task_id": None, "status_code": 500}], "HTTP 500"),
        (answer(500), [{"task_id": ID, "status_code": 500}], None),
        (REFUSED, [], "HTTP 400: no"),
    ],
)
def test_a_create_that_fails_is_told(
    stage: Stage, outcome: Outcome, told: list[dict[str, object]], note: str | None
) -> None:
    """A create whose outcome nobody knows is an event, with the task if one is named; a refusal is none."""
    with pytest.raises((OutcomeUnknown, KeyError, ValidationError, Exception)):
        stage.run(stage.flows.creator.create([IMAGE], {"job": Job("b", "j")}), outcome)
    assert stage.events("create.unknown") == told
    entry = stage.entry()
    if note is None:
        assert (entry.task_id, entry.request_id, entry.status) == (ID, "req-1", None)
    else:
        assert note in (entry.note or "")


def test_a_job_nobody_knows_about_says_why(stage: Stage) -> None:
    """A job whose outcome is unknown is not sent again, and the error says what had happened."""
    options = {"job": Job("b", "j")}
    with pytest.raises(OutcomeUnknown):
        stage.run(stage.flows.creator.create([IMAGE], options), GONE)
    with pytest.raises(OutcomeUnknown, match=r"sent before \(.*cut.*\)"):
        stage.run(stage.flows.creator.create([IMAGE], options))
    assert len(stage.sent) == 1


def test_an_interrupted_create(stage: Stage) -> None:
    """A create that is interrupted on its way is noted as unknown by the interruption's name, and told."""
    with pytest.raises(KeyboardInterrupt):
        stage.run(stage.flows.creator.create([IMAGE], {}), Interruption(KeyboardInterrupt()))
    assert stage.events("create.unknown") == [{"task_id": None, "status_code": None}]
    assert (stage.entry().state, stage.entry().note) == (State.UNKNOWN, "KeyboardInterrupt")


def test_a_create_that_is_interrupted_before_it_is_sent(journal: Journal) -> None:
    """A create that is interrupted while it waits for the limits was not sent, and the entry says so."""
    stage = governed(journal, "0")

    def strike(seconds: float) -> None:
        raise KeyboardInterrupt

    stage.sender.sleep = strike
    with pytest.raises(KeyboardInterrupt):
        stage.run(stage.flows.creator.create([IMAGE], {}))
    entry = stage.entry()
    assert (entry.state, entry.note) == (State.REFUSED, "interrupted before it was sent (KeyboardInterrupt)")


def keeper(found: list[Look]) -> Callable[[Look], Flow[None]]:
    def keep(look: Look) -> Flow[None]:
        found.append(look)
        yield from ()

    return keep


def test_every_kind_of_wait_runs_what_is_kept(journal: Journal) -> None:
    """`wait`, `wait_for_video` and `generate` run the flow that they are given at every look."""
    stage, done = Stage(journal), answer(word="COMPLETED")
    kinds: list[tuple[Callable[[Any], Flow[Any]], tuple[Outcome, ...]]] = [
        (lambda keep: stage.flows.wait(ID, {}, keep), (done,)),
        (lambda keep: stage.flows.wait_for_video(ID, {}, keep), (done,)),
        (lambda keep: stage.flows.generate([IMAGE], {}, keep), (answer(), done)),
    ]
    for make, outcomes in kinds:
        looks: list[Look] = []
        assert stage.run(make(keeper(looks)), *outcomes).id == ID
        assert looks[-1].task
        assert looks[-1].task.status == "COMPLETED"


def test_a_task_that_is_waited_for_has_a_place(journal: Journal) -> None:
    """While somebody waits for the video of a known task it has a place among the tasks, and not after."""
    stage, places = governed(journal), list[int]()

    def seen(task: Task) -> None:
        usage = stage.flows.usage
        assert usage
        places.append(usage.tasks)

    assert stage.governor
    stage.governor.task_started("other", process_time.monotonic())
    stage.run(stage.flows.wait_for_video(ID, {"on_update": seen}), answer(word="COMPLETED"))
    assert places
    assert set(places) == {2}
    assert stage.flows.usage
    assert stage.flows.usage.tasks == 1


def test_the_caller_may_bring_a_clock(stage: Stage) -> None:
    """The clock of a wait's options is that wait's."""
    other = FakeTime(now=5.0)
    options: Any = {"clock": other.clock, "sleep": other.sleep, "timeout": 15.0}
    with pytest.raises(DeadlineExceeded) as caught:
        stage.run(stage.flows.wait(ID, options), *[answer()] * 9)
    assert (caught.value.task_id, caught.value.last_status) == (ID, "CREATED")
    assert "last seen CREATED" in str(caught.value)
    assert (other.now, stage.time.sleeps) == (20.0, [])


def test_a_status_is_told_and_noted(stage: Stage) -> None:
    """A status that is news is an event and in the journal."""
    stage.run(stage.flows.create([IMAGE], {}), answer())
    stage.run(stage.flows.get(ID, 0), answer(word="COMPLETED"))
    assert stage.events("task.status") == [{"task_id": ID, "status": "COMPLETED"}]
    entry = stage.entry()
    assert (entry.status, entry.urls) == ("COMPLETED", ("https://v.example/a.mp4",))


def test_fresh_addresses_are_noted(stage: Stage) -> None:
    """A task that is asked for again for the sake of its addresses is asked for patiently, and noted."""
    stage.run(stage.flows.create([IMAGE], {}), answer())
    task = stage.run(stage.flows._refresh(ID), Answer(503, {}, b""), answer(word="COMPLETED"))
    assert (task.status, stage.entry().status) == ("COMPLETED", "COMPLETED")


def test_a_download_is_noted(stage: Stage, tmp_path: Path) -> None:
    """The file of a task is noted with its task, and its size is known."""
    stage.run(stage.flows.create([IMAGE], {}), answer())
    file = tmp_path / "out.mp4"
    file.write_bytes(b"12345")
    assert stage.flows._note_download(Task(ID, "COMPLETED"), file) == 5
    assert stage.entry().file == str(file)
    file.unlink()
    assert stage.flows._note_download(Task(ID, "COMPLETED"), file) is None


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda flows: flows.get(ID, -1), "timeout"),
        (lambda flows: flows.list(DEFAULT_MODEL, -1), "timeout"),
    ],
)
def test_a_bad_number_is_named(stage: Stage, call: Callable[[Any], Flow[Any]], name: str) -> None:
    """The option that is no sensible number is named."""
    with pytest.raises(ValidationError, match=rf"^{name}\b"):
        stage.run(call(stage.flows))


def test_an_odd_id_keeps_its_request(stage: Stage) -> None:
    """A created task that can't be asked for is named with the request that made it."""
    with pytest.raises(OutcomeUnknown) as caught:
        stage.run(stage.flows.generate([IMAGE], {}), answer(task_id="a/../b"))
    assert (caught.value.task_id, caught.value.request_id) == ("a/../b", "req-1")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"state": State.CREATED, "task_id": "t"}, Task("t", "UNKNOWN")),
        (
            {"state": State.CREATED, "task_id": "t", "status": "FAILED", "urls": ("u",), "request_id": "r"},
            Task("t", "FAILED", ("u",), request_id="r"),
        ),
        ({"state": State.CREATED, "task_id": None}, None),
        ({"state": State.UNKNOWN, "task_id": "t"}, None),
    ],
)
def test_the_task_of_an_entry(stage: Stage, given: dict[str, Any], expected: Task | None) -> None:
    """An entry whose create made a task gives it, with all that is known of it."""
    stage.run(stage.flows.create([IMAGE], {}), answer())
    entry = evolve(stage.entry(), **{"status": None, "urls": (), "request_id": None, **given})
    assert task_of(entry) == expected
