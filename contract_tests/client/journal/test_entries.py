"""What becomes of an entry by what is told of it: pure, and against a model of two processes."""

import hashlib
import os
import tempfile
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from contract_tests.client.journal.conftest import NEW, Clock
from contract_tests.support.examples import examples
from contract_tests.support.locks import locked
from kling_elements.journal import Entry, Job, Journal, State, journal_at, request_digest
from kling_elements.journal.database import Database
from kling_elements.journal.entry import Lease, merge, reconcile
from kling_elements.journal.fallback import Fallback
from kling_elements.journal.leases import Now, own_lease, seconds_left, this_host
from kling_elements.task import Task
from kling_elements.types import Request

ENTRY = Entry("e", 1.0, 2.0)
CREATED = ENTRY._replace(state=State.CREATED, task_id="t", status="IN_PROGRESS")
ELSEWHERE = Lease("other", "another machine", 1, 100.0)
OURS = Lease("us", "another machine", 1, 100.0)


def left(lease: Lease | None, moment: float) -> float:
    """Return how long a lease holds at a moment by both clocks."""
    return seconds_left(lease, Now(moment, moment))


def test_a_state_is_not_unlearnt() -> None:
    """News of a lower state change nothing; of abandoned and created the later one stays."""
    order = [State.PENDING, State.UNKNOWN, State.REFUSED, State.ABANDONED, State.CREATED]
    for old, new in product(order, order):
        gives_way = order.index(new) >= order.index(old) or {old, new} <= {State.ABANDONED, State.CREATED}
        assert merge(ENTRY._replace(state=old), {"state": new}).state is (new if gives_way else old)


@pytest.mark.parametrize(
    ("old", "news", "after"),
    [
        ({"task_id": "t"}, {"task_id": "u"}, {"task_id": "t"}),
        ({}, {"task_id": "u"}, {"task_id": "u"}),
        ({"task_id": "t"}, {"task_id": None}, {"task_id": "t"}),
        ({"status": "CREATED"}, {"status": "IN_PROGRESS"}, {"status": "IN_PROGRESS"}),
        ({"status": "COMPLETED"}, {"status": "IN_PROGRESS"}, {"status": "COMPLETED"}),
        ({"status": "FAILED"}, {"status": "COMPLETED"}, {"status": "FAILED"}),
        ({"status": "CREATED"}, {"status": "UNKNOWN"}, {"status": "CREATED"}),
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
    assert merge(ENTRY._replace(**old), news) == ENTRY._replace(**{**old, **after})


def test_two_versions_of_an_entry() -> None:
    """What was stored meanwhile is kept beside ours; the later time counts; a create's end ends its lease."""
    assert reconcile(None, CREATED) == CREATED
    stored = ENTRY._replace(
        updated_at=5.0, created_at=0.5, lease=ELSEWHERE, target="/out.mp4", request_id="r"
    )
    merged = stored._replace(state=State.CREATED, task_id="t", status="IN_PROGRESS", lease=None)
    assert reconcile(stored, CREATED) == merged
    assert reconcile(merged, merged._replace(lease=ELSEWHERE)).lease == ELSEWHERE
    assert reconcile(merged._replace(lease=ELSEWHERE), CREATED).lease == ELSEWHERE
    assert reconcile(stored, CREATED._replace(updated_at=9.0, lease=OURS)) == merged._replace(
        updated_at=9.0, lease=OURS
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
    entry = CREATED._replace(**changes)
    assert (entry.is_doubtful, entry.is_finished) == (is_doubtful, is_finished)


def test_a_digest_is_of_what_is_sent() -> None:
    """Method, path and body are in it."""
    asked = Request("POST", "/v1/x", content=b"{}")
    assert request_digest(asked) == hashlib.sha256(b"POST /v1/x\n{}").hexdigest()
    assert request_digest(asked._replace(content=None)) == hashlib.sha256(b"POST /v1/x\n").hexdigest()


def test_a_dead_process_holds_nothing() -> None:
    """The lease of a process that has died is over at once; of another machine's process nobody can tell."""
    lease = own_lease("o", 100.0, Now(0.0, 0.0))._replace(pid=2**22 + 1)  # no process has this number
    assert [left(each, 50.0) for each in (lease, lease._replace(host="elsewhere"), None)] == [0.0, 50.0, 0.0]


@pytest.mark.parametrize("process", ["", " process unreadable", " process x 9.0"])
def test_a_lease_of_another_process_with_this_number(process: str) -> None:
    """A lease of an older version goes by its time; one of a process that has ended is over."""
    lease = Lease("o", this_host() + process, os.getpid(), 9.0)
    is_over = process.endswith("9.0") and Path("/proc/self/stat").exists()
    assert left(lease, 8.0) == (0.0 if is_over else 1.0)


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
    lives = {pid: left(Lease("o", this_host(), pid, 9.0), 8.0) > 0 for pid in pids}
    assert [pid for pid, is_so in lives.items() if not is_so] == [2]
    assert asked == [1, 2, 2**70]


STATUSES = ("CREATED", "IN_PROGRESS", "COMPLETED", "FAILED", "UNKNOWN", "QUEUED")
CREATES = ("begin", "created", "unknown", "refused")  # what a create calls, whatever becomes of the disk
OTHERS = ("abandon", "claim", "release", "adopt", "seen", "set_target", "downloaded")
STEPS = st.tuples(
    st.sampled_from(CREATES + CREATES + OTHERS),
    st.sampled_from(STATUSES),
    st.integers(0, 5),
    st.integers(0, 1),
    st.booleans(),
)


def random_at(moment: float) -> bytes:
    return int(moment).to_bytes(16)


def call(journal: Journal, name: str, status: str, number: int, job: Job | None) -> object:
    """Make one call about an entry; return what it says, if that is not an entry."""
    entry_id = random_at(Clock().now + number).hex()
    task = Task(f"t{number}", status, request_id=f"r-{number}")
    calls: dict[str, Any] = {
        "begin": lambda: journal.begin(NEW._replace(job=job)).earlier is None,
        "created": lambda: journal.created(entry_id, task),
        "unknown": lambda: journal.unknown(entry_id, "no answer", "r-1"),
        "refused": lambda: journal.refused(entry_id, "HTTP 402"),
        "abandon": lambda: journal.abandon(entry_id),
        "claim": lambda: journal.claim(entry_id, f"of {status}", 60.0),
        "release": lambda: journal.release(entry_id, f"of {status}"),
        "adopt": lambda: journal.adopt(task, NEW, entry_id),
        "seen": lambda: journal.seen(task),
        "set_target": lambda: journal.set_target(task.id, "v.mp4"),
        "downloaded": lambda: journal.downloaded(task.id, "v.mp4"),
    }
    found = calls[name]()
    return found if isinstance(found, bool) else None


def shown(journal: Journal) -> list[object]:
    """Return all that a journal shows."""
    journal.quota_exhausted(NEW, journal.now().timestamp() + 600.0)
    origins = (None, NEW.origin, "https://other.example")
    lists = (journal.entries(), journal.unfinished(), journal.doubtful())
    singles = [journal.job("b", key) for key in "012"], [journal.find("t0", origin) for origin in origins]
    return [
        *([each and each._replace(lease=None) for each in found] for found in (*lists, *singles)),
        sorted(journal.job_keys("b")),
        journal.knows(f"t{number}" for number in range(7)),
        [journal.tasks_beginning("t", origin) for origin in origins],
        (journal.quota_wait(NEW), journal.was_pruned("b"), journal.problem),
    ]


@settings(examples(20), phases=[Phase.generate])  # to shrink a failure takes minutes
@given(steps=st.lists(STEPS, min_size=10, max_size=25))
def test_two_processes_and_an_outage_are_like_one_journal(
    steps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever two processes are told, also while the disk can't be used, a journal in memory would know."""
    clock = Clock()
    monkeypatch.setattr(os, "urandom", lambda _: random_at(clock.now))  # so ids are the same in each journal
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite3"
        journals = [Journal(Fallback(Database(path, 0.0), clock, clock)) for _ in range(2)]
        memory = journal_at(None, clock, clock)
        for number in range(6):
            for journal in (memory, journals[0]):
                call(journal, "begin", "", 0, Job("b", str(number)) if number < 3 else None)
            clock.now += 1
        for name, status, number, side, is_unlucky in steps:
            clock.now += 10
            is_out = is_unlucky and name in CREATES
            # In an outage another process's job can't be seen: that is another test's.
            told = name, status, number, Job("b", str(number)) if number < 3 and not is_out else None
            with locked(path) if is_out else nullcontext():
                assert call(journals[0 if is_out else side], *told) == call(memory, *told)
            if is_out:
                clock.now += 10
                journals[0].knows([])  # any call writes what is left
        clock.now += 1000  # nobody's claim holds any more
        for journal in journals:
            assert shown(journal) == shown(memory)
            journal.close()
