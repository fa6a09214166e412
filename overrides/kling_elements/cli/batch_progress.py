"""How a batch stands: counts, an estimate, and the report with a line for each job."""

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


def estimate(made: int, elapsed: float, left: int) -> float | None:
    """Seconds until the rest is done, at the pace so far; None before there is a pace.

    Args:
        made: Jobs that were worked on in this run: one that was there already says nothing of the pace.
        elapsed: Seconds since the run began.
        left: Jobs that are left.
    """
    return None if made == 0 else elapsed / made * left


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

    def take(self, standing: JobStatus) -> None:
        """Count a result."""
        self.counts[standing] += 1

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
        """The count in words."""
        done = sum(count for standing, count in self.counts.items() if standing.is_done)
        seen = sum(self.counts.values())
        text = f"{done} of {self._total} done" if self._total is not None else f"{done} done"
        if seen > done:
            text += f", {seen - done} not"
        if running:
            text += f", {running} running"
        elapsed = self._clock() - self._started
        made = self.counts[JobStatus.DONE] + self.counts[JobStatus.FAILED]
        if self._total is not None and (left := estimate(made, elapsed, self._total - seen)):
            text += f", about {clock_face(left)} left"
        return text

    def summary(self) -> str:
        """What became of all jobs, in words."""
        told = [f"{count} {standing}" for standing in JobStatus if (count := self.counts[standing])]
        return f"{count_of(sum(self.counts.values()), 'job')}: {', '.join(told) or 'none'}"


class BatchReport:
    """A file with a JSON object for each job, added to by each run; of several about one job the last holds.

    Args:
        path: The file.
        batch_id: What identifies the batch.
        session: Where a fault of the file is told, once.
    """

    def __init__(self, path: Path, batch_id: str, session: Context) -> None:
        self.path = path
        self.batch_id = batch_id
        self.failure: str | None = None
        self._session = session
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        size = os.lseek(self._file, 0, os.SEEK_END)
        if size and os.lseek(self._file, -1, os.SEEK_END) >= 0 and os.read(self._file, 1) != b"\n":
            os.write(self._file, b"\n")  # a run was killed in the middle of a line

    def add(self, result: BatchResult[Any]) -> None:
        """Add a job. A fault of the disk must not end what is paid."""
        line = json.dumps(self._record(result)) + "\n"
        try:
            os.write(self._file, line.encode())  # at once, so that several runs don't mix
        except OSError as error:
            if self.failure is None:
                self.failure = os_error_reason(error)
                self._session.console.note(f"the report {self.path} can't be written: {self.failure}")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _record(self, result: BatchResult[Any]) -> dict[str, Any]:
        error = None if result.error is None else self._session.told(str(result.error))
        return {
            "batch": self.batch_id,
            "line": result.number,
            "id": result.key,
            "standing": result.standing.value,
            "task_id": result.task_id,
            "file": None if result.file is None else str(result.file),
            "error": error,
            "error_type": None if result.error is None else type(result.error).__name__,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
