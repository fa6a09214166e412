"""How a wait is shown: a line kept up to date on a terminal, one at each change elsewhere, or nothing."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import NOW, URL, Terminal, context_of
from contract_tests.support.clients import FakeTime
from kling_elements import Look, Task
from kling_elements.cli.live_status import clock_face
from kling_elements.cli.progress import Progress
from kling_elements.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Cli

SEEN = Look("1", Task("1", "CREATED"), None, 9.0, 5.0)


def failed(text: str) -> Look:
    return Look("1", None, ConnectionFailed(text), 5.0, 5.0)


def test_clock_face() -> None:
    """Times are shown as m:ss, and h:mm:ss from an hour on."""
    assert [clock_face(s) for s in (0, 59.9, 60, 3600)] == ["0:00", "0:59", "1:00", "1:00:00"]


def test_a_terminals_line_counts_down() -> None:
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
    progress.look(SEEN)
    shown.append(progress.now())
    progress.fetching()
    shown.append(progress.now())
    assert shown == [
        ("connecting", ("0:02", "next poll in 2 s"), None, None),
        ("IN PROGRESS", ("0:54", "next poll in 50 s", "a poll failed: no\\nanswer"), None, None),
        ("IN PROGRESS", ("1:44", "polling"), None, None),
        ("IN PROGRESS", ("1:44", "fetching the video"), None, None),
    ]


@pytest.mark.parametrize(
    ("stream", "options", "lines"),
    [
        (
            io.StringIO,
            (),
            ["CREATED after 0:00", "CREATED after 1:05; a poll failed", "COMPLETED after 1:05"],
        ),
        (io.StringIO, ("-q",), []),
        (Terminal, ("-q",), []),
    ],
)
def test_progress_elsewhere_is_a_line_at_a_change(
    stream: Callable[[], io.StringIO], options: tuple[str, ...], lines: list[str]
) -> None:
    """Where a line can't be rewritten, changes and failed polls are shown once each, unless it is quiet."""
    time, err = FakeTime(), stream()
    progress = Progress(context_of(*options, err=err).context, clock=time.clock, sleep=time.sleep)
    with progress:
        progress.update(Task("1", "CREATED"))
        progress.sleep(65)
        for look in (failed("no answer"), failed("no answer"), SEEN):
            progress.look(look)
        progress.update(Task("1", "COMPLETED"))
        progress.fetching()
    shown = err.getvalue().splitlines()
    assert len(shown) == len(lines)
    assert all(map(str.startswith, shown, lines))
    assert time.sleeps == [65]


def test_progress_on_a_terminal_is_one_line(cli: Cli) -> None:
    """One line is rewritten, no wider than the terminal, and is gone at the end."""
    cli.next("polls=3", times=1000)
    cli.environ(COLUMNS="30")
    cli.environ(TERM="xterm")
    cli.patch.setattr(sys, "stderr", err := Terminal())
    assert cli("generate", URL, "-o", "t.mp4", *NOW).out == "t.mp4\n"
    lines = [re.sub(r"\x1b\[[\d;?]*\w", "", part) for part in re.split(r"[\r\n]+", err.getvalue())]
    assert any(re.match(r". connecting  \d+:\d\d  ", line) for line in lines)
    assert all(len(line) <= 30 for line in lines if re.match("[\u2800-\u28ff]", line))
    assert lines[-1] == ""
    assert any(line.startswith("COMPLETED after ") for line in lines)
