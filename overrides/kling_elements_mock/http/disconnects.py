"""Break a connection on purpose: reset it, or close it in the middle of a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

ABORT: Final = "kling_elements_mock.abort"
"""Key in the scope's state: a function that resets the connection. The mock's own server puts it there."""

CLOSE: Final = "kling_elements_mock.close"
"""Key in the scope's state: a function that sends what was written and closes the connection."""


class ResetResponse(Response):
    """Resets the connection; without a socket, raises the ConnectionResetError that a client would see."""

    def __init__(self) -> None:
        super().__init__(status_code=0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing."""
        del send
        abort = scope.get("state", {}).get(ABORT)
        if abort is None:
            raise ConnectionResetError("the mock resets the connection, as the scenario asks")
        abort()
        await _disconnected(receive)


class TruncatedResponse(Response):
    """Sends half of a response's body, then closes the connection."""

    def __init__(self, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the first half."""
        close = scope.get("state", {}).get(CLOSE)
        half = self.body[: len(self.body) // 2]
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if close is None or not self.body:
            await send({"type": "http.response.body", "body": half})
            return
        await send({"type": "http.response.body", "body": half, "more_body": True})
        close()
        await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    """Wait until the server has noticed that the connection is closed: it would answer 500 otherwise."""
    with anyio.move_on_after(5):
        while (await receive())["type"] != "http.disconnect":
            pass
