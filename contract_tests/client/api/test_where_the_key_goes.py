"""The key goes to the configured origin, in its header, and nowhere else, whatever client is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import Pieces
from contract_tests.support.clients import KEY, Script
from contract_tests.support.transports import HEADER, ORIGIN, TransportKind
from kling_elements.types import ExternalRequest, Response, ResponseHead

if TYPE_CHECKING:
    from collections.abc import Generator

FAR = "https://far.example/x"
COMMON = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length"}


class Credentials(httpx.Auth):
    """A caller's own way to authenticate, which asks twice."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add a header, and once more."""
        request.headers["authorization"] = "mine"
        yield request
        yield request


def answer(status: int, **headers: str) -> Any:
    """A step that answers, and sets a cookie."""
    sent = {"set-cookie": "session=1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda _: httpx.Response(status, headers=sent, stream=Pieces(b"ab"))


FETCH = ExternalRequest(FAR, {"x-a": "b"}, 5.0)
PUT = ExternalRequest(FAR, {"content-type": "image/png"}, 5.0, "PUT", b"png")


def own_headers(request: httpx.Request) -> dict[str, str]:
    """A request's headers, without those that httpx adds to every one."""
    return {name: value for name, value in request.headers.items() if name not in COMMON}


def holds_key(request: httpx.Request) -> list[str]:
    """The places of a request that hold the key."""
    places = {"url": str(request.url), "body": request.content.decode(), **request.headers}
    return [name for name, text in places.items() if KEY in text]


@pytest.mark.parametrize("auth", [httpx.DigestAuth("user", "password"), Credentials()])
def test_a_caller_s_own_authentication_is_not_used(kind: TransportKind, auth: httpx.Auth) -> None:
    """The service gets the key and no other credentials, once; another host gets neither."""
    server = Script.of(answer(401, www_authenticate='Digest realm="r", nonce="n", qop="auth"'))
    transport = kind.transport(kind.http(server, auth=auth))
    kind.send(transport)
    kind.fetch(transport, FETCH)
    service, far = server.requests
    assert (own_headers(service), str(service.url)) == (
        {HEADER: KEY, "content-type": "application/json"},
        f"{ORIGIN}/v1/x",
    )
    assert holds_key(service) == [HEADER]
    assert (own_headers(far), str(far.url)) == ({"x-a": "b"}, FAR)


def test_a_caller_s_defaults_are_for_the_service(kind: TransportKind) -> None:
    """Headers, cookies and parameters of a caller's client go to the service, and to no other host."""
    server = Script.of(answer(200))
    http = kind.http(
        server, headers={"x-mine": "c"}, cookies={"d": "e"}, params={"f": "g"}, base_url="https://h.example"
    )
    transport = kind.transport(http)
    kind.send(transport)
    kind.fetch(transport, FETCH)
    kind.fetch(transport, PUT)
    service, far, store = server.requests
    assert own_headers(service) == {
        HEADER: KEY,
        "content-type": "application/json",
        "x-mine": "c",
        "cookie": "d=e",
    }
    assert str(service.url) == f"{ORIGIN}/v1/x?f=g"
    assert (own_headers(far), str(far.url)) == ({"x-a": "b"}, FAR)
    assert (store.method, str(store.url), store.content) == ("PUT", FAR, b"png")
    assert own_headers(store) == {"content-type": "image/png"}


@pytest.mark.parametrize(
    ("status", "location"),
    [
        *((status, "https://elsewhere.example/") for status in (301, 303, 308)),
        (302, "/other"),
        (307, f"{ORIGIN}/v1/other"),
    ],
)
def test_no_redirect_is_followed(kind: TransportKind, status: int, location: str) -> None:
    """Neither the service's redirect nor another host's is followed, though a caller's client would."""
    server = Script.of(answer(status, location=location))
    transport = kind.transport(kind.http(server, follow_redirects=True))
    head = {"set-cookie": "session=1", "location": location}
    assert kind.send(transport) == Response(status, head, b"ab")
    assert kind.fetch(transport, FETCH)[0] == ResponseHead(status, head, FAR)
    assert [str(request.url) for request in server.requests] == [f"{ORIGIN}/v1/x", FAR]
