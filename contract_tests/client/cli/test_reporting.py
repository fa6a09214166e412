"""How errors are told: every line on stderr, the whole object of `--json`, and the exit code."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass, field
from typing import Any

import pytest

from contract_tests.client.cli.conftest import session_of
from kling_elements import errors
from kling_elements.cli.error_report import report
from kling_elements.cli.exit_codes import CommandError, ExitCode, UsageError
from kling_elements.cli.signals import Interrupted
from kling_elements.task import Task

KNOWN = {"task_id": "t-1"}
SENT = {"was_create_sent": True}
LOOK_FOR_IT = "A task may have been created and billed. Before you repeat, look for it: kling-elements list"
MAY_RUN_ON = "task t-1 may run on. To resume: kling-elements wait t-1 -o t-1.mp4"
RESUME = {"task_id": "t-1", "resume": "kling-elements wait t-1 -o t-1.mp4"}
AGAIN = "kling-elements --base-url http://h"
GOES_ON = "Task t-1 runs on and is billed. All that is unfinished: kling-elements resume."
FAULT = "an unexpected error, which is a fault of this program: "
REPORT_IT = "Please report it with the traceback that -v shows"


@dataclass(frozen=True)
class Case:
    """An error, what the run knew when it came, and what is to be told of it."""

    error: BaseException
    code: int
    lines: list[str]
    known: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def api_error(kind: type[errors.ApiError], status: int, **more: Any) -> errors.ApiError:
    return kind(f"HTTP {status}: no", status_code=status, message="no", **more)


CASES = {
    "usage": Case(UsageError("arguments that make no sense"), 2, ["arguments that make no sense"]),
    "a command that can't go on": Case(CommandError("not yet", ExitCode.DEADLINE), 5, ["not yet"]),
    "an unfinished task": Case(
        CommandError("no video yet. Wait for it: kling-elements wait t-1", ExitCode.DEADLINE),
        5,
        ["no video yet. Wait for it: kling-elements wait t-1 -o t-1.mp4"],
        KNOWN,
        RESUME,
    ),
    "bad input": Case(
        errors.ValidationError(["one is wrong", "two is wrong", "three is wrong"]),
        2,
        ["one is wrong", "two is wrong", "three is wrong. Nothing was sent"],
        facts={"problems": ["one is wrong", "two is wrong", "three is wrong"]},
    ),
    "bad input about a task": Case(
        errors.ValidationError(["one is wrong"]),
        2,
        ["one is wrong. Nothing was sent"],
        KNOWN,
        {"task_id": "t-1", "problems": ["one is wrong"]},
    ),
    "bad input that nobody explains": Case(errors.ValidationError([]), 2, ["the input is not valid"]),
    "not reached": Case(errors.ConnectionFailed("no route"), 8, ["no route"]),
    "not reached, where": Case(
        errors.ConnectionFailed("no route"), 8, ["http://h: no route"], {"contacted": "http://h"}
    ),
    "not reached during a wait": Case(
        errors.ConnectionFailed("no route", task_id="t-1"), 8, ["no route", MAY_RUN_ON], facts=RESUME
    ),
    "a refusal": Case(
        api_error(errors.RateLimitError, 429, request_id="r-1", retry_after=2.5),
        3,
        ["HTTP 429: no"],
        {"contacted": "http://h"},
        {"status_code": 429, "request_id": "r-1", "retry_after": 2.5},
    ),
    "a refusal that says to come at once": Case(
        api_error(errors.RateLimitError, 429, retry_after=0.0),
        3,
        ["HTTP 429: no"],
        facts={"status_code": 429, "retry_after": 0.0},
    ),
    "a refusal during a wait": Case(
        api_error(errors.ServerError, 500),
        3,
        ["HTTP 500: no", MAY_RUN_ON],
        KNOWN,
        {"status_code": 500} | RESUME,
    ),
    "no such task": Case(
        api_error(errors.NotFoundError, 404),
        3,
        ["HTTP 404: no"],
        KNOWN,
        {"task_id": "t-1", "status_code": 404},
    ),
    "unreadable": Case(
        errors.ResponseFormatError("HTML", status_code=200, request_id="r-1"),
        1,
        ["HTML"],
        facts={"status_code": 200, "request_id": "r-1"},
    ),
    "failed": Case(
        errors.TaskFailed("it failed", task=Task("t-1", "FAILED")), 4, ["it failed"], facts={"task_id": "t-1"}
    ),
    "no video": Case(
        errors.ResultMissing("Look again: kling-elements status t-1", task=Task("t-1", "COMPLETED")),
        4,
        ["Look again: kling-elements status t-1"],
        facts={"task_id": "t-1"},
    ),
    "deadline": Case(
        errors.DeadlineExceeded(
            "It runs on and is billed. To resume: kling-elements wait t-1",
            task_id="t-1", last_status="CREATED", elapsed=2, timeout=1,
        ),
        5,
        ["It runs on and is billed. To resume: kling-elements wait t-1 -o t-1.mp4"],
        facts={"last_status": "CREATED"} | RESUME,
    ),
    "outcome unknown": Case(
        errors.OutcomeUnknown("Before you repeat, look for it: kling-elements list", status_code=502),
        6,
        ["Before you repeat, look for it: kling-elements list"],
        SENT,
        {"status_code": 502},
    ),
    "outcome unknown, but the task is named": Case(
        errors.OutcomeUnknown("t-1 was named in it: kling-elements wait t-1", task_id="t-1"),
        6,
        ["t-1 was named in it: kling-elements wait t-1 -o t-1.mp4"],
        SENT,
        RESUME,
    ),
    "another task is named": Case(
        errors.UploadError("a fault; see kling-elements wait t-2", task_id="t-1"),
        8,
        ["a fault; see kling-elements wait t-2", MAY_RUN_ON],
        facts=RESUME,
    ),
    "a download that can be repeated": Case(
        errors.DownloadError("HTTP 500; repeat: kling-elements download t-1", task_id="t-1", status_code=500),
        7,
        ["HTTP 500; repeat: kling-elements wait t-1 -o t-1.mp4"],
        facts={"status_code": 500} | RESUME,
    ),
    "a download that can't be stored": Case(
        errors.DownloadError("the disk is full", task_id="t-1"),
        7,
        ["the disk is full", "task t-1 is done. To resume: kling-elements wait t-1 -o t-1.mp4"],
        facts=RESUME,
    ),
    "a download that comes too late": Case(
        errors.DownloadError("expired an hour ago: the video is gone", task_id="t-1", status_code=403),
        7,
        ["expired an hour ago: the video is gone"],
        facts={"task_id": "t-1", "status_code": 403},
    ),
    "another error of that wording": Case(
        errors.UploadError("they say that the video is gone", task_id="t-1"),
        8,
        ["they say that the video is gone", MAY_RUN_ON],
        facts=RESUME,
    ),
    "interrupted, nothing sent": Case(
        Interrupted(signal.SIGINT), 130, ["interrupted (Ctrl-C). No task was created"]
    ),
    "interrupted during a create": Case(
        Interrupted(signal.SIGTERM),
        143,
        [f"interrupted (SIGTERM) while a create was under way. {LOOK_FOR_IT}"],
        SENT,
    ),
    "interrupted during a wait": Case(
        Interrupted(signal.SIGHUP),
        129,
        [f"interrupted (SIGHUP). {GOES_ON} To resume: {RESUME['resume']}"],
        SENT | KNOWN,
        RESUME,
    ),
    "unexpected, nothing sent": Case(RuntimeError("odd"), 1, [f"{FAULT}RuntimeError: odd. {REPORT_IT}"]),
    "unexpected, in 300 characters": Case(
        KeyError("x" * 400), 1, [f"{FAULT}KeyError: '{'x' * 299}. {REPORT_IT}"]
    ),
    "unexpected during a create": Case(
        RuntimeError("odd"), 1, [f"{FAULT}RuntimeError: odd. {REPORT_IT}. {LOOK_FOR_IT}"], SENT
    ),
    "unexpected during a wait": Case(
        RuntimeError("odd"),
        1,
        [f"{FAULT}RuntimeError: odd. {REPORT_IT}", MAY_RUN_ON],
        SENT | KNOWN,
        RESUME,
    ),
    "with a key and a signed address": Case(
        RuntimeError("my-key https://h/v.mp4?token=x\nmy-key"),
        1,
        [f"{FAULT}RuntimeError: [API key] https://h/v.mp4?... [API key]. {REPORT_IT}"],
        {"keys": {"my-key"}},
    ),
    "with the same options again": Case(
        errors.DeadlineExceeded(
            "kling-elements wait t-1; kling-elements list; kling-elements status t-1; kling-elements resume",
            task_id="t-1", last_status=None, elapsed=2, timeout=1,
        ),
        5,
        [
            f"{AGAIN} wait t-1 -o 'a  b.mp4' --overwrite; {AGAIN} list; {AGAIN} status t-1; {AGAIN} resume",
        ],
        {"origin": ("--base-url", "http://h"), "output": "a  b.mp4", "may_overwrite": True},
        {
            "task_id": "t-1",
            "resume": f"{AGAIN} wait t-1 -o 'a  b.mp4' --overwrite",
        },
    ),
    "a file whose name has spaces": Case(
        errors.ConnectionFailed("no route", task_id="t\n1"),
        8,
        ["no route", "task t 1 may run on. To resume: kling-elements wait $'t\\x0a1' -o 'a  b.mp4'"],
        {"output": "a  b.mp4"},
        {"task_id": "t\n1", "resume": "kling-elements wait $'t\\x0a1' -o 'a  b.mp4'"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_error_is_told_in_full(case: Case) -> None:
    """An error is told on stderr, a line for each problem, with what to type next; stdout stays empty."""
    session, out, err = session_of(case.known)
    assert (report(case.error, session), out.getvalue()) == (case.code, "")
    assert err.getvalue().splitlines() == [f"kling-elements: {line}" for line in case.lines]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_error_as_json(case: Case) -> None:
    """With `--json` the same is one object on stdout, with the facts that are known and no others."""
    session, out, err = session_of(case.known | {"is_json": True})
    assert report(case.error, session) == case.code
    assert json.loads(out.getvalue()) == {
        "error": {
            "type": type(case.error).__name__,
            "message": "; ".join(case.lines),
            "task_id": None,
            "exit_code": case.code,
        }
        | case.facts
    }
    assert err.getvalue().splitlines() == [f"kling-elements: {line}" for line in case.lines]


def raised(error: BaseException) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_verbose_shows_the_traceback_first() -> None:
    """With `-v` the traceback comes before the line, as Python writes it, without the key."""
    session, out, err = session_of({"is_verbose": True, "keys": {"my-key"}})
    assert report(raised(errors.OutcomeUnknown("my-key")), session) == 6
    lines = err.getvalue().splitlines()
    assert (lines[0], out.getvalue()) == ("Traceback (most recent call last):", "")
    assert [line[:7] for line in lines[1:3]] == ["  File ", "    rai"]
    assert lines[-2:] == ["kling_elements.errors.OutcomeUnknown: [API key]", "kling-elements: [API key]"]
    assert "XX" not in err.getvalue()


@pytest.mark.parametrize("error", [UsageError("no"), Interrupted(signal.SIGINT)])
def test_what_is_no_fault_shows_no_traceback(error: BaseException) -> None:
    """With `-v` too a usage error and an interruption are one line."""
    session, _, err = session_of({"is_verbose": True})
    report(raised(error), session)
    assert err.getvalue().count("\n") == 1
