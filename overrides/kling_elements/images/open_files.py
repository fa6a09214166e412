"""Images that the caller has open already: binary files, and images of Pillow's in memory."""

from __future__ import annotations

import hashlib
import inspect
import io
from typing import TYPE_CHECKING, Any

from kling_elements.images.inspection import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_READ = 32 * 1024 * 1024
"""Bytes that are read of an open file: more than any image may have."""

_ORIENTATION = 0x0112  # of EXIF
_GREY_MODES = frozenset({"1", "L", "LA", "I;16"})  # of Pillow
_PNG_MODES = _GREY_MODES | {"P", "RGB", "RGBA"}
_PROFILE_COLOURS = slice(16, 20)  # where an ICC profile names its colours
_WIDE_MODES = frozenset({"I", "F", "I;16B", "I;16L", "I;16N"})  # as RGB they are cut off at 255


def read_open(file: Any) -> bytes:
    """Read an open binary file from where it stands to its end, or to `MAX_READ`.

    Raises:
        ValueError: It can't be read; the text is the end of a sentence that begins with the file.
    """
    data = bytearray()
    while len(data) < MAX_READ and (chunk := _attempt(file.read, MAX_READ - len(data))):
        if inspect.iscoroutine(chunk):
            chunk.close()
            raise ValueError("is asynchronous: give its bytes, from `await file.read()`")
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise ValueError("gives no bytes: open it in binary mode, 'rb'")  # noqa: TRY004 - as documented
        data += chunk
    if not data and _attempt(lambda: hasattr(file, "tell") and file.tell()):
        raise ValueError("was read to its end already: call its seek(0) first")
    return bytes(data)


def encode(image: Any) -> bytes:
    """Encode an image of Pillow's as PNG, upright.

    Raises:
        ValueError: It can't be encoded; the text is the end of a sentence that begins with the image.
    """
    from PIL import ImageOps

    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"has over {MAX_PIXELS:,} pixels: make it smaller")
    if image.mode in _WIDE_MODES:
        raise ValueError(f"has the mode {image.mode!r}: scale its values to 0…255, and convert it to 'L'")
    buffer = io.BytesIO()
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode not in _PNG_MODES:
            upright = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
        upright.save(buffer, "PNG", icc_profile=_profile(upright))
    except Exception as error:  # its pixels may be in a file that is gone, or damaged
        raise ValueError(f"can't be encoded as PNG: {str(error) or type(error).__name__}") from error
    return buffer.getvalue()


def _profile(image: Any) -> bytes | None:
    """Return its colour profile, unless that is of other colours: Pillow keeps it when it converts them."""
    profile = image.info.get("icc_profile") or b""
    colours = b"GRAY" if image.mode in _GREY_MODES else b"RGB "
    return profile if profile[_PROFILE_COLOURS] == colours else None


def pixel_digest(image: Any) -> str:
    """Return what identifies an image of Pillow's: of its pixels, as the bytes of a PNG vary with versions.

    Raises:
        ValueError: It can't be decoded; the text is the end of a sentence that begins with the image.
    """
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"has over {MAX_PIXELS:,} pixels: make it smaller")
    try:
        # With its colours; how long a palette is varies with versions too.
        pixels = (image.convert("RGBA") if image.mode in {"P", "PA"} else image).tobytes()
        facts = image.mode, image.size, image.getexif().get(_ORIENTATION, 1), image.info.get("transparency")
        profile = image.info.get("icc_profile") or b""
    except Exception as error:  # its pixels may be in a file that is gone, or damaged
        raise ValueError(f"can't be decoded: {str(error) or type(error).__name__}") from error
    return hashlib.sha256(f"{facts!r}{len(profile)} ".encode() + profile + pixels).hexdigest()


def _attempt(function: Callable[..., object], *args: object) -> Any:
    try:
        return function(*args)
    except Exception as error:  # whatever a caller's object raises
        raise ValueError(f"can't be read: {str(error) or type(error).__name__}") from error
