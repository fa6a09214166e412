"""A small HTTP/1.1 server for a receiver, from the standard library: for a script, or behind a tunnel."""

from __future__ import annotations

import logging
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Self

from kling_elements.errors import ValidationError
from kling_elements.webhooks.contract import webhook_contract
from kling_elements.webhooks.http_body import BodyError, read_body
from kling_elements.webhooks.receiver import Reply, WebhookReceiver
from kling_elements.webhooks.signing import HOST, IDLE_TIMEOUT, MAX_CONNECTIONS, PORT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

logger = logging.getLogger("kling_elements")

_ERRORS = 400  # the first of the status codes that refuse
_POLL_INTERVAL = 0.02  # how long leaving the `with` may take
_CHUNK = 64 * 1024
_MAX_DRAINED_CHUNKS = 64
_DRAIN_TIMEOUT = 2.0


class WebhookListener:
    """Serves a receiver over HTTP. `run` it, or use it in a `with`, which serves from a thread.

        with WebhookListener(receiver) as listener:
            client.generate(images, webhook_url="https://…", **receiver.wakeable())

    The service needs a public https address; a tunnel or a reverse proxy leads from there to here.

    Args:
        receiver: Takes the deliveries. Its listener is called in the thread of the connection, so it must
            not be a coroutine function.
        host: The address to listen on; by default only this machine's own.
        port: The port; 0 takes a free one.

    Raises:
        OSError: The port is in use, or the address is not this machine's.
        ValidationError: The receiver's listener is a coroutine function.
    """

    def __init__(self, receiver: WebhookReceiver, host: str = HOST, port: int = PORT) -> None:
        if receiver.is_async:
            raise ValidationError(
                ["on_task is a coroutine function, which this server can't await: use an ASGI server"]
            )
        self._server = _Server((host, port), receiver)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_INTERVAL,), name="kling-webhooks", daemon=True
        )
        self.host = host
        self.port: int = self._server.server_address[1]

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    def run(self) -> None:
        """Serve until interrupted, and close."""
        try:
            self._server.serve_forever()
        finally:
            self._server.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """One thread a connection, up to a limit; connections beyond it are closed."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], receiver: WebhookReceiver) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.receiver = receiver
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, if there is a place."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            logger.warning("a connection was closed: %d are open", MAX_CONNECTIONS)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log a connection that broke; the default prints a traceback."""
        del request, client_address
        logger.debug("a connection to the webhook listener broke: %r", sys.exception())


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and writes the receiver's replies."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]  # no other server makes it

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class looks for do_GET, do_POST, …: every method is answered by the receiver.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def version_string(self) -> str:
        """The `Server` header: nothing about the machine."""
        return "kling-elements"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep quiet: the receiver reports."""
        logger.debug("webhook listener: %s", format % args)

    def _serve(self) -> None:
        receiver = self.server.receiver
        reply = self._take(receiver)
        # Of a refused request, bytes may be left that are no request.
        self.close_connection = self.close_connection or reply.status != webhook_contract().success
        self._send(reply)
        receiver.tell()
        if reply.status >= _ERRORS:
            self._drain()

    def _take(self, receiver: WebhookReceiver) -> Reply:
        if receiver.refuse(self.command, 0):
            return receiver.handle(self.command, (), b"").reply  # its body, if any, is not looked at
        try:
            body = read_body(self.headers.items(), self.rfile, receiver.max_body_bytes)
        except BodyError as error:
            logger.warning("a webhook request can't be read: %s", error)
            return Reply(_ERRORS, {"content-length": "0"}, b"")
        return receiver.handle(self.command, self.headers.items(), body).reply

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()

    def _drain(self) -> None:
        """Read what the sender still writes, within reason: closed before that, the reply would be lost."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(_DRAIN_TIMEOUT)
        for _ in range(_MAX_DRAINED_CHUNKS):
            if not self.rfile.read1(_CHUNK):
                return
