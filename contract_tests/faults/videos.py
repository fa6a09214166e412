"""The videos of the storm: mostly the least that is an MP4, and at times a real one of the mock's making."""

from __future__ import annotations

import io
from functools import cache
from typing import Final

import av
from av.error import FFmpegError

from kling_elements_mock.tasks import video

_SECONDS: Final = 1  # a film of the usual length takes half a second to draw


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
