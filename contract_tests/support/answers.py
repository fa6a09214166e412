"""Answers of the service as tests need them: whole, odd and damaged."""

import json
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import httpx
from PIL import Image

from contract_tests.support.pictures import encoded

ID = "046b6c7f-0b8a-43b9-b35d-6489e6daee91"
IMAGE = "https://pictures.example/a.jpg"
RESULT = f"https://cdn.example/kling_{ID}.mp4?token=exp=4102444800~hmac=0a1b2c"


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces, and may break off with an error."""

    def __init__(self, *pieces: bytes, error: BaseException | None = None) -> None:
        self.pieces = pieces
        self.error = error

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.error:
            raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def reply(
    status: int = 200,
    body: object = None,
    *,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    cut: BaseException | None = None,
) -> Callable[[httpx.Request], httpx.Response]:
    """A step that answers with a JSON value, or with bytes; `cut` is raised after them."""
    raw = json.dumps(body).encode() if content is None else content
    sent = {"content-type": "application/json", "x-request-id": "req-1", **(headers or {})}

    def step(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=sent, stream=Pieces(raw, error=cut))

    return step


def shown(
    status: str = "CREATED", urls: tuple[str, ...] = (), *, task_id: str = ID, **more: Any
) -> Callable[[httpx.Request], httpx.Response]:
    """A step that answers with a task."""
    return reply(body={"data": {"task_id": task_id, "status": status, "generated": list(urls), **more}})


def completed() -> Callable[[httpx.Request], httpx.Response]:
    return shown("COMPLETED", (RESULT,))


def failing(status: int, message: str = "no", **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return reply(status, {"message": message}, headers=named)


def box(kind: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I", 8 + sum(map(len, parts))) + kind + b"".join(parts)


def mp4(size: int = 4096) -> bytes:
    """The boxes of an MP4, without pictures in them."""
    head = box(b"ftyp", b"isom\0\0\2\0isomiso2") + box(b"moov", b"\0" * 64)
    return head + box(b"mdat", b"\1" * (size - len(head) - 8))


def png(width: int = 320, height: int = 320) -> bytes:
    return encoded(Image.new("RGB", (width, height), (200, 30, 30)))
