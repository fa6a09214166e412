"""Small HTTP servers on loopback, for what a fake transport can't show."""

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, takewhile
from socketserver import StreamRequestHandler, TCPServer, ThreadingTCPServer

from attrs import define, field


@define
class Asked:
    """A request as a server got it; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    moment: float = field(factory=time.time, eq=False)


@define
class Loopback:
    """A server on loopback: its origin, and the requests that it got."""

    url: str
    asked: list[Asked] = field(factory=list)


Answer = tuple[int, dict[str, str], bytes]


def serving(answer: Callable[[Asked], Answer]) -> AbstractContextManager[Loopback]:
    """A server whose answers a function gives, for as long as the context lasts."""
    return _answering(lambda asked, _: answer(asked), answers=1, keeps=False)


def keeping_alive(*, answers: float = math.inf) -> AbstractContextManager[Loopback]:
    """A server that keeps connections open; each response's body is the number of its connection.

    After so many `answers` of one connection, the next request on it is read, and the connection closed.
    """
    return _answering(lambda _, number: (200, {}, str(number).encode()), answers=answers, keeps=True)


@contextmanager
def _answering(answer: Callable[[Asked, int], Answer], *, answers: float, keeps: bool) -> Iterator[Loopback]:
    numbers = count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keeps else "HTTP/1.0"

        def setup(self) -> None:
            super().setup()
            self.number, self.left = next(numbers), answers

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            served.asked.append(asked)
            self.left -= 1
            if self.left < 0:
                self.close_connection = True
                return
            status, sent, body = answer(asked, self.number)
            self.send_response(status)
            ends = {} if keeps else {"connection": "close"}
            for name, value in {"content-length": str(len(body)), **ends, **sent}.items():
                self.send_header(name, value)
            with suppress(OSError):  # the client had enough
                self.end_headers()
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - names of the base class

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
            pass

    with _running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as served:
        yield served


@contextmanager
def _running(server: TCPServer) -> Iterator[Loopback]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Loopback(f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refused_url() -> str:
    """An origin on loopback where nobody listens."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{plug.getsockname()[1]}"


@contextmanager
def dripping(before: bytes, drop: bytes) -> Iterator[Loopback]:
    """A server that begins each answer so, and goes on with it a drop at a time until the client hangs up."""
    closing = threading.Event()

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            lines = list(takewhile(bytes.strip, self.rfile))  # or until the client has left
            if not lines:
                return
            method, path, _ = lines[0].decode("latin-1").split(" ", 2)
            served.asked.append(Asked(method, path, {}, b""))
            with suppress(OSError):
                self.wfile.write(before)
                while not closing.wait(0.02):
                    self.wfile.write(drop)

    with _running(ThreadingTCPServer(("127.0.0.1", 0), Handler)) as served:
        try:
            yield served
        finally:
            closing.set()


@contextmanager
def never_connecting() -> Iterator[str]:
    """An origin on loopback to which no connection is made, and none is refused: its queue is full."""
    with socket.socket() as full, ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            with suppress(BlockingIOError):
                caller.connect(full.getsockname())
        yield f"http://127.0.0.1:{full.getsockname()[1]}"
