"""The way to a server: an ASGI application in this process, or an origin over the network."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import httpx
from anyio.from_thread import start_blocking_portal

from contract_tests.schema.server.exchange import Answer, Sent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from anyio.from_thread import BlockingPortal

    ASGIApp = Callable[
        [
            MutableMapping[str, Any],
            Callable[[], Awaitable[MutableMapping[str, Any]]],
            Callable[[MutableMapping[str, Any]], Awaitable[None]],
        ],
        Awaitable[None],
    ]

_HOP_BY_HOP: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive"})
_TIMEOUT_SECONDS: Final = 60.0


class Backend:
    """Sends requests, from any thread. Redirects are not followed: the key must not leave the origin.

    Args:
        origin: E.g. `https://staging.example`, without a slash at the end.
        app: An ASGI application to call in this process; None: the origin is called over the network.
    """

    def __init__(self, origin: str, app: ASGIApp | None = None) -> None:
        self._origin = httpx.URL(origin)
        self._transport = None if app is None else httpx.ASGITransport(app)
        self._stack = ExitStack()
        self._opened: tuple[BlockingPortal, httpx.AsyncClient] | None = None

    def send(self, sent: Sent) -> Answer:
        """Send one request."""
        if self._opened is None:
            portal = self._stack.enter_context(start_blocking_portal())
            client = httpx.AsyncClient(transport=self._transport, timeout=_TIMEOUT_SECONDS)
            self._stack.enter_context(portal.wrap_async_context_manager(client))
            self._opened = portal, client
        portal, client = self._opened
        # Blanks around a value mean nothing, and httpx sends none.
        headers = [
            (name.encode("ascii"), value.strip(" \t").encode("latin-1"))
            for name, value in sent.headers
            if name.lower() not in _HOP_BY_HOP
        ]
        url = self._origin.copy_with(raw_path=sent.target.encode("latin-1"))
        request = httpx.Request(sent.method, url, headers=headers, content=sent.body or None)
        response = portal.call(client.send, request)
        return Answer(response.status_code, tuple(response.headers.multi_items()), response.content)

    def close(self) -> None:
        """Close the connections, and stop the event loop."""
        self._stack.close()
        self._opened = None
