"""The small server by itself: what stands in its answers, its connections, its thread."""

from __future__ import annotations

import io
import logging
import re
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.deliveries import BODY, NOW, SECRET, headers
from kling_elements.webhooks import WebhookListener, WebhookReceiver
from kling_elements.webhooks.server import _Handler, _Server
from kling_elements.webhooks.signing import IDLE_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 30.0
HERE = ("127.0.0.1", 0)


def receiver(**options: Any) -> WebhookReceiver:
    return WebhookReceiver(SECRET, now=lambda: NOW, **options)


@pytest.fixture
def server() -> Iterator[_Server]:
    """A server that serves nothing by itself."""
    with _Server(HERE, receiver()) as server:
        yield server


def request(method: str, body: bytes = b"", *lines: str, **given: str) -> bytes:
    head = [f"{method} /any HTTP/1.1", *lines, *(f"{name}: {value}" for name, value in given.items())]
    return "".join(f"{line}\r\n" for line in [*head, ""]).encode() + body


def genuine(body: bytes = BODY) -> bytes:
    return request("POST", body, f"content-length: {len(body)}", **headers())


def everything_from(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(4096), b""))


def answers(server: _Server, *sent: bytes) -> tuple[bytes, float | None]:
    """Everything that is answered, but the date; and how long the server would have waited for more."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"".join(sent))
        ours.shutdown(socket.SHUT_WR)
        server.finish_request(theirs, HERE)
        patience = theirs.gettimeout()
        theirs.close()
        raw = everything_from(ours)
    return re.sub(rb"Date: [^\r]*\r\n", b"", raw), patience


def answer(status: str, *lines: str, body: str = "") -> bytes:
    given = [f"HTTP/1.1 {status}", "Server: kling-elements", *lines, ""]
    return "".join(f"{line}\r\n" for line in given).encode() + body.encode()


def in_json(length: int) -> tuple[str, str]:
    return "content-type: application/json", f"content-length: {length}"


ONLY_POST = '{"message": "deliveries come as POST"}'
UNREADABLE = answer("400 Bad Request", "content-length: 0", "connection: close")


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (genuine(), answer("200 OK", *in_json(23), body='{"message": "received"}')),
        (
            genuine(BODY[:-1] + b" "),
            answer(
                "401 Unauthorized",
                *in_json(33),
                "connection: close",
                body='{"message": "refused: signature"}',
            ),
        ),
        (
            request("GET"),
            answer(
                "405 Method Not Allowed", *in_json(38), "allow: POST", "connection: close", body=ONLY_POST
            ),
        ),
        (
            request("HEAD"),
            answer("405 Method Not Allowed", *in_json(38), "allow: POST", "connection: close"),
        ),
        (
            request("head"),
            answer(
                "405 Method Not Allowed", *in_json(38), "allow: POST", "connection: close", body=ONLY_POST
            ),
        ),
        (request("POST"), UNREADABLE),
        (request("POST", b"xxxxx", "content-length: 5, 6"), UNREADABLE),
    ],
    ids=["genuine", "changed", "GET", "HEAD", "head", "no length", "odd length"],
)
def test_an_answer_to_the_letter(server: _Server, sent: bytes, answered: bytes) -> None:
    """Status, headers and body; whoever is refused is told that the connection is closed."""
    assert answers(server, sent)[0] == answered


def test_a_connection_is_kept_while_all_is_well(server: _Server) -> None:
    """Two deliveries over one connection have two answers; after a refusal nothing more is read."""
    received = answer("200 OK", *in_json(23), body='{"message": "received"}')
    assert answers(server, genuine(), genuine()) == (received * 2, IDLE_TIMEOUT)
    everything, patience = answers(server, request("POST"), genuine())
    assert everything == UNREADABLE
    assert patience
    assert patience < IDLE_TIMEOUT


def test_a_request_without_a_body_is_not_too_long() -> None:
    """Whatever the limit, nothing is not more; it is looked at as any other."""
    with _Server(HERE, receiver(max_body_bytes=0)) as server:
        raw, _ = answers(server, request("POST", b"", "content-length: 0", **headers(b"")))
    assert raw.endswith(b'{"message": "refused: body"}')


@pytest.mark.parametrize(("come", "left"), [(200_000, 0), (64 * 64 * 1024 + 5, 5)])
def test_what_a_refused_sender_still_writes_is_taken_within_reason(come: int, left: int) -> None:
    """To its end, or 4 MiB of it; nothing more is answered."""
    ours, theirs = socket.socketpair()
    handler = _Handler.__new__(_Handler)
    handler.connection, handler.rfile = theirs, io.BytesIO(b"x" * come)
    with ours, theirs:
        handler._drain()
        assert len(handler.rfile.read()) == left
        assert ours.recv(1) == b""


def test_an_answer_is_read_though_the_sender_still_writes() -> None:
    """What comes after a request that can't be read is taken off the line, so that the answer isn't lost."""
    with (
        WebhookListener(receiver(), port=0) as listener,
        socket.create_connection((listener.host, listener.port), timeout=PATIENCE) as sender,
    ):
        sender.sendall(request("POST", b"x" * 300_000, "content-length: 5, 6"))
        sender.shutdown(socket.SHUT_WR)
        raw = everything_from(sender)
    assert raw.startswith(b"HTTP/1.1 400 ")


def test_connections_beyond_the_limit_are_closed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One more than there are places for is closed unread; a place that becomes free is used again."""
    monkeypatch.setattr("kling_elements.webhooks.server.MAX_CONNECTIONS", 1)
    before = set(threading.enumerate())
    with _Server(HERE, receiver()) as server:
        for _ in range(2):
            ours, theirs = socket.socketpair()
            server.process_request(theirs, HERE)
            (thread,) = set(threading.enumerate()) - before
            beyond, refused = socket.socketpair()
            with closing(beyond), caplog.at_level(logging.WARNING):
                server.process_request(refused, HERE)
                assert (beyond.recv(1), refused.fileno()) == (b"", -1)
            with closing(ours):
                ours.sendall(request("GET"))
                ours.shutdown(socket.SHUT_WR)
                assert everything_from(ours).endswith(ONLY_POST.encode())
            thread.join(PATIENCE)
            assert not thread.is_alive()
    assert caplog.messages == ["a connection was closed: 1 are open"] * 2


def test_the_thread_that_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a name, ends with the `with` at once, and does not hold up the end of the process."""
    serve = _Server.serve_forever
    seen: list[tuple[str, bool]] = []
    polls: list[float] = []

    def watch(server: _Server, poll_interval: float = 0.5) -> None:
        thread = threading.current_thread()
        seen.append((thread.name, thread.daemon))
        polls.append(poll_interval)
        serve(server, poll_interval)

    monkeypatch.setattr(_Server, "serve_forever", watch)
    with WebhookListener(receiver(), port=0) as listener:
        assert httpx.get(listener.url, trust_env=False).status_code == 405
    assert seen == [("kling-webhooks", True)]
    assert polls[0] <= 0.1
    assert not [thread for thread in threading.enumerate() if thread.name == "kling-webhooks"]


def test_an_address_of_ipv6_is_listened_on() -> None:
    """`::1` is a host as well, and stands in brackets in the listener's own address."""
    try:
        with socket.socket(socket.AF_INET6) as plug:
            plug.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with WebhookListener(receiver(), "::1", 0) as listener:
        assert listener.url == f"http://[::1]:{listener.port}/"
        assert httpx.get(listener.url, trust_env=False).status_code == 405


def test_every_method_is_answered_and_nothing_else_invented() -> None:
    """The base class finds a method for any verb; what else it has not is told by its name."""
    handler = _Handler.__new__(_Handler)
    assert handler.do_BREW == handler._serve
    with pytest.raises(AttributeError, match=r"^elsewhere$"):
        handler.elsewhere()
