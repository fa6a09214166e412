"""Check all of a PNG that makes its picture, as strictly as libpng does.

Pillow is not asked: it takes a PNG whose compression or critical chunk nobody knows, or whose palette comes
too late, which others refuse. Its decoder needs memory for all pixels, and no other thread runs meanwhile;
zlib inflates a piece at a time, and lets them run.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_BYTES = 13

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # the same
_COLOUR = 25  # where the colour type stands in a file
_INDEXED = 3
_PALETTE_BYTES = range(3, 3 * 256 + 1, 3)
_ANCILLARY = 0x20  # the bit of a chunk's first letter
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_WHOLE_ROWS = ((0, 0, 1, 1),)
_FILTERS = bytes(range(5))  # what a row's first byte may be
_INFLATED_AT_ONCE = 1024 * 1024  # bytes


def png_fault(data: bytes) -> str | None:
    """Check the critical chunks, their order and checksums, and that all pixels are there."""
    rows = _rows(data[16 : 16 + HEADER_BYTES])
    if not rows:
        return "its header is damaged"
    pixels, seen = _Pixels(rows), set[bytes]()
    is_indexed = data[_COLOUR] == _INDEXED
    for kind, payload, checksum in read_chunks(data):
        if kind != b"IDAT" and b"IDAT" in seen and pixels.are_missing:
            return "pixels are missing"
        if kind.isalpha() and kind[0] & _ANCILLARY:
            continue
        if checksum != zlib.crc32(payload, zlib.crc32(kind)):
            return f"a checksum is wrong, or its end is missing, in {_name(kind)}"
        if not _is_in_place(kind, len(payload), seen, is_indexed=is_indexed):
            return f"{_name(kind)} is unknown, or out of place"
        if kind == b"IDAT" and not pixels.inflate(payload):
            return "its pixels can't be decoded"
        seen.add(kind)
    return None if b"IEND" in seen else "its end is missing"


def read_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, int | None]]:
    """Yield each chunk's kind, payload and checksum, to the end; None for a checksum that is cut off."""
    view, offset = memoryview(data), len(SIGNATURE)
    while offset + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        start, offset = offset + 8, offset + 12 + length
        checksum = int.from_bytes(view[offset - 4 : offset]) if offset <= len(data) else None
        yield kind, view[start : start + length], checksum
        if kind == b"IEND":
            return


def _name(kind: bytes) -> str:
    return repr(kind.decode("ascii", "replace"))


def _is_in_place(kind: bytes, size: int, seen: set[bytes], *, is_indexed: bool) -> bool:
    """Whether a critical chunk of that many bytes may come after those that were seen."""
    match kind:
        case b"IHDR":
            return not seen and size == HEADER_BYTES
        case b"PLTE":
            return not is_indexed or (seen == {b"IHDR"} and size in _PALETTE_BYTES)
        case b"IDAT":
            return not is_indexed or b"PLTE" in seen
        case _:
            return kind == b"IEND" and b"IDAT" in seen


class _Pixels:
    """The rows of a PNG as they are inflated; none of them is kept."""

    def __init__(self, rows: list[range]) -> None:
        self._rows = rows
        self._inflater = zlib.decompressobj()
        self._count = 0  # bytes

    @property
    def are_missing(self) -> bool:
        return self._count < self._rows[-1].stop

    def inflate(self, data: bytes | memoryview) -> bool:
        """Inflate more of them; return whether they can be decoded."""
        try:
            while data and self.are_missing:
                piece = self._inflater.decompress(data, _INFLATED_AT_ONCE)
                if any(piece[place].translate(None, _FILTERS) for place in self._beginnings()):
                    return False
                self._count += len(piece)
                data = self._inflater.unconsumed_tail
        except zlib.error:
            return False
        return True

    def _beginnings(self) -> Iterator[slice]:
        """Yield where rows begin in the next piece."""
        for rows in self._rows:
            passed = max(0, -((rows.start - self._count) // rows.step))
            first = rows.start + passed * rows.step
            yield slice(first - self._count, max(rows.stop - self._count, 0), rows.step)


def _rows(header: bytes) -> list[range]:
    """Return where rows begin in the inflated pixels, by pass; nothing for a header without sense."""
    if len(header) < HEADER_BYTES:
        return []
    width, height, depth, colour, compression, filters, interlace = struct.unpack(">IIBBBBB", header)
    if compression or filters or interlace > 1 or depth not in _DEPTHS.get(colour, ()):
        return []
    found: list[range] = []
    for left, top, across, down in _ADAM7 if interlace else _WHOLE_ROWS:
        columns, rows = -((left - width) // across), -((top - height) // down)
        if columns > 0 and rows > 0:
            start = found[-1].stop if found else 0
            step = 1 + (columns * depth * _CHANNELS[colour] + 7) // 8
            found.append(range(start, start + rows * step, step))
    return found
