"""The file of a video: what is asked for, what is refused before money is spent, and how it is fetched."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.cli.conftest import Terminal, names, parsed, session_of
from contract_tests.support.clients import FakeTime
from kling_elements import Task, TaskData, ValidationError
from kling_elements.cli.console import Console
from kling_elements.cli.context import Context
from kling_elements.cli.exit_codes import CommandError
from kling_elements.cli.output_file import check_output, fetch, take_output
from kling_elements.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]

BACKSLASHED = Path("new\\")


@pytest.mark.parametrize(
    ("words", "output", "options"),
    [
        ([], None, {"overwrite": False}),
        (["-o", "a.mp4"], "a.mp4", {"overwrite": False}),
        (["--overwrite"], None, {"overwrite": True}),
        (["--redirects", "any-host"], None, {"overwrite": False, "redirects": "any-host"}),
        (["--max-bytes", "1"], None, {"overwrite": False, "max_bytes": 1}),
        (
            ["--max-bytes", "9", "--redirects", "any", "--overwrite", "-o", "a"],
            "a",
            {"overwrite": True, "redirects": "any", "max_bytes": 9},
        ),
    ],
)
def test_a_run_takes_the_file_and_how_it_is_fetched(
    words: list[str], output: str | None, options: dict[str, Any]
) -> None:
    """The run knows the file, whether it may be replaced, and of the rest what was given."""
    session, _, _ = session_of()
    take_output(parsed("download", "t-1", *words), session)
    known = (session.output, session.may_overwrite, session.download_options)
    assert known == (output, options["overwrite"], options)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--max-bytes", "0"], "max_bytes must be a number of bytes, 1 or more: got 0"),
        (["--redirects", "x"], "redirects must be 'same-host' or 'any-host' or 'any': got 'x'"),
    ],
)
def test_a_fetch_that_cannot_be_asked_for(words: list[str], problem: str) -> None:
    """An option of the download that can't be used is refused at once."""
    session, _, _ = session_of()
    with pytest.raises(ValidationError) as caught:
        take_output(parsed("download", "t-1", *words), session)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    ("known", "task_id", "fault"),
    [
        ({"output": "new.mp4"}, None, None),
        ({"output": "there"}, None, "there exists: choose another name, or add --overwrite"),
        ({"output": "there", "may_overwrite": True}, None, None),
        ({"output": "dangling"}, None, "dangling exists: choose another name, or add --overwrite"),
        ({"output": "dangling", "may_overwrite": True}, None, None),
        ({"output": "folder"}, None, f"folder is a folder: {Path('folder/out.mp4')}"),
        ({"output": "folder", "may_overwrite": True}, None, f"folder is a folder: {Path('folder/out.mp4')}"),
        ({"output": "new/"}, None, f"new/ is a folder: {Path('new/out.mp4')}"),
        ({"output": "new\\"}, None, f"new\\ is a folder: {BACKSLASHED / 'out.mp4'}"),
        ({"output": "no/a.mp4"}, None, "there is no folder no: make it first"),
        ({"output": "-"}, None, "-o needs the name of a file: the video can't go to stdout"),
        ({"output": " "}, None, "-o needs the name of a file: the video can't go to stdout"),
        ({}, "t-1", None),
        ({}, "t-2", "t-2.mp4 exists: choose another name, or add --overwrite"),
        ({"may_overwrite": True}, "t-2", None),
        ({}, "t-3", f"t-3.mp4 is a folder: {Path('t-3.mp4/out.mp4')}"),
        ({}, None, None),
    ],
)
def test_a_file_is_checked_first(known: dict[str, Any], task_id: str | None, fault: str | None) -> None:
    """What stands in the way of the file is told, with what to do; nothing is made, or left behind."""
    Path("there").write_text("mine")
    Path("dangling").symlink_to("nowhere")
    Path("folder").mkdir()
    Path("t-2.mp4").write_text("mine")
    Path("t-3.mp4").mkdir()
    Path(".mp4").write_text("without a task there is no default file")
    before, (session, _, _) = names(), session_of(known)
    if fault is None:
        check_output(session, task_id)
    else:
        with pytest.raises(CommandError) as caught:
            check_output(session, task_id)
        told = str(caught.value).replace("name a file in it, such as ", "")
        assert told == f"{fault}. Nothing was sent"
    assert names() == before


@pytest.mark.parametrize(("known", "name"), [({}, "a file in this folder"), ({"output": "a.mp4"}, "a.mp4")])
def test_a_disk_that_takes_nothing_is_found_first(
    monkeypatch: pytest.MonkeyPatch, known: dict[str, Any], name: str
) -> None:
    """That nothing can be written is found by writing, and the system's own reason is told."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    session, _, _ = session_of(known)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CommandError) as caught:
        check_output(session)
    assert str(caught.value) == f"{name} can't be written: {os.strerror(errno.EROFS)}. Nothing was sent"


def test_a_video_is_fetched_as_it_was_asked_for() -> None:
    """The task is asked to be fetched to the run's file with the run's options, which the terminal shows."""
    asked: list[Any] = []

    def download(task: TaskData, target: Any, options: Any) -> Path:
        asked.append((task.id, target, options))
        return Path("done.mp4")

    time, terminal = FakeTime(), Terminal()
    session = Context(Console(None, terminal, {}))
    take_output(parsed("download", "t-1", "--max-bytes", "9", "--redirects", "any"), session)
    task = Task("t-1", "COMPLETED", downloader=download)
    progress = Progress(session.console, is_quiet=False, clock=time.clock, sleep=time.sleep)
    assert fetch(task, session, progress) == Path("done.mp4")
    assert asked == [
        ("t-1", Path("t-1.mp4"), {"overwrite": False, "max_bytes": 9, "redirects": "any"}),
    ]
    assert terminal.getvalue() == "\rCOMPLETED  fetching the video"


def test_a_video_that_is_too_large_is_not_kept(
    run: Run, serve_mock: Serve, image: Callable[..., str]
) -> None:
    """`--max-bytes` counts, and what was asked for is checked before money is spent."""
    served = serve_mock()
    refused = run("generate", image("a.png"), "--max-bytes", "0")
    assert (refused.code, len(served.mock.requests)) == (2, 0)
    task_id = run("create", "a.png").out.strip()
    run("wait", task_id, "--poll-interval", "0")
    ended = run("download", task_id, "-o", "a.mp4", "--max-bytes", "10")
    assert ended.code == 7
    assert names() == ["a.png"]
