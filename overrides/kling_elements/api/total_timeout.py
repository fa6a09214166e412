"""Ends a request of the synchronous client that outlives its time.

httpx bounds each wait for bytes, not the whole: a server that sends a byte now and then would hold it for
hours. An event loop can cancel; a thread that waits for a socket is only woken by the socket's end.
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
    """The time that one request may take, its answer's body included. Used as a context.

    When it is over, the connection is shut down under httpx, which then raises. A connection that a caller's
    client had kept open is not known before the answer's head is there, and one of HTTP/2 is shared with
    other requests: there, only each wait for bytes is bounded.

    Args:
        seconds: How long.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends = clock() + seconds
        self._guard = threading.Lock()
        self._connection: socket.socket | None = None
        self._timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self.end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        with self._guard:  # afterwards the connection may be another request's
            self._connection = None

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self._clock() >= self._ends

    def watch(self, stream: Any) -> None:
        """Take the connection that the request now uses: a network stream of httpcore's, or None."""
        tls = stream.get_extra_info("ssl_object") if stream is not None else None
        if stream is None or (tls is not None and tls.selected_alpn_protocol() == "h2"):
            return
        with self._guard:
            self._connection = stream.get_extra_info("socket")
        if self.is_over:
            self.end()

    def end(self) -> None:
        """Shut the connection down, if the request still has it."""
        with self._guard:
            if self._connection is not None:
                with contextlib.suppress(OSError):
                    # Not the TLS layer's own shutdown: a thread is waiting in that.
                    socket.socket.shutdown(self._connection, socket.SHUT_RDWR)
