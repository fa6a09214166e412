"""Violations on the client's wire: what httpx is given, and what it gives back, is changed on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import httpx
from attrs import define, field, frozen

from contract_tests.support.answers import Pieces
from contract_tests.support.contract import key_headers
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
        headers = old.headers.copy()
        for name in ("content-length", "transfer-encoding"):
            headers.pop(name, None)
        self.request = httpx.Request(
            old.method, old.url, headers=headers, content=content, extensions=old.extensions
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
    """Wraps every httpx client, synchronous and asynchronous.

    `before` changes the request, `after` the response; `again` says whether a request is sent again after its
    status (0: there was no response); `options` overrides what `send` is called with.
    """

    before: Change | None = None
    after: Change | None = None
    again: Callable[[Exchange], bool] = lambda exchange: False
    options: dict[str, Any] = field(factory=dict)

    def __call__(self) -> None:
        """Wrap `httpx.Client.send` and `httpx.AsyncClient.send`."""
        send, send_async = httpx.Client.send, httpx.AsyncClient.send

        def changed(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
            async def ask(request: httpx.Request, **options: Any) -> httpx.Response:
                return send(client, request, **options)

            async def read(response: httpx.Response) -> AsyncIterator[bytes]:
                for piece in response.iter_raw():
                    yield piece

            return run_sync(self._send(ask, read, request, options))

        async def changed_async(
            client: httpx.AsyncClient, request: httpx.Request, **options: Any
        ) -> httpx.Response:
            async def ask(request: httpx.Request, **options: Any) -> httpx.Response:
                return await send_async(client, request, **options)

            return await self._send(ask, httpx.Response.aiter_raw, request, options)

        httpx.Client.send = changed  # type: ignore[method-assign,assignment]
        httpx.AsyncClient.send = changed_async  # type: ignore[method-assign,assignment]

    async def _send(
        self,
        ask: Callable[..., Awaitable[httpx.Response]],
        read: Callable[[httpx.Response], AsyncIterator[bytes]],
        request: httpx.Request,
        options: dict[str, Any],
    ) -> httpx.Response:
        # The key is put in by an auth object inside `send`: put it in now, so that a change can see it.
        if isinstance(auth := options.get("auth"), httpx.Auth):
            request, options["auth"] = next(auth.auth_flow(request)), None
        exchange = Exchange(request)
        if self.before:
            self.before(exchange)
        options |= self.options
        try:
            response = await ask(exchange.request, **options)
        except (httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError):
            if self.again(exchange):
                return await ask(exchange.request, **options)
            raise
        exchange.status, exchange.headers = response.status_code, response.headers.copy()
        if self.again(exchange):
            return await ask(exchange.request, **options)
        return await self._changed(exchange, response, read(response)) if self.after else response

    async def _changed(
        self, exchange: Exchange, response: httpx.Response, read: AsyncIterator[bytes]
    ) -> httpx.Response:
        pieces: list[bytes] = []
        broke: Exception | None = None
        try:
            async for piece in read:
                pieces += [piece]
        except httpx.TransportError as error:
            broke = error
        exchange.body = b"".join(pieces)
        if self.after and "content-encoding" not in exchange.headers:
            self.after(exchange)
        if exchange.body != b"".join(pieces):
            pieces = [exchange.body]
            exchange.headers.pop("content-length", None)
        return httpx.Response(
            exchange.status,
            headers=exchange.headers,
            stream=Pieces(*pieces, error=broke),
            request=exchange.request,
            extensions={k: v for k, v in response.extensions.items() if k != "reason_phrase"},
        )
