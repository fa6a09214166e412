"""What to do with a file, by its first bytes and its boxes."""

from __future__ import annotations

import io
import struct

import pytest

from contract_tests.support.answers import mp4
from kling_elements.downloads.mp4 import MAX_BOXES, Verdict, inspect_video

WHOLE, UNUSUAL, DAMAGED, NO_VIDEO = Verdict


def box(kind: bytes, payload: bytes = b"", length: int | None = None) -> bytes:
    """A box, with its own length or any other."""
    return struct.pack(">I", 8 + len(payload) if length is None else length) + kind + payload


def large(kind: bytes, payload: bytes = b"") -> bytes:
    """A box with a 64-bit length."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(payload)) + payload


FTYP, MOOV, MDAT = box(b"ftyp", b"isom"), box(b"moov", b"\0" * 8), box(b"mdat", b"\1" * 8)


class Counted(io.BytesIO):
    """A file that counts how often it is read, and little at a time."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert 0 <= size <= 512
        self.reads += 1
        return super().read(size)


@pytest.mark.parametrize(
    ("data", "verdict", "is_complete"),
    [
        (mp4(), WHOLE, True),
        (FTYP + MDAT + MOOV, WHOLE, True),
        (MOOV + MDAT, WHOLE, True),
        (box(b"wide") + MDAT + MOOV, WHOLE, True),
        (FTYP + large(b"mdat", b"\1" * 300) + MOOV, WHOLE, True),
        (FTYP + MOOV + box(b"mdat", b"\1" * 9, length=0), WHOLE, False),
        (FTYP + MOOV, WHOLE, False),
        (FTYP + MOOV + box(b"moof") + MDAT, WHOLE, False),
        (FTYP + MOOV + box(b"\xa9nam", b"\1" * 8) + MDAT, WHOLE, True),
        (FTYP + MOOV + MDAT + b"\0", UNUSUAL, False),
        (FTYP + MOOV + MDAT + b"\0" * 64, UNUSUAL, False),
        (FTYP + MDAT + MOOV + b"ID3\4" + b"\0" * 50, UNUSUAL, False),
        (FTYP + MDAT + MOOV + box(b"free", b"", length=999), UNUSUAL, False),
        (FTYP + MOOV + MDAT + box(b"free") * 2 * MAX_BOXES, UNUSUAL, False),
        (b"RIFF\0\0\0\0AVI ", UNUSUAL, False),
        (b"\x1a\x45\xdf\xa3\0", UNUSUAL, False),
        (FTYP + box(b"free") * 2 * MAX_BOXES + MOOV + MDAT, DAMAGED, False),
        (FTYP + MDAT, DAMAGED, False),
        (FTYP + MOOV + MDAT[:-1], DAMAGED, False),
        (FTYP + MDAT + MOOV[:-1], DAMAGED, False),
        (FTYP + MOOV + MDAT[:7], DAMAGED, False),
        (FTYP + MOOV + b"\0" * 64, DAMAGED, False),
        (FTYP + box(b"mdat", b"\1" * 8, length=7) + MOOV, DAMAGED, False),
        (FTYP + box(b"mdat", struct.pack(">Q", 16), length=2) + MOOV, DAMAGED, False),
        (FTYP + large(b"mdat")[:12], DAMAGED, False),
        (b"\0" * 999, DAMAGED, False),
        (b"\x89PNG\r\n\x1a\n", DAMAGED, False),
        (b"<html>\xe9</html>", NO_VIDEO, False),
        (b'{"message": "no"}', NO_VIDEO, False),
        (b"", NO_VIDEO, False),
    ],
)
def test_each_file(data: bytes, verdict: Verdict, is_complete: bool) -> None:  # noqa: FBT001 - a table
    """Only text is no video; what looks wrong is kept; and the boxes that are looked at are bounded."""
    stream = Counted(data)
    found = inspect_video(stream, len(data))
    assert (found.verdict, found.is_complete) == (verdict, is_complete)
    assert bool(found.text) == (verdict is not WHOLE)
    assert stream.reads <= MAX_BOXES + 1
