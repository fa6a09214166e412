"""Keep a process within the service's limits: pure but for a lock and a registry.

A rate limiter says before a request how long to wait. It learns from the headers of each response and from
each task that starts or ends. It never sleeps. All times are readings of one monotonic clock, in seconds.
"""

from __future__ import annotations

import itertools
import math
import os
import threading
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple, Self

from kling_elements.arguments import check_count, check_kind, check_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

TASK_FORGOTTEN = 35 * 60.0  # seconds unseen; claims about the longest tasks go up to 30 minutes
_LONGEST_BLOCK = 120.0  # the vendor's longest window: no header may stop a client for longer


class _Rate(NamedTuple):
    requests: int
    seconds: float


class Rate(_Rate):
    """At most that many requests within any window of that many seconds.

    Raises:
        ValidationError: If one of them can't be used.
    """

    __slots__ = ()

    def __new__(cls, requests: int, seconds: float) -> Self:
        """Check the values."""
        check_count("a rate's requests", requests)
        check_seconds("a rate's window", seconds, above_zero=True)
        return super().__new__(cls, requests, seconds)

    @classmethod
    def average(cls, per_second: float, seconds: float) -> Rate:
        """Return an average over a window as a rate."""
        return cls(max(1, math.floor(per_second * seconds)), seconds)


class _Limits(NamedTuple):
    rates: tuple[Rate, ...]
    tasks: int | None


_RATES = (Rate.average(50, 5.0), Rate.average(10, 120.0))


class Limits(_Limits):
    """The service's limits, as the vendor's page on rate limits states them.

    The page counts by IP address; this package counts by key and process.

    Attributes:
        rates: All of these hold at once. By default 50 requests a second over 5 s, and 10 a second averaged
            over 2 minutes. Empty: none.
        tasks: Tasks at once: "up to 3 concurrent tasks per user". What a fourth gets is not known. None: no
            limit.

    Raises:
        ValidationError: If one of them can't be used.
    """

    __slots__ = ()

    def __new__(cls, rates: tuple[Rate, ...] = _RATES, tasks: int | None = 3) -> Self:
        """Check the values."""
        check_kind("rates", rates, tuple)
        for rate in rates:
            check_kind("each rate", rate, Rate)
        if tasks is not None:
            check_count("tasks at once", tasks)
        return super().__new__(cls, rates, tasks)

    @classmethod
    def off(cls) -> Limits:
        """Return limits that allow everything."""
        return cls((), None)


class Usage(NamedTuple):
    """How much of the limits is used.

    Attributes:
        requests: Requests within each rate's window, in the order of the rates.
        tasks: Tasks that are believed to run, and slots that are taken.
        wait: Seconds that a request made now would have to wait.
        limits: The limits.
        quota_wait: Seconds until the daily quota is believed to be renewed; None if it isn't known to be used
            up. The journal keeps it for later processes.
    """

    requests: tuple[int, ...]
    tasks: int
    wait: float
    limits: Limits
    quota_wait: float | None = None

    def __str__(self) -> str:
        parts = [
            f"{count} of {rate.requests} requests in {rate.seconds:g} s"
            for count, rate in zip(self.requests, self.limits.rates, strict=True)
        ]
        parts.append(f"{self.tasks} {'' if self.limits.tasks is None else f'of {self.limits.tasks} '}tasks")
        if self.wait > 0:
            parts.append(f"the next request waits {self.wait:.1f} s")
        if self.quota_wait is not None:
            parts.append(f"the day's quota is used up; it may be renewed in {self.quota_wait / 3600:.1f} h")
        return ", ".join(parts)


class RateLimiter:
    """Counts what one process asks of the service with one key. Safe to use from several threads.

    A signal handler may use it in the middle of a call of its own thread: nothing that a call has begun to
    read is changed in place.

    Attributes:
        limits: The limits to keep.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._sent: tuple[float, ...] = ()  # in their order
        self._blocked_until = -math.inf
        self._allowance: tuple[int, float] | None = None
        self._tasks: dict[str, float] = {}
        self._slots = itertools.count()
        self._lock = threading.RLock()

    def delay(self, now: float, most: float = math.inf) -> float:
        """Return the seconds to wait before sending one request, and reserve its place.

        If that is more than `most`, no place is reserved.
        """
        if not self.limits.rates:
            return 0.0
        with self._lock:
            moment = self._next_moment(now)
            if moment - now > most:
                return moment - now
            longest = max((rate.seconds for rate in self.limits.rates), default=0.0)
            self._sent = (*self._sent[bisect_right(self._sent, now - longest) :], moment)
            if (allowance := self._allowance) and moment < allowance[1]:
                self._allowance = (allowance[0] - 1, allowance[1])
            return moment - now

    def update_from(self, headers: Mapping[str, str], now: float) -> None:
        """Correct the count by the service's own, as a response shows it.

        Args:
            headers: The response's, names in lower case: `x-ratelimit-remaining` requests until
                `x-ratelimit-reset`, a delta in seconds (recorded on sibling endpoints; missing on some
                responses). Unreadable values are ignored.
            now: The clock's reading.
        """
        if not self.limits.rates:
            return
        remaining = _number(headers.get("x-ratelimit-remaining"))
        reset = _number(headers.get("x-ratelimit-reset"))
        if remaining is None or reset is None:
            return
        until = now + min(reset, _LONGEST_BLOCK)
        with self._lock:
            if remaining == 0:
                self._blocked_until = max(self._blocked_until, until)
                self._allowance = None
                return
            if (allowance := self._allowance) and now < allowance[1]:
                # Responses overtake one another: within a window the least is the newest.
                remaining = min(remaining, max(allowance[0], 0))
                until = max(until, allowance[1])
            self._allowance = (remaining, until)

    def take_slot(self, now: float) -> str | None:
        """Reserve a place for a task that is about to be created; None if none is free."""
        with self._lock:
            if self._free(now) < 1:
                return None
            slot = f"slot {next(self._slots)}"
            self._tasks[slot] = now
            return slot

    def task_started(self, task_id: str, now: float, slot: str | None = None) -> None:
        """Count a task that runs; it takes the place of its slot, if it has one."""
        with self._lock:
            if slot is not None:
                self._tasks.pop(slot, None)
            self._tasks[task_id] = now

    def task_ended(self, task_id: str) -> None:
        """Stop counting a task, or a slot (from `take_slot`) that is not needed any more."""
        with self._lock:
            self._tasks.pop(task_id, None)

    def free_slots(self, now: float) -> float:
        """Return how many more tasks may be created now; infinite without a limit."""
        with self._lock:
            return self._free(now)

    def slot_delay(self, now: float) -> float:
        """Return the seconds until a slot is free even if no task ends."""
        with self._lock:
            self._free(now)  # forgets tasks
            seen, most = sorted(self._tasks.values()), self.limits.tasks
            if most is None or len(seen) < most:
                return 0.0
            return seen[len(seen) - most] + TASK_FORGOTTEN - now

    def describe(self, now: float) -> Usage:
        """Return how much of the limits is used; the journal knows the daily quota."""
        with self._lock:
            self._free(now)  # forgets tasks
            counts = tuple(
                sum(1 for moment in self._sent if now - rate.seconds < moment <= now)
                for rate in self.limits.rates
            )
            return Usage(counts, len(self._tasks), self._next_moment(now) - now, self.limits)

    def after_fork(self) -> None:
        """Start afresh in a child process, which runs none of its parent's tasks.

        A thread that doesn't exist there may have held the old lock.
        """
        self._lock = threading.RLock()
        self._tasks.clear()

    def _next_moment(self, now: float) -> float:
        """Return when the next request may be sent; never before one that was reserved earlier."""
        moment, sent = max(now, self._blocked_until), self._sent
        if sent and self.limits.rates:
            moment = max(moment, sent[-1])
        for rate in self.limits.rates:
            if len(sent) >= rate.requests:
                moment = max(moment, sent[-rate.requests] + rate.seconds)
        if (allowance := self._allowance) and allowance[0] < 1:
            moment = max(moment, allowance[1])
        return moment

    def _free(self, now: float) -> float:
        for task_id, seen in tuple(self._tasks.items()):
            if now - seen >= TASK_FORGOTTEN:
                self._tasks.pop(task_id, None)
        return math.inf if self.limits.tasks is None else max(0, self.limits.tasks - len(self._tasks))


_limiters: dict[tuple[str, str], RateLimiter] = {}
_registry_lock = threading.RLock()


def rate_limiter_for(fingerprint: str, origin: str, limits: Limits | None = None) -> RateLimiter:
    """Return the process's one rate limiter for a key and an origin, which several clients share.

    Args:
        fingerprint: Stands for the key; never the key itself.
        origin: Where requests go.
        limits: Other limits than the vendor's; they then hold for all clients of the same key and origin.
            None leaves them.
    """
    with _registry_lock:
        rate_limiter = _limiters.get((fingerprint, origin))
        if rate_limiter is None:
            rate_limiter = _limiters.setdefault((fingerprint, origin), RateLimiter(limits))
        elif limits is not None:
            rate_limiter.limits = limits
        return rate_limiter


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004


def _after_fork() -> None:
    # The old locks may be held by threads that don't exist in the child.
    global _registry_lock  # noqa: PLW0603 - a lock can't be renewed otherwise
    _registry_lock = threading.RLock()
    for rate_limiter in _limiters.values():
        rate_limiter.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
