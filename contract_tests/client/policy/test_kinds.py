"""Arguments of the wrong kind are refused when they are given, and change nothing for other clients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.answers import ID, shown
from contract_tests.support.clients import KEY, Script
from kling_elements import Limits, PollSchedule, RetryPolicy, ValidationError
from kling_elements.policy.polling import Stage
from kling_elements.policy.rate_limits import Rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.clients import Driver

WRONG: list[Callable[[Any], object]] = [
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
]


@pytest.mark.parametrize("make", range(len(WRONG)))
@pytest.mark.parametrize("wrong", ["off", -1, math.nan, True, [1]], ids=str)
def test_values_of_a_policy(make: int, wrong: object) -> None:
    """Each value of each policy is checked."""
    with pytest.raises(ValidationError):
        WRONG[make](wrong)


def test_bounds_of_a_schedule() -> None:
    """A schedule has a stage, and its jitter is a share."""
    with pytest.raises(ValidationError):
        PollSchedule(stages=())
    with pytest.raises(ValidationError):
        PollSchedule(jitter=1.5)


@pytest.mark.parametrize(
    "name",
    [
        "limits",
        "retries",
        "schedule",
        "clock",
        "sleep",
        "on_event",
        "http_client",
        "auth_header",
        "timeout",
        "base_url",
    ],
)
def test_arguments_of_a_client(driver: Driver, name: str) -> None:
    """A client with an argument of the wrong kind can't be made, and the others go on."""
    good = driver.open(Script.of(shown()), journal="off")
    for wrong in ("(no kind at all)", 3, object()):
        if name == "timeout" and wrong == 3:
            continue
        with pytest.raises(ValidationError, match=name):
            driver.make(None, {"api_key": KEY, "journal": "off", name: wrong})
    assert good.get(ID).id == ID
