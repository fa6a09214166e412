"""The journal's file: its transactions, its rights, and how it is set aside."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sqlite3
import stat
import time as process_time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define

from contract_tests.support.locks import locked
from kling_elements.journal import store as module
from kling_elements.journal.schema import NotAJournal
from kling_elements.journal.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00
GARBAGE = b"this is no database" * 100


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A file of its own, that waits for others for 50 ms."""
    found = Store(path, busy_seconds=0.05)
    yield found
    found.close()


@define
class Time:
    """What the module has of `time`, standing still; who sleeps on it has something done meanwhile.

    Attributes:
        now: Seconds since the epoch.
        meanwhile: Done in each sleep.
        sleeps: How often somebody slept.
    """

    now: float = NOW
    meanwhile: Callable[[], object] = lambda: None
    sleeps: int = 0
    strftime = staticmethod(process_time.strftime)

    def time(self) -> float:
        """Seconds since the epoch."""
        return self.now

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return self.sleeps * 0.0125

    def gmtime(self) -> process_time.struct_time:
        """The same, by the calendar."""
        return process_time.gmtime(self.now)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        assert 0.001 <= seconds <= 0.005
        self.sleeps += 1
        self.meanwhile()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time that the store goes by."""
    found = Time()
    monkeypatch.setattr(module, "time", found)
    return found


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_how_long_others_are_waited_for(store: Store) -> None:
    """As long as is asked for, and in haste for a tenth of a second; whatever was done before."""
    store.busy_seconds = 2.0
    for _ in range(2):
        with store.writing() as connection:
            assert pragma(connection, "busy_timeout") == 2000
        with store.reading(hasty=True) as connection:
            assert pragma(connection, "busy_timeout") == 100
        with store.reading() as connection:
            assert pragma(connection, "busy_timeout") == 2000
    assert Store(store.path).busy_seconds == 5.0


def test_what_is_promised_of_the_disk(store: Store) -> None:
    """A commit outlives a power cut, what is deleted is overwritten, and the file's own code is not run."""
    with store.writing() as connection:
        settings = [pragma(connection, name) for name in ("synchronous", "secure_delete", "trusted_schema")]
    assert settings == [3, 1, 0]


def test_a_write_waits_for_another(store: Store, time: Time) -> None:
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


def test_a_write_waits_no_longer_than_is_asked(store: Store, time: Time) -> None:
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


def test_what_is_no_lock_is_not_waited_for(store: Store, time: Time) -> None:
    """Another trouble is told at once."""
    store.path.parent.mkdir()
    store.path.write_bytes(GARBAGE)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"), store.writing():
        pytest.fail("it is no database")
    assert time.sleeps == 0


def test_a_look_waits_for_no_write(store: Store) -> None:
    """While another process writes, what was there before is read."""
    with store.writing():
        pass
    with locked(store.path, "BEGIN IMMEDIATE"), store.reading() as connection:
        assert pragma(connection, "user_version") == len(store.migrations)


def test_as_patient_from_the_beginning(store: Store, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
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
    store = Store(path)
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


def test_what_fails_while_it_is_closed_is_nobodys_trouble(store: Store) -> None:
    """Closing raises nothing, and what can't be rolled back hides no other error."""
    broken: Any = Broken()
    store._connection = broken
    store.close()
    assert store._connection is None
    store._roll_back(broken)


# --- its rights

posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_folders_that_are_missing_are_made(tmp_path: Path) -> None:
    """All folders on the way are made; the last one is its owner's alone."""
    store = Store(tmp_path / "a" / "b" / "journal.sqlite3")
    with store.writing():
        pass
    store.close()
    assert (mode(store.path), mode(store.path.parent)) == (0o600, 0o700)


@posix
@pytest.mark.parametrize(
    ("before", "after"), [(0o644, 0o600), (0o601, 0o600), (0o700, 0o700), (0o600, 0o600)]
)
def test_only_what_others_may_is_taken_away(store: Store, before: int, after: int) -> None:
    """A file that others may read is closed to them; one that is its owner's alone is left as it is."""
    with store.writing():
        pass
    store.close()
    store.path.chmod(before)
    with store.writing():
        pass
    assert mode(store.path) == after


def test_rights_that_cant_be_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is another user's is used as it is."""
    store.path.parent.mkdir()
    store.path.touch(0o666)
    store.path.chmod(0o666)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with store.writing():
        pass
    assert store.exists()


def test_a_file_that_appears_at_this_moment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another process makes first is not opened to be made: closing it would end its locks."""
    opening = os.open
    refused: list[str] = []

    def too_late(path: Path, flags: int, mode: int) -> int:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 0")
        try:
            return opening(path, flags, mode)
        except FileExistsError:
            refused.append(path.name)
            raise

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", too_late)
        with store.writing():
            pass
    assert refused == [store.path.name]


# --- a damaged file


def test_a_damaged_file_goes_with_all_that_is_its_own(store: Store, time: Time) -> None:
    """Renamed, its neighbours have its new name; that tells the moment, in UTC, and the process."""
    store.path.parent.mkdir()
    for suffix, content in {"": GARBAGE, "-journal": b"\0stale", "-wal": b"stale"}.items():
        store.path.with_name(store.path.name + suffix).write_bytes(content)
    # Another process has it open too: else SQLite itself would remove the last two.
    with contextlib.closing(sqlite3.connect(store.path)) as other:
        with pytest.raises(sqlite3.DatabaseError, match="not a database"):
            other.execute("SELECT * FROM entries")
        aside = store.set_aside()
        left = sorted(path.name for path in store.path.parent.iterdir())
    assert aside == store.path.with_name(f"journal.sqlite3.corrupt-20270115-080000-{os.getpid()}")
    assert aside
    assert left == [aside.name + suffix for suffix in ("", "-journal", "-shm", "-wal")]
    assert aside.read_bytes() == GARBAGE


@pytest.mark.parametrize(("age", "is_taken"), [(0.0, False), (30.0, False), (30.5, True)])
def test_the_guard_of_a_process_that_was_killed(store: Store, time: Time, age: float, is_taken: bool) -> None:  # noqa: FBT001 - a case of the table
    """Who sets the file aside is left alone for half a minute, and no longer."""
    store.path.parent.mkdir()
    store.path.write_bytes(GARBAGE)
    guard = store.path.with_name("journal.sqlite3.setting-aside")
    guard.touch()
    os.utime(guard, (NOW - age, NOW - age))
    assert (store.set_aside() is not None) == is_taken
    assert guard.exists() != is_taken


@posix
def test_the_guard_is_its_owners_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does anybody else see who is at it; that somebody took the guard away is no trouble."""
    store.path.parent.mkdir()
    store.path.write_bytes(GARBAGE)
    guard = store.path.with_name("journal.sqlite3.setting-aside")
    seen: list[int] = []

    def look(path: Path) -> Path:
        seen.append(mode(guard))
        guard.unlink()
        return path.with_name("aside")

    monkeypatch.setattr(module, "_free_name", look)
    assert store.set_aside() == store.path.with_name("aside")
    assert seen == [0o600]


def test_another_programs_file_is_not_set_aside(store: Store) -> None:
    """A sound database of another program stays where it is."""
    store.path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        connection.execute("CREATE TABLE entries (mine TEXT)")
    with pytest.raises(NotAJournal):
        store.set_aside()
    assert [path.name for path in store.path.parent.iterdir()] == [store.path.name]
