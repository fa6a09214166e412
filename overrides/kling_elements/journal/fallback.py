"""Run operations on the journal's file, or on a copy in memory while the file can't be used."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from kling_elements.journal.database import Database, Identity, is_corrupt
from kling_elements.journal.fingerprint import key_fingerprint
from kling_elements.journal.location import JOURNAL_VARIABLE
from kling_elements.journal.memory import Table, TransientTable
from kling_elements.journal.schema import MIGRATIONS, Damaged, NotAJournal, migrate, prune, read_naming
from kling_elements.journal.tables import EntryTable, MemoryTable, save
from kling_elements.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.journal.entry import Entry

T = TypeVar("T")


# The last two: a row that can't be an entry.
_TROUBLE = (sqlite3.Error, OSError, NotAJournal, Damaged, ValueError, TypeError)
_PAUSE_SECONDS = 5.0
_PAUSE_FACTOR = 10.0  # a file that takes a minute to fail is tried every ten
_fallbacks: weakref.WeakSet[Fallback] = weakref.WeakSet()
_inherited: list[sqlite3.Connection | None] = []  # of a parent process: not to be used, closed or collected


class _Done(NamedTuple, Generic[T]):
    """A result that may itself be None."""

    value: T


class Fallback:
    """Runs operations on the disk, else in memory, and writes those back when the file works again.

    After a failure the file is left alone for some seconds, and then nothing waits for other programs until
    it works again: one that holds it costs a process the long wait once.

    Args:
        store: The file; None to keep everything in memory.
        clock: Seconds since the epoch.
        monotonic: A monotonic clock, in seconds.
    """

    def __init__(
        self, store: Database | None, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self.lock = threading.RLock()
        self.problem: str | None = None
        self.unread: str | None = None
        self.fingerprints: dict[str, Callable[[], str]] = {}
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._transient = TransientTable()
        self._unsaved: dict[str, Entry] = {}
        self._memory: sqlite3.Connection | None = None
        self._damaged: Identity | None = None
        self._has_warned = False
        self._is_pruned = False
        self._next_try = float("-inf")
        _fallbacks.add(self)

    @property
    def store(self) -> Database | None:
        """The file."""
        return self._store

    @property
    def has_unsaved(self) -> bool:
        """Whether there is something that is not on the disk."""
        return bool(self._unsaved) or self._store is None

    def close(self) -> None:
        """Write what is left, and close the file."""
        with self.lock:
            if self._store is None:
                return
            if self._unsaved:
                self._next_try = float("-inf")
                self.on_disk(lambda _: None, writes=True)
                self._warn_of_loss()
            self._store.close()

    def after_fork(self) -> None:
        """In a child process: begin with a lock, a connection and a copy of its own."""
        self.lock = threading.RLock()
        _inherited.append(self._memory)
        self._memory = None
        if self._store:
            self._store.leave_to_parent()

    def write(self, operation: Callable[[Table], T]) -> T:
        """Run an operation that changes entries."""
        return self._run(operation, writes=True)

    def read(self, operation: Callable[[Table], T]) -> T:
        """Run an operation that changes nothing. `unread` then says whether it saw the file's entries."""
        return self._run(operation, writes=False)

    def _run(self, operation: Callable[[Table], T], *, writes: bool) -> T:
        with self.lock:
            done: _Done[T] | None = None
            if writes or self._unsaved or (self._store and self._store.exists()):
                done = self.on_disk(
                    lambda connection: _Done(operation(EntryTable(connection))),
                    writes=writes or bool(self._unsaved),
                )
            return done.value if done else self._in_memory(operation)

    def on_disk(self, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> T | None:
        """Work in one transaction, after what could not be written before; None if that can't be done."""
        if self._store is None or self._monotonic() < self._next_try:
            return None
        if self._damaged is not None and self._damaged == self._store.identity():
            return None
        began = self._monotonic()
        try:
            return self._transact(self._store, work, writes=writes)
        except _TROUBLE as trouble:
            self._note(self._store, trouble, self._monotonic() - began)
            return None

    def _transact(self, store: Database, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> T:
        hasty = self.problem is not None
        with store.writing(hasty=hasty) if writes else store.reading(hasty=hasty) as connection:
            if writes:
                if not self._is_pruned:
                    prune(connection, self._clock())
                if self._unsaved:
                    self._save(connection)
            result = work(connection)
        self.unread = None
        if writes:
            self._is_pruned = True
            self._unsaved.clear()
            if self.problem:
                logger.info("the journal %s can be written again; nothing is missing from it", store.path)
            self.problem = self._damaged = None
            self._forget_copy()
        return result

    def _save(self, connection: sqlite3.Connection) -> None:
        # Noted while the journal's salt could not be read, the name of a key is one of this process only.
        named = {
            name: key_fingerprint(key, *read_naming(connection)) for name, key in self.fingerprints.items()
        }
        save(
            (
                entry._replace(fingerprint=named.get(entry.fingerprint, entry.fingerprint))
                for entry in self._unsaved.values()
            ),
            EntryTable(connection),
        )

    def _in_memory(self, operation: Callable[[Table], T]) -> T:
        if self._store is None:
            return operation(self._transient)
        if self._memory is None:
            self._memory = self._copied() or self._rebuilt()
        try:
            return operation(MemoryTable(self._memory, self._unsaved))
        except _TROUBLE as trouble:  # the copy is as damaged as the file
            self.unread = self.problem = self.problem or _reason(trouble)
        self._forget_copy()
        self._memory = self._rebuilt()
        return operation(MemoryTable(self._memory, self._unsaved))

    def _copied(self) -> sqlite3.Connection | None:
        """Copy what can still be read of the file."""
        self.unread = None
        if self._store is None or not self._store.exists():
            return None
        if self._damaged is None:
            memory = _connect()
            try:
                with self._store.reading(hasty=True) as connection:
                    connection.backup(memory)
                save(self._unsaved.values(), EntryTable(memory))
            except _TROUBLE as trouble:
                memory.close()
                self.problem = self.problem or _reason(trouble)
                logger.debug("the journal %s can't be read either", self._store.path, exc_info=True)
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
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _note(self, store: Database, trouble: Exception, seconds: float) -> None:
        self._forget_copy()
        self.problem = _reason(trouble)
        if is_corrupt(trouble):
            self._damaged = store.identity()
            self.problem = f"it is damaged: {self.problem}. To begin a new one, move it away"
            store.close()
        self._next_try = self._monotonic() + max(_PAUSE_SECONDS, _PAUSE_FACTOR * seconds)
        level = logging.DEBUG if self._has_warned else logging.WARNING
        self._has_warned = True
        logger.log(
            level,
            "the journal %s can't be used: %s. Work goes on, but if this process is killed, the tasks it "
            "creates are not in the journal (`kling-elements list` shows them). Fix it, or set %s to another "
            "file, or to off",
            store.path,
            self.problem,
            JOURNAL_VARIABLE,
        )

    def _warn_of_loss(self) -> None:
        lost = [entry for entry in self._unsaved.values() if not entry.is_finished]
        if lost:
            logger.warning(
                "the journal %s could not be written: these tasks are unfinished and not in it: %s. "
                "To resume one: kling-elements wait ID",
                self._store.path if self._store else None,
                ", ".join(entry.task_id or f"(a create at {entry.origin}, unanswered)" for entry in lost),
            )


def _connect() -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    memory.row_factory = sqlite3.Row
    return memory


def _reason(trouble: BaseException) -> str:
    return str(trouble) or type(trouble).__name__


def _after_fork() -> None:
    for each in list(_fallbacks):
        each.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
