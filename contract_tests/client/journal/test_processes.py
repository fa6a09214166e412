"""Several processes on one journal, and processes that are killed."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from contract_tests.client.journal.conftest import NEW
from kling_elements.journal import Job, Journal, State
from kling_elements.journal.database import Database
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
PROCESSES = 8
ROUNDS = 6
WORDS = ("begun ", "created ", "failed ")


def fork(work: Callable[[], object]) -> tuple[int, int]:
    """Run work in a child whose stdout is a pipe; return its pid and the pipe's end."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.dup2(writing, 1)
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def say(line: str) -> None:
    """Print a line with one system call, so that a kill doesn't cut it in two."""
    os.write(1, f"{line}\n".encode())


def ended(child: tuple[int, int]) -> list[str]:
    """Return what a child printed until its end."""
    os.waitpid(child[0], 0)
    with os.fdopen(child[1]) as pipe:
        return pipe.read().splitlines()


def is_sound(path: Path) -> bool:
    with Database(path).reading() as connection:
        return [tuple(row) for row in connection.execute("PRAGMA integrity_check")] == [("ok",)]


def race(path: Path, name: str) -> None:
    """Begin jobs that all processes want, and entries of this one's own; print which jobs were won."""
    journal = Journal(Database(path))
    for number in range(ROUNDS):
        begun = journal.begin(evolve(NEW, job=Job("b", str(number))))
        if begun.earlier is None:
            say(f"job {number}")
            journal.created(begun.entry_id, Task(f"job-{number}", "CREATED"))
        journal.created(journal.begin(NEW).entry_id, Task(f"{name}-{number}", "CREATED"))
        journal.seen(Task(f"{name}-{number}", "COMPLETED"))
    say(f"problem {journal.problem}")
    journal.close()


def test_eight_processes_race_on_one_journal(path: Path, journal: Journal) -> None:
    """Every entry of every process is there, every job was begun by one of them alone."""
    children = [fork(partial(race, path, f"p{number}")) for number in range(PROCESSES)]
    lines = sorted(line for child in children for line in ended(child))
    assert lines == [*(f"job {number}" for number in range(ROUNDS)), *["problem None"] * PROCESSES]
    expected = {f"p{process}-{number}" for process in range(PROCESSES) for number in range(ROUNDS)}
    entries = [entry for entry in journal.entries() if entry.task_id in expected]
    assert {entry.task_id for entry in entries} == expected
    assert {entry.status for entry in entries} == {"COMPLETED"}
    assert not journal.doubtful()
    assert is_sound(path)


def test_a_claim_is_won_by_one_of_eight(path: Path) -> None:
    """Of eight processes that live and claim the same entry at once, one gets it."""
    journal = Journal(Database(path, busy_seconds=60.0))
    entry_id = journal.adopt(Task("t1", "IN_PROGRESS"), NEW).entry_id
    (go, start), (end, finish) = os.pipe(), os.pipe()  # two: a fast child would take a slow one's first byte

    def claim() -> None:
        # The journal that was open at the fork continues in the child, with a connection of its own.
        os.read(go, 1)
        say(str(journal.claim(entry_id, f"owner {os.getpid()}", 3600)))
        os.read(end, 1)  # a process that died would hold nothing

    children = [fork(claim) for _ in range(PROCESSES)]
    os.write(start, b"g" * PROCESSES)
    answers = [os.read(pipe, 5) for _, pipe in children]
    os.write(finish, b"e" * PROCESSES)
    for child in children:
        ended(child)
    for each in (go, start, end, finish):
        os.close(each)
    assert sum(answer.startswith(b"True") for answer in answers) == 1
    assert journal.problem is None


def write_until_killed(path: Path) -> None:
    """Write for ever, and print what was acknowledged; on a disk that is too busy nothing is."""
    journal = Journal(Database(path, busy_seconds=60.0))
    for number in count():
        entry_id, task_id = journal.begin(NEW).entry_id, f"{os.getpid()}-{number}"
        say(f"begun {entry_id}")
        journal.created(entry_id, Task(task_id, "CREATED"))
        say(f"created {task_id}")
        journal.seen(Task(task_id, "FAILED"))
        say(f"failed {task_id}")


def test_nothing_acknowledged_is_lost_by_kill_9(path: Path, open_journal: Callable[[], Journal]) -> None:
    """Whenever a process is killed, the journal is sound and holds all that it acknowledged."""
    lines: list[str] = []
    for reads in range(1, 5):
        children = [fork(lambda: write_until_killed(path)) for _ in range(2)]
        for pid, pipe in children:
            printed = b"".join(os.read(pipe, 1000) for _ in range(reads))  # it is somewhere in its work
            os.kill(pid, signal.SIGKILL)
            lines += (printed.decode() + "\n".join(ended((pid, pipe)))).splitlines()
    acknowledged = {
        what.strip(): {line.split()[1] for line in lines if line.startswith(what)} for what in WORDS
    }
    journal = open_journal()
    entries = list(journal.entries())
    assert acknowledged["begun"]
    assert acknowledged["begun"] <= {entry.entry_id for entry in entries}
    assert acknowledged["created"] <= {entry.task_id for entry in entries if entry.state is State.CREATED}
    assert acknowledged["failed"] <= {entry.task_id for entry in entries if entry.status == "FAILED"}
    pending = {entry.entry_id for entry in entries if entry.state is State.PENDING}
    assert {entry.entry_id for entry in journal.doubtful()} == pending
    assert is_sound(path)


def test_a_lock_held_by_another_thread_does_not_survive_a_fork(journal: Journal) -> None:
    """A child that was forked while a thread was writing can use the journal."""
    journal.begin(NEW)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with journal._fallback.lock:  # no public call holds it for long enough
            inside.set()
            leave.wait(10)

    def begin() -> None:
        signal.alarm(10)
        say(str(journal.begin(NEW).is_recorded))

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    child = fork(begin)
    leave.set()
    thread.join()
    assert ended(child) == ["True"]
    assert len(list(journal.entries())) == 2
