"""Open the journal's file late, look at it before touching it, one connection a process.

SQLite's rollback journal is used, and not its write-ahead log. That log is of no use here (a commit costs
about 1 ms either way, and there are a few a minute), does not work on network file systems, leaves addresses
of results in a second file, and lost data in rare races of two writers in all versions of SQLite before
3.51.3 (the "WAL-reset bug"), which are what Python ships with.

The rollback journal is emptied after each commit, and removed when the file is closed: to remove it each time
costs another write, of the folder.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import stat
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kling_elements.files import is_absent
from kling_elements.journal.schema import (
    MIGRATIONS,
    NotAJournal,
    is_current,
    migrate,
    require_ours,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

T = TypeVar("T")

BUSY_SECONDS = 5.0  # eight processes that do nothing but write wait for up to 1.5 s
_HASTY_SECONDS = 0.1
_RETRY_SECONDS = (0.001, 0.005)
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE = 0xFF

Identity = tuple[int, int]
"""Device and inode of a file."""

# A connection that was inherited from a parent process must be neither used nor closed (closing it could end
# the parent's locks or delete its journal), nor be collected, which closes it.
_inherited: list[sqlite3.Connection] = []


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def is_corrupt(trouble: BaseException) -> bool:
    """Whether SQLite found that the file is damaged."""
    code = getattr(trouble, "sqlite_errorcode", None)
    return isinstance(trouble, sqlite3.Error) and code is not None and code & _PRIMARY_CODE in _CORRUPT


class Database:
    """A database file. Its owner sees to it that one thread uses it at a time.

    Args:
        path: The file.
        busy_seconds: How long to wait for another process's transaction.
        migrations: See `kling_elements.journal.schema`.

    Attributes:
        is_busy: Whether the connection is in use. Its owner, who has locked it, sees that in a signal handler
            only.
    """

    def __init__(
        self,
        path: Path,
        busy_seconds: float = BUSY_SECONDS,
        migrations: Sequence[Sequence[str]] = MIGRATIONS,
    ) -> None:
        self.path = path
        self.busy_seconds = busy_seconds
        self.migrations = migrations
        self._connection: sqlite3.Connection | None = None
        self._closing: weakref.finalize[..., Database] | None = None
        self._identity: Identity | None = None
        self.is_busy = False

    @property
    def transaction(self) -> sqlite3.Connection | None:
        """The connection, if a signal handler asks that cut into a transaction on it."""
        connection = self._connection if self.is_busy else None
        return connection if connection is not None and connection.in_transaction else None

    def exists(self) -> bool:
        """Whether there is a file, as far as this user may look."""
        return not is_absent(self.path)

    def identity(self) -> Identity | None:
        """Which file stands there now; None if none does."""
        return _identity(self.path)

    def writing(self, *, hasty: bool = False) -> AbstractContextManager[sqlite3.Connection]:
        """A transaction that is on the disk when the block is left.

        Args:
            hasty: Wait for other processes a moment only.

        Raises:
            sqlite3.Error: It can't be done; nothing of it was.
            OSError: The same.
            NotAJournal: The file is another program's, or no file.
        """
        return self._transaction(self._begin_writing, _HASTY_SECONDS if hasty else self.busy_seconds)

    def reading(self, *, hasty: bool = False) -> AbstractContextManager[sqlite3.Connection]:
        """A consistent view of the file; its argument and errors are those of `writing`."""
        return self._transaction(self._begin_reading, _HASTY_SECONDS if hasty else self.busy_seconds)

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        closing = self._closing
        self._connection = self._closing = None
        if closing is not None:
            closing()

    def leave_to_parent(self) -> None:
        """After a fork, in the child: leave the connection to the parent."""
        if self._closing is not None:
            self._closing.detach()
        if self._connection is not None:
            _inherited.append(self._connection)
        self._connection = self._closing = None
        self.is_busy = False

    @contextlib.contextmanager
    def _transaction(
        self, begin: Callable[[sqlite3.Connection, float], None], patience: float
    ) -> Iterator[sqlite3.Connection]:
        was_busy, self.is_busy = self.is_busy, True
        try:
            connection = self._connected(patience)
            try:
                begin(connection, patience)
                yield connection
                _patiently(lambda: connection.execute("COMMIT"), patience)
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                raise
        finally:
            self.is_busy = was_busy

    def _begin_writing(self, connection: sqlite3.Connection, patience: float) -> None:
        _patiently(lambda: connection.execute("BEGIN IMMEDIATE"), patience)
        migrate(connection, self.migrations)

    def _begin_reading(self, connection: sqlite3.Connection, patience: float) -> None:
        connection.execute("BEGIN")
        if not _patiently(lambda: is_current(connection, self.migrations), patience):
            connection.execute("COMMIT")
            self._begin_writing(connection, patience)

    def _connected(self, patience: float) -> sqlite3.Connection:
        connection = self._connection
        if connection is not None and self._identity != self.identity():
            self.close()  # somebody removed or replaced the file
            connection = None
        if connection is None:
            self._connection = connection = _patiently(self._open, patience)
            self._identity = self.identity()
            # Also of a journal that nobody closes.
            self._closing = weakref.finalize(self, _close, connection, self.path, self._identity)
        # Pages are read from the disk again, so that damage is met now and not by the next process.
        connection.execute("PRAGMA shrink_memory")
        return connection

    def _open(self) -> sqlite3.Connection:
        _make_or_recognise(self.path)
        connection = sqlite3.connect(self.path, timeout=0.0, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            # EXTRA also syncs the directory, without which a commit may be undone by a power cut.
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            # So that nothing but the ends of a transaction meets those of other processes.
            connection.execute("PRAGMA cache_spill = OFF")
            # What is deleted is overwritten: URLs of results are as good as the videos.
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
        except BaseException:
            connection.close()
            raise
        return connection


def _close(connection: sqlite3.Connection, path: Path, identity: Identity | None) -> None:
    with contextlib.suppress(sqlite3.Error), contextlib.closing(connection):
        if identity is not None and identity == _identity(path):  # else the name is another file's
            connection.execute("PRAGMA journal_mode = DELETE")  # removes the empty one


def _patiently(work: Callable[[], T], patience: float) -> T:
    """Do what waits for the transactions of other processes.

    SQLite's own waiting sleeps the longer the longer it has waited: of many busy processes one starves.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return work()
        except sqlite3.OperationalError as trouble:
            is_busy = trouble.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(*_RETRY_SECONDS))  # noqa: S311 - spreads the attempts


def _make_or_recognise(path: Path) -> None:
    """Create a private file, or make sure that what stands there is a journal before it is touched.

    Raises:
        NotAJournal: Something else stands there.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        target = Path(os.path.realpath(path))  # of a link, the file that it names
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its own files beside it the same mode. Only ever a new file is opened here: closing
        # one that SQLite has open would end this process's locks on it.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        return
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a device, a pipe or a socket"
        raise NotAJournal(f"it is {kind}")
    is_ours = not found.st_size or _is_ours(path)
    if is_ours and os.name == "posix" and found.st_mode & 0o077:
        with contextlib.suppress(OSError):
            path.chmod(0o600)


def _is_ours(path: Path) -> bool:
    """Whether a file is a journal; False if only opening it can say so: a transaction was cut off, say.

    Raises:
        NotAJournal: It is something else.
    """
    # `immutable` leaves everything as it is: no lock, no recovery of another program's transaction.
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        try:
            require_ours(connection)
        except sqlite3.DatabaseError as trouble:
            if trouble.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_NOTADB:
                raise NotAJournal(f"it is no journal, or its beginning is damaged ({trouble})") from None
            return False
        return True
