"""What the bytes of an image say: format, pixels, orientation, and whether it is whole."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from contract_tests.support.examples import examples
from contract_tests.support.pictures import encoded, picture
from kling_elements.images import inspection
from kling_elements.images.constraints import ImageConstraints, ImageInfo, problems
from kling_elements.images.inspection import inspect

RULES = ImageConstraints(("jpeg", "png"), 300, 300, 0.4, 2.5, 10_000_000)


def segment(marker: int, data: bytes) -> bytes:
    """A JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def with_app1(jpeg: bytes, *payloads: bytes) -> bytes:
    """A JPEG with APP1 segments put before everything else."""
    return jpeg[:2] + b"".join(segment(0xE1, payload) for payload in payloads) + jpeg[2:]


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def made_png(bits: int, colour: int, rows: bytes, size: tuple[int, int], interlaced: int = 0) -> bytes:
    """A PNG made by hand, as Pillow writes none with 16 bits a channel, or interlaced."""
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, interlaced)
    palette = chunk(b"PLTE", bytes(3)) if colour == 3 else b""
    data = chunk(b"IHDR", header) + palette + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks put after its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def changed(png: bytes, place: int, byte: int) -> bytes:
    """A PNG whose header has another byte and a right checksum."""
    header = png[16 : 16 + place] + bytes((byte,)) + png[17 + place : 29]
    return png[:8] + chunk(b"IHDR", header) + png[33:]


PNG, JPEG = encoded(picture()), encoded(picture(), "JPEG")
PROGRESSIVE = encoded(picture(), "JPEG", progressive=True)
SIXTEEN = made_png(16, 2, (b"\0" + bytes(320 * 6)) * 300, (320, 300))
PROFILE = chunk(b"iCCP", b"display\0\0" + zlib.compress(bytes(1_500_000), 1))
TEXT = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(2_000_000), 1))
WRONG_SUM = struct.pack(">I", 3) + b"tEXta\0b" + bytes(4)
GOOD = {
    "jpeg": [
        *(JPEG, PROGRESSIVE, JPEG + b"a film that a telephone has appended" * 500),
        *(encoded(picture(mode=mode), "JPEG") for mode in ("CMYK", "L")),
        encoded(picture(), "JPEG", subsampling=0, quality=98),
        encoded(picture(), "MPO", save_all=True, append_images=[picture()]),
        with_app1(JPEG, *[b"http://ns.adobe.com/xap/1.0/\0" + bytes(65_000)] * 8),
        with_app1(JPEG, b"JFIF\0", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 30),
    ],
    "png": [
        *(PNG, PNG + b"more than a chunk's beginning", SIXTEEN, encoded(picture(mode="I;16", noise=False))),
        *(encoded(picture(mode=mode)) for mode in ("P", "1", "LA")),
        encoded(picture(), save_all=True, append_images=[picture(noise=False)]),
        with_chunks(PNG, PROFILE),
        with_chunks(PNG, TEXT, WRONG_SUM, chunk(b"eXIf", b"II*\0\xff\xff\xff\xff")),
        with_chunks(PNG, chunk(b"cHRM", b"x"), chunk(b"tRNS", bytes(99))),
    ],
}


def test_good_images_pass() -> None:
    """Every kind of JPEG and PNG is decoded, with the dimensions that Pillow gives, and no warning."""
    for name, images in GOOD.items():
        for number, data in enumerate(images):
            facts = inspect(data, complete=True)
            assert facts == ImageInfo(name, 320, 300, len(data)), number
            assert problems(facts, RULES) == ()


def interlaced(width: int, height: int, bits: int, missing: int = 0, row_filter: int = 0) -> bytes:
    """An interlaced PNG whose pixels are all 255; `missing` bytes of them are not there."""
    steps = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = b""
    for left, top, across, down in steps:
        if columns := len(range(left, width, across)):
            row = bytes((row_filter,)) + b"\xff" * ((columns * bits + 7) // 8)
            rows += row * len(range(top, height, down))
    depth, colour = {24: (8, 2), 8: (8, 3), 1: (1, 0)}[bits]
    return made_png(depth, colour, rows[: len(rows) - missing], (width, height), 1)


def test_interlaced_pngs_are_whole_or_not() -> None:
    """The pixels of an interlaced PNG, and of one with few bits a pixel, are counted to the last row."""
    for size in ((1, 1), (3, 5), (8, 8), (33, 70)):
        for bits in (24, 8, 1):
            assert inspect(interlaced(*size, bits), complete=True).damage is None
            damage = str(inspect(interlaced(*size, bits, missing=1), complete=True).damage)
            assert "pixels are missing" in damage
            assert "can't be decoded" in str(
                inspect(interlaced(*size, bits, row_filter=5), complete=True).damage
            )


WHOLE = (PNG, JPEG, PROGRESSIVE, SIXTEEN)
SECOND = PNG.index(b"IDAT", 100) - 4
INDEXED = encoded(picture(mode="P"))
PALETTE = INDEXED[33 : INDEXED.index(b"IDAT") - 4]
DAMAGED = [
    *(data[: int(len(data) * part)] for data in WHOLE for part in (0.02, 0.3, 0.9, 0.999, 0.999999999)),
    PNG[: len(PNG) // 2] + bytes((PNG[len(PNG) // 2] ^ 1,)) + PNG[len(PNG) // 2 + 1 :],
    *(changed(PNG, place, byte) for place, byte in ((8, 0), (8, 7), (9, 5), (9, 6), (7, 255))),
    *(changed(PNG, place, byte) for place, byte in ((10, 3), (11, 1), (12, 2))),
    *(with_chunks(PNG, one) for one in (chunk(b"ABCD", b""), chunk(b"a \xff\n", b""), PNG[8:33])),
    PNG[:SECOND] + chunk(b"tEXt", b"a\0b") + PNG[SECOND:],
    *(INDEXED.replace(PALETTE, chunk(b"PLTE", bytes(size))) for size in (0, 4, 771)),
    *(with_chunks(INDEXED, PALETTE), INDEXED.replace(PALETTE, b"")[:-12] + PALETTE + INDEXED[-12:]),
    PNG.replace(b"IHDR", b"IHDX"),
    with_chunks(PNG, chunk(b"IDAT", b"no pixels")),
    encoded(picture(mode="P")).replace(b"PLTE", b"pLTE"),
    JPEG[:2] + b"\xff\xda\0\2" + JPEG[2:],
    JPEG.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
]


def test_damage_is_noticed() -> None:
    """What can't be decoded as a whole is damaged, whatever exactly is wrong, however little is missing."""
    for number, data in enumerate(DAMAGED):
        damage = str(inspect(data, complete=True).damage)
        assert damage.startswith("is cut off or damaged: its "), number
        assert damage.isprintable()
    for size, is_whole in ((None, True), (len(JPEG), True), (len(JPEG) + 1, False)):
        assert (inspect(JPEG, complete=True, size=size).damage is None) == is_whole


def test_an_image_that_takes_too_much_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More pixels than the limit, or more scans over them, are refused before memory or time is taken."""
    bomb = changed(changed(PNG, 1, 9), 5, 9)
    assert "over 89 million pixels" in str(inspect(bomb, complete=True).damage)
    thumbnail = with_app1(PROGRESSIVE, b"\xff\xda" * 99)  # which has scans of its own, and is not decoded
    for name, data, scans in (("_MAX_SCANNED", thumbnail, 10), ("MAX_PIXELS", JPEG, 1)):
        for limit, is_refused in ((scans * 320 * 300, False), (scans * 320 * 300 - 1, True)):
            monkeypatch.setattr(inspection, name, limit)
            assert ("not decoded here" in str(inspect(data, complete=True).damage)) is is_refused


@pytest.mark.parametrize("name", ["PNG", "JPEG"])
@pytest.mark.parametrize(("orientation", "order"), [(1, "<"), (3, ">"), (6, "<"), (8, ">")])
def test_orientation_is_applied(name: str, orientation: int, order: str) -> None:
    """Width and height are those of the displayed image, from the beginning of a file and from all of it."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags.endian = order
    data = encoded(picture(400, 300), name, exif=tags)
    expected = (300, 400) if orientation >= 5 else (400, 300)
    for facts in (inspect(data, complete=True), inspect(data[:1200], complete=False)):
        assert (facts.width, facts.height) == expected


@examples(60)
@given(
    st.binary(max_size=300), st.sampled_from([b"", PNG[:33], JPEG[:180], PROGRESSIVE[:30], b"\xff\xd8\xff"])
)
def test_no_bytes_raise(tail: bytes, head: bytes) -> None:
    """Whatever the bytes are, looking at them gives facts and never an exception."""
    inspect(head + tail, complete=False)
    assert problems(inspect(head + tail, complete=True), RULES)


FORMATS: dict[str | None, list[bytes]] = {
    "gif": [b"GIF87a", b"GIF89a"],
    "webp": [b"RIFF\0\0\0\0WEBP"],
    "tiff": [b"II*\0", b"MM\0*"],
    "pdf": [b"%PDF-1.7"],
    "bmp": [b"BM\1\2\3\4\0\0\0\0"],
    "avif": [b"\0\0\0\x18ftyp" + brand for brand in (b"avif", b"avis")],
    "heic": [b"\0\0\0\x18ftyp" + brand for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")],
    "mp4": [b"\0\0\0\x18ftypmp42"],
    "html": [b"<!DocType HTML>", b"<HTML lang=en>", b"\n <head>", b"\xef\xbb\xbf<BODY>"],
    "svg": [b" <SVG width='5'>", b"<!doctype svg PUBLIC ''>\n<svg>", b"<?xml?>".ljust(1020) + b"<svg>"],
    None: [b"\xff\xd8", PNG[:7], b"GIF88a", b"RIFX\0\0\0\0WEBP", b"BM\1\2\3\4\0\0\0\1", b"<p>",
           b"<?xml version='1.0'?><rss>", b"an icon: <svg>", b"<?xml?>".ljust(1021) + b"<svg>"],
}  # fmt: skip


def frame(marker: int = 0xC0, width: int = 400, height: int = 300) -> bytes:
    """A JPEG's frame header."""
    return segment(marker, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")


# What may stand in a JPEG behind its first segment, by the width and height that it shows.
FRAMES: dict[tuple[int | None, int | None], list[bytes]] = {
    (65_535, 32_768): [frame(width=65_535, height=32_768)],
    (None, 300): [frame(width=0)],
    (400, None): [frame(height=0)],
    (400, 300): [
        *(frame(marker) for marker in (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC7, 0xC9, 0xCB, 0xCD, 0xCF)),
        *(frame(marker, 9, 9) + frame() for marker in (0xC4, 0xC8, 0xCC)),  # tables
        *(b"\xff" + bytes((marker,)) + frame() for marker in (0x00, 0x01, 0xD0, 0xD7, 0xD8)),
        *(b"\xff\xff\xff" + frame(), b"odd \0 bytes" + frame(), segment(0xFE, b"\xff\xc0" * 9) + frame()),
    ],
    (None, None): [segment(0xDA, b"\1") + frame(), b"\xff\xd9\0\0" + frame()],  # a scan, the end
}


def test_beginnings() -> None:
    """A file's first bytes name its format, and show a JPEG's size whatever stands before its frame."""
    for name, beginnings in FORMATS.items():
        for data in beginnings:
            assert inspect(data, complete=False, size=99_999) == ImageInfo(name, None, None, 99_999), data
    for size, middles in FRAMES.items():
        for middle in middles:
            data = b"\xff\xd8\xff\xfe\0\2" + middle
            assert inspect(data, complete=False, size=99_999) == ImageInfo("jpeg", *size, 99_999), middle
