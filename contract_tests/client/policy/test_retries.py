"""When a request is repeated."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_elements.errors import ValidationError
from kling_elements.policy.retries import RetryPolicy, backoff

seconds = st.floats(0, 1e6)
policies = st.builds(
    RetryPolicy, attempts=st.none() | st.integers(1, 50), base=seconds, cap=seconds, max_hint=seconds
)
attempts = st.integers(1, 100_000)
shares = st.floats(0, 1)


@given(policies, attempts, st.none() | st.floats(), shares, st.floats(0, 1e6) | st.just(math.inf))
def test_a_pause_is_a_number_of_seconds_within_the_deadline(
    policy: RetryPolicy, attempt: int, hint: float | None, share: float, remaining: float
) -> None:
    """Whatever the service asks for, a pause is finite, not negative, and never past the deadline."""
    found = backoff(policy, attempt, hint, share, remaining)
    assert found is None or (math.isfinite(found) and 0 <= found <= remaining)


@given(policies, attempts, seconds, shares, seconds)
def test_a_hint_is_kept_to_or_not_slept_at_all(
    policy: RetryPolicy, attempt: int, hint: float, share: float, remaining: float
) -> None:
    """A pause is what the service asks for; above the limit or past the deadline the error is raised."""
    may = policy.attempts is None or attempt < policy.attempts
    fits = hint <= policy.max_hint and hint < remaining and remaining >= 0.001
    assert backoff(policy, attempt, hint, share, remaining) == (hint if may and fits else None)


@given(policies, attempts, shares)
def test_without_a_hint_the_pause_is_full_jitter_below_the_cap(
    policy: RetryPolicy, attempt: int, share: float
) -> None:
    """The pause is an even share of a bound that doubles up to the cap."""
    found = backoff(policy, attempt, None, share)
    if policy.attempts is not None and attempt >= policy.attempts:
        assert found is None
    else:
        bound = min(policy.cap, policy.base * 2 ** min(attempt - 1, 60))
        assert found == pytest.approx(bound * share)


def test_the_default_bounds() -> None:
    """By default there are three attempts, pauses below half a second and one, and hints up to 20 s."""
    assert [backoff(RetryPolicy(), attempt, None, 1.0) for attempt in range(1, 4)] == [0.5, 1.0, None]
    assert [backoff(RetryPolicy(), 1, hint, 1.0) for hint in (20.0, 20.1)] == [20.0, None]


def test_attempts_do_not_come_faster_and_faster_towards_the_deadline() -> None:
    """However patient the policy, a minute of failures is a handful of attempts, the last at its end."""
    remaining, attempts = 60.0, 0
    while (found := backoff(RetryPolicy(attempts=None), attempts + 1, None, 0.5, remaining)) is not None:
        attempts += 1
        remaining -= found
    assert attempts < 20
    assert remaining == 0


def test_time_that_is_left_is_used() -> None:
    """Just before the deadline the pause is shortened; at the deadline nothing is repeated."""
    patient = RetryPolicy(attempts=None)
    assert backoff(patient, 9, None, 1.0, remaining=3.0) == 3.0
    assert backoff(patient, 9, None, 1.0, remaining=0.0) is None


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"base": -1.0}, {"cap": math.nan}, {"max_hint": -0.1}])
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    """The error names the option."""
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        RetryPolicy(**wrong)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("name", ["base", "cap", "max_hint"])
def test_what_is_no_number_of_seconds_is_told_by_its_name(name: str) -> None:
    """Each of the policy's times is checked, and named where it makes no sense."""
    options: dict[str, Any] = {name: -1}
    with pytest.raises(ValidationError, match=f"^{name} must be zero or more seconds: got -1$"):
        RetryPolicy(**options)


def test_a_single_attempt_is_the_least() -> None:
    """One attempt, or no limit to them; none is refused."""
    assert [RetryPolicy(attempts=attempts).attempts for attempts in (1, None)] == [1, None]
    with pytest.raises(ValidationError, match="attempts"):
        RetryPolicy(attempts=0)


def test_the_least_time_that_is_left() -> None:
    """A thousandth of a second is time; less is what clocks round off."""
    assert backoff(RetryPolicy(), 1, None, 1.0, 0.001) == 0.001
    assert backoff(RetryPolicy(), 1, None, 1.0, 0.00099) is None
    assert backoff(RetryPolicy(), 1, 5.0, 1.0, 5.0) is None
    assert backoff(RetryPolicy(), 1, -5.0, 1.0) == 0.0
    assert backoff(RetryPolicy(), 1, math.nan, 1.0) is None
