"""The I/O that the core awaits, and the way to run the core without an event loop.

The core (operations, downloads, a batch's jobs) is plain `async def` that awaits only the `IO` it is given.
Over the `IO` of the synchronous client it never suspends, and `run_sync` ends it with one step: no event
loop, no thread, and Ctrl-C rises through ordinary frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kling_elements.external import ExternalRequest, ResponseHead
    from kling_elements.types import NoResponse, Outcome, Request, SendState, Sink

T = TypeVar("T")


class IO(Protocol):
    """What the core may ask of the outside."""

    @property
    def awaits(self) -> bool:
        """Whether what a caller's function returns is awaited."""
        ...

    async def send(self, request: Request, timeout: float, state: SendState | None = None) -> Outcome:
        """Send a request to the service, with the key. All of it may take `timeout` seconds.

        If an exception leaves it, `state` says whether a byte of the request may have been sent.
        """
        ...

    async def stream(
        self, request: ExternalRequest, open_sink: Callable[[ResponseHead], Sink | None]
    ) -> ResponseHead | NoResponse:
        """Ask another host, without the key and without following redirects.

        Args:
            request: The request.
            open_sink: Given the head; returns the sink for the body, or None to read none of it.
        """
        ...

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function that may block (files, decoding), where it can't hold up an event loop."""
        ...

    async def call(self, function: Callable[[Any], object], value: object) -> object:
        """Call a caller's function with a value; what it returns is awaited if it can be."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for that many seconds."""
        ...

    def with_sleep(self, sleep: Callable[[float], object]) -> Self:
        """Return the same I/O with another sleep; what `sleep` returns is awaited if it can be."""
        ...


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return its value.

    Raises:
        RuntimeError: If it suspends: somebody awaited something that is not the `SyncTransport`.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        coroutine.close()
    raise RuntimeError("a coroutine suspended without an event loop")
