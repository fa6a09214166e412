"""Two ways to a server: an ASGI application in this process, or an origin over the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

import httpx
from anyio.from_thread import start_blocking_portal

from contract_tests.schema.server.exchange import Answer, Sent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from contextlib import AbstractContextManager

    from anyio.from_thread import BlockingPortal

    ASGIApp = Callable[
        [
            MutableMapping[str, Any],
            Callable[[], Awaitable[MutableMapping[str, Any]]],
            Callable[[MutableMapping[str, Any]], Awaitable[None]],
        ],
        Awaitable[None],
    ]

_HOP_BY_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive"})
_TIMEOUT_SECONDS = 60.0


class Backend(Protocol):
    """Sends one request and gives the answer; may be called from any thread."""

    def send(self, sent: Sent) -> Answer:
        """Send."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class AsgiBackend:
    """Calls an ASGI application without a socket.

    Args:
        app: The application.
        origin: What it is told that it is called by.
    """

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self._app = app
        self._host = urlsplit(origin).netloc
        self._opening: AbstractContextManager[BlockingPortal] | None = None
        self._portal: BlockingPortal | None = None

    def send(self, sent: Sent) -> Answer:
        """Call the application with one request."""
        if self._portal is None:
            self._opening = start_blocking_portal()
            self._portal = self._opening.__enter__()
        return self._portal.call(self._send, sent)

    def close(self) -> None:
        """Stop the event loop."""
        if self._opening is not None:
            self._opening.__exit__(None, None, None)
            self._opening = self._portal = None

    async def _send(self, sent: Sent) -> Answer:
        path, _, query = sent.target.partition("?")
        headers = [("host", self._host), *((n, v) for n, v in sent.headers if n.lower() not in _HOP_BY_HOP)]
        if sent.body or sent.method in {"POST", "PUT", "PATCH"}:
            headers.append(("content-length", str(len(sent.body))))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": sent.method,
            "scheme": "http",
            "path": unquote(path, errors="replace"),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        incoming: list[MutableMapping[str, Any]] = [
            {"type": "http.request", "body": sent.body, "more_body": False},
            {"type": "http.disconnect"},
        ]
        outgoing: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return incoming.pop(0) if len(incoming) > 1 else incoming[0]

        async def send(message: MutableMapping[str, Any]) -> None:
            outgoing.append(message)

        await self._app(scope, receive, send)
        start = next(message for message in outgoing if message["type"] == "http.response.start")
        return Answer(
            start["status"],
            tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in start.get("headers", ())),
            b"".join(m.get("body", b"") for m in outgoing if m["type"] == "http.response.body"),
        )


class HttpBackend:
    """Calls an origin over HTTP. Redirects are not followed: the key must not leave the origin.

    Args:
        origin: E.g. `https://staging.example`, without a slash at the end.
    """

    def __init__(self, origin: str) -> None:
        self._origin = httpx.URL(origin)
        self._client = httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=False)

    def send(self, sent: Sent) -> Answer:
        """Send one request."""
        # Blanks around a value mean nothing, and httpx sends none.
        headers = [
            (n, v.strip(" \t").encode("latin-1")) for n, v in sent.headers if n.lower() not in _HOP_BY_HOP
        ]
        request = httpx.Request(
            sent.method,
            self._origin.copy_with(raw_path=sent.target.encode("latin-1")),
            headers=[(n.encode("ascii"), v) for n, v in headers],
            content=sent.body or None,
        )
        response = self._client.send(request)
        return Answer(response.status_code, tuple(response.headers.multi_items()), response.content)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
