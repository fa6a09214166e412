"""Whether a file is a whole MP4: its boxes must fill it, and `moov` must be among them (ISO/IEC 14496-12)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

_BOX_HEADER = 8  # bytes: length and kind
_LONG_HEADER = 16  # with a 64-bit length


class Verdict(Enum):
    """What a file is."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    NO_MP4 = "no MP4"


def inspect_mp4(stream: BinaryIO, size: int) -> Verdict:
    """Tell whether a file is a whole MP4; its pictures are not looked at.

    Args:
        stream: The file; its position is moved.
        size: Its size in bytes.
    """
    kinds: list[bytes] = []
    place = 0
    while place + _BOX_HEADER <= size:
        stream.seek(place)
        head = stream.read(_LONG_HEADER)
        length = int.from_bytes(head[:4])
        if length == 1:
            length = int.from_bytes(head[8:16])
        elif length == 0:  # to the end of the file
            length = size - place
        kinds.append(head[4:8])
        if kinds[0] != b"ftyp":
            return Verdict.NO_MP4
        # A hole that a file system left is zeros, which would be a box that runs to the end.
        if length < _BOX_HEADER or not _is_kind(head[4:8]):
            return Verdict.DAMAGED
        place += length
    if not kinds:
        return Verdict.NO_MP4
    return Verdict.WHOLE if place == size and b"moov" in kinds else Verdict.DAMAGED


def _is_kind(kind: bytes) -> bool:
    return kind.isascii() and kind.decode("ascii").isprintable()
