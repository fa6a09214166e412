"""What examples share, since it is slow to make: the mock, the proxy before it and an HTTP client."""

import signal
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import httpx
from attrs import frozen

from contract_tests.faults.proxy import FaultProxy
from contract_tests.support.answers import box, mp4
from kling_elements_mock import ManualClock, MockSettings, Polls, ServedMock, serve

NONE_KEPT: Final = httpx.Limits(max_keepalive_connections=0)
"""Each exchange has a connection of its own, so that it can be disturbed alone."""
_VIDEO: Final = 20_000  # bytes


@frozen
class Stage:
    """The mock, the proxy before it, the synchronous clients' connections, and the TLS context of all."""

    served: ServedMock
    proxy: FaultProxy
    http: httpx.Client
    trust: ssl.SSLContext


@contextmanager
def staged() -> Iterator[Stage]:
    """A stage, for as long as the context lasts, on which Ctrl-C raises KeyboardInterrupt."""
    trust = ssl.create_default_context()
    with ExitStack() as stack:
        served = stack.enter_context(serve(MockSettings(pace=Polls(2)), clock=ManualClock()))
        host, _, port = served.url.rpartition("//")[2].rpartition(":")
        proxy = FaultProxy((host, int(port)))
        proxy.listen()
        stack.callback(proxy.refuse)
        http = stack.enter_context(httpx.Client(verify=trust, limits=NONE_KEPT, trust_env=False))
        stack.callback(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        yield Stage(served, proxy, http, trust)


def video_of(task_id: str) -> bytes:
    """An MP4 of a task's own, without pictures in it."""
    return mp4(_VIDEO) + box(b"free", task_id.encode())
