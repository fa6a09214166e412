"""What a journal keeps its entries in: a file (`fallback`), or this process (`memory`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kling_elements.journal.memory import TransientTable
    from kling_elements.journal.tables import EntryTable

    Table: TypeAlias = EntryTable | TransientTable
    """Where the journal's operations read and write."""

T = TypeVar("T")


class Store(Protocol):
    """Runs the journal's operations. None of its calls raises because of the disk."""

    @property
    def path(self) -> Path | None:
        """The file; None without one."""
        ...

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Held while an operation runs."""
        ...

    @property
    def clock(self) -> Callable[[], float]:
        """Gives seconds since the epoch."""
        ...

    @property
    def monotonic(self) -> Callable[[], float]:
        """A monotonic clock, in seconds."""
        ...

    @property
    def problem(self) -> str | None:
        """Why the file could not be used the last time; None if all is well."""
        ...

    @property
    def unread(self) -> str | None:
        """Why the last call did not see the file's entries; None if it did, or there are none."""
        ...

    def is_saved(self, entry_id: str) -> bool:
        """Whether an entry is on the disk as it was last written."""
        ...

    def write(self, operation: Callable[[Table], T]) -> T:
        """Run an operation that changes entries."""
        ...

    def read(self, operation: Callable[[Table], T]) -> T:
        """Run an operation that changes nothing. `unread` then says whether it saw the file's entries."""
        ...

    def fingerprint(self, key: Callable[[], str]) -> str:
        """Return a name for a key, of use in this store only."""
        ...

    def check(self) -> str | None:
        """Look at the whole file and write to it; return why that can't be done, or None."""
        ...

    def close(self) -> None:
        """Write what is left, and close the file."""
        ...

    def after_fork(self) -> None:
        """In a child process: begin with a lock, and a connection, of its own."""
        ...
