"""How the shells send: what an answer is, what a fault, and what ends a request before its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from contract_tests.support.clients import KEY, FakeTime
from contract_tests.support.shells import HEADER, SETTINGS, ShellKind, answering, raising, tell
from kling_elements.answers import Answer
from kling_elements.decisions import Fault
from kling_elements.effects import Request, Send, send
from kling_elements.settings import ApiKey, Settings
from kling_elements.shell import Shell
from kling_elements.time_limit import TimeLimit

if TYPE_CHECKING:
    from collections.abc import Callable

ASKED = Request("GET", "/v1/x")


def test_an_answer_is_read_whole(kind: ShellKind) -> None:
    """An answer has the status, the headers, and its body in as many pieces as come."""
    shell = kind.shell(kind.http(answering(b"a", b"", b"bc", b"d", headers={"X-A": "b"}, status=418)))
    assert kind.run(shell, send(ASKED, 5.0)) == Answer(418, {"x-a": "b"}, b"abcd")


def test_an_answer_that_breaks_off_is_kept(kind: ShellKind) -> None:
    """Of an answer whose connection breaks, the head and what came of the body is kept."""
    shell = kind.shell(kind.http(answering(b"ab", b"c", error=httpx.ReadError("cut"))))
    assert kind.run(shell, send(ASKED, 5.0)) == Answer(200, {}, b"abc")


FAULTS = [
    (httpx.ConnectError("refused"), Fault("refused", was_sent=False)),
    (httpx.ReadError(f"cut {KEY}"), Fault("cut [API key]", was_sent=True)),
    (httpx.ReadTimeout("slow"), Fault("timed out (ReadTimeout)", was_sent=True)),
    (OSError("odd"), Fault("odd", was_sent=True)),
    (ValueError("odd"), Fault("odd", was_sent=True)),
]


@pytest.mark.parametrize(("error", "fault"), FAULTS, ids=lambda value: type(value).__name__)
def test_no_answer(kind: ShellKind, error: Exception, fault: Fault) -> None:
    """Where there is no answer, the fault says why, without the key, and whether anything was sent."""
    assert kind.run(kind.shell(kind.http(raising(error))), send(ASKED, 5.0)) == fault


@pytest.mark.parametrize(
    ("events", "was_sent"),
    [
        ([], True),
        (["connection.connect_tcp.started"], False),
        (["connection.connect_tcp.started", "http11.send_request_headers.started"], True),
    ],
    ids=["nothing", "a connection is tried", "the request is begun"],
)
def test_what_a_transport_tells_counts(kind: ShellKind, events: list[str], was_sent: bool) -> None:  # noqa: FBT001 - a case
    """A request was sent if the transport says so; of one that says nothing it is assumed."""

    def handler(request: httpx.Request) -> httpx.Response:
        for event in events:
            tell(request, event)
        raise httpx.ReadError("cut")

    async def handler_later(request: httpx.Request) -> httpx.Response:
        for event in events:
            await tell(request, event)
        raise httpx.ReadError("cut")

    shell = kind.shell(kind.http(handler if kind.backend is None else handler_later))
    assert kind.run(shell, send(ASKED, 5.0)) == Fault("cut", was_sent=was_sent)


@pytest.mark.parametrize(
    ("settings", "request_", "text"),
    [
        (
            Settings(f"https://service.example:{KEY}", HEADER, ApiKey(KEY), 30.0),
            ASKED,
            "Invalid port: '[API key]'",
        ),
        (SETTINGS, Request("GET", "/v1/x", {"x-a": "ü"}), "'ascii' codec can't encode character '\\xfc'"),
    ],
    ids=["an odd origin", "an odd header"],
)
def test_a_request_that_cant_be_built_is_not_sent(
    kind: ShellKind, settings: Settings, request_: Request, text: str
) -> None:
    """A request that httpx refuses to build is a fault of which nothing was sent, told without the key."""
    shell = kind.shell(kind.http(raising(AssertionError("it is sent"))), settings)
    fault = kind.run(shell, send(request_, 5.0))
    assert isinstance(fault, Fault)
    assert fault.text.startswith(text)
    assert fault == Fault(fault.text, was_sent=False)


@pytest.mark.parametrize("events", [[], ["connection.connect_tcp.started"]], ids=["silent", "not connected"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_request_without_end_is_given_up(backend: str, events: list[str]) -> None:
    """A request that outlives its time is a fault, which says whether it may have been sent."""
    kind = ShellKind(backend)

    async def handler(request: httpx.Request) -> httpx.Response:
        for event in events:
            await tell(request, event)
        await anyio.sleep_forever()
        raise AssertionError("it never ends")

    fault = kind.run(kind.shell(kind.http(handler)), send(ASKED, 0.0))
    assert fault == Fault("timed out (ReadTimeout)", was_sent=not events)


class Watched(TimeLimit):
    """A limit that notes what it watches, and whose time passes when somebody says so."""

    def __init__(self, time: FakeTime) -> None:
        super().__init__(60.0, time.clock)
        self.streams: list[object] = []

    def watch(self, stream: Any) -> None:
        """Note a connection."""
        self.streams.append(stream)


def ask(handler: Callable[[httpx.Request], httpx.Response], limit: TimeLimit) -> Any:
    """Ask with a synchronous shell, within a limit."""
    with ShellKind(None).http(handler) as http:
        return Shell(SETTINGS, http)._ask(Send(ASKED, 60.0), limit)


def test_the_connections_of_a_request_are_watched() -> None:
    """Each connection that is opened for a request is ended with its time, and one that was kept open."""

    def handler(request: httpx.Request) -> httpx.Response:
        tell(request, "connection.connect_tcp.complete")
        return httpx.Response(200, content=b"", extensions={"network_stream": "used"})

    limit = Watched(FakeTime())
    ask(handler, limit)
    assert limit.streams == ["a stream", "used"]


def test_what_comes_after_the_time_is_not_read() -> None:
    """When the time is over in the middle of a body, the rest is left; the error of the end is the time's."""
    time = FakeTime()

    class Slow(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield b"a"
            time.sleep(60)
            yield b"b"
            yield b"c"

    assert ask(lambda _: httpx.Response(200, stream=Slow()), Watched(time)) == Answer(200, {}, b"ab")

    def late(request: httpx.Request) -> httpx.Response:
        tell(request, "connection.connect_tcp.started")
        time.sleep(60)
        raise httpx.ReadError("shut down")

    assert ask(late, Watched(time)) == Fault("timed out (ReadTimeout)", was_sent=False)
    assert ask(raising(httpx.ReadError("cut")), Watched(time)) == Fault("cut", was_sent=True)


def test_an_interruption_leaves_the_caller_s_own_error(kind: ShellKind) -> None:
    """What strikes during a request loses the frames below; what the caller was handling keeps its own."""
    own = ValueError("the caller's own")
    shell = kind.shell(kind.http(raising(KeyboardInterrupt())))

    def handle() -> Any:
        try:
            raise own
        except ValueError:
            return shell.run(send(ASKED, 5.0))

    async def handle_later() -> Any:
        try:
            raise own
        except ValueError:
            flow: Any = shell.run(send(ASKED, 5.0))
            return await flow

    with pytest.raises(KeyboardInterrupt) as caught:
        kind.await_(handle if kind.backend is None else handle_later)
    assert own.__traceback__ is not None
    assert not [frame for frame in caught.traceback if "httpx" in str(frame.path)]
