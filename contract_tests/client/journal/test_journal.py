"""The journal as its callers see it, on a healthy disk."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest
from attrs import evolve

from contract_tests.client.journal.conftest import Clock
from contract_tests.support.locks import locked
from kling_elements.journal import (
    Job,
    Journal,
    NewEntry,
    journal_path,
    key_fingerprint,
    schema,
)
from kling_elements.journal import queries as operations
from kling_elements.journal.database import Database
from kling_elements.journal.leases import Now, own_lease, this_host
from kling_elements.journal.schema import MIGRATIONS
from kling_elements.journal.tables import EntryTable
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.journal import NewEntry

SIGNED = "https://cdn.example.com/kling_t1.mp4?token=exp=1800003600~hmac=5ec2e7"
DAY = 86_400.0


def completed(task_id: str) -> Task:
    return Task(task_id, "COMPLETED", (SIGNED,), request_id="r-9")


def test_the_life_of_a_task(journal: Journal, open_journal: Callable[[], Journal], new: NewEntry) -> None:
    """A task is unfinished from its creation until its video is at its target."""
    entry_id = journal.begin(new).entry_id
    journal.created(entry_id, Task("t1", "CREATED"))
    journal.set_target("t1", "out/../video.mp4")
    assert [entry.task_id for entry in journal.unfinished(new.origin, new.fingerprint)] == ["t1"]
    journal.seen(completed("t1"))
    entry = open_journal().find("t1")
    assert entry is not None
    assert (entry.status, entry.urls, entry.expires_at) == ("COMPLETED", (SIGNED,), 1_800_003_600.0)
    assert entry.target == str(os.path.abspath("video.mp4"))  # noqa: PTH100 - what the journal promises
    assert not entry.is_finished
    journal.downloaded("t1", "video.mp4")
    assert journal.unfinished() == []


def test_unanswered_creates_are_doubtful_and_refused_ones_are_not(
    journal: Journal, new: NewEntry, clock: Clock
) -> None:
    """Only what may have made a task is doubtful."""
    unknown, refused = journal.begin(new).entry_id, journal.begin(new).entry_id
    journal.unknown(unknown, "no answer", "r-1")
    journal.refused(refused, "HTTP 402")
    assert [(entry.entry_id, entry.note, entry.request_id) for entry in journal.doubtful()] == [
        (unknown, "no answer", "r-1")
    ]
    for origin, fingerprint in ((new.origin, new.fingerprint), (new.origin, None), (None, new.fingerprint)):
        assert [entry.entry_id for entry in journal.doubtful(origin, fingerprint)] == [unknown]
    assert journal.doubtful("https://elsewhere.example", new.fingerprint) == []
    assert journal.doubtful(new.origin, "another key's") == []
    assert journal.abandon(unknown, "looked at the list: no task")
    assert journal.doubtful() == []
    clock.now += 7
    assert journal.abandon(unknown)
    given_up = journal.entry(unknown)
    assert given_up
    assert (given_up.note, given_up.updated_at) == ("looked at the list: no task", clock())


def test_a_task_nobody_recorded_can_be_adopted(journal: Journal, new: NewEntry) -> None:
    """Adopting fills the doubtful entry it is found to belong to, or makes one.

    Seeing alone records nothing.
    """
    assert journal.seen(Task("t1", "CREATED")) is None
    assert journal.knows(["t1", "t2"]) == set()
    doubtful = journal.begin(new).entry_id
    journal.unknown(doubtful, "no answer")
    assert journal.adopt(Task("t1", "CREATED"), new, doubtful).entry_id == doubtful
    other = journal.adopt(Task("t2", "CREATED"), new)
    assert journal.adopt(Task("t2", "IN_PROGRESS"), new).entry_id == other.entry_id
    assert journal.knows(["t1", "t2", "t3"]) == {"t1", "t2"}
    assert journal.doubtful() == []


def test_a_lease_keeps_others_away_until_it_ends(
    journal: Journal, open_journal: Callable[[], Journal], new: NewEntry, clock: Clock
) -> None:
    """Of two that claim an entry one gets it, until it lets go or its time is over."""
    entry_id = journal.created(journal.begin(new).entry_id, Task("t1", "CREATED")).entry_id
    other = open_journal()
    assert journal.claim(entry_id, "a", 60)
    assert not other.claim(entry_id, "b", 60)
    assert journal.claim(entry_id, "a", 60)
    other.release(entry_id, "b")
    assert not other.claim(entry_id, "b", 60)
    journal.release(entry_id, "a")
    assert other.claim(entry_id, "b", 60)
    clock.now += 60
    assert journal.claim(entry_id, "a", 60)
    assert not journal.claim("no such entry", "a", 60)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_dead_process_holds_nothing(
    journal: Journal, path: Path, open_journal: Callable[[], Journal], new: NewEntry
) -> None:
    """The lease of a process that has died is over at once; of another machine's process nobody can tell."""
    entry_id = journal.created(journal.begin(new).entry_id, Task("t1", "CREATED")).entry_id
    assert journal.claim(entry_id, "dead", 600)
    child = os.fork() if hasattr(os, "fork") else pytest.skip("there is no fork here")
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE entries SET owner_pid = ?, owner_host = 'elsewhere'", (child,))
    connection.commit()
    assert not open_journal().claim(entry_id, "b", 60)
    connection.execute("UPDATE entries SET owner_pid = ?, owner_host = ?", (child, this_host()))
    connection.commit()
    connection.close()
    assert open_journal().claim(entry_id, "b", 60)


def test_old_entries_are_pruned_but_not_by_the_clock_alone(
    open_journal: Callable[[], Journal], new: NewEntry, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that is ahead removes no job and nothing unfinished of the newest entries; a URL expires."""
    job = evolve(new, job=Job("b", "1"))
    first = open_journal()
    for number, each in enumerate((new, job)):
        first.created(first.begin(each).entry_id, completed(f"done-{number}"))
    first.created(first.begin(new).entry_id, Task("running", "IN_PROGRESS"))
    clock.now += 4000
    open_journal().begin(new)
    found = first.find("done-0")
    assert found is not None
    assert (found.urls, found.expires_at) == ((), 1_800_003_600.0)
    clock.now += 91 * DAY
    open_journal().begin(new)
    assert first.knows(["done-0", "done-1", "running"]) == {"done-1", "running"}
    assert not first.was_pruned("b")
    monkeypatch.setattr(schema, "KEPT", 0)
    clock.now += 91 * DAY
    last = open_journal()
    last.begin(job)
    last.created(last.begin(new).entry_id, completed("new"))
    clock.now += 91 * DAY
    open_journal().begin(job)
    assert first.knows(["done-1", "running"]) == set()
    assert (first.was_pruned("b"), first.was_pruned("c")) == (True, False)


@pytest.mark.parametrize("jump", [-400 * DAY, 400 * DAY])
def test_a_clock_that_jumps_ends_no_lease(path: Path, new: NewEntry, jump: float) -> None:
    """What a living process works on is its own, whatever the clock says; a quota blocks no day too long."""
    times = Clock(), Clock(5.0)
    journal = Journal(Database(path), *times)
    entry_id = journal.adopt(Task("t1", "CREATED"), new).entry_id
    assert journal.claim(entry_id, "a", 60)
    doubtful = journal.begin(new).entry_id
    journal.quota_exhausted(new, times[0]() + 3600)
    times[0].now += jump
    assert not journal.claim(entry_id, "b", 60)
    assert journal.doubtful() == []
    assert journal.quota_wait(new) is None
    times[1].now += 601
    if Path("/proc/self/stat").exists():
        assert journal.claim(entry_id, "b", 60)
        assert [entry.entry_id for entry in journal.doubtful()] == [doubtful]
    journal.close()


def test_a_claim_that_holds_is_not_written_again(
    journal: Journal, path: Path, new: NewEntry, clock: Clock
) -> None:
    """Nothing goes to the disk at a poll that shows no news, until half of the claim is spent."""
    entry_id = journal.adopt(Task("t1", "CREATED"), new).entry_id
    written = []
    for seconds in (0, 20, 20):
        clock.now += seconds
        before = path.read_bytes()
        assert journal.claim(entry_id, "a", 60)
        journal.seen(Task("t1", "CREATED"))
        written.append(path.read_bytes() != before)
    assert written == [True, False, True]


def test_a_downloaded_videos_address_is_wiped(journal: Journal, path: Path, new: NewEntry) -> None:
    """The signature of an address is nowhere in the file once the video is here."""
    journal.created(journal.begin(evolve(new, target="/v.mp4")).entry_id, completed("t1"))
    assert b"5ec2e7" in path.read_bytes()
    journal.downloaded("t1", "/v.mp4")
    assert b"5ec2e7" not in path.read_bytes()
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_a_fingerprint_is_stable_in_one_journal_and_of_no_use_in_another(
    open_journal: Callable[[], Journal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes agree on a key's fingerprint; another journal has another."""
    one = open_journal().fingerprint("key")
    assert one == open_journal().fingerprint("key")
    assert one != open_journal().fingerprint("kez")
    other = Journal.open(tmp_path / "other.sqlite3", {})
    assert one != other.fingerprint("key")
    other.close()
    monkeypatch.setattr("kling_elements.journal.fingerprint._ROUNDS", 100_000)  # as journals have it
    assert key_fingerprint(lambda: "key", b"salt") == "d298e941bf07b6ef"


def test_all_entries_come_in_order_and_page_by_page(
    journal: Journal, new: NewEntry, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More entries than fit a page are all given once, the oldest first, also while others are written."""
    ids = []
    monkeypatch.setattr("kling_elements.journal.journal._PAGE", 10)
    for number in range(35):
        clock.now += number % 2  # some at the same instant
        ids.append(journal.adopt(Task(f"t{number}", "FAILED"), new).entry_id)
    entries = journal.entries()
    seen = [next(entries)]
    journal.seen(Task("t1", "FAILED"))
    seen += entries
    assert sorted(entry.entry_id for entry in seen) == sorted(ids)
    assert [entry.created_at for entry in seen] == sorted(entry.created_at for entry in seen)


def test_text_that_is_no_unicode_is_kept(
    journal: Journal, open_journal: Callable[[], Journal], new: NewEntry
) -> None:
    """A file name of odd bytes, or an id with half of a surrogate pair, is no trouble."""
    odd = os.fsdecode(b"/videos/\xff\xfe.mp4")
    entry_id = journal.begin(evolve(new, job=Job("b", odd))).entry_id
    journal.created(entry_id, Task("t\ud800", "CREATED"))
    journal.set_target("t\ud800", odd)
    found = open_journal().job("b", odd)
    assert found is not None
    assert (found.target, found.task_id, journal.problem) == (odd, "t\ud800", None)
    assert journal.knows(["t\ud800"]) == {"t\ud800"}


def test_threads_share_one_journal(
    journal: Journal, open_journal: Callable[[], Journal], new: NewEntry
) -> None:
    """Many threads write to one journal, and nothing of it is lost, nor left in memory."""

    def work(number: int) -> None:
        journal.created(journal.begin(new).entry_id, Task(f"t{number}", "CREATED"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert open_journal().knows(f"t{n}" for n in range(40)) == {f"t{n}" for n in range(40)}
    assert journal.problem is None


@pytest.mark.parametrize("word", ["off", "0", "none", " OFF "])
def test_a_journal_can_be_off(word: str, new: NewEntry) -> None:
    """Switched off, a journal works for this process and leaves no file."""
    journal = Journal.open(None, {"KLING_ELEMENTS_JOURNAL": word})
    assert journal.path is None
    entry_id = journal.begin(evolve(new, job=Job("b", "1"))).entry_id
    journal.created(entry_id, Task("t1", "CREATED"))
    assert journal.begin(evolve(new, job=Job("b", "1"))).earlier is not None
    assert [entry.task_id for entry in journal.unfinished()] == ["t1"]
    assert [entry.entry_id for entry in journal.entries()] == [entry_id]
    assert Journal.open(False).path is None


def test_a_journal_in_memory_is_bounded(new: NewEntry) -> None:
    """A batch without a journal's file runs in constant memory, and forgets what is finished first."""
    journal = Journal(None)
    kept = journal.begin(new).entry_id
    for number in range(2100):
        journal.adopt(Task(f"t{number}", "FAILED"), new)
    assert len(list(journal.entries())) == 2000
    assert journal.entry(kept) is not None


def test_where_the_journal_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument wins over the environment, and that over the state directory."""
    environ = {"KLING_ELEMENTS_JOURNAL": str(tmp_path / "e.sqlite3")}
    assert journal_path(None, environ) == tmp_path / "e.sqlite3"
    assert journal_path(tmp_path / "a.sqlite3", environ) == tmp_path / "a.sqlite3"
    assert journal_path("off", environ) is None
    monkeypatch.setenv("KLING_ELEMENTS_JOURNAL", environ["KLING_ELEMENTS_JOURNAL"])
    assert Journal.open().path == tmp_path / "e.sqlite3"
    assert Journal.open(None, {"KLING_ELEMENTS_JOURNAL": "off"}).path is None
    default = platformdirs.user_state_path("kling-elements", appauthor=False) / "journal.sqlite3"
    assert journal_path(None, {}) == journal_path(None, {"KLING_ELEMENTS_JOURNAL": " "}) == default
    assert default.parts[-2:] == ("kling-elements", "journal.sqlite3")
    home = journal_path("~/j.sqlite3", {})
    assert home is not None
    assert home.is_absolute()
    assert "~" not in str(home)
    assert journal_path("~no such user/j.sqlite3", {}) is None
    assert journal_path(os.devnull, {}) is None


def test_a_quota_is_remembered_until_it_is_renewed(
    journal: Journal, open_journal: Callable[[], Journal], new: NewEntry, clock: Clock
) -> None:
    """Each process knows that a quota is used up, of its own key and origin, until the noted time."""
    assert journal.quota_wait(new) is None
    journal.quota_exhausted(new, clock() + 3600)
    clock.now += 600
    later = open_journal()
    assert later.quota_wait(new) == 3000
    assert later.quota_wait(evolve(new, fingerprint="another")) is None
    assert later.quota_wait(evolve(new, origin="https://other.example")) is None
    clock.now += 3000
    assert later.quota_wait(new) is None


def test_a_journal_of_the_first_version_learns_of_quotas(path: Path, new: NewEntry, clock: Clock) -> None:
    """A journal from before quotas were noted is migrated when one is asked for."""
    first = Database(path, migrations=MIGRATIONS[:1])
    with first.writing() as connection:
        begun = operations.begin(
            EntryTable(connection), new, "e1", clock(), own_lease("e1", 600.0, Now(clock(), clock()))
        )
    first.close()
    journal = Journal(Database(path), clock)
    assert journal.quota_wait(new) is None
    journal.quota_exhausted(new, clock() + 10)
    assert journal.quota_wait(new) == 10
    assert journal.entry(begun.entry_id) is not None


def test_no_news_of_a_quota_cost_nothing(journal: Journal, path: Path, new: NewEntry, clock: Clock) -> None:
    """A look, and what is known already, wait for nobody's write and write nothing."""
    for until in (None, clock() + 10):
        journal.begin(new)
        journal.quota_exhausted(new, until)
        before = path.read_bytes()
        with locked(path, "BEGIN IMMEDIATE"):
            journal.quota_exhausted(new, until)
            assert journal.quota_wait(new) == (None if until is None else 10)
        assert (journal.problem, path.read_bytes()) == (None, before)


def test_a_quota_that_could_not_be_noted_is_noted_later(
    journal: Journal, open_journal: Callable[[], Journal], path: Path, new: NewEntry, clock: Clock
) -> None:
    """The next create that tells of it writes it down; from then on what others learn counts."""
    journal.begin(new)
    for until in (clock() + 3600, None):
        with locked(path):
            journal.quota_exhausted(new, until)
        clock.now += 5
        journal.quota_exhausted(new, until)
        assert open_journal().quota_wait(new) == (None if until is None else 3595)
    open_journal().quota_exhausted(new, clock() + 60)
    assert journal.quota_wait(new) == 60


def test_the_same_id_at_two_origins_is_two_tasks(journal: Journal, new: NewEntry) -> None:
    """A mock that repeats its ids doesn't touch the service's tasks."""
    mock = evolve(new, origin="http://127.0.0.1:8000")
    for each in (new, mock):
        journal.adopt(Task("t1", "CREATED"), each)
    journal.seen(Task("t1", "IN_PROGRESS"), mock.origin)
    journal.set_target("t1", "/out.mp4", mock.origin)
    here, there = journal.find("t1", new.origin), journal.find("t1", mock.origin)
    assert here
    assert there
    assert (here.status, here.target) == ("CREATED", None)
    assert (there.status, there.target) == ("IN_PROGRESS", "/out.mp4")
    journal.downloaded("t1", "/out.mp4", mock.origin)
    assert [entry.origin for entry in journal.unfinished()] == [new.origin]
    assert journal.unfinished(new.origin, "another key's") == []
    assert journal.find("t1", "https://elsewhere.example") is None
    assert journal.knows(["t1"], "https://elsewhere.example") == set()
