"""What callers pass as an image, and where local ones go. Read at run time, for type hints."""

import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, cast

from kling_elements.errors import ValidationError
from kling_elements.printable import shown_value

BASE64 = "base64"
UPLOAD = "upload"


class BinaryReader(Protocol):
    """A file opened for reading bytes, or what can be read like one."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        ...


class PillowImage(Protocol):
    """The part of ``PIL.Image.Image`` that type checkers need to know."""

    def getexif(self) -> Any:
        """Return its EXIF data."""
        ...

    def getbands(self) -> tuple[str, ...]:
        """Return the names of its bands."""
        ...


Image = str | bytes | bytearray | memoryview | os.PathLike[str] | BinaryReader | PillowImage
Images = Image | Iterable[Image]

Store = Callable[[bytes, str], str | Awaitable[str]]
"""A caller's function that stores an image: its bytes and its media type to its URL."""


def check_local_files(setting: object) -> str | Store:
    """Return the value of `local_files`, checked.

    Raises:
        ValidationError: If it is neither a known word nor a function.
    """
    if callable(setting):
        return cast("Store", setting)
    if isinstance(setting, str) and setting in {BASE64, UPLOAD}:
        return setting
    wanted = f"{BASE64!r}, {UPLOAD!r} or a function of bytes and a media type"
    raise ValidationError([f"local_files must be {wanted}: got {shown_value(setting)}"])
