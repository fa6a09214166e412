"""One way to run flows with both shells, over a handler or over shells' own clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx
from attrs import frozen

from contract_tests.support.answers import Pieces
from contract_tests.support.clients import KEY, call_under
from kling_elements.settings import ApiKey, Settings
from kling_elements.shell import AsyncForeignShell, AsyncShell, ForeignShell, Shell

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.effects import Flow

    Handler = Callable[[httpx.Request], Any]
    AnyShell = ForeignShell | AsyncForeignShell

ORIGIN: Final = "https://service.example"
HEADER: Final = "x-key-header"
SETTINGS: Final = Settings(ORIGIN, HEADER, ApiKey(KEY), 30.0)


@frozen
class ShellKind:
    """The synchronous shells, or the asynchronous ones under an event loop.

    Attributes:
        backend: The event loop's name; None for the synchronous ones.
    """

    backend: str | None

    @property
    def client_kind(self) -> type[Any]:
        """The class of httpx that the shells use."""
        return httpx.Client if self.backend is None else httpx.AsyncClient

    def http(self, handler: Handler, **options: Any) -> Any:
        """A caller's client that talks to a handler."""
        return self.client_kind(transport=httpx.MockTransport(handler), **options)

    def shell(self, client: Any = None, settings: Settings = SETTINGS) -> Shell | AsyncShell:
        """A shell of a service."""
        return Shell(settings, client) if self.backend is None else AsyncShell(settings, client)

    def foreign(self, client: Any = None) -> AnyShell:
        """A shell that knows no service."""
        return ForeignShell(client) if self.backend is None else AsyncForeignShell(client)

    def await_(self, call: Callable[[], Any]) -> Any:
        """Call something, and await what it gives if this is an asynchronous kind."""
        return call_under(self.backend, call)

    def run(self, shell: AnyShell, flow: Flow[Any]) -> Any:
        """Run a flow to its end."""
        return self.await_(lambda: shell.run(flow))

    def close(self, shell: AnyShell) -> None:
        """Close a shell."""
        self.await_(shell.close if isinstance(shell, ForeignShell) else shell.aclose)


def answering(
    *pieces: bytes,
    status: int = 200,
    headers: dict[str, str] | None = None,
    error: Exception | None = None,
) -> Any:
    """A handler that gives the same answer to everybody."""

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, stream=Pieces(*pieces, error=error))

    return handler


def raising(error: BaseException) -> Any:
    """A handler that fails."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    return handler


def tell(request: httpx.Request, event: str) -> Any:
    """Tell a request's trace of an event, as httpcore does; to be awaited if its client is asynchronous."""
    return request.extensions["trace"](event, {"request": request, "return_value": "a stream"})
