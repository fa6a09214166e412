"""How long to wait before a retry, and whether to."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.support.examples import examples
from kling_elements.policy.retries import RetryPolicy, backoff

seconds = st.floats(0, 1e6)
policies = st.builds(
    RetryPolicy, attempts=st.none() | st.integers(1, 50), base=seconds, cap=seconds, max_hint=seconds
)
attempts = st.integers(1, 100_000)
shares = st.floats(0, 1)


@examples(60)
@given(policies, attempts, st.none() | st.floats(), shares, st.floats(0, 1e6) | st.just(math.inf))
def test_a_pause_is_a_number_of_seconds_within_the_deadline(
    policy: RetryPolicy, attempt: int, hint: float | None, share: float, remaining: float
) -> None:
    """Whatever the service asks for, a pause is finite, not negative, and never past the deadline."""
    found = backoff(policy, attempt, hint, share, remaining)
    assert found is None or (math.isfinite(found) and 0 <= found <= remaining)


@examples(60)
@given(policies, attempts, seconds, shares, seconds)
def test_a_hint_is_kept_to_or_not_slept_at_all(
    policy: RetryPolicy, attempt: int, hint: float, share: float, remaining: float
) -> None:
    """A pause is what the service asks for; above the limit or past the deadline the error is raised."""
    may = policy.attempts is None or attempt < policy.attempts
    fits = hint <= policy.max_hint and hint < remaining and remaining >= 0.001
    assert backoff(policy, attempt, hint, share, remaining) == (hint if may and fits else None)


@examples(60)
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


DEFAULT, PATIENT = RetryPolicy(), RetryPolicy(attempts=None)


@pytest.mark.parametrize(
    ("policy", "attempt", "hint", "remaining", "pause"),
    [
        (DEFAULT, 1, None, math.inf, 0.5),
        (DEFAULT, 2, None, math.inf, 1.0),
        (DEFAULT, 3, None, math.inf, None),
        (DEFAULT, 1, 20.0, math.inf, 20.0),
        (DEFAULT, 1, 20.1, math.inf, None),
        (DEFAULT, 1, 5.0, 5.0, None),
        (DEFAULT, 1, -5.0, math.inf, 0.0),
        (DEFAULT, 1, math.nan, math.inf, None),
        (DEFAULT, 1, None, 0.001, 0.001),
        (DEFAULT, 1, None, 0.00099, None),
        (PATIENT, 9, None, 3.0, 3.0),
        (PATIENT, 9, None, 0.0, None),
    ],
)
def test_bounds(
    policy: RetryPolicy, attempt: int, hint: float | None, remaining: float, pause: float | None
) -> None:
    """By default: three attempts, half a second, hints up to 20 s. A pause is cut to the time left."""
    assert backoff(policy, attempt, hint, 1.0, remaining) == pause
