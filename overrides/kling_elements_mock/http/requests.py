"""Read a request: Starlette's, with an exact path, joined headers and a bounded body."""

from __future__ import annotations

from contextlib import aclosing
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request

from kling_elements_mock.document.validation import Carried

if TYPE_CHECKING:
    from kling_elements_mock.document.openapi import Operation


class MockRequest(Request):
    """Starlette's request, where the mock is stricter.

    Starlette decodes the path, takes one of repeated headers, trusts `Host`, and reads a body of any size.

    Attributes:
        content: The body, once it was read; None if it was too large.
        operation: What is called, once that is known.
    """

    content: bytes | None = b""
    operation: Operation | None = None

    async def read(self, most: int) -> None:
        """Read the body, of at most so many bytes; raises ClientDisconnect.

        Up to four times as many bytes are read and dropped: a client that still sends would otherwise see its
        connection break instead of the refusal.
        """
        body = bytearray()
        size = 0
        async with aclosing(self.stream()) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size <= most:
                    body += chunk
                elif size > 4 * most:
                    break
        self.content = bytes(body) if size <= most else None

    @cached_property
    def sent_path(self) -> str:
        """The path, still percent-encoded."""
        raw: bytes = self.scope.get("raw_path") or quote(self.scope["path"], safe="/%").encode()
        return raw.split(b"?", 1)[0].decode("latin-1")

    @property
    def query(self) -> str:
        """The query, still percent-encoded."""
        return str(self.scope.get("query_string", b""), "latin-1")

    @cached_property
    def fields(self) -> dict[str, str]:
        """The headers, with lower-case names; repeated ones are joined by commas."""
        joined: dict[str, str] = {}
        for name, value in self.headers.items():  # each of them, repeated ones too
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return joined

    @property
    def accept(self) -> str:
        """The `Accept` header; empty if there is none."""
        return self.fields.get("accept", "")

    @property
    def caller(self) -> str:
        """The client's address."""
        return "unknown" if self.client is None else self.client.host

    @cached_property
    def origin(self) -> str:
        """The origin that the client used; the socket's if `Host` is not usable."""
        host = self.fields.get("host", "")
        address, port = self.scope.get("server") or ("127.0.0.1", None)
        own = f"[{address}]" if ":" in address else address
        plain = host.replace("[", "", 1).replace("]", "", 1).translate(dict.fromkeys(map(ord, ":.-")))
        usable = plain.isalnum() and plain.isascii() and host.count("[") == host.count("]")
        socket = own + (f":{port}" if port else "")
        return f"{self.scope.get('scheme', 'http')}://{host if usable else socket}"

    def carried(self, path_parameters: dict[str, str]) -> Carried:
        """Return what is validated beside the body."""
        return Carried(path_parameters, self.query, self.fields, self.cookies)
