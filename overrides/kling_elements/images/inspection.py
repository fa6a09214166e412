"""What a file's bytes say about the image in them: format, pixels, and whether it can be decoded.

Pillow costs 50 ms and more to import, so it is imported only when an image is decoded.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
from typing import TYPE_CHECKING

from attrs import frozen

from kling_elements.images.constraints import ImageInfo

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_MAGIC = (
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, _PNG, "png"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (8, b"WEBP", "webp"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (0, b"%PDF-", "pdf"),
    (0, b"/9j/", "base64"),
    (0, b"iVBORw0KGgo", "base64"),
)
# ISO base media files (HEIC, AVIF, MP4) tell themselves apart by the brand after "ftyp".
_BRANDS = {b"avif": "avif", b"avis": "avif"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"mif1", b"msf1"), "heic"
)
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # frame headers; the three others are tables
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_FILL = 0xFF
_APP1 = 0xE1  # EXIF, among others
_NO_MORE_SEGMENTS = frozenset({0xD9, 0xDA})  # end of image, start of scan
_TIFF_HEADER = 8  # bytes
_EXIF_ORIENTATION = 0x0112
_EXIF_SHORT = 3
_QUARTER_TURNS = frozenset({5, 6, 7, 8})

# `warnings.catch_warnings` changes state of the whole process: one decoding at a time.
_decoding = threading.Lock()


@frozen
class _Header:
    width: int | None = None
    height: int | None = None
    turned: bool = False

    def facts(self, name: str | None, size: int | None, damage: str | None = None) -> ImageInfo:
        width, height = (self.height, self.width) if self.turned else (self.width, self.height)
        return ImageInfo(name, width, height, size, self.turned, damage)


def inspect(data: bytes, *, complete: bool, size: int | None = None) -> ImageInfo:
    """Look at an image, or at its first kilobytes.

    With all bytes, a JPEG or PNG is decoded by Pillow: one that is cut off, or whose structure or (PNG)
    checksums are broken, gets `damage`. A few wrong bytes inside a JPEG's picture can't be told from picture.
    An image of more pixels than Pillow's own guard (``PIL.Image.MAX_IMAGE_PIXELS``) isn't decoded: it gets
    `damage` too.

    Args:
        data: the file's bytes, from the first.
        complete: True, these are all bytes; False, a beginning of any length.
        size: bytes of the whole file if known from elsewhere (a header, the file system).

    Returns:
        The facts. Never raises on odd bytes. With ``complete=False`` width and height are None when they lie
        behind the given bytes.
    """
    name = recognise(data)
    total = len(data) if size is None and complete else size
    header = _png_header(data) if name == "png" else _jpeg_header(data) if name == "jpeg" else _Header()
    if not complete or name not in {"jpeg", "png"}:
        return header.facts(name, total)
    if total is not None and len(data) < total:
        return header.facts(name, total, f"is cut off or damaged after {len(data):,} of {total:,} bytes")
    reason = _decode(data, name)
    return header.facts(name, total, reason)


def recognise(data: bytes) -> str | None:
    """Name the format from the first bytes (the file's name plays no part); None when it is not known."""
    for offset, magic, name in _MAGIC:
        if data.startswith(magic, offset) and (name != "webp" or data.startswith(b"RIFF")):
            return name
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "mp4")
    if data.startswith(b"BM") and data[6:10] == b"\0\0\0\0":
        return "bmp"
    text = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "html"
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!doctype svg")) and b"<svg" in text):
        return "svg"
    return None


def _decode(data: bytes, name: str) -> str | None:
    """Decode all of an image; return what is wrong with it, or None."""
    with _decoding, warnings.catch_warnings():
        # Pillow warns about odd EXIF, multi-picture or animation data, none of which matters here.
        warnings.simplefilter("ignore")
        try:
            too_large = _load_png(data) if name == "png" else _load_jpeg(data)
        except MemoryError:
            return "is too large to be decoded here: memory ran out"
        except Exception as error:  # noqa: BLE001 - one entry's fault is not another's; it is in the result
            reason = str(error) or type(error).__name__
            return f"is cut off or damaged: its {len(data):,} bytes don't decode as {name.upper()} ({reason})"
    return too_large


def _load_jpeg(data: bytes) -> str | None:
    from PIL.JpegImagePlugin import JpegImageFile  # noqa: PLC0415  see the module's docstring

    with JpegImageFile(io.BytesIO(data)) as image:
        if too_large := _too_large(image):
            return too_large
        # Every byte is still read and its entropy coding undone, but only an eighth of each side is kept.
        image.draft("L", (1, 1))
        image.load()
    return None


def _load_png(data: bytes) -> str | None:
    from PIL.PngImagePlugin import PngImageFile  # noqa: PLC0415  see the module's docstring

    with PngImageFile(io.BytesIO(data)) as image:
        if too_large := _too_large(image):
            return too_large
        image.verify()  # checksums of every chunk, and the end; decoding looks at neither
    with PngImageFile(io.BytesIO(data)) as image:
        image.load()
    if _PNG_END not in data:  # neither of the two reads the very last checksum
        raise EOFError("its end is missing")
    return None


def _too_large(image: ImageFile) -> str | None:
    from PIL import Image  # noqa: PLC0415  see the module's docstring

    pixels, limit = image.width * image.height, Image.MAX_IMAGE_PIXELS
    if limit is None or pixels <= limit:
        return None
    return (
        f"is {image.width}x{image.height} px: over {limit / 1e6:.0f} million pixels are not decoded here, "
        "make it smaller"
    )


def _png_header(data: bytes) -> _Header:
    """Read IHDR, and the orientation if an eXIf chunk stands before the pixels."""
    if data[12:16] != b"IHDR" or len(data) < len(_PNG) + 16:
        return _Header()
    width, height = struct.unpack_from(">II", data, 16)
    turned = False
    offset = len(_PNG)
    while offset + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        if kind in {b"IDAT", b"IEND"}:
            break
        if kind == b"eXIf":
            turned = _is_turned(data[offset + 8 : offset + 8 + length])
        offset += 12 + length
    return _Header(width or None, height or None, turned)


def _jpeg_header(data: bytes) -> _Header:
    """Walk the segments up to the frame header, which holds the dimensions.

    Pillow can't say before it has seen everything up to the first scan: the given bytes often end sooner.
    """
    turned = False
    offset = 2
    while (offset := data.find(b"\xff", offset)) >= 0 and offset + 4 <= len(data):
        marker = data[offset + 1]
        if marker == _FILL:
            offset += 1
            continue
        if marker == 0 or marker in _STANDALONE:
            offset += 2
            continue
        if marker in _NO_MORE_SEGMENTS:
            break
        (length,) = struct.unpack_from(">H", data, offset + 2)
        if marker in _SOF:
            if offset + 9 > len(data):
                break
            height, width = struct.unpack_from(">HH", data, offset + 5)
            return _Header(width or None, height or None, turned)
        if marker == _APP1 and data.startswith(b"Exif\0\0", offset + 4):
            turned = _is_turned(data[offset + 10 : offset + 2 + length])
        offset += 2 + length
    return _Header(turned=turned)


def _is_turned(exif: bytes) -> bool:
    """Whether EXIF (a TIFF structure) asks for a quarter turn.

    Read here because Pillow's reader wants all of it, and its beginning must do.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < _TIFF_HEADER:
        return False
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start + 2 > len(exif):
        return False
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for entry in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, entry)
        if tag == _EXIF_ORIENTATION:
            return kind == _EXIF_SHORT and value in _QUARTER_TURNS
    return False
