"""Where entries are kept: in SQLite, or in memory over what SQLite still tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field

from kling_elements.journal.entry import Entry, Job, Lease, State, reconcile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping

Place = tuple[float, str]
"""Where an entry stands in the order of entries: when it was created, and its id."""

_MAX_IN_MEMORY = 2000


@define
class EntryTable:
    """Entries in a database, within one transaction of its owner's."""

    connection: sqlite3.Connection

    def get(self, entry_id: str) -> Entry | None:
        """One entry."""
        found = self._select("WHERE entry_id = ?", entry_id)
        return found[0] if found else None

    def of_task(self, task_id: str) -> list[Entry]:
        """The entries of a task."""
        return self._select("WHERE task_id = ? ORDER BY created_at, entry_id", task_id)

    def of_job(self, job: Job) -> list[Entry]:
        """The entries of a job."""
        return self._select("WHERE batch = ? AND job = ? ORDER BY created_at, entry_id", job.batch, job.key)

    def unfinished(self) -> list[Entry]:
        """All entries that are not finished."""
        return self._select("WHERE finished = 0 ORDER BY created_at, entry_id")

    def page(self, after: Place, count: int) -> list[Entry]:
        """The next entries in their order."""
        return self._select(
            "WHERE (created_at, entry_id) > (?, ?) ORDER BY created_at, entry_id LIMIT ?", *after, count
        )

    def put(self, entry: Entry) -> None:
        """Keep an entry."""
        self.connection.execute(_PUT, _row(entry))

    def _select(self, clause: str, *values: object) -> list[Entry]:
        found = self.connection.execute(f"{_SELECT} {clause}", tuple(map(_stored, values)))
        return [_entry(row) for row in found]


@define
class Unsaved:
    """What could not be written yet: bounded, the finished going first, then the oldest."""

    entries: dict[str, Entry] = field(factory=dict)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def put(self, entry: Entry) -> None:
        """Keep an entry."""
        self.entries[entry.entry_id] = entry
        if len(self.entries) > _MAX_IN_MEMORY:
            dropped = next(
                (kept.entry_id for kept in self.entries.values() if kept.is_finished),
                next(iter(self.entries)),
            )
            del self.entries[dropped]

    def save(self, book: Book) -> None:
        """Write everything to a book. It stays here: the transaction may yet fail."""
        for entry in self.entries.values():
            book.put(reconcile(book.get(entry.entry_id), entry))

    def clear(self) -> None:
        """Forget everything: it was written."""
        self.entries.clear()


@define
class Overlay:
    """Entries in memory, over those of a database if it can be read."""

    unsaved: Unsaved
    disk: EntryTable | None

    def get(self, entry_id: str) -> Entry | None:
        """One entry."""
        stored = self.disk.get(entry_id) if self.disk else None
        ours = self.unsaved.entries.get(entry_id)
        return reconcile(stored, ours) if ours else stored

    def of_task(self, task_id: str) -> list[Entry]:
        """The entries of a task."""
        return self._with_ours(
            self.disk.of_task(task_id) if self.disk else (), lambda entry: entry.task_id == task_id
        )

    def of_job(self, job: Job) -> list[Entry]:
        """The entries of a job."""
        return self._with_ours(self.disk.of_job(job) if self.disk else (), lambda entry: entry.job == job)

    def unfinished(self) -> list[Entry]:
        """All entries that are not finished."""
        return self._with_ours(
            self.disk.unfinished() if self.disk else (), lambda entry: not entry.is_finished
        )

    def page(self, after: Place, count: int) -> list[Entry]:
        """The next entries in their order."""
        stored = self.disk.page(after, count) if self.disk else ()
        return self._with_ours(stored, lambda entry: place(entry) > after)[:count]

    def put(self, entry: Entry) -> None:
        """Keep an entry."""
        self.unsaved.put(entry)

    def _with_ours(self, stored: Iterable[Entry], fits: Callable[[Entry], bool]) -> list[Entry]:
        # An entry of ours that fits only together with what is stored is among the stored ones.
        ours = filter(fits, self.unsaved.entries.values())
        wanted = [entry.entry_id for entry in (*stored, *ours)]
        found = filter(None, map(self.get, dict.fromkeys(wanted)))
        return sorted((entry for entry in found if fits(entry)), key=place)


Book: TypeAlias = EntryTable | Overlay
"""Entries by id, by task, by job; lists are in their order, the oldest first."""


def place(entry: Entry) -> Place:
    """Where an entry stands in the order of entries."""
    return entry.created_at, entry.entry_id


# Of the entry's attributes, those that are one column of the same name.
_PLAIN = (
    "entry_id",
    "created_at",
    "updated_at",
    "model",
    "origin",
    "fingerprint",
    "digest",
    "target",
    "task_id",
    "status",
    "expires_at",
    "file",
    "request_id",
    "note",
)
_APART = (
    "batch",
    "job",
    "state",
    "urls",
    "owner",
    "owner_host",
    "owner_pid",
    "lease_until",
    "finished",
)
_COLUMNS = ", ".join(_PLAIN + _APART)
_VALUES = ", ".join("?" * len(_PLAIN + _APART))
_PUT = f"INSERT OR REPLACE INTO entries ({_COLUMNS}) VALUES ({_VALUES})"  # noqa: S608 - constants
_SELECT = f"SELECT {_COLUMNS} FROM entries"  # noqa: S608 - constants


def _row(entry: Entry) -> tuple[object, ...]:
    job, lease = entry.job, entry.lease
    values = (
        *(getattr(entry, name) for name in _PLAIN),
        job.batch if job else None,
        job.key if job else None,
        entry.state.value,
        json.dumps(entry.urls),
        lease.owner if lease else None,
        lease.host if lease else None,
        lease.pid if lease else None,
        lease.until if lease else None,
        entry.is_finished,
    )
    return tuple(map(_stored, values))


def _entry(row: Mapping[str, Any]) -> Entry:
    told = {name: _told(row[name]) for name in _PLAIN + _APART}
    lease = None
    if told["owner"] is not None:
        lease = Lease(told["owner"], told["owner_host"], told["owner_pid"], told["lease_until"])
    return Entry(
        **{name: told[name] for name in _PLAIN},
        job=None if told["job"] is None else Job(told["batch"], told["job"]),
        state=State(told["state"]),
        urls=tuple(json.loads(told["urls"])),
        lease=lease,
    )


def _stored(value: object) -> object:
    """A value as SQLite takes it: a path may hold bytes that are no UTF-8, which text can't."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")
    return value


def _told(value: object) -> Any:
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value
