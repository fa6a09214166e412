"""Where entries are kept: a database, memory, and memory over a database. All answer alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from kling_elements.journal import Entry, Job, State
from kling_elements.journal.database import Database
from kling_elements.journal.entry import Lease
from kling_elements.journal.tables import EntryTable, Overlay, Unsaved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kling_elements.journal.tables import Book

FULL = Entry(
    "e1",
    1.5,
    2.5,
    "m",
    "https://a.example",
    "f",
    "d",
    Job("b", "j"),
    "/out.mp4",
    State.CREATED,
    "t",
    "COMPLETED",
    ("https://cdn.example/1.mp4", "https://cdn.example/2.mp4"),
    1900000000.5,
    "/file.mp4",
    "r",
    "n",
    Lease("o", "h", 7, 9.5),
)
BARE = Entry("e2", 1.5, 1.5)
LATER = Entry("e0", 3.0, 3.0, job=Job("b", "other"), state=State.CREATED, task_id="t", status="IN_PROGRESS")
ALL = [FULL, BARE, LATER]


@pytest.fixture(params=["disk", "memory", "both"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    """A book with three entries; "both" has two of them on the disk, one of which was changed in memory."""
    if request.param == "memory":
        memory = Overlay(Unsaved(), None)
        for entry in ALL:
            memory.put(entry)
        yield memory
        return
    store = Database(tmp_path / "journal.sqlite3")
    with store.writing() as connection:
        disk = EntryTable(connection)
        if request.param == "disk":
            for entry in ALL:
                disk.put(entry)
            yield disk
        else:
            disk.put(evolve(FULL, status="IN_PROGRESS", file=None))
            disk.put(BARE)
            both = Overlay(Unsaved(), disk)
            both.put(FULL)
            both.put(LATER)
            yield both
    store.close()


def test_an_entry_comes_back_whole(book: Book) -> None:
    """Every field comes back as it was, with and without a job, a lease and addresses."""
    # An address is not kept longer than it is needed, so it is wiped where two versions meet.
    kept = book.get("e1")
    assert kept in (FULL, evolve(FULL, urls=(), expires_at=None))
    assert [book.get(entry_id) for entry_id in ("e2", "e0", "none")] == [BARE, LATER, None]


def test_entries_are_found(book: Book) -> None:
    """By task, by job, unfinished, and page by page: in the order in which they were begun."""
    assert [entry.entry_id for entry in book.of_task("t")] == ["e1", "e0"]
    assert book.of_task("u") == []
    assert [entry.entry_id for entry in book.of_job(Job("b", "j"))] == ["e1"]
    assert book.of_job(Job("other", "j")) == book.of_job(Job("b", "J")) == []
    assert [entry.entry_id for entry in book.unfinished()] == ["e2", "e0"]
    assert [entry.entry_id for entry in book.page((0.0, ""), 9)] == ["e1", "e2", "e0"]
    assert [entry.entry_id for entry in book.page((0.0, ""), 2)] == ["e1", "e2"]
    assert [entry.entry_id for entry in book.page((1.5, "e1"), 9)] == ["e2", "e0"]
    assert [entry.entry_id for entry in book.page((3.0, "e0"), 9)] == []


def test_what_is_only_on_the_disk_is_found_as_well(tmp_path: Path) -> None:
    """Over entries of earlier processes memory hides none of them: a job that stands there stands."""
    store = Database(tmp_path / "journal.sqlite3")
    unsaved = Unsaved()
    unsaved.put(LATER)
    earlier = evolve(FULL, status="IN_PROGRESS", file=None, request_id=None)
    with store.writing() as connection:
        EntryTable(connection).put(earlier)
        book = Overlay(unsaved, EntryTable(connection))
        assert book.get("e1") == earlier
        assert book.of_job(Job("b", "j")) == [earlier]
        assert book.of_task("t") == book.unfinished() == book.page((0.0, ""), 9) == [earlier, LATER]
        unsaved.put(Entry("e1", 9.0, 9.0, request_id="r"))  # what is known of it here, without where it began
        known = evolve(earlier, updated_at=9.0, request_id="r")
        assert book.get("e1") == known
        assert book.of_job(Job("b", "j")) == [known]
        assert book.of_task("t") == book.unfinished() == book.page((0.0, ""), 9) == [known, LATER]
    store.close()


def test_what_could_not_be_saved_is_saved_later(tmp_path: Path) -> None:
    """It is written over what stands there by then, and stays until it is known to be written."""
    unsaved = Unsaved()
    assert not unsaved
    unsaved.put(evolve(LATER, status="FAILED", updated_at=4.0))
    store = Database(tmp_path / "journal.sqlite3")
    with store.writing() as connection:
        disk = EntryTable(connection)
        disk.put(evolve(LATER, request_id="r", updated_at=5.0))
        unsaved.save(disk)
        assert disk.get("e0") == evolve(LATER, status="FAILED", request_id="r", updated_at=5.0)
        assert unsaved
        unsaved.clear()
        assert not unsaved
    store.close()


def test_memory_is_bounded() -> None:
    """Of too many, a finished one goes first, else the oldest."""
    unsaved = Unsaved()
    unsaved.put(BARE)
    number = 0
    while "e2" in unsaved.entries and number < 100_000:
        number += 1
        unsaved.put(evolve(BARE, entry_id=f"n{number}"))
    most = len(unsaved.entries)
    unsaved.put(evolve(BARE, entry_id="done", state=State.REFUSED))
    assert len(unsaved.entries) == most
    assert "done" not in unsaved.entries
    unsaved.put(evolve(BARE, entry_id=f"n{number}", note="changed"))
    assert len(unsaved.entries) == most
    assert unsaved.entries[f"n{number}"].note == "changed"
