"""Read the images of a request: find them, check them against the document's limits, shrink them.

An image is a string: an `http(s)` URL, a `data:` URL, or base64. An image that breaks a limit is reported, so
that the request can be refused. A string that is not an image makes the task fail.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any

from attrs import frozen
from PIL import Image, ImageOps

from kling_elements_mock.tasks.loopback import FetchError, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kling_elements_mock.document.node import Node
    from kling_elements_mock.tasks.loopback import Fetch

_KEPT = 1280
_MOST_PIXELS = 60_000_000
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    MemoryError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@frozen
class Limits:
    """The document's limits for one image; an image of `max_bytes` is too large."""

    formats: tuple[str, ...] | None = None
    min_width: int = 1
    min_height: int = 1
    min_aspect_ratio: float = 0.0
    max_aspect_ratio: float = float("inf")
    max_bytes: int | None = None

    @classmethod
    def of(cls, extension: object) -> Limits:
        """Read an `x-image-constraints`; anything else means no limits."""
        given: Mapping[str, Any] = extension if isinstance(extension, dict) else {}
        formats = given.get("formats")
        return cls(
            formats=tuple(str(name).lower() for name in formats) if formats else None,
            min_width=int(given.get("minWidth", 1)),
            min_height=int(given.get("minHeight", 1)),
            min_aspect_ratio=float(given.get("minAspectRatio", 0)),
            max_aspect_ratio=float(given.get("maxAspectRatio", "inf")),
            max_bytes=given.get("maxBytes"),
        )


@frozen
class Picture:
    """One image of a request."""

    place: str  # the parameter that it came in, e.g. `images[0]`
    reasons: tuple[str, ...] = ()  # the limits of the document that it breaks
    # the image, small, upright and RGB; None if it was not fetched, or is not an image
    png: bytes | None = None
    broken: bool = False  # whether it is not an image: the task will fail
    caption: str = ""  # the text to draw in its place if it was not fetched


def places(properties: Mapping[str, Node], body: Any) -> Iterator[tuple[str, str, Limits]]:
    """Yield the images of a request body: parameter, string and limits.

    An image is a property with `image` in its name, or with image limits in the document.
    """
    if not isinstance(body, dict):
        return
    for name, node in properties.items():
        items = node.get("items") or node
        extension = items.value.get("x-image-constraints") if isinstance(items.value, dict) else None
        if "image" not in name.lower() and extension is None:
            continue
        value = body.get(name)
        values = value if isinstance(value, list) else [value]
        for position, text in enumerate(values):
            if isinstance(text, str):
                yield (f"{name}[{position}]" if isinstance(value, list) else name), text, Limits.of(extension)


def read(
    place: str, text: str, limits: Limits, fetch: Fetch, uploaded: Callable[[str], bytes | None]
) -> Picture:
    """Read one image: base64, an upload, or fetched from the loopback; a URL elsewhere gets a caption.

    `uploaded` returns the file of an upload's URL, None for any other URL, or raises FetchError.
    """
    if not re.match(r"https?://", text, re.IGNORECASE):
        data: bytes | None = _decode(text)
        return _inspect(place, data, limits) if data else Picture(place, broken=True)
    try:
        data = uploaded(text)
        if data is None and is_loopback(text):
            data = fetch(text, limits.max_bytes or 50_000_000)
    except FetchError as error:
        return Picture(place, reasons=(f"could not be fetched: {error}",))
    if data is None:
        return Picture(place, caption=re.sub(r"[?#].*", "", text).split("//", 1)[1])
    return _inspect(place, data, limits)


def _decode(text: str) -> bytes:
    payload = re.sub(r"\Adata:[^,]{0,200},", "", text, flags=re.IGNORECASE)
    try:
        return base64.b64decode("".join(payload.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _inspect(place: str, data: bytes, limits: Limits) -> Picture:
    try:
        with Image.open(io.BytesIO(data)) as image:
            reasons = tuple(_problems(image, len(data), limits))
            if reasons or image.width * image.height > _MOST_PIXELS:
                return Picture(place, reasons=reasons or (f"has more than {_MOST_PIXELS} pixels",))
            return Picture(place, png=_small(image))
    except _BROKEN:
        return Picture(place, broken=True)


def _problems(image: Image.Image, size: int, limits: Limits) -> Iterator[str]:
    kind = (image.format or "unknown").lower()
    # Pillow calls a camera's JPEG with a second picture inside MPO.
    kind = "jpeg" if kind == "mpo" else kind
    if limits.formats is not None and kind not in limits.formats:
        yield f"Invalid image format: {kind}, not {' or '.join(limits.formats)}"
    if image.width < limits.min_width or image.height < limits.min_height:
        least = f"{limits.min_width}x{limits.min_height}"
        yield f"is {image.width}x{image.height} px, at least {least} px are needed"
    ratio = image.width / image.height
    if not limits.min_aspect_ratio <= ratio <= limits.max_aspect_ratio:
        allowed = f"{limits.min_aspect_ratio:g} to {limits.max_aspect_ratio:g}"
        yield f"has the aspect ratio {ratio:.3f}, {allowed} is allowed"
    if limits.max_bytes is not None and size >= limits.max_bytes:
        yield f"has {size} bytes, fewer than {limits.max_bytes} are allowed"


def _small(image: Image.Image) -> bytes:
    """Return the image as a PNG: upright, RGB, at most 1280 px a side."""
    image.draft("RGB", (_KEPT, _KEPT))  # a JPEG is decoded at a fraction of its size, which is faster
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        upright = upright.convert("I").point(lambda level: level / 256).convert("L")
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        ground = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(ground, upright)
    upright = upright.convert("RGB")
    upright.thumbnail((_KEPT, _KEPT))
    out = io.BytesIO()
    upright.save(out, "PNG", compress_level=1)
    return out.getvalue()
