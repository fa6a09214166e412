"""When: pauses before retries, the polling schedule, the deadline, and what these may be made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.support.examples import examples
from kling_elements import Limits, PollSchedule, RetryPolicy, Stage, ValidationError
from kling_elements.policy.durations import check_seconds
from kling_elements.policy.polling import Deadline, choose_schedule
from kling_elements.policy.rate_limits import Rate
from kling_elements.policy.retries import backoff

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT = RetryPolicy()


ENDLESS = RetryPolicy(attempts=None)
# A policy, the attempt, the service's hint, a random share, the time left, and the pause.
PAUSES: list[tuple[RetryPolicy, int, float | None, float, float, float | None]] = [
    (DEFAULT, 1, None, 1.0, math.inf, 0.5),
    (DEFAULT, 1, None, 0.25, math.inf, 0.125),
    (DEFAULT, 2, None, 1.0, math.inf, 1.0),
    (DEFAULT, 2, None, 0.0, math.inf, 0.0),
    (DEFAULT, 3, None, 1.0, math.inf, None),
    (DEFAULT, 1, 20.0, 0.5, math.inf, 20.0),
    (DEFAULT, 1, 20.1, 1.0, math.inf, None),
    (DEFAULT, 1, 5.0, 1.0, 5.0, None),
    (DEFAULT, 1, -5.0, 1.0, math.inf, 0.0),
    (DEFAULT, 1, math.nan, 1.0, math.inf, None),
    (DEFAULT, 1, None, 1.0, 0.001, 0.001),
    (DEFAULT, 1, None, 1.0, 0.00099, None),
    (ENDLESS, 9, None, 1.0, 3.0, 3.0),
    (ENDLESS, 9, None, 1.0, 0.0, None),
    (ENDLESS, 100_000, None, 0.5, math.inf, ENDLESS.cap / 2),
    (RetryPolicy(attempts=None, base=3.0, cap=7.0), 2, None, 1.0, math.inf, 6.0),
    (RetryPolicy(attempts=None, base=3.0, cap=7.0), 3, None, 1.0, math.inf, 7.0),
]


def test_pauses() -> None:
    """A pause is what the service asks for, else a share of a bound that doubles; it ends in time."""
    for policy, attempt, hint, share, remaining, pause in PAUSES:
        assert backoff(policy, attempt, hint, share, remaining) == pause, (attempt, hint, share, remaining)


# --- the schedule and the deadline

SCHEDULE = PollSchedule()
# Jitter is a tenth either way, but none in an interval or a stage of its own.
LAST = PollSchedule(stages=(Stage(5.0, 9.0, 9.0), Stage(10.0, 1.0, 1.0), Stage(20.0, 2.0, 3.0)))


def test_delays() -> None:
    """After 10 s, every 5 s up to 2 minutes, every 10 s up to 10 minutes, then every 20 to 30 s."""
    for schedule, looks, elapsed, shortest, longest in (
        (SCHEDULE, 0, 0.0, 9.0, 11.0),
        (SCHEDULE, 0, 1e6, 9.0, 11.0),
        (SCHEDULE, 1, 0.0, 4.5, 5.5),
        (SCHEDULE, 1, 119.9, 4.5, 5.5),
        (SCHEDULE, 1, 120.0, 9.0, 11.0),
        (SCHEDULE, 1, 599.9, 9.0, 11.0),
        (SCHEDULE, 1, 600.0, 20.0, 30.0),
        (SCHEDULE, 1000, 1e9, 20.0, 30.0),
        (LAST, 1, 99.0, 2.0, 3.0),
        (PollSchedule.fixed(7.5), 0, 0.0, 7.5, 7.5),
        (PollSchedule.fixed(0.0), 3, 1e6, 0.0, 0.0),
    ):
        delays = [schedule.delay(looks=looks, elapsed=elapsed, random=share) for share in (0.0, 0.5, 1.0)]
        assert delays == pytest.approx([shortest, (shortest + longest) / 2, longest])


seconds = st.floats(0, 1e6)


@examples(60)
@given(started=seconds, timeout=seconds, passed=seconds, slept=seconds)
def test_never_past_the_deadline(started: float, timeout: float, passed: float, slept: float) -> None:
    """A clamped sleep ends at the deadline at the latest, and is never negative or longer than asked."""
    deadline = Deadline(started, timeout)
    now = started + passed
    clamped = deadline.clamp(slept, now)
    assert 0.0 <= clamped <= slept
    assert clamped <= deadline.remaining(now)
    assert deadline.elapsed(now + clamped) <= max(timeout, deadline.elapsed(now)) + 1e-3


def test_choosing() -> None:
    """An interval goes before a schedule, and a schedule before the default.

    A clock that steps back does not lengthen a wait; an infinite timeout never clamps.
    """
    own = PollSchedule(first=1.0)
    assert choose_schedule(None, None) == SCHEDULE
    assert choose_schedule(own, None) is own
    assert choose_schedule(own, 3) == PollSchedule.fixed(3.0)
    assert choose_schedule(own, 0) == PollSchedule.fixed(0.0)
    deadline = Deadline(1000.0, 60.0)
    assert (deadline.elapsed(900.0), deadline.remaining(900.0)) == (0.0, 60.0)
    assert Deadline(0.0, math.inf).clamp(30.0, 1e12) == 30.0


# --- arguments

WRONG: tuple[Callable[[Any], object], ...] = (
    lambda wrong: Rate(wrong, 1.0),
    lambda wrong: Rate(1, wrong),
    lambda wrong: Limits(rates=wrong),
    lambda wrong: Limits(rates=(wrong,)),
    lambda wrong: Limits(tasks=wrong),
    lambda wrong: RetryPolicy(attempts=wrong),
    lambda wrong: RetryPolicy(base=wrong),
    lambda wrong: RetryPolicy(cap=wrong),
    lambda wrong: RetryPolicy(max_hint=wrong),
    lambda wrong: Stage(wrong, 1.0, 1.0),
    lambda wrong: Stage(1.0, wrong, 1.0),
    lambda wrong: PollSchedule(first=wrong),
    lambda wrong: PollSchedule(stages=wrong),
    lambda wrong: PollSchedule(stages=(wrong,)),
    lambda wrong: PollSchedule(jitter=wrong),
    lambda wrong: choose_schedule(None, wrong),
)
# A schedule has a stage, jitter is a share, and a limit of zero would stop everything.
BEYOND: tuple[tuple[Callable[[Any], object], Any], ...] = (
    (lambda wrong: PollSchedule(stages=wrong), ()),
    (lambda wrong: PollSchedule(jitter=wrong), 1.5),
    (lambda wrong: Rate(wrong, 1.0), 0),
    (lambda wrong: Rate(1, wrong), 0.0),
    (lambda wrong: Limits((), wrong), 0),
    (lambda wrong: RetryPolicy(attempts=wrong), 0),
    *((make, wrong) for make in WRONG for wrong in ("off", -1, math.nan, True, [1])),
)


def test_values_of_a_policy() -> None:
    """Each value of each policy is checked."""
    for make, wrong in BEYOND:
        with pytest.raises(ValidationError):
            make(wrong)


def test_seconds() -> None:
    """Any number that is not below zero is seconds, as a float; the error names the option."""
    assert [check_seconds("x", value) for value in (0, 2, 0.5, math.inf)] == [0.0, 2.0, 0.5, math.inf]
    assert check_seconds("x", 10**400) == math.inf
    assert check_seconds("x", 1e-9, above_zero=True) == 1e-9
    for value in (-(3**999), -1, math.nan, -math.inf, True, "1", None):
        with pytest.raises(ValidationError, match=r"^x must be"):
            check_seconds("x", value)
    for value in (0, 0.0, -1):
        with pytest.raises(ValidationError, match=r"^x must be above zero"):
            check_seconds("x", value, above_zero=True)
