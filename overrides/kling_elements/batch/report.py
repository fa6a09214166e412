"""The report of a batch: a file with a JSON object for each job in each run."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kling_elements.files import os_error_reason
from kling_elements.images.sources import FileSource, ImageProblem, UrlSource, classify
from kling_elements.types import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kling_elements.batch.results import BatchResult


class BatchReport:
    """A file with a JSON object for each job. Every run appends to it; a job's last line is the valid one.

    Args:
        path: The file.
        batch_id: What identifies the batch.
        format_error: Returns an error in one line, without secrets.
        on_failure: Called once with the reason if the report can't be written.

    Raises:
        OSError: If it can't be opened for writing.
    """

    def __init__(
        self,
        path: Path,
        batch_id: str,
        format_error: Callable[[BaseException], str],
        on_failure: Callable[[str], object],
    ) -> None:
        self.path = path
        self.batch_id = batch_id
        self.failure: str | None = None
        self._format_error = format_error
        self._on_failure = on_failure
        if path.exists() and not path.is_file():
            raise OSError(0, "it is not a regular file", str(path))
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        size = os.lseek(self._file, 0, os.SEEK_END)
        if size and os.lseek(self._file, -1, os.SEEK_END) >= 0 and os.read(self._file, 1) != b"\n":
            os.write(self._file, b"\n")  # a run was killed in the middle of a line

    def add(self, result: BatchResult[Any]) -> None:
        """Append a job. A full disk must not end what is paid."""
        line = json.dumps(self._record(result)) + "\n"
        try:
            os.write(self._file, line.encode())  # at once, so that several runs don't mix
        except OSError as error:
            if self.failure is None:
                self.failure = os_error_reason(error)
                self._on_failure(self.failure)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _record(self, result: BatchResult[Any]) -> dict[str, Any]:
        job = result.job
        return {
            "batch": self.batch_id,
            "line": result.number,
            "id": result.key,
            "standing": result.standing.value,
            "task_id": result.task_id,
            "file": None if result.file is None else str(result.file),
            "error": None if result.error is None else self._format_error(result.error),
            "error_type": None if result.error is None else type(result.error).__name__,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "images": [image_label(image) for image in job.images] if job else [],
            "prompt": job.options.get("prompt") if job else None,
        }


def last_records(path: Path, batch_id: str) -> list[dict[str, Any]]:
    """Return the valid line of each job of a batch, in the order of the jobs.

    Raises:
        OSError: If the report can't be read.
    """
    found: dict[object, dict[str, Any]] = {}
    for record in _records(path):
        if record.get("batch") == batch_id:
            found[record.get("id") or record.get("line")] = record
    return sorted(found.values(), key=lambda record: record.get("line") or 0)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                record = json.loads(line)
            except (RecursionError, ValueError):
                continue  # a run was killed in the middle of it, or it is no line of ours
            if isinstance(record, dict):
                yield record


def image_label(image: object) -> str | None:
    """Return what an image is called: its path, or its URL without what may be secret; None for bytes."""
    try:
        source = classify(image)
    except ImageProblem as problem:
        return problem.label
    if isinstance(source, UrlSource):
        return redact_url(source.url)
    return str(source.path) if isinstance(source, FileSource) else None
