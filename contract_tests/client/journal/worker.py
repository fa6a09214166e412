"""What a process does with a journal in the tests of races and kills: run as a script."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kling_elements.journal import Job, Journal, NewEntry
from kling_elements.journal.database import Database
from kling_elements.task import Task

NEW = NewEntry("model", "https://api.example.com", "f")


def race(path: Path, name: str, rounds: int) -> None:
    """Begin jobs that all processes want, and entries of this one's own; print which jobs were won."""
    journal = Journal(Database(path))
    for number in range(rounds):
        begun = journal.begin(NewEntry("model", "https://api.example.com", "f", job=Job("b", str(number))))
        if begun.earlier is None:
            say(f"job {number}")
            journal.created(begun.entry_id, Task(f"job-{number}", "CREATED"))
        own = journal.begin(NEW).entry_id
        journal.created(own, Task(f"{name}-{number}", "CREATED"))
        journal.seen(Task(f"{name}-{number}", "COMPLETED"))
    say(f"problem {journal.problem}")
    journal.close()


def write_until_killed(path: Path) -> None:
    """Write for ever, and print what was acknowledged; on a disk that is too busy nothing is."""
    journal = Journal(Database(path, busy_seconds=60.0))
    number = 0

    def acknowledge(line: str) -> None:
        if journal.problem:
            sys.exit(journal.problem)
        say(line)

    while True:
        entry_id = journal.begin(NEW).entry_id
        acknowledge(f"begun {entry_id}")
        task_id = f"{os.getpid()}-{number}"
        journal.created(entry_id, Task(task_id, "CREATED"))
        acknowledge(f"created {task_id}")
        journal.seen(Task(task_id, "FAILED"))
        acknowledge(f"failed {task_id}")
        number += 1


def say(line: str) -> None:
    """Print a line with one system call, so that a kill doesn't cut it in two."""
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    if sys.argv[1] == "race":
        race(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        write_until_killed(Path(sys.argv[2]))
