"""What a caller passed as an image: recognise it."""

from __future__ import annotations

import base64
import binascii
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from kling_elements.images.paths import lookup, os_problem, shown_path
from kling_elements.images.urls import shown_url, url_problems

if TYPE_CHECKING:
    from kling_elements.images.constraints import ImageInfo

_TAKEN = "an http(s) URL, a path, bytes, an open binary file, a Pillow image or base64 text is needed"
_MAX_PATH = 4096  # characters; a longer string is no path
_MIN_BASE64 = 256  # characters; no image of useful size is shorter, few paths are longer
_BASE64_MAGIC = ("/9j/", "iVBORw0KGgo")  # JPEG and PNG; note that the first looks like an absolute path


class ImageProblem(ValueError):  # noqa: N818  internal, and what it holds is called problems
    """An image can't be used. Internal: the client turns it into its own validation error.

    Attributes:
        label: what the image is called in messages: a path, a shortened URL, "the bytes object"…
        problems: short sentences without their subject, at least one.
        facts: what its bytes say, if they were read.
    """

    def __init__(self, label: str, problems: tuple[str, ...], facts: ImageInfo | None = None) -> None:
        super().__init__(label, problems)
        self.label = label
        self.problems = problems
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.label} {'; '.join(self.problems)}"


class UrlSource(NamedTuple):
    """An image behind an http or https URL of good form; nobody has fetched it."""

    url: str

    def __repr__(self) -> str:
        return f"UrlSource({self.label!r})"

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return shown_url(self.url)


class FileSource(NamedTuple):
    """An image in a file, which has not been opened."""

    path: Path
    label: str


class BytesSource(NamedTuple):
    """An image in memory, not looked at yet."""

    data: bytes
    label: str

    def __repr__(self) -> str:
        return f"BytesSource({self.label!r}, {len(self.data)} bytes)"


class PillowSource(NamedTuple):
    """An image that Pillow has in memory, not encoded yet."""

    image: Any
    label: str


class OpenSource(NamedTuple):
    """A file that the caller has open, not read yet: that may block."""

    file: Any
    label: str


ImageSource: TypeAlias = UrlSource | FileSource | BytesSource | PillowSource | OpenSource


def is_single(value: object) -> bool:
    """Whether a value stands for one image, fit or not, though it may be iterable: an open file, an array."""
    try:
        return (
            isinstance(value, (str, bytes, bytearray, memoryview, os.PathLike))
            or hasattr(value, "read")
            or _is_array(value)  # Pillow's images too
        )
    except Exception:  # noqa: BLE001 - whatever a caller's object raises: `classify` reports it
        return True


def classify(source: object) -> ImageSource:
    """Return what kind of image a value is.

    A path may be a string or any `os.PathLike`. Base64 text and data URLs are decoded; no file is read and
    no image is looked at: `load_image` does.

    Raises:
        ImageProblem: it is none of them, a URL of bad form, a path to nothing, base64 with a fault, or an
            object that can't be looked at.
    """
    try:
        if isinstance(source, (UrlSource, FileSource, BytesSource, PillowSource, OpenSource)):
            return source
        if isinstance(source, str):
            return _classify_text(str.__str__(source))  # the caller's class may show itself as another text
        if isinstance(source, (bytes, bytearray, memoryview)):
            return BytesSource(bytes(source), "the bytes object")
        if isinstance(source, os.PathLike):
            return _file(os.fsdecode(source))
        pillow = sys.modules.get("PIL.Image")
        if pillow is not None and isinstance(source, pillow.Image):
            return PillowSource(source, "the Pillow image")
        if callable(getattr(source, "read", None)):
            name = getattr(source, "name", None)
            shown = f" {shown_path(name)}" if isinstance(name, str) else ""
            return OpenSource(source, f"the open file{shown}")
        problem = _foreign(source)
    except ImageProblem:
        raise
    except Exception as error:  # whatever a caller's object raises
        reason = shown_path(str(error) or type(error).__name__)
        raise ImageProblem(_described(source), (f"can't be read: {reason}",)) from error
    raise problem


def _is_array(value: object) -> bool:
    """Whether it is an array, or an image of Pillow's. Asked of its class: an image would load its pixels."""
    return hasattr(type(value), "__array_interface__")


def _classify_text(text: str) -> ImageSource:
    bare = text.strip()
    if not bare:
        raise ImageProblem("an empty string", (f"is no image: {_TAKEN}",))
    scheme = bare.partition(":")[0].lower() if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", bare) else ""
    if scheme in {"http", "https"}:
        if found := url_problems(text):
            raise ImageProblem(shown_url(bare), found)
        return UrlSource(text)
    if scheme == "data":
        return BytesSource(_decode_data_url(bare), "the data URL")
    if scheme == "file":
        raise ImageProblem(shown_path(bare), (f"is a file URL: give the path{_path_of(bare)}",))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", bare):
        raise ImageProblem(shown_url(bare), (f"has the scheme {scheme!r}: {_TAKEN}",))
    if len(text) <= _MAX_PATH and lookup(text) is None:
        return FileSource(Path(text), shown_path(text))
    if _is_base64_like(bare):
        return BytesSource(_decode_base64(bare, "the base64 text"), "the base64 text")
    if len(text) <= _MAX_PATH:
        return _file(text)
    raise ImageProblem(f"a string of {len(text):,} characters", (f"is no image: {_TAKEN}",))


def _path_of(url: str) -> str:
    try:
        return f", {shown_path(url2pathname(urlsplit(url).path))!r}"
    except (OSError, ValueError):  # its host can't be read, or is another machine
        return ""


def _file(path: str) -> FileSource:
    label = shown_path(path)
    if error := lookup(path):
        raise ImageProblem(label, (os_problem(Path(path), error),))
    return FileSource(Path(path), label)


def _is_base64_like(text: str) -> bool:
    """Whether a string is meant as base64: by its beginning, so that a later fault is named."""
    if text.startswith(_BASE64_MAGIC) and len(text) > len(_BASE64_MAGIC[1]):
        return True
    return len(text) >= _MIN_BASE64 and re.fullmatch(r"[A-Za-z0-9+/=_\r\n-]+", text[:_MIN_BASE64]) is not None


def _decode_data_url(text: str) -> bytes:
    head, comma, payload = text.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise ImageProblem("the data URL", ("is not in base64: data:image/png;base64,… is needed",))
    return _decode_base64(unquote(payload), "the data URL")


def _decode_base64(text: str, label: str) -> bytes:
    """Decode standard or URL-safe base64; white space and missing padding do no harm."""
    if odd := re.search(r"[^A-Za-z0-9+/_\s=-]", text):
        raise ImageProblem(label, (f"is not valid base64: {odd[0]!r} at character {odd.start() + 1:,}",))
    packed = "".join(text.split()).replace("-", "+").replace("_", "/")
    packed += "=" * (-len(packed) % 4)
    try:
        return base64.b64decode(packed, validate=True)
    except binascii.Error as error:
        raise ImageProblem(label, (f"is not valid base64, or is cut off ({error})",)) from None


def _foreign(source: object) -> ImageProblem:
    hint = _TAKEN
    if _is_array(source):
        hint = "give PIL.Image.fromarray(…) of it, or a file's bytes"
    elif isinstance(source, (list, tuple, set, dict)):
        hint = f"give each image by itself; {_TAKEN}"
    return ImageProblem(_described(source), (f"is no image: {hint}",))


def _described(value: object) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return "None" if value is None else f"a value of type {name}"
