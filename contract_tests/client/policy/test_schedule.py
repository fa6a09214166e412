"""The schedule of looks, and the deadline: pure functions of numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_elements import PollSchedule, Stage, ValidationError
from kling_elements.policy.polling import Deadline, choose_schedule

DEFAULT = PollSchedule()
ages = st.floats(0, 1e6)
chances = st.floats(0, 1)


@given(random=chances, elapsed=ages)
def test_the_first_look(random: float, elapsed: float) -> None:
    """The first look is after 10 seconds, give or take a tenth, whatever the age."""
    assert 9.0 <= DEFAULT.delay(looks=0, elapsed=elapsed, random=random) <= 11.0


@pytest.mark.parametrize(
    ("elapsed", "shortest", "longest"),
    [
        (0.0, 4.5, 5.5),
        (119.9, 4.5, 5.5),
        (120.0, 9.0, 11.0),
        (599.9, 9.0, 11.0),
        (600.0, 20.0, 30.0),
        (1e9, 20.0, 30.0),
    ],
)
def test_the_stages(elapsed: float, shortest: float, longest: float) -> None:
    """Every 5 s up to 2 minutes, every 10 s up to 10 minutes, then every 20 to 30 s; jitter is even."""
    delays = [DEFAULT.delay(looks=1, elapsed=elapsed, random=random) for random in (0.0, 0.5, 1.0)]
    assert delays == pytest.approx([shortest, (shortest + longest) / 2, longest])


@given(looks=st.integers(0, 1000), elapsed=ages, random=chances)
def test_delays_are_bounded(looks: int, elapsed: float, random: float) -> None:
    """No delay is shorter than 4.5 s or longer than 30 s."""
    assert 4.5 <= DEFAULT.delay(looks=looks, elapsed=elapsed, random=random) <= 30.0


@given(seconds=st.floats(0, 1e6), elapsed=ages, random=chances, looks=st.integers(0, 3))
def test_a_fixed_interval(seconds: float, elapsed: float, random: float, looks: int) -> None:
    """A fixed interval has no jitter and no first look of its own."""
    assert PollSchedule.fixed(seconds).delay(looks=looks, elapsed=elapsed, random=random) == seconds


def test_after_the_last_stage() -> None:
    """A schedule whose stages end goes on as in the last."""
    schedule = PollSchedule(stages=(Stage(5.0, 9.0, 9.0), Stage(10.0, 1.0, 1.0), Stage(20.0, 2.0, 3.0)))
    assert schedule.delay(looks=1, elapsed=99.0, random=1.0) == 3.0


numbers = st.floats(0, 1e9)


@given(started=numbers, timeout=numbers, passed=numbers, seconds=numbers)
def test_never_past_the_deadline(started: float, timeout: float, passed: float, seconds: float) -> None:
    """A clamped sleep ends at the deadline at the latest, and is never negative or longer than asked."""
    deadline = Deadline(started, timeout)
    now = started + passed
    slept = deadline.clamp(seconds, now)
    assert 0.0 <= slept <= seconds
    assert slept <= deadline.remaining(now)
    assert deadline.elapsed(now + slept) <= max(timeout, deadline.elapsed(now)) + 1e-3


@given(started=numbers, back=numbers, timeout=numbers)
def test_a_clock_that_steps_back(started: float, back: float, timeout: float) -> None:
    """A clock that goes backwards does not lengthen the wait beyond its time-out."""
    deadline = Deadline(started, timeout)
    assert deadline.elapsed(started - back) == 0.0
    assert deadline.remaining(started - back) == timeout


def test_no_deadline() -> None:
    """An infinite time-out never clamps."""
    assert Deadline(0.0, math.inf).clamp(30.0, 1e12) == 30.0


def test_choosing() -> None:
    """An interval goes before a schedule, and a schedule before the default."""
    own = PollSchedule(first=1.0)
    assert choose_schedule(None, None) == DEFAULT
    assert choose_schedule(own, None) is own
    assert choose_schedule(own, 3) == PollSchedule.fixed(3.0)
    assert choose_schedule(own, 0) == PollSchedule.fixed(0.0)
    with pytest.raises(ValidationError, match="poll_interval"):
        choose_schedule(None, -1)


def test_an_interval_that_is_none_is_told_by_its_name() -> None:
    """What can be no interval is refused under the name of the option."""
    with pytest.raises(ValidationError, match=r"^poll_interval must be zero or more seconds: got -1$"):
        choose_schedule(None, -1)
