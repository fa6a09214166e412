"""Whether a file is a whole MP4, told by its boxes."""

from __future__ import annotations

import io
import struct

import pytest

from contract_tests.support.answers import mp4
from kling_elements.downloads.mp4 import Verdict, inspect_mp4


def box(kind: bytes, payload: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(payload) if length is None else length) + kind + payload


def large(kind: bytes, payload: bytes = b"") -> bytes:
    """A box with a 64-bit length."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(payload)) + payload


FTYP, MOOV, MDAT = box(b"ftyp", b"isom"), box(b"moov", b"\0" * 8), box(b"mdat", b"\1" * 8)


class Headers(io.BytesIO):
    """A file of which only the heads of boxes may be read."""

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert 0 <= size <= 16
        return super().read(size)


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (mp4(), Verdict.WHOLE),
        (FTYP + MDAT + MOOV, Verdict.WHOLE),
        (FTYP + large(b"mdat", b"\1" * 300) + MOOV, Verdict.WHOLE),
        (FTYP + large(b"mdat") + MOOV, Verdict.WHOLE),
        (FTYP + MOOV + box(b"mdat", b"\1" * 9, length=0), Verdict.WHOLE),
        (FTYP + MOOV + box(b"mdat", length=0), Verdict.WHOLE),
        (FTYP + box(b"free") + MOOV, Verdict.WHOLE),
        (FTYP + MDAT, Verdict.DAMAGED),
        (FTYP + MOOV + MDAT[:-1], Verdict.DAMAGED),
        (FTYP + MOOV + MDAT[:7], Verdict.DAMAGED),
        (FTYP + MOOV + MDAT + b"\0", Verdict.DAMAGED),
        (FTYP + box(b"mdat", b"\1" * 8, length=7) + MOOV, Verdict.DAMAGED),
        (FTYP + box(b"mdat", struct.pack(">Q", 16), length=2) + MOOV, Verdict.DAMAGED),
        (FTYP + MOOV + b"\0" * 64, Verdict.DAMAGED),
        (FTYP + MOOV + box(b"\xffdat", b"\1" * 8), Verdict.DAMAGED),
        (FTYP + MOOV + box(b"mda\x01", b"\1" * 8), Verdict.DAMAGED),
        (MOOV + FTYP, Verdict.NO_MP4),
        (b"<html></html>", Verdict.NO_MP4),
        (FTYP[:7], Verdict.NO_MP4),
        (b"", Verdict.NO_MP4),
    ],
)
def test_boxes(data: bytes, verdict: Verdict) -> None:
    """It begins with ftyp, has a moov, and its boxes fill it to the last byte; only their heads are read."""
    assert inspect_mp4(Headers(data), len(data)) is verdict
