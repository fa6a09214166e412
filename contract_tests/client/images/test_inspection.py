"""What the bytes of an image say: format, pixels, orientation, and whether it is whole."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from contract_tests.support.examples import examples
from contract_tests.support.pictures import encoded, picture
from kling_elements.images import ImageInfo, inspect, inspection, problems
from kling_elements.images.constraints import ImageConstraints

RULES = ImageConstraints(("jpeg", "png"), 300, 300, 0.4, 2.5, 10_000_000)


def tags_of(orientation: int) -> Image.Exif:
    """EXIF data that holds an orientation."""
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def with_app1(jpeg: bytes, *payloads: bytes) -> bytes:
    """A JPEG with APP1 segments put before everything else."""
    return jpeg[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 2) + p for p in payloads) + jpeg[2:]


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
    header = png[12 : 16 + place] + bytes((byte,)) + png[17 + place : 29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


PNG = encoded(picture())
JPEG = encoded(picture(), "JPEG")
PROGRESSIVE = encoded(picture(), "JPEG", progressive=True)
PALETTE = encoded(picture(mode="P"))
SIXTEEN = made_png(16, 2, (b"\0" + bytes(320 * 6)) * 300, (320, 300))
PROFILE = chunk(b"iCCP", b"display\0\0" + zlib.compress(bytes(1_500_000), 1))
TEXT = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(2_000_000), 1))
WRONG_SUM = struct.pack(">I", 3) + b"tEXta\0b" + bytes(4)


GOOD_JPEGS = [
    *(JPEG, PROGRESSIVE, JPEG + b"a film that a telephone has appended" * 500),
    *(encoded(picture(mode=mode), "JPEG") for mode in ("CMYK", "L")),
    encoded(picture(), "JPEG", subsampling=0, quality=98),
    encoded(picture(), "MPO", save_all=True, append_images=[picture()]),
    with_app1(JPEG, *[b"http://ns.adobe.com/xap/1.0/\0" + bytes(65_000)] * 8),
    with_app1(JPEG, b"JFIF\0", b"Adobe", b"MPF\0", b"Photoshop 3.0\0008BIM"),
    with_app1(JPEG, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 30),
    JPEG.replace(b"\xff\xe0\0\x10JFIF\0\1\1", b"\xff\xe2\0\x10ICC_PROFILE\0", 1),
]
GOOD_PNGS = [
    *(PNG, PNG + b"more", SIXTEEN, encoded(picture(mode="I;16", noise=False))),
    *(encoded(picture(mode=mode)) for mode in ("P", "1", "LA")),
    encoded(picture(), save_all=True, append_images=[picture(noise=False)]),
    with_chunks(PNG, PROFILE),
    with_chunks(PNG, TEXT, WRONG_SUM, chunk(b"eXIf", b"II*\0\xff\xff\xff\xff")),
    with_chunks(PNG, chunk(b"cHRM", b"x"), chunk(b"tRNS", bytes(99))),
]


@pytest.mark.parametrize(("name", "images"), [("jpeg", GOOD_JPEGS), ("png", GOOD_PNGS)])
def test_good_images_pass(name: str, images: list[bytes]) -> None:
    """Every kind of JPEG and PNG is decoded, with the dimensions that Pillow gives, and no warning."""
    for number, data in enumerate(images):
        facts = inspect(data, complete=True)
        assert facts == ImageInfo(name, 320, 300, len(data)), number
        assert problems(facts, RULES) == ()


def interlaced(width: int, height: int, bits: int, missing: int = 0) -> bytes:
    """An interlaced PNG whose pixels are all 0; `missing` bytes of them are not there."""
    steps = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = 0
    for left, top, across, down in steps:
        columns = len(range(left, width, across))
        rows += len(range(top, height, down)) * (1 + (columns * bits + 7) // 8) if columns else 0
    depth, colour = {24: (8, 2), 8: (8, 3), 1: (1, 0)}[bits]
    return made_png(depth, colour, bytes(rows - missing), (width, height), 1)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (33, 70)])
@pytest.mark.parametrize("bits", [24, 8, 1])
def test_interlaced_pngs_are_whole_or_not(size: tuple[int, int], bits: int) -> None:
    """The pixels of an interlaced PNG, and of one with few bits a pixel, are counted to the last row."""
    data = interlaced(*size, bits)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    assert inspect(data, complete=True).damage is None
    assert "pixels are missing" in str(inspect(interlaced(*size, bits, missing=1), complete=True).damage)


WHOLE = (PNG, JPEG, PROGRESSIVE, SIXTEEN)
DAMAGED = [
    *(data[: int(len(data) * part)] for data in WHOLE for part in (0.02, 0.3, 0.9, 0.999, 0.999999999)),
    PNG[: len(PNG) // 2] + bytes((PNG[len(PNG) // 2] ^ 1,)) + PNG[len(PNG) // 2 + 1 :],
    changed(PNG, 8, 0),
    changed(PNG, 9, 5),
    changed(PNG, 9, 6),
    changed(PNG, 7, 255),
    PNG.replace(b"IHDR", b"IHDX"),
    with_chunks(PNG, chunk(b"IDAT", b"no pixels")),
    PALETTE.replace(b"PLTE", b"pLTE"),
    JPEG[:2] + b"\xff\xda\0\2" + JPEG[2:],
    JPEG.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
]


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_damage_is_noticed(data: bytes) -> None:
    """What can't be decoded as a whole is damaged, whatever exactly is wrong, however little is missing."""
    damage = str(inspect(data, complete=True).damage)
    assert damage.startswith("is cut off or damaged: its ")
    assert damage.isprintable()


def test_a_shorter_body_than_announced_is_cut_off() -> None:
    """Where the whole size is known, and not all is there, it is damaged."""
    for size, is_whole in ((None, True), (len(JPEG), True), (len(JPEG) + 1, False)):
        assert (inspect(JPEG, complete=True, size=size).damage is None) == is_whole


def test_no_setting_of_the_process_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other libraries set for the process changes no verdict, and nothing is changed for them."""
    cases = [PNG, JPEG, PROGRESSIVE, with_chunks(PNG, PROFILE), JPEG[:-99], PNG[:-99], PROGRESSIVE[:20_000]]
    cases += [with_app1(JPEG, b"Exif\0\0II*\0\x08\0\0\0\xff\xff")]
    before = [inspect(data, complete=True) for data in cases]
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 1)
    monkeypatch.setattr(Image, "OPEN", {})
    monkeypatch.setattr(Image, "DECODERS", {"jpeg": None, "zip": None})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [inspect(data, complete=True) for data in cases] == before


def test_an_image_of_too_many_pixels_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image of more pixels than the limit is refused by its header, before memory is taken."""
    bomb = changed(changed(PNG, 1, 9), 5, 9)
    assert "over 89 million pixels" in str(inspect(bomb, complete=True).damage)
    monkeypatch.setattr(inspection, "MAX_PIXELS", 320 * 300)
    assert inspect(JPEG, complete=True).damage is None
    monkeypatch.setattr(inspection, "MAX_PIXELS", 320 * 300 - 1)
    assert "make it smaller" in str(inspect(JPEG, complete=True).damage)


@pytest.mark.parametrize("name", ["PNG", "JPEG"])
@pytest.mark.parametrize(("orientation", "order"), [(1, "<"), (3, ">"), (6, "<"), (8, ">")])
def test_orientation_is_applied(name: str, orientation: int, order: str) -> None:
    """Width and height are those of the displayed image, from the beginning of a file and from all of it."""
    tags = tags_of(orientation)
    tags.endian = order
    data = encoded(picture(400, 300), name, exif=tags)
    expected = (300, 400, True) if orientation >= 5 else (400, 300, False)
    for facts in (inspect(data, complete=True), inspect(data[:1200], complete=False)):
        assert (facts.width, facts.height, facts.turned) == expected


@examples(60)
@given(
    st.binary(max_size=300), st.sampled_from([b"", PNG[:33], JPEG[:180], PROGRESSIVE[:30], b"\xff\xd8\xff"])
)
def test_no_bytes_raise(tail: bytes, head: bytes) -> None:
    """Whatever the bytes are, looking at them gives facts and never an exception."""
    inspect(head + tail, complete=False)
    facts = inspect(head + tail, complete=True)
    assert problems(facts, RULES)


@examples(40)
@given(st.data())
def test_header_agrees_with_pillow(data: st.DataObject) -> None:
    """The dimensions read from the header are Pillow's, for any size, mode and metadata."""
    size = data.draw(st.tuples(st.integers(1, 900), st.integers(1, 900)))
    name, mode = data.draw(
        st.sampled_from(
            [("PNG", "RGB"), ("PNG", "P"), ("PNG", "1"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("JPEG", "L")]
        )
    )
    options: dict[str, Any] = (
        {"exif": tags_of(data.draw(st.integers(1, 8)))} if data.draw(st.booleans()) else {}
    )
    if name == "JPEG":
        options |= {"progressive": data.draw(st.booleans()), "comment": data.draw(st.binary(max_size=999))}
    raw = encoded(picture(*size, mode=mode, noise=False), name, **options)
    facts = inspect(raw, complete=True)
    width, height = (facts.height, facts.width) if facts.turned else (facts.width, facts.height)
    with Image.open(io.BytesIO(raw)) as image:
        assert (width, height) == image.size
    assert facts.damage is None


# --- headers made by hand


def segment(marker: int, data: bytes) -> bytes:
    """A JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def frame(marker: int = 0xC0, width: int = 400, height: int = 300) -> bytes:
    """A JPEG's frame header."""
    return segment(marker, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")


def seen(data: bytes) -> ImageInfo:
    """What is said of a file's beginning."""
    return inspect(data, complete=False, size=99_999)


def facts(
    name: str | None, width: int | None = None, height: int | None = None, *, turned: bool = False
) -> ImageInfo:
    """The facts of a beginning of a file whose size is known."""
    return ImageInfo(name, width, height, 99_999, turned)


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


def test_each_format_is_known_by_its_first_bytes() -> None:
    """A format's first bytes name it; others that are like them do not."""
    for name, beginnings in FORMATS.items():
        assert {data: seen(data) for data in beginnings} == dict.fromkeys(beginnings, facts(name))


FOUND = facts("jpeg", 400, 300)


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
    ],
)
def test_each_way_to_a_frame(middle: bytes, expected: ImageInfo) -> None:
    """A JPEG's frame header is found behind whatever may stand before it, and nothing is taken for it."""
    assert seen(b"\xff\xd8\xff\xfe\0\2" + middle) == expected
