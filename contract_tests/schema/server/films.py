"""Images to send, and what came back: whether an MP4 file is whole, has a picture, and how long it is."""

import struct
from collections.abc import Iterator
from functools import cache
from typing import Final

from PIL import Image

from contract_tests.support.pictures import encoded

_FORMATS: Final = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}


@cache
def picture(media_type: str) -> bytes:
    return encoded(Image.linear_gradient("L").resize((512, 384)).convert("RGB"), _FORMATS[media_type])


def length(data: bytes) -> float:
    """Return the seconds of a film, or raise ValueError saying why it can't be played."""
    boxes = list(_boxes(data))
    found = dict(boxes)
    if not boxes or boxes[0][0] != b"ftyp":
        raise ValueError("it does not begin as an MP4 file")
    if b"moov" not in found or not any(content for kind, content in boxes if kind == b"mdat"):
        raise ValueError("it has no description (moov) or no content (mdat)")
    if b"vide" not in found[b"moov"]:
        raise ValueError("it has no picture")
    movie = dict(_boxes(found[b"moov"])).get(b"mvhd", b"").ljust(32, b"\0")
    is_long = movie[0] == 1
    scale, units = struct.unpack_from(">IQ" if is_long else ">II", movie, 20 if is_long else 12)
    if not scale or not units:
        raise ValueError("its length is zero or not given")
    return float(units / scale)


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
