"""Whole outputs and whole parsed lines: what people and scripts see of a run, to the letter."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.command_line.conftest import parsed
from kling_elements import Journal
from kling_elements.batch import Batch
from kling_elements.command_line.interruption import Interrupted
from kling_elements.defaults import REQUEST_TIMEOUT, WAIT_TIMEOUT
from kling_elements_mock.tasks import Polls

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.command_line.conftest import Ended
    from kling_elements_mock.server import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]
    Draw = Callable[..., str]

NOTHING_RUNS = "interrupted (SIGTERM). No task was left running. To go on: "
FETCH_ONLY = "kling-elements: to fetch only what was created: kling-elements resume\n"
NOW = ("--poll-interval", "0")
COMMON = {
    "version": False, "json": False, "quiet": False, "verbose": 0, "base_url": None, "auth_header": None,
    "api_key_file": None, "request_timeout": REQUEST_TIMEOUT,
}  # fmt: skip
REQUEST = {
    "prompt": None, "negative_prompt": None, "duration": None, "aspect_ratio": None, "webhook_url": None,
    "model": None, "check_images": False, "local_files": None,
}  # fmt: skip
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


def unfinished(run: Run, served: ServedMock, *more: str) -> tuple[str, str]:
    """A task that was created and not waited for, and its entry."""
    run("generate", "a.jpg", "--timeout", "0", *more)
    task_id = served.mock.tasks[-1].id
    entry = Journal.open().find(task_id)
    assert entry is not None
    return task_id, entry.entry_id


def test_resume_tells_each_end(run: Run, serve_mock: Serve, image: Draw) -> None:
    """`resume` tells of each task what became of it: no file noted, failed, or another process is at it."""
    served = serve_mock(pace=Polls(2))
    image("a.jpg")
    run("create", "a.jpg")
    made = served.mock.tasks[-1].id
    hint = f"To fetch it: kling-elements download {made} -o FILE"
    ended = run("resume", *NOW)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"task {made} is COMPLETED, and no file is noted for its video. {hint}\n"
    busy, entry_id = unfinished(run, served, "-o", "b.mp4")
    assert Journal.open().claim(entry_id, "another", 60)
    ended = run("resume", "--directory", "out", *NOW)
    assert ended.code == 0
    assert f"task {busy}: another process is at it\n" in ended.err
    served.mock.next_scenario("fail")
    failed, _ = unfinished(run, served, "-o", "c.mp4")
    ended = run("resume", *NOW)
    assert ended.code == 9
    assert f"kling-elements: task {failed}: failed: " in ended.err


def test_resume_as_json(run: Run, serve_mock: Serve, image: Draw) -> None:
    """With `--json` stdout is one document: what was finished, what is doubtful, and what nobody recorded."""
    served = serve_mock(pace=Polls(2))
    image("a.jpg")
    task_id, entry_id = unfinished(run, served, "-o", "a.mp4")
    served.mock.next_scenario("created-but-500")
    run("generate", "a.jpg", "-o", "b.mp4")
    ended = run("resume", "--json", *NOW)
    finished = {
        "task_id": task_id,
        "entry": entry_id,
        "standing": "done",
        "file": str(Path("a.mp4").absolute()),
        "error": None,
    }
    assert (ended.code, ended.err, ended.json["finished"]) == (6, "", [finished])
    (unknown,) = ended.json["unknown"]
    assert (unknown["batch"], unknown["job"]) == (None, None)
    assert unknown["target"] == str(Path("b.mp4").absolute())
    assert set(unknown) == {"entry", "batch", "job", "target", "why"}
    assert [each["id"] for each in ended.json["unrecorded"]] == [served.mock.tasks[-1].id]


def test_the_only_doubtful_entry_takes_the_task(run: Run, serve_mock: Serve, image: Draw) -> None:
    """With one doubtful create `--adopt` needs no `--entry`, and the video goes where it was to go."""
    served = serve_mock("created-but-500")
    image("a.jpg")
    run("generate", "a.jpg", "-o", "b.mp4")
    task_id = served.mock.tasks[0].id
    ended = run("resume", "--adopt", task_id, *NOW)
    assert (ended.code, ended.out) == (0, f"{Path('b.mp4').absolute()}\n")
    assert ended.err == f"took task {task_id} into the journal\n"


def interrupt(*_: object) -> Any:
    raise Interrupted(signal.SIGTERM)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("resume", "interrupted (SIGTERM). To go on: kling-elements resume\n"),
        (
            "batch jobs.jsonl -d out --workers 2 --batch-id b",
            f"{NOTHING_RUNS}kling-elements batch jobs.jsonl -d out --workers 2 --batch-id b\n{FETCH_ONLY}",
        ),
        (
            "batch jobs.jsonl -d out",
            f"{NOTHING_RUNS}kling-elements batch jobs.jsonl -d out\n{FETCH_ONLY}",
        ),
    ],
)
def test_an_interruption_tells_the_line_that_goes_on(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch, line: str, told: str
) -> None:
    """A signal ends `batch` and `resume` with its code and the command that goes on, with its options."""
    serve_mock()
    Path("jobs.jsonl").write_text(json.dumps({"images": ["https://example.com/a.png"]}) + "\n")
    monkeypatch.setattr(Batch, "__next__", interrupt)
    ended = run(*line.split())
    assert (ended.code, ended.out) == (143, "")
    assert f"kling-elements: {told}" in ended.err
