"""Read jobs from a CSV file: the first line names the fields, each other line is a job."""

from __future__ import annotations

import csv
from typing import IO, TYPE_CHECKING, Any

from kling_elements.batch.jobs import JOB_FIELDS
from kling_elements.errors import ValidationError
from kling_elements.validation import unknown_names

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

Row = tuple[int, "dict[str, Any] | ValidationError"]

SUFFIXES = (".csv", ".tsv")
_DELIMITERS = ",;\t"  # spreadsheets write the one of their user's country
_BETWEEN_IMAGES = "|"


def is_csv(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name says that it is CSV."""
    return str(path).casefold().endswith(SUFFIXES)


def csv_rows(text: IO[str]) -> Iterator[Row]:
    """Yield the jobs with their line numbers; an error in place of a line that can't be used.

    Raises:
        ValidationError: The first line names no columns of jobs, or the text can't be decoded.
    """
    try:
        yield from _rows(text)
    except UnicodeError as error:
        raise ValidationError([f"the jobs are not UTF-8 ({error}): save them as CSV in UTF-8"]) from None


def _rows(text: IO[str]) -> Iterator[Row]:
    head = text.readline()
    delimiter = max(_DELIMITERS, key=head.count)
    # Strict, as a quote that is never closed would make one job of all lines after it.
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        names = _names(next(csv.reader([head], delimiter=delimiter, strict=True), []))
    except csv.Error as error:
        raise ValidationError([f"the first line is no CSV: {error}"]) from None
    while True:
        first = reader.line_num + 2
        try:
            cells = next(reader, None)
        except csv.Error as error:
            problem = f"the line is no CSV: {error}; the job begins in line {first}"
            yield reader.line_num + 1, ValidationError([problem])
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield reader.line_num + 1, _job(names, cells)


def _names(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    problems = unknown_names([name for name in names if name], JOB_FIELDS, "a field of a job")
    problems += [f"the column {name} stands twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if "images" not in names:
        problems.append("the column images is missing")
    if problems:
        raise ValidationError(
            [f"the first line must name the columns, such as images,prompt: {'; '.join(problems)}"]
        )
    return names


def _job(names: list[str], cells: list[str]) -> dict[str, Any] | ValidationError:
    if len(cells) > len(names):
        return ValidationError([f"the line has {len(cells)} cells, and the first line names {len(names)}"])
    job: dict[str, Any] = {
        name: cell for name, cell in zip(names, cells, strict=False) if name and cell.strip()
    }
    if "images" in job:
        job["images"] = [image.strip() for image in job["images"].split(_BETWEEN_IMAGES)]
    return job
