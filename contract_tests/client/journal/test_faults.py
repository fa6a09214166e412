"""The journal on a disk that is full, read-only, locked, damaged or another's.

No call fails, and nothing is lost that needn't be.
"""

import errno
import logging
import os
import signal
import sqlite3
import stat
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing, nullcontext
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from contract_tests.client.journal.conftest import NEW, Clock, Open
from contract_tests.support.locks import locked
from contract_tests.support.reentry import cut_into
from kling_elements.journal import Begun, Job, Journal, JournalUnread, State, journal_at
from kling_elements.journal.database import Database
from kling_elements.journal.fallback import Fallback
from kling_elements.journal.schema import MIGRATIONS
from kling_elements.task import Task

Warnings = Callable[[], list[str]]

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
# Python warns of a fork beside threads, which is what is tested.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
PAUSE = 5.0
OF_JOB = NEW._replace(job=Job("b", "1"), target="/v.mp4")


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Warnings:
    """Gives the warnings so far."""
    return lambda: [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def live(journal: Journal) -> None:
    """Everything that a client does with a journal, with what it relies on."""
    begun = journal.begin(OF_JOB)
    assert journal.begin(OF_JOB).earlier is not None
    assert journal.created(begun.entry_id, Task("t1", "CREATED")).task_id == "t1"
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
    journal: Journal, open_journal: Open, path: Path, clock: Clock, warnings: Warnings
) -> None:
    """While another process holds the journal, news are kept in memory; they are written when it lets go."""
    known = journal.begin(NEW).entry_id
    with locked(path):
        journal.created(known, Task("t1", "CREATED"))
        later = journal.begin(NEW)
        assert not later.is_recorded
        journal.unknown(later.entry_id, "no answer")
        assert journal.problem == "database is locked"
    assert len(warnings()) == 1
    clock.now += PAUSE
    journal.seen(Task("t1", "IN_PROGRESS"))
    assert journal.problem is None
    other = open_journal()
    found = other.find("t1")
    assert found
    assert (found.entry_id, found.status, found.model) == (known, "IN_PROGRESS", NEW.model)
    assert [entry.entry_id for entry in other.doubtful()] == [later.entry_id]
    with locked(path):
        journal.begin(NEW)
        journal.close()
    assert "kling-elements wait" in warnings()[-1]  # what is lost in the end is named
    assert NEW.origin in warnings()[-1]


def test_a_full_disk(journal: Journal, path: Path, clock: Clock, warnings: Warnings) -> None:
    """On a full disk work goes on after one warning, old entries are read, and later all is written."""
    journal.adopt(Task("old", "FAILED"), NEW)
    # Only this connection knows of the limit: no public call makes a disk full.
    assert isinstance(journal._store, Fallback)
    with journal._store.database.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(60):
        entry_id = journal.begin(NEW._replace(digest="d" * 900)).entry_id
        assert journal.created(entry_id, Task(f"t{number}", "CREATED")).task_id == f"t{number}"
    assert journal.problem == "database or disk is full"
    assert [str(path) in warning for warning in warnings()] == [True]
    assert len(journal.unfinished()) == 60
    assert journal.knows(["old"]) == {"old"}
    connection.execute("PRAGMA max_page_count = 100000")
    clock.now += PAUSE
    journal.seen(Task("t1", "FAILED"))
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT count(*) FROM entries").fetchone()[0] == 61


def succeeds_in_a_child(work: Callable[[], bool]) -> bool:
    """Whether work gives True in a child process, within ten seconds."""
    if (child := os.fork()) == 0:
        signal.alarm(10)
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


@FORKS
@pytest.mark.parametrize("tasks", [["earlier", "new"], ["new"]], ids=["journal", "no journal"])
def test_a_directory_that_may_not_be_written(tasks: list[str], warnings: Warnings) -> None:
    """Where nothing may be written, an old journal is still read, and work goes on after one warning."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "journal.sqlite3"
        if "earlier" in tasks:
            with closing(journal_at(path)) as journal:
                journal.adopt(Task("earlier", "CREATED"), NEW)
            path.chmod(0o644)

        def use() -> bool:
            if os.getuid() == 0:  # root may write everywhere
                os.setegid(65534)
                os.seteuid(65534)
            journal = Journal.open(path, {})
            begun = journal.begin(OF_JOB)
            journal.created(begun.entry_id, Task("new", "CREATED"))
            found = sorted(str(entry.task_id) for entry in journal.unfinished())
            return (found, begun.is_recorded, len(warnings())) == (tasks, False, 1)

        live(Journal.open("off"))  # what Python imports late it may not be allowed to read
        Path(directory).chmod(0o555)
        is_as_expected = succeeds_in_a_child(use)
        Path(directory).chmod(0o755)
    assert is_as_expected


@FORKS
def test_a_lock_held_by_another_thread_does_not_survive_a_fork(journal: Journal) -> None:
    """A child that was forked while a thread was writing can use the journal."""
    journal.begin(NEW)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with journal._store.lock:  # no public call holds it for long enough
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    can_begin = succeeds_in_a_child(lambda: journal.begin(NEW).is_recorded)
    leave.set()
    thread.join()
    assert can_begin
    assert len(list(journal.entries())) == 2


def a_journal(path: Path, *more: str) -> bytes:
    """Write a journal of many pages, by a version that has these migrations more; return its bytes."""
    path.parent.mkdir()
    with closing(
        Journal(Fallback(Database(path, migrations=(*MIGRATIONS, more) if more else MIGRATIONS)))
    ) as journal:
        for number in range(20):
            journal.adopt(Task(f"t{number}", "IN_PROGRESS"), NEW._replace(digest="d" * 2000))
    return path.read_bytes()


def misindexed(path: Path) -> bytes:
    """Write a journal with an index that is not of its entries: each page is sound, and all together not."""
    a_journal(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, '(task_id)', '(model)')")
    return path.read_bytes()


def another_programs(path: Path) -> bytes:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE entries (mine TEXT)")
    return path.read_bytes()


def overwritten(content: bytes, place: int, length: int) -> bytes:
    return content[:place] + b"\xff" * length + content[place + length :]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: a_journal(path) and b"this is no database" * 100, "damaged"),
        (lambda path: overwritten(a_journal(path), 100, 8), "damaged"),
        (lambda path: overwritten(a_journal(path), 8192, 4096), "damaged"),
        (lambda path: a_journal(path)[:5000], "damaged"),
        (misindexed, "damaged"),
        (lambda path: a_journal(path, "ALTER TABLE entries ADD COLUMN more TEXT"), "upgrade"),
        (another_programs, "another program's"),
    ],
    ids=[
        "no database",
        "first page",
        "later page",
        "cut off",
        "misindexed",
        "a newer version's",
        "another program's",
    ],
)
def test_what_is_no_sound_journal_is_left_as_it_is(
    path: Path, open_journal: Open, warnings: Warnings, make: Callable[[Path], bytes], said: str
) -> None:
    """It is neither changed nor taken for an empty one; work continues in memory until it is moved away."""
    bad = make(path)
    path.write_bytes(bad)
    journal, reader = open_journal(), open_journal()
    for each in (journal, reader):
        assert each.check() is not None
        with pytest.raises(JournalUnread):
            each.whole(each.doubtful)
    assert not journal.begin(OF_JOB).is_recorded
    if (
        make is not misindexed and bad[8192:8193] != b"\xff"
    ):  # which only a look at the whole file is sure to meet
        live(open_journal())
    assert path.read_bytes() == bad
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    assert said in warnings()[0]
    path.unlink()
    assert reader.whole(reader.doubtful) == []


@pytest.mark.parametrize("name", [".", "file/journal.sqlite3"])
def test_a_path_that_can_be_no_file(name: str, tmp_path: Path, warnings: Warnings) -> None:
    """A path that can't be a journal costs one warning."""
    (tmp_path / "file").write_text("mine")
    with closing(Journal.open(tmp_path / name, {})) as journal:
        live(journal)
    assert len(warnings()) == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_another_process_follows_to_the_new_file(journal: Journal, open_journal: Open, path: Path) -> None:
    """A process notices that the file it has open was renamed or removed, and writes to the new one."""
    journal.begin(NEW)
    path.rename(path.with_name("moved"))
    second = open_journal().begin(NEW).entry_id
    assert journal.entry(second) is not None
    path.unlink()
    third = journal.begin(NEW).entry_id
    assert [entry.entry_id for entry in open_journal().entries()] == [third]


def test_a_value_that_no_journal_can_hold(journal: Journal, path: Path, warnings: Warnings) -> None:
    """It is refused, on the disk and in memory: it is no fault of the file, which stays in use."""
    value: Any = ("a",)
    reads = journal.find, journal.entry, journal.job_keys, journal.was_pruned, journal.tasks_beginning
    calls = *(partial(read, value) for read in reads), partial(journal.begin, NEW._replace(target=value))
    for hold in (nullcontext(), locked(path)):
        with hold:
            is_on_disk = journal.begin(NEW).is_recorded
            for call in calls:
                with pytest.raises(TypeError, match="got tuple"):
                    call()
    assert (is_on_disk, len(warnings())) == (False, 1)


def test_an_interrupt_leaves_no_transaction_open(
    journal: Journal, open_journal: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a write undoes that write and blocks nobody."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    entry_id = journal.begin(NEW).entry_id
    with monkeypatch.context() as patched:
        patched.setattr("kling_elements.journal.tables._row", interrupted)  # amid a transaction
        with pytest.raises(KeyboardInterrupt):
            journal.created(entry_id, Task("t1", "CREATED"))
    found = open_journal().created(entry_id, Task("t2", "CREATED"))
    assert (found.state, found.task_id) == (State.CREATED, "t2")


USES: dict[str, Callable[[Journal], object]] = {
    "it reads": Journal.unfinished,
    "it creates": lambda journal: journal.begin(NEW),
    "it names the key": lambda journal: journal.fingerprint("key"),
    "it checks": Journal.check,
    "it closes": Journal.close,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("place", [None, "off"], ids=["file", "memory"])
def test_a_signal_handler_may_use_it_at_any_moment(
    use: Callable[[Journal], object], place: str | None, tmp_path: Path, warnings: Warnings
) -> None:
    """What it cuts into is on the disk all the same, and so is its own in the end."""
    step = 0
    for step in count(1, 1 if place else 7):
        path = tmp_path / f"{step}.sqlite3"
        results: list[object] = []
        journal = Journal.open(place or path, {})

        def work(journal: Journal = journal, results: list[object] = results) -> None:
            begun = journal.begin(OF_JOB)
            assert (begun.is_recorded, journal.problem) == (place is None, None)
            results.append(begun)

        def handler(journal: Journal = journal, results: list[object] = results) -> None:
            results.append(use(journal))

        if not cut_into(work, handler, step, "kling_elements.journal"):
            break
        begun = {each.entry_id for each in results if isinstance(each, Begun)}
        journal.close()
        with closing(journal if place else Journal.open(path, {})) as again:
            assert {entry.entry_id for entry in again.entries()} == begun
            assert again.job("b", "1")
    assert step > 10
    assert warnings() == []


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize(
    ("before", "after", "is_ours"),
    [(0o644, 0o600, True), (0o601, 0o600, True), (0o700, 0o700, True), (0o666, 0o666, False)],
)
def test_only_what_others_may_is_taken_away(
    path: Path, before: int, after: int, monkeypatch: pytest.MonkeyPatch, *, is_ours: bool
) -> None:
    """A file that others may read is closed to them; one that is another user's is used as it is."""
    with closing(Database(path)) as store, store.writing():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(before)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if not is_ours:
        monkeypatch.setattr(Path, "chmod", refuse)
    with closing(Database(path)) as store, store.writing():
        pass
    assert stat.S_IMODE(path.stat().st_mode) == after
