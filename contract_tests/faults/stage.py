"""What examples share, since it is slow to start: the mock, the proxy before it, an HTTP client."""

from __future__ import annotations

import signal
import ssl
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import httpx
from attrs import field, frozen

from contract_tests.faults.proxy import FaultProxy, proxying
from contract_tests.faults.videos import Videos
from kling_elements_mock import ManualClock, MockSettings, Polls, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_elements_mock import ServedMock

NONE_KEPT: Final = httpx.Limits(max_keepalive_connections=0)
"""Each exchange has a connection of its own, so that it can be disturbed alone."""


@frozen
class Stage:
    """Mock, proxy and client.

    Attributes:
        served: The mock.
        proxy: The proxy before it.
        http: The synchronous clients' connections; none is kept.
        trust: The TLS context of all clients.
        videos: What tasks have as results.
    """

    served: ServedMock
    proxy: FaultProxy
    http: httpx.Client
    trust: ssl.SSLContext
    videos: Videos = field(factory=Videos)


@contextmanager
def staged() -> Iterator[Stage]:
    """A stage, for as long as the context lasts."""
    trust = ssl.create_default_context()
    with ExitStack() as stack:
        served = stack.enter_context(serve(MockSettings(pace=Polls(2)), clock=ManualClock()))
        proxy = stack.enter_context(proxying(served.url))
        http = stack.enter_context(httpx.Client(verify=trust, limits=NONE_KEPT, trust_env=False))
        stack.enter_context(_interruptible())
        yield Stage(served, proxy, http, trust)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have SIGINT raise KeyboardInterrupt, whatever the runner of the tests made of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
