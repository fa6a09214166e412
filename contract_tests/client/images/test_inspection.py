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


def exif(orientation: int) -> Image.Exif:
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


def sixteen_bit_png(width: int = 300, height: int = 300) -> bytes:
    """A PNG with 16 bits a channel, which Pillow reads but does not write in colour."""
    rows = b"".join(b"\0" + bytes(width * 6) for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


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
PROFILE = chunk(b"iCCP", b"display\0\0" + zlib.compress(bytes(1_500_000)))
TEXT = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(2_000_000)))
WRONG_SUM = struct.pack(">I", 3) + b"tEXta\0b" + bytes(4)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (PNG, "png"),
        (JPEG, "jpeg"),
        (PROGRESSIVE, "jpeg"),
        (encoded(picture(mode="P")), "png"),
        (encoded(picture(mode="1")), "png"),
        (encoded(picture(mode="LA")), "png"),
        (encoded(picture(mode="I;16", noise=False)), "png"),
        (sixteen_bit_png(320, 300), "png"),
        (encoded(picture(mode="CMYK"), "JPEG"), "jpeg"),
        (encoded(picture(mode="L"), "JPEG"), "jpeg"),
        (encoded(picture(), "JPEG", subsampling=0, quality=98), "jpeg"),
        (encoded(picture(), "MPO", save_all=True, append_images=[picture()]), "jpeg"),
        (encoded(picture(), save_all=True, append_images=[picture(noise=False)]), "png"),
        (JPEG + b"a film that a telephone has appended" * 500, "jpeg"),
        (with_app1(JPEG, *[b"http://ns.adobe.com/xap/1.0/\0" + bytes(65_000)] * 8), "jpeg"),
        (with_chunks(PNG, PROFILE), "png"),
        (with_chunks(PNG, TEXT, WRONG_SUM, chunk(b"eXIf", b"II*\0\xff\xff\xff\xff")), "png"),
        (with_chunks(PNG, chunk(b"cHRM", b"x"), chunk(b"tRNS", bytes(99))), "png"),
        (with_app1(JPEG, b"JFIF\0", b"Adobe", b"MPF\0", b"Photoshop 3.0\0008BIM"), "jpeg"),
        (JPEG.replace(b"\xff\xe0\0\x10JFIF\0\1\1", b"\xff\xe2\0\x10ICC_PROFILE\0", 1), "jpeg"),
        (PNG + b"more", "png"),
        (with_app1(JPEG, b"Exif\0\0II*\0"), "jpeg"),
        (with_app1(JPEG, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 30), "jpeg"),
    ],
)
def test_good_images_pass(data: bytes, name: str) -> None:
    """Every kind of JPEG and PNG is decoded, with the dimensions that Pillow gives, and no warning."""
    facts = inspect(data, complete=True)
    assert facts == ImageInfo(name, 320, 300, len(data))
    assert problems(facts, RULES) == ()


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (33, 70)])
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P"])
def test_interlaced_pngs_are_whole_or_not(size: tuple[int, int], mode: str) -> None:
    """The pixels of an interlaced PNG, and of one with few bits a pixel, are counted to the last row."""
    data = interlaced(*size, mode)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    assert inspect(data, complete=True).damage is None
    assert "pixels are missing" in str(inspect(interlaced(*size, mode, missing=1), complete=True).damage)


def interlaced(width: int, height: int, mode: str, missing: int = 0) -> bytes:
    """An interlaced PNG whose pixels are all 0; `missing` bytes of them are not there."""
    bits, colour = {"RGB": (24, 2), "L": (8, 0), "1": (1, 0), "P": (8, 3)}[mode]
    steps = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = 0
    for left, top, across, down in steps:
        columns = len(range(left, width, across))
        rows += len(range(top, height, down)) * (1 + (columns * bits + 7) // 8) if columns else 0
    header = struct.pack(">IIBBBBB", width, height, 1 if bits == 1 else 8, colour, 0, 0, 1)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + (chunk(b"PLTE", bytes(3)) if mode == "P" else b"")
        + chunk(b"IDAT", zlib.compress(bytes(rows - missing)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "data", [PNG, JPEG, PROGRESSIVE, sixteen_bit_png()], ids=["png", "jpeg", "progressive", "16"]
)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9, 0.999, 0.999999999])
def test_cut_off_images_are_damaged(data: bytes, part: float) -> None:
    """An image that ends too early is said to be damaged, however little is missing."""
    cut = data[: int(len(data) * part)]
    damage = inspect(cut, complete=True).damage
    assert damage is not None
    assert damage.startswith("is cut off or damaged: its ")


@pytest.mark.parametrize(
    "data",
    [
        PNG[: len(PNG) // 2] + bytes((PNG[len(PNG) // 2] ^ 1,)) + PNG[len(PNG) // 2 + 1 :],
        changed(PNG, 8, 0),
        changed(PNG, 9, 5),
        changed(PNG, 9, 6),
        changed(PNG, 7, 255),
        PNG.replace(b"IHDR", b"IHDX"),
        with_chunks(PNG, chunk(b"IDAT", b"no pixels")),
        PALETTE.replace(b"PLTE", b"pLTE"),
        PNG[:26],
        JPEG[:2] + b"\xff\xda\0\2" + JPEG[2:],
        JPEG.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
        JPEG[:180],
    ],
)
def test_damage_is_noticed(data: bytes) -> None:
    """What can't be decoded as a whole is damaged, whatever exactly is wrong."""
    damage = str(inspect(data, complete=True).damage)
    assert damage.startswith("is cut off or damaged: its ")
    assert damage.isprintable()


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


@pytest.mark.parametrize(("size", "is_whole"), [(None, True), (len(JPEG), True), (len(JPEG) + 1, False)])
def test_a_shorter_body_than_announced_is_cut_off(size: int | None, is_whole: bool) -> None:  # noqa: FBT001
    """Where the whole size is known, and not all is there, it is damaged."""
    assert (inspect(JPEG, complete=True, size=size).damage is None) == is_whole


@pytest.mark.parametrize("name", ["PNG", "JPEG"])
@pytest.mark.parametrize(("orientation", "order"), [(1, "<"), (3, ">"), (6, "<"), (8, ">")])
def test_orientation_is_applied(name: str, orientation: int, order: str) -> None:
    """Width and height are those of the displayed image, from the beginning of a file and from all of it."""
    tags = exif(orientation)
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
    options: dict[str, Any] = {"exif": exif(data.draw(st.integers(1, 8)))} if data.draw(st.booleans()) else {}
    if name == "JPEG":
        options |= {"progressive": data.draw(st.booleans()), "comment": data.draw(st.binary(max_size=999))}
    raw = encoded(picture(*size, mode=mode, noise=False), name, **options)
    facts = inspect(raw, complete=True)
    width, height = (facts.height, facts.width) if facts.turned else (facts.width, facts.height)
    with Image.open(io.BytesIO(raw)) as image:
        assert (width, height) == image.size
    assert facts.damage is None
