"""The journal itself.

Every call does its best on the disk, goes on in memory if that fails, and never fails itself.
"""

from __future__ import annotations

import os
import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from kling_elements.files import absolute
from kling_elements.journal import queries as operations
from kling_elements.journal.database import Database
from kling_elements.journal.entry import Entry, Job, State, merge, task_news
from kling_elements.journal.fallback import Fallback
from kling_elements.journal.fingerprint import key_fingerprint
from kling_elements.journal.leases import own_lease
from kling_elements.journal.location import journal_path
from kling_elements.journal.queries import read_quota, write_quota
from kling_elements.journal.schema import read_salt
from kling_elements.journal.tables import Book, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from kling_elements.journal.queries import Begun, NewEntry
    from kling_elements.types import TaskData

_PAGE = 200
_process_salt = secrets.token_bytes(16)


class Journal:
    """What is known of every create, for this process and those after it.

    Safe to use from many threads and processes.

    No call raises because of the disk: there is one warning on the log, and what could not be written is kept
    in memory and written with a later call if it can be. A call waits for other processes for five seconds at
    most, and after that does not for another five.

    Args:
        store: The file; None for a journal in memory only, which is forgotten with the process.
        clock: Seconds since the epoch.
        monotonic: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        store: Database | None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keeper = Fallback(store, clock, monotonic)
        self._clock = clock
        self._quotas: dict[tuple[str, str], float | None] = {}  # those that could not be written

    @classmethod
    def open(
        cls,
        setting: str | Path | Literal[False] | None = None,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Journal:
        """The journal that a setting and the environment ask for. The file is opened when it is first needed.

        Args:
            setting: A path; "off" or False for one in memory; None for what `KLING_ELEMENTS_JOURNAL` says.
            environ: The environment.
            clock: Seconds since the epoch.
        """
        path = journal_path(setting, os.environ if environ is None else environ)
        return cls(Database(path) if path else None, clock)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path) if self.path else 'in memory'!r})"

    @property
    def path(self) -> Path | None:
        """The file; None for a journal in memory."""
        return self._keeper.store.path if self._keeper.store else None

    @property
    def problem(self) -> str | None:
        """Why the file could not be used the last time; None if all is well."""
        return self._keeper.problem

    def now(self) -> datetime:
        """The time, by the journal's clock."""
        return datetime.fromtimestamp(self._clock(), UTC)

    def fingerprint(self, key: str) -> str:
        """A name for a key, of use in this journal only.

        See `key_fingerprint`. The first call in a process takes some 40 ms.
        """
        with self._keeper.lock:
            return key_fingerprint(key, self._keeper.on_disk(read_salt, writes=True) or _process_salt)

    def begin(self, new: NewEntry) -> Begun:
        """Note a create that is about to be sent.

        It is on the disk when this returns, unless `is_recorded` says otherwise.
        """
        entry_id = uuid.uuid4().hex
        now = self._clock()
        with self._keeper.lock:
            begun = self._keeper.write(
                lambda book: operations.begin(book, new, entry_id, now, own_lease(entry_id, now))
            )
            if self._keeper.has_unsaved:
                return operations.Begun(begun.entry_id, begun.earlier, is_recorded=False)
            return begun

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
        chosen = entry_id or uuid.uuid4().hex
        return self._keeper.write(lambda book: operations.adopt(book, task, new, chosen, now))

    def abandon(self, entry_id: str, why: str = "") -> bool:
        """Ask for nothing more of an entry: it counts as finished."""
        now = self._clock()
        return self._keeper.write(lambda book: operations.abandon(book, entry_id, why, now))

    def claim(self, entry_id: str, owner: str, seconds: float) -> bool:
        """Take an entry to work on, so that no one else does; again by the same owner, to prolong it.

        Args:
            entry_id: The entry.
            owner: A name that no other worker has.
            seconds: After these it ends by itself. It ends at once if this process dies.
        """
        now = self._clock()
        lease = own_lease(owner, now + seconds)
        return self._keeper.write(lambda book: operations.claim(book, entry_id, lease, now))

    def release(self, entry_id: str, owner: str) -> None:
        """Let go of what was claimed."""
        self._keeper.write(lambda book: operations.release(book, entry_id, owner))

    def unfinished(self, origin: str | None = None, fingerprint: str | None = None) -> list[Entry]:
        """Created tasks that there is something left to do for, the oldest first.

        Of one origin and one key if given.
        """
        return self._keeper.read(lambda book: operations.unfinished(book, origin, fingerprint))

    def doubtful(self, origin: str | None = None, fingerprint: str | None = None) -> list[Entry]:
        """Creates that may have made a task nobody knows: unanswered, or sent by a process that has died."""
        now = self._clock()
        return self._keeper.read(lambda book: operations.doubtful(book, origin, fingerprint, now))

    def knows(self, task_ids: Iterable[str], origin: str | None = None) -> set[str]:
        """Those of the tasks that are in the journal."""
        wanted = list(task_ids)
        return self._keeper.read(lambda book: operations.known_tasks(book, wanted, origin))

    def find(self, task_id: str, origin: str | None = None) -> Entry | None:
        """The newest entry of a task."""
        return self._keeper.read(lambda book: operations.task_entry(book, task_id, origin))

    def entry(self, entry_id: str) -> Entry | None:
        """The entry with this id."""
        return self._keeper.read(lambda book: book.get(entry_id))

    def job(self, batch: str, key: str) -> Entry | None:
        """The entry that stands for a job: one that has a task, else one that may have, else the newest."""
        return self._keeper.read(lambda book: operations.job_entry(book, Job(batch, key)))

    def entries(self) -> Iterator[Entry]:
        """All entries, the oldest first, read as they are asked for."""
        after = (float("-inf"), "")
        while page := self._page(after):
            yield from page
            after = place(page[-1])

    def quota_exhausted(self, owner: NewEntry, until: float | None) -> None:
        """Note that the day's quota is used up.

        Args:
            owner: Of which key, at which origin.
            until: When it is thought to be renewed, in seconds since the epoch; None if it isn't used
                up after all, as a create was accepted.
        """
        place = owner.origin, owner.fingerprint
        with self._keeper.lock:
            if place not in self._quotas and (self._quota(owner) or None) == until:
                return
            if self._keeper.on_disk(lambda connection: write_quota(connection, owner, until), writes=True):
                self._quotas.pop(place, None)
            else:
                self._quotas[place] = until

    def quota_wait(self, owner: NewEntry) -> float | None:
        """Seconds until the day's quota is thought to be renewed; None if it isn't known to be used up."""
        with self._keeper.lock:
            left = self._quota(owner) - self._clock()
        return left if left > 0 else None

    def close(self) -> None:
        """Write what is left, and close the file. A later call opens it again."""
        self._keeper.close()

    def _settle(self, entry_id: str, news: Mapping[str, Any]) -> Entry:
        now = self._clock()
        return self._keeper.write(lambda book: operations.settle(book, entry_id, news, now))

    def _amend(self, task_id: str, origin: str | None, news: Mapping[str, Any]) -> Entry | None:
        now = self._clock()

        def is_no_news(book: Book) -> tuple[bool, Entry | None]:
            found = operations.task_entry(book, task_id, origin)
            return found is None or merge(found, news) == found, found

        settled, entry = self._keeper.read(is_no_news)
        if settled:
            return entry
        return self._keeper.write(lambda book: operations.amend(book, task_id, origin, news, now))

    def _quota(self, owner: NewEntry) -> float:
        place = owner.origin, owner.fingerprint
        if place in self._quotas:
            return self._quotas[place] or 0.0
        if self._keeper.store is None or not self._keeper.store.exists():
            return 0.0
        return self._keeper.on_disk(lambda connection: read_quota(connection, owner), writes=False) or 0.0

    def _page(self, after: tuple[float, str]) -> list[Entry]:
        return self._keeper.read(lambda book: book.page(after, _PAGE))
