"""The journal's tables, their versions, and what is pruned from them."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_DAY = 86_400.0
FINISHED_DAYS = 30
UNFINISHED_DAYS = 90
"""An unfinished task is over within the hour. Its entry is kept as a person may still ask for it."""
KEPT = 50_000
"""The newest entries stay whatever the clock says: if it is wrong, a job would be paid again."""
PRUNED_AT_ONCE = 1000

_APPLICATION_ID = 0x4B_4C_4E_47  # "KLNG"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE entries (
            entry_id TEXT PRIMARY KEY, created_at REAL NOT NULL, updated_at REAL NOT NULL,
            model TEXT NOT NULL, origin TEXT NOT NULL, fingerprint TEXT NOT NULL, digest TEXT NOT NULL,
            batch TEXT, job TEXT, target TEXT,
            state TEXT NOT NULL, task_id TEXT, status TEXT, urls TEXT NOT NULL, expires_at REAL, file TEXT,
            request_id TEXT, note TEXT,
            owner TEXT, owner_host TEXT, owner_pid INTEGER, lease_until REAL,
            finished INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX entries_by_task ON entries (task_id) WHERE task_id IS NOT NULL",
        "CREATE INDEX entries_by_job ON entries (batch, job) WHERE job IS NOT NULL",
        "CREATE INDEX entries_by_age ON entries (created_at, entry_id)",
        "CREATE INDEX entries_by_change ON entries (finished, updated_at)",
        "CREATE INDEX entries_by_expiry ON entries (expires_at) WHERE urls <> '[]'",
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    ),
    (
        """
        CREATE TABLE quotas (
            origin TEXT NOT NULL, fingerprint TEXT NOT NULL, until REAL NOT NULL,
            PRIMARY KEY (origin, fingerprint)
        ) WITHOUT ROWID
        """,
    ),
    (
        # Until then keys were named by so many rounds of PBKDF2. What bears such a name keeps it.
        """
        INSERT INTO meta
        SELECT 'rounds', 100000 WHERE EXISTS (SELECT 1 FROM entries) OR EXISTS (SELECT 1 FROM quotas)
        """,
    ),
)
"""The statements that lead from each version to the next. A published one is never changed."""


class NotAJournal(Exception):  # noqa: N818 - it is caught within the package
    """What stands at the path is no journal of this version or an older one. It is left alone."""


class Damaged(sqlite3.DatabaseError):
    """The journal's pages contradict each other."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def is_current(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]]) -> bool:
    """Whether nothing is to be migrated.

    Raises:
        NotAJournal: If the file is another program's, or of a newer version of this one.
    """
    version = _pragma(connection, "user_version")
    if version > len(migrations):
        raise NotAJournal(
            f"it was written by a newer version of kling-elements (its format is {version}, this one reads "
            f"up to {len(migrations)}): upgrade kling-elements"
        )
    require_ours(connection)
    return version == len(migrations)


def require_ours(connection: sqlite3.Connection) -> None:
    """Make sure that a database is a journal, or has no tables yet.

    Raises:
        NotAJournal: It is another program's.
    """
    has_tables = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()  # and page 1 is sound
    if has_tables and _pragma(connection, "application_id") != _APPLICATION_ID:
        raise NotAJournal("it is another program's database")


def require_sound(connection: sqlite3.Connection, now: float) -> None:
    """Look at every page, and write one: what can't be written later shows now.

    Raises:
        Damaged: The pages contradict each other.
    """
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise Damaged(found)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('checked', ?)", (str(now),))


def migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]]) -> None:
    """Bring the tables up to date, within the caller's transaction.

    Raises:
        NotAJournal: As `is_current`.
    """
    if is_current(connection, migrations):
        return  # another process was faster
    for statements in migrations[_pragma(connection, "user_version") :]:
        for statement in statements:
            connection.execute(statement)
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('salt', ?)", (os.urandom(16),))
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(migrations)}")


def read_naming(connection: sqlite3.Connection) -> tuple[bytes, int]:
    """How the journal names keys: its salt, and rounds of PBKDF2 if it is older than version 3."""
    salt = bytes(connection.execute("SELECT value FROM meta WHERE name = 'salt'").fetchone()[0])
    rounds = connection.execute("SELECT value FROM meta WHERE name = 'rounds'").fetchone()
    return salt, int(rounds[0]) if rounds else 0


def prune(connection: sqlite3.Connection, now: float) -> None:
    """Remove old entries beyond the newest ones, a bounded number at once, and what has expired.

    The clock alone removes nothing that keeps a job from being paid twice: it may be wrong.

    Args:
        connection: Within a transaction.
        now: Seconds since the epoch.
    """
    old = connection.execute(
        """
        SELECT entry_id, batch FROM entries
        WHERE (finished = 1 AND updated_at < :finished AND (job IS NULL OR updated_at < :newest_finished))
           OR (finished = 0 AND updated_at < :unfinished AND updated_at < :newest_unfinished)
        LIMIT :count
        """,
        {
            "finished": now - FINISHED_DAYS * _DAY,
            "unfinished": now - UNFINISHED_DAYS * _DAY,
            "newest_finished": _newest(connection, finished=True),
            "newest_unfinished": _newest(connection, finished=False),
            "count": PRUNED_AT_ONCE,
        },
    ).fetchall()
    connection.executemany("DELETE FROM entries WHERE entry_id = ?", [(row[0],) for row in old])
    connection.executemany(
        "INSERT OR REPLACE INTO meta VALUES ('pruned ' || ?, ?)",
        [(batch, str(now)) for batch in {row[1] for row in old} - {None}],
    )
    connection.execute("UPDATE entries SET urls = '[]' WHERE urls <> '[]' AND expires_at < ?", (now,))
    connection.execute("DELETE FROM quotas WHERE until < ?", (now,))


def _newest(connection: sqlite3.Connection, *, finished: bool) -> float:
    """When the oldest of the newest entries changed; the beginning of time if there are not so many."""
    found = connection.execute(
        "SELECT updated_at FROM entries WHERE finished = ? ORDER BY updated_at DESC LIMIT 1 OFFSET ?",
        (finished, KEPT),
    ).fetchone()
    return float(found[0]) if found else float("-inf")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
