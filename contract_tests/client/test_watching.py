"""Waiting for a task: when it looks, for how long, who is told of it, and which place the task takes."""

from __future__ import annotations

import math
import time as process_time
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from contract_tests.support.answers import ID, IMAGE
from contract_tests.support.bench import BUSY, DONE, MISSING, Bench, answer
from contract_tests.support.clients import FakeTime
from kling_elements import DeadlineExceeded, Look, NotFoundError, ServerError, ValidationError
from kling_elements.defaults import WAIT_TIMEOUT
from kling_elements.models import DEFAULT_MODEL
from kling_elements.options import check_wait
from kling_elements.schedule import PollSchedule, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements import Task
    from kling_elements.decisions import Outcome
    from kling_elements.effects import Flow
    from kling_elements.journal import Journal


def keeper(found: list[Look]) -> Callable[[Look], Flow[None]]:
    """A flow that keeps the looks."""

    def keep(look: Look) -> Flow[None]:
        found.append(look)
        yield from ()

    return keep


KINDS: dict[str, tuple[Callable[[Bench, Any], Flow[Task]], tuple[Outcome, ...]]] = {
    "wait": (lambda bench, keep: bench.flows.wait(ID, {}, keep), (answer(), DONE)),
    "wait_for_video": (lambda bench, keep: bench.flows.wait_for_video(ID, {}, keep), (answer(), DONE)),
    "generate": (lambda bench, keep: bench.flows.generate([IMAGE], {}, keep), (answer(), answer(), DONE)),
}


@pytest.mark.parametrize(("make", "outcomes"), KINDS.values(), ids=KINDS)
def test_every_kind_of_wait_runs_what_is_kept(
    bench: Bench, make: Callable[[Bench, Any], Flow[Task]], outcomes: tuple[Outcome, ...]
) -> None:
    """The flow that a wait is given is run at every look, the last one included."""
    looks: list[Look] = []
    assert bench.run(make(bench, keeper(looks)), *outcomes).status == "COMPLETED"
    # A new task is not looked at before the first pause, which is told as well.
    statuses = [look.task.status if look.task else None for look in looks]
    assert statuses == ["CREATED"] * (len(outcomes) - 1) + ["COMPLETED"]


def test_each_look_is_told_whole(bench: Bench) -> None:
    """A look tells what was seen or went wrong, how long the wait takes already, and when the next one is."""
    looks: list[Look] = []
    bench.run(bench.flows.wait(ID, {"on_look": looks.append}), answer(), BUSY, DONE)
    first, failed, last = looks
    assert isinstance(failed.error, ServerError)
    assert first.task
    assert last.task
    assert looks == [
        Look(ID, first.task, None, 2.0, 10.0),
        Look(ID, None, failed.error, 14.0, 10.0),
        Look(ID, last.task, None, 26.0, None),
    ]
    assert (first.task.status, last.task.status) == ("CREATED", "COMPLETED")


def test_a_task_that_is_waited_for_has_a_place(journal: Journal) -> None:
    """While somebody waits for the video of a known task it has a place among the tasks, and not after."""
    bench, places = Bench.governed(journal), list[int]()

    def seen(task: Task) -> None:
        usage = bench.flows.usage
        assert usage
        places.append(usage.tasks)

    assert bench.governor
    bench.governor.task_started("other", process_time.monotonic())
    bench.run(bench.flows.wait_for_video(ID, {"on_update": seen}), DONE)
    assert places == [2]
    assert bench.flows.usage
    assert bench.flows.usage.tasks == 1


def test_without_limits_there_is_no_usage(bench: Bench) -> None:
    """Flows without limits count nothing, and generate as well."""
    assert bench.flows.usage is None
    assert bench.run(bench.flows.generate([IMAGE], {}), answer(), DONE).status == "COMPLETED"


def test_the_caller_may_bring_a_clock(bench: Bench) -> None:
    """The clock of a wait's options is that wait's."""
    other = FakeTime(now=5.0)
    options: Any = {"clock": other.clock, "sleep": other.sleep, "timeout": 15.0}
    with pytest.raises(DeadlineExceeded) as caught:
        bench.run(bench.flows.wait(ID, options), *[answer()] * 3)
    assert vars(caught.value) == {"task_id": ID, "last_status": "CREATED", "elapsed": 15.0, "timeout": 15.0}
    assert str(caught.value) == (
        f"stopped waiting for task {ID} after 15 s; it was last seen CREATED. It runs on and is billed. "
        f"To resume: kling-elements wait {ID}"
    )
    assert (other.sleeps, bench.time.sleeps) == ([10.0, 5.0], [])


@pytest.mark.parametrize(
    ("passed", "interval", "is_new"),
    [(0.0, 29.5, True), (0.0, 30.0, False), (15.0, 14.5, True), (15.0, 15.0, False), (30.0, 99.0, False)],
)
def test_a_new_task_may_be_missing_for_half_a_minute(
    bench: Bench,
    passed: float,
    interval: float,
    is_new: bool,  # noqa: FBT001 - a case of the table
) -> None:
    """A 404 is ridden out for less than 30 s, counted from the create on, and not any more from then on."""
    bench.run(bench.flows.create([IMAGE], {}), answer())
    bench.time.now += passed
    wait = bench.flows.wait(ID, {"poll_interval": interval})
    if is_new:
        assert bench.run(wait, MISSING, DONE).status == "COMPLETED"
        assert bench.time.sleeps == [interval, interval]
    else:
        with pytest.raises(NotFoundError):
            bench.run(wait, MISSING)


@pytest.mark.parametrize(("age", "looks"), [(None, 1), (26.0, 3), (29.0, 2), (30.0, 1), (31.0, 1)])
def test_how_long_a_task_is_new(bench: Bench, age: float | None, looks: int) -> None:
    """A 404 is an end at the first look that begins 30 s or more after the create, if that is known."""
    wait = bench.flows._start_wait(ID, ID, {"poll_interval": 0}, None)
    wait.age = age
    with pytest.raises(NotFoundError):
        bench.run(wait.run(), *[MISSING] * looks)
    assert len(bench.sent) == looks


def test_no_pause_at_all(bench: Bench) -> None:
    """An interval of zero is none, and a hint of the service's is kept to all the same."""
    hinted = answer(503, retry_after="7")
    bench.run(bench.flows.wait(ID, {"poll_interval": 0}), answer(), BUSY, hinted, DONE)
    assert bench.time.sleeps == [0.0, 0.0, 7.0]


def test_the_schedule_goes_by_the_age_of_the_wait(bench: Bench) -> None:
    """The first look of a new task is the schedule's first; then its stages hold, by the seconds passed."""
    stages = (Stage(20.0, 3.0, 3.0), Stage(math.inf, 40.0, 80.0))
    bench.flows.schedule = PollSchedule(first=11.0, stages=stages, jitter=0.0)
    bench.run(bench.flows.generate([IMAGE], {}), *[answer()] * 4, DONE)
    # Each request takes two seconds; of a range, half is drawn.
    assert bench.time.sleeps == [11.0, 3.0, 3.0, 60.0]


class Counting(PollSchedule):
    """A schedule of a caller's own, which notes what it is asked."""

    asked: ClassVar[list[dict[str, float]]] = []

    def delay(self, *, looks: int, elapsed: float, random: float) -> float:
        """A second."""
        self.asked.append({"looks": looks, "elapsed": elapsed, "random": random})
        return 1.0


def test_a_schedule_is_told_how_far_the_wait_is(bench: Bench) -> None:
    """A schedule is told how many pauses there were, how old the wait is, and a number drawn at random."""
    Counting.asked.clear()
    bench.flows.schedule = Counting()
    bench.run(bench.flows.wait(ID, {}), *[answer()] * 3, DONE)
    assert Counting.asked == [
        {"looks": looks, "elapsed": 2.0 + 3.0 * looks, "random": 0.5} for looks in range(3)
    ]


def test_an_error_of_a_wait_names_its_task(bench: Bench) -> None:
    """Whatever ends a wait tells the task."""
    with pytest.raises(NotFoundError) as caught:
        bench.run(bench.flows.wait(ID, {}), MISSING)
    assert caught.value.task_id == ID


@pytest.mark.parametrize("odd", [5, None, [], {}])
def test_what_is_no_id_is_told(bench: Bench, odd: Any) -> None:
    """What can't be an id is an error of its own, that names no task, and nothing is sent."""
    with pytest.raises(ValidationError, match="task-id") as caught:
        bench.run(bench.flows.wait(odd, {}))
    assert caught.value.task_id is None
    assert bench.sent == []


@pytest.mark.parametrize("strike", [KeyboardInterrupt(), LookupError("mine")], ids=["Ctrl-C", "a listener's"])
def test_what_strikes_a_wait_names_its_task(bench: Bench, strike: BaseException) -> None:
    """A Ctrl-C, or an error of a listener's, comes out as it is, with a note of the task that runs on."""

    def listen(_: object) -> None:
        raise strike

    with pytest.raises(type(strike)) as caught:
        bench.run(bench.flows.wait(ID, {"on_look": listen}), answer())
    assert caught.value is strike
    assert strike.__notes__ == [f"Task {ID} runs on and is billed. To resume: kling-elements wait {ID}"]


def test_what_a_wait_may_be_asked_for() -> None:
    """Without options it waits half an hour by the schedule; None is no limit, and no interval."""
    assert check_wait({}) == (WAIT_TIMEOUT, None) == (1800.0, None)
    assert check_wait({"timeout": None, "poll_interval": None, "on_update": None, "on_look": None}) == (
        math.inf,
        None,
    )
    assert check_wait({"timeout": 5, "poll_interval": 0}) == (5.0, 0.0)


def test_all_that_is_wrong_with_a_wait_is_told() -> None:
    """Unknown options and listeners that can't be called are told at once, each by its name."""
    odd: Any = {"timout": 5, "on_update": 5, "on_look": "x", "clock": None, "sleep": 1.5}
    with pytest.raises(ValidationError) as caught:
        check_wait(odd)
    assert caught.value.problems == (
        "timout is not an option of wait (did you mean 'timeout'?)",
        "on_update must be a function: got int",
        "on_look must be a function: got str",
        "clock must be a function: got NoneType",
        "sleep must be a function: got float",
    )


@pytest.mark.parametrize("name", ["timeout", "poll_interval"])
def test_a_bad_number_of_a_wait_is_named(bench: Bench, name: str) -> None:
    """A number that makes no sense is told by its name, before anything is sent."""
    odd: Any = {name: -1}
    for flow in (bench.flows.wait(ID, odd), bench.flows.generate([IMAGE], odd)):
        with pytest.raises(ValidationError) as caught:
            bench.run(flow)
        assert caught.value.problems == (f"{name} must be zero or more seconds: got -1",)
    assert bench.sent == []


@pytest.mark.parametrize("name", ["get", "list"])
def test_a_bad_number_of_a_question_is_named(bench: Bench, name: str) -> None:
    """So is the number of a question."""
    flows = {"get": bench.flows.get(ID, -1), "list": bench.flows.list(DEFAULT_MODEL, -1)}
    with pytest.raises(ValidationError, match=r"^timeout must be zero or more seconds: got -1$"):
        bench.run(flows[name])
