"""What decides whether the journal's disk is used: how often it is tried, by what, and what is told."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import pytest
from attrs import define, field

from contract_tests.client.journal.worker import NEW
from kling_elements.journal import Entry, Journal, State
from kling_elements.journal import fallback as module
from kling_elements.journal.database import Database
from kling_elements.journal.fallback import Fallback
from kling_elements.journal.schema import NotAJournal, prune
from kling_elements.journal.tables import EntryTable, Overlay
from kling_elements.task import Task

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from contract_tests.client.journal.conftest import Clock
    from kling_elements.journal.tables import Book

GARBAGE = b"this is no database" * 100
ENTRY = Entry("e", 1.0, 1.0, state=State.CREATED, task_id="t", origin="https://a.example")


@define
class Watched(Database):
    """A file that tells how it was used, and that can be in trouble.

    Attributes:
        used: How.
        trouble: Raised by each use.
    """

    used: list[str] = field(factory=list)
    trouble: Exception | None = None

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Tell, then do it."""
        self.used.append("write")
        if self.trouble:
            raise self.trouble
        with Database.writing(self) as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self, *, hasty: bool = False) -> Iterator[sqlite3.Connection]:
        """Tell, then do it."""
        self.used.append("read in haste" if hasty else "read")
        if self.trouble:
            raise self.trouble
        with Database.reading(self, hasty=hasty) as connection:
            yield connection


@pytest.fixture
def store(path: Path) -> Iterator[Watched]:
    found = Watched(path, busy_seconds=0.05)
    yield found
    found.close()


@pytest.fixture
def keeper(store: Watched, clock: Clock) -> Fallback:
    return Fallback(store, clock, clock)


def put(book: Book) -> Entry:
    book.put(ENTRY)
    return ENTRY


def get(book: Book) -> Entry | None:
    return book.get("e")


def used(store: Watched) -> list[str]:
    """How the file was used since this was asked last."""
    found = list(store.used)
    store.used.clear()
    return found


def test_a_healthy_disk(keeper: Fallback, store: Watched) -> None:
    """Each operation is one transaction on the disk: a write, or a look where nothing changes."""
    kinds: list[type] = []

    def note(book: Book) -> None:
        kinds.append(type(book))

    assert keeper.problem is None
    assert keeper.read(get) is None
    assert used(store) == []  # there is no file yet
    assert keeper.write(put) == ENTRY
    assert keeper.read(get) == ENTRY
    keeper.write(note)
    keeper.read(note)
    assert (used(store), kinds) == (["write", "read", "write", "read"], [EntryTable, EntryTable])
    assert (keeper.problem, keeper.has_unsaved) == (None, False)


def test_a_disk_in_trouble_is_left_in_peace(keeper: Fallback, store: Watched, clock: Clock) -> None:
    """After a failure it is only read, in haste, for five seconds; then it is tried again."""
    keeper.write(lambda book: book.put(Entry("old")))
    used(store)
    store.trouble = OSError("gone")
    assert keeper.write(put) == ENTRY
    assert (used(store), keeper.problem, keeper.has_unsaved) == (["write", "read in haste"], "gone", True)
    for operation in (put, get):
        clock.now += 2.4
        assert keeper.read(operation) == ENTRY
        assert used(store) == ["read in haste"]
    store.trouble = None
    assert keeper.read(get) == ENTRY
    assert (used(store), keeper.has_unsaved) == (["read in haste"], True)
    clock.now += 0.2
    assert keeper.read(get) == ENTRY  # writes what is left
    assert (used(store), keeper.problem, keeper.has_unsaved) == (["write"], None, False)
    assert keeper.read(get) == ENTRY
    assert used(store) == ["read"]


@pytest.mark.parametrize("file", ["none", "another program's"])
def test_what_is_no_journal_is_not_tried_again(
    keeper: Fallback, store: Watched, clock: Clock, file: str
) -> None:
    """A file that this version can't use is left alone to the end of the process."""
    if file != "none":
        store.path.parent.mkdir()
        store.path.touch()
    store.trouble = NotAJournal("it is another program's database")
    for _ in range(3):
        assert keeper.write(put) == ENTRY
        assert keeper.read(get) == ENTRY
        clock.now += 60
    keeper.close()
    assert (used(store), keeper.problem) == (["write"], "it is another program's database")


def test_a_trouble_without_words(keeper: Fallback, store: Watched) -> None:
    """A trouble that says nothing has its kind told."""
    store.trouble = PermissionError()
    keeper.write(put)
    assert keeper.problem == "PermissionError"


def test_one_warning(
    keeper: Fallback, store: Watched, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the first trouble is a warning, and that the journal can be written again is told."""
    caplog.set_level(logging.INFO, "kling_elements")
    for _ in range(2):
        store.trouble = OSError("gone")
        keeper.write(put)
        store.trouble = None
        clock.now += 5
        keeper.write(put)
    again = f"the journal {store.path} can be written again; nothing is missing from it"
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert told[1:] == [("INFO", again)] * 2
    assert told[0][0] == "WARNING"
    assert told[0][1].startswith(f"the journal {store.path} can't be used: gone. Work goes on, but ")
    assert "KLING_ELEMENTS_JOURNAL" in told[0][1]


def test_nothing_is_closed_that_was_not_opened(keeper: Fallback, store: Watched) -> None:
    """Closing makes no file, and writes nothing where nothing is left."""
    keeper.close()
    assert not store.path.parent.exists()
    keeper.write(put)
    keeper.close()
    assert (used(store), store._connection) == (["write"], None)


@pytest.mark.parametrize("is_mended", [True, False])
def test_what_is_lost_in_the_end(
    keeper: Fallback,
    store: Watched,
    is_mended: bool,  # noqa: FBT001 - a case of the table
    caplog: pytest.LogCaptureFixture,
) -> None:
    """When it is closed, what is left is written at once; only what can't be is told, if it is unfinished."""
    store.trouble = OSError("gone")
    keeper.write(put)
    keeper.write(lambda book: book.put(Entry("asked", origin="https://b.example")))
    keeper.write(lambda book: book.put(Entry("no", state=State.REFUSED)))
    caplog.clear()
    if is_mended:
        store.trouble = None
    keeper.close()
    tasks = "t, (a create at https://b.example, unanswered)"
    lost = (
        f"the journal {store.path} could not be written: these tasks are unfinished and not in it: {tasks}."
    )
    lost = f"{lost} To resume one: kling-elements wait ID"
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == ([] if is_mended else [lost])
    assert keeper.has_unsaved != is_mended


def test_pruned_once_by_the_first_write(
    keeper: Fallback, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process prunes with its first write that is done, not with a look, and not again."""
    pruned: list[float] = []

    def watched(connection: sqlite3.Connection, now: float) -> None:
        pruned.append(now)
        prune(connection, now)

    monkeypatch.setattr(module, "prune", watched)
    assert keeper.store is not None
    with keeper.store.writing():
        pass

    def fail(book: Book) -> None:
        raise ValueError("no entry")

    assert keeper.read(get) is None
    assert pruned == []
    with pytest.raises(ValueError, match="no entry"):  # on the disk, and then in memory
        keeper.write(fail)
    clock.now += 5
    for _ in range(3):
        keeper.write(put)
        keeper.read(get)
        clock.now += 1
    assert pruned == [clock.now - 8, clock.now - 3]


def test_a_look_sets_a_damaged_file_aside_too(
    keeper: Fallback, store: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever finds the file damaged sets it aside; the warning says why, and where it is."""
    store.path.parent.mkdir()
    store.path.write_bytes(GARBAGE)
    assert keeper.read(get) is None
    (aside,) = (path for path in store.path.parent.iterdir() if path != store.path)
    told = (
        f"the journal {store.path} is damaged (file is not a database). It was renamed to {aside}, and a new"
    )
    told = f"{told} one is begun. Nothing at the service is lost: kling-elements list shows its tasks"
    assert [record.getMessage() for record in caplog.records] == [told]
    assert keeper.problem is None


@pytest.mark.parametrize("operation", [put, get], ids=["a write", "a look"])
def test_a_new_file_has_all_that_is_known(
    keeper: Fallback,
    store: Watched,
    clock: Clock,
    open_journal: Callable[[], Journal],
    operation: Callable[[Book], Entry | None],
) -> None:
    """What could not be written to a file that is found damaged is in the new one, and so is what follows."""
    store.trouble = OSError("gone")
    keeper.write(lambda book: book.put(Entry("before", 0.5, 0.5, state=State.CREATED, task_id="b")))
    store.trouble = None
    store.path.parent.mkdir(exist_ok=True)
    store.path.write_bytes(GARBAGE)
    clock.now += 5
    keeper.write(put) if operation is put else keeper.read(get)
    assert not keeper.has_unsaved
    expected = ["b", "t"] if operation is put else ["b"]
    assert [entry.task_id for entry in open_journal().entries()] == expected


CALLS: dict[str, Callable[[Journal], object]] = {
    "begin": lambda journal: journal.begin(NEW),
    "created": lambda journal: journal.created("other", Task("u", "CREATED")),
    "seen": lambda journal: journal.seen(Task("u", "CREATED")),
    "find": lambda journal: journal.find("u"),
    "entries": lambda journal: list(journal.entries()),
    "fingerprint": lambda journal: journal.fingerprint("key"),
    "a quota": lambda journal: journal.quota_exhausted(NEW, 1_900_000_000.0),
    "close": lambda journal: journal.close(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_is_left_is_written_with_any_later_call(
    store: Watched, clock: Clock, open_journal: Callable[[], Journal], call: Callable[[Journal], object]
) -> None:
    """Whatever the journal is asked for next writes what could not be written before."""
    journal = Journal(store, clock, clock)
    store.trouble = OSError("gone")
    begun = journal.begin(NEW)
    assert begun.is_recorded is False
    journal.created(begun.entry_id, Task("t", "CREATED"))
    store.trouble = None
    clock.now += 5
    call(journal)
    found = open_journal().find("t")
    assert found
    assert found.entry_id == begun.entry_id


def test_without_a_file_all_is_in_memory(clock: Clock) -> None:
    """A journal that is off never looks at a disk, and is in no trouble."""
    keeper = Fallback(None, clock, clock)
    assert keeper.write(put) == keeper.read(get) == ENTRY
    assert keeper.read(type) is Overlay
    keeper.close()
    assert (keeper.store, keeper.problem, keeper.has_unsaved) == (None, None, True)
