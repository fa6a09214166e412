"""The clocks that the mock reads, so that a test can move time."""

from __future__ import annotations

import time
from typing import Final, Protocol

FURTHEST_SECONDS: Final = 100 * 366 * 86_400
"""How far a clock can be advanced in all. Beyond, dates and signed URLs have no readable form."""


class Clock(Protocol):
    """What the mock needs of a clock.

    Attributes:
        realtime: Whether the clock moves by itself. If not, only `advance` and polls deliver webhooks.
    """

    realtime: bool

    def monotonic(self) -> float:
        """Return seconds that never decrease."""
        raise NotImplementedError

    def time(self) -> float:
        """Return Unix seconds."""
        raise NotImplementedError

    def advance(self, seconds: float) -> None:
        """Move both times forward; ValueError if `seconds` is not a number from 0 to 100 years."""


class _AdvancedClock:
    """What both clocks share: how far they were advanced."""

    _advanced = 0.0

    def advance(self, seconds: float) -> None:
        """Move both times forward; ValueError if `seconds` is not a number from 0 to 100 years."""
        most = FURTHEST_SECONDS - self._advanced
        if isinstance(seconds, bool) or not 0 <= seconds <= most:  # refuses NaN too
            raise ValueError(f"the clock takes 0 to {most:.0f} seconds more: got {str(seconds)[:40]}")
        self._advanced += seconds


class ManualClock(_AdvancedClock):
    """A clock that stands still until it is advanced.

    Args:
        start: Unix seconds at which it stands; the default is the first second of 2026 (UTC).
    """

    realtime = False

    def __init__(self, start: float = 1_767_225_600.0) -> None:
        self._start = start

    def monotonic(self) -> float:
        """Return the seconds since this clock was made."""
        return self._advanced

    def time(self) -> float:
        """Return Unix seconds."""
        return self._start + self._advanced


class SystemClock(_AdvancedClock):
    """The machine's clock, which a test may advance."""

    realtime = True

    def monotonic(self) -> float:
        """Return seconds that never decrease."""
        return time.monotonic() + self._advanced

    def time(self) -> float:
        """Return Unix seconds."""
        return time.time() + self._advanced
