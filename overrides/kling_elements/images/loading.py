"""Read a local image, check all of it, and encode it for sending."""

from __future__ import annotations

import base64
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from kling_elements.images.constraints import ImageInfo, problems
from kling_elements.images.inspection import inspect
from kling_elements.images.open_files import encode, read_open
from kling_elements.images.paths import os_problem
from kling_elements.images.sources import (
    BytesSource,
    FileSource,
    ImageProblem,
    OpenSource,
    UrlSource,
    classify,
)

if TYPE_CHECKING:
    from kling_elements.images.constraints import ImageConstraints
    from kling_elements.images.sources import PillowSource

_HEAD = 64 * 1024  # bytes read of a file that is too large anyway


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


def load_image(source: object, rules: ImageConstraints) -> LoadedImage:
    """Read an image, check all of it, and encode it for sending.

    By a path, reads regular files only, never more than ``rules.max_bytes`` of them, and never waits for a
    pipe. An open file is read from where it stands.

    Args:
        source: what `classify` takes, or what it returned for one.
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
        data = known.data if isinstance(known, BytesSource) else bytes_of(known)
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


def bytes_of(source: PillowSource | OpenSource) -> bytes:
    """Encode an image of Pillow's, or read an open file.

    Raises:
        ImageProblem: It can't be encoded or read.
    """
    try:
        return read_open(source.file) if isinstance(source, OpenSource) else encode(source.image)
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
