"""The journal against a model: two processes on one file, disturbed by locks, against a dictionary."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from kling_elements.journal import Job, Journal, NewEntry, State
from kling_elements.journal.database import Database
from kling_elements.task import Task

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
