"""Read jobs as they are needed: from a file (JSON lines or CSV), from images, or from an iterable."""

from __future__ import annotations

import inspect
import io
import json
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sized
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from attrs import evolve, frozen

from kling_elements.batch.csv_jobs import csv_rows, is_csv
from kling_elements.batch.image_jobs import image_jobs, names_images
from kling_elements.batch.jobs import BatchJob, Order
from kling_elements.batch.results import BatchResult, JobStatus
from kling_elements.errors import ValidationError
from kling_elements.files import absolute, os_error_reason
from kling_elements.images.sources import FileSource, ImageProblem, classify

if TYPE_CHECKING:
    from kling_elements.batch.job_ids import JobIndex

Job: TypeAlias = BatchJob | Mapping[str, Any]
Jobs: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes] | Iterable[Job]
AsyncJobs: TypeAlias = Jobs | AsyncIterable[Job]
Ready: TypeAlias = Order | BatchResult[Any]
Line: TypeAlias = tuple[int, bytes | ValidationError]
Raw: TypeAlias = tuple[int, object]

LONGEST_LINE = 64 * 1024 * 1024  # bytes; four images of 10 MB are 54 MB in base64
_LONGEST_PATH = 4096
_EXAMPLE = '{"images": ["a.jpg"]}'


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Iterator[Raw]]:
    """Open a file of jobs; yield what gives its lines.

    Raises:
        ValidationError: If it can't be read, or holds something else.
    """
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 - closed below, where errors of the body are not caught
    except (OSError, ValueError) as error:
        raise ValidationError(
            [f"the jobs in {os.fspath(path)} can't be read: {os_error_reason(error)}"]
        ) from None
    with stream, decoded(stream, is_text=is_csv(path)) as lines:
        yield csv_rows(lines) if is_csv(path) else whole(numbered_lines(lines))


class NotJsonLines(ValidationError):  # noqa: N818 - it says what happened
    """A line is no JSON object."""


def numbered_lines(stream: IO[Any]) -> Iterator[Line]:
    """Yield the lines that hold anything, with their numbers; an error in place of one that is too long.

    Raises:
        ValidationError: The text can't be decoded.
    """
    number = 0
    while line := _next_line(stream, number):
        number += 1
        data = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else bytes(line)
        if len(line) > LONGEST_LINE and not data.endswith(b"\n"):
            while (rest := stream.readline(LONGEST_LINE)) and rest[-1:] not in (b"\n", "\n"):
                pass
            yield number, ValidationError([f"the line has more than {LONGEST_LINE:,} bytes"])
            continue
        data = data.removeprefix(b"\xef\xbb\xbf") if number == 1 else data
        if data.strip():
            yield number, data


def _next_line(stream: IO[Any], number: int) -> Any:
    try:
        return stream.readline(LONGEST_LINE + 1)
    except UnicodeError as error:
        raise ValidationError([f"the jobs can't be decoded after line {number}: {error}"]) from None


@contextmanager
def decoded(stream: IO[Any], *, is_text: bool = False) -> Iterator[IO[Any]]:
    """Decode a binary stream of UTF-16 or UTF-32, with a mark or without; of UTF-8 if text is needed."""
    head = b""
    peek = getattr(stream, "peek", None)  # a buffered file, gzip's, a temporary file's wrapper
    if peek is not None:
        head = peek(4)[:4]
    elif isinstance(stream, io.BytesIO):
        head = stream.getvalue()[stream.tell() :][:4]
    encoding = json.detect_encoding(head)
    if encoding.startswith("utf-8") and not is_text:
        yield stream
        return
    text = io.TextIOWrapper(stream, encoding=encoding, newline="" if is_text else "\n")
    try:
        yield text
    finally:
        with suppress(ValueError):  # its owner closed it
            text.detach()  # the stream is its owner's to close


def whole(lines: Iterator[Line]) -> Iterator[Line]:
    """Return the lines if the first one is a job's; its other faults are its own.

    Raises:
        ValidationError: What holds them is something else: an array, one object over many lines, CSV.
    """
    first = next(lines, None)
    if first is None:
        return iter(())
    number, line = first
    try:
        if isinstance(line, bytes):
            parse_line(line)
    except NotJsonLines as error:
        text = (
            f"the jobs must be one JSON object a line, like {_EXAMPLE}, and line {number} is none: "
            f"{'; '.join(error.problems)}. Of a JSON array, `jq -c '.[]' FILE` makes such lines; the name "
            "of a CSV file must end in .csv"
        )
        raise ValidationError([text]) from None
    except ValidationError:
        pass
    return chain([first], lines)


def parse_line(line: bytes) -> dict[str, Any]:
    """Return the object that a line holds.

    Raises:
        ValidationError: If it is no JSON object.
    """
    try:
        value = json.loads(
            line.decode(), object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        raise ValidationError([f"the line is not UTF-8 at byte {error.start + 1}"]) from None
    except json.JSONDecodeError as error:
        raise NotJsonLines([f"the line is no JSON: {error.msg} at character {error.colno}"]) from None
    except RecursionError:
        raise ValidationError(["the line is no job: its JSON is nested too deeply"]) from None
    if not isinstance(value, dict):
        raise NotJsonLines([f"the line must be a JSON object like {_EXAMPLE}"])
    return value


def located(images: object, folder: Path) -> object:
    """Return images with relative paths joined to a folder; URLs and base64 text stay as they are."""
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
    """Return how many lines of a file hold anything; None if it can't be read twice."""
    try:
        if not Path(path).is_file():
            return None
        with opened(path) as lines:
            return sum(1 for _ in lines)
    except (OSError, ValueError):
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValidationError([f"{twice} stands twice in the line"])
    return found


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # Python bounds them, as a long one takes long
        raise ValidationError([f"the line is no job: it has a number of {len(digits):,} digits"]) from None


def _constant(name: str) -> Any:
    raise ValidationError([f"the line is no JSON: {name} is no value"])


@frozen
class Reader:
    """Makes jobs of what a source gives.

    Attributes:
        index: Names them.
        folder: What relative paths of images are relative to; None for the current folder.
        defaults: Fields of every job that doesn't have them itself.
    """

    index: JobIndex
    folder: Path | None
    defaults: Mapping[str, Any]

    def ready(self, numbered: Raw) -> Ready:
        """Return a job that is ready, or the result that says why it can't be. It may read images."""
        number, raw = numbered
        if isinstance(raw, ValidationError):
            return BatchResult(number, JobStatus.INVALID, error=raw)
        job = None
        try:
            given = parse_line(raw) if isinstance(raw, bytes) else raw
            if self.folder is not None and isinstance(given, dict) and "images" in given:
                given = {**given, "images": located(given["images"], self.folder)}
            job = BatchJob.of(given)
            if self.defaults:
                job = evolve(job, options={**self.defaults, **job.options})
            if job.id is None:
                job = job.read()  # what identifies it; any other is read when it is created, if it is
            return self.index.add(number, job)
        except ValidationError as error:
            key = job.id if job else None
            return BatchResult(number, JobStatus.INVALID, key, job, error=error)


def read_jobs(
    jobs: AsyncJobs, stack: ExitStack, *, awaits: bool
) -> tuple[Iterator[Raw] | AsyncIterator[Raw], Path | None]:
    """Return what gives jobs as they are needed, and the `Reader`'s folder; what is opened, the stack closes.

    Raises:
        ValidationError: They are nothing that gives jobs. Of a stream, when it is first read.
    """
    if isinstance(jobs, (str, os.PathLike)):
        if names_images(jobs):
            return enumerate(image_jobs([jobs]), 1), None
        return stack.enter_context(opened(jobs)), absolute(jobs).parent
    if (readline := getattr(jobs, "readline", None)) is not None:
        if inspect.iscoroutinefunction(readline):
            raise ValidationError(["jobs can't be a file that is read asynchronously: give its path"])
        return _lines(jobs), Path()
    if awaits and isinstance(jobs, AsyncIterable):
        return _numbered(jobs), None
    if isinstance(jobs, Mapping) or not isinstance(jobs, Iterable):
        hint = ": use AsyncKlingElements for asynchronous ones" if isinstance(jobs, AsyncIterable) else ""
        raise ValidationError(
            [f"jobs must be a file of JSON lines, or something that gives one job after another{hint}"]
        )
    return enumerate(jobs, 1), None


def count_jobs(jobs: AsyncJobs) -> int | None:
    """Return how many jobs there are; None if that takes reading something that is read once."""
    if isinstance(jobs, (str, os.PathLike)):
        return len(image_jobs([jobs])) if names_images(jobs) else count_lines(jobs)
    return len(jobs) if isinstance(jobs, Sized) else None


def _lines(stream: Any) -> Iterator[Line]:
    with decoded(stream) as text:
        yield from whole(numbered_lines(text))


async def _numbered(jobs: AsyncIterable[Job]) -> AsyncIterator[Raw]:
    number = 0
    async for job in jobs:
        number += 1
        yield number, job
