"""The key goes to the configured origin, in its header, and nowhere else, whatever client is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import Pieces
from contract_tests.support.clients import KEY, Script
from contract_tests.support.shells import HEADER, ORIGIN, SETTINGS, ShellKind
from kling_elements import transport
from kling_elements.answers import Answer
from kling_elements.effects import Head, Request, put, send, stream
from kling_elements.settings import ApiKey
from kling_elements.transport import KeyAuth

if TYPE_CHECKING:
    from collections.abc import Generator

    from kling_elements.decisions import Fault
    from kling_elements.effects import Flow

FAR = "https://far.example/x"
COMMON = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length"}
CREATE = Request("POST", "/v1/x", {"content-type": "application/json"}, b"{}")


class Credentials(httpx.Auth):
    """A caller's own way to authenticate, which asks twice."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add a header, and once more."""
        request.headers["authorization"] = "mine"
        yield request
        yield request


OWN_AUTH: list[Any] = [("user", "password"), httpx.DigestAuth("user", "password"), Credentials()]


def answer(status: int, **headers: str) -> Any:
    """A step that answers, and sets a cookie."""
    sent = {"set-cookie": "session=1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda _: httpx.Response(status, headers=sent, stream=Pieces(b"ab"))


def fetch() -> Flow[Head | Fault]:
    """A flow that asks another host."""
    return stream(FAR, {"x-a": "b"}, lambda _: None, 5.0)


def own_headers(request: httpx.Request) -> dict[str, str]:
    """A request's headers, without those that httpx adds to every one."""
    return {name: value for name, value in request.headers.items() if name not in COMMON}


def holds_key(request: httpx.Request) -> list[str]:
    """The places of a request that hold the key."""
    places = {"url": str(request.url), "body": request.content.decode(), **request.headers}
    return [name for name, text in places.items() if KEY in text]


@pytest.mark.parametrize("auth", OWN_AUTH, ids=["basic", "digest", "another"])
@pytest.mark.parametrize("status", [200, 401])
def test_a_caller_s_own_authentication_is_not_used(kind: ShellKind, auth: Any, status: int) -> None:
    """The service gets the key and no other credentials, once; another host gets neither."""
    server = Script.of(answer(status, www_authenticate='Digest realm="r", nonce="n", qop="auth"'))
    shell = kind.shell(kind.http(server, auth=auth))
    kind.run(shell, send(CREATE, 5.0))
    kind.run(shell, fetch())
    service, far = server.requests
    assert (own_headers(service), str(service.url)) == (
        {HEADER: KEY, "content-type": "application/json"},
        f"{ORIGIN}/v1/x",
    )
    assert holds_key(service) == [HEADER]
    assert (far.headers.multi_items(), str(far.url)) == ([("host", "far.example"), ("x-a", "b")], FAR)


def test_a_caller_s_defaults_are_for_the_service(kind: ShellKind) -> None:
    """Headers, cookies and parameters of a caller's client go to the service, and to no other host."""
    server = Script.of(answer(200))
    http = kind.http(
        server, headers={"x-mine": "c"}, cookies={"d": "e"}, params={"f": "g"}, base_url="https://h.example"
    )
    shell = kind.shell(http)
    kind.run(shell, send(CREATE, 5.0))
    kind.run(shell, fetch())
    kind.run(shell, put(FAR, {"content-type": "image/png"}, b"png", 5.0))
    service, far, store = server.requests
    assert own_headers(service) == {
        HEADER: KEY,
        "content-type": "application/json",
        "x-mine": "c",
        "cookie": "d=e",
    }
    assert str(service.url) == f"{ORIGIN}/v1/x?f=g"
    assert (far.headers.multi_items(), str(far.url)) == ([("host", "far.example"), ("x-a", "b")], FAR)
    assert (store.method, str(store.url), store.content) == ("PUT", FAR, b"png")
    assert [*store.headers] == ["host", "content-type", "content-length"]


@pytest.mark.parametrize(
    ("status", "location"),
    [
        *((status, "https://elsewhere.example/") for status in (301, 302, 303, 307, 308)),
        (302, "/other"),
        (307, f"{ORIGIN}/v1/other"),
    ],
)
def test_no_redirect_is_followed(kind: ShellKind, status: int, location: str) -> None:
    """Neither the service's redirect nor another host's is followed, though a caller's client would."""
    server = Script.of(answer(status, location=location))
    shell = kind.shell(kind.http(server, follow_redirects=True))
    told = {"set-cookie": "session=1", "location": location}
    assert kind.run(shell, send(CREATE, 5.0)) == Answer(status, told, b"ab")
    assert kind.run(shell, fetch()) == Head(status, told, FAR)
    assert [str(request.url) for request in server.requests] == [f"{ORIGIN}/v1/x", FAR]


@pytest.fixture
def made(kind: ShellKind, monkeypatch: pytest.MonkeyPatch) -> tuple[Script, list[object]]:
    """A server for the clients that shells make themselves, and how those are made."""
    server, calls = Script.of(answer(200)), list[object]()

    def make(class_: type[Any], *, keeps_alive: bool) -> Any:
        calls.append((class_, keeps_alive))
        return kind.http(server)

    monkeypatch.setattr(transport, "_make_client", make)
    return server, calls


def test_a_shell_has_a_client_for_each(kind: ShellKind, made: tuple[Script, list[object]]) -> None:
    """The service's connections and cookies are no other host's: of those, none is kept for a next create."""
    server, calls = made
    shell = kind.shell()
    for flow in (send(CREATE, 5.0), fetch(), send(CREATE, 5.0), fetch()):
        kind.run(shell, flow)
    assert calls == [(kind.client_kind, False), (kind.client_kind, True)]
    assert [request.headers.get("cookie") for request in server.requests] == [None, None, "session=1", None]
    assert [holds_key(request) for request in server.requests] == [[HEADER], [], [HEADER], []]
    kind.close(shell)


def test_a_shell_closes_its_own_clients(kind: ShellKind, made: tuple[Script, list[object]]) -> None:
    """Both clients of its own are closed with a shell; none that it never needed is made for that."""
    _, calls = made
    kind.close(kind.shell())
    assert calls == []
    shell = kind.shell()
    kind.run(shell, send(CREATE, 5.0))
    kind.run(shell, fetch())
    kind.close(shell)
    for late in (shell._service, shell._foreign):
        assert late.own is not None
        assert late.own.is_closed


def test_a_caller_s_client_is_left_open(kind: ShellKind) -> None:
    """A caller's client is the caller's to close."""
    http = kind.http(Script.of(answer(200)))
    shell = kind.shell(http)
    kind.run(shell, send(CREATE, 5.0))
    kind.close(shell)
    assert not http.is_closed


def test_the_key_is_added_at_the_last_moment() -> None:
    """The key comes into a request only when it is sent, once, in place of what stood there."""
    request = httpx.Request("GET", ORIGIN, headers={HEADER: "another"})
    assert list(KeyAuth(SETTINGS).auth_flow(request)) == [request]
    assert request.headers.get_list(HEADER) == [ApiKey(KEY).reveal()]
