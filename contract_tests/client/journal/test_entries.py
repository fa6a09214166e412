"""What becomes of an entry by what is told of it: pure, and against a model of two processes."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from kling_elements.journal import Entry, Job, Journal, NewEntry, State, request_digest
from kling_elements.journal.database import Database
from kling_elements.journal.entry import Lease, merge, reconcile
from kling_elements.journal.leases import Now, own_lease, seconds_left, this_host
from kling_elements.task import Task
from kling_elements.types import Request

ENTRY = Entry("e", 1.0, 2.0)
CREATED = evolve(ENTRY, state=State.CREATED, task_id="t", status="IN_PROGRESS")
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


def test_a_digest_is_of_what_is_sent() -> None:
    """Method, path and body are in it."""
    asked = Request("POST", "/v1/x", content=b"{}")
    assert request_digest(asked) == hashlib.sha256(b"POST /v1/x\n{}").hexdigest()
    assert request_digest(evolve(asked, content=None)) == hashlib.sha256(b"POST /v1/x\n").hexdigest()


def test_a_lease_of_this_process() -> None:
    """It is of this machine's process, which lives; it ends at its moment."""
    lease = own_lease("o", 100.0, Now(0.0, 0.0))
    assert (lease.owner, lease.pid, lease.until) == ("o", os.getpid(), 100.0)
    assert [left(lease, now) > 0 for now in (0.0, 99.9, 100.0)] == [True, True, False]
    assert left(None, 0.0) == 0


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


TERMINAL = {"COMPLETED", "FAILED"}
STATUSES = st.sampled_from(["CREATED", "IN_PROGRESS", "COMPLETED", "FAILED", "UNKNOWN", "QUEUED"])
SIDES = st.integers(0, 1)


class JournalMachine(RuleBasedStateMachine):
    """Every call goes to one of two journals on the same file, and to the model."""

    entries = Bundle("entries")
    tasks = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.path = self.directory / "journal.sqlite3"
        self.now = 1_800_000_000.0
        self.state: dict[str, State] = {}
        self.status: dict[str, str | None] = {}
        self.task: dict[str, str] = {}
        self.file: dict[str, str] = {}
        self.jobs: dict[str, str] = {}
        self.blocker: sqlite3.Connection | None = None

    @initialize()
    def start(self) -> None:
        # Off and on: an outage of the disk that ends, in which the second journal is not used.
        self.journals = [Journal(Database(self.path, 0.0), self.clock, self.clock) for _ in range(2)]
        self.begin(0, None)

    def clock(self) -> float:
        return self.now

    def pick(self, side: int) -> Journal:
        return self.journals[0 if self.blocker else side]

    @rule(target=entries, side=SIDES, job=st.none() | st.sampled_from("abc"))
    def begin(self, side: int, job: str | None) -> str:
        new = NewEntry("m", "o", "f", job=Job("batch", job) if job else None)
        begun = self.pick(side).begin(new)
        # With the file locked, an earlier begin of the job can't be seen unless it is this journal's own.
        if job and job in self.jobs and not self.blocker:
            assert begun.entry_id == self.jobs[job]
            assert begun.earlier is not None
            return begun.entry_id
        if begun.earlier is None:
            self.state[begun.entry_id] = State.PENDING
            self.status[begun.entry_id] = None
            if job:
                self.jobs.setdefault(job, begun.entry_id)
        return begun.entry_id

    @rule(target=tasks, side=SIDES, entry=entries, status=STATUSES)
    def created(self, side: int, entry: str, status: str) -> str:
        task_id = self.task.setdefault(entry, f"task of {entry}")
        self.pick(side).created(entry, Task(task_id, status))
        self.state[entry] = State.CREATED
        self.learn(entry, status)
        return entry

    @rule(side=SIDES, entry=entries)
    def unknown(self, side: int, entry: str) -> None:
        self.pick(side).unknown(entry, "why")
        if self.state[entry] is State.PENDING:
            self.state[entry] = State.UNKNOWN

    @rule(side=SIDES, entry=tasks, status=STATUSES)
    def seen(self, side: int, entry: str, status: str) -> None:
        if self.blocker is None:
            found = self.pick(side).seen(Task(self.task[entry], status))
            assert found is not None
            assert found.entry_id == entry
            self.learn(entry, status)

    @rule(side=SIDES, entry=tasks)
    def downloaded(self, side: int, entry: str) -> None:
        if self.blocker is None:
            self.pick(side).downloaded(self.task[entry], "/v.mp4")
            self.file[entry] = "/v.mp4"

    @rule()
    def lock(self) -> None:
        if self.blocker is None:
            for journal in self.journals:
                journal.close()
            self.blocker = sqlite3.connect(self.path, isolation_level=None)
            self.blocker.execute("BEGIN EXCLUSIVE")

    @rule()
    def unlock(self) -> None:
        self.release()

    @rule(side=SIDES)
    def reopen(self, side: int) -> None:
        if self.blocker is None:
            self.journals[side].close()
            self.journals[side] = Journal(Database(self.path, 0.0), self.clock, self.clock)

    @invariant()
    def both_agree_with_the_model(self) -> None:
        if self.blocker is not None or not self.state:
            return
        for journal in self.journals:
            found = {entry.entry_id: entry for entry in journal.entries()}
            assert {key: entry.state for key, entry in found.items()} == self.state
            assert {key: entry.status for key, entry in found.items()} == self.status
            assert {key: entry.task_id for key, entry in found.items() if entry.task_id} == self.task
            assert {key: entry.file for key, entry in found.items() if entry.file} == self.file
            unfinished = {entry.entry_id for entry in journal.unfinished()}
            assert unfinished == {
                key
                for key, state in self.state.items()
                if state is State.CREATED and key not in self.file and self.status[key] not in TERMINAL
            }
            assert journal.knows(self.task.values()) == set(self.task.values())

    def learn(self, entry: str, status: str) -> None:
        if self.status[entry] not in TERMINAL and status != "UNKNOWN":
            self.status[entry] = status

    def release(self) -> None:
        if self.blocker is not None:
            self.blocker.execute("ROLLBACK")
            self.blocker.close()
            self.blocker = None
            self.now += 6.0  # the pause is over
            self.journals[0].knows([])  # any call writes what is left

    def teardown(self) -> None:
        self.release()
        for journal in self.journals:
            journal.close()
        shutil.rmtree(self.directory)


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
