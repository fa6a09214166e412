"""Whether a file is a whole video, by its first bytes and its boxes (ISO/IEC 14496-12).

The video is paid for: the check decides whether it is stored, stored with a warning, or kept beside its
target; only text (an error page) is worth nothing. Pixels are not decoded.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from typing import BinaryIO

MAX_BOXES = 10_000
"""Boxes that are looked at."""

_BOX_HEADER = 8  # bytes: length and kind
_LONG_HEADER = 16  # with a 64-bit length
_HEAD = 512  # bytes that tell the kind of file
_ESSENTIAL = frozenset({b"moov", b"mdat", b"moof"})
_FIRST_BOXES = _ESSENTIAL | {b"ftyp", b"styp", b"free", b"skip", b"wide", b"uuid", b"pnot", b"sidx"}
_MOVIE, _MEDIA, _FRAGMENT = b"moov", b"mdat", b"moof"
_HOLE = bytes(4)
_CONTAINERS = {
    b"\x1a\x45\xdf\xa3": "WebM or Matroska",
    b"RIFF": "RIFF (AVI)",
    b"OggS": "Ogg",
    b"FLV\x01": "Flash video",
    b"\0\0\x01\xba": "an MPEG program stream",
    b"GIF8": "GIF",
    b"\x47\x40": "an MPEG transport stream",
}
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class Verdict(Enum):
    """What to do with a file."""

    WHOLE = "whole"
    UNUSUAL = "unusual"  # stored, with a warning
    DAMAGED = "damaged"  # kept, not stored
    NO_VIDEO = "no video"


@frozen
class Finding:
    """What is known of a file.

    Attributes:
        verdict: What to do with it.
        text: Why, as the end of a sentence that begins with the video.
        is_complete: Whether its boxes prove that nothing follows.
    """

    verdict: Verdict
    text: str = ""
    is_complete: bool = False


def inspect_video(stream: BinaryIO, size: int) -> Finding:
    """Look at a file of that many bytes; its position is moved."""
    stream.seek(0)
    head = stream.read(_HEAD)
    if head[4:8] in _FIRST_BOXES:
        return _inspect_boxes(stream, size)
    for magic, name in _CONTAINERS.items():
        if head.startswith(magic):
            return Finding(Verdict.UNUSUAL, f"is no MP4: its container is {name}")
    if not _NO_TEXT.search(head):
        return Finding(Verdict.NO_VIDEO, "is no MP4: text came in its place" if head else "is empty")
    return Finding(Verdict.DAMAGED, "is no MP4, nor in another known container")


def _inspect_boxes(stream: BinaryIO, size: int) -> Finding:
    kinds: set[bytes] = set()
    place = 0
    is_open_ended = False
    for _ in range(MAX_BOXES):
        kind, length = _box(stream, place, size)
        if length == 0 and kind != _HOLE:  # to the end of the file
            is_open_ended, length = True, size - place
        if length < _BOX_HEADER:
            break
        if length > size - place:
            if kind in _ESSENTIAL:
                return Finding(Verdict.DAMAGED, f"is cut off in its {kind.decode()} box")
            break
        kinds.add(kind)
        place += length
    rest = size - place
    missing = [kind.decode() for kind in (_MOVIE, _MEDIA) if kind not in kinds]
    if _MOVIE not in kinds or (rest and missing):
        has_no = f"it has no {missing[0]} box"
        return Finding(Verdict.DAMAGED, f"is cut off or damaged after {place:,} bytes: {has_no}")
    if rest:
        return Finding(Verdict.UNUSUAL, f"has {rest:,} bytes after its last known box")
    return Finding(Verdict.WHOLE, is_complete=not (missing or _FRAGMENT in kinds or is_open_ended))


def _box(stream: BinaryIO, place: int, size: int) -> tuple[bytes, int]:
    """Read a box's kind and length; at the end of the file it is a hole of length 0."""
    if place + _BOX_HEADER > size:
        return _HOLE, 0
    stream.seek(place)
    head = stream.read(_LONG_HEADER)
    length = int.from_bytes(head[:4])
    return head[4:8], int.from_bytes(head[8:16]) if length == 1 else length
