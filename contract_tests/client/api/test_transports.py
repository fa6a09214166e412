"""What both transports do on the wire, over each kind of client: own connections, bounds, what was sent."""

from __future__ import annotations

import gzip
import logging
import os
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import Pieces
from contract_tests.support.clients import KEY, Script, call_under
from contract_tests.support.loopback import dripping, keeping_alive, never_connecting, refused_url
from contract_tests.support.transports import CREATE, HEADER, ORIGIN, TransportKind
from kling_elements import ValidationError
from kling_elements.api.auth import ApiKey, Settings
from kling_elements.api.httpx_adapter import without_frames
from kling_elements.api.parsing import MAX_RESPONSE_BYTES
from kling_elements.types import ExternalRequest, NoResponse, Request, Response, ResponseHead

if TYPE_CHECKING:
    from collections.abc import Callable

FAR = "https://far.example/x?token=secret"
LOOK = Request("GET", "/v1/x", {})
LARGE = Request("POST", "/v1/x", {}, bytes(200_000))
SHORT = 0.2  # seconds


def at(url: str, timeout: float = 30.0) -> Settings:
    """Settings for an origin."""
    return Settings(url, HEADER, ApiKey(KEY), timeout)


# --- connections


@pytest.mark.parametrize("is_given", [False, True], ids=["own", "caller's"])
def test_each_request_opens_its_own_connection(kind: TransportKind, is_given: bool) -> None:  # noqa: FBT001
    """No request goes over a kept connection: neither ours, nor one that a caller's client has kept."""
    with keeping_alive() as served:

        async def ask() -> list[object]:
            http = kind.client_kind() if is_given else None
            if isinstance(http, httpx.Client):
                http.get(served.url)
            elif http is not None:
                await http.get(served.url)
            transport: Any = kind.transport(http, at(served.url))
            found = [await transport.send(CREATE, 5.0) for _ in range(2)]
            head = await transport.stream(ExternalRequest(served.url, {}, 5.0), lambda _: None)
            if isinstance(http, httpx.AsyncClient):
                await http.aclose()
            elif http is not None:
                http.close()
            return [*(outcome.body for outcome in found), head.status]

        before = 1 if is_given else 0
        assert kind.run(ask) == [b"%d" % (before + 1), b"%d" % (before + 2), 200]


@pytest.mark.parametrize("is_given", [False, True], ids=["own", "caller's"])
def test_looks_share_a_connection(kind: TransportKind, is_given: bool) -> None:  # noqa: FBT001
    """Looks go over a kept connection; one that the service closes just then is repeated over a new one."""

    async def ask() -> list[object]:
        http = kind.client_kind() if is_given else None
        transport: Any = kind.transport(http, at(served.url))
        found = [(await transport.send(LOOK, 5.0)).body for _ in range(3)]
        used: list[Any] = [transport, *([http] if http else [])]
        for each in used:
            await each.aclose() if hasattr(each, "aclose") else each.close()
        return found

    with keeping_alive() as served:
        assert kind.run(ask) == [b"1", b"1", b"1"]
    with keeping_alive(answers=1) as served:
        assert kind.run(ask) == [b"1", b"2", b"3"]


def test_a_client_in_two_event_loops(kind: TransportKind) -> None:
    """A transport works in one event loop after another, and uses no connection of an earlier one."""
    with keeping_alive() as served:
        transport = kind.transport(None, at(served.url))
        found = [kind.send(transport, LOOK).body for _ in range(3)]
        assert found == ([b"1", b"1", b"1"] if kind.backend is None else [b"1", b"2", b"3"])
        kind.close(transport)


def test_looks_after_a_fork(kind: TransportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process uses no connection of its parent's."""

    async def ask() -> list[object]:
        transport: Any = kind.transport(None, at(served.url))
        found = [(await transport.send(LOOK, 5.0)).body for _ in range(2)]
        with monkeypatch.context() as child:
            child.setattr(os, "getpid", lambda: -1)
            return [*found, (await transport.send(LOOK, 5.0)).body]

    with keeping_alive() as served:
        assert kind.run(ask) == [b"1", b"1", b"2"]


@pytest.mark.parametrize("problem", ["fork", "closed"])
def test_a_client_that_cannot_be_used(
    kind: TransportKind, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a fork, or once it is closed, a caller's client is refused and nothing is sent."""
    http = kind.http(lambda _: pytest.fail("sent"))
    transport = kind.transport(http)
    if problem == "fork":
        monkeypatch.setattr(os, "getpid", lambda: -1)
    else:
        call_under(kind.backend, http.close if isinstance(http, httpx.Client) else http.aclose)
    with pytest.raises(ValidationError, match="http_client"):
        kind.send(transport)


def test_a_client_of_another_kind(kind: TransportKind) -> None:
    """Only the httpx client of the same mode is accepted."""
    other = httpx.AsyncClient() if kind.client_kind is httpx.Client else httpx.Client()
    for given in (other, object(), httpx):
        with pytest.raises(ValidationError, match="http_client"):
            kind.transport(given)


def test_a_closed_transport(kind: TransportKind) -> None:
    """Once it is closed, a transport of our own clients sends nothing; a caller's client stays open."""
    own = kind.transport()
    kind.close(own)
    assert not own.can_fetch
    with pytest.raises(ValidationError, match="closed"):
        kind.send(own)
    http = kind.http(lambda _: httpx.Response(200))
    transport = kind.transport(http)
    kind.close(transport)
    assert transport.can_fetch
    assert kind.send(transport) == Response(200, {}, b"")


# --- headers


def test_each_host_learns_who_asks(kind: TransportKind) -> None:
    """Every request has our User-Agent, the codings that we decode, and more time for a large body."""
    server = Script.of(lambda _: httpx.Response(200, stream=Pieces(b"")))
    transport = kind.transport(kind.http(server, headers={"user-agent": "other", "accept-encoding": "br"}))
    kind.send(transport)
    kind.fetch(transport, FAR)
    kind.send(transport, Request("POST", "/", {}, bytes(640 * 1024)))
    for request in server.requests:
        assert request.headers["user-agent"].startswith("kling-elements/")
        assert request.headers["accept-encoding"] == "gzip, deflate"
    first, _, large = [request.extensions["timeout"] for request in server.requests]
    assert first["read"] == pytest.approx(5.0, rel=0.01)
    assert (large["read"], large["connect"]) == (15.0, 5.0)


# --- what was sent


class Taking(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that takes so many chunks of a request's body, and then raises."""

    def __init__(self, chunks: int) -> None:
        self.chunks = chunks

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for number, _ in enumerate(request.stream, 1):  # type: ignore[arg-type]  # both kinds
            if number == self.chunks:
                break
        raise httpx.ReadError("cut off")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        number = 0
        async for _ in request.stream:  # type: ignore[union-attr]  # as above
            number += 1
            if number == self.chunks:
                break
        raise httpx.ReadError("cut off")


@pytest.mark.parametrize(("chunks", "was_sent"), [(1, False), (3, False), (4, True), (99, True)])
def test_a_part_of_a_body(kind: TransportKind, chunks: int, was_sent: bool) -> None:  # noqa: FBT001
    """Half a body makes no task: only with its last chunk may a request have been acted on."""
    outcome = kind.send(kind.transport(kind.client_kind(transport=Taking(chunks))), LARGE)
    assert outcome.was_sent is was_sent
    assert ("only a part" in outcome.text) is not was_sent


class OwnError(Exception):
    """An exception of the caller's."""


def hook_of(kind: TransportKind, error: Callable[[Any], object]) -> Any:
    """A hook that raises."""

    async def hook(value: Any) -> None:
        error(value)

    return error if kind.client_kind is httpx.Client else hook


def throw(error: Exception, _: object = None) -> Any:
    """Raise an error."""
    raise error


def throw_for_status(response: httpx.Response) -> None:
    """Raise for 4xx and 5xx."""
    response.raise_for_status()


@pytest.mark.parametrize(
    ("hooks", "expected"),
    [
        ({"request": [partial(throw, RuntimeError("mine"))]}, NoResponse("mine", was_sent=False)),
        ({"request": [partial(throw, OwnError())]}, NoResponse("OwnError", was_sent=False)),
        ({"request": [partial(throw, httpx.CookieConflict("two"))]}, NoResponse("two", was_sent=False)),
        ({"request": [partial(throw, httpx.ReadError("cut"))]}, NoResponse("cut", was_sent=False)),
        ({"response": [throw_for_status]}, Response(401, {"x-a": "b"}, b"")),
        ({"response": [partial(throw, RuntimeError("mine"))]}, NoResponse("mine", was_sent=True)),
    ],
)  # fmt: skip
def test_hooks_that_raise(kind: TransportKind, hooks: dict[str, list[Any]], expected: object) -> None:
    """A hook before the request means that nothing was sent; one after it hides no response."""
    server = partial(httpx.Response, 401, headers={"x-a": "b"})
    made = {name: [hook_of(kind, hook) for hook in found] for name, found in hooks.items()}
    http = kind.http(lambda _: server(stream=Pieces(b"{}")), event_hooks=made)
    assert kind.send(kind.transport(http)) == expected


def test_a_hook_over_a_real_connection(kind: TransportKind) -> None:
    """Whatever a hook raises, the status that has come is known."""
    with keeping_alive() as served:
        http = kind.client_kind(event_hooks={"response": [hook_of(kind, partial(throw, OwnError()))]})
        outcome = kind.send(kind.transport(http, at(served.url)))
    assert isinstance(outcome, Response)
    assert (outcome.status, outcome.headers["content-length"], outcome.body) == (200, "1", b"")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ReadError("cut"), NoResponse("cut", was_sent=True)),
        (httpx.ReadError(""), NoResponse("ReadError", was_sent=True)),
        (httpx.ReadTimeout("long words"), NoResponse("timed out (ReadTimeout)", was_sent=True)),
        (httpx.ConnectTimeout(""), NoResponse("timed out (ConnectTimeout)", was_sent=False)),
        (httpx.ConnectError("refused"), NoResponse("refused", was_sent=False)),
        (httpx.ProxyError("407"), NoResponse("407", was_sent=False)),
        (httpx.PoolTimeout(""), NoResponse("timed out (PoolTimeout)", was_sent=False)),
        (httpx.UnsupportedProtocol("ftp"), NoResponse("ftp", was_sent=False)),
        (OwnError("mine"), NoResponse("mine", was_sent=True)),
        (ValueError(f"bad {KEY}"), NoResponse("bad [API key]", was_sent=True)),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_a_transport_raises(kind: TransportKind, error: Exception, expected: NoResponse) -> None:
    """It is described in its own words, without the key; before there is a connection, nothing was sent."""
    assert kind.send(kind.transport(kind.http(partial(throw, error)))) == expected


def test_a_certificate_that_is_not_trusted(kind: TransportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome says how to trust it, and that another attempt ends in the same way."""
    monkeypatch.setenv("SSL_CERT_FILE", "/certificates/own.pem")
    error = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")
    outcome = kind.send(kind.transport(kind.http(partial(throw, error))))
    assert outcome.is_permanent
    assert not outcome.was_sent
    assert "SSL_CERT_FILE is /certificates/own.pem" in outcome.text


# --- proxies


def test_a_dead_proxy_is_named(kind: TransportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome names the proxy that was not reached, and the variable that it comes from."""
    proxy = refused_url()
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    for outcome in (kind.send(kind.transport()), kind.fetch(kind.transport(), FAR)[0]):
        assert not outcome.was_sent
        assert f"{proxy.removeprefix('http://')} (from HTTPS_PROXY)" in outcome.text


def test_loopback_is_asked_without_a_proxy(
    kind: TransportKind, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Our own clients pass by a proxy for this machine; a caller's client that doesn't is warned of."""
    with keeping_alive() as served, keeping_alive() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "fd00::/8" if os.name == "posix" else "")
        kind.send(kind.transport(None, at(served.url)))
        kind.fetch(kind.transport(), served.url)
        assert (len(served.asked), len(proxy.asked)) == (2, 0)
        monkeypatch.delenv("NO_PROXY")
        with caplog.at_level(logging.WARNING, "kling_elements"):
            kind.send(kind.transport(kind.client_kind(), at(served.url)))
        assert len(proxy.asked) == 1
    assert "(from HTTP_PROXY)" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "http://[::1"),
        ("NO_PROXY", "fd00::/8"),
        ("SSL_CERT_FILE", "/nowhere/own.pem"),
        ("ALL_PROXY", "socks9://127.0.0.1:1"),
    ],
)
def test_an_environment_that_can_not_be_used(
    kind: TransportKind, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Proxies and certificates that can't be used are refused by the name of their variable."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name):
        kind.send(kind.transport())


# --- bodies


def coded(coding: str, *pieces: bytes) -> Any:
    """A handler whose response is labelled with a content coding."""
    return lambda _: httpx.Response(200, headers={"content-encoding": coding}, stream=Pieces(*pieces))


TEXT = b'{"data": {"task_id": "x"}}'
BARE = zlib.compressobj(wbits=-15)
BARE_DEFLATE = BARE.compress(TEXT) + BARE.flush()
# trio warns of httpx's own generators that are left before their end.
OF_TRIO = ("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
BOMB = gzip.compress(bytes(64 * MAX_RESPONSE_BYTES))


@pytest.mark.parametrize(
    ("coding", "raw", "body"),
    [
        ("", TEXT, TEXT),
        ("", gzip.compress(TEXT), TEXT),
        ("identity", TEXT, TEXT),
        ("gzip", gzip.compress(TEXT), TEXT),
        ("identity, GZIP", gzip.compress(TEXT), TEXT),
        ("deflate", zlib.compress(TEXT), TEXT),
        ("deflate", BARE_DEFLATE, TEXT),
        *((label, TEXT, TEXT) for label in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "strange")),
        ("gzip", gzip.compress(TEXT)[:-6] + b"wrong!", TEXT),
        ("gzip", gzip.compress(TEXT)[:-8], TEXT),
        ("gzip", b"\x1f\x8bno", b"\x1f\x8bno"),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT)), gzip.compress(gzip.compress(TEXT))),
        ("gzip", BOMB, bytes(MAX_RESPONSE_BYTES)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_content_codings(kind: TransportKind, coding: str, raw: bytes, body: bytes) -> None:
    """One coding is decoded, within bounds; a wrong label hides nothing."""
    outcome = kind.send(kind.transport(kind.http(coded(coding, raw[:20], raw[20:]))))
    assert outcome.body == body


@pytest.mark.parametrize(
    ("coding", "raw", "body"),
    [
        ("gzip", gzip.compress(TEXT), TEXT),
        ("deflate", BARE_DEFLATE, TEXT),
        ("gzip", gzip.compress(TEXT)[:-6] + b"wrong!", None),
        ("gzip, gzip", BOMB, None),
        ("br", TEXT, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.filterwarnings(*OF_TRIO)
def test_codings_of_other_hosts(kind: TransportKind, coding: str, raw: bytes, body: bytes | None) -> None:
    """A body of another host is decoded as it comes, or the fetch ends."""
    outcome, found = kind.fetch(kind.transport(kind.http(coded(coding, raw[:1], raw[1:]))), FAR)
    if body is None:
        assert isinstance(outcome, NoResponse)
    else:
        assert isinstance(outcome, ResponseHead)
        assert found == body


@pytest.mark.filterwarnings(*OF_TRIO)
def test_another_host_s_bomb_is_passed_in_pieces(kind: TransportKind) -> None:
    """A sink that has enough is given no more, however much a body unpacks to."""
    sizes: list[int] = []
    transport = kind.transport(kind.http(coded("gzip", BOMB)))
    request = ExternalRequest(FAR, {}, 5.0)

    def sink(piece: bytes) -> bool:
        sizes.append(len(piece))
        return False

    kind.run(lambda: transport.stream(request, lambda _: sink))
    assert sizes
    assert max(sizes) <= MAX_RESPONSE_BYTES / 16
    assert len(sizes) == 1


def test_a_sink_s_own_error_is_raised(kind: TransportKind) -> None:
    """What a sink raises, of the disk say, is not taken for the host's."""
    transport = kind.transport(kind.http(lambda _: httpx.Response(200, stream=Pieces(b"a"))))
    request = ExternalRequest(FAR, {}, 5.0)
    with pytest.raises(OSError, match="disk"):
        kind.run(lambda: transport.stream(request, lambda _: partial(throw, OSError("disk"))))


@pytest.mark.parametrize("read", [False, True])
def test_a_body_that_a_hook_has_read(kind: TransportKind, read: bool) -> None:  # noqa: FBT001
    """A body that a hook has read is used as that decoded it, and a cut one as far as it came."""

    def sync_read(response: httpx.Response) -> None:
        response.read()

    async def async_read(response: httpx.Response) -> None:
        await response.aread()

    hook = sync_read if kind.client_kind is httpx.Client else async_read
    pieces = [gzip.compress(TEXT)] if read else [gzip.compress(TEXT)[:-8]]
    error = None if read else httpx.ReadError("cut")
    http = kind.http(
        lambda _: httpx.Response(
            200, headers={"content-encoding": "gzip"}, stream=Pieces(*pieces, error=error)
        ),
        event_hooks={"response": [hook]} if read else {},
    )
    assert kind.send(kind.transport(http)).body == TEXT
    if read:
        assert kind.fetch(kind.transport(http), FAR)[1] == TEXT


# --- time


def in_time(call: Callable[[float], Any], came: Callable[[Any], bool]) -> Any:
    """Call with a short timeout, and with longer ones if on a busy machine too little came in it."""
    found = None
    for timeout in (SHORT, 2.0, 10.0):
        if came(found := call(timeout)):
            break
    return found


def was_asked(found: Any) -> bool:
    """Whether the request was sent."""
    outcome = found[0] if isinstance(found, tuple) else found
    return not isinstance(outcome, NoResponse) or outcome.was_sent


@pytest.mark.parametrize(
    ("before", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nx-slow: ", b"a"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
    ids=["head", "1xx"],
)
def test_a_head_that_never_ends(kind: TransportKind, before: bytes, drop: bytes) -> None:
    """A head in drips, or interim responses without end, are no response."""
    with dripping(before, drop) as served:
        outcome = in_time(
            lambda timeout: kind.send(kind.transport(None, at(served.url)), timeout=timeout), was_asked
        )
        assert outcome == NoResponse("timed out (ReadTimeout)", was_sent=True)
        found, _ = in_time(lambda timeout: kind.fetch(kind.transport(), served.url, timeout), was_asked)
        assert isinstance(found, NoResponse)


@pytest.mark.parametrize(
    ("is_given", "length"), [(False, b""), (True, b"content-length: 99999\r\n")], ids=["own", "caller's"]
)
def test_a_body_that_never_ends(kind: TransportKind, is_given: bool, length: bytes) -> None:  # noqa: FBT001
    """Of the service's body, what came is kept; another host's body in drips is a failure."""
    with dripping(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + TEXT, b" ") as served:
        http = kind.client_kind() if is_given else None
        outcome = in_time(
            lambda timeout: kind.send(kind.transport(http, at(served.url)), timeout=timeout),
            lambda found: isinstance(found, Response),
        )
        assert isinstance(outcome, Response)
        assert outcome.body.strip() == TEXT
        found, body = in_time(
            lambda timeout: kind.fetch(kind.transport(http), served.url, timeout),
            lambda found: bool(found[1]),
        )
        assert isinstance(found, NoResponse)
        assert body.strip() == TEXT


def test_no_connection(kind: TransportKind) -> None:
    """A request whose time is up before there is a connection was not sent."""
    with never_connecting() as url:
        outcome = kind.send(kind.transport(None, at(url)), timeout=SHORT)
    assert isinstance(outcome, NoResponse)
    assert not outcome.was_sent


def test_a_body_that_comes_steadily(kind: TransportKind) -> None:
    """A long body is fetched whole while enough of it comes in each period."""
    with dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 655360\r\n\r\n", bytes(32768)) as served:
        outcome, body = in_time(
            lambda timeout: kind.fetch(kind.transport(), served.url, timeout),
            lambda found: isinstance(found[0], ResponseHead),
        )
    assert isinstance(outcome, ResponseHead)
    assert len(body) == 655360


# --- logs


@pytest.mark.parametrize("name", ["httpx", "hpack.hpack", "httpcore.of_tomorrow"])
def test_no_log_of_an_exchange_holds_the_key(
    kind: TransportKind, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever library below logs a header or a signed URL, it is redacted; elsewhere it is not touched."""
    logger = logging.getLogger(name)

    def server(request: httpx.Request) -> httpx.Response:
        logger.warning("%s %r", request.url, request.headers.raw)
        return httpx.Response(200, stream=Pieces(b""))

    transport = kind.transport(kind.http(server))
    kind.send(transport)
    kind.fetch(transport, FAR)
    logger.warning("not ours: %s", FAR)
    texts = [record.getMessage() for record in caplog.records if record.name == name and record.levelno > 20]
    assert [("[API key]" in text, "secret" in text) for text in texts] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert KEY not in "".join(texts)
    assert ORIGIN in texts[0]


def test_frames_are_dropped_of_causes_and_contexts_alike() -> None:
    """Frames of httpx hold the key: an error keeps none, nor what led to it does, even in a circle."""
    cause, context, own = KeyError("cause"), ValueError("context"), OSError("the caller's own")
    for error in (cause, context, own):
        with pytest.raises(type(error)):
            raise error
    last = RuntimeError("last")
    last.__cause__, last.__context__ = cause, context
    context.__context__, cause.__context__ = own, last
    assert without_frames(last, own) is last
    assert [error.__traceback__ for error in (last, cause, context)] == [None] * 3
    assert own.__traceback__ is not None
