"""The journal's transactions: whom they wait for, and what they leave."""

from __future__ import annotations

import contextlib
import gc
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.locks import locked
from kling_elements.journal.database import Database, is_corrupt

if TYPE_CHECKING:
    from pathlib import Path

    from contract_tests.client.journal.conftest import Time

GARBAGE = b"this is no database" * 100


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_how_long_others_are_waited_for(store: Database) -> None:
    """As long as is asked for, and in haste for a tenth of a second; whatever was done before."""
    store.busy_seconds = 2.0
    for _ in range(2):
        with store.writing() as connection:
            assert pragma(connection, "busy_timeout") == 2000
        with store.reading(hasty=True) as connection:
            assert pragma(connection, "busy_timeout") == 100
        with store.reading() as connection:
            assert pragma(connection, "busy_timeout") == 2000
    assert Database(store.path).busy_seconds == 5.0


def test_one_connection(store: Database) -> None:
    """A file that stays where it is is opened once, and again after it was closed."""
    with store.writing() as first:
        pass
    with store.reading() as second:
        assert second is first
    store.close()
    with store.writing() as third:
        assert third is not first


def test_what_says_that_a_file_is_damaged(path: Path) -> None:
    """Only what SQLite itself says of the file, not trouble of any other kind."""
    path.parent.mkdir()
    path.write_bytes(GARBAGE)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        with pytest.raises(sqlite3.DatabaseError) as damage:
            connection.execute("SELECT * FROM entries")
        with pytest.raises(sqlite3.OperationalError) as other:
            connection.execute("no SQL")
    troubles = (damage.value, other.value, sqlite3.DatabaseError("not by SQLite"), OSError(), ValueError())
    assert [is_corrupt(trouble) for trouble in troubles] == [True, False, False, False, False]


def test_what_is_promised_of_the_disk(store: Database) -> None:
    """A commit outlives a power cut, what is deleted is overwritten, and the file's own code is not run."""
    with store.writing() as connection:
        settings = [pragma(connection, name) for name in ("synchronous", "secure_delete", "trusted_schema")]
    assert settings == [3, 1, 0]


def test_a_write_waits_for_another(store: Database, time: Time) -> None:
    """A transaction that somebody else ends in time is waited for, in short sleeps."""
    with store.writing():
        pass
    with locked(store.path, "BEGIN IMMEDIATE") as connection:

        def end() -> None:
            if time.sleeps == 3:
                connection.execute("ROLLBACK")

        time.meanwhile = end
        with store.writing() as ours:
            assert ours.in_transaction
    assert time.sleeps == 3


def test_a_write_waits_no_longer_than_is_asked(store: Database, time: Time) -> None:
    """After that it can't be done, and nothing is left open."""
    with store.writing():
        pass
    with locked(store.path, "BEGIN IMMEDIATE") as connection:
        with pytest.raises(sqlite3.OperationalError, match="database is locked"), store.writing():
            pytest.fail("two at once")
        connection.execute("ROLLBACK")
    assert time.sleeps == 4
    with store.writing():
        pass


def test_what_is_no_lock_is_not_waited_for(store: Database, time: Time) -> None:
    """Another trouble is told at once."""
    store.path.parent.mkdir()
    store.path.write_bytes(GARBAGE)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"), store.writing():
        pytest.fail("it is no database")
    assert time.sleeps == 0


def test_a_look_waits_for_no_write(store: Database) -> None:
    """While another process writes, what was there before is read."""
    with store.writing():
        pass
    with locked(store.path, "BEGIN IMMEDIATE"), store.reading() as connection:
        assert pragma(connection, "user_version") == len(store.migrations)


def test_as_patient_from_the_beginning(store: Database, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """A file that another process holds when it is opened is waited for as long as any other time."""
    given: list[object] = []
    connect: Any = sqlite3.connect

    def watched(*args: Any, **options: Any) -> sqlite3.Connection:
        given.append(options.get("timeout"))
        connection: sqlite3.Connection = connect(*args, **options)
        return connection

    monkeypatch.setattr(sqlite3, "connect", watched)
    with store.writing():
        pass
    assert given == [0.05]


def test_an_unclosed_file_is_closed_when_nobody_needs_it(path: Path) -> None:
    """The connection of a store that is gone is closed."""
    store = Database(path)
    with store.writing() as connection:
        pass
    del store
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


class Broken:
    """A connection of a disk that has gone."""

    in_transaction = True

    def execute(self, *_: str) -> None:
        """Fail."""
        raise sqlite3.OperationalError("disk I/O error")

    close = execute


def test_what_fails_while_it_is_closed_is_nobodys_trouble(store: Database) -> None:
    """Closing raises nothing, and what can't be rolled back hides no other error."""
    broken: Any = Broken()
    store._connection = broken
    store.close()
    assert store._connection is None
    store._roll_back(broken)
