"""What a flow asks its shell to do. The flows decide; the shells (`client`, `async_client`) send and sleep.

A flow is a coroutine that awaits nothing but effects, so that the synchronous and the asynchronous client run
the very same code.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from attrs import field, frozen

if TYPE_CHECKING:
    from kling_elements.decisions import Outcome

T = TypeVar("T")


@frozen
class Request:
    """A request to the service; the shell adds the origin and the key.

    Attributes:
        method: The HTTP method.
        path: The path below the origin.
        headers: Headers without the key.
        content: The body.
        task_id: The one task that it asks for; an answer about another one is none.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(factory=dict)
    content: bytes | None = field(default=None, repr=lambda body: f"<{len(body)} bytes>" if body else "None")
    task_id: str | None = None


@frozen
class Send:
    """Send a request to the service, with the key; gives an `Outcome`.

    Attributes:
        request: The request.
        timeout: Seconds that all of it may take.
    """

    request: Request
    timeout: float


@frozen
class Head:
    """The beginning of a streamed answer."""

    status: int
    headers: Mapping[str, str]
    url: str = field(repr=False)


Sink: TypeAlias = Callable[[bytes], bool]
"""Takes a chunk; answers whether it wants more."""


@frozen
class Stream:
    """Ask another host than the service's; gives the `Head`, or a `Fault`.

    Without the key, and without following redirects.

    Attributes:
        url: The URL, sent as it is.
        headers: Headers of this request.
        open_sink: Told the head; gives the sink for the body, or None to read none of it.
        timeout: Seconds without a byte.
        method: The HTTP method.
        content: The request's body.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str]
    open_sink: Callable[[Head], Sink | None]
    timeout: float
    method: str = "GET"
    content: bytes | None = field(default=None, repr=lambda body: f"<{len(body)} bytes>" if body else "None")


@frozen
class Compute:
    """Run a function that may take long (reading files, decoding images); gives its result."""

    function: Callable[[], Any]


@frozen
class Call:
    """Call a function with a value: a caller's listener, or the sleep.

    What it returns is awaited if it can be.
    """

    function: Callable[[Any], object]
    value: object


Effect: TypeAlias = Send | Stream | Compute | Call
Flow: TypeAlias = Coroutine[Any, Any, T]


class _Performer(Protocol):
    async def perform(self, effect: Effect) -> Any: ...


_io: ContextVar[_Performer] = ContextVar("kling_elements_io")


async def perform(effect: Effect) -> Any:
    """Perform an effect by the transport that runs this coroutine."""
    return await _io.get().perform(effect)


async def send(request: Request, timeout: float) -> Outcome:
    """Send a request to the service."""
    return cast("Outcome", await perform(Send(request, timeout)))


async def stream(
    url: str, headers: Mapping[str, str], open_sink: Callable[[Head], Sink | None], timeout: float
) -> Head | Fault:
    """Fetch a URL of another host."""
    return cast("Head | Fault", await perform(Stream(url, headers, open_sink, timeout)))


async def put(url: str, headers: Mapping[str, str], content: bytes, timeout: float) -> Head | Fault:
    """Put bytes to a URL of another host, with these headers and no key; the answer's body is not read."""
    return cast("Head | Fault", await perform(Stream(url, headers, lambda _: None, timeout, "PUT", content)))


async def compute(function: Callable[[], T]) -> T:
    """Run a function where it does no harm to an event loop."""
    return cast("T", await perform(Compute(function)))


async def call(function: Callable[[Any], object], value: object) -> None:
    """Call a function of the caller's, or the sleep."""
    await perform(Call(function, value))
