"""Keep the entries of a journal that has no file: in dictionaries, bounded, finished entries go first."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, TypeVar

from kling_elements.journal.entry import place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kling_elements.journal.entry import Entry, Job, Place

KeyT = TypeVar("KeyT")

MAX_ENTRIES = 2000  # that are in no file


class TransientTable:
    """The entries of this process; in its methods like `EntryTable`.

    A signal handler may write in the middle of a call: each loop is over a copy.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._finished: dict[str, None] = {}  # in the order in which they ended
        self._of_task: dict[str, set[str]] = {}
        self._of_job: dict[Job, set[str]] = {}
        self._quotas: dict[tuple[str, str], float] = {}

    def get(self, entry_id: str) -> Entry | None:
        """Return one entry."""
        return self._entries.get(entry_id)

    def of_task(self, task_id: str) -> list[Entry]:
        """Return the entries of a task."""
        return _sorted(self._entries[each] for each in tuple(self._of_task.get(task_id, ())))

    def of_job(self, job: Job) -> list[Entry]:
        """Return the entries of a job."""
        return _sorted(self._entries[each] for each in tuple(self._of_job.get(job, ())))

    def tasks_beginning(self, prefix: str, origin: str | None) -> list[str]:
        """Return the ids of tasks that begin so, a few at most."""
        found = {
            entry.task_id
            for entry in tuple(self._entries.values())
            if entry.task_id and entry.task_id.startswith(prefix) and origin in {None, entry.origin}
        }
        return heapq.nsmallest(10, found)

    def unfinished(self) -> list[Entry]:
        """Return all entries that are not finished."""
        return _sorted(entry for entry in tuple(self._entries.values()) if not entry.is_finished)

    def page(self, after: Place, count: int) -> list[Entry]:
        """Return the next entries in their order."""
        later = (entry for entry in tuple(self._entries.values()) if place(entry) > after)
        return heapq.nsmallest(count, later, key=place)

    def keys(self, batch: str) -> list[str]:
        """Return the keys of a batch's jobs."""
        return [job.key for job in tuple(self._of_job) if job.batch == batch]

    def put(self, entry: Entry) -> None:
        """Write an entry."""
        self._entries[entry.entry_id] = entry
        if entry.is_finished:
            self._finished.setdefault(entry.entry_id)
        else:
            self._finished.pop(entry.entry_id, None)
        if entry.task_id:
            self._of_task.setdefault(entry.task_id, set()).add(entry.entry_id)
        if entry.job:
            self._of_job.setdefault(entry.job, set()).add(entry.entry_id)
        if len(self._entries) > MAX_ENTRIES:
            self._forget(self._entries.pop(next(iter(self._finished or self._entries))))

    def quota(self, origin: str, fingerprint: str) -> float:
        """Return until when a key's quota is used up, in seconds since the epoch; zero if it isn't."""
        return self._quotas.get((origin, fingerprint), 0.0)

    def set_quota(self, origin: str, fingerprint: str, until: float | None) -> None:
        """Write until when a key's quota is used up; None: it isn't."""
        self._quotas.pop((origin, fingerprint), None)
        if until is not None:
            self._quotas[origin, fingerprint] = until

    def was_pruned(self, batch: str) -> bool:  # noqa: ARG002 - as `EntryTable`'s
        """Whether entries of a batch were removed because of their age: none is."""
        return False

    def _forget(self, entry: Entry) -> None:
        """Remove the place of an entry in the indexes."""
        self._finished.pop(entry.entry_id, None)
        if entry.task_id:
            _discard(self._of_task, entry.task_id, entry.entry_id)
        if entry.job:
            _discard(self._of_job, entry.job, entry.entry_id)


def _sorted(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=place)


def _discard(index: dict[KeyT, set[str]], key: KeyT, entry_id: str) -> None:
    index[key].discard(entry_id)
    if not index[key]:
        del index[key]
