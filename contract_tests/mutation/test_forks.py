"""Work in forked processes gives an answer, or tells that there is none, whatever the process does."""

from __future__ import annotations

import os
import signal
import time

import pytest

from contract_tests.support.forks import Death, forked


def leave_one_behind(_: str) -> None:
    """Fork a process that holds on to all that is open, and die."""
    if os.fork() == 0:
        signal.pause()
    os.kill(os.getpid(), signal.SIGKILL)


def stay(_: str) -> None:
    """Never end."""
    while True:
        time.sleep(60)


@pytest.mark.parametrize(
    ("task", "patience", "answer"),
    [
        (str.upper, 60.0, "A"),
        (lambda _: os._exit(3), 60.0, Death(3)),
        (leave_one_behind, 20.0, Death(-signal.SIGKILL)),
        (stay, 0.0, Death(None)),
    ],
    ids=["an answer", "an end", "a process left behind", "no end"],
)
def test_what_becomes_of_a_process(task: object, patience: float, answer: object) -> None:
    """A process answers, ends, leaves others behind that hold its pipe, or is ended: each is told at once."""
    assert callable(task)
    (done,) = forked(["a"], task, 1, patience)
    assert (done.work, done.answer) == ("a", answer)
