"""Between ASGI and the mock's own values: what came in, what goes out, how a connection is broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import anyio

from kling_elements_mock.document.validation import Carried

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from kling_elements_mock.http.responses import Answer

ABORT: Final = "kling_elements_mock.abort"
"""Key in the scope's state: a function that resets the connection. The mock's own server puts it there."""

CLOSE: Final = "kling_elements_mock.close"
"""Key in the scope's state: a function that sends what was written and closes the connection."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request.

    Attributes:
        method: In capitals.
        path: As sent, still percent-encoded.
        query: As sent, without the question mark.
        headers: Names in small letters; repeated ones are joined by commas.
        client: The caller's address.
        origin: Scheme, host and port that the caller used.
        body: The bytes; None if there were too many.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str] = field(repr=False)
    client: str
    origin: str
    body: bytes | None = field(repr=False)

    @property
    def accept(self) -> str:
        """The `Accept` header; empty if there is none."""
        return self.headers.get("accept", "")

    def carried(self, path_parameters: dict[str, str]) -> Carried:
        """Give what validation looks at."""
        cookies = {}
        for piece in self.headers.get("cookie", "").split(";"):
            name, _, value = piece.strip().partition("=")
            cookies[name] = value
        return Carried(path_parameters, self.query, self.headers, cookies)


async def read(scope: Scope, receive: Receive, most: int) -> Incoming:
    """Read a request to its end. Of a body above `most` bytes, up to four times as many are read and dropped.

    A client that is still sending would otherwise see its connection break instead of the refusal.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body = bytearray()
    size, more = 0, True
    while more and size <= 4 * most:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= most:
            body += chunk
        more = message.get("more_body", False)
    raw_path = scope.get("raw_path") or quote(scope["path"], safe="/%").encode()
    return Incoming(
        method=scope["method"].upper(),
        path=raw_path.split(b"?", 1)[0].decode("latin-1"),
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        client=(scope.get("client") or ("unknown", 0))[0],
        origin=_origin(scope, headers.get("host", "")),
        body=bytes(body) if size <= most else None,
    )


def _origin(scope: Scope, host: str) -> str:
    address, port = scope.get("server") or ("127.0.0.1", None)
    own = f"[{address}]" if ":" in address else address
    plain = host.replace("[", "", 1).replace("]", "", 1).replace(":", "").replace(".", "").replace("-", "")
    usable = plain.isalnum() and plain.isascii() and host.count("[") == host.count("]")
    return f"{scope.get('scheme', 'http')}://{host if usable else own + (f':{port}' if port else '')}"


async def write(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer; for HEAD without its body, and cut off where it says so."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    if answer.media_type is not None:
        headers.append((b"content-type", answer.media_type.encode("latin-1")))
    if answer.status not in {204, 304}:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.close_after is None or not body:
        await send({"type": "http.response.body", "body": body})
        return
    close = scope.get("state", {}).get(CLOSE)
    await send(
        {"type": "http.response.body", "body": body[: answer.close_after], "more_body": close is not None}
    )
    if close is not None:
        close()
        await _gone(receive)


async def reset(scope: Scope, receive: Receive) -> None:
    """Reset the connection; without a socket, raise what a client would see.

    Raises:
        ConnectionResetError: There is no socket: the application was called directly.
    """
    abort = scope.get("state", {}).get(ABORT)
    if abort is None:
        raise ConnectionResetError("the mock resets the connection, as the scenario asks")
    abort()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until the server has noticed that the connection is closed: it would answer 500 otherwise."""
    with anyio.move_on_after(5):
        while (await receive())["type"] != "http.disconnect":
            pass
