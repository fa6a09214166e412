"""Serves the mock over a socket: in a thread for tests, or in the foreground for the command line."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from attrs import frozen
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kling_elements_mock.http import disconnects
from kling_elements_mock.http.app import create_app
from kling_elements_mock.mock import Mock
from kling_elements_mock.settings import MockSettings

if TYPE_CHECKING:
    import asyncio

    from starlette.applications import Starlette

_START_SECONDS = 30
_BARE_ORIGIN = re.compile(rb"\Ahttps?://[^/?]*(?=\?|\Z)", re.IGNORECASE)


@frozen
class ServedMock:
    """A mock that listens.

    Attributes:
        url: Its origin, e.g. `http://127.0.0.1:40123`, without a slash at the end.
        mock: Its state and controls.
    """

    url: str
    mock: Mock


class BreakableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also lets the application break the connection on purpose."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it alike
        """Offer to the application to reset or to close this connection."""
        super().connection_made(transport)
        breaks = {disconnects.ABORT: self._abort, disconnects.CLOSE: transport.close}
        self.app_state = {**self.app_state, **breaks}

    def on_headers_complete(self) -> None:
        """Take a whole address without a path for that of `/` (RFC 9110, 4.2.3): uvicorn refuses it."""
        self.url = _BARE_ORIGIN.sub(rb"\g<0>/", self.url)
        super().on_headers_complete()

    def _abort(self) -> None:
        plug = self.transport.get_extra_info("socket")
        if plug is not None:
            # Lingering for 0 seconds makes the kernel send RST instead of FIN.
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Server(uvicorn.Server):
    """uvicorn's server, which calls `listening` once connections are answered."""

    def __init__(self, app: Starlette, listening: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BreakableProtocol,
                ws="none",
                lifespan="on",
                loop="asyncio",
                log_level="critical",  # what fails is logged by the app; what is left at the end is cancelled
                access_log=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            self._listening()


def bind(host: str, port: int) -> socket.socket:
    """Bind a listening socket, at any free port for 0; OSError if it is in use, or the host another's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it, each answer takes 40 ms.
    plug = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        plug.bind((host, port))
        plug.listen(2048)
    except BaseException:
        plug.close()
        raise
    return plug


def url_of(plug: socket.socket, host: str) -> str:
    """Give the origin at which a bound socket is reached."""
    port = plug.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def serve(
    settings: MockSettings | None = None, host: str = "127.0.0.1", port: int = 0, **options: Any
) -> Iterator[ServedMock]:
    """Serve a mock from a thread for as long as the context lasts.

    Args:
        settings: How it behaves.
        host: Where it listens.
        port: 0 for any free one.
        **options: As for `create_app`: `clock`, `sleep`, `sender`, `fetch`.

    Raises:
        OSError: The port is in use.
        RuntimeError: The server did not start.
    """
    app = create_app(settings, **options)
    plug = bind(host, port)
    listening = threading.Event()
    server = Server(app, listening.set)
    thread = threading.Thread(target=server.run, args=([plug],), name="kling-elements-mock", daemon=True)
    thread.start()
    try:
        if not listening.wait(_START_SECONDS):
            raise RuntimeError("the mock did not start within 30 seconds")
        yield ServedMock(url_of(plug, host), app.state.mock)
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
        plug.close()
