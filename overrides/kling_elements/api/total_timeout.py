"""End an exchange of the synchronous client that outlives its time.

httpx bounds each wait for bytes, not the whole: a server that sends a byte now and then would hold it for
hours. An event loop can cancel, but a thread that waits for a socket is only woken by the socket's end.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class TotalTimeout:
    """The time that one exchange may take, as a context manager.

    When it is over, the connection is shut down under httpx, which then raises. A connection of HTTP/2 is
    shared with other requests: there, only each wait for bytes is bounded.

    Args:
        seconds: How long.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends = clock() + seconds
        self._guard = threading.Lock()
        self._done = threading.Event()
        self._connection: socket.socket | None = None
        self._has_ended = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch_clock, name="kling-elements timeout", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        with self._guard:  # afterwards the connection may be another request's
            self._connection = None

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self._has_ended or self._clock() >= self._ends

    def extend(self, seconds: float) -> None:
        """Allow that many seconds from now, in place of what is left."""
        if not self.is_over:
            self._ends = self._clock() + seconds

    def watch(self, stream: Any) -> None:
        """Take the connection that the request now uses: a network stream of httpcore's."""
        tls = stream.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            return
        with self._guard:
            self._connection = stream.get_extra_info("socket")
        if self.is_over:
            self._end()

    def _watch_clock(self) -> None:
        while (left := self._ends - self._clock()) > 0:
            if self._done.wait(min(left, threading.TIMEOUT_MAX)):
                return
        self._end()

    def _end(self) -> None:
        with self._guard:
            self._has_ended = True
            if self._connection is not None:
                with contextlib.suppress(OSError):
                    # Not the TLS layer's own shutdown: a thread is waiting in that.
                    socket.socket.shutdown(self._connection, socket.SHUT_RDWR)
