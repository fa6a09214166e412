"""How a wait is shown: a line kept up to date on a terminal, one at each change elsewhere, or nothing."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import Terminal, context_of, parsed
from contract_tests.support.clients import FakeTime
from kling_elements import Look, Task
from kling_elements.cli.console import Console
from kling_elements.cli.context import Context
from kling_elements.cli.live_status import clock_face
from kling_elements.cli.progress import Progress
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


def test_a_terminal_s_line_counts_down() -> None:
    """The line has status, elapsed time, the next poll and why the last one failed, until one succeeds."""
    time, shown = FakeTime(), []

    def sleep(seconds: float) -> None:
        time.sleep(seconds / 2)
        shown.append(progress.now())
        time.sleep(seconds / 2)

    progress = Progress(context_of("-q").context, clock=time.clock, sleep=sleep)
    progress.sleep(4)
    progress.update(Task("1", "IN\nPROGRESS"))
    progress.look(failed("no\nanswer"))
    progress.sleep(100)
    progress.look(Look("1", Task("1", "CREATED"), None, 9.0, 5.0))
    shown.append(progress.now())
    progress.fetching()
    shown.append(progress.now())
    assert shown == [
        ("connecting", ("0:02", "next poll in 2 s"), None, None),
        ("IN PROGRESS", ("0:54", "next poll in 50 s", "a poll failed: no\\nanswer"), None, None),
        ("IN PROGRESS", ("1:44", "polling"), None, None),
        ("IN PROGRESS", ("1:44", "fetching the video"), None, None),
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


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_quiet_shows_nothing(stream: Callable[[], io.StringIO]) -> None:
    """A quiet wait shows nothing, wherever stderr leads, and is slept in one."""
    time, err = FakeTime(), stream()
    progress = shown_on(err, time, "-q")
    with progress:
        progress.fetching()
    progress.update(Task("1", "CREATED"))
    progress.look(failed("a"))
    progress.sleep(65)
    progress.update(Task("1", "COMPLETED"))
    assert (err.getvalue(), time.sleeps) == ("", [65])
