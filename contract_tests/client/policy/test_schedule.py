"""The polling schedule, and the deadline: pure functions of numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.support.examples import examples
from kling_elements import PollSchedule, Stage
from kling_elements.policy.polling import Deadline, choose_schedule

DEFAULT = PollSchedule()
# Jitter is a tenth either way, but none in an interval or a stage of its own.
LAST = PollSchedule(stages=(Stage(5.0, 9.0, 9.0), Stage(10.0, 1.0, 1.0), Stage(20.0, 2.0, 3.0)))


@pytest.mark.parametrize(
    ("schedule", "looks", "elapsed", "shortest", "longest"),
    [
        (DEFAULT, 0, 0.0, 9.0, 11.0),
        (DEFAULT, 0, 1e6, 9.0, 11.0),
        (DEFAULT, 1, 0.0, 4.5, 5.5),
        (DEFAULT, 1, 119.9, 4.5, 5.5),
        (DEFAULT, 1, 120.0, 9.0, 11.0),
        (DEFAULT, 1, 599.9, 9.0, 11.0),
        (DEFAULT, 1, 600.0, 20.0, 30.0),
        (DEFAULT, 1000, 1e9, 20.0, 30.0),
        (LAST, 1, 99.0, 2.0, 3.0),
        (PollSchedule.fixed(7.5), 0, 0.0, 7.5, 7.5),
        (PollSchedule.fixed(0.0), 3, 1e6, 0.0, 0.0),
    ],
)
def test_delays(schedule: PollSchedule, looks: int, elapsed: float, shortest: float, longest: float) -> None:
    """After 10 s, every 5 s up to 2 minutes, every 10 s up to 10 minutes, then every 20 to 30 s."""
    delays = [schedule.delay(looks=looks, elapsed=elapsed, random=random) for random in (0.0, 0.5, 1.0)]
    assert delays == pytest.approx([shortest, (shortest + longest) / 2, longest])


numbers = st.floats(0, 1e9)


@examples(60)
@given(started=numbers, timeout=numbers, passed=numbers, seconds=numbers)
def test_never_past_the_deadline(started: float, timeout: float, passed: float, seconds: float) -> None:
    """A clamped sleep ends at the deadline at the latest, and is never negative or longer than asked."""
    deadline = Deadline(started, timeout)
    now = started + passed
    slept = deadline.clamp(seconds, now)
    assert 0.0 <= slept <= seconds
    assert slept <= deadline.remaining(now)
    assert deadline.elapsed(now + slept) <= max(timeout, deadline.elapsed(now)) + 1e-3


def test_deadlines_at_the_edge() -> None:
    """A clock that steps back does not lengthen the wait; an infinite timeout never clamps."""
    deadline = Deadline(1000.0, 60.0)
    assert (deadline.elapsed(900.0), deadline.remaining(900.0)) == (0.0, 60.0)
    assert Deadline(0.0, math.inf).clamp(30.0, 1e12) == 30.0


def test_choosing() -> None:
    """An interval goes before a schedule, and a schedule before the default."""
    own = PollSchedule(first=1.0)
    assert choose_schedule(None, None) == DEFAULT
    assert choose_schedule(own, None) is own
    assert choose_schedule(own, 3) == PollSchedule.fixed(3.0)
    assert choose_schedule(own, 0) == PollSchedule.fixed(0.0)
