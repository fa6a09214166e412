"""The videos of the storm: mostly the least that is an MP4, and at times a real one of the mock's making."""

from __future__ import annotations

import io
from functools import cache
from typing import Final

import av
from attrs import define, field
from av.error import FFmpegError

from kling_elements_mock.tasks import video

_ONE_IN: Final = 8
_SECONDS: Final = 1  # a film of the usual length takes half a second to draw
_BOX: Final = 8


@define
class Videos:
    """Gives each task a video of its own, no two the same."""

    _given: int = field(default=0, init=False)

    def next(self, task_id: str) -> bytes:
        """The video of one more task."""
        self._given += 1
        return real_video(task_id) if self._given % _ONE_IN == 1 else tiny_video(task_id)


def tiny_video(task_id: str) -> bytes:
    """The least that is an MP4."""
    boxes = (b"ftyp", b"isom\0\0\2\0isom"), (b"moov", b""), (b"mdat", task_id.encode() * 8)
    return b"".join(_box(kind, content) for kind, content in boxes)


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
    return (_BOX + len(content)).to_bytes(4) + kind + content
