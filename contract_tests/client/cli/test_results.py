"""What a task looks like as a result."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contract_tests.client.cli.conftest import session_of
from kling_elements import Task
from kling_elements.cli.task_output import expiry, show_file, show_task

LONG_AGO = "https://cdn.example/v.mp4?token=exp=1000000000~hmac=ab"
AT = datetime(2026, 11, 22, 13, 3, 4, tzinfo=UTC)
DONE = Task("t-1", "COMPLETED", (LONG_AGO, "https://cdn.example/2.mp4"), {}, "r-1")
DONE_AS_JSON = {
    "id": "t-1",
    "status": "COMPLETED",
    "urls": [LONG_AGO, "https://cdn.example/2.mp4"],
    "expires_at": "2001-09-09T01:46:40+00:00",
    "request_id": "r-1",
    "file": None,
}
MADE_AS_JSON: dict[str, Any] = {
    "id": "t-1", "status": "CREATED", "urls": [], "expires_at": None, "request_id": None, "file": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("task", "lines"),
    [
        (Task("t-1", "CREATED"), ["id      t-1", "status  CREATED"]),
        (
            DONE,
            [
                "id      t-1",
                "status  COMPLETED",
                f"video   {LONG_AGO}",
                "video   https://cdn.example/2.mp4",
                "expires 2001-09-09 01:46:40 UTC (it is gone)",
            ],
        ),
        (
            Task("t\n1", "FAILED", (), {"error": "too\r\ndark"}),
            ["id      t 1", "status  FAILED", "error   too dark"],
        ),
        (Task("t-1", "FAILED", (), {"error": ""}), ["id      t-1", "status  FAILED"]),
        (Task("t-1", "FAILED", (), {"error": {"code": 1}}), ["id      t-1", "status  FAILED"]),
    ],
    ids=["created", "done", "failed", "no-reason", "no-text"],
)
def test_a_task_is_shown_in_lines(task: Task, lines: list[str]) -> None:
    """A task is a line for each thing that is known of it, its addresses in full."""
    session, out, err = session_of()
    show_task(task, session)
    assert (out.getvalue().splitlines(), err.getvalue()) == (lines, "")


@pytest.mark.parametrize(
    ("task", "value"), [(Task("t-1", "CREATED"), MADE_AS_JSON), (DONE, DONE_AS_JSON)], ids=["created", "done"]
)
def test_a_task_is_shown_as_json(task: Task, value: dict[str, Any]) -> None:
    """With `--json` a task is one object, and what isn't known is null."""
    session, out, _ = session_of({"is_json": True})
    show_task(task, session)
    assert json.loads(out.getvalue()) == value


@pytest.mark.parametrize("is_json", [False, True])
def test_a_file_is_shown(*, is_json: bool) -> None:
    """A file is its path; with `--json` the task with the path in it."""
    session, out, _ = session_of({"is_json": is_json})
    show_file(DONE, Path("a b.mp4"), session)
    if is_json:
        assert json.loads(out.getvalue()) == {**DONE_AS_JSON, "file": "a b.mp4"}
    else:
        assert out.getvalue() == "a b.mp4\n"


@pytest.mark.parametrize(
    ("seconds", "left"),
    [
        (3600, "in 60 min"),
        (3599, "in 59 min"),
        (60, "in 1 min"),
        (59, "in 0 min"),
        (0, "in 0 min"),
        (-0.5, "it is gone"),
        (-30, "it is gone"),
        (-3600, "it is gone"),
    ],
)
def test_how_long_an_address_is_good(seconds: float, left: str) -> None:
    """Whole minutes that are left are told, and from the end on that it is gone."""
    assert expiry(AT, AT - timedelta(seconds=seconds)) == f"2026-11-22 13:03:04 UTC ({left})"
