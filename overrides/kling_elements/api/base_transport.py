"""What the two transports have in common: the httpx client of each exchange, and how a request is sent.

The client is the caller's, a new one, or one of ours that keeps its connection.
"""

from __future__ import annotations

import copy
import os
import ssl
import sys
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from kling_elements.api.exchange import Exchange
from kling_elements.api.httpx_adapter import without_frames
from kling_elements.api.proxies import CERTIFICATE_VARIABLES, environment_advice, is_loopback
from kling_elements.errors import ValidationError
from kling_elements.log import RedactedLogs
from kling_elements.signal_handlers import raise_of_handler
from kling_elements.types import SendState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kling_elements.api.auth import Settings
    from kling_elements.types import Outcome, Request

ClientT = TypeVar("ClientT", httpx.Client, httpx.AsyncClient)

MOST_AT_ONCE = 32
"""Looks of one client at once; more wait for their turn.

A pool of httpx with more users than connections is rescanned all the time, and opens its connections again.
"""

MOST_KEPT = 100  # connections that a caller's client may have kept; httpx keeps 20 by default
LEAST_PROGRESS = 16 * 1024  # bytes that a body must bring within each timeout
_KEPT_SECONDS = 30.0  # what lies between two looks, and less than what servers keep an idle connection
_NO_CONNECTION_KEPT = httpx.Limits(max_connections=None, max_keepalive_connections=0)
_ONE_CONNECTION_KEPT = httpx.Limits(
    max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEPT_SECONDS
)

# Of a parent process: to close them could wait for a lock that no thread of this process holds.
_inherited: list[object] = []


# Plain classes: an attrs class takes half a millisecond to make, which a start-up feels.
class Slot(Generic[ClientT]):
    """A client of ours for one exchange at a time.

    Attributes:
        client: It keeps one connection at most, so that we know which one an exchange uses.
        connection: As it was last opened: a network stream of httpcore's.
    """

    def __init__(self, client: ClientT) -> None:
        self.client: ClientT = client
        self.connection: Any = None


class Pool(Generic[ClientT]):
    """The slots of one process, and for asynchronous clients of one event loop.

    Attributes:
        gate: It lets so many exchanges pass at once: a queue of permits, and of asynchronous clients a
            semaphore. (A `threading.Semaphore` would lock out a signal handler for ever.)
        free: The slots that are not in use, the last used one last.
        process: The process.
        is_closed: Whether a slot is closed as soon as it is not in use.
        closing: Of asynchronous clients, the generator that closes them.
    """

    def __init__(self, gate: Any) -> None:
        self.gate = gate
        self.free: list[Slot[ClientT]] = []
        self.process = os.getpid()
        self.is_closed = False
        self.closing: Any = None

    @property
    def is_ours(self) -> bool:
        """Whether it was made in this process. If not, it is left to the parent: neither used nor closed."""
        if self.process == os.getpid():
            return True
        _inherited.append(self)
        return False


class Clients(Generic[ClientT]):
    """Gives the httpx client of each exchange.

    Attributes:
        given: The caller's client, which is not closed; None for clients of our own.

    Raises:
        ValidationError: If the caller's client is of another kind.
    """

    kind: ClassVar[type[httpx.Client | httpx.AsyncClient]]
    response_hook: ClassVar[Callable[..., Any]]

    def __init__(self, given: ClientT | None = None) -> None:
        if given is not None and not isinstance(given, self.kind):
            kind = type(given)
            found = f"{kind.__module__}.{kind.__name__}"
            raise ValidationError([f"http_client must be an httpx.{self.kind.__name__}: got {found}"])
        self.given: ClientT | None = given
        self.is_closed = False
        self._process = os.getpid()

    def open(self, url: str) -> Any:
        """Return a context manager that gives the client for one exchange with a host.

        It is the caller's, or a new one. That shares no connection, no lock and no event loop with another
        exchange, nor with the process that this one was forked from.

        Raises:
            ValidationError: If there is no usable client. Nothing was sent.
        """
        if self.given is None:
            return self._make(url, _NO_CONNECTION_KEPT)
        if self._process != os.getpid():
            problem = (
                "http_client was made in another process, before a fork, and would share its connections"
            )
            raise ValidationError([f"{problem}: make it, and the client, in each process"])
        if self.given.is_closed:
            raise ValidationError(["http_client is closed"])
        return nullcontext(self.given)

    def slot(self, pool: Pool[ClientT], url: str) -> Slot[ClientT]:
        """Return a slot for an exchange with a host, once the pool's gate is passed."""
        if self.is_closed or not pool.free:
            return Slot(self._make(url, _ONE_CONNECTION_KEPT))
        return pool.free.pop()

    def _make(self, url: str, limits: httpx.Limits) -> Any:
        if self.is_closed:
            raise ValidationError(["this client is closed; make another one"])
        is_local = _is_local(url)  # such requests never go by a proxy
        try:
            if is_local and url.startswith("http:"):
                certificates = _no_certificates()
            else:
                certificates = _certificates(*map(os.environ.get, CERTIFICATE_VARIABLES))
            return self.kind(
                verify=certificates,
                limits=limits,
                trust_env=not is_local,
                event_hooks={"response": [self.response_hook]},
            )
        except Exception as error:  # noqa: BLE001 - whatever the environment makes httpx raise
            raise_of_handler(error)
            raise ValidationError(
                [f"no HTTP client can be made: {error or type(error).__name__} ({environment_advice()})"]
            ) from None


@cache
def _certificates(file: str | None, folder: str | None) -> ssl.SSLContext:  # noqa: ARG001 - httpx reads them itself
    """Load the certificates, once for all clients of this process: 13 ms."""
    return httpx.create_ssl_context()


@cache
def _no_certificates() -> ssl.SSLContext:
    """Return a context that trusts nobody, for plain HTTP."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _is_local(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


ClientsT = TypeVar("ClientsT", bound=Clients[Any])


class BaseTransport(Generic[ClientsT]):
    """A transport's clients and settings.

    Args:
        clients: Gives the httpx client of each exchange.
        settings: The service and the key; None for a transport that asks other hosts only.
        sleep: Sleeps for that many seconds.
    """

    def __init__(
        self, clients: ClientsT, settings: Settings | None, sleep: Callable[[float], object]
    ) -> None:
        self._clients = clients
        self._settings = settings
        self._sleep = sleep

    @property
    def can_fetch(self) -> bool:
        """Whether other hosts can still be asked: not once it is closed, unless by a caller's client."""
        return self._clients.given is not None or not self._clients.is_closed

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._clients.is_closed

    async def send(self, request: Request, timeout: float, state: SendState | None = None) -> Outcome:
        """Send a request to the service, with the key."""
        if self._settings is None:
            raise TypeError("this transport knows no service")
        handled = sys.exc_info()[1]
        try:
            with RedactedLogs(self._settings.key.redact):
                return await self._send(request, timeout, self._settings, state or SendState())
        except BaseException as error:  # noqa: BLE001 - it is raised again
            raise without_frames(error, handled)  # noqa: B904 - it is the same

    async def _send(self, request: Request, timeout: float, settings: Settings, state: SendState) -> Outcome:
        raise NotImplementedError

    def with_settings(self, settings: Settings) -> Self:
        """Return the same transport with other settings; to close one is to close both."""
        twin = copy.copy(self)
        twin._settings = settings  # noqa: SLF001 - its own class
        return twin

    def with_sleep(self, sleep: Callable[[float], object]) -> Self:
        """Return the same transport with another sleep."""
        twin = copy.copy(self)
        twin._sleep = sleep  # noqa: SLF001 - its own class
        return twin


def attempts(request: Request, *, may_keep: bool = True) -> Iterator[Exchange]:
    """Yield the exchanges that a request may take.

    A look may go over a kept connection. If the service has just closed that, it is repeated over a new one.
    Any other request has a connection of its own, once.
    """
    if may_keep and request.method == "GET":
        yield Exchange(may_keep=True)
    yield Exchange()
