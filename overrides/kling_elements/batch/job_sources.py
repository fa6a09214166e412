"""Jobs out of a file: one JSON object a line, read as they are needed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from kling_elements.batch.jobs import BatchJob, Order
from kling_elements.batch.results import BatchResult, JobStatus
from kling_elements.errors import ValidationError
from kling_elements.files import absolute

if TYPE_CHECKING:
    from kling_elements.batch.job_ids import JobIndex


import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kling_elements.files import os_error_reason
from kling_elements.images.sources import FileSource, ImageProblem, classify

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
        raise ValidationError(
            [f"the jobs in {os.fspath(path)} can't be read: {os_error_reason(error)}"]
        ) from None
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


Job: TypeAlias = BatchJob | Mapping[str, Any]


Jobs: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes] | Iterable[Job]


AsyncJobs: TypeAlias = Jobs | AsyncIterable[Job]


Ready: TypeAlias = Order | BatchResult[Any]


@frozen
class _Reader:
    """Makes jobs of what a source gives.

    Attributes:
        register: Names them.
        folder: What relative paths of images are relative to; None for the current folder.
    """

    register: JobIndex
    folder: Path | None = None

    def ready(self, number: int, raw: object) -> Ready:
        """A job that is ready, or the result that tells why it can't be."""
        if isinstance(raw, ValidationError):
            return BatchResult(number, JobStatus.INVALID, error=raw)
        job = None
        try:
            given = parse_line(raw) if isinstance(raw, bytes) else raw
            if self.folder is not None and isinstance(given, dict) and "images" in given:
                given = {**given, "images": located(given["images"], self.folder)}
            job = given if isinstance(given, BatchJob) else BatchJob.of(given)
            return self.register.order(number, job)
        except ValidationError as error:
            key = job.id if job else None
            return BatchResult(number, JobStatus.INVALID, key, job, error=error)


def read_jobs(
    jobs: AsyncJobs, register: JobIndex, stack: ExitStack
) -> Iterator[Ready] | AsyncIterator[Ready]:
    """Read jobs as they are needed; `stack` closes what is opened.

    Raises:
        ValidationError: They are nothing that gives jobs.
    """
    if isinstance(jobs, (str, os.PathLike)):
        stream = stack.enter_context(opened(jobs))
        return _lines(stream, _Reader(register, absolute(jobs).parent))
    if hasattr(jobs, "readline"):
        return _lines(jobs, _Reader(register, Path()))
    reader = _Reader(register)
    if isinstance(jobs, AsyncIterable):
        return _awaited(jobs, reader)
    if isinstance(jobs, Mapping) or not isinstance(jobs, Iterable):
        raise ValidationError(
            ["jobs must be a file of JSON lines, or something that gives one job after another"]
        )
    return (reader.ready(number, job) for number, job in enumerate(jobs, 1))


def _lines(stream: Any, reader: _Reader) -> Iterator[Ready]:
    for number, line in numbered_lines(stream):
        yield reader.ready(number, line)


async def _awaited(jobs: AsyncIterable[Job], reader: _Reader) -> AsyncIterator[Ready]:
    number = 0
    async for job in jobs:
        number += 1
        yield reader.ready(number, job)
