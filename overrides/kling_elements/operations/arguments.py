"""What callers pass as an image, and as a file. Read at run time, for type hints."""

import os
from collections.abc import Iterable
from typing import Any, Protocol


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
