"""Arguments of the wrong kind are refused when they are given, and change nothing for other clients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from kling_elements import Limits, PollSchedule, RetryPolicy, ValidationError
from kling_elements.policy.durations import check_seconds
from kling_elements.policy.polling import Stage, choose_schedule
from kling_elements.policy.rate_limits import Rate

if TYPE_CHECKING:
    from collections.abc import Callable


WRONG: dict[str, Callable[[Any], object]] = {
    "requests": lambda wrong: Rate(wrong, 1.0),
    "window": lambda wrong: Rate(1, wrong),
    "rates": lambda wrong: Limits(rates=wrong),
    "rate": lambda wrong: Limits(rates=(wrong,)),
    "tasks": lambda wrong: Limits(tasks=wrong),
    "attempts": lambda wrong: RetryPolicy(attempts=wrong),
    "base": lambda wrong: RetryPolicy(base=wrong),
    "cap": lambda wrong: RetryPolicy(cap=wrong),
    "max_hint": lambda wrong: RetryPolicy(max_hint=wrong),
    "until": lambda wrong: Stage(wrong, 1.0, 1.0),
    "shortest": lambda wrong: Stage(1.0, wrong, 1.0),
    "first": lambda wrong: PollSchedule(first=wrong),
    "stages": lambda wrong: PollSchedule(stages=wrong),
    "stage": lambda wrong: PollSchedule(stages=(wrong,)),
    "jitter": lambda wrong: PollSchedule(jitter=wrong),
    "poll_interval": lambda wrong: choose_schedule(None, wrong),
}


@pytest.mark.parametrize("name", WRONG)
def test_values_of_a_policy(name: str) -> None:
    """Each value of each policy is checked."""
    for wrong in ("off", -1, math.nan, True, [1]):
        with pytest.raises(ValidationError):
            WRONG[name](wrong)


@pytest.mark.parametrize(
    "make",
    [
        lambda: PollSchedule(stages=()),
        lambda: PollSchedule(jitter=1.5),
        lambda: Rate(0, 1.0),
        lambda: Rate(1, 0.0),
        lambda: Limits((), 0),
        lambda: RetryPolicy(attempts=0),
    ],
)
def test_bounds_of_a_policy(make: Callable[[], object]) -> None:
    """A schedule has a stage, jitter is a share, and a limit of zero would stop everything."""
    with pytest.raises(ValidationError):
        make()


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
