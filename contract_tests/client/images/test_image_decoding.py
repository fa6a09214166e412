"""Decoding images: how much of one is, and what is said of one that can't be."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from kling_elements.images import ImageInfo, inspect
from kling_elements.images import inspection as image_content

if TYPE_CHECKING:
    from collections.abc import Callable


def encoded(name: str, width: int = 320, height: int = 300) -> bytes:
    """A plain picture as a file's bytes."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, name)
    return buffer.getvalue()


PNG, JPEG = encoded("PNG"), encoded("JPEG")


@pytest.mark.parametrize(
    ("width", "height", "kept"), [(320, 300, (40, 38)), (8, 8, (1, 1)), (1, 1, (1, 1)), (16, 9, (2, 2))]
)
def test_a_jpeg_is_decoded_small(
    monkeypatch: pytest.MonkeyPatch, width: int, height: int, kept: tuple[int, int]
) -> None:
    """A JPEG is read in full, but in grey and at an eighth of its sides: a large one takes little memory."""
    loaded = []
    load = JpegImageFile.load

    def spy(image: JpegImageFile) -> object:
        loaded.append((image.mode, image.size))
        return load(image)

    monkeypatch.setattr(JpegImageFile, "load", spy)
    assert inspect(encoded("JPEG", width, height), complete=True).damage is None
    assert loaded == [("L", kept)]


@pytest.mark.parametrize(
    ("size", "damage"),
    [
        (None, None),
        (len(JPEG), None),
        (len(JPEG) - 1, None),
        (len(JPEG) + 1, f"is cut off or damaged after {len(JPEG):,} of {len(JPEG) + 1:,} bytes"),
        (1_234_567, f"is cut off or damaged after {len(JPEG):,} of 1,234,567 bytes"),
    ],
)
def test_a_shorter_body_than_announced_is_cut_off(size: int | None, damage: str | None) -> None:
    """Where the whole size is known, and not all is there, it is told how much is."""
    expected = ImageInfo("jpeg", 320, 300, size or len(JPEG), damage=damage)
    assert inspect(JPEG, complete=True, size=size) == expected


@pytest.mark.parametrize(
    ("most", "damage"),
    [
        (None, None),
        (320 * 300, None),
        (320 * 300 - 1, "over 0 million"),
        (1_500_001, None),
    ],
)
@pytest.mark.parametrize("data", [PNG, JPEG], ids=["png", "jpeg"])
def test_pillows_limit_is_inclusive(
    monkeypatch: pytest.MonkeyPatch, data: bytes, most: int | None, damage: str | None
) -> None:
    """An image of just as many pixels as Pillow's limit is decoded, one of more is not."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    told = damage and f"is 320x300 px: {damage} pixels are not decoded here, make it smaller"
    name = "png" if data is PNG else "jpeg"
    assert inspect(data, complete=True) == ImageInfo(name, 320, 300, len(data), damage=told)


def test_pillows_limit_is_told_in_millions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is told rounded."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_500_001)
    told = "is 2000x1000 px: over 2 million pixels are not decoded here, make it smaller"
    assert inspect(encoded("PNG", 2000, 1000), complete=True).damage == told


def raising(error: BaseException) -> Callable[[bytes], None]:
    """A decoder that fails."""

    def load(data: bytes) -> None:
        raise error

    return load


@pytest.mark.parametrize(
    ("error", "damage"),
    [
        (OSError("broken data stream"), "don't decode as {} (broken data stream)"),
        (KeyError(), "don't decode as {} (KeyError)"),
    ],
)
@pytest.mark.parametrize("name", ["PNG", "JPEG"])
def test_what_the_decoder_says_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str, error: Exception, damage: str
) -> None:
    """Where decoding fails, the decoder's own words are told, or the kind of its error if it has none."""
    data = encoded(name)
    monkeypatch.setattr(image_content, f"_load_{name.lower()}", raising(error))
    told = f"is cut off or damaged: its {len(data):,} bytes {damage.format(name)}"
    assert inspect(data, complete=True) == ImageInfo(name.lower(), 320, 300, len(data), damage=told)


def test_memory_that_runs_out_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that this machine can't hold is not called broken."""
    monkeypatch.setattr(image_content, "_load_png", raising(MemoryError()))
    assert inspect(PNG, complete=True).damage == "is too large to be decoded here: memory ran out"
