"""The shells perform the effects of flows, and decide nothing: what reaches httpx, and what comes back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from contract_tests.support.answers import Pieces
from contract_tests.support.shells import ORIGIN, ShellKind, answering
from kling_elements.answers import Answer
from kling_elements.decisions import Fault
from kling_elements.effects import Flow, Head, Request, Sink, call, compute, send, stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.shells import AnyShell

FAR = "https://far.example/x"
ASKED = Request("GET", "/v1/x")


def fetch(open_sink: Callable[[Head], Sink | None] = lambda _: None) -> Flow[Head | Fault]:
    """A flow that asks another host."""
    return stream(FAR, {"x-a": "b"}, open_sink, 5.0)


def test_a_flow_gets_the_results_of_its_effects(kind: ShellKind) -> None:
    """Effects are performed in turn, and a flow is given what each of them gave."""
    seen: list[object] = []

    def flow() -> Flow[str]:
        computed = yield from compute(lambda: "computed")
        yield from call(seen.append, computed)
        answer = yield from send(ASKED, 5.0)
        assert answer == Answer(200, {}, b"ab")
        head = yield from fetch()
        assert head == Head(200, {}, FAR)
        return "done"

    shell = kind.shell(kind.http(answering(b"a", b"b")))
    assert kind.run(shell, flow()) == "done"
    assert seen == ["computed"]


def test_a_flow_gets_the_errors_of_its_effects(kind: ShellKind) -> None:
    """What an effect raises is raised in the flow, which may go on; what it lets pass comes out."""

    def fail() -> object:
        raise LookupError("mine")

    def forgiving() -> Flow[str]:
        with pytest.raises(LookupError, match="mine"):
            yield from compute(fail)
        with pytest.raises(LookupError, match="mine"):
            yield from call(lambda _: fail(), 1)
        return "done"

    assert kind.run(kind.foreign(), forgiving()) == "done"
    with pytest.raises(LookupError, match="mine"):
        kind.run(kind.foreign(), compute(fail))


def test_a_shell_without_a_service_sends_nothing(kind: ShellKind) -> None:
    """A shell that knows no service has nobody to send to."""
    with pytest.raises(TypeError, match="knows no service"):
        kind.run(kind.foreign(kind.http(answering())), send(ASKED, 5.0))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_event_loop_is_not_held_up(backend: str) -> None:
    """What takes long is done in another thread; a caller's function in the loop's own, and awaited."""
    kind, threads, seen = ShellKind(backend), list[int](), list[object]()

    async def later(value: object) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(value)

    def flow() -> Flow[None]:
        yield from compute(lambda: threads.append(threading.get_ident()))
        yield from call(lambda _: threads.append(threading.get_ident()), None)
        yield from call(later, "value")

    kind.run(kind.foreign(), flow())
    assert threads[0] != threading.get_ident()
    assert threads[1] == threading.get_ident()
    assert seen == ["value"]


def test_what_is_streamed_goes_to_its_sink(kind: ShellKind) -> None:
    """The sink is told the head, and gets the pieces as they come; those before a fault, too."""
    got: list[object] = []

    def open_sink(head: Head) -> Sink:
        got.append(head)
        return take

    def take(chunk: bytes) -> bool:
        got.append(chunk)
        return True

    for error in (None, httpx.ReadError("cut")):
        got.clear()
        shell = kind.foreign(kind.http(answering(b"a", b"b", headers={"X-A": "b"}, status=206, error=error)))
        head = Head(206, {"x-a": "b"}, FAR)
        found = kind.run(shell, fetch(open_sink))
        assert found == (Fault("cut", was_sent=True) if error else head)
        assert got == [head, b"a", b"b"]


@pytest.mark.parametrize("backend", [None, "asyncio"])  # trio warns of what httpx leaves of such a body
def test_a_sink_may_have_enough(backend: str | None) -> None:
    """What a sink doesn't want is not read, nor is any of it without a sink."""
    kind = ShellKind(backend)
    got: list[bytes] = []

    def take(chunk: bytes) -> bool:
        got.append(chunk)
        return False

    body = Pieces(b"a", b"b", error=httpx.ReadError("read too far"))
    shell = kind.foreign(kind.http(lambda _: httpx.Response(200, stream=body)))
    assert kind.run(shell, fetch(lambda _: take)) == Head(200, {}, FAR)
    assert got == [b"a"]
    assert kind.run(shell, fetch(lambda _: None)) == Head(200, {}, FAR)


def test_an_error_of_a_sink_comes_out(kind: ShellKind) -> None:
    """An error of the disk is the caller's, and no fault of the other host's."""

    def open_sink(head: Head) -> Sink:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        kind.run(kind.foreign(kind.http(answering(b"a"))), fetch(open_sink))


def shells_of(kind: ShellKind, client: Any) -> list[AnyShell]:
    return [kind.foreign(client), kind.shell(client)]


@pytest.mark.parametrize("is_given", [False, True], ids=["its own client", "a caller's client"])
def test_a_closed_shell_fetches_no_more(kind: ShellKind, is_given: bool) -> None:  # noqa: FBT001 - a case
    """A shell that is closed can't ask other hosts, unless by a caller's client, which is not closed."""
    for shell in shells_of(kind, kind.http(answering()) if is_given else None):
        assert shell.can_fetch is True
        kind.close(shell)
        assert shell.can_fetch is is_given
        if is_given:
            assert kind.run(shell, fetch()) == Head(200, {}, FAR)
    assert ORIGIN not in FAR
