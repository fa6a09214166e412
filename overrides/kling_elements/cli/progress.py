"""Progress on stderr: one rewritten line on a terminal, plain lines at changes elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kling_elements.cli.console import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements import Look, Task
    from kling_elements.cli.context import Context

_TICK = 1.0  # seconds


def clock_face(seconds: float) -> str:
    """Return seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """Shows how a wait goes. Its methods fit the client's `on_look` and `sleep`.

    Args:
        context: Where it is shown.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps for that many seconds.
    """

    def __init__(
        self,
        context: Context,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._context = context
        self._console = context.console
        self._is_quiet = context.is_quiet
        self._clock = clock
        self._sleep = sleep
        self._started = clock()
        self._status = "connecting"
        self._trouble: str | None = None

    def update(self, task: Task) -> None:
        """Show a change of the task's status."""
        if task.status == self._status:
            return
        self._status = one_line(task.status)
        if self._is_quiet:
            return
        if task.is_terminal or not self._console.is_live:
            self._console.note(f"{self._status} after {self._elapsed()}")

    def look(self, look: Look) -> None:
        """Note a poll; show why it failed."""
        trouble = self._context.format_error(look.error) if look.error else None
        if trouble and trouble != self._trouble and not self._is_quiet and not self._console.is_live:
            self._console.note(
                f"{self._status} after {self._elapsed()}; a poll failed and will be retried: {trouble}"
            )
        self._trouble = trouble

    def sleep(self, seconds: float) -> None:
        """Sleep, counting down where a line can be rewritten."""
        if self._is_quiet or not self._console.is_live:
            self._sleep(seconds)
            return
        end = self._clock() + seconds
        while (left := end - self._clock()) > 0:
            trouble = f"  (a poll failed: {self._trouble})" if self._trouble else ""
            self._console.transient(f"{self._status}  {self._elapsed()}  next poll in {left:.0f} s{trouble}")
            self._sleep(min(_TICK, left))
        self._console.transient(f"{self._status}  {self._elapsed()}  polling")

    def announce(self, text: str) -> None:
        """Show what is done now, where a line can be rewritten."""
        if not self._is_quiet:
            self._console.transient(text)

    def _elapsed(self) -> str:
        return clock_face(self._clock() - self._started)
