"""What examples share, since it is slow to make: the mock, the proxy before it, an HTTP client, videos.

Videos are mostly the least that is an MP4, and at times a real one of the mock's making.
"""

from __future__ import annotations

import io
import signal
import ssl
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Final

import av
import httpx
from attrs import field, frozen
from av.error import FFmpegError

from contract_tests.faults.proxy import FaultProxy, proxying
from kling_elements_mock import ManualClock, MockSettings, Polls, serve
from kling_elements_mock.tasks import video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_elements_mock import ServedMock

NONE_KEPT: Final = httpx.Limits(max_keepalive_connections=0)
"""Each exchange has a connection of its own, so that it can be disturbed alone."""
_SECONDS: Final = 1  # a film of the usual length takes half a second to draw


@frozen
class Stage:
    """The mock, the proxy before it, the synchronous clients' connections, and the TLS context of all."""

    served: ServedMock
    proxy: FaultProxy
    http: httpx.Client
    trust: ssl.SSLContext
    videos: Iterator[int] = field(factory=count)


@contextmanager
def staged() -> Iterator[Stage]:
    """A stage, for as long as the context lasts, on which Ctrl-C raises KeyboardInterrupt."""
    trust = ssl.create_default_context()
    with ExitStack() as stack:
        served = stack.enter_context(serve(MockSettings(pace=Polls(2)), clock=ManualClock()))
        proxy = stack.enter_context(proxying(served.url))
        http = stack.enter_context(httpx.Client(verify=trust, limits=NONE_KEPT, trust_env=False))
        stack.callback(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        yield Stage(served, proxy, http, trust)


def tiny_video(task_id: str) -> bytes:
    """The least that is an MP4."""
    return _box(b"ftyp", b"isom\0\0\2\0isom") + _box(b"moov", b"") + _box(b"mdat", task_id.encode() * 8)


def real_video(task_id: str) -> bytes:
    """One that can be played, with the task's id in a box that players pass over."""
    return _film() + _box(b"free", task_id.encode())


def unplayable(data: bytes) -> str | None:
    """Why a real video can't be played; None if it can."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            frames = len(list(container.decode(video=0)))
    except (FFmpegError, IndexError) as error:
        return str(error)
    return None if frames == _SECONDS * video.FRAMES_PER_SECOND else f"it has {frames} pictures"


@cache
def _film() -> bytes:
    return video.render([video.placeholder("a storm", 0)], video.Film(_SECONDS, (16, 9), "MOCK"))


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content
