"""Decide how long to pause before a retry, or that there is none, and keep to a deadline: pure.

`kling_elements.api.outcomes` decides whether a request may be retried; this decides when. The caller sleeps.

No retry library is used. stamina sleeps by `time.sleep` or the running event loop's, which can't be replaced.
tenacity takes a `sleep`, but retries on exceptions, has one loop for threads and another for event loops
(here is one for both), draws its jitter from the global `random`, and counts its time by the process's clock.
What would be left of it is the formula below.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Self

from kling_elements.arguments import check_count, check_seconds

_LARGEST_EXPONENT = 60  # beyond it every pause is the cap, and far beyond it a float overflows
_LEAST_LEFT = 0.001
"""Seconds before a deadline; less is a rounding error of the clock, and sleeping for it would spin."""


class Deadline:
    """A point on a monotonic clock.

    Attributes:
        started: The clock's reading at the start, in seconds.
        timeout: Seconds that may pass; infinite for no deadline.
    """

    def __init__(self, started: float, timeout: float) -> None:
        self.started = started
        self.timeout = timeout

    def elapsed(self, now: float) -> float:
        """Return the seconds since the start."""
        return max(0.0, now - self.started)

    def remaining(self, now: float) -> float:
        """Return the seconds that are left, never below zero."""
        return max(0.0, self.timeout - self.elapsed(now))

    def is_over(self, now: float) -> bool:
        """Return whether no time is left that is worth sleeping for."""
        return self.remaining(now) < _LEAST_LEFT

    def clamp(self, seconds: float, now: float) -> float:
        """Return `seconds`, or what is left if that is less."""
        return min(seconds, self.remaining(now))


class _RetryPolicy(NamedTuple):
    attempts: int | None
    base: float
    cap: float
    max_hint: float


class RetryPolicy(_RetryPolicy):
    """How often to retry, and how long to pause.

    Attributes:
        attempts: How many times a request is sent at most; None for no limit but the deadline.
        base: Upper bound of the first pause in seconds, if the service asks for none; it doubles each time.
        cap: Upper bound of all such pauses, in seconds.
        max_hint: Seconds that the service may ask to wait; if it asks for more, the error is raised instead.

    Raises:
        ValidationError: If one of them can't be used.
    """

    __slots__ = ()

    def __new__(
        cls, attempts: int | None = 3, base: float = 0.5, cap: float = 20.0, max_hint: float = 20.0
    ) -> Self:
        """Check the values."""
        if attempts is not None:
            check_count("attempts", attempts)
        check_seconds("base", base)
        check_seconds("cap", cap)
        check_seconds("max_hint", max_hint)
        return super().__new__(cls, attempts, base, cap, max_hint)


def backoff(
    policy: RetryPolicy, attempt: int, retry_after: float | None, random: float, remaining: float = math.inf
) -> float | None:
    """Return the seconds to pause before the next attempt; None to raise the error now.

    If the service asks for a pause (Retry-After, else the rate limit's reset), it is kept to exactly.
    Otherwise the pause is drawn evenly from zero to a bound that doubles ("full jitter"), so that clients
    that failed together don't return together.

    Args:
        policy: The policy.
        attempt: How many attempts there were, from 1.
        retry_after: Seconds that the service asks to wait.
        random: A number from 0 to 1, evenly distributed.
        remaining: Seconds left until the deadline. No pause ends after it.
    """
    if remaining < _LEAST_LEFT or (policy.attempts is not None and attempt >= policy.attempts):
        return None
    if retry_after is not None:
        # Written so that NaN is not slept either.
        return max(retry_after, 0.0) if retry_after <= policy.max_hint and retry_after < remaining else None
    bound = min(policy.cap, policy.base * 2.0 ** min(attempt - 1, _LARGEST_EXPONENT))
    # A last attempt just before the deadline is worth more than none. The drawn pause is cut, not its bound:
    # shares of the remaining time would become ever smaller, and attempts ever faster.
    return min(bound * random, remaining)
