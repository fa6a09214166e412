"""The key leaves the process in one header, to one origin, and is shown by nothing."""

from __future__ import annotations

import contextlib
import copy
import logging
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import ID, RESULT, mp4, png, reply, shown
from contract_tests.support.clients import ASYNC, KEY, SYNC, Script
from contract_tests.support.contract import key_headers
from contract_tests.support.loopback import refused_url, serving
from kling_elements import KlingError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from contract_tests.support.clients import Driver, FakeTime
    from contract_tests.support.loopback import Answer, Asked

HEADER = next(iter(key_headers().values()))


def texts_of(value: object, depth: int = 6) -> Iterator[str]:
    """What a value shows of itself, and what its attributes show in turn."""
    yield repr(value)
    yield str(value)
    yield f"{value}"
    if depth and not isinstance(value, (str, bytes, int, float, type(None))):
        members: list[Any] = []
        with contextlib.suppress(TypeError):
            members += vars(value).values()
        for kind in type(value).__mro__:
            members += [
                getattr(value, name, None) for name in getattr(kind, "__slots__", ()) if name != "__weakref__"
            ]
        if isinstance(value, dict):
            members += [*value.keys(), *value.values()]
        if isinstance(value, (list, tuple, set)):
            members += value
        for member in members:
            if not callable(member) or type(member).__module__.startswith("kling_elements"):
                yield from texts_of(member, depth - 1)


def assert_hidden(value: object) -> None:
    leaks = [text for text in texts_of(value) if KEY in text]
    assert not leaks, leaks[:3]


def test_clients_hide_the_key(driver: Driver) -> None:
    """A client, its settings, and all that hangs on it show no key, and refuse to be pickled or copied."""
    opened = driver.open(Script.of(shown()))
    opened.get(ID)
    client = opened.client
    assert client is not None
    settings = client._service.sender.settings  # what a debugger shows
    for shown_thing in (client, settings, client._transport):
        assert_hidden(shown_thing)
    for thing in (client, settings.key, settings):
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(thing)
        with pytest.raises(TypeError, match="pickled"):
            copy.deepcopy(thing)
    assert repr(client).endswith(f"(base_url={next(iter(key_headers()))!r})")


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


@pytest.mark.parametrize("status", [200, 302, 400, 429, 503])
def test_a_server_that_echoes_the_key(driver: Driver, time: FakeTime, status: int) -> None:
    """A server that echoes the key does not get it into an error, a pickle or a traceback."""
    client = driver.open(lambda request: echoing(request, status), clock=time.clock, sleep=time.sleep)
    calls: list[Callable[[], object]] = [*client.operations(), lambda: client.wait(ID, timeout=30)]
    for call in calls:
        with pytest.raises(KlingError) as caught:
            call()
        assert_hidden(caught.value)
        assert KEY.encode() not in pickle.dumps(caught.value)
        assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("status", [200, 400])
def test_a_server_that_echoes_the_key_in_json_of_its_own(driver: Driver, status: int) -> None:
    """JSON that escapes slashes and signs, as some services write it, shows no key once it is read either."""
    key = "odd/key+of=the-tests-0123456789"
    written = key.replace("/", "\\/").replace("+", "\\u002b").replace("=", "\\u003D")
    body = f'{{"message":"no {written}","data":{{"task_id":"t","status":"CREATED","note":"{written}"}}}}'
    client = driver.open(Script.of(reply(status, content=body.encode())), api_key=key)
    if status == 200:
        found: Any = client.create([RESULT])
        assert found.raw["note"] == "[API key]"
    else:
        with pytest.raises(KlingError, match=r"no \[API key\]") as caught:
            client.create([RESULT])
        found = caught.value
    assert not [text for text in texts_of(found) if key in text or written in text]


def test_a_task_that_echoes_the_key(driver: Driver) -> None:
    """A key is struck out of a task; a result's signature is in no repr."""
    task = driver.open(Script.of(shown("COMPLETED", (f"https://a.example/{KEY}", RESULT), note=KEY))).get(ID)
    assert_hidden([task.id, task.urls, task.raw, task.request_id, repr(task)])
    assert task.raw["note"] == "[API key]"
    assert "hmac" in task.urls[1]
    assert "hmac" not in repr(task)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError, httpx.LocalProtocolError, httpx.InvalidURL, ValueError]
)
def test_transports_that_tell_the_key(driver: Driver, time: FakeTime, error: type[Exception]) -> None:
    """A transport's error that names the key is reported without it."""
    client = driver.open(Script.of(error(f"Illegal header value {KEY!r}")), sleep=time.sleep)
    for call in client.operations():
        with pytest.raises(KlingError) as caught:
            call()
        assert_hidden(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


def frames_of(error: BaseException) -> Iterator[traceback.FrameSummary]:
    """The frames of an error and of those before it, with their variables, but for the tests' own."""
    whole: traceback.TracebackException | None = traceback.TracebackException.from_exception(
        error, capture_locals=True
    )
    while whole is not None:
        yield from (frame for frame in whole.stack if "contract_tests" not in frame.filename)
        whole = whole.__cause__ or whole.__context__


@pytest.mark.parametrize("driver", [SYNC, ASYNC], ids=["sync", "async"])
def test_refused_over_a_real_socket(driver: Driver, time: FakeTime, caplog: pytest.LogCaptureFixture) -> None:
    """A refused connection tells the key in no error, traceback with locals, or log at DEBUG.

    The test's own frames hold what the test passed; the package's and the libraries' count.
    """
    client = driver.open(base_url=refused_url(), sleep=time.sleep)
    with caplog.at_level(logging.DEBUG):
        for call in client.operations():
            with pytest.raises(KlingError) as caught:
                call()
            assert_hidden(caught.value)
            assert all(KEY not in str(frame.locals) for frame in frames_of(caught.value))
    assert any(record.name.startswith("httpcore") for record in caplog.records)
    assert all(KEY not in record.getMessage() for record in caplog.records)


def interrupted(request: httpx.Request) -> httpx.Response:
    """A Ctrl-C while another error is handled, in a frame that has the request's headers."""
    headers = dict(request.headers)
    try:
        headers.pop("not there")
    except KeyError as error:
        raise KeyboardInterrupt from error
    return httpx.Response(500)


def test_a_traceback_of_an_interruption(driver: Driver) -> None:
    """A Ctrl-C within httpx leaves no frame that shows the key; an error of the caller's own keeps its."""
    own = ValueError("the caller's own")

    def handle(call: Callable[[], object]) -> None:
        try:
            raise own
        except ValueError:
            call()

    for call in driver.open(interrupted).operations():
        with pytest.raises(KeyboardInterrupt) as caught:
            handle(call)
        frames = list(frames_of(caught.value))
        assert not [frame for frame in frames if "httpx" in frame.filename]
        assert all(KEY not in str(frame.locals) for frame in frames)
        assert own.__traceback__ is not None


def test_logs_of_a_whole_run(driver: Driver, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A create, a look and a download over real sockets leave no key in any log, and none at the result."""

    def result(asked: Asked) -> Answer:
        return 200, {"content-type": "video/mp4", "set-cookie": "a=b"}, mp4()

    with serving(result) as host:

        def service(asked: Asked) -> Answer:
            step = shown("COMPLETED", (f"{host.url}/x.mp4?token=exp=4102444800~hmac=ab",))
            response = step(httpx.Request("GET", "http://x"))
            return 200, {"set-cookie": "session=1"}, response.read()

        with serving(service) as api, caplog.at_level(logging.DEBUG):
            client = driver.open(base_url=api.url)
            client.create([png()])
            task = client.get(ID)
            task_of_nobody = pickle.loads(pickle.dumps(task))  # noqa: S301 - our own bytes
            client.download(task_of_nobody, tmp_path / "out.mp4")
    assert all(asked.headers[HEADER] == KEY for asked in api.asked)
    assert [asked.path for asked in host.asked] == ["/x.mp4?token=exp=4102444800~hmac=ab"]
    assert all(KEY not in str(asked) and "cookie" not in asked.headers for asked in host.asked)
    texts = [f"{record.getMessage()} {record.args}" for record in caplog.records]
    assert any(f"{host.url}/x.mp4?…" in text for text in texts)
    assert not [text for text in texts if KEY in text or "hmac" in text]


def test_an_echoed_key_is_in_no_log(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Where the service echoes the key in its head, the libraries' logs of that head have it struck out."""
    head = {"x-echo": f"it is {KEY}", "location": f"/?key={KEY}"}
    with serving(lambda _: (302, head, b"{}")) as api, caplog.at_level(logging.DEBUG):
        client = driver.open(base_url=api.url)
        for call in client.operations():
            with pytest.raises(KlingError):
                call()
    texts = [record.getMessage() for record in caplog.records]
    assert any("it is [API key]" in text for text in texts)
    assert not any(KEY in f"{record.getMessage()} {record.args}" for record in caplog.records)


def test_a_client_that_cant_be_made_shows_no_key(driver: Driver) -> None:
    """An argument that is refused tells the key in no variable of the package's frames, and has a repr."""
    with pytest.raises(ValidationError) as caught:
        driver.open(Script.of(shown()), timeout=0)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    ours = [frame for frame in frames if frame.f_globals["__name__"].startswith("kling_elements.")]
    assert len(ours) >= 2
    assert not any(KEY in repr(dict(frame.f_locals)) for frame in ours)
