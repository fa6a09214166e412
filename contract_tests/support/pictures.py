"""Pictures as files' bytes, drawn by Pillow."""

import io
from random import Random
from typing import Any

from PIL import Image


def picture(width: int = 320, height: int = 300, mode: str = "RGB", *, noise: bool = True) -> Image.Image:
    """A picture whose pixels compress badly, or hardly take any room."""
    if not noise:
        return Image.new(mode, (width, height))
    pixels = Random(7).randbytes(width * height * 3)  # noqa: S311 - noise, not a secret
    return Image.frombytes("RGB", (width, height), pixels).convert(mode)


def encoded(image: Image.Image, name: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()
