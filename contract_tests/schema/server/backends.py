"""The way to a server: an ASGI application in this process, or an origin over the network."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

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
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)


class NoAnswerError(Exception):
    """No whole answer came; the message says what came instead."""


class Backend:
    """Sends requests, from any thread.

    Args:
        origin: E.g. `https://staging.example`, without a slash at the end.
        app: An ASGI application to call in this process; None: the origin is called over the network.
    """

    def __init__(self, origin: str, app: ASGIApp | None = None) -> None:
        self._origin = httpx.URL(origin)
        self._transport = None if app is None else httpx.ASGITransport(app)
        self._stack = ExitStack()
        self._opened: tuple[BlockingPortal, httpx.AsyncClient] | None = None
        self.offered: frozenset[str] | None = None  # names of scenarios, once they were asked for

    def send(self, sent: Sent) -> Answer:
        """Send one request. Redirects are not followed: the key must not leave the origin.

        Raises:
            NoAnswerError: There is no answer, or one that breaks HTTP.
        """
        # Blanks around a value mean nothing, and httpx sends none.
        headers = [
            (name.encode("ascii"), value.strip(" \t").encode("latin-1"))
            for name, value in sent.headers
            if name.lower() not in _HOP_BY_HOP
        ]
        url = self._origin.copy_with(raw_path=sent.target.encode("latin-1"))
        request = httpx.Request(sent.method, url, headers=headers, content=sent.body or None)
        return self._answer(request)

    def fetch(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        """Call any address without a key, following redirects.

        Raises:
            NoAnswerError: There is no answer, or the address can't be called.
        """
        parts = urlsplit(url)
        try:
            request = httpx.Request(method, url, headers=headers, content=body or None)
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            raise NoAnswerError(f"{url!r}: {error}") from None
        if (parts.scheme, parts.netloc) == (self._origin.scheme, self._origin.netloc.decode()):
            return self._answer(request, follow_redirects=True)
        try:
            with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
                return _answer_of(client.send(request))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from None

    def _answer(self, request: httpx.Request, **options: Any) -> Answer:
        if self._opened is None:
            portal = self._stack.enter_context(start_blocking_portal())
            client = httpx.AsyncClient(transport=self._transport, timeout=_TIMEOUT)
            self._stack.enter_context(portal.wrap_async_context_manager(client))
            self._opened = portal, client
        portal, client = self._opened
        try:
            return _answer_of(portal.call(lambda: client.send(request, **options)))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from None

    def close(self) -> None:
        """Close the connections, and stop the event loop."""
        self._stack.close()
        self._opened = None


def _answer_of(response: httpx.Response) -> Answer:
    return Answer(response.status_code, tuple(response.headers.multi_items()), response.content)
