"""A lower limit on the speed of a download: a host that sends a byte now and then would never end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable

SPEED_PERIOD = 60.0
"""Seconds over which the speed is measured."""
LEAST_BYTES = 60 * 1024
"""Bytes that a period must bring."""


@define
class SpeedCheck:
    """Measures one body after another."""

    clock: Callable[[], float]
    is_too_slow: bool = field(default=False, init=False)
    _since: float = field(default=0.0, init=False)
    _bytes: int = field(default=0, init=False)

    def start(self) -> None:
        """Begin with a body."""
        self.is_too_slow = False
        self._since, self._bytes = self.clock(), 0

    def add(self, count: int) -> bool:
        """Count bytes; return whether they come fast enough."""
        self._bytes += count
        now = self.clock()
        if now - self._since >= SPEED_PERIOD:
            self.is_too_slow = self._bytes < LEAST_BYTES
            self._since, self._bytes = now, 0
        return not self.is_too_slow
