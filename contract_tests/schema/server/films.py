"""Images to send, and what came back: whether an MP4 file is whole, has a picture, and how long it is."""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import TYPE_CHECKING, Final

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORMATS: Final = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}


@cache
def picture(kind: str) -> bytes:
    """Return an image that fits the document's limits; `kind` is Pillow's name, or a media type."""
    written = io.BytesIO()
    image = Image.linear_gradient("L").resize((512, 384)).convert("RGB")
    image.save(written, _FORMATS.get(kind, kind))
    return written.getvalue()


def faults(data: bytes) -> str:
    """Say why some bytes are no video that can be played; empty if they are one."""
    try:
        boxes = list(_boxes(data))
    except ValueError as error:
        return str(error)
    kinds = [kind for kind, _ in boxes]
    if kinds[:1] != [b"ftyp"]:
        return "it does not begin as an MP4 file"
    for kind, name in ((b"moov", "description"), (b"mdat", "content")):
        if kind not in kinds:
            return f"it has no {name} ({kind.decode()})"
    if not any(len(content) for kind, content in boxes if kind == b"mdat"):
        return "its content is empty"
    if b"vide" not in dict(boxes)[b"moov"]:
        return "it has no picture"
    return "" if seconds(data) else "its length is zero or not given"


def seconds(data: bytes) -> float:
    """Return the length of a video; 0 if it is not given."""
    try:
        movie = dict(_boxes(dict(_boxes(data))[b"moov"]))[b"mvhd"]
        long = movie[0] == 1
        scale, length = struct.unpack_from(">IQ" if long else ">II", movie, 20 if long else 12)
    except (KeyError, ValueError, IndexError, struct.error):
        return 0.0
    return length / scale if scale else 0.0


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place < len(data):
        if place + 8 > len(data):
            raise ValueError("it is cut off")
        size, kind = struct.unpack_from(">I4s", data, place)
        start = 8
        if size == 1 and place + 16 <= len(data):
            size, start = struct.unpack_from(">Q", data, place + 8)[0], 16
        size = size or len(data) - place
        if size < start or place + size > len(data):
            raise ValueError("it is cut off, or no MP4 file")
        yield kind, data[place + start : place + size]
        place += size
