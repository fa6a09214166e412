"""A request ends when its time is up, wherever it hangs; these tests hang if it doesn't."""

from __future__ import annotations

import asyncio
import math
import socket
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE
from contract_tests.support.clients import KEY, FakeTime
from contract_tests.support.loopback import dripping, never_connecting
from kling_elements import (
    AsyncKlingElements,
    ConnectionFailed,
    KlingElements,
    OutcomeUnknown,
    ResponseFormatError,
    RetryPolicy,
)
from kling_elements.api.httpx_adapter import Trace
from kling_elements.api.total_timeout import TotalTimeout

if TYPE_CHECKING:
    from contract_tests.support.clients import Driver

SHORT = 0.2  # seconds; long enough for a connection on loopback
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
ONCE = RetryPolicy(attempts=1)


def test_a_head_in_drips(any_driver: Driver) -> None:
    """A head that never ends is no answer: a create's outcome is unknown, a question may be repeated."""
    with dripping(HEAD + b"x-slow: ", b"a") as served:
        client = any_driver.open(base_url=served.url, timeout=SHORT)
        with pytest.raises(ConnectionFailed, match="timed out"):
            client.get(ID)
        with pytest.raises(OutcomeUnknown, match="timed out"):
            client.create([IMAGE])
    assert [asked.method for asked in served.asked] == ["GET", "POST"]


def test_a_body_in_drips(any_driver: Driver) -> None:
    """Of a body that never ends, what came is kept: the id of a paid task is in it."""
    begun = HEAD + b'content-length: 99999\r\n\r\n{"data": {"task_id": "%s", ' % ID.encode()
    with dripping(begun, b" ") as served:
        client = any_driver.open(base_url=served.url, timeout=SHORT)
        assert client.create([IMAGE]).id == ID
        with pytest.raises(ResponseFormatError):
            client.get(ID)


def test_no_connection(any_driver: Driver) -> None:
    """A create whose time is up before there is a connection was never sent."""
    with never_connecting() as url:
        client = any_driver.open(base_url=url, timeout=SHORT, retries=ONCE)
        with pytest.raises(ConnectionFailed, match="No task was created"):
            client.create([IMAGE])


def test_a_caller_s_kept_connection(driver: Driver) -> None:
    """A client of the caller's that keeps connections has bodies in drips cut as well."""
    begun = HEAD + b"content-length: 99999\r\n\r\n{"
    kind = httpx.Client if driver.backend is None else httpx.AsyncClient
    with dripping(begun, b" ") as served:
        client = driver.open(base_url=served.url, timeout=SHORT, http_client=kind())
        with pytest.raises(ResponseFormatError):
            client.get(ID)


def test_our_own_connections_are_not_kept() -> None:
    """Each request has a connection of its own: no create goes over one that the service is just closing."""
    answer = HEAD + b"content-length: 2\r\n\r\n{}"
    with dripping(answer, b"") as served, KlingElements(KEY, served.url, timeout=5) as client:
        for _ in range(2):
            with pytest.raises(ResponseFormatError):
                client.get(ID)
    assert len(served.asked) == 2


def test_the_asynchronous_client_keeps_none_either() -> None:
    """Nor does the asynchronous one."""

    async def ask_twice(url: str) -> None:
        async with AsyncKlingElements(KEY, url, timeout=5) as client:
            for _ in range(2):
                with pytest.raises(ResponseFormatError):
                    await client.get(ID)

    with dripping(HEAD + b"content-length: 2\r\n\r\n{}", b"") as served:
        asyncio.run(ask_twice(served.url))
    assert len(served.asked) == 2


def stream(connection: socket.socket, protocol: str | None = None) -> Any:
    """A network stream as httpcore has them; with TLS if there is a protocol."""
    tls = SimpleNamespace(selected_alpn_protocol=lambda: protocol) if protocol else None
    return SimpleNamespace(get_extra_info={"socket": connection, "ssl_object": tls}.get)


def test_the_end_wakes_who_waits() -> None:
    """A thread that waits for bytes is woken by the end of the time."""
    ours, theirs = socket.socketpair()
    with ours, theirs, TotalTimeout(3600) as limit:
        limit.watch(stream(ours))
        waiting = threading.Thread(target=lambda: got.append(ours.recv(1)))
        got: list[bytes] = []
        waiting.start()
        limit.end()
        waiting.join()
    assert got == [b""]


def test_the_end_comes_by_itself() -> None:
    """When its time is over, a connection is shut down under whoever waits for it."""
    ours, theirs = socket.socketpair()
    with ours, theirs, TotalTimeout(0.02) as limit:
        limit.watch(stream(ours))
        assert ours.recv(1) == b""
        assert limit.is_over


@pytest.mark.parametrize("seconds", [3600.0, math.inf])
def test_a_limit_does_not_keep_the_process(seconds: float) -> None:
    """A process may end while a request still has time, however much that is."""
    others = set(threading.enumerate())
    with TotalTimeout(seconds):
        [timer] = set(threading.enumerate()) - others
        assert timer.daemon


def test_a_connection_that_is_closed_already() -> None:
    """The end of the time harms nobody when the connection has ended before."""
    ours, theirs = socket.socketpair()
    with theirs, TotalTimeout(3600) as limit:
        limit.watch(stream(ours))
        ours.close()
        limit.end()


@pytest.mark.parametrize("protocol", [None, "http/1.1"])
def test_a_connection_that_comes_too_late(protocol: str | None) -> None:
    """A connection that is there only after the end is shut down at once."""
    time = FakeTime()
    ours, theirs = socket.socketpair()
    with ours, theirs, TotalTimeout(60, time.clock) as limit:
        assert not limit.is_over
        time.sleep(60)
        assert limit.is_over
        limit.watch(stream(ours, protocol))
        assert theirs.recv(1) == b""


def test_connections_that_are_left_alone() -> None:
    """One that others share, none at all, and one that the request has given back are not shut down."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with TotalTimeout(3600) as limit:
            limit.watch(None)
            limit.watch(stream(ours, "h2"))
            limit.end()
            limit.watch(stream(ours))
        limit.end()
        ours.sendall(b"a")
        assert theirs.recv(1) == b"a"


def asked(method: bytes) -> dict[str, Any]:
    return {"request": SimpleNamespace(method=method)}


def test_what_a_trace_tells() -> None:
    """A request may be sent once its own head is begun, not by a proxy's CONNECT; unless nothing is told."""
    connected: list[object] = []
    trace = Trace(connected.append)
    assert trace.may_be_sent
    trace.note("connection.connect_tcp.started", {})
    assert not trace.may_be_sent
    trace.note("connection.connect_tcp.complete", {"return_value": "tcp"})
    trace.note("http11.send_request_headers.started", asked(b"CONNECT"))
    trace.note("proxy.start_tls.complete", {"return_value": "tls"})
    assert not trace.may_be_sent
    trace.note("http11.send_request_headers.started", asked(b"POST"))
    assert trace.may_be_sent
    assert connected == ["tcp", "tls"]
