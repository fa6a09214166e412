"""How a batch stands: the counts that are shown, and the report."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contract_tests.client.cli.conftest import KEY
from contract_tests.client.cli.unfinished import unwritable
from kling_elements import TaskFailed
from kling_elements.batch import BatchResult
from kling_elements.batch.results import JobStatus
from kling_elements.cli.batch_progress import BatchProgress, BatchReport, estimate
from kling_elements.cli.console import Console
from kling_elements.cli.context import Context
from kling_elements.task import Task

DONE, EXISTING, INVALID, FAILED = JobStatus.DONE, JobStatus.EXISTING, JobStatus.INVALID, JobStatus.FAILED


class Recorder(Console):
    """A console that keeps what is told, and whether its line was to be rewritten."""

    def __init__(self, *, is_live: bool) -> None:
        super().__init__(None, None, {})
        self.told: list[str] = []
        self._is_live = is_live

    @property
    def is_live(self) -> bool:
        return self._is_live

    def note(self, text: str) -> None:
        self.told.append(text)

    def transient(self, text: str) -> None:
        self.told.append(f"\r{text}")


@pytest.mark.parametrize(
    ("made", "elapsed", "left", "seconds"),
    [(0, 100.0, 5, None), (1, 60.0, 0, 0.0), (2, 100.0, 5, 250.0), (5, 100.0, 2, 40.0)],
)
def test_an_estimate_needs_a_pace(made: int, elapsed: float, left: int, seconds: float | None) -> None:
    """The rest takes as long for each job as those that were made; before one was, nobody knows."""
    assert estimate(made, elapsed, left) == seconds


@pytest.mark.parametrize(
    ("total", "standings", "running", "line"),
    [
        (10, [], 0, "0 of 10 done"),
        (10, [], 3, "0 of 10 done, 3 running"),
        (10, [EXISTING], 3, "1 of 10 done, 3 running"),
        (10, [INVALID], 0, "0 of 10 done, 1 not"),
        (10, [EXISTING, DONE, INVALID], 3, "2 of 10 done, 1 not, 3 running, about 7:00 left"),
        (10, [DONE, FAILED], 1, "1 of 10 done, 1 not, 1 running, about 4:00 left"),
        (2, [DONE, DONE], 0, "2 of 2 done"),
        (None, [DONE, FAILED], 2, "1 done, 1 not, 2 running"),
        (None, [], 0, "0 done"),
        (0, [], 0, "0 of 0 done"),
    ],
)
def test_the_line_of_a_batch(total: int | None, standings: list[JobStatus], running: int, line: str) -> None:
    """The line tells what is done, what is not, what runs, and how long the rest takes at the pace so far."""
    now = [500.0]
    tally = BatchProgress(Console(None, None, {}), total, is_quiet=False, clock=lambda: now[0])
    for standing in standings:
        tally.take(standing)
    now[0] = 560.0
    assert tally.line(running) == line


@pytest.mark.parametrize(
    ("standings", "summary"),
    [
        ([], "0 jobs: none"),
        ([INVALID], "1 job: 1 invalid"),
        ([INVALID, DONE, EXISTING, DONE], "4 jobs: 2 done, 1 existing, 1 invalid"),
        (list(JobStatus), f"8 jobs: {', '.join(f'1 {each}' for each in JobStatus)}"),
    ],
)
def test_the_summary_of_a_batch(standings: list[JobStatus], summary: str) -> None:
    """The summary counts what became of the jobs, always in the same order."""
    tally = BatchProgress(Console(None, None, {}), None, is_quiet=False)
    for standing in standings:
        tally.take(standing)
    assert tally.summary() == summary


@pytest.mark.parametrize(
    ("is_live", "is_quiet", "told"),
    [
        (True, False, [f"\r0 of 9 done, {n} running" for n in (1, 2, 3, 4, 5)]),
        (False, False, ["0 of 9 done, 3 running", "0 of 9 done, 5 running"]),
        (True, True, []),
        (False, True, []),
    ],
    ids=["terminal", "log", "quiet terminal", "quiet log"],
)
def test_the_line_is_shown(*, is_live: bool, is_quiet: bool, told: list[str]) -> None:
    """A terminal's line is always up to date; elsewhere there is one a minute; with `-q` there is none."""
    now, console = [500.0], Recorder(is_live=is_live)
    tally = BatchProgress(console, 9, is_quiet=is_quiet, clock=lambda: now[0])
    for running, moment in enumerate((500.0, 559.9, 560.0, 619.9, 620.0), 1):
        now[0] = moment
        tally.show(running)
    assert console.told == told


def opened(path: Path, console: Console | None = None) -> BatchReport:
    """A report of the batch b."""
    session = Context(console or Console(None, None, {}))
    session.keys.add(KEY)
    return BatchReport(path, "b", session)


TASK = Task("t-1", "FAILED")


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (
            BatchResult[Any](1, DONE, "cat", task_id="t-1", file=Path("/videos/cat.mp4")),
            {"line": 1, "id": "cat", "standing": "done", "task_id": "t-1", "file": "/videos/cat.mp4"},
        ),
        (BatchResult[Any](2, JobStatus.BUSY), {"line": 2, "standing": "busy"}),
        (
            BatchResult[Any](
                3,
                FAILED,
                "dog",
                task_id="t-1",
                error=TaskFailed("see\nhttps://h.example/v?token=1", task=TASK),
            ),
            {
                "line": 3,
                "id": "dog",
                "standing": "failed",
                "task_id": "t-1",
                "error": "see https://h.example/v?...",
                "error_type": "TaskFailed",
            },
        ),
    ],
    ids=["done", "busy", "failed"],
)
def test_a_line_of_the_report(tmp_path: Path, result: BatchResult[Any], line: dict[str, Any]) -> None:
    """A line of the report has all its fields, null where there is nothing to tell, and the time in UTC."""
    report = opened(tmp_path / "report.jsonl")
    began = datetime.now(UTC)
    report.add(result)
    report.close()
    (text,) = (tmp_path / "report.jsonl").read_text(encoding="utf-8").splitlines()
    written = json.loads(text)
    at = datetime.fromisoformat(written.pop("at"))
    assert (at.utcoffset(), at.microsecond) == (timedelta(0), 0)
    assert began - timedelta(seconds=1) <= at <= datetime.now(UTC)
    nothing = dict.fromkeys(("id", "task_id", "file", "error", "error_type"))
    assert written == {"batch": "b", **nothing, **line}
    assert list(written) == ["batch", "line", "id", "standing", "task_id", "file", "error", "error_type"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ('{"line": 1}\n', '{"line": 1}\n'),
        ('{"line": 1, "st', '{"line": 1, "st\n'),
        ("x", "x\n"),
        ("\n", "\n"),
    ],
    ids=["empty", "whole", "cut off", "one byte", "one line"],
)
def test_a_report_is_added_to(tmp_path: Path, before: str, after: str) -> None:
    """What a report holds stays, and what a kill cut off doesn't run into the next line."""
    path = tmp_path / "report.jsonl"
    path.write_text(before, encoding="utf-8")
    for number in (1, 2):
        report = opened(path)
        report.add(BatchResult(number, DONE))
        report.close()
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f'{after}{{"batch"')
    assert [json.loads(line)["line"] for line in text[len(after) :].splitlines()] == [1, 2]


def test_a_report_is_a_file_like_others(tmp_path: Path) -> None:
    """Others may read a report if the user's mask lets them, and none may run it."""
    before = os.umask(0o022)
    try:
        opened(tmp_path / "report.jsonl").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report.jsonl").stat().st_mode) == 0o644


def test_a_report_that_takes_no_more_is_told_once(tmp_path: Path) -> None:
    """What is paid goes on if the report can't be written; that is told, once."""
    console = Recorder(is_live=False)
    path = tmp_path / "report.jsonl"
    report = unwritable(opened(path, console))
    assert report.failure is None
    for number in (1, 2):
        report.add(BatchResult(number, DONE))
    report.close()
    assert report.failure == "Bad file descriptor"
    assert console.told == [f"the report {path} can't be written: Bad file descriptor"]
