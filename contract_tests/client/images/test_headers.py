"""What the first bytes of an image say: headers made by hand."""

from __future__ import annotations

import struct
import zlib

import pytest

from kling_elements.images import ImageInfo, inspect

SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8"
IDAT = struct.pack(">I4sI", 0, b"IDAT", 0)
IEND = struct.pack(">I4sI", 0, b"IEND", 0)
ORIENTATION, WIDTH = 0x0112, 0x0100
SHORT, LONG = 3, 4


def chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    """A PNG chunk, with its own length or any other."""
    said = struct.pack(">I", len(data) if length is None else length)
    return said + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes, width: int = 400, height: int = 300) -> bytes:
    """The beginning of a PNG."""
    return (
        SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + b"".join(chunks)
    )


def segment(marker: int, data: bytes) -> bytes:
    """A JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def frame(marker: int = 0xC0, width: int = 400, height: int = 300) -> bytes:
    """A JPEG's frame header."""
    return segment(marker, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")


def entry(tag: int, value: int, kind: int = SHORT, order: str = "<") -> bytes:
    """One entry of EXIF."""
    return struct.pack(f"{order}HHIHH", tag, kind, 1, value, 0)


def exif(*entries: bytes, count: int | None = None, start: int = 8, order: str = "<") -> bytes:
    """EXIF data that ends with its last entry."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    said = struct.pack(f"{order}H", len(entries) if count is None else count)
    return head + bytes(max(0, start - 8)) + said + b"".join(entries)


def seen(data: bytes) -> ImageInfo:
    """What is said of a file's beginning."""
    return inspect(data, complete=False, size=99_999)


def facts(
    name: str | None, width: int | None = None, height: int | None = None, *, turned: bool = False
) -> ImageInfo:
    """The facts of a beginning of a file whose size is known."""
    return ImageInfo(name, width, height, 99_999, turned)


TURN = exif(entry(WIDTH, 5), entry(ORIENTATION, 6))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff\xd8", None),
        (SIGNATURE[:7], None),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"GIF88a", None),
        (b"RIFF\0\0\0\0WEBP", "webp"),
        (b"RIFX\0\0\0\0WEBP", None),
        (b"II*\0", "tiff"),
        (b"MM\0*", "tiff"),
        (b"%PDF-1.7", "pdf"),
        (b"BM\1\2\3\4\0\0\0\0", "bmp"),
        (b"BM\1\2\3\4\0\0\0\1", None),
        *((b"\0\0\0\x18ftyp" + brand, "avif") for brand in (b"avif", b"avis")),
        *((b"\0\0\0\x18ftyp" + brand, "heic") for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")),
        (b"\0\0\0\x18ftypmp42", "mp4"),
        (b"<!DocType HTML>", "html"),
        (b"<HTML lang=en>", "html"),
        (b"\n <head>", "html"),
        (b"\xef\xbb\xbf<BODY>", "html"),
        (b"<p>", None),
        (b" <SVG width='5'>", "svg"),
        (b"<!doctype svg PUBLIC ''>\n<svg>", "svg"),
        (b"<?xml version='1.0'?><svg>", "svg"),
        (b"<?xml version='1.0'?><rss>", None),
        (b"an icon: <svg>", None),
        (b"<?xml?>".ljust(1020) + b"<svg>", "svg"),
        (b"<?xml?>".ljust(1021) + b"<svg>", None),
    ],
)
def test_each_format_is_known_by_its_first_bytes(data: bytes, expected: str | None) -> None:
    """A format's first bytes name it; others that are like them do not."""
    assert seen(data) == facts(expected)


FOUND = facts("jpeg", 400, 300)
TURNED = segment(0xE1, b"Exif\0\0" + TURN)


@pytest.mark.parametrize(
    ("middle", "expected"),
    [
        (frame(width=65_535, height=32_768), facts("jpeg", 65_535, 32_768)),
        (frame(width=0), facts("jpeg", None, 300)),
        (frame(height=0), facts("jpeg", 400, None)),
        *((frame(marker), FOUND) for marker in (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC7, 0xC9, 0xCB, 0xCD, 0xCF)),
        *((frame(marker, 9, 9) + frame(), FOUND) for marker in (0xC4, 0xC8, 0xCC)),  # tables
        *((b"\xff" + bytes((marker,)) + frame(), FOUND) for marker in (0x00, 0x01, 0xD0, 0xD7, 0xD8)),
        (b"\xff\xff\xff" + frame(), FOUND),
        (b"odd \0 bytes" + frame(), FOUND),
        (segment(0xDA, b"\1") + frame(), facts("jpeg")),  # a scan before its frame
        (b"\xff\xd9\0\0" + frame(), facts("jpeg")),  # the end before its frame
        (segment(0xFE, b"\xff\xc0" * 9) + frame(), FOUND),  # a comment
        (TURNED + frame(), facts("jpeg", 300, 400, turned=True)),
        (TURNED + segment(0xE1, b"http://ns.adobe.com/") + frame(), facts("jpeg", 300, 400, turned=True)),
        (TURNED, facts("jpeg", turned=True)),
        (segment(0xE2, b"Exif\0\0" + TURN) + frame(), FOUND),
        (segment(0xE1, b"Exif\0\1" + TURN) + frame(), FOUND),
        (segment(0xE1, b"Exif\0\0" + TURN[:-1]) + frame(), FOUND),
    ],
)
def test_each_way_to_a_frame(middle: bytes, expected: ImageInfo) -> None:
    """A JPEG's frame header is found behind whatever may stand before it, and nothing is taken for it."""
    assert seen(JPEG_START + b"\xff\xfe\0\2" + middle) == expected


@pytest.mark.parametrize(
    ("data", "turned"),
    [
        *((exif(entry(ORIENTATION, value)), value in {5, 6, 7, 8}) for value in range(10)),
        (exif(entry(ORIENTATION, 6, order=">"), order=">"), True),
        (exif(entry(ORIENTATION, 1, order=">"), order=">"), False),
        (exif(entry(ORIENTATION, 6, LONG)), False),
        (exif(entry(ORIENTATION, 6), entry(ORIENTATION, 1)), True),
        (exif(entry(WIDTH, 5), entry(WIDTH, 5), entry(ORIENTATION, 6)), True),
        (exif(entry(WIDTH, 5), entry(ORIENTATION, 6), count=1), False),
        (exif(entry(WIDTH, 5), entry(ORIENTATION, 6), count=9), True),
        (exif(entry(ORIENTATION, 6), count=0), False),
        (exif(entry(ORIENTATION, 6))[:-1], False),
        (exif(entry(ORIENTATION, 6)) + b"\0\0\0\0", True),
        (exif(entry(ORIENTATION, 6), start=20), True),
        (
            exif(
                entry(WIDTH, 5),
                struct.pack("<HHIHH", 9, SHORT, 1, 5, ORIENTATION),
                struct.pack("<HHI4x", 3, 0, 6 << 16),
            ),
            False,
        ),
        (b"II*\0" + struct.pack("<I", 8), False),
        (b"II*\0" + struct.pack("<IH", 8, 1), False),
        (b"II*\0" + struct.pack("<IB", 8, 1), False),
        (b"II*\0" + struct.pack("<IH", 9, 1), False),
        (b"II*\0" + struct.pack("<IH", 2**32 - 1, 1) + entry(ORIENTATION, 6), False),
        (b"II*\0\x08\0\0", False),
        (b"XX*\0" + exif(entry(ORIENTATION, 6))[4:], False),
        (b"", False),
    ],
)
def test_each_orientation(data: bytes, turned: bool) -> None:  # noqa: FBT001  a parameter of the table
    """A quarter turn is one of four values of one entry, of the right type, that is whole and counted."""
    expected = facts("png", 300, 400, turned=True) if turned else facts("png", 400, 300)
    assert seen(png(chunk(b"eXIf", data))) == expected
