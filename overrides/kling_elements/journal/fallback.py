"""Does an operation on the disk if it can, and in memory if it can't: what makes the journal never fail."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from kling_elements.journal.database import Database, is_corrupt
from kling_elements.journal.location import JOURNAL_VARIABLE
from kling_elements.journal.schema import NotAJournal, prune
from kling_elements.journal.tables import Book, EntryTable, Overlay, Unsaved

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

logger = logging.getLogger("kling_elements")

# The last two: a row that can't be an entry.
_TROUBLE = (sqlite3.Error, OSError, NotAJournal, ValueError, TypeError)
_PAUSE_SECONDS = 5.0
_keepers: weakref.WeakSet[Fallback] = weakref.WeakSet()


class Fallback:
    """Does operations on the disk if it can, else in memory, and writes those later.

    After a failure the disk is left in peace for some seconds, so that callers don't wait for it each time.

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
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._unsaved = Unsaved()
        self._is_lost = False
        self._has_warned = False
        self._is_pruned = False
        self._next_try = float("-inf")
        _keepers.add(self)

    @property
    def store(self) -> Database | None:
        """The file."""
        return self._store

    @property
    def has_unsaved(self) -> bool:
        """Whether there is something that is not on the disk."""
        return bool(self._unsaved)

    def close(self) -> None:
        """Write what is left, and close the file."""
        with self.lock:
            if self._unsaved and self._store:
                self._next_try = float("-inf")
                self.on_disk(lambda _: None, writes=True)
                self._warn_of_loss()
            if self._store:
                self._store.close()

    def after_fork(self) -> None:
        """In a child process: begin with a lock and a connection of its own."""
        self.lock = threading.RLock()
        if self._store:
            self._store.leave_to_parent()

    def write(self, operation: Callable[[Book], T]) -> T:
        """Do an operation that changes entries."""
        with self.lock:
            done = self.on_disk(lambda connection: _Done(operation(EntryTable(connection))), writes=True)
            return done.value if done else self._in_memory(operation)

    def read(self, operation: Callable[[Book], T]) -> T:
        """Do an operation that changes nothing."""
        with self.lock:
            done = None
            if self._unsaved or (self._store and self._store.exists()):
                done = self.on_disk(
                    lambda connection: _Done(operation(EntryTable(connection))), writes=bool(self._unsaved)
                )
            return done.value if done else self._in_memory(operation)

    def on_disk(self, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> T | None:
        """Work in one transaction, after what could not be written before; None if that can't be done."""
        if self._store is None or self._is_lost or self._monotonic() < self._next_try:
            return None
        try:
            try:
                return self._transact(self._store, work, writes=writes)
            except sqlite3.Error as trouble:
                if not is_corrupt(trouble):
                    raise
                self._set_aside(self._store, trouble)
                return self._transact(self._store, work, writes=True)
        except _TROUBLE as trouble:
            self._note(trouble)
            return None

    def _transact(self, store: Database, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> T:
        with store.writing() if writes else store.reading() as connection:
            if writes and not self._is_pruned:
                prune(connection, self._clock())
            if writes:
                self._unsaved.save(EntryTable(connection))
            result = work(connection)
        if writes:
            self._is_pruned = True
            self._unsaved.clear()
            if self.problem:
                logger.info("the journal %s can be written again; nothing is missing from it", store.path)
            self.problem = None
        return result

    def _in_memory(self, operation: Callable[[Book], T]) -> T:
        """Work on what is in memory, over what can still be read of the file."""
        if self._store and not self._is_lost and self._store.exists():
            try:
                with self._store.reading(hasty=True) as connection:
                    return operation(Overlay(self._unsaved, EntryTable(connection)))
            except _TROUBLE:
                logger.debug("the journal %s can't be read either", self._store.path, exc_info=True)
        return operation(Overlay(self._unsaved, None))

    def _set_aside(self, store: Database, trouble: sqlite3.Error) -> None:
        if aside := store.set_aside():
            logger.warning(
                "the journal %s is damaged (%s). It was renamed to %s, and a new one is begun. "
                "Nothing at the service is lost: kling-elements list shows its tasks",
                store.path,
                trouble,
                aside,
            )

    def _note(self, trouble: Exception) -> None:
        self.problem = str(trouble) or type(trouble).__name__
        self._is_lost = isinstance(trouble, NotAJournal)
        self._next_try = self._monotonic() + _PAUSE_SECONDS
        level = logging.DEBUG if self._has_warned else logging.WARNING
        self._has_warned = True
        logger.log(
            level,
            "the journal %s can't be used: %s. Work goes on, but if this process is killed, the tasks it "
            "creates are not in the journal (kling-elements list shows them). Mend it, or set %s to another "
            "file, or to off",
            self._store.path if self._store else None,
            self.problem,
            JOURNAL_VARIABLE,
        )

    def _warn_of_loss(self) -> None:
        lost = [entry for entry in self._unsaved.entries.values() if not entry.is_finished]
        if lost:
            logger.warning(
                "the journal %s could not be written: these tasks are unfinished and not in it: %s. "
                "To resume one: kling-elements wait ID",
                self._store.path if self._store else None,
                ", ".join(entry.task_id or f"(a create at {entry.origin}, unanswered)" for entry in lost),
            )


class _Done:
    """A result that may itself be None."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _after_fork() -> None:
    for keeper in list(_keepers):
        keeper.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
