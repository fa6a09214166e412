"""The journal on a disk that is full, read-only, locked, corrupt or another's.

No call fails, and nothing is lost that needn't be.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sqlite3
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from contract_tests.client.journal.conftest import NEW
from contract_tests.support.locks import locked
from kling_elements.journal import Job, Journal, JournalUnread, State
from kling_elements.journal.database import Database
from kling_elements.journal.schema import MIGRATIONS
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.journal.conftest import Clock
    from kling_elements.journal import NewEntry

PAUSE = 5.0


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def live(journal: Journal, new: NewEntry) -> None:
    """Everything that a client does with a journal, with what it relies on."""
    job = evolve(new, job=Job("b", "1"), target="/v.mp4")
    begun = journal.begin(job)
    assert journal.begin(job).earlier is not None
    entry = journal.created(begun.entry_id, Task("t1", "CREATED"))
    assert entry.task_id == "t1"
    assert journal.claim(begun.entry_id, "me", 60)
    assert not journal.claim(begun.entry_id, "you", 60)
    journal.seen(Task("t1", "COMPLETED", ("https://cdn.example.com/v.mp4",)))
    assert [found.task_id for found in journal.unfinished()] == ["t1"]
    journal.release(begun.entry_id, "me")
    journal.downloaded("t1", "/v.mp4")
    assert journal.unfinished() == []
    assert [found.task_id for found in journal.entries()] == ["t1"]
    assert len(journal.fingerprint("key")) == 16


def test_a_lock_that_lasts_delays_the_writing_only(
    journal: Journal,
    open_journal: Callable[[], Journal],
    path: Path,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While another process holds the journal, news are kept in memory; they are written when it lets go."""
    known = journal.begin(NEW).entry_id
    with locked(path):
        journal.created(known, Task("t1", "CREATED"))
        later = journal.begin(NEW)
        assert not later.is_recorded
        journal.unknown(later.entry_id, "no answer")
        assert journal.problem == "database is locked"
    assert len(warnings(caplog)) == 1
    clock.now += PAUSE
    journal.seen(Task("t1", "IN_PROGRESS"))
    assert journal.problem is None
    other = open_journal()
    found = other.find("t1")
    assert found is not None
    assert (found.entry_id, found.status, found.model) == (known, "IN_PROGRESS", NEW.model)
    assert [entry.entry_id for entry in other.doubtful()] == [later.entry_id]


def test_what_is_lost_in_the_end_is_named(
    journal: Journal, path: Path, new: NewEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """If even the last attempt fails, the log names the unfinished tasks and what to type."""
    entry_id = journal.begin(new).entry_id
    with locked(path):
        journal.created(entry_id, Task("t1", "CREATED"))
        journal.close()
    assert "t1" in warnings(caplog)[-1]
    assert "kling-elements wait" in warnings(caplog)[-1]


def test_a_full_disk(
    journal: Journal, path: Path, new: NewEntry, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """On a full disk work goes on after one warning, old entries are read, and later all is written."""
    journal.adopt(Task("old", "FAILED"), new)
    assert journal._fallback.store is not None
    with journal._fallback.store.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(60):
        entry_id = journal.begin(evolve(new, digest="d" * 900)).entry_id
        assert journal.created(entry_id, Task(f"t{number}", "CREATED")).task_id == f"t{number}"
    assert journal.problem == "database or disk is full"
    assert len(warnings(caplog)) == 1
    assert str(path) in warnings(caplog)[0]
    assert len(journal.unfinished()) == 60
    assert journal.knows(["old"]) == {"old"}
    connection.execute("PRAGMA max_page_count = 100000")
    clock.now += PAUSE
    journal.seen(Task("t1", "FAILED"))
    with Journal(Database(path))._fallback.store.reading() as reader:  # type: ignore[union-attr]  # it has a path
        assert reader.execute("SELECT count(*) FROM entries").fetchone()[0] == 61


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("tasks", [["earlier", "new"], ["new"]], ids=["journal", "no journal"])
def test_a_directory_that_may_not_be_written(tasks: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """Where nothing may be written, an old journal is still read, and work goes on after one warning."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "journal.sqlite3"
        if "earlier" in tasks:
            journal = Journal(Database(path))
            journal.adopt(Task("earlier", "CREATED"), NEW)
            journal.close()
            path.chmod(0o644)
        Path(directory).chmod(0o555)
        try:
            told = as_nobody(lambda: use_without_permission(path, caplog))
        finally:
            Path(directory).chmod(0o755)
    assert told == ["False", *tasks, "1 warning"]


def use_without_permission(path: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    journal = Journal.open(path, {})
    begun = journal.begin(evolve(NEW, job=Job("b", "1")))
    journal.created(begun.entry_id, Task("new", "CREATED"))
    tasks = [entry.task_id or "" for entry in journal.unfinished()]
    return [str(begun.is_recorded), *sorted(tasks), f"{len(warnings(caplog))} warning"]


def as_nobody(work: Callable[[], list[str]]) -> list[str]:
    """What a function gives in a child process that has no special rights: root may write everywhere."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setegid(65534)
                os.seteuid(65534)
            told = work()
        except BaseException as error:  # noqa: BLE001 - it is raised again
            told = [repr(error)]
        os.write(write_end, "\n".join(told).encode())
        os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    with os.fdopen(read_end) as answer:
        return answer.read().split("\n")


@pytest.mark.parametrize("place", ["is_a_directory", "below_a_file"])
def test_a_path_that_can_be_no_file(
    place: str, tmp_path: Path, new: NewEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """A path that can't be a journal costs one warning."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    journal = Journal.open(
        tmp_path if place == "is_a_directory" else tmp_path / "file" / "journal.sqlite3", {}
    )
    live(journal, new)
    journal.close()
    assert len(warnings(caplog)) == 1
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("damage", ["no database", "first page", "later page", "cut off"])
def test_a_damaged_file_is_left_as_it_is(
    journal: Journal,
    path: Path,
    damage: str,
    open_journal: Callable[[], Journal],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A damaged journal is neither changed nor taken for an empty one; work continues in memory."""
    for number in range(40):
        journal.adopt(Task(f"t{number}", "FAILED"), evolve(NEW, digest="d" * 2000))
    journal.close()
    content = path.read_bytes()
    bad = {
        "no database": b"this is no database" * 100,
        "first page": content[:100] + b"\xff" * 8 + content[108:],
        "later page": content[:8192] + b"\xff" * 4096 + content[12288:],
        "cut off": content[:5000],
    }[damage]
    path.write_bytes(bad)
    fresh = open_journal()
    assert fresh.check() is not None
    assert not fresh.begin(evolve(NEW, job=Job("b", "1"))).is_recorded
    with pytest.raises(JournalUnread):
        fresh.whole(fresh.doubtful)
    if damage != "later page":  # which only a look at the whole file is sure to meet
        live(open_journal(), evolve(NEW, fingerprint="g"))
    assert path.read_bytes() == bad
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    assert "damaged" in warnings(caplog)[0]


def test_another_process_follows_to_the_new_file(
    journal: Journal, open_journal: Callable[[], Journal], path: Path, new: NewEntry
) -> None:
    """A process notices that the file it has open was renamed or removed, and writes to the new one."""
    journal.begin(new)
    path.rename(path.with_name("moved"))
    second = open_journal().begin(new).entry_id
    assert journal.entry(second) is not None
    path.unlink()
    third = journal.begin(new).entry_id
    assert [entry.entry_id for entry in open_journal().entries()] == [third]


def test_a_newer_versions_journal_is_left_alone(
    path: Path, new: NewEntry, caplog: pytest.LogCaptureFixture, open_journal: Callable[[], Journal]
) -> None:
    """A journal of a newer version is neither read nor written, and the warning says what to do."""
    open_journal().begin(new)
    newer = Journal(Database(path, migrations=(*MIGRATIONS, ("ALTER TABLE entries ADD COLUMN more TEXT",))))
    kept = newer.begin(new).entry_id
    newer.close()
    before = path.read_bytes()
    journal = open_journal()
    live(journal, new)
    journal.close()
    assert path.read_bytes() == before
    assert warnings(caplog)[0].count("upgrade kling-elements") == 1
    assert kept not in {entry.entry_id for entry in journal.entries()}


def test_another_programs_database_is_left_alone(
    path: Path, new: NewEntry, caplog: pytest.LogCaptureFixture, open_journal: Callable[[], Journal]
) -> None:
    """A database of another program is not written to."""
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE entries (mine TEXT)")
        connection.commit()
    before = path.read_bytes()
    live(open_journal(), new)
    assert path.read_bytes() == before
    assert "another program's" in warnings(caplog)[0]


def test_an_interrupt_leaves_no_transaction_open(
    journal: Journal, open_journal: Callable[[], Journal], new: NewEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a write undoes that write and blocks nobody."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    entry_id = journal.begin(new).entry_id
    with monkeypatch.context() as patched:
        patched.setattr("kling_elements.journal.tables._row", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.created(entry_id, Task("t1", "CREATED"))
    found = open_journal().created(entry_id, Task("t2", "CREATED"))
    assert (found.state, found.task_id) == (State.CREATED, "t2")


posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


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
