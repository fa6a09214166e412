"""Whole parsed lines: every option of the commands, with its forms, its type and its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.cli.conftest import parsed
from kling_elements.operations.wait import WAIT_TIMEOUT
from kling_elements.settings import REQUEST_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended

    Run = Callable[..., Ended]

COMMON = {
    "version": False, "json": False, "quiet": False, "verbose": 0, "base_url": None, "auth_header": None,
    "api_key_file": None, "request_timeout": REQUEST_TIMEOUT,
}  # fmt: skip
REQUEST = {
    "prompt": None, "negative_prompt": None, "duration": None, "aspect_ratio": None, "webhook_url": None,
    "model": None, "check_images": False, "local_files": None,
}  # fmt: skip
FIELDS = "--negative-prompt n --duration 5 --aspect-ratio r --webhook-url w --model m"
WAIT = {"timeout": WAIT_TIMEOUT, "poll_interval": None}
OUTPUT = {"output": None, "overwrite": False, "redirects": None, "max_bytes": None}
BATCH = {"workers": 3, "batch_id": None, "retry_unknown": False, "retry_failed": False}
RESUME: dict[str, Any] = {
    "directory": None,
    "workers": 3,
    "adopt": None,
    "entry": None,
    "output": None,
    "abandon": [],
}


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("create a b", {**COMMON, **REQUEST, "images": ["a", "b"]}),
        (
            "-q --json create a --check-images --local-files upload -vv --request-timeout 4",
            {
                **COMMON, **REQUEST, "images": ["a"], "check_images": True, "local_files": "upload",
                "quiet": True, "json": True, "verbose": 2, "request_timeout": 4.0,
            },
        ),
        ("generate a", {**COMMON, **REQUEST, **WAIT, **OUTPUT, "images": ["a"]}),
        (
            f"generate a --prompt p b {FIELDS}",
            {
                **COMMON, **WAIT, **OUTPUT, "images": ["a", "b"], "prompt": "p", "negative_prompt": "n",
                "duration": "5", "aspect_ratio": "r", "webhook_url": "w", "model": "m", "check_images": False,
                "local_files": None,
            },
        ),
        ("status 1", {**COMMON, "id": "1"}),
        ("list", {**COMMON, "model": None}),
        ("list --model pro", {**COMMON, "model": "pro"}),
        ("download 1", {**COMMON, **OUTPUT, "id": "1"}),
        ("wait 1", {**COMMON, **WAIT, **OUTPUT, "id": "1"}),
        (
            "wait 1 --overwrite --redirects any --max-bytes 9 --timeout 2 --poll-interval 3 -o f",
            {
                **COMMON, "id": "1", "timeout": 2.0, "poll_interval": 3.0, "output": "f", "overwrite": True,
                "redirects": "any", "max_bytes": 9,
            },
        ),
        ("batch j -d o", {**COMMON, **WAIT, **BATCH, "jobs": "j", "directory": "o"}),
        (
            "batch j --directory o --workers 2 --batch-id b --retry-unknown --retry-failed",
            {
                **COMMON, **WAIT, "jobs": "j", "directory": "o", "workers": 2, "batch_id": "b",
                "retry_unknown": True, "retry_failed": True,
            },
        ),
        ("resume", {**COMMON, **WAIT, **RESUME}),
        (
            "resume -d o --workers 2 --adopt t --entry e -o f --abandon x --abandon y",
            {
                **COMMON, **WAIT, "directory": "o", "workers": 2, "adopt": "t", "entry": "e", "output": "f",
                "abandon": ["x", "y"],
            },
        ),
        ("resume --directory o --output f", {**COMMON, **WAIT, **RESUME, "directory": "o", "output": "f"}),
    ],
)  # fmt: skip
def test_a_line_is_parsed_to_these_options(line: str, options: dict[str, Any]) -> None:
    """Each option has its long and short form, its type and its default."""
    assert vars(parsed(*line.split())) == options


@pytest.mark.parametrize(
    ("command", "titles"),
    [
        ("generate", ["the request:", "the wait:", "the file:", "for every command:"]),
        ("batch", ["what may be paid twice:", "the wait:", "for every command:"]),
        ("resume", ["creates whose outcome is unknown:", "the wait:", "for every command:"]),
    ],
)
def test_help_groups_the_options(run: Run, command: str, titles: list[str]) -> None:
    """The help of a command groups its options under titles."""
    lines = run(command, "--help").out.splitlines()
    assert [line for line in lines if line in titles] == titles


@pytest.mark.parametrize(
    ("command", "default"),
    [
        ("generate", "the task's id and .mp4, in the current folder"),
        ("download", "the task's id and .mp4, in the current folder"),
        ("wait", "none; the task is shown"),
    ],
)
def test_help_tells_where_a_video_goes(run: Run, command: str, default: str) -> None:
    """The help of a command says what becomes of the video without `-o`."""
    assert f"where the video goes (default: {default})" in " ".join(run(command, "--help").out.split())


@pytest.mark.parametrize(
    ("line", "missing"),
    [("status", "ID"), ("download", "ID"), ("wait", "ID"), ("create", "IMAGE"), ("batch -d o", "JOBS")],
)
def test_what_a_line_must_have(run: Run, line: str, missing: str) -> None:
    """What a command can't do without is named as its help names it."""
    command = line.split(maxsplit=1)[0]
    ended = run(*line.split())
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"kling-elements: the following arguments are required: {missing}. "
        f"See: kling-elements {command} --help\n"
    )
