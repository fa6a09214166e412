"""Jobs out of a file: one JSON object a line, read as they are needed."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kling_elements.errors import ValidationError
from kling_elements.files import reason_of
from kling_elements.images import FileSource, ImageProblem, classify

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_LINE = 64 * 1024 * 1024  # bytes; four images of 10 MB are 54 MB in base64
_LONGEST_PATH = 4096


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file of jobs.

    Raises:
        ValidationError: If it can't be read.
    """
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 - closed below, where errors of the body are not caught
    except (OSError, ValueError) as error:
        raise ValidationError([f"the jobs in {os.fspath(path)} can't be read: {reason_of(error)}"]) from None
    with stream:
        yield stream


def numbered_lines(stream: IO[Any]) -> Iterator[tuple[int, bytes | ValidationError]]:
    """The lines that hold anything, with their numbers; a fault in place of one that is too long."""
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        data = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else bytes(line)
        if len(line) > LONGEST_LINE and not data.endswith(b"\n"):
            while (rest := stream.readline(LONGEST_LINE)) and rest[-1:] not in (b"\n", "\n"):
                pass
            yield number, ValidationError([f"the line has more than {LONGEST_LINE:,} bytes"])
        elif number == 1 and data.startswith(b"\xef\xbb\xbf"):
            yield number, data[3:]
        elif data.strip():
            yield number, data


def parse_line(line: bytes) -> dict[str, Any]:
    """The object that a line holds.

    Raises:
        ValidationError: If it is no JSON object.
    """
    try:
        value = json.loads(line.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise ValidationError([f"the line is not UTF-8 at byte {error.start + 1}"]) from None
    except json.JSONDecodeError as error:
        raise ValidationError([f"the line is no JSON: {error.msg} at character {error.colno}"]) from None
    except RecursionError:
        raise ValidationError(["the line is no job: its JSON is nested too deeply"]) from None
    if not isinstance(value, dict):
        raise ValidationError(['the line must be a JSON object like {"images": ["a.jpg"]}'])
    return value


def located(images: object, folder: Path) -> object:
    """Images with their relative paths led to a folder; URLs and base64 text stay as they are."""
    if isinstance(images, list):
        return [located(image, folder) for image in images]
    if not isinstance(images, str) or len(images) > _LONGEST_PATH:
        return images
    try:
        is_path = isinstance(classify(images), FileSource)
    except ImageProblem:
        # Nothing is there by this name; it is a path unless it says that it is something else.
        is_path = "://" not in images and not images.startswith("data:")
    return str(folder / images) if is_path and images.strip() else images


def count_lines(path: str | os.PathLike[str]) -> int | None:
    """How many lines of a file hold anything; None if it can't be read twice."""
    file = Path(path)
    try:
        if not file.is_file():
            return None
        with file.open("rb") as stream:
            return sum(1 for _ in numbered_lines(stream))
    except OSError:
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValidationError([f"{twice} stands twice in the line"])
    return found


def _constant(name: str) -> Any:
    raise ValidationError([f"the line is no JSON: {name} is no value"])
