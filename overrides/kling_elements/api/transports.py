"""The two transports: they do the core's I/O with httpx, one with `await`, and decide nothing."""

from __future__ import annotations

import copy
import inspect
import sys
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio
import anyio.to_thread
import httpx

from kling_elements.api.httpx_adapter import (
    SEND_ERRORS,
    STREAM_ERRORS,
    Body,
    KeyAuth,
    LazyClient,
    Trace,
    external_request,
    no_response,
    response_head,
    service_request,
    timed_out,
    without_frames,
)
from kling_elements.api.log_redaction import redacted_logs, without_queries
from kling_elements.api.total_timeout import TotalTimeout
from kling_elements.types import SendState

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.api.auth import Settings
    from kling_elements.types import (
        ExternalRequest,
        NoResponse,
        Outcome,
        Request,
        Response,
        ResponseHead,
        Sink,
    )

T = TypeVar("T")


class SyncTransport:
    """The I/O of the synchronous client: it blocks, so that a coroutine over it never suspends.

    Args:
        settings: The service and the key; None for a transport that asks other hosts only.
        client: A client of the caller's for everything, which is not closed; by default two of its own, so
            that the service's connections and cookies are never another host's.
        sleep: Sleeps for that many seconds.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        client: httpx.Client | None = None,
        *,
        sleep: Callable[[float], object],
    ) -> None:
        self._settings = settings
        self._auth = None if settings is None else KeyAuth(settings)
        self._service = LazyClient(httpx.Client, client, keeps_alive=False)
        self._external = LazyClient(httpx.Client, client)
        self._sleep = sleep

    @property
    def can_fetch(self) -> bool:
        """Whether other hosts can still be asked: not once it is closed, unless by a caller's client."""
        return self._external.is_usable

    def close(self) -> None:
        """Close the connections."""
        for client in (self._external, self._service):
            if (own := client.closed()) is not None:
                own.close()

    def with_sleep(self, sleep: Callable[[float], object]) -> Self:
        """Return the same transport with another sleep."""
        twin = copy.copy(self)
        twin._sleep = sleep  # noqa: SLF001 - its own class
        return twin

    async def sleep(self, seconds: float) -> None:
        """Sleep for that many seconds."""
        self._sleep(seconds)

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function that may block."""
        return function()

    async def call(self, function: Callable[[Any], object], value: object) -> object:
        """Call a caller's function."""
        return function(value)

    async def stream(
        self, request: ExternalRequest, open_sink: Callable[[ResponseHead], Sink | None]
    ) -> ResponseHead | NoResponse:
        """Ask another host, without the key."""
        try:
            with redacted_logs(without_queries):
                response = self._external.get().send(
                    external_request(request), stream=True, auth=None, follow_redirects=False
                )
                try:
                    head = response_head(response)
                    if sink := open_sink(head):
                        for chunk in response.iter_bytes():
                            if not sink(chunk):
                                break
                finally:
                    response.close()
        except STREAM_ERRORS as error:
            return no_response(error)
        return head

    async def send(self, request: Request, timeout: float, state: SendState | None = None) -> Outcome:
        """Send a request to the service, with the key."""
        if self._settings is None:
            raise TypeError("this transport knows no service")
        handled = sys.exc_info()[1]
        try:
            with redacted_logs(self._settings.key.redact), TotalTimeout(timeout) as limit:
                return self._ask(request, timeout, limit, self._settings, state or SendState())
        except BaseException as error:  # noqa: BLE001 - it is raised again
            raise without_frames(error, handled)  # noqa: B904 - it is the same

    def _ask(
        self, request: Request, timeout: float, limit: TotalTimeout, settings: Settings, state: SendState
    ) -> Outcome:
        trace = Trace(limit.watch)
        client = self._service.get()
        try:
            built = service_request(client, settings, request, timeout, trace.note)
        except SEND_ERRORS as error:
            return no_response(error, settings.key, was_sent=False)
        try:
            response = client.send(built, stream=True, auth=self._auth, follow_redirects=False)
        except SEND_ERRORS as error:
            if limit.is_over:
                return timed_out(was_sent=trace.may_be_sent)
            return no_response(error, settings.key, was_sent=trace.may_be_sent)
        finally:
            state.may_have_arrived = trace.may_be_sent
        limit.watch(response.extensions.get("network_stream"))
        return self._read(response, limit, settings)

    @staticmethod
    def _read(response: httpx.Response, limit: TotalTimeout, settings: Settings) -> Response:
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
        return body.response(response, settings.key)


class AsyncTransport:
    """The I/O of the asynchronous client, under asyncio or trio; arguments as for `SyncTransport`."""

    def __init__(
        self,
        settings: Settings | None = None,
        client: httpx.AsyncClient | None = None,
        *,
        sleep: Callable[[float], object],
    ) -> None:
        self._settings = settings
        self._auth = None if settings is None else KeyAuth(settings)
        self._service = LazyClient(httpx.AsyncClient, client, keeps_alive=False)
        self._external = LazyClient(httpx.AsyncClient, client)
        self._sleep = sleep

    @property
    def can_fetch(self) -> bool:
        """Whether other hosts can still be asked: not once it is closed, unless by a caller's client."""
        return self._external.is_usable

    async def aclose(self) -> None:
        """Close the connections."""
        for client in (self._external, self._service):
            if (own := client.closed()) is not None:
                await own.aclose()

    def with_sleep(self, sleep: Callable[[float], object]) -> Self:
        """Return the same transport with another sleep."""
        twin = copy.copy(self)
        twin._sleep = sleep  # noqa: SLF001 - its own class
        return twin

    async def sleep(self, seconds: float) -> None:
        """Sleep for that many seconds."""
        await self.call(self._sleep, seconds)

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function that may block, in a thread."""
        return await anyio.to_thread.run_sync(function)

    async def call(self, function: Callable[[Any], object], value: object) -> object:
        """Call a caller's function; what it returns is awaited if it can be."""
        result = function(value)
        return await result if inspect.isawaitable(result) else result

    async def stream(
        self, request: ExternalRequest, open_sink: Callable[[ResponseHead], Sink | None]
    ) -> ResponseHead | NoResponse:
        """Ask another host, without the key."""
        try:
            with redacted_logs(without_queries):
                response = await self._external.get().send(
                    external_request(request), stream=True, auth=None, follow_redirects=False
                )
                try:
                    head = response_head(response)
                    if sink := open_sink(head):
                        async for chunk in response.aiter_bytes():
                            if not sink(chunk):
                                break
                finally:
                    await response.aclose()
        except STREAM_ERRORS as error:
            return no_response(error)
        return head

    async def send(self, request: Request, timeout: float, state: SendState | None = None) -> Outcome:
        """Send a request to the service, with the key."""
        if self._settings is None:
            raise TypeError("this transport knows no service")
        handled = sys.exc_info()[1]
        try:
            with redacted_logs(self._settings.key.redact):
                return await self._ask(request, timeout, self._settings, state or SendState())
        except BaseException as error:  # noqa: BLE001 - it is raised again
            raise without_frames(error, handled)  # noqa: B904 - it is the same

    async def _ask(self, request: Request, timeout: float, settings: Settings, state: SendState) -> Outcome:
        trace, response, body = Trace(), None, Body()
        client = self._service.get()
        try:
            built = service_request(client, settings, request, timeout, trace.anote)
        except SEND_ERRORS as error:
            return no_response(error, settings.key, was_sent=False)
        with anyio.move_on_after(timeout):
            try:
                response = await client.send(built, stream=True, auth=self._auth, follow_redirects=False)
            except SEND_ERRORS as error:
                return no_response(error, settings.key, was_sent=trace.may_be_sent)
            finally:
                state.may_have_arrived = trace.may_be_sent
            await self._read(response, body)
        if response is None:
            return timed_out(was_sent=trace.may_be_sent)
        return body.response(response, settings.key)

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
