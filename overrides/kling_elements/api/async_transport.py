"""The transport of the asynchronous client: the core's I/O with httpx. It decides nothing."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import httpx
from anyio.lowlevel import RunVar, checkpoint_if_cancelled

from kling_elements.api.base_transport import (
    LEAST_PROGRESS,
    MOST_AT_ONCE,
    MOST_KEPT,
    BaseTransport,
    Clients,
    Pool,
    Slot,
    attempts,
)
from kling_elements.api.content_coding import ContentCodingError, Decoder
from kling_elements.api.exchange import Exchange, KeptConnection
from kling_elements.api.httpx_adapter import (
    Body,
    KeyAuth,
    WatchedRequest,
    ahide_location,
    coding_of,
    external_request,
    no_response,
    response_despite,
    response_head,
    service_request,
    timed_out,
    total_seconds,
    watched,
)
from kling_elements.api.threads import run_in_thread
from kling_elements.log import RedactedLogs
from kling_elements.signal_handlers import raise_of_handler

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from kling_elements.api.auth import Settings
    from kling_elements.external import ExternalRequest, ResponseHead
    from kling_elements.types import NoResponse, Outcome, Request, SendState, Sink

T = TypeVar("T")


class AsyncClients(Clients[httpx.AsyncClient]):
    """Gives asynchronous clients."""

    kind = httpx.AsyncClient
    response_hook = staticmethod(ahide_location)

    def __init__(self, given: httpx.AsyncClient | None = None) -> None:
        super().__init__(given)
        # Each event loop has its own values.
        self._pools: RunVar[Pool[httpx.AsyncClient] | None] = RunVar("kling_elements_pool")
        self._has_asked: RunVar[bool] = RunVar("kling_elements_has_asked")

    async def pool(self) -> Pool[httpx.AsyncClient]:
        """Return the pool of this process and event loop."""
        pool = self._pools.get(None)
        if pool is None or not pool.is_ours:
            pool = Pool(anyio.Semaphore(MOST_AT_ONCE))
            pool.closing = _closing_with_loop(pool)
            await anext(pool.closing)
            self._pools.set(pool)
        return pool

    def is_in_same_loop(self) -> bool:
        """Whether the caller's client was used in this event loop before, so that its connections work."""
        had_asked = self._has_asked.get(False)
        if not had_asked:
            self._has_asked.set(True)
        return had_asked

    async def give_back(self, pool: Pool[httpx.AsyncClient], slot: Slot[httpx.AsyncClient]) -> None:
        """Keep a slot for the next exchange."""
        if pool.is_closed:
            await slot.client.aclose()
        else:
            pool.free.append(slot)

    async def aclose(self) -> None:
        """Give no further client of ours, and close those of this event loop that are not in use."""
        self.is_closed = True
        pool = self._pools.get(None)
        if pool is not None and pool.is_ours:
            await pool.closing.aclose()


async def _closing_with_loop(pool: Pool[httpx.AsyncClient]) -> AsyncGenerator[None]:
    """Close a pool when this generator is closed. An event loop closes those that are left at its end."""
    try:
        yield
    finally:
        pool.is_closed = True
        while pool.free and pool.is_ours:
            await pool.free.pop().client.aclose()


class AsyncTransport(BaseTransport[AsyncClients]):
    """The I/O of the asynchronous client, under asyncio or trio; otherwise as `SyncTransport`."""

    awaits = True

    def __init__(
        self,
        settings: Settings | None = None,
        client: httpx.AsyncClient | None = None,
        *,
        sleep: Callable[[float], object],
    ) -> None:
        super().__init__(AsyncClients(client), settings, sleep)

    async def aclose(self) -> None:
        """Allow no further exchange."""
        await self._clients.aclose()

    async def sleep(self, seconds: float) -> None:
        """Sleep for that many seconds."""
        await self.call(self._sleep, seconds)

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function that may block, in a thread."""
        return await run_in_thread(function)

    async def call(self, function: Callable[[Any], object], value: object) -> object:
        """Call a caller's function; what it returns is awaited if it can be."""
        result = function(value)
        return await result if inspect.isawaitable(result) else result

    async def stream(
        self, request: ExternalRequest, open_sink: Callable[[ResponseHead], Sink | None]
    ) -> ResponseHead | NoResponse:
        """Ask another host, without the key."""
        exchange = Exchange()
        with RedactedLogs():
            async with self._clients.open(request.url) as client:
                with anyio.move_on_after(total_seconds(request.timeout, request.content)) as limit:
                    try:
                        response = await _open(client, lambda: external_request(request), exchange)
                    except Exception as error:  # noqa: BLE001 - see `no_response`
                        raise_of_handler(error)
                        return no_response(error, exchange)
                    try:
                        head = response_head(response)
                        if sink := open_sink(head):
                            limit.deadline = anyio.current_time() + request.timeout
                            if failure := await _pour(response, sink, request.timeout, limit, exchange):
                                return failure
                    except ContentCodingError as error:
                        return no_response(error, exchange)
                    finally:
                        await response.aclose()
                    return head
        return timed_out(exchange)

    async def _send(self, request: Request, timeout: float, settings: Settings, state: SendState) -> Outcome:
        exchange = Exchange()
        with anyio.move_on_after(total_seconds(timeout, request.content)):
            may_keep = self._clients.given is None or self._clients.is_in_same_loop()
            for exchange in attempts(request, may_keep=may_keep):
                if exchange.may_keep and self._clients.given is None:
                    outcome = await self._send_in_turn(request, timeout, settings, exchange)
                else:
                    # Here it is known that nothing was sent; soon only httpcore knows.
                    await checkpoint_if_cancelled()
                    async with self._clients.open(settings.base_url) as client:
                        try:
                            outcome = await self._exchange(client, request, timeout, settings, exchange)
                        finally:
                            state.may_have_arrived = exchange.may_be_sent
                if not exchange.is_stale:
                    return outcome
        return timed_out(exchange) if exchange.body is None else exchange.body.finish(settings.key)

    async def _send_in_turn(
        self, request: Request, timeout: float, settings: Settings, exchange: Exchange
    ) -> Outcome:
        """Send a look over a kept connection of ours, once fewer than `MOST_AT_ONCE` others are under way."""
        pool = await self._clients.pool()
        async with pool.gate:
            slot = self._clients.slot(pool, settings.base_url)
            outcome = await self._exchange(slot.client, request, timeout, settings, exchange)
            await self._clients.give_back(pool, slot)
        return outcome

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        request: Request,
        timeout: float,
        settings: Settings,
        exchange: Exchange,
    ) -> Outcome:
        def make() -> WatchedRequest:
            return service_request(self._clients.given, settings, request, timeout)

        try:
            response = await _open(client, make, exchange, KeyAuth(settings))
        except Exception as error:  # noqa: BLE001 - see `no_response`
            raise_of_handler(error)
            if (found := response_despite(error, exchange, settings.key)) is not None:
                return found
            return no_response(error, exchange, settings.key)
        body = exchange.body = Body(response)
        try:
            async for chunk in _chunks(response):
                if not body.add(chunk):
                    break
        except Exception as error:  # noqa: BLE001
            # The head is here, and perhaps the part of the body that names a paid task.
            if request.method == "GET":
                raise_of_handler(error)
        finally:
            await response.aclose()
        return body.finish(settings.key)


async def _pour(
    response: httpx.Response, sink: Sink, timeout: float, limit: anyio.CancelScope, exchange: Exchange
) -> NoResponse | None:
    """Pass a body to a sink; return what cut it off, if anything did. What the sink raises is raised."""
    decoder, received = Decoder(coding_of(response)), 0
    chunks = _chunks(response)
    while True:
        try:
            chunk = await anext(chunks, None)
        except Exception as error:  # noqa: BLE001 - see `no_response`
            raise_of_handler(error)
            return no_response(error, exchange)
        if chunk is None or not all(map(sink, decoder.decode(chunk))):
            return None
        received += len(chunk)
        if received >= LEAST_PROGRESS:
            received = 0
            limit.deadline = anyio.current_time() + timeout


async def _open(
    client: httpx.AsyncClient,
    make: Callable[[], WatchedRequest],
    exchange: Exchange,
    auth: KeyAuth | None = None,
) -> httpx.Response:
    """Send a request, over a new connection unless the exchange may keep one."""
    for _ in range(MOST_KEPT):
        request = watched(make(), exchange, exchange.anote)
        try:
            return await client.send(request, stream=True, auth=auth, follow_redirects=False)
        except KeptConnection:
            continue  # httpx has closed it
    raise httpx.PoolTimeout("http_client gives no new connection")


def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    return response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()
