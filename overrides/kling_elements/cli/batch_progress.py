"""A batch while it runs: counts, an estimate, and the report with a line for each job."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kling_elements.batch.results import JobStatus
from kling_elements.cli.console import count_of
from kling_elements.cli.progress import clock_face
from kling_elements.files import os_error_reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kling_elements.batch import BatchResult
    from kling_elements.cli.console import Console
    from kling_elements.cli.context import Context

_LINE_EVERY = 60.0  # seconds; where no line can be rewritten


class BatchProgress:
    """Counts results, and shows the count. Safe to use from several threads.

    Args:
        console: Where it is shown.
        total: How many jobs there are; None if nobody knows.
        is_quiet: Whether to show nothing.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        console: Console,
        total: int | None,
        *,
        is_quiet: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts: Counter[JobStatus] = Counter()
        self._console = console
        self._total = total
        self._is_quiet = is_quiet
        self._clock = clock
        self._started = self._shown = clock()
        self._lock = threading.Lock()

    def add(self, status: JobStatus) -> None:
        """Count a result."""
        self.counts[status] += 1

    def show(self, running: int) -> None:
        """Show the count: on a terminal always, elsewhere now and then."""
        if self._is_quiet:
            return
        with self._lock:
            now = self._clock()
            if self._console.is_live:
                self._console.transient(self.line(running))
            elif now - self._shown >= _LINE_EVERY:
                self._shown = now
                self._console.note(self.line(running))

    def line(self, running: int) -> str:
        """Return the count in words, with an estimate at the pace of the jobs made in this run."""
        done = sum(count for status, count in self.counts.items() if status.is_done)
        seen = sum(self.counts.values())
        text = f"{done} of {self._total} done" if self._total is not None else f"{done} done"
        if seen > done:
            text += f", {seen - done} not done"
        if running:
            text += f", {running} running"
        made = self.counts[JobStatus.DONE] + self.counts[JobStatus.FAILED]
        if self._total is not None and made and self._total > seen:
            left = (self._clock() - self._started) / made * (self._total - seen)
            text += f", about {clock_face(left)} left"
        return text

    def not_begun(self, running: int) -> int | None:
        """Return how many jobs were not begun; None if nobody knows how many there are."""
        return None if self._total is None else max(0, self._total - sum(self.counts.values()) - running)

    def summary(self, running: int) -> str:
        """Return the outcome of all jobs in words."""
        parts = [f"{count} {status}" for status in JobStatus if (count := self.counts[status])]
        if running:
            parts.append(f"{running} still running")
        if left := self.not_begun(running):
            parts.append(f"{left} not begun")
        total = sum(self.counts.values()) + running + (left or 0)
        return f"{count_of(total, 'job')}: {', '.join(parts) or 'none'}"


class BatchReport:
    """A file with a JSON object for each job. Every run appends to it; a job's last line is the valid one.

    Args:
        path: The file.
        batch_id: What identifies the batch.
        context: Where a failure to write is shown, once.
    """

    def __init__(self, path: Path, batch_id: str, context: Context) -> None:
        self.path = path
        self.batch_id = batch_id
        self.failure: str | None = None
        self._context = context
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
                self._context.console.note(f"the report {self.path} can't be written: {self.failure}")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _record(self, result: BatchResult[Any]) -> dict[str, Any]:
        return {
            "batch": self.batch_id,
            "line": result.number,
            "id": result.key,
            "standing": result.standing.value,
            "task_id": result.task_id,
            "file": None if result.file is None else str(result.file),
            "error": None if result.error is None else self._context.format_error(result.error),
            "error_type": None if result.error is None else type(result.error).__name__,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
