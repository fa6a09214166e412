"""The journal's file: opened late, one connection a process, set aside if it is corrupt.

SQLite's rollback journal is used, not its write-ahead log. That log is of no use here (a commit costs about 1
ms either way, and there are a few a minute), does not work on network file systems, leaves addresses of
results in a second file, and lost data in rare races of two writers in all versions of SQLite before 3.51.3
(the "WAL-reset bug"), which are what Python ships with.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import time
import weakref
from typing import TYPE_CHECKING

from attrs import define, field

from kling_elements.journal.schema import MIGRATIONS, is_current, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BUSY_SECONDS = 5.0  # eight processes that do nothing but write wait for up to 1.5 s
_HASTY_SECONDS = 0.1
_RETRY_SECONDS = (0.001, 0.005)
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE = 0xFF
_STALE_SECONDS = 30.0  # setting a file aside takes milliseconds

# A connection that was inherited from a parent process must be neither used nor closed (closing it could end
# the parent's locks or delete its journal), nor be collected, which closes it.
_inherited: list[sqlite3.Connection] = []


def _is_busy(trouble: sqlite3.Error) -> bool:
    return trouble.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY


def is_corrupt(trouble: BaseException) -> bool:
    """Whether SQLite found that the file is damaged, or no database at all."""
    code = getattr(trouble, "sqlite_errorcode", None)
    return isinstance(trouble, sqlite3.Error) and code is not None and code & _PRIMARY_CODE in _CORRUPT


@define
class Database:
    """A database file. Its owner sees to it that one thread uses it at a time.

    Attributes:
        path: The file.
        busy_seconds: How long to wait for another process's transaction.
        migrations: See `kling_elements.journal.schema`.
    """

    path: Path
    busy_seconds: float = BUSY_SECONDS
    migrations: Sequence[Sequence[str]] = MIGRATIONS
    _connection: sqlite3.Connection | None = field(default=None, init=False)
    _closing: weakref.finalize[..., Database] | None = field(default=None, init=False)
    _identity: tuple[int, int] | None = field(default=None, init=False)

    def exists(self) -> bool:
        """Whether there is a file."""
        return os.path.lexists(self.path)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on the disk when the block is left.

        Raises:
            sqlite3.Error: It can't be done; nothing of it was.
            OSError: The same.
            NotAJournal: The file is none.
        """
        connection = self._connected(self.busy_seconds)
        try:
            _begin(connection, self.busy_seconds)
            migrate(connection, self.migrations)
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back(connection)
            raise

    @contextlib.contextmanager
    def reading(self, *, hasty: bool = False) -> Iterator[sqlite3.Connection]:
        """A consistent view of a file that exists.

        Args:
            hasty: Wait for other processes a moment only.

        Raises:
            sqlite3.Error: It can't be read.
            OSError: The same.
            NotAJournal: The file is none.
        """
        connection = self._connected(_HASTY_SECONDS if hasty else self.busy_seconds)
        try:
            connection.execute("BEGIN")
            if not is_current(connection, self.migrations):
                connection.execute("COMMIT")
                connection.execute("BEGIN IMMEDIATE")
                migrate(connection, self.migrations)
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back(connection)
            raise

    def set_aside(self) -> Path | None:
        """Rename a corrupt file, so that a new one can be begun.

        Of several processes that find it corrupt, one does it.

        Returns:
            Its new path; None if there was nothing to do any more.

        Raises:
            OSError: It can't be renamed.
        """
        self.close()
        guard = self.path.with_name(self.path.name + ".setting-aside")
        if not _take_guard(guard):
            return None
        try:
            if not self._is_corrupt_still():
                return None
            aside = _free_name(self.path)
            # First what belongs to it: beside a new database, an old rollback journal would be played back
            # into that.
            for suffix in ("-journal", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + suffix).rename(aside.with_name(aside.name + suffix))
            self.path.rename(aside)
        finally:
            with contextlib.suppress(OSError):
                guard.unlink()
        return aside

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        connection = self._let_go()
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def leave_to_parent(self) -> None:
        """After a fork, in the child: leave the connection to the parent."""
        if (connection := self._let_go()) is not None:
            _inherited.append(connection)

    def _let_go(self) -> sqlite3.Connection | None:
        if self._closing is not None:
            self._closing.detach()
        connection, self._connection, self._closing = self._connection, None, None
        return connection

    def _connected(self, busy_seconds: float) -> sqlite3.Connection:
        if self._connection is not None and self._identity != _identity(self.path):
            self.close()  # the file was removed or set aside by somebody else
        if self._connection is None:
            self._connection = self._open()
            # Of a journal that nobody closed.
            self._closing = weakref.finalize(self, self._connection.close)
            self._identity = _identity(self.path)
        self._connection.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
        return self._connection

    def _open(self) -> sqlite3.Connection:
        _create_private(self.path)
        connection = sqlite3.connect(
            self.path, timeout=self.busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            # EXTRA also syncs the directory, without which a commit may be undone by a power cut.
            connection.execute("PRAGMA synchronous = EXTRA")
            # What is deleted is overwritten: addresses of results are as good as the videos.
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_corrupt_still(self) -> bool:
        try:
            with self.reading() as connection:
                return [tuple(row) for row in connection.execute("PRAGMA quick_check(1)")] != [("ok",)]
        except sqlite3.Error as trouble:
            return is_corrupt(trouble)
        finally:
            self.close()

    @staticmethod
    def _roll_back(connection: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _begin(connection: sqlite3.Connection, patience: float) -> None:
    """Begin a writing transaction, waiting for those of others.

    SQLite's own waiting sleeps the longer the longer it has waited: of many busy processes one starves.
    """
    deadline = time.monotonic() + patience
    connection.execute("PRAGMA busy_timeout = 0")
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as trouble:
            if not _is_busy(trouble) or time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(*_RETRY_SECONDS))  # noqa: S311 - spreads the attempts
    connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")


def _create_private(path: Path) -> None:
    """Create the file for its owner's eyes only; SQLite gives its own files beside it the same mode."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only ever a new file is opened here: closing one that SQLite has open would end this process's locks
        # on it.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        return
    if os.name == "posix" and mode & 0o077:
        with contextlib.suppress(OSError):
            path.chmod(0o600)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _take_guard(guard: Path) -> bool:
    with contextlib.suppress(OSError):
        if time.time() - guard.stat().st_mtime > _STALE_SECONDS:  # its owner was killed
            guard.unlink()
    try:
        os.close(os.open(guard, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    return True


def _free_name(path: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return path.with_name(f"{path.name}.corrupt-{stamp}-{os.getpid()}")
