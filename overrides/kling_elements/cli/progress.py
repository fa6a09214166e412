"""Progress on stderr: a line that is kept up to date on a terminal, plain lines at changes elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kling_elements.cli.console import one_line
from kling_elements.cli.live_status import Status, clock_face

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from kling_elements import Look, Task
    from kling_elements.cli.console import Console
    from kling_elements.cli.context import Context


class LiveStatus:
    """Shows how something goes, while it is entered; not at all if it is quiet."""

    _console: Console
    _is_quiet: bool

    def __enter__(self) -> Self:
        if not self._is_quiet:
            self._console.show(self.now)
        return self

    def __exit__(self, *error: object) -> None:
        self._console.show(None)

    def now(self) -> Status:
        """Return what a terminal shows now."""
        raise NotImplementedError


class Progress(LiveStatus):
    """Shows how a wait goes, while it is entered. Its methods fit the client's `on_look` and `sleep`."""

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
        self._is_fetching = False
        self._next_poll: float | None = None
        self._trouble: str | None = None

    def now(self) -> Status:
        """Return what a terminal shows now."""
        doing = "polling"
        if self._is_fetching:
            doing = "fetching the video"
        elif self._next_poll is not None:
            doing = f"next poll in {max(0.0, self._next_poll - self._clock()):.0f} s"
        trouble = (f"a poll failed: {self._trouble}",) if self._trouble else ()
        return Status(self._status, (self._elapsed(), doing, *trouble))

    def update(self, task: Task) -> None:
        """Show a change of the task's status."""
        if task.status == self._status:
            return
        self._status = one_line(task.status)
        if not self._is_quiet and (task.is_terminal or not self._console.is_live):
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
        """Sleep until the next poll."""
        self._next_poll = self._clock() + seconds
        self._sleep(seconds)
        self._next_poll = None

    def fetching(self) -> None:
        """Note that the wait is over, and the video is being fetched."""
        self._is_fetching = True

    def _elapsed(self) -> str:
        return clock_face(self._clock() - self._started)
