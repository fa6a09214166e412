"""The journal's file: who may read it, and how it is set aside."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kling_elements.journal import database as module
from kling_elements.journal.database import Database
from kling_elements.journal.schema import NotAJournal

if TYPE_CHECKING:
    from contract_tests.client.journal.conftest import Time

GARBAGE = b"this is no database" * 100


posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_folders_that_are_missing_are_made(tmp_path: Path) -> None:
    """All folders on the way are made; the last one is its owner's alone."""
    store = Database(tmp_path / "a" / "b" / "journal.sqlite3")
    with store.writing():
        pass
    store.close()
    assert (mode(store.path), mode(store.path.parent)) == (0o600, 0o700)


@posix
@pytest.mark.parametrize(
    ("before", "after"), [(0o644, 0o600), (0o601, 0o600), (0o700, 0o700), (0o600, 0o600)]
)
def test_only_what_others_may_is_taken_away(store: Database, before: int, after: int) -> None:
    """A file that others may read is closed to them; one that is its owner's alone is left as it is."""
    with store.writing():
        pass
    store.close()
    store.path.chmod(before)
    with store.writing():
        pass
    assert mode(store.path) == after


def test_rights_that_cant_be_changed(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_file_that_appears_at_this_moment(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_damaged_file_goes_with_all_that_is_its_own(store: Database, time: Time) -> None:
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
def test_the_guard_of_a_process_that_was_killed(
    store: Database,
    time: Time,
    age: float,
    is_taken: bool,  # noqa: FBT001
) -> None:
    """Who sets the file aside is left alone for half a minute, and no longer."""
    store.path.parent.mkdir()
    store.path.write_bytes(GARBAGE)
    guard = store.path.with_name("journal.sqlite3.setting-aside")
    guard.touch()
    os.utime(guard, (time.now - age, time.now - age))
    assert (store.set_aside() is not None) == is_taken
    assert guard.exists() != is_taken


@posix
def test_the_guard_is_its_owners_alone(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_another_programs_file_is_not_set_aside(store: Database) -> None:
    """A sound database of another program stays where it is."""
    store.path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        connection.execute("CREATE TABLE entries (mine TEXT)")
    with pytest.raises(NotAJournal):
        store.set_aside()
    assert [path.name for path in store.path.parent.iterdir()] == [store.path.name]
