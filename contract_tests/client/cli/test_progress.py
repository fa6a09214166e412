"""How a wait is shown: one rewritten line on a terminal, a line at each change elsewhere, or nothing."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import Terminal, parsed
from contract_tests.support.clients import FakeTime
from kling_elements import Look, Task
from kling_elements.cli.console import Console
from kling_elements.cli.context import Context
from kling_elements.cli.progress import Progress, clock_face
from kling_elements.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable


def shown_on(stream: io.StringIO, time: FakeTime, *options: str) -> Progress:
    context = Context(Console(None, stream, {"COLUMNS": "80"}), parsed("list", *options))
    return Progress(context, clock=time.clock, sleep=time.sleep)


def failed(text: str) -> Look:
    return Look("1", None, ConnectionFailed(text), 5.0, 5.0)


def test_clock_face() -> None:
    """Times are told as m:ss, and h:mm:ss from an hour on."""
    assert [clock_face(s) for s in (0, 59.9, 60, 3600)] == ["0:00", "0:59", "1:00", "1:00:00"]


def test_progress_counts_down_on_a_terminal() -> None:
    """On a terminal the wait is slept in steps of a second, and the line shows what is left."""
    time, terminal = FakeTime(), Terminal()
    progress = shown_on(terminal, time)
    progress.update(Task("1", "IN_PROGRESS"))
    progress.sleep(2.5)
    assert time.sleeps == [1.0, 1.0, 0.5]
    lines = [line.rstrip() for line in terminal.getvalue().split("\r")[1:]]
    assert lines == [
        "IN_PROGRESS  0:00  next poll in 2 s",
        "IN_PROGRESS  0:01  next poll in 2 s",
        "IN_PROGRESS  0:02  next poll in 0 s",
        "IN_PROGRESS  0:02  polling",
    ]


def test_progress_elsewhere_is_a_line_at_a_change() -> None:
    """Where a line can't be rewritten, changes and failed looks are told once each."""
    time, stream = FakeTime(), io.StringIO()
    progress = shown_on(stream, time)
    failed = Look("1", None, ConnectionFailed("no answer"), 5.0, 5.0)
    progress.update(Task("1", "CREATED"))
    progress.sleep(65)
    for look in (failed, failed, Look("1", Task("1", "CREATED"), None, 9.0, 5.0)):
        progress.look(look)
    progress.update(Task("1", "COMPLETED"))
    assert stream.getvalue().splitlines() == [
        "CREATED after 0:00",
        "CREATED after 1:05; a poll failed and will be retried: no answer",
        "COMPLETED after 1:05",
    ]
    assert time.sleeps == [65]


def test_a_failed_look_is_shown_until_one_succeeds() -> None:
    """On a terminal the line tells that the last look failed, and what is done meanwhile."""
    time, terminal = FakeTime(), Terminal()
    progress = shown_on(terminal, time)
    progress.sleep(1)
    progress.look(failed("no\nanswer"))
    progress.sleep(1)
    progress.look(Look("1", Task("1", "CREATED"), None, 9.0, 5.0))
    progress.sleep(0.4)
    progress.announce("fetching")
    progress.update(Task("1", "IN_PROGRESS"))
    progress.update(Task("1", "COMPLETED"))
    assert [line.rstrip(" ") for line in terminal.getvalue().split("\r")[1:]] == [
        "connecting  0:00  next poll in 1 s",
        "connecting  0:01  polling",
        "connecting  0:01  next poll in 1 s  (a poll failed: no answer)",
        "connecting  0:02  polling",
        "connecting  0:02  next poll in 0 s",
        "connecting  0:02  polling",
        "fetching",
        "",
        "COMPLETED after 0:02\n",
    ]


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_quiet_shows_nothing(stream: Callable[[], io.StringIO]) -> None:
    """A quiet wait shows nothing, wherever stderr leads, and is slept in one."""
    time, err = FakeTime(), stream()
    progress = shown_on(err, time, "-q")
    progress.announce("looking")
    progress.update(Task("1", "CREATED"))
    progress.look(failed("a"))
    progress.sleep(65)
    progress.update(Task("1", "COMPLETED"))
    assert (err.getvalue(), time.sleeps) == ("", [65])
