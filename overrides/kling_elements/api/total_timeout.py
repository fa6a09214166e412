"""End an exchange of the synchronous client that outlives its time.

httpx bounds each wait for bytes, not the whole: a server that sends a byte now and then would hold it for
hours. An event loop can cancel, but a thread that waits for a socket is only woken by the socket's end.
"""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from typing import Any, Self

from kling_elements.errors import ValidationError


class TotalTimeout:
    """The time that one exchange may take, as a context manager.

    When it is over, the connection is shut down under httpx, which then raises. A connection of HTTP/2 is
    shared with other requests: there, only each wait for bytes is bounded.

    Args:
        seconds: How long.

    Attributes:
        ends: When it is over, on the monotonic clock.
    """

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds
        self._guard = threading.Lock()
        self._connection: socket.socket | None = None
        self._has_ended = False

    def __enter__(self) -> Self:
        _watcher.add(self)
        return self

    def __exit__(self, *error: object) -> None:
        _watcher.remove(self)
        with self._guard:  # afterwards the connection may be another request's
            self._connection = None

    @property
    def left(self) -> float:
        """The seconds that are left; zero once the time is up."""
        return 0.0 if self._has_ended else max(0.0, self.ends - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self._has_ended or self.ends <= time.monotonic()

    def extend(self, seconds: float) -> None:
        """Allow that many seconds from now, in place of what is left."""
        if not self.is_over:
            self.ends = time.monotonic() + seconds
            _watcher.add(self)

    def watch(self, stream: Any) -> None:
        """Take the connection that the request now uses: a network stream of httpcore's."""
        tls = stream.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            return
        with self._guard:
            self._connection = stream.get_extra_info("socket")
        if self.is_over:
            self.end()

    def end(self) -> None:
        """End the exchange now."""
        self._has_ended = True
        # If the guard is held, the exchange is over, or looks at the time next. It is not waited for: its
        # thread may be in a signal handler, which waits for the watcher.
        if self._guard.acquire(blocking=False):
            try:
                if self._connection is not None:
                    # Not the TLS layer's own shutdown: a thread is waiting in that.
                    socket.socket.shutdown(self._connection, socket.SHUT_RDWR)
            except OSError:
                pass
            finally:
                self._guard.release()


class _Watcher:
    """Ends exchanges in time: one thread for all of a process."""

    def __init__(self) -> None:
        self._under_way: set[TotalTimeout] = set()
        self._lock = threading.RLock()  # of the condition; taken by itself, it is three times faster
        self._changed = threading.Condition(self._lock)
        self._wakes_at = 0.0
        self._is_running = False

    def add(self, limit: TotalTimeout) -> None:
        """Watch an exchange, or look again at when it ends.

        Raises:
            ValidationError: If that can't be done. Nothing was sent.
        """
        with self._lock:
            self._under_way.add(limit)
            if not self._is_running:
                try:
                    threading.Thread(target=self._run, name="kling-elements timeouts", daemon=True).start()
                except RuntimeError as error:
                    self._under_way.discard(limit)
                    raise ValidationError(
                        [f"no thread can be started to time the request: {error}"]
                    ) from None
                self._is_running = True
            elif limit.ends < self._wakes_at:
                self._changed.notify()

    def remove(self, limit: TotalTimeout) -> None:
        """Forget an exchange that is done."""
        with self._lock:
            self._under_way.discard(limit)

    def _run(self) -> None:
        with self._changed:
            while True:
                for limit in [limit for limit in self._under_way if limit.is_over]:
                    self._under_way.discard(limit)
                    limit.end()
                self._wakes_at = min((limit.ends for limit in self._under_way), default=math.inf)
                seconds = max(0.0, self._wakes_at - time.monotonic())
                self._changed.wait(min(seconds, threading.TIMEOUT_MAX))


_watcher = _Watcher()


def _after_fork() -> None:
    # In a child there is no such thread, and another one may have held its lock.
    global _watcher  # noqa: PLW0603 - a lock can't be renewed otherwise
    _watcher = _Watcher()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
