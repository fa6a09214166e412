"""The journal itself.

Every call does its best on the disk, goes on in memory if that fails, and never fails itself.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from kling_elements.files import absolute
from kling_elements.journal import queries as operations
from kling_elements.journal.entry import Entry, Job, State, merge, new_entry_id, place, task_news
from kling_elements.journal.leases import Now, own_lease, seconds_left
from kling_elements.journal.location import journal_path
from kling_elements.journal.queries import Begun, NewEntry
from kling_elements.journal.store import Store
from kling_elements.types import TaskData

if TYPE_CHECKING:
    from kling_elements.journal.store import Table

T = TypeVar("T")

_PAGE = 200
_DAY = 86_400.0


class JournalUnread(Exception):  # noqa: N818 - it is caught within the package
    """The file could not be read, so that what it holds is not known."""


class Journal:
    """What is known of every create, for this process and those after it.

    Safe to use from many threads and processes.

    No call raises because of the disk: there is one warning on the log, and what could not be written is kept
    in memory and written with a later call if it can be. `whole` raises where the file could not be read. The
    first call that meets a file in use waits five seconds at most; until the file works again, no other does.

    Args:
        store: Keeps the entries: `Fallback` in a file, `Store` in memory only.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clock = store.clock
        _stores.add(store)

    @classmethod
    def open(
        cls,
        setting: str | os.PathLike[str] | Literal[False] | None = None,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Journal:
        """The journal that a setting and the environment ask for. The file is opened when it is first needed.

        Args:
            setting: A path; "off" or False for one in memory; None for what `KLING_ELEMENTS_JOURNAL` says.
            environ: The environment.
            clock: Seconds since the epoch.
        """
        return journal_at(journal_path(setting, os.environ if environ is None else environ), clock)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path) if self.path else 'in memory'!r})"

    @property
    def path(self) -> Path | None:
        """The file; None for a journal in memory."""
        return self._store.path

    @property
    def problem(self) -> str | None:
        """Why the file could not be used the last time; None if all is well."""
        return self._store.problem

    def now(self) -> datetime:
        """The time, by the journal's clock."""
        return datetime.fromtimestamp(self._clock(), UTC)

    @property
    def unread(self) -> str | None:
        """Why the last call did not see the file's entries; None if it did, or there are none."""
        return self._store.unread

    def whole(self, read: Callable[[], T]) -> T:
        """Return what a call gives that reads.

        Raises:
            JournalUnread: The file could not be read: what it holds is not known.
        """
        with self._store.lock:
            found = read()
            if self._store.unread is not None:
                raise JournalUnread(self._store.unread)
            return found

    def check(self) -> str | None:
        """Look at the whole file and write to it; return why that can't be done, or None."""
        return self._store.check()

    def fingerprint(self, key: str | Callable[[], str]) -> str:
        """Return a name for a key, of use in this journal only.

        See `key_fingerprint`. With a file, the first call in a process takes one transaction.

        Args:
            key: The key, or better what gives it: then no traceback shows it.
        """
        return self._store.fingerprint(key if callable(key) else partial(str, key))

    def begin(self, new: NewEntry, entry_id: str | None = None) -> Begun:
        """Note a create that is about to be sent.

        It is on the disk when this returns, unless `is_recorded` says otherwise.

        Args:
            new: What is known of it.
            entry_id: The entry's id, for a caller who may be interrupted before it is returned.
        """
        entry_id = entry_id or new_entry_id()
        now = self._clock()
        with self._store.lock:
            lease = own_lease(entry_id, operations.CREATE_SECONDS, self._now())
            begun = self._store.write(lambda table: operations.begin(table, new, entry_id, now, lease))
            return begun._replace(is_recorded=self._store.is_saved(begun.entry_id))

    def created(self, entry_id: str, task: TaskData) -> Entry:
        """Note the task that create made."""
        return self._settle(entry_id, {**task_news(task), "state": State.CREATED})

    def refused(self, entry_id: str, why: str, request_id: str | None = None) -> Entry:
        """Note that create made no task: the service refused, or was not reached."""
        return self._settle(entry_id, {"state": State.REFUSED, "note": why, "request_id": request_id})

    def unknown(self, entry_id: str, why: str, request_id: str | None = None) -> Entry:
        """Note that create may have made a task."""
        return self._settle(entry_id, {"state": State.UNKNOWN, "note": why, "request_id": request_id})

    def seen(self, task: TaskData, origin: str | None = None) -> Entry | None:
        """Note what an answer or a webhook tells of a task.

        None if the task isn't in the journal. Writes only what is new.
        """
        return self._amend(task.id, origin, task_news(task))

    def set_target(
        self, task_id: str, path: str | os.PathLike[str], origin: str | None = None
    ) -> Entry | None:
        """Note where a task's video is to go."""
        return self._amend(task_id, origin, {"target": str(absolute(path))})

    def downloaded(
        self, task_id: str, path: str | os.PathLike[str], origin: str | None = None
    ) -> Entry | None:
        """Note the file that holds a task's video. The addresses of the result are forgotten."""
        return self._amend(task_id, origin, {"file": str(absolute(path))})

    def adopt(self, task: TaskData, new: NewEntry, entry_id: str | None = None) -> Entry:
        """Take a task into the journal that nobody recorded.

        Args:
            task: The task.
            new: Whose it is.
            entry_id: The doubtful entry that it is found to belong to.
        """
        now = self._clock()
        chosen = entry_id or new_entry_id()
        return self._store.write(lambda table: operations.adopt(table, task, new, chosen, now))

    def abandon(self, entry_id: str, why: str = "") -> bool:
        """Ask for nothing more of an entry: it counts as finished."""
        now = self._clock()
        return self._store.write(lambda table: operations.abandon(table, entry_id, why, now))

    def claim(self, entry_id: str, owner: str, seconds: float) -> bool:
        """Take an entry to work on, so that no one else does; again by the same owner, to prolong it.

        Args:
            entry_id: The entry.
            owner: A name that no other worker has.
            seconds: After these it ends by itself. It ends at once if this process dies.
        """
        now = self._now()
        lease = own_lease(owner, seconds, now)
        return self._store.write(lambda table: operations.claim(table, entry_id, lease, now))

    def release(self, entry_id: str, owner: str) -> None:
        """Let go of what was claimed."""
        self._store.write(lambda table: operations.release(table, entry_id, owner))

    def unfinished(self, origin: str | None = None, fingerprint: str | None = None) -> list[Entry]:
        """Created tasks that there is something left to do for, the oldest first.

        Of one origin and one key if given.
        """
        return [entry for entry in self._unfinished(origin, fingerprint) if not entry.is_doubtful]

    def doubtful(self, origin: str | None = None, fingerprint: str | None = None) -> list[Entry]:
        """Creates that may have made a task nobody knows: unanswered, or sent by a process that has died."""
        now = self._now()
        found = (entry for entry in self._unfinished(origin, fingerprint) if entry.is_doubtful)
        return [entry for entry in found if not seconds_left(entry.lease, now)]

    def is_in_flight(self, entry: Entry | None) -> bool:
        """Whether a process that lives is sending the create of an entry."""
        return entry is not None and entry.is_doubtful and seconds_left(entry.lease, self._now()) > 0

    def knows(self, task_ids: Iterable[str], origin: str | None = None) -> set[str]:
        """Those of the tasks that are in the journal."""
        wanted = list(task_ids)
        return self._store.read(
            lambda table: {each for each in wanted if operations.task_entry(table, each, origin)}
        )

    def find(self, task_id: str, origin: str | None = None) -> Entry | None:
        """The newest entry of a task."""
        return self._store.read(lambda table: operations.task_entry(table, task_id, origin))

    def tasks_beginning(self, prefix: str, origin: str | None = None) -> list[str]:
        """Return the ids of tasks that begin so, a few at most."""
        return self._store.read(lambda table: table.tasks_beginning(prefix, origin))

    def entry(self, entry_id: str) -> Entry | None:
        """The entry with this id."""
        return self._store.read(lambda table: table.get(entry_id))

    def job(self, batch: str, key: str) -> Entry | None:
        """The entry that stands for a job: one that has a task, else one that may have, else the newest."""
        return self._store.read(lambda table: operations.job_entry(table, Job(batch, key)))

    def entries(self) -> Iterator[Entry]:
        """All entries, the oldest first, read as they are asked for."""
        after = (float("-inf"), "")
        while page := self._page(after):
            yield from page
            after = place(page[-1])

    def job_keys(self, batch: str) -> list[str]:
        """Return the keys of a batch's jobs."""
        return self._store.read(lambda table: table.keys(batch))

    def was_pruned(self, batch: str) -> bool:
        """Whether entries of a batch were removed because of their age."""
        return self._store.read(lambda table: table.was_pruned(batch))

    def quota_exhausted(self, owner: NewEntry, until: float | None) -> None:
        """Note that the day's quota is used up.

        Args:
            owner: Of which key, at which origin.
            until: When it is thought to be renewed, in seconds since the epoch; None if it isn't used
                up after all.
        """
        place = owner.origin, owner.fingerprint
        if (self._quota(owner) or None) != until:
            self._store.write(lambda table: table.set_quota(*place, until))

    def quota_wait(self, owner: NewEntry) -> float | None:
        """Seconds until the day's quota is thought to be renewed; None if it isn't known to be used up."""
        left = self._quota(owner) - self._clock()
        return left if 0 < left <= _DAY else None  # longer than a day: the clock was wrong

    def close(self) -> None:
        """Write what is left, and close the file. A later call opens it again."""
        self._store.close()

    def _now(self) -> Now:
        return Now(self._clock(), self._store.monotonic())

    def _settle(self, entry_id: str, news: Mapping[str, Any]) -> Entry:
        now = self._clock()
        return self._store.write(lambda table: operations.settle(table, entry_id, news, now))

    def _amend(self, task_id: str, origin: str | None, news: Mapping[str, Any]) -> Entry | None:
        now = self._clock()

        def is_no_news(table: Table) -> tuple[bool, Entry | None]:
            found = operations.task_entry(table, task_id, origin)
            return found is None or merge(found, news) == found, found

        settled, entry = self._store.read(is_no_news)
        if settled:
            return entry
        return self._store.write(lambda table: operations.amend(table, task_id, origin, news, now))

    def _unfinished(self, origin: str | None, fingerprint: str | None) -> list[Entry]:
        return [
            entry
            for entry in self._store.read(lambda table: table.unfinished())
            if origin in {None, entry.origin} and fingerprint in {None, entry.fingerprint}
        ]

    def _quota(self, owner: NewEntry) -> float:
        return self._store.read(lambda table: table.quota(owner.origin, owner.fingerprint))

    def _page(self, after: tuple[float, str]) -> list[Entry]:
        return self._store.read(lambda table: table.page(after, _PAGE))


def journal_at(
    path: Path | None,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> Journal:
    """Return the journal in a file; one in memory if that is None."""
    if path is None:
        return Journal(Store(clock, monotonic))
    from kling_elements.journal.database import Database  # noqa: PLC0415 - with SQLite
    from kling_elements.journal.fallback import Fallback

    return Journal(Fallback(Database(path.absolute()), clock, monotonic))


_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _after_fork() -> None:
    for each in list(_stores):
        each.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
