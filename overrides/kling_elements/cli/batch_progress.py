"""A batch while it runs: counts, an estimate, and what a signal leaves."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kling_elements.batch.results import JobStatus
from kling_elements.cli.console import count_of
from kling_elements.cli.live_status import Status, clock_face
from kling_elements.cli.progress import LiveStatus
from kling_elements.cli.signals import Interrupted, Interruptions
from kling_elements.errors import KlingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.batch import Batch
    from kling_elements.batch.workload import ResultT
    from kling_elements.cli.console import Console

_LINE_EVERY = 60.0  # seconds; where no line can be kept up to date


class BatchProgress(LiveStatus):
    """Counts results, and shows the count while it is entered. Safe to use from several threads."""

    def __init__(
        self,
        console: Console,
        batch: Batch[Any, Any],
        *,
        is_quiet: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts: Counter[JobStatus] = Counter()
        self._console = console
        self._batch = batch
        self._is_quiet = is_quiet
        self._clock = clock
        self._started = self._shown = clock()
        self._lock = threading.Lock()
        self._known_total: int | None = None

    def add(self, status: JobStatus) -> None:
        """Count a result."""
        self.counts[status] += 1
        self.changed()

    def changed(self) -> None:
        """Note that something changed: where no line is kept up to date, one is written now and then."""
        if self._is_quiet or self._console.is_live:
            return
        with self._lock:
            now = self._clock()
            if now - self._shown >= _LINE_EVERY:
                self._shown = now
                status = self.now()
                self._console.note(", ".join((status.label, *status.details)))

    def now(self) -> Status:
        """Return the count, with an estimate at the pace of the jobs made in this run."""
        done = sum(count for status, count in self.counts.items() if status.is_done)
        seen = sum(self.counts.values())
        details = []
        total = self._total
        made = self.counts[JobStatus.DONE] + self.counts[JobStatus.FAILED]
        if total is not None and made and total > seen:
            left = (self._clock() - self._started) / made * (total - seen)
            details.append(f"about {clock_face(left)} left")
        if seen > done:
            details.append(f"{seen - done} not done")
        if running := len(self._batch.running):
            details.append(f"{running} running")
        label = f"{done} done" if total is None else f"{done} of {total} done"
        return Status(label, tuple(details), seen, total)

    def summary(self) -> str:
        """Return the outcome of all jobs in words."""
        parts = [f"{count} {status}" for status in JobStatus if (count := self.counts[status])]
        if running := len(self._batch.running):
            parts.append(f"{running} still running")
        if left := self._batch.not_begun:
            parts.append(f"{left} not begun")
        total = sum(self.counts.values()) + running + (left or 0)
        return f"{count_of(total, 'job')}: {', '.join(parts) or 'none'}"

    @property
    def _total(self) -> int | None:
        if self._known_total is None:
            self._known_total = self._batch.total  # to know it may take reading a file
        return self._known_total


def take_all(
    batch: Batch[Any, ResultT], take: Callable[[ResultT], object], interruptions: Interruptions
) -> Interrupted | None:
    """Take all results; after a signal those that are known by then. Return the signal."""
    try:
        for result in batch:
            take(result)
    except Interrupted as interrupted:
        with suppress(Interrupted), interruptions.again():
            batch.close()  # a create in flight gets some seconds, unless a second signal comes
        with suppress(KlingError):  # why it would have stopped by itself
            for result in batch:
                take(result)
        return interrupted
    return None
