"""The two transports: they do the core's I/O with httpx, one with `await`, and decide nothing."""

from __future__ import annotations

import copy
import inspect
import sys
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio
import httpx

from kling_elements.api.content_coding import ContentCodingError, Decoder
from kling_elements.api.exchange import Exchange, KeptConnection
from kling_elements.api.httpx_adapter import (
    Body,
    Clients,
    KeyAuth,
    coding_of,
    external_request,
    no_response,
    response_despite,
    response_head,
    service_request,
    timed_out,
    total_seconds,
    watched,
    without_frames,
)
from kling_elements.api.log_redaction import redacted_logs, without_queries
from kling_elements.api.total_timeout import TotalTimeout
from kling_elements.types import SendState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from kling_elements.api.auth import Settings
    from kling_elements.types import (
        ExternalRequest,
        NoResponse,
        Outcome,
        Request,
        ResponseHead,
        Sink,
    )

T = TypeVar("T")

_MOST_KEPT = 100  # connections that a caller's client may have kept; httpx keeps 20 by default
_LEAST_PROGRESS = 16 * 1024  # bytes that a body must bring within each timeout


class SyncTransport:
    """The I/O of the synchronous client: it blocks, so that a coroutine over it never suspends.

    Every exchange has a connection of its own, is bounded in time as a whole, and follows no redirect, over
    a caller's client too.

    Args:
        settings: The service and the key; None for a transport that asks other hosts only.
        client: A client of the caller's for everything, which is not closed; None for our own.
        sleep: Sleeps for that many seconds.

    Raises:
        ValidationError: If the client is of another kind.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        client: httpx.Client | None = None,
        *,
        sleep: Callable[[float], object],
    ) -> None:
        self._settings = settings
        self._clients = Clients(httpx.Client, client)
        self._sleep = sleep

    @property
    def can_fetch(self) -> bool:
        """Whether other hosts can still be asked: not once it is closed, unless by a caller's client."""
        return self._clients.given is not None or not self._clients.is_closed

    def close(self) -> None:
        """Allow no further exchange."""
        self._clients.is_closed = True

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
        seconds = total_seconds(request.timeout, request.content)
        with (
            redacted_logs(without_queries),
            self._clients.open(request.url) as client,
            TotalTimeout(seconds) as limit,
        ):
            exchange = Exchange(limit.watch)
            try:
                response = self._open(client, lambda: external_request(request), exchange)
            except Exception as error:  # noqa: BLE001 - see `no_response`
                return timed_out(exchange) if limit.is_over else no_response(error, exchange)
            try:
                head = response_head(response)
                if sink := open_sink(head):
                    limit.extend(request.timeout)
                    if failure := self._pour(response, sink, request.timeout, limit, exchange):
                        return failure
            except ContentCodingError as error:
                return no_response(error, exchange)
            finally:
                response.close()
        return head

    @staticmethod
    def _pour(
        response: httpx.Response, sink: Sink, timeout: float, limit: TotalTimeout, exchange: Exchange
    ) -> NoResponse | None:
        """Pass a body to a sink; return what cut it off, if anything did. What the sink raises is raised."""
        decoder, received = Decoder(coding_of(response)), 0
        chunks = _chunks(response)
        while True:
            try:
                chunk = next(chunks, None)
            except Exception as error:  # noqa: BLE001 - see `no_response`
                return timed_out(exchange) if limit.is_over else no_response(error, exchange)
            if limit.is_over:
                return timed_out(exchange)
            if chunk is None or not all(map(sink, decoder.decode(chunk))):
                return None
            received += len(chunk)
            if received >= _LEAST_PROGRESS:
                received = 0
                limit.extend(timeout)

    async def send(self, request: Request, timeout: float, state: SendState | None = None) -> Outcome:
        """Send a request to the service, with the key."""
        if self._settings is None:
            raise TypeError("this transport knows no service")
        handled = sys.exc_info()[1]
        try:
            with redacted_logs(self._settings.key.redact):
                return self._send(request, timeout, self._settings, state or SendState())
        except BaseException as error:  # noqa: BLE001 - it is raised again
            raise without_frames(error, handled)  # noqa: B904 - it is the same

    def _send(self, request: Request, timeout: float, settings: Settings, state: SendState) -> Outcome:
        seconds = total_seconds(timeout, request.content)
        with self._clients.open(settings.base_url) as client, TotalTimeout(seconds) as limit:
            exchange = Exchange(limit.watch)
            try:
                response = self._open(
                    client,
                    lambda: service_request(client, settings, request, timeout),
                    exchange,
                    KeyAuth(settings),
                )
            except Exception as error:  # noqa: BLE001 - see `no_response`
                if (found := response_despite(error, exchange, settings.key)) is not None:
                    return found
                return timed_out(exchange) if limit.is_over else no_response(error, exchange, settings.key)
            finally:
                state.may_have_arrived = exchange.may_be_sent
            body = Body(response)
            try:
                for chunk in _chunks(response):
                    if not body.add(chunk) or limit.is_over:
                        break
                response.close()
            except Exception:  # noqa: BLE001, S110
                # The head is here, and perhaps the part of the body that names a paid task.
                pass
            return body.finish(settings.key)

    @staticmethod
    def _open(
        client: httpx.Client,
        make: Callable[[], httpx.Request],
        exchange: Exchange,
        auth: KeyAuth | None = None,
    ) -> httpx.Response:
        """Send a request over a connection that is opened for it."""
        for _ in range(_MOST_KEPT):
            request = watched(make(), exchange, exchange.note)
            try:
                return client.send(request, stream=True, auth=auth, follow_redirects=False)
            except KeptConnection:
                continue  # httpx has closed it
        raise httpx.PoolTimeout("http_client gives no new connection")


class AsyncTransport:
    """The I/O of the asynchronous client, under asyncio or trio; otherwise as `SyncTransport`."""

    def __init__(
        self,
        settings: Settings | None = None,
        client: httpx.AsyncClient | None = None,
        *,
        sleep: Callable[[float], object],
    ) -> None:
        self._settings = settings
        self._clients = Clients(httpx.AsyncClient, client)
        self._sleep = sleep

    @property
    def can_fetch(self) -> bool:
        """Whether other hosts can still be asked: not once it is closed, unless by a caller's client."""
        return self._clients.given is not None or not self._clients.is_closed

    async def aclose(self) -> None:
        """Allow no further exchange."""
        self._clients.is_closed = True

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
        from anyio import to_thread

        return await to_thread.run_sync(function)

    async def call(self, function: Callable[[Any], object], value: object) -> object:
        """Call a caller's function; what it returns is awaited if it can be."""
        result = function(value)
        return await result if inspect.isawaitable(result) else result

    async def stream(
        self, request: ExternalRequest, open_sink: Callable[[ResponseHead], Sink | None]
    ) -> ResponseHead | NoResponse:
        """Ask another host, without the key."""
        exchange = Exchange()
        with redacted_logs(without_queries):
            async with self._clients.open(request.url) as client:
                with anyio.move_on_after(total_seconds(request.timeout, request.content)) as limit:
                    try:
                        response = await self._open(client, lambda: external_request(request), exchange)
                    except Exception as error:  # noqa: BLE001 - see `no_response`
                        return no_response(error, exchange)
                    try:
                        head = response_head(response)
                        if sink := open_sink(head):
                            limit.deadline = anyio.current_time() + request.timeout
                            if failure := await self._pour(response, sink, request.timeout, limit, exchange):
                                return failure
                    except ContentCodingError as error:
                        return no_response(error, exchange)
                    finally:
                        await response.aclose()
                    return head
        return timed_out(exchange)

    @staticmethod
    async def _pour(
        response: httpx.Response, sink: Sink, timeout: float, limit: anyio.CancelScope, exchange: Exchange
    ) -> NoResponse | None:
        """Pass a body to a sink; return what cut it off, if anything did. What the sink raises is raised."""
        decoder, received = Decoder(coding_of(response)), 0
        chunks = _achunks(response)
        while True:
            try:
                chunk = await anext(chunks, None)
            except Exception as error:  # noqa: BLE001 - see `no_response`
                return no_response(error, exchange)
            if chunk is None or not all(map(sink, decoder.decode(chunk))):
                return None
            received += len(chunk)
            if received >= _LEAST_PROGRESS:
                received = 0
                limit.deadline = anyio.current_time() + timeout

    async def send(self, request: Request, timeout: float, state: SendState | None = None) -> Outcome:
        """Send a request to the service, with the key."""
        if self._settings is None:
            raise TypeError("this transport knows no service")
        handled = sys.exc_info()[1]
        try:
            with redacted_logs(self._settings.key.redact):
                return await self._send(request, timeout, self._settings, state or SendState())
        except BaseException as error:  # noqa: BLE001 - it is raised again
            raise without_frames(error, handled)  # noqa: B904 - it is the same

    async def _send(self, request: Request, timeout: float, settings: Settings, state: SendState) -> Outcome:
        exchange, body = Exchange(), None
        async with self._clients.open(settings.base_url) as client:
            with anyio.move_on_after(total_seconds(timeout, request.content)):
                try:
                    response = await self._open(
                        client,
                        lambda: service_request(client, settings, request, timeout),
                        exchange,
                        KeyAuth(settings),
                    )
                except Exception as error:  # noqa: BLE001 - see `no_response`
                    if (found := response_despite(error, exchange, settings.key)) is not None:
                        return found
                    return no_response(error, exchange, settings.key)
                finally:
                    state.may_have_arrived = exchange.may_be_sent
                body = Body(response)
                await self._read(response, body)
        return timed_out(exchange) if body is None else body.finish(settings.key)

    @staticmethod
    async def _read(response: httpx.Response, body: Body) -> None:
        try:
            async for chunk in _achunks(response):
                if not body.add(chunk):
                    break
        except Exception:  # noqa: BLE001, S110
            # The head is here, and perhaps the part of the body that names a paid task.
            pass
        finally:
            await response.aclose()

    @staticmethod
    async def _open(
        client: httpx.AsyncClient,
        make: Callable[[], httpx.Request],
        exchange: Exchange,
        auth: KeyAuth | None = None,
    ) -> httpx.Response:
        """Send a request over a connection that is opened for it."""
        for _ in range(_MOST_KEPT):
            request = watched(make(), exchange, exchange.anote)
            try:
                return await client.send(request, stream=True, auth=auth, follow_redirects=False)
            except KeptConnection:
                continue  # httpx has closed it
        raise httpx.PoolTimeout("http_client gives no new connection")


def _chunks(response: httpx.Response) -> Iterator[bytes]:
    """The body as it comes; decoded if a caller's hook has read it already."""
    return response.iter_bytes() if response.is_stream_consumed else response.iter_raw()


def _achunks(response: httpx.Response) -> AsyncIterator[bytes]:
    return response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()
