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

    Change = Callable[["Exchange"], None]

_KEY_HEADERS: Final = frozenset(key_headers().values())


@define
class Exchange:
    """A request, and its response once there is one; changes assign to the attributes.

    Attributes:
        request: What is sent.
        status: The response's status.
        headers: The response's headers.
        body: The response's bytes.
    """

    request: httpx.Request
    status: int = 0
    headers: httpx.Headers = field(factory=httpx.Headers)
    body: bytes = b""

    @property
    def is_ours(self) -> bool:
        """Whether the request carries the key, and so goes to the service."""
        return any(name in self.request.headers for name in _KEY_HEADERS)

    @property
    def is_create(self) -> bool:
        """Whether the request creates a task."""
        path = self.request.url.path
        return self.request.method == "POST" and "/image-to-video/" in path

    def rewrite(self, **changed: Any) -> None:
        """Change parts of the request: `url`, `headers`, `content`."""
        old = self.request
        headers = changed.get("headers", old.headers).copy()
        headers.pop("content-length", None)
        headers.pop("transfer-encoding", None)
        extensions = old.extensions
        self.request = httpx.Request(
            old.method,
            changed.get("url", old.url),
            headers=headers,
            content=changed.get("content", old.content),
            extensions=extensions,
        )

    def edit_json(self, change: Callable[[dict[str, Any]], Any]) -> None:
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

    Attributes:
        before: Changes the request.
        after: Changes the response.
        again: Says whether a request is sent a second time after this status (0: there was no response).
        options: Overrides what `send` is called with.
    """

    before: Change | None = None
    after: Change | None = None
    again: Callable[[Exchange], bool] | None = None
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
            if self.again and self.again(exchange):
                return await ask(exchange.request, **options)
            raise
        exchange.status = response.status_code
        if self.again and self.again(exchange):
            return await ask(exchange.request, **options)
        if self.after is None:
            return response
        pieces: list[bytes] = []
        try:
            async for piece in read(response):
                pieces += [piece]
        except httpx.TransportError as error:
            return self._after(exchange, response, pieces, error)
        return self._after(exchange, response, pieces, None)

    def _after(
        self, exchange: Exchange, response: httpx.Response, pieces: list[bytes], error: Exception | None
    ) -> httpx.Response:
        exchange.headers, exchange.body = response.headers.copy(), b"".join(pieces)
        if self.after is not None and "content-encoding" not in exchange.headers:
            self.after(exchange)
        if exchange.body != b"".join(pieces):
            pieces = [exchange.body]
            exchange.headers.pop("content-length", None)
        return httpx.Response(
            exchange.status,
            headers=exchange.headers,
            stream=Pieces(*pieces, error=error),
            request=exchange.request,
            extensions={k: v for k, v in response.extensions.items() if k != "reason_phrase"},
        )
