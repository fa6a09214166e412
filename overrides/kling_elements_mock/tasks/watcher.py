"""Watches tasks whose changes must be told at their time: a thread that lives only while there is one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_NAP = 0.25  # the clock may be pushed forward meanwhile


class Follower:
    """Calls `work` when it is due.

    Args:
        work: Does what is due, and gives the seconds until it is due again; None when nothing is left.
    """

    def __init__(self, work: Callable[[], float | None]) -> None:
        self._work = work
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._woken = False

    def wake(self) -> None:
        """Look now: there is something new to follow."""
        with self._condition:
            self._woken = True
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="kling-elements-mock-webhooks", daemon=True
                )
                self._thread.start()
            self._condition.notify()

    def join(self, timeout: float) -> None:
        """Wait until nothing is left to follow, `timeout` seconds at most."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            wait = self._work()
            with self._condition:
                if not self._woken:
                    if wait is None:
                        self._thread = None
                        return
                    self._condition.wait(min(max(wait, 0.001), _LONGEST_NAP))
                self._woken = False
