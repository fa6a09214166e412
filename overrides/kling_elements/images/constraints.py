"""What an image must be, and how far one is from it. Pure: no Pillow, no files, no network.

The limits come from the document's ``x-image-constraints``; nothing here repeats a number of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DECODABLE = ("jpeg", "png")
"""The formats that `inspection` can decode, and so the only ones that the document may allow."""

# In the order of the fields of `ImageConstraints`.
_KEYS = ("formats", "minWidth", "minHeight", "minAspectRatio", "maxAspectRatio", "maxBytes")
_WORDS = {
    "avif": "an AVIF image",
    "base64": "base64 text",
    "bmp": "a BMP image",
    "gif": "a GIF image",
    "heic": "a HEIC image",
    "html": "an HTML page",
    "jpeg": "a JPEG image",
    "mp4": "an MP4 video",
    "pdf": "a PDF document",
    "png": "a PNG image",
    "svg": "an SVG image",
    "tiff": "a TIFF image",
    "webp": "a WebP image",
}


class ImageConstraints(NamedTuple):
    """The limits on one image.

    Attributes:
        formats: allowed formats, lower case: ``"jpeg"``, ``"png"``.
        min_width: pixels.
        min_height: pixels.
        min_aspect_ratio: width divided by height, inclusive.
        max_aspect_ratio: width divided by height, inclusive.
        max_bytes: size of the file in bytes, exclusive.
    """

    formats: tuple[str, ...]
    min_width: int
    min_height: int
    min_aspect_ratio: float
    max_aspect_ratio: float
    max_bytes: int

    @classmethod
    def from_document(cls, extension: Mapping[str, Any]) -> ImageConstraints:
        """Read the document's ``x-image-constraints``.

        Raises:
            ValueError: it has a limit that is not checked here, lacks one that is, or allows a format that
                can't be decoded. The document is wrong, not the caller.
        """
        if sorted(extension) != sorted(_KEYS):
            has = ", ".join(map(str, extension))
            raise ValueError(f"x-image-constraints has {has}: exactly {', '.join(_KEYS)} can be checked here")
        rules = cls(tuple(extension["formats"]), *(extension[key] for key in _KEYS[1:]))
        if strange := [name for name in rules.formats if name not in DECODABLE]:
            raise ValueError(
                f"x-image-constraints: formats names {', '.join(strange)}, which can't be checked here: "
                f"only {' and '.join(DECODABLE)} can be decoded; teach images/inspection.py the new one first"
            )
        return rules


class ImageInfo(NamedTuple):
    """What is known of one image; None is "not known".

    Attributes:
        format: lower-case name (``"jpeg"``, ``"webp"``, ``"html"``…), None when not recognised.
        width: pixels, as displayed: after EXIF orientation.
        height: pixels, as displayed.
        size: bytes of the whole file.
        damage: why the content can't be decoded, as the end of a sentence that begins with the image's name.
    """

    format: str | None
    width: int | None = None
    height: int | None = None
    size: int | None = None
    damage: str | None = None


def problems(facts: ImageInfo, rules: ImageConstraints) -> tuple[str, ...]:
    """Compare an image with the limits.

    Returns:
        One short sentence for each limit that is broken, without its subject ("is 200x150 px: at least
        300x300 is needed"). Empty when nothing speaks against the image; what is unknown is not a problem.
    """
    if facts.size == 0:
        return ("is empty: 0 bytes",)
    found = [
        _format_problem(facts, rules),
        facts.damage,
        _pixel_problem(facts, rules),
        _aspect_problem(facts, rules),
        _size_problem(facts, rules),
    ]
    return tuple(problem for problem in found if problem)


def _format_problem(facts: ImageInfo, rules: ImageConstraints) -> str | None:
    if facts.format in rules.formats:
        return None
    needed = f"{' or '.join(name.upper() for name in rules.formats)} is needed"
    if facts.format is None:
        return f"is not an image of a known format: {needed}"
    return f"is {_WORDS.get(facts.format, facts.format)}: {needed}"


def _pixel_problem(facts: ImageInfo, rules: ImageConstraints) -> str | None:
    if facts.width is None or facts.height is None:
        return None
    if facts.width >= rules.min_width and facts.height >= rules.min_height:
        return None
    needed = f"at least {rules.min_width}x{rules.min_height} is needed"
    return f"is {facts.width}x{facts.height} px: {needed}"


def _aspect_problem(facts: ImageInfo, rules: ImageConstraints) -> str | None:
    if not facts.width or not facts.height:
        return None
    ratio = facts.width / facts.height
    if rules.min_aspect_ratio <= ratio <= rules.max_aspect_ratio:
        return None
    limit = rules.min_aspect_ratio if ratio < rules.min_aspect_ratio else rules.max_aspect_ratio
    # 2.504 must not be shown as "2.50:1: up to 2.5:1 is allowed": use as many digits as tell them apart.
    shown = next(
        (text for digits in range(2, 7) if (text := _ratio(ratio, digits)) != _ratio(limit, digits)),
        f"{facts.width}:{facts.height}",
    )
    allowed = f"{_ratio(rules.min_aspect_ratio)} to {_ratio(rules.max_aspect_ratio)}"
    return f"has the aspect ratio {shown}: {allowed} is allowed"


def _size_problem(facts: ImageInfo, rules: ImageConstraints) -> str | None:
    if facts.size is None or facts.size < rules.max_bytes:
        return None
    shown, limit = f"{facts.size / 1e6:.1f}", f"{rules.max_bytes / 1e6:g}"
    if float(shown) <= float(limit):
        return f"is {facts.size:,} bytes: under {rules.max_bytes:,} bytes is needed"
    return f"is {shown} MB: under {limit} MB is needed"


def _ratio(ratio: float, digits: int | None = None) -> str:
    longer = max(ratio, 1 / ratio)
    shown = f"{longer:g}" if digits is None else f"{longer:.{digits}f}"
    # 1:1.00 is no other than 1.00:1, and must not be shown as if it were.
    return f"{shown}:1" if ratio >= 1 or float(shown) == 1 else f"1:{shown}"
