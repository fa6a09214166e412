"""What becomes of an entry by what is told of it: pure, on a book in memory."""

from __future__ import annotations

import hashlib
import os
import platform
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from kling_elements.journal import Entry, Job, NewEntry, State, request_digest
from kling_elements.journal import queries as book_of
from kling_elements.journal.entry import Lease, merge, reconcile, task_news
from kling_elements.journal.leases import Now, own_lease, seconds_left, this_host
from kling_elements.journal.schema import MIGRATIONS, migrate
from kling_elements.journal.tables import EntryTable
from kling_elements.task import Task
from kling_elements.types import Request

ENTRY = Entry("e", 1.0, 2.0)
CREATED = evolve(ENTRY, state=State.CREATED, task_id="t", status="IN_PROGRESS")
NEW = NewEntry("m", "https://a.example", "f", "d", Job("b", "j"), "/out.mp4")
ELSEWHERE = Lease("other", "another machine", 1, 100.0)
OURS = Lease("us", "another machine", 1, 100.0)


def at(moment: float) -> Now:
    """By both clocks."""
    return Now(moment, moment)


@pytest.fixture
def book() -> EntryTable:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    migrate(connection, MIGRATIONS)
    return EntryTable(connection)


ORDER = [State.PENDING, State.UNKNOWN, State.REFUSED, State.ABANDONED, State.CREATED]


@pytest.mark.parametrize("old", ORDER)
@pytest.mark.parametrize("new", ORDER)
def test_a_state_is_not_unlearnt(old: State, new: State) -> None:
    """News of a lower state change nothing; of abandoned and created the later one stays."""
    last = {State.ABANDONED, State.CREATED}
    gives_way = ORDER.index(new) >= ORDER.index(old) or {old, new} <= last
    assert merge(evolve(ENTRY, state=old), {"state": new}).state is (new if gives_way else old)


@pytest.mark.parametrize(
    ("old", "news", "after"),
    [
        ({"task_id": "t"}, {"task_id": "u"}, {"task_id": "t"}),
        ({}, {"task_id": "u"}, {"task_id": "u"}),
        ({"task_id": "t"}, {"task_id": None}, {"task_id": "t"}),
        ({"status": "CREATED"}, {"status": "IN_PROGRESS"}, {"status": "IN_PROGRESS"}),
        ({"status": "COMPLETED"}, {"status": "IN_PROGRESS"}, {"status": "COMPLETED"}),
        ({"status": "FAILED"}, {"status": "COMPLETED"}, {"status": "FAILED"}),
        ({"status": "CREATED"}, {"status": None}, {"status": "CREATED"}),
        ({"status": "CREATED"}, {"status": "UNKNOWN"}, {"status": "CREATED"}),
        ({"note": "why"}, {"note": None}, {"note": "why"}),
        ({"note": "why"}, {"note": "because"}, {"note": "because"}),
        ({"urls": ("u",)}, {"urls": ()}, {"urls": ("u",)}),
        ({"urls": ("u",), "expires_at": 9.0}, {"file": "/f"}, {"urls": (), "expires_at": None, "file": "/f"}),
        ({"file": "/f"}, {"urls": ("u",), "expires_at": 9.0}, {"urls": (), "expires_at": None, "file": "/f"}),
        ({"lease": OURS}, {"lease": ELSEWHERE}, {"lease": OURS}),
        ({}, {"entry_id": "x", "created_at": 7.0, "updated_at": 7.0}, {}),
    ],
)
def test_what_is_known_stays(old: dict[str, Any], news: dict[str, Any], after: dict[str, Any]) -> None:
    """The task's id, a last status and a file stay; empty values are no news; other news replace."""
    assert merge(evolve(ENTRY, **old), news) == evolve(ENTRY, **{**old, **after})


def test_two_versions_of_an_entry() -> None:
    """What was stored meanwhile is kept beside ours; the later time and our lease count."""
    assert reconcile(None, CREATED) == CREATED
    stored = evolve(ENTRY, updated_at=5.0, created_at=0.5, lease=ELSEWHERE, target="/out.mp4", request_id="r")
    merged = evolve(stored, state=State.CREATED, task_id="t", status="IN_PROGRESS")
    assert reconcile(stored, CREATED) == merged
    assert reconcile(stored, evolve(CREATED, updated_at=9.0, lease=OURS)) == evolve(
        merged, updated_at=9.0, lease=OURS
    )


@pytest.mark.parametrize(
    ("changes", "is_doubtful", "is_finished"),
    [
        ({"state": State.PENDING}, True, False),
        ({"state": State.UNKNOWN, "file": "/f"}, True, False),
        ({"state": State.REFUSED}, False, True),
        ({"state": State.ABANDONED}, False, True),
        ({"status": "IN_PROGRESS"}, False, False),
        ({"status": None}, False, False),
        ({"status": "FAILED"}, False, True),
        ({"status": "COMPLETED"}, False, True),
        ({"status": "COMPLETED", "target": "/out.mp4"}, False, False),
        ({"status": "COMPLETED", "target": "/out.mp4", "file": "/out.mp4"}, False, True),
        ({"status": "IN_PROGRESS", "file": "/f"}, False, True),
    ],
)
def test_what_is_left_to_do(changes: dict[str, Any], is_doubtful: bool, is_finished: bool) -> None:  # noqa: FBT001 - a case of the table
    """A task is finished when it failed, or its video is where it was to go; doubt is for a person."""
    entry = evolve(CREATED, **changes)
    assert (entry.is_doubtful, entry.is_finished) == (is_doubtful, is_finished)


def test_what_a_task_tells() -> None:
    """A task's id, status, addresses, their end and the request's id are news."""
    url = "https://cdn.example/a.mp4?exp=1900000000"
    assert task_news(Task("t", "COMPLETED", (url,), request_id="r")) == {
        "task_id": "t",
        "status": "COMPLETED",
        "urls": (url,),
        "expires_at": datetime.fromtimestamp(1900000000, UTC).timestamp(),
        "request_id": "r",
    }
    assert task_news(Task("t", "CREATED"))["expires_at"] is None


def test_a_digest_is_of_what_is_sent() -> None:
    """Method, path and body are in it, each by itself."""
    asked = Request("POST", "/v1/x", content=b"{}")
    assert request_digest(asked) == hashlib.sha256(b"POST /v1/x\n{}").hexdigest()
    assert request_digest(evolve(asked, content=None)) == hashlib.sha256(b"POST /v1/x\n").hexdigest()


def test_a_begun_create(book: EntryTable) -> None:
    """All that is known before a create is noted, with a lease that its outcome ends."""
    begun = book_of.begin(book, NEW, "e", 5.0, OURS)
    assert (begun.entry_id, begun.earlier, begun.is_recorded) == ("e", None, True)
    noted = Entry(
        "e",
        5.0,
        5.0,
        "m",
        "https://a.example",
        "f",
        "d",
        Job("b", "j"),
        "/out.mp4",
        lease=OURS,
    )
    assert book.get("e") == noted
    settled = book_of.settle(book, "e", {"state": State.REFUSED, "note": "no"}, 7.0)
    assert settled == evolve(noted, updated_at=7.0, state=State.REFUSED, note="no", lease=None)
    assert book.get("e") == settled
    assert book_of.settle(book, "lost", {"task_id": "t"}, 8.0) == Entry("lost", 8.0, 8.0, task_id="t")


@pytest.mark.parametrize("state", ORDER)
def test_a_job_that_stands(book: EntryTable, state: State) -> None:
    """A job that has a task, or may have, is not begun again; one that was refused or given up is."""
    book.put(evolve(ENTRY, job=NEW.job, state=state))
    begun = book_of.begin(book, NEW, "again", 5.0, OURS)
    stands = state in {State.PENDING, State.UNKNOWN, State.CREATED}
    assert (begun.entry_id, begun.earlier is not None) == (("e", True) if stands else ("again", False))
    assert (book.get("again") is None) == stands
    assert book_of.begin(book, evolve(NEW, job=Job("b", "other")), "third", 5.0, OURS).earlier is None


def test_which_entry_stands_for_a_job(book: EntryTable) -> None:
    """One with a task before one that may have, before any other."""
    job = Job("b", "j")
    states = [State.REFUSED, State.UNKNOWN, State.CREATED, State.ABANDONED]
    for number, state in enumerate(states):
        book.put(Entry(str(number), float(number), job=job, state=state))
        found = book_of.job_entry(book, job)
        assert found is not None
        assert found.state is [State.REFUSED, State.UNKNOWN, State.CREATED, State.CREATED][number]
    assert book_of.job_entry(book, Job("b", "other")) is None


def test_news_of_a_task(book: EntryTable) -> None:
    """News go to the task's newest entry at that origin; what is no news does not change the time."""
    for number in (1, 2):
        book.put(evolve(CREATED, entry_id=str(number), created_at=float(number), origin="https://a.example"))
    changed = book_of.amend(book, "t", "https://a.example", {"status": "FAILED"}, 9.0)
    assert changed is not None
    assert (changed.entry_id, changed.status, changed.updated_at) == ("2", "FAILED", 9.0)
    assert book.get("2") == changed
    assert book_of.amend(book, "t", None, {"status": "FAILED"}, 10.0) == changed
    assert book_of.amend(book, "t", "https://b.example", {"status": "FAILED"}, 9.0) is None
    assert book_of.known_tasks(book, ["t", "u"], "https://a.example") == {"t"}
    assert book_of.known_tasks(book, ["t"], "https://b.example") == set()


def test_a_task_is_adopted(book: EntryTable) -> None:
    """It goes to the task's own entry, else to the doubtful one that is named, else to a new one."""
    book.put(evolve(ENTRY, entry_id="doubt", state=State.UNKNOWN, lease=ELSEWHERE, note="why"))
    task = Task("t", "CREATED", request_id="r")
    adopted = book_of.adopt(book, task, NEW, "doubt", 9.0)
    assert adopted == Entry(
        "doubt",
        1.0,
        9.0,
        job=NEW.job,
        target="/out.mp4",
        state=State.CREATED,
        task_id="t",
        status="CREATED",
        request_id="r",
        note="why",
    )
    new = book_of.adopt(book, Task("u", "COMPLETED"), NEW, "new", 10.0)
    assert (new.entry_id, new.created_at, new.origin, new.model) == ("new", 10.0, NEW.origin, "m")
    assert (new.fingerprint, new.digest, new.task_id) == ("f", "d", "u")
    again = book_of.adopt(book, Task("u", "COMPLETED"), NEW, "third", 11.0)
    assert (again.entry_id, book.get("new"), book.get("third")) == ("new", again, None)


def test_an_entry_is_given_up(book: EntryTable) -> None:
    """It counts as finished, for a reason that replaces an older one if there is one; the lease ends."""
    book.put(evolve(ENTRY, state=State.UNKNOWN, lease=ELSEWHERE, note="lost"))
    assert book_of.abandon(book, "e", "", 9.0)
    assert book.get("e") == evolve(ENTRY, state=State.ABANDONED, note="lost", updated_at=9.0)
    assert book_of.abandon(book, "e", "enough", 10.0)
    assert book.get("e") == evolve(ENTRY, state=State.ABANDONED, note="enough", updated_at=10.0)
    assert not book_of.abandon(book, "nobody's", "", 9.0)
    assert book.get("nobody's") is None


def test_who_works_on_an_entry(book: EntryTable) -> None:
    """A lease keeps others away while it lasts, not its owner; only its owner ends it."""
    book.put(CREATED)
    assert book_of.claim(book, "e", ELSEWHERE, at(9.0))
    assert not book_of.claim(book, "e", OURS, at(99.0))
    assert book_of.claim(book, "e", evolve(ELSEWHERE, until=200.0), at(99.0))
    book_of.release(book, "e", "us")
    assert not book_of.claim(book, "e", OURS, at(199.0))
    assert book_of.claim(book, "e", OURS, at(200.0))
    book_of.release(book, "e", "us")
    assert book.get("e") == CREATED
    assert not book_of.claim(book, "nobody's", OURS, at(9.0))
    book_of.release(book, "nobody's", "us")


def test_whose_entries(book: EntryTable) -> None:
    """Lists are of an origin and a key, or of all; what is under way right now is not in doubt."""
    mine = evolve(CREATED, origin="o", fingerprint="f")
    book.put(mine)
    book.put(evolve(mine, entry_id="other", fingerprint="g", task_id="u"))
    book.put(evolve(ENTRY, entry_id="doubt", origin="o", fingerprint="f"))
    book.put(evolve(ENTRY, entry_id="now", origin="o", fingerprint="f", lease=ELSEWHERE))
    assert [entry.entry_id for entry in book_of.unfinished(book, "o", "f")] == ["e"]
    assert [entry.entry_id for entry in book_of.unfinished(book, None, None)] == ["e", "other"]
    assert [entry.entry_id for entry in book_of.unfinished(book, "x", None)] == []
    assert [entry.entry_id for entry in book_of.doubtful(book, "o", "f", at(9.0))] == ["doubt"]
    assert [entry.entry_id for entry in book_of.doubtful(book, None, None, at(100.0))] == ["doubt", "now"]
    assert [entry.entry_id for entry in book_of.doubtful(book, "o", "g", at(100.0))] == []
    assert [entry.entry_id for entry in book_of.doubtful(book, "x", "f", at(100.0))] == []
    assert [entry.entry_id for entry in book_of.doubtful(book, "o", None, at(100.0))] == ["doubt", "now"]
    assert [entry.entry_id for entry in book_of.doubtful(book, None, "f", at(100.0))] == ["doubt", "now"]


def test_this_machine_has_a_name() -> None:
    """Another machine's processes can't be looked at, nor another container's: the name tells them apart."""
    space = Path("/proc/self/ns/pid")
    this_host.cache_clear()
    assert this_host() == f"{platform.node()} {space.readlink() if space.is_symlink() else ''}".strip()
    assert this_host() != ELSEWHERE.host


def test_a_lease_of_this_process() -> None:
    """It is of this machine's process, which lives; it ends at its moment."""
    lease = own_lease("o", 100.0, at(0.0))
    assert (lease.owner, lease.pid, lease.until) == ("o", os.getpid(), 100.0)
    assert [seconds_left(lease, at(now)) > 0 for now in (0.0, 99.9, 100.0)] == [True, True, False]
    assert seconds_left(None, at(0.0)) == 0


@pytest.mark.parametrize("process", ["", " process unreadable", " process x 9.0"])
def test_a_lease_of_another_process_with_this_number(process: str) -> None:
    """A lease of an older version goes by its time; one of a process that has ended is over."""
    lease = Lease("o", this_host() + process, os.getpid(), 9.0)
    is_over = process.endswith("9.0") and Path("/proc/self/stat").exists()
    assert seconds_left(lease, at(8.0)) == (0.0 if is_over else 1.0)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere no process is asked")
def test_which_processes_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a process is asked whether it lives, never a whole group; else the lease's time alone ends it."""
    asked: list[int] = []

    def kill(pid: int, number: int) -> None:
        asked.append(pid)
        assert number == 0
        if pid > 2**31:
            raise OverflowError
        if pid > 1:
            raise ProcessLookupError

    monkeypatch.setattr(os, "kill", kill)
    pids = (-(2**22), -1, 0, 1, 2, 2**70)
    lives = {pid: seconds_left(Lease("o", this_host(), pid, 9.0), at(8.0)) > 0 for pid in pids}
    assert [pid for pid, is_so in lives.items() if not is_so] == [2]
    assert asked == [1, 2, 2**70]
