"""Clocks: the mock reads time only through these, so that a test can move it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the mock needs of a clock.

    Attributes:
        realtime: True when the clock moves by itself. While it stands still, only `advance` and polls send
            webhooks.
    """

    realtime: bool

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        raise NotImplementedError

    def time(self) -> float:
        """Give Unix seconds."""
        raise NotImplementedError

    def advance(self, seconds: float) -> None:
        """Move both times forward."""


class SystemClock:
    """The machine's clock, which a test may push forward."""

    realtime = True

    def __init__(self) -> None:
        self._offset = 0.0

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic() + self._offset

    def time(self) -> float:
        """Give Unix seconds."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move both times forward by `seconds`."""
        self._offset += _forward(seconds)


class ManualClock:
    """A clock that stands still until it is advanced.

    Args:
        start: Unix seconds at which it stands; the default is the first second of 2026 (UTC).
    """

    realtime = False

    def __init__(self, start: float = 1_767_225_600.0) -> None:
        self._start = start
        self._passed = 0.0

    def monotonic(self) -> float:
        """Give seconds since this clock was made."""
        return self._passed

    def time(self) -> float:
        """Give Unix seconds."""
        return self._start + self._passed

    def advance(self, seconds: float) -> None:
        """Move both times forward by `seconds`."""
        self._passed += _forward(seconds)


def _forward(seconds: float) -> float:
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"a clock moves forward only: got {seconds} seconds")
    return seconds
