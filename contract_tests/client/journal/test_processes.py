"""Several processes on one journal, and processes that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.journal.worker import NEW
from kling_elements.journal import Journal, State
from kling_elements.journal.database import Database
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.journal import NewEntry

WORKER = str(Path(__file__).with_name("worker.py"))
PROCESSES = 8
ROUNDS = 6
WAVES = 2
KILLS = 3


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, WORKER, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - this very interpreter


def test_eight_processes_race_on_one_journal(path: Path, journal: Journal) -> None:
    """Every entry of every process is there, every job was begun by one of them alone."""
    workers = [start("race", str(path), f"p{number}", str(ROUNDS)) for number in range(PROCESSES)]
    printed = [worker.communicate(timeout=60)[0].splitlines() for worker in workers]
    lines = [line for each in printed for line in each]
    assert [worker.returncode for worker in workers] == [0] * PROCESSES
    assert lines.count("problem None") == PROCESSES
    assert sorted(line for line in lines if line.startswith("job")) == sorted(
        f"job {n}" for n in range(ROUNDS)
    )
    expected = {f"p{process}-{n}" for process in range(PROCESSES) for n in range(ROUNDS)}
    assert journal.knows(expected) == expected
    assert not journal.doubtful()
    states = [entry.status for entry in journal.entries() if entry.task_id in expected]
    assert states == ["COMPLETED"] * len(expected)
    assert _is_sound(path)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_claim_is_won_by_one_of_eight(path: Path) -> None:
    """Of eight processes that live and claim the same entry at once, one gets it."""
    journal = Journal(Database(path, busy_seconds=60.0))
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork here")
    entry_id = journal.adopt(Task("t1", "IN_PROGRESS"), NEW).entry_id
    go_read, go_write = os.pipe()
    end_read, end_write = os.pipe()  # a pipe of its own: a fast child would take a slow one's first signal
    done_read, done_write = os.pipe()
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            # The journal that was open at the fork goes on in the child, with a connection of its own.
            os.read(go_read, 1)
            os.write(done_write, b"1" if journal.claim(entry_id, f"owner {number}", 3600) else b"0")
            os.read(end_read, 1)  # a process that died would hold nothing
            os._exit(0)
        children.append(child)
    os.write(go_write, b"g" * PROCESSES)
    answers = b"".join(os.read(done_read, 1) for _ in children)
    os.write(end_write, b"e" * PROCESSES)
    for child in children:
        os.waitpid(child, 0)
    for end in (go_read, go_write, end_read, end_write, done_read, done_write):
        os.close(end)
    assert answers.count(b"1") == 1
    assert journal.problem is None


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
def test_nothing_acknowledged_is_lost_by_kill_9(path: Path, open_journal: Callable[[], Journal]) -> None:
    """Whenever a process is killed, the journal is sound and holds all that it acknowledged."""
    dice = random.Random(5)  # noqa: S311 - the moments of the kills
    printed = ""
    for _ in range(WAVES):
        workers = [start("write", str(path)) for _ in range(KILLS)]
        for worker in workers:
            assert worker.stdout is not None
            while "created" not in (line := worker.stdout.readline()):  # until it is at work
                assert line, "it has ended by itself"
                printed += line
            printed += line
            time.sleep(dice.uniform(0.0, 0.03))
            worker.send_signal(signal.SIGKILL)
            printed += worker.communicate()[0]
    acknowledged: dict[str, set[str]] = {"begun": set(), "created": set(), "failed": set()}
    for line in printed.splitlines():
        what, _, which = line.partition(" ")
        acknowledged[what].add(which)
    journal = open_journal()
    entries = list(journal.entries())
    assert acknowledged["created"]
    assert acknowledged["begun"] <= {entry.entry_id for entry in entries}
    created = {entry.task_id for entry in entries if entry.state is State.CREATED}
    assert acknowledged["created"] <= created
    assert acknowledged["failed"] <= {entry.task_id for entry in entries if entry.status == "FAILED"}
    assert {entry.entry_id for entry in journal.doubtful()} == {
        entry.entry_id for entry in entries if entry.state is State.PENDING
    }
    assert _is_sound(path)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_lock_held_by_another_thread_does_not_survive_a_fork(
    path: Path, journal: Journal, new: NewEntry
) -> None:
    """A child that was forked while a thread was writing can use the journal."""
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork here")
    journal.begin(new)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with journal._fallback.lock:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        os._exit(0 if journal.begin(new).is_recorded else 1)
    leave.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
    assert len(list(journal.entries())) == 2
    assert journal.path == path


def _is_sound(path: Path) -> bool:
    with Database(path).reading() as connection:
        return [tuple(row) for row in connection.execute("PRAGMA integrity_check")] == [("ok",)]
