"""Count requests and tasks against the limits that the mock enforces."""

from __future__ import annotations

import math
import threading
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

_DAY: Final = 86_400
_LONGEST_WINDOW: Final = 366 * _DAY


@frozen
class RateLimit:
    """At most so many requests from one client address in any window of so many seconds."""

    requests: int
    seconds: float

    def __attrs_post_init__(self) -> None:
        if self.requests < 1 or not 0 < self.seconds <= _LONGEST_WINDOW:
            raise ValueError(
                f"a rate limit is 1 request or more in a window of up to a year: "
                f"got {self.requests} in {self.seconds} seconds"
            )


VENDOR_RATE_LIMITS: Final = (RateLimit(250, 5), RateLimit(1200, 120))
"""50 requests/s over 5 s and 10/s averaged over 2 minutes, by address: the vendor's page on rate limits."""

VENDOR_CONCURRENCY: Final = 3
"""Concurrent tasks of one user: the vendor's page on rate limits. What a fourth one gets is not known."""

# The headers show this one while no limit is enforced: what the vendor allows in a second.
_NOMINAL: Final = RateLimit(50, 1)


@frozen
class Standing:
    """The tightest limit of a client, how much of it remains, and whole seconds until it eases."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool = False

    def headers(self) -> dict[str, str]:
        """Return the `x-ratelimit-*` headers; `reset` is in seconds from now, as on recorded responses."""
        return {f"x-ratelimit-{name}": str(getattr(self, name)) for name in ("limit", "remaining", "reset")}


class RateLimiter:
    """Sliding windows by client address. A refused request does not count."""

    def __init__(self, limits: Sequence[RateLimit]) -> None:
        self._limits = tuple(limits) or (_NOMINAL,)
        self._enforced = bool(limits)
        self._span = max(limit.seconds for limit in self._limits)
        self._seen: dict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._seen.clear()

    def count(self, client: str, now: float) -> Standing:
        """Count a request of `client` at the monotonic moment `now`, unless a limit is exceeded."""
        with self._lock:
            moments = self._seen[client]
            while moments and moments[0] <= now - self._span:
                moments.popleft()
            standings = [_standing(limit, moments, now) for limit in self._limits]
            if self._enforced and any(standing.exceeded for standing in standings):
                return max((s for s in standings if s.exceeded), key=lambda s: s.reset)
            moments.append(now)
            tightest = min(standings, key=lambda s: s.remaining / s.limit)
            return Standing(tightest.limit, max(0, tightest.remaining - 1), tightest.reset)


def _standing(limit: RateLimit, moments: deque[float], now: float) -> Standing:
    start = now - limit.seconds
    used = [moment for moment in moments if moment > start] if moments and moments[0] <= start else moments
    reset = math.ceil(used[0] + limit.seconds - now) if used else math.ceil(limit.seconds)
    left = limit.requests - len(used)
    return Standing(limit.requests, max(0, left), max(1, reset), exceeded=left <= 0)


class DailyQuota:
    """Counts the tasks of each key in a UTC day; `tasks` is how many are allowed, None for any number."""

    def __init__(self, tasks: int | None) -> None:
        self._tasks = tasks
        self._used: dict[tuple[str, int], int] = defaultdict(int)

    def clear(self) -> None:
        """Forget all tasks."""
        self._used.clear()

    def used_up(self, owner: str, time: float) -> bool:
        """Return whether `owner` may create nothing more on the day of the Unix second `time`."""
        return self._tasks is not None and self._used[owner, int(time // _DAY)] >= self._tasks

    def spend(self, owner: str, time: float) -> None:
        """Count one task."""
        self._used[owner, int(time // _DAY)] += 1
