"""Counts requests and tasks against the limits that the mock was told to keep."""

from __future__ import annotations

import math
import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kling_elements_mock.settings import RateLimit

if TYPE_CHECKING:
    from collections.abc import Sequence

_DAY: Final = 86_400
# Told in the headers while no limit is enforced: what the vendor allows in a second.
_NOMINAL: Final = RateLimit(50, 1)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a client stands: the tightest limit, what is left of it, and whole seconds until it eases."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool = False

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Give the `x-ratelimit-*` headers; `reset` is a delta in seconds, as on recorded answers."""
        return (
            ("x-ratelimit-limit", str(self.limit)),
            ("x-ratelimit-remaining", str(self.remaining)),
            ("x-ratelimit-reset", str(self.reset)),
        )


class RateLimiter:
    """Sliding windows by client address. A refused request does not count.

    Args:
        limits: Enforced; if there are none, requests are only counted.
    """

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
        """Count one request of `client` at the monotonic moment `now`, unless it is too many."""
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
    return Standing(
        limit.requests, max(0, limit.requests - len(used)), max(1, reset), len(used) >= limit.requests
    )


class DailyQuota:
    """Tasks of one key in a UTC day.

    Args:
        tasks: How many are allowed; None for any number.
    """

    def __init__(self, tasks: int | None) -> None:
        self._tasks = tasks
        self._used: dict[tuple[str, int], int] = defaultdict(int)
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget all tasks."""
        with self._lock:
            self._used.clear()

    def used_up(self, owner: str, time: float) -> bool:
        """Tell whether `owner` may create nothing more in the day of the Unix second `time`."""
        return self._tasks is not None and self._used[owner, int(time // _DAY)] >= self._tasks

    def spend(self, owner: str, time: float) -> None:
        """Count one task."""
        with self._lock:
            self._used[owner, int(time // _DAY)] += 1
