"""Read and write entries and quotas: in the journal's file, or in a copy of it in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kling_elements.journal.entry import Entry, Job, Lease, State, reconcile
from kling_elements.journal.memory import MAX_ENTRIES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from kling_elements.journal.entry import Place


class UnstorableError(TypeError):
    """A caller's value that no journal can hold: a fault of the caller, and not of the file."""


class EntryTable:
    """The entries in a database, within one transaction of its owner's. Lists begin with the oldest."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def get(self, entry_id: str) -> Entry | None:
        """Return one entry."""
        found = self._select("WHERE entry_id = ?", entry_id)
        return found[0] if found else None

    def of_task(self, task_id: str) -> list[Entry]:
        """Return the entries of a task."""
        return self._select("WHERE task_id = ? ORDER BY created_at, entry_id", task_id)

    def of_job(self, job: Job) -> list[Entry]:
        """Return the entries of a job."""
        return self._select("WHERE batch = ? AND job = ? ORDER BY created_at, entry_id", job.batch, job.key)

    def tasks_beginning(self, prefix: str, origin: str | None) -> list[str]:
        """Return the ids of tasks that begin so, a few at most."""
        found = self.connection.execute(
            "SELECT DISTINCT task_id FROM entries WHERE task_id >= ? AND task_id < ? "
            "AND origin = coalesce(?, origin) ORDER BY task_id LIMIT 10",
            tuple(map(_stored, (prefix, f"{prefix}\U0010ffff", origin))),
        )
        return [_told(row[0]) for row in found]

    def unfinished(self) -> list[Entry]:
        """Return all entries that are not finished."""
        return self._select("WHERE finished = 0 ORDER BY created_at, entry_id")

    def page(self, after: Place, count: int) -> list[Entry]:
        """Return the next entries in their order."""
        return self._select(
            "WHERE (created_at, entry_id) > (?, ?) ORDER BY created_at, entry_id LIMIT ?", *after, count
        )

    def keys(self, batch: str) -> list[str]:
        """Return the keys of a batch's jobs."""
        found = self.connection.execute("SELECT DISTINCT job FROM entries WHERE batch = ?", (_stored(batch),))
        return [_told(row[0]) for row in found]

    def put(self, entry: Entry) -> None:
        """Write an entry."""
        self.connection.execute(_PUT, _row(entry))

    def quota(self, origin: str, fingerprint: str) -> float:
        """Return until when a key's quota is used up, in seconds since the epoch; zero if it isn't."""
        found = self.connection.execute(
            "SELECT until FROM quotas WHERE origin = ? AND fingerprint = ?", (origin, fingerprint)
        ).fetchone()
        return float(found[0]) if found else 0.0

    def set_quota(self, origin: str, fingerprint: str, until: float | None) -> None:
        """Write until when a key's quota is used up; None: it isn't."""
        self.connection.execute(
            "DELETE FROM quotas WHERE origin = ? AND fingerprint = ?", (origin, fingerprint)
        )
        if until is not None:
            self.connection.execute("INSERT INTO quotas VALUES (?, ?, ?)", (origin, fingerprint, until))

    def was_pruned(self, batch: str) -> bool:
        """Whether entries of a batch were removed because of their age."""
        found = self.connection.execute(
            "SELECT 1 FROM meta WHERE name = 'pruned ' || ?", (_stored(batch),)
        ).fetchone()
        return found is not None

    def _select(self, clause: str, *values: object) -> list[Entry]:
        found = self.connection.execute(f"{_SELECT} {clause}", tuple(map(_stored, values)))
        return [_entry(row) for row in found]


class MemoryTable(EntryTable):
    """A copy in memory that remembers what is not on the disk: bounded, finished entries go first.

    Attributes:
        unsaved: The entries that were written here only, by their ids.
    """

    def __init__(self, connection: sqlite3.Connection, unsaved: dict[str, Entry]) -> None:
        super().__init__(connection)
        self.unsaved = unsaved

    def put(self, entry: Entry) -> None:
        """Write an entry."""
        EntryTable.put(self, entry)
        self.unsaved[entry.entry_id] = entry
        if len(self.unsaved) > MAX_ENTRIES:
            finished = (kept.entry_id for kept in list(self.unsaved.values()) if kept.is_finished)
            dropped = next(finished, next(iter(self.unsaved)))
            self.unsaved.pop(dropped, None)
            self.connection.execute("DELETE FROM entries WHERE entry_id = ?", (dropped,))


def save(unsaved: Iterable[Entry], table: EntryTable) -> None:
    """Write entries over what is stored of them by now. A signal handler may add some meanwhile."""
    for entry in list(unsaved):
        table.put(reconcile(table.get(entry.entry_id), entry))


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
# An entry keeps its place: a replacement would write the index of places again.
_PLACE = ("created_at", "entry_id")
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _PLAIN + _APART if name not in _PLACE)
_PUT = (
    f"INSERT INTO entries ({_COLUMNS}) VALUES ({_VALUES}) "  # noqa: S608 - constants
    f"ON CONFLICT (entry_id) DO UPDATE SET {_CHANGES}"
)
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
    elif not isinstance(value, (str, int, float, type(None))):
        raise UnstorableError(f"a journal holds texts and numbers: got {type(value).__name__}")
    return value


def _told(value: object) -> Any:
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value
