"""What a file's bytes say about the image in them: format, pixels, and whether it can be decoded.

Settings of the process must not decide what is sent and paid: Pillow's ``LOAD_TRUNCATED_IMAGES``,
``MAX_IMAGE_PIXELS`` and ``MAX_TEXT_CHUNK``, its registered decoders, warning filters. ``Image.open`` and
``ImageFile.Parser`` obey them, and refuse a good image for its colour profile. So `png` checks a PNG, and a
JPEG's bytes go straight to Pillow's decoder. Of the metadata only the orientation is read.

Pillow takes 50 ms and more to import, so it is imported only when a JPEG is decoded.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple

from kling_elements.images.constraints import ImageInfo
from kling_elements.images.png import HEADER_BYTES, SIGNATURE, png_fault, read_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PIXELS = 89_478_485
"""An image of more pixels is not decoded. Pillow's default, which a process may change for itself."""
_MAX_SCANNED = 20 * MAX_PIXELS
"""A JPEG of more pixels times scans is not decoded: a scan of few bytes can go over all pixels.

Of 89 million pixels, 20 scans take seconds; encoders write 10 for colours, 18 for CMYK.
"""

_MAGIC = (
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, SIGNATURE, "png"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (8, b"WEBP", "webp"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (0, b"%PDF-", "pdf"),
    (0, b"/9j/", "base64"),
    (0, b"iVBORw0KGgo", "base64"),
)
# ISO base media files (HEIC, AVIF, MP4) differ by the brand after "ftyp".
_BRANDS = {b"avif": "avif", b"avis": "avif"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"mif1", b"msf1"), "heic"
)
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # frame headers; the three others are tables
_APP1 = 0xE1  # EXIF, among others
_SOS = 0xDA  # start of scan
_EOI = 0xD9  # end of image
_WITH_LENGTH = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # neither an escaped 0xFF, nor filling
_SOF_LENGTH = 8  # bytes from its length to the number of components
_CMYK_COMPONENTS = 4
_JPEG_SCALE = 8  # an eighth of each side is kept: all bytes are still read, and little memory is used

_EXIF_ORIENTATION = 0x0112
_EXIF_SHORT = 3
_QUARTER_TURNS = frozenset({5, 6, 7, 8})


class _Header(NamedTuple):
    width: int | None = None
    height: int | None = None
    turned: bool = False
    components: int = 0

    def facts(self, name: str | None, size: int | None, damage: str | None = None) -> ImageInfo:
        width, height = (self.height, self.width) if self.turned else (self.width, self.height)
        return ImageInfo(name, width, height, size, damage)


def inspect(data: bytes, *, complete: bool, size: int | None = None) -> ImageInfo:
    """Look at an image, or at its first kilobytes.

    With all bytes, a JPEG or PNG is decoded: one that is cut off, or whose pixels can't be decoded, gets
    `damage`. A few wrong bytes inside a JPEG's pixels can't be told from pixels. An image of more than
    `MAX_PIXELS`, or of too many scans over them, is not decoded, and gets `damage` too.

    Args:
        data: the file's bytes, from the first.
        complete: True, these are all bytes; False, a beginning of any length.
        size: bytes of the whole file if known from elsewhere (a header, the file system).

    Returns:
        The facts. Never raises, whatever the bytes are. With ``complete=False`` width and height are None
        when they lie behind the given bytes.
    """
    name = recognise(data)
    total = len(data) if size is None and complete else size
    header = _png_header(data) if name == "png" else _jpeg_header(data) if name == "jpeg" else _Header()
    if not complete or name not in {"jpeg", "png"}:
        return header.facts(name, total)
    if total is not None and len(data) < total:
        return header.facts(name, total, f"is cut off or damaged after {len(data):,} of {total:,} bytes")
    return header.facts(name, total, _damage(data, name, header))


def recognise(data: bytes) -> str | None:
    """Name the format from the first bytes, whatever the file's name; None when it is not known."""
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


def _damage(data: bytes, name: str, header: _Header) -> str | None:
    """Decode all of an image; return what is wrong with it, or None."""
    pixels = (header.width or 0) * (header.height or 0)
    shown = f"{header.width}x{header.height} px"
    if pixels > MAX_PIXELS:
        return f"is {shown}: over {MAX_PIXELS / 1e6:.0f} million pixels are not decoded here, make it smaller"
    scans = sum(marker == _SOS for marker, _ in _segments(data)) if pixels and name == "jpeg" else 1
    if scans * pixels > _MAX_SCANNED:
        return f"is {shown} in {scans:,} scans: so many are not decoded here, save it again with fewer"
    try:
        fault = "its header is missing" if not pixels else None
        fault = fault or (png_fault(data) if name == "png" else _jpeg_fault(data, header))
    except MemoryError:
        return "is too large to be decoded here: memory ran out"
    if fault is None:
        return None
    return f"is cut off or damaged: its {len(data):,} bytes don't decode as {name.upper()} ({fault})"


def _jpeg_fault(data: bytes, header: _Header) -> str | None:
    from PIL import _imaging as core

    # What `ImageFile.load` does, without the settings that it obeys.
    mode = "CMYK" if header.components == _CMYK_COMPONENTS else "L"
    size = -(-(header.width or 0) // _JPEG_SCALE), -(-(header.height or 0) // _JPEG_SCALE)
    decoder = core.jpeg_decoder(mode, mode, "", _JPEG_SCALE, 0)
    try:
        decoder.setimage(core.new(mode, size), (0, 0, *size))
        consumed, error = decoder.decode(data)
    finally:
        decoder.cleanup()
    if consumed >= 0:  # it waits for more
        return "its end is missing"
    return "its pixels can't be decoded" if error < 0 else None


def _png_header(data: bytes) -> _Header:
    """Read IHDR, and the orientation if an eXIf chunk stands before the pixels."""
    if data[12:16] != b"IHDR" or len(data) < len(SIGNATURE) + 8 + HEADER_BYTES:
        return _Header()
    width, height = struct.unpack_from(">II", data, 16)
    turned = False
    for kind, payload, _ in read_chunks(data):
        if kind in {b"IDAT", b"IEND"}:
            break
        if kind == b"eXIf":
            turned = _is_turned(bytes(payload))
    return _Header(width or None, height or None, turned)


def _jpeg_header(data: bytes) -> _Header:
    """Read the frame header, which holds the dimensions, and the orientation if it stands before."""
    turned = False
    for marker, start in _segments(data):
        if marker == _SOS or (marker in _SOF and start + _SOF_LENGTH > len(data)):
            break
        if marker in _SOF:
            height, width, components = struct.unpack_from(">HHB", data, start + 3)
            return _Header(width or None, height or None, turned, components)
        if marker == _APP1 and data.startswith(b"Exif\0\0", start + 2):
            (length,) = struct.unpack_from(">H", data, start)
            turned = _is_turned(data[start + 8 : start + length])
    return _Header(turned=turned)


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each segment's marker, and where its length stands, up to the end of the image."""
    offset = 2
    while (found := _WITH_LENGTH.search(data, offset)) and (start := found.end()) + 2 <= len(data):
        marker = data[start - 1]
        if marker == _EOI:
            return
        yield marker, start
        offset = start + int.from_bytes(data[start : start + 2])


def _is_turned(exif: bytes) -> bool:
    """Whether EXIF (a TIFF structure, perhaps cut off) asks for a quarter turn."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return False
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH2x", exif, entry)
            if tag == _EXIF_ORIENTATION:
                return kind == _EXIF_SHORT and value in _QUARTER_TURNS
    except struct.error:  # the end of what is there
        pass
    return False
