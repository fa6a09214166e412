"""Run operations on the journal's file, or on a copy in memory while the file can't be used."""

from __future__ import annotations

import logging
import sqlite3
import time
import weakref
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from kling_elements.journal.database import Database, Identity, is_corrupt
from kling_elements.journal.fingerprint import key_fingerprint, process_fingerprint
from kling_elements.journal.location import JOURNAL_VARIABLE
from kling_elements.journal.schema import (
    MIGRATIONS,
    NotAJournal,
    migrate,
    prune,
    read_naming,
    require_sound,
)
from kling_elements.journal.store import Store
from kling_elements.journal.tables import EntryTable, MemoryTable, UnstorableError, save
from kling_elements.log import logger
from kling_elements.signal_handlers import raise_of_handler

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kling_elements.journal.entry import Entry
    from kling_elements.journal.store import Table

T = TypeVar("T")


# The last two: a row that can't be an entry.
_TROUBLE = (sqlite3.Error, OSError, NotAJournal, ValueError, TypeError)
_PAUSE_SECONDS = 5.0
_PAUSE_FACTOR = 10.0  # a file that takes a minute to fail is tried every ten
_inherited: list[sqlite3.Connection | None] = []  # of a parent process: not to be used, closed or collected


class _Done(NamedTuple, Generic[T]):
    """A result that may itself be None."""

    value: T


class Fallback(Store):
    """Runs operations on the disk, else in memory, and writes those back when the file works again.

    The lock does not keep out a signal handler that cuts into its own thread, and uses the same
    journal: that works within the transaction that is open, and leaves the commit to its owner.

    After a failure the file is left alone for some seconds, and then nothing waits for other programs until
    it works again: one that holds it costs a process the long wait once.

    Args:
        database: The file.
        clock: Seconds since the epoch.
        monotonic: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock, monotonic)
        self.database = database
        self._naming: tuple[Identity | None, tuple[bytes, int]] | None = None
        self._named_here: dict[str, Callable[[], str]] = {}
        self._unsaved: dict[str, Entry] = {}
        self._memory: sqlite3.Connection | None = None
        self._closing: weakref.finalize[..., Fallback] | None = None
        self._damaged: Identity | None = None
        self._has_warned = False
        self._is_pruned = False
        self._next_try = float("-inf")

    @property
    def path(self) -> Path:
        """The file."""
        return self.database.path

    def is_saved(self, entry_id: str) -> bool:
        """Whether an entry is on the disk as it was last written."""
        return entry_id not in self._unsaved

    def close(self) -> None:
        """Write what is left, and close the file."""
        with self.lock:
            if self.database.is_busy:  # a signal handler cuts into what still needs the connection
                return
            if self._unsaved:
                self._next_try = float("-inf")
                self._on_disk(lambda _: None, writes=True)
                self._warn_of_loss()
            self._forget_copy()
            self.database.close()

    def after_fork(self) -> None:
        """In a child process: begin with a lock, a connection and a copy of its own."""
        super().after_fork()
        _inherited.append(self._memory)
        if self._closing is not None:
            self._closing.detach()
        self._memory = self._closing = None
        self.database.leave_to_parent()

    def fingerprint(self, key: Callable[[], str]) -> str:
        """Return a name for a key, of use in this journal only; see `key_fingerprint`.

        The first call in a process takes one transaction.
        """
        with self.lock:
            identity = self.database.identity()
            if self._naming is None or identity is None or self._naming[0] != identity:
                naming = self._on_disk(read_naming, writes=True)
                if naming is None:
                    name = process_fingerprint(key)
                    self._named_here[name] = key
                    return name
                self._naming = self.database.identity(), naming
            naming = self._naming[1]
        return key_fingerprint(key, *naming)

    def check(self) -> str | None:
        """Look at the whole file and write to it; return why that can't be done, or None."""
        now = self.clock()
        with self.lock:
            self._on_disk(lambda connection: require_sound(connection, now), writes=True)
            return self.problem

    def write(self, operation: Callable[[Table], T]) -> T:
        """Run an operation that changes entries."""
        return self._run(operation, writes=True)

    def read(self, operation: Callable[[Table], T]) -> T:
        """Run an operation that changes nothing. `unread` then says whether it saw the file's entries."""
        return self._run(operation, writes=False)

    def _run(self, operation: Callable[[Table], T], *, writes: bool) -> T:
        with self.lock:
            done: _Done[T] | None = None
            if writes or self._unsaved or self.database.exists():
                done = self._on_disk(
                    lambda connection: _Done(operation(EntryTable(connection))),
                    writes=writes or bool(self._unsaved),
                )
            elif self.unread is not None:
                self._forget_copy()  # of the file that could not be read, and that is gone now
            return done.value if done else self._uncommitted(operation)

    def _on_disk(self, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> T | None:
        """Work in one transaction, after what could not be written before; None if that can't be done."""
        if self.database.transaction is not None:  # a signal handler cuts into it
            return None
        if self.monotonic() < self._next_try:
            return None
        if self._damaged is not None and self._damaged == self.database.identity():
            return None
        began = self.monotonic()
        try:
            return self._transact(work, writes=writes)
        except UnstorableError:
            raise
        except _TROUBLE as trouble:
            raise_of_handler(trouble)
            self._note(trouble, self.monotonic() - began)
            return None

    def _transact(self, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> T:
        hasty = self.problem is not None
        transaction = self.database.writing if writes else self.database.reading
        with transaction(hasty=hasty) as connection:
            saved: list[Entry] = []
            if writes:
                if not self._is_pruned:
                    prune(connection, self.clock())
                if self._unsaved:
                    saved = self._save(connection)
            result = work(connection)
        self.unread = None
        if writes:
            self._is_pruned = True
            for entry in saved:  # and not those that a signal handler added meanwhile
                self._unsaved.pop(entry.entry_id, None)
            if self.problem:
                logger.info("the journal %s can be written again; nothing is missing from it", self.path)
            self.problem = self._damaged = None
            self._forget_copy()
        return result

    def _save(self, connection: sqlite3.Connection) -> list[Entry]:
        """Write what is unsaved into a transaction, and return it."""
        unsaved = list(self._unsaved.values())
        # Noted while the journal's salt could not be read, the name of a key is one of this process only.
        named = {
            name: key_fingerprint(key, *read_naming(connection)) for name, key in self._named_here.items()
        }
        save(
            (
                entry._replace(fingerprint=named.get(entry.fingerprint, entry.fingerprint))
                for entry in unsaved
            ),
            EntryTable(connection),
        )
        return unsaved

    def _uncommitted(self, operation: Callable[[Table], T]) -> T:
        """Work where nothing is on the disk when it is done: in memory, or in an outer transaction."""
        if (connection := self.database.transaction) is not None:
            self.unread = None
        else:
            connection = self._memory or self._keep(self._copied() or self._rebuilt())
        try:
            return operation(MemoryTable(connection, self._unsaved))
        except UnstorableError:
            raise
        except _TROUBLE as trouble:  # the copy is as damaged as the file
            self.unread = self.problem = self.problem or _reason(trouble)
        self._forget_copy()
        return operation(MemoryTable(self._keep(self._rebuilt()), self._unsaved))

    def _keep(self, memory: sqlite3.Connection) -> sqlite3.Connection:
        """Keep a copy until this is closed, or collected: Python 3.13 warns of what nobody closed."""
        self._memory, self._closing = memory, weakref.finalize(self, memory.close)
        return memory

    def _copied(self) -> sqlite3.Connection | None:
        """Copy what can still be read of the file."""
        self.unread = None
        if not self.database.exists():
            return None
        if self._damaged is None:
            memory = _connect()
            try:
                with self.database.reading(hasty=True) as connection:
                    connection.backup(memory)
                save(self._unsaved.values(), EntryTable(memory))
            except _TROUBLE as trouble:
                memory.close()
                self.problem = self.problem or _reason(trouble)
                logger.debug("the journal %s can't be read either", self.path, exc_info=True)
            else:
                return memory
        self.unread = self.problem
        return None

    def _rebuilt(self) -> sqlite3.Connection:
        memory = _connect()
        migrate(memory, MIGRATIONS)
        save(self._unsaved.values(), EntryTable(memory))
        return memory

    def _forget_copy(self) -> None:
        closing = self._closing
        self._memory = self._closing = None
        if closing is not None:
            closing()

    def _note(self, trouble: Exception, seconds: float) -> None:
        self._forget_copy()
        self.problem = _reason(trouble)
        if is_corrupt(trouble):
            self._damaged = self.database.identity()
            self.problem = f"it is damaged: {self.problem}. To begin a new one, move it away"
            self.database.close()
        self._next_try = self.monotonic() + max(_PAUSE_SECONDS, _PAUSE_FACTOR * seconds)
        level = logging.DEBUG if self._has_warned else logging.WARNING
        self._has_warned = True
        logger.log(
            level,
            "the journal %s can't be used: %s. Work goes on, but if this process is killed, the tasks it "
            "creates are not in the journal (`kling-elements list` shows them). Fix it, or set %s to another "
            "file, or to off",
            self.path,
            self.problem,
            JOURNAL_VARIABLE,
        )

    def _warn_of_loss(self) -> None:
        lost = [entry for entry in self._unsaved.values() if not entry.is_finished]
        if lost:
            logger.warning(
                "the journal %s could not be written: these tasks are unfinished and not in it: %s. "
                "To resume one: kling-elements wait ID",
                self.path,
                ", ".join(entry.task_id or f"(a create at {entry.origin}, unanswered)" for entry in lost),
            )


def _connect() -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    memory.row_factory = sqlite3.Row
    return memory


def _reason(trouble: BaseException) -> str:
    return str(trouble) or type(trouble).__name__
