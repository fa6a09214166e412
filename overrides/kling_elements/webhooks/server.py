"""Serve a receiver over HTTP with uvicorn: for a script, or behind a tunnel. Needs the extra `webhooks`."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Self

from kling_elements.arguments import check_kind
from kling_elements.errors import ValidationError
from kling_elements.printable import shown_value
from kling_elements.webhooks.receiver import HOST, PORT, WebhookReceiver

try:
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ImportError as error:
    raise ValidationError(
        [f"receiving webhooks needs the extra `webhooks` ({error}): pip install 'kling-elements[webhooks]'"]
    ) from None

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType

_IDLE_SECONDS = 20.0  # within which a connection must send the head of a request
_MAX_CONNECTIONS = 512
_BACKLOG = 64
_MAX_PORT = 65535
_MAX_HEAD_BYTES = 64 * 1024
_GRACE_SECONDS = 2  # that a request under way gets when the listener is closed


class WebhookListener:
    """Serves a receiver over HTTP. `run` it, or use it in a `with`, which serves from a thread.

        with WebhookListener(receiver) as listener:
            client.generate(images, webhook_url="https://…", **receiver.wakeable())

    The service needs a public https address; a tunnel or a reverse proxy leads from there to here.

    Args:
        receiver: Takes the deliveries.
        host: The address to listen on; by default only this machine's own.
        port: The port; 0 takes a free one.

    Raises:
        ValidationError: An argument can't be used.
        OSError: The port is in use, or the address is not this machine's.
    """

    def __init__(self, receiver: WebhookReceiver, host: str = HOST, port: int = PORT) -> None:
        check_kind("receiver", receiver, WebhookReceiver)
        check_kind("host", host, str)
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= _MAX_PORT:
            raise ValidationError([f"port must be a whole number from 0 to {_MAX_PORT}"])
        self._socket = _listening(host, port)
        self._server = uvicorn.Server(
            uvicorn.Config(
                receiver,
                http=_Protocol,
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                headers=[("server", "kling-elements")],
                h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
                limit_concurrency=_MAX_CONNECTIONS,
                timeout_keep_alive=int(_IDLE_SECONDS),
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        # Signals stay the caller's: uvicorn takes them only in the main thread.
        self._thread = threading.Thread(target=self._serve, name="kling-webhooks", daemon=True)
        self._is_closed = threading.Event()
        self.host = host
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    def run(self) -> None:
        """Serve until interrupted, and close."""
        with self:
            # Not `join`: interrupted, that of Python 3.11 takes the thread for ended.
            while not self._is_closed.wait(1.0):
                pass

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._is_closed.wait()
        self._socket.close()

    def _serve(self) -> None:
        try:
            self._server.run([self._socket])
        finally:
            self._is_closed.set()


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there."""
    # Not `create_server`, which leaks its socket where a name can't be encoded.
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except (TypeError, ValueError) as error:  # as which Python reports a name that it can't encode
        sock.close()
        raise ValidationError(
            [f"host must be a name or an address: got {shown_value(host)} ({error})"]
        ) from None
    except BaseException:
        sock.close()
        raise
    return sock


class _Protocol(H11Protocol):
    """Closes a connection that sends no request in time: slow senders must not keep others out."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock; called by asyncio."""
        super().connection_made(transport)
        self.loop.call_later(_IDLE_SECONDS, self._close_if_idle)

    def shutdown(self) -> None:
        """Leave the rest of a request some time; called by uvicorn, which cancels it later and logs that."""
        super().shutdown()
        self.loop.call_later(_GRACE_SECONDS - 0.5, self._close_if_unread)

    def _close_if_unread(self) -> None:
        if self.cycle is not None and self.cycle.more_body:
            self.transport.abort()

    def _close_if_idle(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()
