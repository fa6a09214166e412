"""Reads the images of a request: finds them, checks them against the document's limits, and keeps them small.

An image is a string: an `http(s)` URL, a `data:` URL, or base64. A recognised image that
breaks a limit is reported, so that the request can be refused; what is no image at all makes the task fail.
"""

from __future__ import annotations

import base64
import binascii
import io
import ipaddress
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from PIL import Image, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kling_elements_mock.document.node import Node

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


class FetchError(Exception):
    """An image on the loopback could not be fetched; the message says why."""


Fetch = Callable[[str, int], bytes]
"""Fetches a loopback URL, at most so many bytes; raises FetchError."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the document says about one image; None where it says nothing. `max_bytes` itself is too much."""

    formats: tuple[str, ...] | None = None
    min_width: int = 1
    min_height: int = 1
    min_aspect_ratio: float = 0.0
    max_aspect_ratio: float = float("inf")
    max_bytes: int | None = None

    @classmethod
    def of(cls, extension: object) -> Limits:
        """Read the document's `x-image-constraints`; anything else gives no limits."""
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


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of a request.

    Attributes:
        place: The parameter it came in, e.g. `images[0]`.
        reasons: What is wrong with it by the document's limits.
        png: The image made small, upright and RGB; None if it was not fetched, or is no image.
        broken: True if it is no image: the task will fail.
        caption: What to draw in its place when it was not fetched.
    """

    place: str
    reasons: tuple[str, ...] = ()
    png: bytes | None = None
    broken: bool = False
    caption: str = ""


def places(schema: Node | None, body: Any) -> Iterator[tuple[str, str, Limits]]:
    """Find the images in a request body: properties with `image` in their name, or with image limits.

    Gives:
        Parameter name, the string, and the document's limits.
    """
    properties = None if schema is None else schema.get("properties")
    if properties is None or not isinstance(body, dict):
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


def read(place: str, text: str, limits: Limits, fetch: Fetch, own: bytes | None = None) -> Picture:
    """Read one image. A URL that is not on the loopback is never fetched.

    Args:
        place: The parameter it came in.
        text: The image as it was sent.
        limits: The document's.
        fetch: Fetches a loopback URL.
        own: The image itself, if the URL is one of the mock's own uploads.
    """
    if own is not None:
        return _inspect(place, own, limits)
    if re.match(r"https?://", text, re.IGNORECASE):
        if not is_loopback(text):
            parts = re.sub(r"[?#].*", "", text).split("//", 1)[1]
            return Picture(place, caption=parts)
        try:
            data = fetch(text, limits.max_bytes or 50_000_000)
        except FetchError as error:
            return Picture(place, reasons=(f"could not be fetched: {error}",))
    else:
        found = _decode(text)
        if not found:
            return Picture(place, broken=True)
        data = found
    return _inspect(place, data, limits)


def is_loopback(url: str) -> bool:
    """Tell whether a URL is `http(s)` and its host is this machine's loopback."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"}:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
    except UnidentifiedImageError:
        return Picture(place, broken=True)
    except _BROKEN:
        return Picture(place, broken=True)


def _problems(image: Image.Image, size: int, limits: Limits) -> Iterator[str]:
    kind = (image.format or "unknown").lower()
    # A camera's JPEG with a second picture inside calls itself MPO.
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
    """Make an image of any mode upright, RGB and at most 1280 px a side."""
    image.draft("RGB", (_KEPT, _KEPT))  # a JPEG is decoded at a fraction of its size, which is much faster
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
