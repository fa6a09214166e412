"""What runs the journal's operations: on entries of this process, or (`fallback`) on those in a file."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from kling_elements.journal.fingerprint import process_fingerprint
from kling_elements.journal.memory import TransientTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kling_elements.journal.tables import EntryTable

    Table: TypeAlias = EntryTable | TransientTable
    """Where the journal's operations read and write."""

T = TypeVar("T")


class Store:
    """Runs operations on entries that are forgotten with this process; `Fallback` is one with a file.

    None of its calls raises because of the disk.

    Args:
        clock: Gives seconds since the epoch.
        monotonic: A monotonic clock, in seconds.

    Attributes:
        lock: Held while an operation runs.
        problem: Why the file could not be used the last time; None if all is well.
        unread: Why the last call did not see the file's entries; None if it did, or there are none.
    """

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.monotonic = monotonic
        self.problem: str | None = None
        self.unread: str | None = None
        self._table = TransientTable()

    @property
    def path(self) -> Path | None:
        """The file; None without one."""
        return None

    def is_saved(self, entry_id: str) -> bool:  # noqa: ARG002 - for `Fallback`
        """Whether an entry is on the disk as it was last written."""
        return False

    def write(self, operation: Callable[[Table], T]) -> T:
        """Run an operation that changes entries."""
        with self.lock:
            return operation(self._table)

    def read(self, operation: Callable[[Table], T]) -> T:
        """Run an operation that changes nothing. `unread` then says whether it saw the file's entries."""
        return self.write(operation)

    def fingerprint(self, key: Callable[[], str]) -> str:
        """Return a name for a key, of use in this store only."""
        return process_fingerprint(key)

    def check(self) -> str | None:
        """Look at the whole file and write to it; return why that can't be done, or None."""
        return None

    def close(self) -> None:
        """Write what is left, and close the file."""

    def after_fork(self) -> None:
        """In a child process: begin with a lock, and a connection, of its own."""
        self.lock = threading.RLock()
