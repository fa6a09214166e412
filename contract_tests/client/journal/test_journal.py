"""The journal as its callers see it, on a healthy disk."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import platformdirs
import pytest

from contract_tests.client.journal.conftest import NEW, Clock, Open
from contract_tests.support.locks import locked
from kling_elements import KlingElements, Task
from kling_elements.journal import Job, Journal, NewEntry, journal_at, journal_path, key_fingerprint, schema
from kling_elements.journal import journal as journal_module
from kling_elements.journal import queries as operations
from kling_elements.journal.database import Database
from kling_elements.journal.leases import Now, own_lease
from kling_elements.journal.schema import MIGRATIONS
from kling_elements.journal.tables import EntryTable

SIGNED = "https://cdn.example.com/kling_t1.mp4?token=exp=1800003600~hmac=5ec2e7"
DAY = 86_400.0
OF_JOB = NEW._replace(job=Job("b", "1"))


def completed(task_id: str) -> Task:
    return Task(task_id, "COMPLETED", (SIGNED,), request_id="r-9")


def made(journal: Journal, task: Task | str = "t1", new: NewEntry = NEW) -> str:
    """Note a create that made a task; return the entry's id."""
    task = Task(task, "CREATED") if isinstance(task, str) else task
    return journal.created(journal.begin(new).entry_id, task).entry_id


def test_the_life_of_a_task(journal: Journal, open_journal: Open, path: Path) -> None:
    """A task is unfinished until its video is at its target; then its URL is nowhere in the file."""
    made(journal)
    journal.set_target("t1", "out/../video.mp4")
    assert [entry.task_id for entry in journal.unfinished(NEW.origin, NEW.fingerprint)] == ["t1"]
    journal.seen(completed("t1"))
    entry = open_journal().find("t1")
    assert entry
    assert (entry.status, entry.urls, entry.expires_at) == ("COMPLETED", (SIGNED,), 1_800_003_600.0)
    assert entry.target == str(os.path.abspath("video.mp4"))  # noqa: PTH100 - what the journal promises
    assert (entry.is_finished, b"5ec2e7" in path.read_bytes()) == (False, True)
    journal.downloaded("t1", "video.mp4")
    assert journal.unfinished() == []
    assert not any(b"5ec2e7" in item.read_bytes() for item in path.parent.iterdir())


def test_unanswered_creates_are_doubtful_and_refused_ones_are_not(journal: Journal, clock: Clock) -> None:
    """Only what may have made a task is doubtful, and of its origin and key alone."""
    unknown, refused = journal.begin(NEW).entry_id, journal.begin(NEW).entry_id
    journal.unknown(unknown, "no answer", "r-1")
    journal.refused(refused, "HTTP 402")
    (entry,) = journal.doubtful()
    assert (entry.entry_id, entry.note, entry.request_id) == (unknown, "no answer", "r-1")
    for owner in ((NEW.origin, NEW.fingerprint), (NEW.origin, None), (None, NEW.fingerprint)):
        assert journal.doubtful(*owner) == [entry]
    assert journal.doubtful("https://elsewhere.example", NEW.fingerprint) == []
    assert journal.doubtful(NEW.origin, "another key's") == []
    assert journal.abandon(unknown, "looked at the list: no task")
    clock.now += 7
    assert journal.abandon(unknown)
    assert (journal.abandon("no such entry"), journal.doubtful()) == (False, [])
    given_up = journal.entry(unknown)
    assert given_up
    assert (given_up.note, given_up.updated_at) == ("looked at the list: no task", clock())


def test_a_task_nobody_recorded_can_be_adopted(journal: Journal) -> None:
    """Adopting fills the doubtful entry it is found to belong to, or makes one; seeing records nothing."""
    assert journal.seen(Task("t1", "CREATED")) is None
    doubtful = journal.begin(NEW).entry_id
    journal.unknown(doubtful, "no answer")
    assert journal.adopt(Task("t1", "CREATED"), NEW, doubtful).entry_id == doubtful
    other = journal.adopt(Task("t2", "CREATED"), NEW)
    assert journal.adopt(Task("t2", "IN_PROGRESS"), NEW).entry_id == other.entry_id
    assert journal.knows(["t1", "t2", "t3"]) == {"t1", "t2"}
    assert journal.tasks_beginning("t", NEW.origin) == ["t1", "t2"]
    assert journal.doubtful() == []


def test_a_task_that_was_adopted_before_its_entry_was_known(journal: Journal) -> None:
    """To adopt it again into its doubtful entry settles that, whose job is not paid again; not another's."""
    doubtful = [journal.begin(NEW._replace(job=Job("b", key), target=f"/{key}.mp4")).entry_id for key in "12"]
    for each in doubtful:
        journal.unknown(each, "no answer")
    alone = journal.adopt(Task("t1", "CREATED"), NEW._replace(digest=""))
    assert len(journal.doubtful()) == 2
    adopted = journal.adopt(Task("t1", "CREATED"), NEW._replace(digest=""), doubtful[0])
    assert (adopted.entry_id, adopted.job, adopted.digest) == (alone.entry_id, Job("b", "1"), NEW.digest)
    assert adopted.target == "/1.mp4"
    journal.adopt(Task("t1", "CREATED"), NEW, doubtful[1])
    assert [entry.entry_id for entry in journal.doubtful()] == doubtful[1:]
    found = journal.job("b", "1")
    assert found
    assert (found.task_id, journal.begin(OF_JOB).earlier) == ("t1", found)


def test_a_lease_keeps_others_away_until_it_ends(journal: Journal, open_journal: Open, clock: Clock) -> None:
    """Of two that claim an entry one gets it, until it lets go or its time is over."""
    entry_id, other = made(journal), open_journal()
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


def test_old_entries_are_pruned_but_not_by_the_clock_alone(
    open_journal: Open, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that is ahead removes no job and nothing unfinished of the newest entries; a URL expires."""
    first = open_journal()
    for number, each in enumerate((NEW, OF_JOB)):
        made(first, completed(f"done-{number}"), each)
    made(first, Task("running", "IN_PROGRESS"))
    clock.now += 4000
    open_journal().begin(NEW)
    found = first.find("done-0")
    assert found
    assert (found.urls, found.expires_at) == ((), 1_800_003_600.0)
    clock.now += 91 * DAY
    open_journal().begin(NEW)
    assert first.knows(["done-0", "done-1", "running"]) == {"done-1", "running"}
    assert not first.was_pruned("b")
    monkeypatch.setattr(schema, "KEPT", 0)
    clock.now += 91 * DAY
    last = open_journal()
    last.begin(OF_JOB)
    made(last, completed("new"))
    clock.now += 91 * DAY
    open_journal().begin(OF_JOB)
    assert first.knows(["done-1", "running"]) == set()
    assert (first.was_pruned("b"), first.was_pruned("c")) == (True, False)


@pytest.mark.parametrize("jump", [-400 * DAY, 400 * DAY])
def test_a_clock_that_jumps_ends_no_lease(path: Path, jump: float) -> None:
    """What a living process works on is its own, whatever the clock says; a quota blocks no day too long."""
    times = Clock(), Clock(5.0)
    with closing(journal_at(path, *times)) as journal:
        entry_id = made(journal)
        assert journal.claim(entry_id, "a", 60)
        doubtful = journal.begin(NEW).entry_id
        journal.quota_exhausted(NEW, times[0]() + 3600)
        times[0].now += jump
        assert not journal.claim(entry_id, "b", 60)
        assert (journal.doubtful(), journal.quota_wait(NEW)) == ([], None)
        times[1].now += 601
        if Path("/proc/self/stat").exists():
            assert journal.claim(entry_id, "b", 60)
            assert [entry.entry_id for entry in journal.doubtful()] == [doubtful]


def test_a_claim_that_holds_is_not_written_again(journal: Journal, path: Path, clock: Clock) -> None:
    """Nothing goes to the disk at a poll that shows no news, until half of the claim is spent."""
    entry_id = made(journal)
    written = []
    for seconds in (0, 20, 20):
        clock.now += seconds
        before = path.read_bytes()
        assert journal.claim(entry_id, "a", 60)
        journal.seen(Task("t1", "CREATED"))
        written.append(path.read_bytes() != before)
    assert written == [True, False, True]


def test_a_fingerprint_is_of_use_in_one_journal_only(open_journal: Open, tmp_path: Path) -> None:
    """Two processes agree on a key's fingerprint, also over the years; another journal has another."""
    one = open_journal().fingerprint("key")
    assert one == open_journal().fingerprint("key") != open_journal().fingerprint("kez")
    with closing(Journal.open(tmp_path / "other.sqlite3", {})) as other:
        assert one != other.fingerprint("key")
    assert key_fingerprint(lambda: "key", b"salt") == "cae97d99260027c6"
    assert key_fingerprint(lambda: "key", b"salt", 100_000) == "d298e941bf07b6ef"  # of older journals


def test_all_entries_come_in_order_and_page_by_page(
    journal: Journal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More entries than fit a page are all given once, the oldest first, also while others are written."""
    monkeypatch.setattr(journal_module, "_PAGE", 10)  # a page of the real length takes two hundred entries
    ids = []
    for number in range(35):
        clock.now += number % 2  # some at the same instant
        ids.append(journal.adopt(Task(f"t{number}", "FAILED"), NEW).entry_id)
    entries = journal.entries()
    seen = [next(entries)]
    journal.seen(Task("t1", "FAILED"))
    seen += entries
    assert sorted(entry.entry_id for entry in seen) == sorted(ids)
    assert [entry.created_at for entry in seen] == sorted(entry.created_at for entry in seen)


def test_text_that_is_no_unicode_is_kept(journal: Journal, open_journal: Open) -> None:
    """A file name of odd bytes, or an id with half of a surrogate pair, is no trouble."""
    odd = os.fsdecode(b"/videos/\xff\xfe.mp4")
    made(journal, "t\ud800", NEW._replace(job=Job(odd, odd)))
    journal.set_target("t\ud800", odd)
    found = open_journal().job(odd, odd)
    assert found
    assert (found.target, found.task_id, journal.problem) == (odd, "t\ud800", None)
    assert (journal.knows(["t\ud800"]), journal.job_keys(odd)) == ({"t\ud800"}, [odd])
    assert (journal.tasks_beginning(odd), journal.was_pruned(odd)) == ([], False)


def test_eight_race_on_one_journal(path: Path) -> None:
    """Of eight that begin the same jobs and claim the last one's task, one wins each; nothing is lost."""
    names, start = "abcdefgh", threading.Barrier(8)

    def race(name: str) -> list[str]:
        with closing(journal_at(path)) as journal:  # of its own, as another process has it
            start.wait()
            won, last = [], ""
            for number in range(6):
                begun = journal.begin(NEW._replace(job=Job("b", str(number))))
                last = begun.entry_id
                if begun.earlier is None:
                    won.append(f"job {number}")
                    journal.created(begun.entry_id, Task(f"job {number}", "CREATED"))
                made(journal, f"{name} {number}")
            assert journal.problem is None
            return [*won, "claim"] if journal.claim(last, name, 3600) else won

    with ThreadPoolExecutor(8) as pool:
        won = [each for found in pool.map(race, names) for each in found]
    jobs = [f"job {number}" for number in range(6)]
    assert sorted(won) == ["claim", *jobs]
    with closing(journal_at(path)) as journal:
        expected = {*jobs, *(f"{name} {number}" for name in names for number in range(6))}
        assert {entry.task_id for entry in journal.entries()} == expected
        assert (journal.doubtful(), journal.check()) == ([], None)


def test_a_journal_can_be_off() -> None:
    """Switched off, a journal works for this process, in bounded memory, and leaves no file."""
    for word in ("off", "0", "none", " OFF "):
        journal = Journal.open(None, {"KLING_ELEMENTS_JOURNAL": word})
        assert (journal.path, Journal.open(False).path) == (None, None)
    entry_id = made(journal, new=OF_JOB)
    assert journal.begin(OF_JOB).earlier is not None
    assert [entry.task_id for entry in journal.unfinished()] == ["t1"]
    for number in range(2100):  # what is finished is forgotten first
        journal.adopt(Task(f"f{number}", "FAILED"), NEW)
    assert len(list(journal.entries())) == 2000
    assert journal.entry(entry_id) is not None


def test_where_the_journal_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument wins over the environment, and that over the state directory."""
    environ = {"KLING_ELEMENTS_JOURNAL": str(tmp_path / "e.sqlite3")}
    assert journal_path(None, environ) == tmp_path / "e.sqlite3"
    assert journal_path(tmp_path / "a.sqlite3", environ) == tmp_path / "a.sqlite3"
    monkeypatch.setenv("KLING_ELEMENTS_JOURNAL", environ["KLING_ELEMENTS_JOURNAL"])
    assert Journal.open().path == tmp_path / "e.sqlite3"
    default = platformdirs.user_state_path("kling-elements", appauthor=False) / "journal.sqlite3"
    assert journal_path(None, {}) == journal_path(None, {"KLING_ELEMENTS_JOURNAL": " "}) == default
    assert default.parts[-2:] == ("kling-elements", "journal.sqlite3")
    assert journal_path("~/j.sqlite3", {}) == Path.home() / "j.sqlite3"
    for word in ("off", os.devnull, "~no such user/j.sqlite3"):
        assert journal_path(word, environ) is None
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        with closing(journal_at(Path("here.sqlite3"))) as journal:
            assert journal.begin(NEW).is_recorded
    client = KlingElements("a-key", journal="r.sqlite3")
    monkeypatch.chdir("/")
    assert client.journal.path == tmp_path / "r.sqlite3"  # as it was when the client was made


def test_a_quota_is_remembered_until_it_is_renewed(
    journal: Journal, open_journal: Open, path: Path, clock: Clock
) -> None:
    """Each process knows that a quota is used up, of its own key and origin; no news write nothing."""
    for until in (None, clock() + 3600):
        journal.begin(NEW)
        journal.quota_exhausted(NEW, until)
        before = path.read_bytes()
        with locked(path, "BEGIN IMMEDIATE"):
            journal.quota_exhausted(NEW, until)
            assert journal.quota_wait(NEW) == (None if until is None else 3600)
        assert (journal.problem, path.read_bytes()) == (None, before)
    clock.now += 600
    later = open_journal()
    assert later.quota_wait(NEW) == 3000
    assert later.quota_wait(NEW._replace(fingerprint="another")) is None
    assert later.quota_wait(NEW._replace(origin="https://other.example")) is None
    clock.now += 3000
    assert later.quota_wait(NEW) is None


def test_a_journal_of_the_first_version_learns_of_quotas(path: Path, clock: Clock) -> None:
    """A journal from before quotas were noted is migrated, and names keys as it did."""
    with closing(Database(path, migrations=MIGRATIONS[:1])) as first, first.writing() as connection:
        lease = own_lease("e1", 600.0, Now(clock(), clock()))
        begun = operations.begin(EntryTable(connection), NEW, "e1", clock(), lease)
        salt, _ = schema.read_naming(connection)
    with closing(journal_at(path, clock)) as journal:
        assert journal.fingerprint("key") == key_fingerprint(lambda: "key", salt, 100_000)
        assert journal.quota_wait(NEW) is None
        journal.quota_exhausted(NEW, clock() + 10)
        assert journal.quota_wait(NEW) == 10
        assert journal.entry(begun.entry_id) is not None


def test_a_quota_that_could_not_be_noted_is_noted_later(
    journal: Journal, open_journal: Open, path: Path, clock: Clock
) -> None:
    """The next create that meets it writes it down; from then on what others learn counts."""
    journal.begin(NEW)
    for until in (clock() + 3600, None):
        with locked(path):
            journal.quota_exhausted(NEW, until)
        clock.now += 5
        journal.quota_exhausted(NEW, until)
        assert open_journal().quota_wait(NEW) == (None if until is None else 3595)
    open_journal().quota_exhausted(NEW, clock() + 60)
    assert journal.quota_wait(NEW) == 60


def test_the_same_id_at_two_origins_is_two_tasks(journal: Journal) -> None:
    """A mock that repeats its ids doesn't touch the service's tasks."""
    mock = NEW._replace(origin="http://127.0.0.1:8000")
    for each in (NEW, mock):
        journal.adopt(Task("t1", "CREATED"), each)
    journal.seen(Task("t1", "IN_PROGRESS"), mock.origin)
    journal.set_target("t1", "/out.mp4", mock.origin)
    here, there = journal.find("t1", NEW.origin), journal.find("t1", mock.origin)
    assert here
    assert there
    assert (here.status, here.target) == ("CREATED", None)
    assert (there.status, there.target) == ("IN_PROGRESS", "/out.mp4")
    journal.downloaded("t1", "/out.mp4", mock.origin)
    assert [entry.origin for entry in journal.unfinished()] == [NEW.origin]
    assert journal.unfinished(NEW.origin, "another key's") == []
    assert journal.find("t1", "https://elsewhere.example") is None
    assert journal.knows(["t1"], "https://elsewhere.example") == set()
