"""The listener over a loopback socket, and `kling-elements webhooks listen`."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from contract_tests.support.deliveries import BODY, NOW, SECRET, body_of, headers
from kling_elements.webhooks import WebhookListener, WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_elements import Task


@pytest.fixture
def told() -> list[Task]:
    return []


@pytest.fixture
def served(told: list[Task]) -> Iterator[WebhookListener]:
    receiver = WebhookReceiver(SECRET, now=lambda: NOW, on_task=told.append)
    with WebhookListener(receiver, port=0) as listener:
        yield listener


def test_deliveries_come_over_http(served: WebhookListener, told: list[Task]) -> None:
    """Two deliveries over one connection are verified, answered and reported."""
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        for number, status in enumerate(("IN_PROGRESS", "COMPLETED")):
            body = body_of(status)
            response = client.post("/any/path", content=body, headers=headers(body, message_id=f"m{number}"))
            assert (response.status_code, response.headers["server"]) == (200, "kling-elements")
        assert client.post("/", content=iter([BODY[:5], BODY[5:]]), headers=headers()).status_code == 200
        assert client.post("/", content=BODY, headers=headers(signature="v1,AAAA")).status_code == 401
        refused = client.request("BREW", "/")
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
        assert client.head("/").status_code == 405
        assert client.post("/", content=b"x" * 3_000_000, headers=headers()).status_code == 413
    assert [task.status for task in told] == ["IN_PROGRESS", "COMPLETED"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5, 6\r\n\r\nxxxxx",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
    ids=["no length", "two lengths", "odd length", "bad chunk", "no HTTP"],
)
def test_a_broken_request_is_answered(served: WebhookListener, request_bytes: bytes) -> None:
    """It gets 400 and its connection is closed; the listener lives on."""
    with socket.create_connection((served.host, served.port), timeout=20) as raw:
        raw.sendall(request_bytes)
        raw.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert b" 400 " in answer.splitlines()[0] or b"Error code: 400" in answer
    assert httpx.post(served.url, content=BODY, headers=headers(), trust_env=False).status_code == 200


def test_a_silent_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that sends no request, or half of its head, is closed: slow senders keep nobody out."""
    monkeypatch.setattr("kling_elements.webhooks.server._IDLE_SECONDS", 0.05)
    with WebhookListener(WebhookReceiver(SECRET, now=lambda: NOW), port=0) as listener:
        for sent in (b"", b"POST / HTTP/1.1\r\nhost"):
            with socket.create_connection((listener.host, listener.port), timeout=20) as raw:
                raw.sendall(sent)
                assert raw.recv(100) == b""
        assert httpx.post(listener.url, content=BODY, headers=headers(), trust_env=False).status_code == 200
