"""What both transports do on the wire, over each kind of client: own connections, bounds, what was sent."""

import gzip
import logging
import os
import signal
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import pytest

from contract_tests.support.answers import Pieces
from contract_tests.support.clients import KEY, Script, call_under
from contract_tests.support.loopback import dripping, keeping_alive, never_connecting, refused_url, serving
from contract_tests.support.transports import CREATE, HEADER, TransportKind
from kling_elements import ValidationError
from kling_elements.api import base_transport, total_timeout
from kling_elements.api.auth import ApiKey, Settings
from kling_elements.external import ExternalRequest, ResponseHead
from kling_elements.journal import NewEntry, journal_at
from kling_elements.types import MAX_RESPONSE_BYTES, NoResponse, Request, Response

FAR = "https://far.example/x?token=secret"
LOOK = Request("GET", "/v1/x", {})
LARGE = Request("POST", "/v1/x", {}, bytes(200_000))
SHORT = 0.2  # seconds


def at(url: str, timeout: float = 30.0) -> Settings:
    """Settings for an origin."""
    return Settings(url, HEADER, ApiKey(KEY), timeout)


# --- connections


@pytest.mark.parametrize("is_given", [False, True], ids=["own", "caller's"])
def test_connections(kind: TransportKind, is_given: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """A create and a fetch open their own; looks share one, which is replaced if the service closes it."""

    async def ask() -> list[bytes]:
        http = kind.client_kind() if is_given else None
        transport: Any = kind.transport(http, at(served.url))
        found = [await transport.send(request, 5.0) for request in (LOOK, CREATE, CREATE, LOOK, LOOK)]
        head = await transport.stream(ExternalRequest(served.url, {}, 5.0), lambda _: None)
        assert head.status == 200
        if http is None:
            with monkeypatch.context() as child:  # another process uses no connection of its parent's
                child.setattr(base_transport, "_inherited", [])  # what it keeps to its end; this one goes on
                child.setattr(os, "getpid", lambda: -1)
                found.append(await transport.send(LOOK, 5.0))
                await close(transport)
        await close(http or transport)
        return [outcome.body for outcome in found]

    async def close(each: Any) -> None:
        await each.aclose() if hasattr(each, "aclose") else each.close()

    rest = [b"4", b"4"] if is_given else [b"1", b"1", b"5"]  # a create closes what a caller's client kept
    with keeping_alive() as served:
        assert kind.run(ask) == [b"1", b"2", b"3", *rest]
    with keeping_alive(answers=1) as served:
        assert kind.run(ask)[:5] == [b"1", b"2", b"3", b"4", b"5"]


def test_a_client_that_cannot_be_used(kind: TransportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an httpx client of the same mode is accepted, and after a fork, or closed, it sends nothing."""
    other = httpx.AsyncClient() if kind.client_kind is httpx.Client else httpx.Client()
    for given in (other, object(), httpx):
        with pytest.raises(ValidationError, match="http_client"):
            kind.transport(given)
    http = kind.http(lambda _: pytest.fail("sent"))
    transport = kind.transport(http)
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        with pytest.raises(ValidationError, match="http_client"):
            kind.send(transport)
    call_under(kind.backend, getattr(http, "aclose", None) or http.close)
    with pytest.raises(ValidationError, match="http_client"):
        kind.send(transport)


# --- headers


def test_each_host_learns_who_asks(kind: TransportKind) -> None:
    """Requests have our User-Agent, our codings, time for a large body; what a client built has no key."""
    server, built = Script.of(lambda _: httpx.Response(200, stream=Pieces(b""))), list[httpx.Request]()
    http = kind.http(server, headers={"user-agent": "other", "accept-encoding": "br"})
    build = http.build_request

    def kept(*arguments: Any, **options: Any) -> httpx.Request:
        built.append(build(*arguments, **options))
        return built[-1]

    http.build_request = kept
    transport = kind.transport(http)
    kind.send(transport)
    kind.fetch(transport, FAR)
    kind.send(transport, Request("POST", "/", {}, bytes(640 * 1024)))
    for request in server.requests:
        assert request.headers["user-agent"].startswith("kling-elements/")
        assert request.headers["accept-encoding"] == "gzip, deflate"
    first, _, large = [request.extensions["timeout"] for request in server.requests]
    assert first["read"] == pytest.approx(5.0, rel=0.01)
    assert (large["read"], large["connect"]) == (15.0, 5.0)
    assert [HEADER in each.headers for each in (*built, server.requests[0])] == [False, False, True]


# --- what was sent


class Taking(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that takes so many chunks of a request's body, and then raises."""

    def __init__(self, chunks: int) -> None:
        self.chunks = chunks

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        chunks: Any = iter(request.stream)  # type: ignore[arg-type]  # both kinds
        for _ in range(self.chunks):
            next(chunks, None)
        raise httpx.ReadError("cut off")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        chunks: Any = aiter(request.stream)  # type: ignore[arg-type]  # as above
        for _ in range(self.chunks):
            await anext(chunks, None)
        raise httpx.ReadError("cut off")


def test_a_part_of_a_body(kind: TransportKind) -> None:
    """Half a body makes no task: only with its last chunk may a request have been acted on."""
    for chunks, was_sent in ((1, False), (3, False), (4, True), (99, True)):
        outcome = kind.send(kind.transport(kind.client_kind(transport=Taking(chunks))), LARGE)
        assert outcome.was_sent is was_sent
        assert ("only a part" in outcome.text) is not was_sent


def throw(error: Exception, _: object = None) -> Any:
    raise error


async def awaited(hook: Any, value: Any) -> None:
    hook(value)


HOOKS: list[tuple[dict[str, Any], object]] = [
    ({"request": partial(throw, RuntimeError("mine"))}, NoResponse("mine", was_sent=False)),
    ({"request": partial(throw, ArithmeticError())}, NoResponse("ArithmeticError", was_sent=False)),
    ({"request": partial(throw, httpx.CookieConflict("two"))}, NoResponse("two", was_sent=False)),
    ({"request": partial(throw, httpx.ReadError("cut"))}, NoResponse("cut", was_sent=False)),
    ({"response": httpx.Response.raise_for_status}, Response(401, {"x-a": "b"}, b"")),
    ({"response": partial(throw, RuntimeError("mine"))}, Response(401, {"x-a": "b"}, b"")),
]


def test_hooks_that_raise(kind: TransportKind) -> None:
    """A hook before the request means that nothing was sent; one after it hides no response."""
    for hooks, expected in HOOKS:
        is_sync = kind.client_kind is httpx.Client
        made = {name: [hook if is_sync else partial(awaited, hook)] for name, hook in hooks.items()}
        http = kind.http(
            lambda _: httpx.Response(401, headers={"x-a": "b"}, stream=Pieces(b"{}")), event_hooks=made
        )
        assert kind.send(kind.transport(http)) == expected


RAISED: list[tuple[Exception, NoResponse]] = [
    (httpx.ReadError("cut"), NoResponse("cut", was_sent=True)),
    (httpx.ReadError(""), NoResponse("ReadError", was_sent=True)),
    (httpx.ReadTimeout("long words"), NoResponse("timed out (ReadTimeout)", was_sent=True)),
    (httpx.ConnectTimeout(""), NoResponse("timed out (ConnectTimeout)", was_sent=False)),
    (httpx.ConnectError("refused"), NoResponse("refused", was_sent=False)),
    (httpx.ProxyError("407"), NoResponse("407", was_sent=False)),
    (httpx.PoolTimeout(""), NoResponse("timed out (PoolTimeout)", was_sent=False)),
    (httpx.UnsupportedProtocol("ftp"), NoResponse("ftp", was_sent=False)),
    (ArithmeticError("mine"), NoResponse("mine", was_sent=True)),
    (ValueError(f"bad {KEY}"), NoResponse("bad [API key]", was_sent=True)),
]


def test_what_a_transport_raises(kind: TransportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is described in its own words, without the key; before there is a connection, nothing was sent."""
    for error, expected in RAISED:
        assert kind.send(kind.transport(kind.http(partial(throw, error)))) == expected
    # A certificate that is not trusted: another attempt ends in the same way.
    monkeypatch.setenv("SSL_CERT_FILE", "/certificates/own.pem")
    untrusted = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] own")
    outcome = kind.send(kind.transport(kind.http(partial(throw, untrusted))))
    assert (outcome.is_permanent, outcome.was_sent) == (True, False)
    assert "SSL_CERT_FILE is /certificates/own.pem" in outcome.text


def late(*_: object) -> None:
    raise TimeoutError("the caller's time is up")


class Late(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A signal comes while a body is read."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"data":'
        signal.raise_signal(signal.SIGINT)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def come_late(_: httpx.Request) -> httpx.Response:
    try:
        signal.raise_signal(signal.SIGINT)
    except TimeoutError as error:  # httpcore takes it for the network's
        raise httpx.ReadTimeout("late") from error
    return httpx.Response(200)


def test_what_a_signal_handler_raises_is_the_callers(
    kind: TransportKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends the call as Ctrl-C does, except while a create's answer is read, which may name a paid task."""
    before = signal.signal(signal.SIGINT, late)
    try:
        for server in (come_late, lambda _: httpx.Response(200, stream=Late())):
            transport = kind.transport(kind.http(server))
            for call in (partial(kind.send, request=LOOK), partial(kind.fetch, url=FAR)):
                with pytest.raises(TimeoutError, match="caller's"):
                    call(transport)
            if server is come_late:
                with pytest.raises(TimeoutError, match="caller's"):
                    kind.send(transport)
            else:
                assert kind.send(transport).body == b'{"data":'
        monkeypatch.setattr(
            "kling_elements.journal.tables._row", lambda _: signal.raise_signal(signal.SIGINT)
        )
        with pytest.raises(TimeoutError):
            journal_at(tmp_path / "journal.sqlite3").begin(NewEntry("std", "https://a.example", "f"))
    finally:
        signal.signal(signal.SIGINT, before)
    # What the caller handles already is its own, and no error of this exchange.
    try:
        late()
    except TimeoutError:
        assert kind.send(kind.transport(kind.http(partial(throw, httpx.ReadError("cut"))))) == RAISED[0][1]


# --- proxies


def test_proxies(
    kind: TransportKind, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A dead proxy is named with its variable. Our own clients pass by it for this machine."""
    proxy_url = refused_url()
    with monkeypatch.context() as patch:
        patch.setenv("HTTPS_PROXY", proxy_url)
        for outcome in (kind.send(kind.transport()), kind.fetch(kind.transport(), FAR)[0]):
            assert not outcome.was_sent
            assert f"{proxy_url.removeprefix('http://')} (from HTTPS_PROXY)" in outcome.text
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


def test_an_environment_that_can_not_be_used(kind: TransportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies and certificates that can't be used are refused by the name of their variable."""
    for name, value in (
        ("HTTPS_PROXY", "http://[::1"),
        ("NO_PROXY", "fd00::/8"),
        ("SSL_CERT_FILE", "/nowhere/own.pem"),
        ("ALL_PROXY", "socks9://127.0.0.1:1"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
            patch.setenv(name, value)
            with pytest.raises(ValidationError, match=name):
                kind.send(kind.transport())


# --- bodies


def coded(coding: str, *pieces: bytes) -> Any:
    """A handler whose response is labelled with a content coding."""
    return lambda _: httpx.Response(200, headers={"content-encoding": coding}, stream=Pieces(*pieces))


TEXT = b'{"data": {"task_id": "x"}}'
BARE = zlib.compressobj(wbits=-15)
BARE_DEFLATE = BARE.compress(TEXT) + BARE.flush()
BOMB = gzip.compress(bytes(8 * MAX_RESPONSE_BYTES), 1)


ZIPPED = gzip.compress(TEXT)
MEMBERS = b"".join(map(gzip.compress, (b"", TEXT[:9], TEXT[9:])))
LABELS = ("", "identity", "gzip", "Deflate", "br", "gzip, gzip", "gzip;q=1")
# A label, what comes under it, and what that is read as.
CODINGS: list[tuple[str, bytes, bytes]] = [
    *((label, raw, TEXT) for raw in (TEXT, ZIPPED, zlib.compress(TEXT), MEMBERS) for label in LABELS),
    ("deflate", BARE_DEFLATE, TEXT),
    *(("gzip", raw, TEXT) for raw in (ZIPPED[:-6] + b"wrong!", ZIPPED[:-8], MEMBERS + bytes(9))),
    *(("", raw, TEXT) for raw in (b"\r\n" + ZIPPED, gzip.compress(zlib.compress(ZIPPED)))),
    *(("deflate", raw, raw) for raw in (b"\x1f\x8bno", b"80 of 90", b"Bad gateway", b'"text"', b"x", b"")),
    *(("gzip", bomb, bytes(MAX_RESPONSE_BYTES)) for bomb in (BOMB, gzip.compress(BOMB))),
]


def test_content_codings(kind: TransportKind) -> None:
    """The bytes say how a body is coded, and nothing is hidden by its label; it is decoded within bounds."""
    for coding, raw, body in CODINGS:
        outcome = kind.send(kind.transport(kind.http(coded(coding, raw[:20], raw[20:]))))
        assert outcome.body == body, (coding, raw[:99])


def test_codings_of_other_hosts(kind: TransportKind) -> None:
    """A body of another host is decoded as it comes, or the fetch ends; a bomb is passed in pieces."""
    labelled = [(label, raw) for label in LABELS if label for raw in (TEXT, ZIPPED, MEMBERS + bytes(9))]
    for coding, raw in (("", TEXT), ("deflate", BARE_DEFLATE), *labelled):
        pieces = raw[:1], raw[1:21], raw[21:]  # each cuts a start of gzip in two
        outcome, found = kind.fetch(kind.transport(kind.http(coded(coding, *pieces))), FAR)
        assert isinstance(outcome, ResponseHead)
        assert found == TEXT
    unlabelled = coded("", ZIPPED)  # a range may begin like a coding
    assert kind.fetch(kind.transport(kind.http(unlabelled)), FAR)[1] == ZIPPED
    damaged = coded("gzip", ZIPPED[:-6] + b"wrong!")
    outcome, found = kind.fetch(kind.transport(kind.http(damaged)), FAR)
    assert (isinstance(outcome, NoResponse), found) == (True, TEXT)
    sizes: list[int] = []

    def sink(piece: bytes) -> bool:
        sizes.append(len(piece))
        return False

    transport = kind.transport(kind.http(coded("gzip", BOMB)))
    kind.run(lambda: transport.stream(ExternalRequest(FAR, {}, 5.0), lambda _: sink))
    [size] = sizes  # a sink that has enough is given no more
    assert size <= MAX_RESPONSE_BYTES / 16
    with pytest.raises(OSError, match="disk"):  # what a sink raises is not taken for the host's
        kind.run(
            lambda: transport.stream(ExternalRequest(FAR, {}, 5.0), lambda _: partial(throw, OSError("disk")))
        )


def test_a_body_that_a_hook_has_read(kind: TransportKind) -> None:
    """A body that a hook has read is used as that decoded it, also if another hook then raises."""

    async def aread(response: httpx.Response) -> None:
        await response.aread()

    hooks: list[Any] = [httpx.Response.read if kind.client_kind is httpx.Client else aread]
    http = kind.http(coded("gzip", ZIPPED), event_hooks={"response": hooks})
    assert kind.send(kind.transport(http)).body == kind.fetch(kind.transport(http), FAR)[1] == TEXT
    http = kind.http(
        coded("gzip", ZIPPED), event_hooks={"response": [*hooks, partial(throw, KeyError("mine"))]}
    )
    assert kind.send(kind.transport(http)).body == TEXT


LOCATIONS = ("/ok", "https://elsewhere.example/", "http://[::1", "http://h:port/", "javascript:1", "", "\x7f")


@pytest.mark.parametrize("location", LOCATIONS)
def test_the_body_of_a_redirect(kind: TransportKind, location: str) -> None:
    """It is read wherever the redirect leads, also where no URL can: it may name a paid task."""
    with serving(lambda _: (303, {"location": location}, TEXT)) as served:
        outcome = kind.send(kind.transport(None, at(served.url)))
        head, _ = kind.fetch(kind.transport(), served.url)
    assert (outcome.status, outcome.body) == (303, TEXT)
    assert outcome.headers["location"] == head.headers["location"] == location


# --- time

HEAD = b"HTTP/1.1 200 OK\r\n"
LATE = NoResponse("timed out (ReadTimeout)", was_sent=True)
# How an answer begins, how it goes on, and what comes of it from the service, and from another host.
DRIPS: list[tuple[bytes, bytes, Any, bytes]] = [
    (HEAD + b"x-slow: ", b"a", LATE, b""),
    (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", LATE, b""),
    (HEAD + b"content-length: 99999\r\n\r\n" + TEXT, b" ", TEXT, TEXT),
]
PATIENCE = (SHORT, 2.0, 10.0)  # longer if on a busy machine too little came


def test_an_answer_in_drips(kind: TransportKind) -> None:
    """A head without end is no response. Of the service's body, what came is kept; another host's fails."""
    for before, drop, expected, text in DRIPS:
        came = body = found = None
        with dripping(before, drop) as served:
            transport = kind.transport(None, at(served.url))
            for timeout in PATIENCE:
                outcome = kind.send(transport, timeout=timeout)
                found, body = kind.fetch(transport, served.url, timeout)
                came = outcome.body.strip() if isinstance(outcome, Response) else outcome
                if (came, body.strip()) == (expected, text):
                    break
        assert (came, body and body.strip()) == (expected, text)
        assert isinstance(found, NoResponse)
    with never_connecting() as url:
        outcome = kind.send(kind.transport(None, at(url)), timeout=SHORT)
    assert (isinstance(outcome, NoResponse), outcome.was_sent) == (True, False)


def test_threads_that_cannot_be_had(kind: TransportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent that can't be timed. What may block runs all the same, even if others hold all."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    async def run_beside_others() -> int:
        if kind.backend:
            limiter = anyio.to_thread.current_default_thread_limiter()
            for _ in range(int(limiter.available_tokens)):
                limiter.acquire_on_behalf_of_nowait(object())
        return await transport.run(lambda: 1)

    transport = kind.transport(None, at(refused_url()))
    monkeypatch.setattr(total_timeout, "_watcher", total_timeout._Watcher())
    assert kind.run(run_beside_others) == 1
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert kind.run(lambda: transport.run(lambda: 1)) == 1
        with (
            nullcontext() if kind.backend else pytest.raises(ValidationError, match="can't start new thread")
        ):
            kind.send(transport)
    with dripping(HEAD + b"x-slow: ", b"a") as served:
        assert kind.send(kind.transport(None, at(served.url)), timeout=SHORT) == LATE


def test_a_steady_body(kind: TransportKind) -> None:
    """A body of another host may take longer than the timeout, as long as enough of it comes."""
    with dripping(HEAD + b"content-length: 655360\r\n\r\n", bytes(32768)) as served:
        found, body = next(
            (found, body)
            for found, body in (kind.fetch(kind.transport(), served.url, timeout) for timeout in PATIENCE)
            if isinstance(found, ResponseHead)
        )
    assert (found.status, len(body)) == (200, 655360)
