"""Violations on the client's wire: what httpx is given, and what it gives back, is changed on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import httpx
from attrs import define, field, frozen

from contract_tests.support.answers import Pieces
from contract_tests.support.contract import key_headers
from contract_tests.violations.violation import replaced
from kling_elements.api.io import run_sync

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Change = Callable[["Exchange"], object]

KEY_HEADERS: Final = frozenset(key_headers().values())


@define
class Exchange:
    """A request, and its response once there is one; changes assign to the attributes."""

    request: httpx.Request
    status: int = 0
    headers: httpx.Headers = field(factory=httpx.Headers)
    body: bytes = b""

    @property
    def is_ours(self) -> bool:
        """Whether the request carries the key, and so goes to the service."""
        return any(name in self.request.headers for name in KEY_HEADERS)

    @property
    def is_create(self) -> bool:
        """Whether the request creates a task."""
        return self.request.method == "POST" and "/image-to-video/" in self.request.url.path

    def send_instead(self, content: bytes) -> None:
        """Give the request another body."""
        old = self.request
        kept = [
            (k, v) for k, v in old.headers.multi_items() if k not in {"content-length", "transfer-encoding"}
        ]
        self.request = httpx.Request(
            old.method, old.url, headers=kept, content=content, extensions=old.extensions
        )

    def edit_json(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the response's JSON object in place; other bodies stay."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return
        if isinstance(value, dict):
            change(value)
            self.body = json.dumps(value).encode()


@frozen
class Wire:
    """Changes each exchange of every httpx client, synchronous and asynchronous.

    `before` changes the request, `after` the response; `again` says whether a request is sent again after its
    status (0: there was no response).
    """

    before: Change = lambda exchange: None
    after: Change | None = None
    again: Callable[[Exchange], bool] = lambda exchange: False

    def __call__(self) -> None:
        """Wrap what sends one request, the key in it and its redirects not yet followed."""
        replaced(self._in_turn, "httpx:Client._send_single_request")()
        replaced(self._awaited, "httpx:AsyncClient._send_single_request")()

    def _in_turn(self, real: Any) -> Any:
        def send(client: httpx.Client, request: httpx.Request) -> httpx.Response:
            async def ask(request: httpx.Request) -> httpx.Response:
                return real(client, request)  # type: ignore[no-any-return]

            async def read(response: httpx.Response) -> AsyncIterator[bytes]:
                for piece in response.iter_raw():
                    yield piece

            return run_sync(self._send(ask, read, request))

        return send

    def _awaited(self, real: Any) -> Any:
        async def send(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
            return await self._send(lambda asked: real(client, asked), httpx.Response.aiter_raw, request)

        return send

    async def _send(
        self,
        ask: Callable[[httpx.Request], Awaitable[httpx.Response]],
        read: Callable[[httpx.Response], AsyncIterator[bytes]],
        request: httpx.Request,
    ) -> httpx.Response:
        exchange = Exchange(request)
        self.before(exchange)
        try:
            response = await ask(exchange.request)
        except (httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError):
            if self.again(exchange):
                return await ask(exchange.request)
            raise
        exchange.status, exchange.headers = response.status_code, response.headers.copy()
        if self.again(exchange):
            return await ask(exchange.request)
        if self.after is None or "content-encoding" in exchange.headers:
            return response
        broke: Exception | None = None
        try:
            async for piece in read(response):
                exchange.body += piece
        except httpx.TransportError as error:
            broke = error
        was = exchange.body
        self.after(exchange)
        if exchange.body != was:
            exchange.headers.pop("content-length", None)
        return httpx.Response(
            exchange.status,
            headers=exchange.headers,
            stream=Pieces(exchange.body, error=broke),
            request=exchange.request,
            extensions={k: v for k, v in response.extensions.items() if k != "reason_phrase"},
        )
