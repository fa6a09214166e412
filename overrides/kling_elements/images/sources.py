"""What a caller passed as an image: recognise it, and load a local one."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
import sys
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from kling_elements.images.constraints import ImageConstraints, ImageInfo, problems
from kling_elements.images.inspection import inspect
from kling_elements.images.open_files import encode, read_open
from kling_elements.images.paths import lookup, os_problem, shown_path
from kling_elements.images.urls import shown_url, url_problems

_TAKEN = "an http(s) URL, a path, bytes, an open binary file, a Pillow image or base64 text is needed"
_HEAD = 64 * 1024  # bytes read of a file that is too large anyway
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


ImageSource: TypeAlias = UrlSource | FileSource | BytesSource | PillowSource


class LoadedImage(NamedTuple):
    """An image that passed every check.

    Attributes:
        data: its bytes.
        facts: format, pixels and bytes.
        label: what it is called in messages.
    """

    data: bytes
    facts: ImageInfo
    label: str

    def __repr__(self) -> str:
        return f"LoadedImage({self.label!r}, {self.facts})"

    @property
    def base64(self) -> str:
        """Its bytes as standard base64 text, without line breaks."""
        return base64.b64encode(self.data).decode("ascii")

    @property
    def content_type(self) -> str:
        """Its media type, from its bytes and never from its name."""
        return f"image/{self.facts.format}"


def is_single(value: object) -> bool:
    """Whether a value stands for one image, fit or not, though it may be iterable: an open file, an array."""
    return (
        isinstance(value, (str, bytes, bytearray, memoryview, os.PathLike))
        or hasattr(value, "read")
        or hasattr(value, "__array_interface__")  # Pillow's images too
    )


def classify(source: object) -> ImageSource:
    """Return what kind of image a value is.

    A path may be a string or any `os.PathLike`. An open binary file is read, from where it stands. Base64
    text and data URLs are decoded; the image in them is not looked at: `load_image` does.

    Raises:
        ImageProblem: it is none of them, a URL of bad form, a path to nothing, base64 with a fault, or a file
            that can't be read.
    """
    if isinstance(source, (UrlSource, FileSource, BytesSource, PillowSource)):
        return source
    if isinstance(source, str):
        return _classify_text(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return BytesSource(bytes(source), "the bytes object")
    if isinstance(source, os.PathLike):
        return _file(os.fsdecode(source))
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(source, pillow.Image):
        return PillowSource(source, "the Pillow image")
    if callable(getattr(source, "read", None)):
        return _read_source(source)
    raise _foreign(source)


def load_image(source: object, rules: ImageConstraints) -> LoadedImage:
    """Read an image, check all of it, and encode it for sending.

    Reads regular files only, never more than ``rules.max_bytes`` of them, and never waits for a pipe.

    Args:
        source: a path, bytes, base64 text, a data URL, or what `classify` returned for one.
        rules: the document's limits.

    Raises:
        ImageProblem: it can't be read, or breaks limits; all that were found are named. Also for a URL, which
            is for the vendor to fetch.
    """
    known = classify(source)
    if isinstance(known, UrlSource):
        raise ImageProblem(known.label, ("is a URL: it is sent as it is, and not loaded here",))
    if isinstance(known, FileSource):
        data, facts = _read(known, rules)
    else:
        data = known.data if isinstance(known, BytesSource) else _encode(known)
        facts = _inspect_sized(data, len(data), rules)
    if found := problems(facts, rules):
        raise ImageProblem(known.label, found, facts)
    return LoadedImage(data, facts, known.label)


def _inspect_sized(data: bytes, size: int, rules: ImageConstraints) -> ImageInfo:
    """Decode it, unless it is too large to be sent anyway."""
    return inspect(data, complete=size < rules.max_bytes, size=size)


def _read(source: FileSource, rules: ImageConstraints) -> tuple[bytes, ImageInfo]:
    try:
        # Opening a device can have effects, so look first. Opening a pipe waits for its writer unless told
        # not to, and the path may have changed since, so look again.
        _require_regular(source, os.stat(source.path).st_mode)  # noqa: PTH116  the same call as below
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(source.path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            _require_regular(source, status.st_mode)
            if status.st_size >= rules.max_bytes:
                head = file.read(_HEAD)
                return head, inspect(head, complete=False, size=status.st_size)
            data = file.read(rules.max_bytes)
            return data, _inspect_sized(data, len(data), rules)
    except OSError as error:
        raise ImageProblem(source.label, (os_problem(source.path, error),)) from error


def _read_source(source: object) -> BytesSource:
    name = getattr(source, "name", None)
    label = f"the open file {shown_path(name)}" if isinstance(name, str) else "the open file"
    try:
        return BytesSource(read_open(source), label)
    except ValueError as error:
        raise ImageProblem(label, (str(error),)) from error


def _encode(source: PillowSource) -> bytes:
    try:
        return encode(source.image)
    except ValueError as error:
        raise ImageProblem(source.label, (str(error),)) from error


def _require_regular(source: FileSource, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kinds = (
        (stat.S_ISDIR, "a folder: name the image in it"),
        (stat.S_ISFIFO, "a pipe: only regular files are read; give its bytes instead"),
        (stat.S_ISSOCK, "a socket: only regular files are read"),
    )
    what = next((text for test, text in kinds if test(mode)), "a device: only regular files are read")
    raise ImageProblem(source.label, (f"is {what}",))


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
        path = url2pathname(unquote(urlsplit(bare).path))
        raise ImageProblem(shown_path(bare), (f"is a file URL: give the path, {shown_path(path)!r}",))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", bare):
        raise ImageProblem(shown_url(bare), (f"has the scheme {scheme!r}: {_TAKEN}",))
    if len(text) <= _MAX_PATH and lookup(text) is None:
        return FileSource(Path(text), shown_path(text))
    if _is_base64_like(bare):
        return BytesSource(_decode_base64(bare, "the base64 text"), "the base64 text")
    if len(text) <= _MAX_PATH:
        return _file(text)
    raise ImageProblem(f"a string of {len(text):,} characters", (f"is no image: {_TAKEN}",))


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
    kind = type(source)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    hint = _TAKEN
    if hasattr(source, "__array_interface__"):
        hint = "give PIL.Image.fromarray(…) of it, or a file's bytes"
    elif isinstance(source, (list, tuple, set, dict)):
        hint = f"give each image by itself; {_TAKEN}"
    label = "None" if source is None else f"a value of type {name}"
    return ImageProblem(label, (f"is no image: {hint}",))
