"""The key leaves the process in one header, to one origin, and is shown by nothing."""

import copy
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from contract_tests.support import hygiene
from contract_tests.support.answers import ID, RESULT, Pieces, reply, shown
from contract_tests.support.clients import KEY, Driver, FakeTime, Script
from contract_tests.support.contract import key_headers
from contract_tests.support.loopback import refused_url, serving
from contract_tests.support.transports import HEADER as KEY_HEADER
from contract_tests.support.transports import ORIGIN, SETTINGS, TransportKind
from kling_elements import KlingError
from kling_elements.api.fetch import REDIRECT_RULES, fetch
from kling_elements.external import ExternalRequest, ResponseHead
from kling_elements.log import without_queries
from kling_elements.types import NoResponse, Response


def texts_of(value: object, depth: int = 6) -> Iterator[str]:
    """What a value shows of itself, and what its attributes show in turn."""
    yield f"{value!r} {value}"
    members: list[Any] = list(getattr(value, "__dict__", {}).values())
    for kind in type(value).__mro__:
        slots = [name for name in getattr(kind, "__slots__", ()) if name != "__weakref__"]
        members += [getattr(value, name, None) for name in slots]
    if isinstance(value, dict):
        members += [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set)):
        members += value
    for member in members if depth else ():
        if not callable(member) or type(member).__module__.startswith("kling_elements"):
            yield from texts_of(member, depth - 1)


def assert_hidden(value: object) -> None:
    leaks = [text for text in texts_of(value) if KEY in text]
    assert not leaks, leaks[:3]


def test_clients_hide_the_key(any_driver: Driver) -> None:
    """A client, its settings, and all that hangs on it show no key, and refuse to be pickled or copied."""
    opened = any_driver.open(Script.of(shown()))
    opened.get(ID)
    assert_hidden(opened.client)
    for thing in (opened.client, SETTINGS.key, SETTINGS):
        for take in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="pickled"):
                take(thing)
    assert repr(opened.client).endswith(f"(base_url={next(iter(key_headers()))!r})")


def echoing(request: httpx.Request, status: int) -> httpx.Response:
    """An answer that tells everything it was asked."""
    text = " ".join(f"{name}={value}" for name, value in request.headers.items())
    headers = {
        "x-request-id": text,
        "x-echo": text,
        "retry-after": KEY,
        "content-type": f"text/plain; x={KEY}",
    }
    body = {"message": text, "invalid_params": [{"name": KEY, "reason": text}], "data": {"error": text}}
    return reply(status, body, headers=headers)(request)


ODD_KEY = "odd/key+of=the-tests-0123456789"
WRITTEN = ODD_KEY.replace("/", "\\/").replace("+", "\\u002b").replace("=", "\\u003D")


@pytest.mark.parametrize("status", [200, 302, 400, 429, 503])
def test_a_server_that_echoes_the_key(driver: Driver, time: FakeTime, status: int) -> None:
    """A server that echoes the key does not get it into a task, an error, a pickle or a traceback.

    JSON that escapes slashes and signs, as some services write it, shows no key once it is read either.
    """
    task = driver.open(Script.of(shown("COMPLETED", (f"https://a.example/{KEY}", RESULT), note=KEY))).get(ID)
    assert_hidden([task.id, task.urls, task.raw, task.request_id, repr(task)])
    assert ("hmac" in task.urls[1], "hmac" in repr(task)) == (True, False)
    client = driver.open(lambda request: echoing(request, status), clock=time.clock, sleep=time.sleep)
    calls: list[Callable[[], object]] = [*client.operations(), lambda: client.wait(ID, timeout=30)]
    for call in calls:
        with pytest.raises(KlingError) as caught:
            call()
        assert_hidden(caught.value)
        assert KEY.encode() not in pickle.dumps(caught.value)
        assert KEY not in "".join(traceback.format_exception(caught.value))
    body = f'{{"message":"no {WRITTEN}","data":{{"task_id":"t","status":"CREATED","note":"{WRITTEN}"}}}}'
    client = driver.open(Script.of(reply(status, content=body.encode())), api_key=ODD_KEY)
    try:
        found: Any = client.create([RESULT])
    except KlingError as error:
        found = error
    texts = list(texts_of(found))
    assert any("[API key]" in text for text in texts)
    assert not [text for text in texts if ODD_KEY in text or WRITTEN in text]


def frames_of(error: BaseException) -> Iterator[traceback.FrameSummary]:
    """The frames of an error and of those before it, with their variables, but for the tests' own."""
    whole: traceback.TracebackException | None = traceback.TracebackException.from_exception(
        error, capture_locals=True
    )
    while whole is not None:
        yield from (frame for frame in whole.stack if "contract_tests" not in frame.filename)
        whole = whole.__cause__ or whole.__context__


def interrupted(request: httpx.Request) -> httpx.Response:
    """A Ctrl-C while another error is handled, in a frame that has the request's headers."""
    headers = dict(request.headers)
    try:
        headers.pop("not there")
    except KeyError as error:
        raise KeyboardInterrupt from error
    return httpx.Response(500)


def test_no_frame_shows_the_key(driver: Driver, time: FakeTime) -> None:
    """A refused connection, or a Ctrl-C in httpx, leaves no frame with it; the caller's error keeps its."""
    own = ValueError("the caller's own")

    def handle(call: Callable[[], object]) -> None:
        try:
            raise own
        except ValueError:
            call()

    refused = driver.open(base_url=refused_url(), sleep=time.sleep)
    for call in (*refused.operations(), *driver.open(interrupted).operations()):
        with pytest.raises((KeyboardInterrupt, KlingError)) as caught:
            handle(call)
        frames = list(frames_of(caught.value))
        assert not [frame for frame in frames if "httpx" in frame.filename]
        assert all(KEY not in str(frame.locals) for frame in frames)
        assert own.__traceback__ is not None


def test_what_libraries_log_is_redacted(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a library logs, the key is struck out, sent or echoed, and the signature of a redirect."""
    head = {"x-echo": f"it is {KEY}", "location": f"{RESULT}&key={KEY}"}
    logger = logging.getLogger("httpcore.of_tomorrow")

    def logs(request: httpx.Request) -> httpx.Response:
        with ThreadPoolExecutor(1) as pool:  # which inherits no context: a transport may do its I/O there
            pool.submit(logger.warning, "sent %r", request.headers.raw).result()
        return shown()(request)

    with serving(lambda _: (302, head, b"{}")) as api, caplog.at_level(logging.DEBUG):
        driver.open(logs).get(ID)
        for call in driver.open(base_url=api.url).operations():
            with pytest.raises(KlingError):
                call()
    texts = [f"{record.getMessage()} {record.args}" for record in caplog.records]
    assert any("it is [API key]" in text for text in texts)
    assert any(text.startswith("sent") and "[API key]" in text for text in texts)
    assert not any(KEY in text for text in texts)


def test_loggers_that_are_made_later_are_redacted() -> None:
    """What httpcore logs is redacted in a process's first exchange too, which loads it."""
    program = """
import logging, kling_elements.api.sync_transport
import httpcore
loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
print([each.name for each in loggers if each.name.startswith(("httpcore.", "hpack.")) and not each.filters])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


# --- where it goes, whatever client is used

FAR = "https://far.example/x"
COMMON = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length"}


def cookie(status: int, **headers: str) -> Any:
    """A step that answers, and sets a cookie."""
    sent = {"set-cookie": "session=1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda _: httpx.Response(status, headers=sent, stream=Pieces(b"ab"))


FETCH = ExternalRequest(FAR, {"x-a": "b"}, 5.0)
PUT = ExternalRequest(FAR, {"content-type": "image/png"}, 5.0, "PUT", b"png")
OURS = {KEY_HEADER: KEY, "content-type": "application/json"}


def own_headers(request: httpx.Request) -> dict[str, str]:
    """A request's headers, without those that httpx adds to every one."""
    return {name: value for name, value in request.headers.items() if name not in COMMON}


def test_what_a_caller_s_client_adds(kind: TransportKind) -> None:
    """Its headers, cookies and parameters go to the service alone; its own authentication to nobody."""
    server = Script.of(cookie(401, www_authenticate='Digest realm="r", nonce="n", qop="auth"'))
    adds = {
        "headers": {"x-mine": "c"},
        "cookies": {"d": "e"},
        "params": {"f": "g"},
        "base_url": "https://h.x",
    }
    for options, own, query in (
        ({"auth": httpx.DigestAuth("user", "password")}, {}, ""),
        (adds, {"x-mine": "c", "cookie": "d=e"}, "?f=g"),
    ):
        server.requests.clear()
        transport = kind.transport(kind.http(server, **options))
        kind.send(transport)
        kind.fetch(transport, FETCH)
        kind.fetch(transport, PUT)
        service, far, store = server.requests
        assert own_headers(service) == {**OURS, **own}
        assert (str(service.url), KEY in service.content.decode()) == (f"{ORIGIN}/v1/x{query}", False)
        assert (own_headers(far), str(far.url)) == ({"x-a": "b"}, FAR)
        assert (store.method, str(store.url), store.content) == ("PUT", FAR, b"png")
        assert own_headers(store) == {"content-type": "image/png"}


@pytest.mark.parametrize("location", ["https://elsewhere.example/", "/other", f"{ORIGIN}/v1/other"])
def test_no_redirect_is_followed(kind: TransportKind, location: str) -> None:
    """Neither the service's redirect nor another host's is followed, though a caller's client would."""
    for status in (301, 302, 303, 307, 308):
        server = Script.of(cookie(status, location=location))
        transport = kind.transport(kind.http(server, follow_redirects=True))
        head = {"set-cookie": "session=1", "location": location}
        assert kind.send(transport) == Response(status, head, b"ab")
        assert kind.fetch(transport, FETCH)[0] == ResponseHead(status, head, FAR)
        assert [str(request.url) for request in server.requests] == [f"{ORIGIN}/v1/x", FAR]


# What another host's redirect leads to, and with which choices it is followed.
REDIRECTS: dict[str, tuple[str, ...]] = {
    "https://far.example/b.mp4": ("same-host", "any-host", "any"),
    "b.mp4": ("same-host", "any-host", "any"),
    "https://elsewhere.example/b.mp4": ("any-host", "any"),
    "https://FAR.example:443/b.mp4": ("same-host", "any-host", "any"),
    "https://far.example:8443/a": ("any-host", "any"),
    **dict.fromkeys(("http://far.example/a.mp4", "http://far.example:443/a.mp4"), ("any",)),
    "file:///etc/passwd": (),
    **dict.fromkeys(("", "http://[", "https://far.example:99999/"), ()),
}


def test_redirects_of_other_hosts(kind: TransportKind) -> None:
    """One is followed, without the key, on its host; elsewhere, or down to http, only if asked for."""

    def follow(rule: str, url: str, *steps: Any) -> tuple[Any, list[str]]:
        server = Script.of(*steps)
        transport = kind.transport(kind.http(server))
        asked = ExternalRequest(url, {}, 5.0)
        outcome = kind.run(lambda: fetch(transport, asked, lambda _: None, may_follow=REDIRECT_RULES[rule]))
        assert all(KEY not in str(request.headers.raw) for request in server.requests)
        return outcome, [str(request.url) for request in server.requests]

    for location, allowing in REDIRECTS.items():
        for status, rule in zip((301, 307, 308), REDIRECT_RULES, strict=True):
            outcome, asked = follow(rule, FAR, cookie(status, location=location), cookie(200))
            if rule in allowing:
                assert asked[1:] == [str(httpx.URL(FAR).join(location))]
                assert outcome.status == 200
            else:
                assert (isinstance(outcome, NoResponse), len(asked)) == (True, 1)
    outcome, asked = follow("any", FAR, cookie(302, location="/again"))
    assert (isinstance(outcome, NoResponse), len(asked)) == (True, 6)
    for url in ("ftp://a.example/x", "x.mp4", "https://", "http://[", "https://a:0/x"):
        outcome, asked = follow("any", url, cookie(200))
        assert (isinstance(outcome, NoResponse), asked) == (True, [])


# --- the watch over every test, in contract_tests/support/hygiene.py


def test_leaks_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    """A key is found in a log or in output; a result's signature only where it may not be."""
    logger = logging.getLogger("some.library")
    leaks: tuple[tuple[Callable[[], object], bool], ...] = (
        (lambda: logger.debug("sent %s", {"x-key": KEY}), True),
        (lambda: logger.debug("it failed", exc_info=ValueError(KEY)), True),
        (lambda: logger.info("GET %s", RESULT), True),
        (lambda: print(KEY), True),  # noqa: T201 - that is the point
        (lambda: print(RESULT), False),  # noqa: T201 - stdout may have it
    )
    for leak, is_found in leaks:
        leak()
        capsys.readouterr()
        assert bool(hygiene.watch.take()) is is_found


def test_only_a_url_has_a_query() -> None:
    """Signatures are cut off in texts of others; a question is left as it is."""
    text = "Why?0 'https://h/a.mp4?s=1' b'/v?s' https:\\/\\/h\\/v?s=1 is?it why?"
    assert without_queries(text) == "Why?0 'https://h/a.mp4?…' b'/v?…' https:\\/\\/h\\/v?… is?it why?"
