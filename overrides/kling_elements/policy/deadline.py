"""A point in time that a call ends at: pure."""

from __future__ import annotations

from typing import NamedTuple

LEAST_LEFT = 0.001
"""Seconds before a deadline; less is a rounding error of the clock, and sleeping for it would spin."""


class Deadline(NamedTuple):
    """A point on a monotonic clock.

    Attributes:
        started: The clock's reading at the start, in seconds.
        timeout: Seconds that may pass; infinite for no deadline.
    """

    started: float
    timeout: float

    def elapsed(self, now: float) -> float:
        """Return the seconds since the start."""
        return max(0.0, now - self.started)

    def remaining(self, now: float) -> float:
        """Return the seconds that are left, never below zero."""
        return max(0.0, self.timeout - self.elapsed(now))

    def is_over(self, now: float) -> bool:
        """Return whether no time is left that is worth sleeping for."""
        return self.remaining(now) < LEAST_LEFT

    def clamp(self, seconds: float, now: float) -> float:
        """Return `seconds`, or what is left if that is less."""
        return min(seconds, self.remaining(now))
