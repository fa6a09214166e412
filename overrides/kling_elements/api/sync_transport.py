"""The transport of the synchronous client: the core's I/O with httpx. It decides nothing."""

from __future__ import annotations

import os
import weakref
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

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
    coding_of,
    external_request,
    hide_location,
    no_response,
    response_despite,
    response_head,
    service_request,
    timed_out,
    total_seconds,
    watched,
)
from kling_elements.api.total_timeout import TotalTimeout
from kling_elements.log import RedactedLogs
from kling_elements.signal_handlers import raise_of_handler
from kling_elements.types import NoResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kling_elements.api.auth import Settings
    from kling_elements.external import ExternalRequest, ResponseHead
    from kling_elements.types import Outcome, Request, SendState, Sink

T = TypeVar("T")


class SyncClients(Clients[httpx.Client]):
    """Gives synchronous clients."""

    kind = httpx.Client
    response_hook = staticmethod(hide_location)
    _pool: Pool[httpx.Client] | None = None

    def pool(self) -> Pool[httpx.Client]:
        """Return the pool of this process."""
        if self._pool is None or not self._pool.is_ours:
            permits: SimpleQueue[None] = SimpleQueue()
            for _ in range(MOST_AT_ONCE):
                permits.put(None)
            self._pool = Pool(permits)
            weakref.finalize(self._pool, _close_all, self._pool.free, self._pool.process).atexit = False
        return self._pool

    def give_back(self, pool: Pool[httpx.Client], slot: Slot[httpx.Client]) -> None:
        """Keep a slot for the next exchange."""
        if pool.is_closed:
            slot.client.close()
        else:
            pool.free.append(slot)

    def close(self) -> None:
        """Give no further client of ours, and close those that are not in use."""
        self.is_closed = True
        if self._pool is not None and self._pool.is_ours:
            self._pool.is_closed = True
            _close_all(self._pool.free, self._pool.process)


def _close_all(free: list[Slot[httpx.Client]], process: int) -> None:
    while free and process == os.getpid():
        free.pop().client.close()


class SyncTransport(BaseTransport[SyncClients]):
    """The I/O of the synchronous client: it blocks, so that a coroutine over it never suspends.

    Every exchange is bounded in time as a whole, and follows no redirect, over a caller's client too. A look
    at the service may go over a kept connection; every other exchange has one of its own.

    Args:
        settings: The service and the key; None for a transport that asks other hosts only.
        client: A client of the caller's for everything, which is not closed; None for our own.
        sleep: Sleeps for that many seconds.

    Raises:
        ValidationError: If the client is of another kind.
    """

    awaits = False

    def __init__(
        self,
        settings: Settings | None = None,
        client: httpx.Client | None = None,
        *,
        sleep: Callable[[float], object],
    ) -> None:
        super().__init__(SyncClients(client), settings, sleep)

    def close(self) -> None:
        """Allow no further exchange."""
        self._clients.close()

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
            RedactedLogs(),
            self._clients.open(request.url) as client,
            TotalTimeout(seconds) as limit,
        ):
            exchange = Exchange(limit.watch)
            try:
                response = _open(client, lambda: external_request(request), exchange)
            except Exception as error:  # noqa: BLE001 - see `no_response`
                raise_of_handler(error)
                return timed_out(exchange) if limit.is_over else no_response(error, exchange)
            try:
                head = response_head(response)
                if sink := open_sink(head):
                    limit.extend(request.timeout)
                    if failure := _pour(response, sink, request.timeout, limit, exchange):
                        return failure
            except ContentCodingError as error:
                return no_response(error, exchange)
            finally:
                response.close()
        return head

    async def _send(self, request: Request, timeout: float, settings: Settings, state: SendState) -> Outcome:
        outcome: Outcome = NoResponse("nothing was tried", was_sent=False)
        with TotalTimeout(total_seconds(timeout, request.content)) as limit:
            for exchange in attempts(request):
                exchange.on_opened = limit.watch
                if exchange.may_keep and self._clients.given is None:
                    outcome = self._send_in_turn(request, timeout, settings, exchange, limit)
                else:
                    with self._clients.open(settings.base_url) as client:
                        try:
                            outcome = self._exchange(client, request, timeout, settings, exchange, limit)
                        finally:
                            state.may_have_arrived = exchange.may_be_sent
                if not exchange.is_stale or limit.is_over:
                    break
        return outcome

    def _send_in_turn(
        self, request: Request, timeout: float, settings: Settings, exchange: Exchange, limit: TotalTimeout
    ) -> Outcome:
        """Send a look over a kept connection of ours, once fewer than `MOST_AT_ONCE` others are under way."""
        pool = self._clients.pool()
        try:
            pool.gate.get(timeout=limit.left)
        except Empty:
            return timed_out(exchange)
        try:
            slot = self._clients.slot(pool, settings.base_url)
            if slot.connection is not None:
                limit.watch(slot.connection)

            def opened(stream: Any) -> None:
                slot.connection = stream
                limit.watch(stream)

            exchange.on_opened = opened
            outcome = self._exchange(slot.client, request, timeout, settings, exchange, limit)
            self._clients.give_back(pool, slot)
        finally:
            pool.gate.put(None)
        return outcome

    def _exchange(  # noqa: PLR0913, PLR0917 - what one exchange needs
        self,
        client: httpx.Client,
        request: Request,
        timeout: float,
        settings: Settings,
        exchange: Exchange,
        limit: TotalTimeout,
    ) -> Outcome:
        def make() -> WatchedRequest:
            return service_request(self._clients.given, settings, request, timeout)

        try:
            response = _open(client, make, exchange, KeyAuth(settings))
        except Exception as error:  # noqa: BLE001 - see `no_response`
            raise_of_handler(error)
            if (found := response_despite(error, exchange, settings.key)) is not None:
                return found
            return timed_out(exchange) if limit.is_over else no_response(error, exchange, settings.key)
        if exchange.was_kept and self._clients.given is not None:
            limit.watch(response.extensions["network_stream"])
        body = Body(response)
        try:
            for chunk in _chunks(response):
                if not body.add(chunk) or limit.is_over:
                    break
            response.close()
        except Exception as error:  # noqa: BLE001
            # The head is here, and perhaps the part of the body that names a paid task.
            if request.method == "GET":
                raise_of_handler(error)
        return body.finish(settings.key)


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
            raise_of_handler(error)
            return timed_out(exchange) if limit.is_over else no_response(error, exchange)
        if limit.is_over:
            return timed_out(exchange)
        if chunk is None or not all(map(sink, decoder.decode(chunk))):
            return None
        received += len(chunk)
        if received >= LEAST_PROGRESS:
            received = 0
            limit.extend(timeout)


def _open(
    client: httpx.Client,
    make: Callable[[], WatchedRequest],
    exchange: Exchange,
    auth: KeyAuth | None = None,
) -> httpx.Response:
    """Send a request, over a new connection unless the exchange may keep one."""
    for _ in range(MOST_KEPT):
        request = watched(make(), exchange, exchange.note)
        try:
            return client.send(request, stream=True, auth=auth, follow_redirects=False)
        except KeptConnection:
            continue  # httpx has closed it
    raise httpx.PoolTimeout("http_client gives no new connection")


def _chunks(response: httpx.Response) -> Iterator[bytes]:
    """The body as it comes; decoded if a caller's hook has read it already."""
    return response.iter_bytes() if response.is_stream_consumed else response.iter_raw()
