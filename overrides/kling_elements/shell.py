"""The two shells: they perform the effects of flows with httpx, one with `await`, and decide nothing."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread
import httpx

from kling_elements.effects import Call, Compute, Effect, Flow, Head, Send, Stream, _io
from kling_elements.log_redaction import redacted_logs, without_queries
from kling_elements.time_limit import TimeLimit
from kling_elements.tracing import Trace
from kling_elements.transport import (
    SEND_ERRORS,
    STREAM_ERRORS,
    Body,
    KeyAuth,
    LateClient,
    fault_of,
    foreign_request,
    head_of,
    service_request,
    too_slow,
    without_frames,
)

if TYPE_CHECKING:
    from kling_elements.answers import Answer
    from kling_elements.decisions import Fault, Outcome
    from kling_elements.settings import Settings

T = TypeVar("T")


class ForeignShell:
    """Performs every effect but `Send`: it has no key and knows no service.

    Args:
        client: A client of the caller's, which is not closed; by default one of its own.
    """

    def __init__(self, client: httpx.Client | None = None) -> None:
        self._foreign = LateClient(httpx.Client, client)
        self._is_closed = False

    def run(self, flow: Flow[T]) -> T:
        """Run a coroutine that never suspends, as all of its I/O is done here."""
        token = _io.set(self)
        try:
            flow.send(None)
        except StopIteration as stop:
            value: T = stop.value
            return value
        finally:
            _io.reset(token)
            flow.close()
        raise RuntimeError("a coroutine suspended without an event loop")

    async def perform(self, effect: Effect) -> Any:
        return self._perform(effect)

    @property
    def can_fetch(self) -> bool:
        """Whether other hosts can still be asked: not once it is closed, unless by a caller's client."""
        return self._foreign.given is not None or not self._is_closed

    def close(self) -> None:
        """Close the connections."""
        self._is_closed = True
        if self._foreign.own is not None:
            self._foreign.own.close()

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Stream():
                return self._stream(effect)
            case Compute(function):
                return function()
            case Call(function, value):
                return function(value)
            case Send():
                raise TypeError("this shell knows no service")

    def _stream(self, effect: Stream) -> Head | Fault:
        try:
            with redacted_logs(without_queries):
                response = self._foreign.get().send(
                    foreign_request(effect), stream=True, auth=None, follow_redirects=False
                )
                try:
                    head = head_of(response)
                    if sink := effect.open_sink(head):
                        for chunk in response.iter_bytes():
                            if not sink(chunk):
                                break
                finally:
                    response.close()
        except STREAM_ERRORS as error:
            return fault_of(error)
        return head


class Shell(ForeignShell):
    """Performs all effects of the synchronous client.

    Args:
        settings: The service and the key.
        client: A client of the caller's for everything, which is not closed; by default two of its own, so
            that the service's connections and cookies are never another host's.
    """

    def __init__(self, settings: Settings, client: httpx.Client | None = None) -> None:
        super().__init__(client)
        self._settings = settings
        self._auth = KeyAuth(settings)
        self._service = LateClient(httpx.Client, client, keeps_alive=False)

    def close(self) -> None:
        """Close the connections."""
        super().close()
        if self._service.own is not None:
            self._service.own.close()

    def _perform(self, effect: Effect) -> Any:
        return self._send(effect) if isinstance(effect, Send) else super()._perform(effect)

    def _send(self, effect: Send) -> Outcome:
        handled = sys.exc_info()[1]
        try:
            with redacted_logs(self._settings.key.redact), TimeLimit(effect.timeout) as limit:
                return self._ask(effect, limit)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            raise without_frames(error, handled)  # noqa: B904 - it is the same

    def _ask(self, effect: Send, limit: TimeLimit) -> Outcome:
        trace = Trace(limit.watch)
        client = self._service.get()
        try:
            request = service_request(client, self._settings, effect, trace.note)
        except SEND_ERRORS as error:
            return fault_of(error, self._settings.key, was_sent=False)
        try:
            response = client.send(request, stream=True, auth=self._auth, follow_redirects=False)
        except SEND_ERRORS as error:
            if limit.is_over:
                return too_slow(was_sent=trace.may_be_sent)
            return fault_of(error, self._settings.key, was_sent=trace.may_be_sent)
        limit.watch(response.extensions.get("network_stream"))
        return self._read(response, limit)

    def _read(self, response: httpx.Response, limit: TimeLimit) -> Answer:
        body = Body()
        try:
            for chunk in response.iter_bytes():
                if not body.add(chunk) or limit.is_over:
                    break
        except SEND_ERRORS:
            # The head is here, and perhaps the part of the body that names a paid task.
            pass
        finally:
            response.close()
        return body.answer(response, self._settings.key)


class AsyncForeignShell:
    """`ForeignShell`, asynchronous, under asyncio or trio."""

    def __init__(self, client: httpx.AsyncClient | None = None) -> None:
        self._foreign = LateClient(httpx.AsyncClient, client)
        self._is_closed = False

    async def run(self, flow: Flow[T]) -> T:
        """Run a coroutine."""
        token = _io.set(self)
        try:
            return await flow
        finally:
            _io.reset(token)

    async def perform(self, effect: Effect) -> Any:
        return await self._perform(effect)

    @property
    def can_fetch(self) -> bool:
        """Whether other hosts can still be asked: not once it is closed, unless by a caller's client."""
        return self._foreign.given is not None or not self._is_closed

    async def aclose(self) -> None:
        """Close the connections."""
        self._is_closed = True
        if self._foreign.own is not None:
            await self._foreign.own.aclose()

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Stream():
                return await self._stream(effect)
            case Compute(function):
                return await anyio.to_thread.run_sync(function)
            case Call(function, value):
                result = function(value)
                return await result if inspect.isawaitable(result) else result
            case Send():
                raise TypeError("this shell knows no service")

    async def _stream(self, effect: Stream) -> Head | Fault:
        try:
            with redacted_logs(without_queries):
                response = await self._foreign.get().send(
                    foreign_request(effect), stream=True, auth=None, follow_redirects=False
                )
                try:
                    head = head_of(response)
                    if sink := effect.open_sink(head):
                        async for chunk in response.aiter_bytes():
                            if not sink(chunk):
                                break
                finally:
                    await response.aclose()
        except STREAM_ERRORS as error:
            return fault_of(error)
        return head


class AsyncShell(AsyncForeignShell):
    """`Shell`, asynchronous, under asyncio or trio."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient | None = None) -> None:
        super().__init__(client)
        self._settings = settings
        self._auth = KeyAuth(settings)
        self._service = LateClient(httpx.AsyncClient, client, keeps_alive=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await super().aclose()
        if self._service.own is not None:
            await self._service.own.aclose()

    async def _perform(self, effect: Effect) -> Any:
        return await self._send(effect) if isinstance(effect, Send) else await super()._perform(effect)

    async def _send(self, effect: Send) -> Outcome:
        handled = sys.exc_info()[1]
        try:
            with redacted_logs(self._settings.key.redact):
                return await self._ask(effect)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            raise without_frames(error, handled)  # noqa: B904 - it is the same

    async def _ask(self, effect: Send) -> Outcome:
        trace, response, body = Trace(), None, Body()
        client = self._service.get()
        try:
            request = service_request(client, self._settings, effect, trace.anote)
        except SEND_ERRORS as error:
            return fault_of(error, self._settings.key, was_sent=False)
        with anyio.move_on_after(effect.timeout):
            try:
                response = await client.send(request, stream=True, auth=self._auth, follow_redirects=False)
            except SEND_ERRORS as error:
                return fault_of(error, self._settings.key, was_sent=trace.may_be_sent)
            await self._read(response, body)
        if response is None:
            return too_slow(was_sent=trace.may_be_sent)
        return body.answer(response, self._settings.key)

    @staticmethod
    async def _read(response: httpx.Response, body: Body) -> None:
        try:
            async for chunk in response.aiter_bytes():
                if not body.add(chunk):
                    break
        except SEND_ERRORS:
            # The head is here, and perhaps the part of the body that names a paid task.
            pass
        finally:
            await response.aclose()
