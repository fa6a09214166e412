"""The httpx client of each exchange: the caller's, a new one, or one of ours that keeps its connection."""

from __future__ import annotations

import os
import ssl
import weakref
from contextlib import nullcontext
from functools import cache
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from urllib.parse import urlsplit

import anyio
import httpx

from kling_elements.api.httpx_adapter import ahide_location, hide_location
from kling_elements.api.proxies import environment_advice, is_loopback
from kling_elements.errors import ValidationError
from kling_elements.signal_handlers import raise_of_handler

ClientT = TypeVar("ClientT", httpx.Client, httpx.AsyncClient)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from anyio.lowlevel import RunVar

MOST_AT_ONCE = 32
"""Looks of one client at once; more wait for their turn.

A pool of httpx with more users than connections is rescanned all the time, and opens its connections again.
"""

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
                certificates = _certificates(*map(os.environ.get, _SOURCES))
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


class SyncClients(Clients[httpx.Client]):
    """Gives synchronous clients."""

    kind = httpx.Client
    response_hook = staticmethod(hide_location)
    _pool: Pool[httpx.Client] | None = None

    def pool(self) -> Pool[httpx.Client]:
        """Return the pool of this process."""
        if self._pool is None or not self._pool.is_ours:
            permits: SimpleQueue[None] = SimpleQueue()
            for _ in range(MOST_AT_ONCE):
                permits.put(None)
            self._pool = Pool(permits)
            weakref.finalize(self._pool, _close_all, self._pool.free, self._pool.process).atexit = False
        return self._pool

    def give_back(self, pool: Pool[httpx.Client], slot: Slot[httpx.Client]) -> None:
        """Keep a slot for the next exchange."""
        if pool.is_closed:
            slot.client.close()
        else:
            pool.free.append(slot)

    def close(self) -> None:
        """Give no further client of ours, and close those that are not in use."""
        self.is_closed = True
        if self._pool is not None and self._pool.is_ours:
            self._pool.is_closed = True
            _close_all(self._pool.free, self._pool.process)


def _run_var() -> RunVar[Any]:
    """Return a variable of which each event loop has its own value."""
    from anyio.lowlevel import RunVar

    return RunVar("kling_elements")


class AsyncClients(Clients[httpx.AsyncClient]):
    """Gives asynchronous clients."""

    kind = httpx.AsyncClient
    response_hook = staticmethod(ahide_location)

    def __init__(self, given: httpx.AsyncClient | None = None) -> None:
        super().__init__(given)
        self._pools: RunVar[Pool[httpx.AsyncClient] | None] = _run_var()
        self._has_asked: RunVar[bool] = _run_var()

    async def pool(self) -> Pool[httpx.AsyncClient]:
        """Return the pool of this process and event loop."""
        pool = self._pools.get(None)
        if pool is None or not pool.is_ours:
            pool = Pool(anyio.Semaphore(MOST_AT_ONCE))
            pool.closing = _closing_with_loop(pool)
            await anext(pool.closing)
            self._pools.set(pool)
        return pool

    def is_in_same_loop(self) -> bool:
        """Whether the caller's client was used in this event loop before, so that its connections work."""
        had_asked = self._has_asked.get(False)
        if not had_asked:
            self._has_asked.set(True)
        return had_asked

    async def give_back(self, pool: Pool[httpx.AsyncClient], slot: Slot[httpx.AsyncClient]) -> None:
        """Keep a slot for the next exchange."""
        if pool.is_closed:
            await slot.client.aclose()
        else:
            pool.free.append(slot)

    async def aclose(self) -> None:
        """Give no further client of ours, and close those of this event loop that are not in use."""
        self.is_closed = True
        pool = self._pools.get(None)
        if pool is not None and pool.is_ours:
            await pool.closing.aclose()


def _close_all(free: list[Slot[httpx.Client]], process: int) -> None:
    while free and process == os.getpid():
        free.pop().client.close()


async def _closing_with_loop(pool: Pool[httpx.AsyncClient]) -> AsyncGenerator[None]:
    """Close a pool when this generator is closed. An event loop closes those that are left at its end."""
    try:
        yield
    finally:
        pool.is_closed = True
        while pool.free and pool.is_ours:
            await pool.free.pop().client.aclose()


_SOURCES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


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
