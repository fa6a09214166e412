"""How long to pause before a request is repeated, or that it isn't: pure.

Whether a request *may* be repeated is `kling_elements.api.outcomes`' to say; this says when. A caller asks
`pause` and sleeps itself.

No retry library is used. The loop is in a generator of effects, which must not sleep; stamina and tenacity
own the loop. stamina sleeps by `time.sleep` or the running event loop's, which can't be replaced. tenacity
takes a `sleep`, and could be stepped by hand through its `iter()`, but it retries on exceptions raised in the
loop, has one loop for threads and another for event loops (here is one for both), draws its jitter from the
global `random`, and counts its time by the process's clock. What would be left of it is the formula below.
"""

from __future__ import annotations

import math

from attrs import frozen

from kling_elements.errors import ValidationError
from kling_elements.policy.durations import check_seconds

_LARGEST_EXPONENT = 60  # beyond it every pause is the cap, and far beyond it a float overflows
_LEAST_LEFT = 0.001  # seconds; what clocks round off is no time, and sleeping for it would spin


@frozen
class RetryPolicy:
    """How often and how patiently to repeat.

    Attributes:
        attempts: How many times a request is sent at most; None for no limit but the deadline.
        base: Seconds that the first pause is below, if the service gives no hint; it doubles each time.
        cap: Seconds that no such pause exceeds.
        max_hint: Seconds that the service may ask to wait; if it asks for more, the error is raised instead.

    Raises:
        ValidationError: If one of them makes no sense.
    """

    attempts: int | None = 3
    base: float = 0.5
    cap: float = 20.0
    max_hint: float = 20.0

    def __attrs_post_init__(self) -> None:
        if self.attempts is not None and self.attempts < 1:
            raise ValidationError([f"attempts must be 1 or more, or None: got {self.attempts!r}"])
        check_seconds("base", self.base)
        check_seconds("cap", self.cap)
        check_seconds("max_hint", self.max_hint)


def backoff(
    policy: RetryPolicy, attempt: int, hint: float | None, random: float, remaining: float = math.inf
) -> float | None:
    """Seconds to pause before the next attempt; None if the error is to be raised now.

    A hint is what the service asks for (Retry-After, else the rate limit's reset) and is kept to exactly.
    Without one the pause is drawn evenly from zero to a bound that doubles ("full jitter"), so that clients
    that failed together don't return together.

    Args:
        policy: The policy.
        attempt: How many attempts there were, from 1.
        hint: Seconds that the service asks to wait.
        random: A number from 0 to 1, evenly distributed.
        remaining: Seconds left until the deadline. A pause ends before it; a hint that doesn't is not slept.
    """
    if remaining < _LEAST_LEFT or (policy.attempts is not None and attempt >= policy.attempts):
        return None
    if hint is not None:
        # Written so that a hint that is no number isn't slept either.
        return max(hint, 0.0) if hint <= policy.max_hint and hint < remaining else None
    bound = min(policy.cap, policy.base * 2.0 ** min(attempt - 1, _LARGEST_EXPONENT))
    # Time that is left is used: a last attempt at the deadline is worth more than none. It is the drawn pause
    # that is cut: shares of what is left would be ever smaller, and attempts ever faster.
    return min(bound * random, remaining)
