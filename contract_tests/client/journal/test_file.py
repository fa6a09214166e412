"""The journal's file: who may read it."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from kling_elements.journal.database import Database

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
