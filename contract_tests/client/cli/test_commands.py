"""The commands, run in this process against a mock over a socket."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import KEY, names

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended, SilentService
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]
    Draw = Callable[..., str]

NOW = ("--poll-interval", "0")


def test_generate_gives_the_file(run: Run, serve_mock: Serve, image: Draw) -> None:
    """`generate` leaves the video, names it on stdout and nothing else, and tells the id on stderr."""
    served = serve_mock()
    ended = run("generate", image("a.jpg"), "--prompt", "x", image("b.png"), "-o", "out.mp4", *NOW)
    assert (ended.code, ended.out) == (0, "out.mp4\n")
    assert Path("out.mp4").read_bytes()[4:8] == b"ftyp"
    assert f"task {served.mock.tasks[0].id}\n" in ended.err
    assert "COMPLETED after " in ended.err


def test_generate_as_json(run: Run, serve_mock: Serve, image: Draw) -> None:
    """With `--json` stdout is one document with id, status, addresses, expiry, request id and file."""
    served = serve_mock()
    ended = run("--json", "generate", image("a.jpg"), *NOW)
    task_id = served.mock.tasks[0].id
    assert ended.code == 0
    assert set(ended.json) == {"id", "status", "urls", "expires_at", "request_id", "file"}
    assert ended.json["file"] == f"{task_id}.mp4"
    assert Path(ended.json["file"]).is_file()
    assert "hmac=" in ended.json["urls"][0]
    assert ended.err == f"task {task_id}\n"


def test_the_whole_way_in_steps(run: Run, serve_mock: Serve, image: Draw) -> None:
    """`create`, `list`, `wait`, `status` and `download` do what `generate` does at once."""
    serve_mock()
    created = run("create", image("a.jpg"), "--duration", "5")
    task_id = created.out.strip()
    assert created.code == 0
    assert f"Next: kling-elements wait {task_id} -o {task_id}.mp4\n" in created.err
    assert run("list").out.startswith(f"{task_id}\t")
    waited = run("wait", task_id, *NOW)
    assert waited.code == 0
    shown = run("status", task_id)
    assert shown.out.splitlines()[:2] == [f"id      {task_id}", "status  COMPLETED"]
    assert "hmac=" in shown.out
    assert run("download", task_id, "-o", "d.mp4").out == "d.mp4\n"
    assert Path("d.mp4").is_file()
    assert run("wait", task_id, "-o", "w.mp4", *NOW).out == "w.mp4\n"


def test_an_existing_file_stops_before_anything_is_sent(run: Run, serve_mock: Serve, image: Draw) -> None:
    """A file that exists is refused before money is spent, and stays as it is."""
    served = serve_mock()
    Path("out.mp4").write_text("mine")
    ended = run("generate", image("a.jpg"), "-o", "out.mp4")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "--overwrite" in ended.err
    assert not served.mock.requests
    assert Path("out.mp4").read_text() == "mine"
    assert run("generate", "a.jpg", "-o", "out.mp4", "--overwrite", *NOW).code == 0
    assert Path("out.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["a.jpg", "-o", "missing/x.mp4"], "no folder missing"),
        (["a.jpg", "-o", "."], "is a folder"),
        (["a.jpg", "-o", ""], "name of a file"),
        (["a.jpg", "-o", "n" * 300], "can't be written"),
        (["a.jpg", "--duration", "7"], "duration must be the string '5' or '10'"),
        (["a.jpg", "--aspect-ratio", "16:9"], "did you mean 'widescreen_16_9'"),
        (["a.jpg", "--model", "ultra"], "model must be"),
        (["nope.jpg"], "nope.jpg does not exist"),
        (["small.png"], "at least 300x300"),
        (["a.jpg", "--timeout", "-1"], "timeout must be"),
        (["a.jpg", "--base-url", "ftp://x"], "base_url must be"),
        (["a.jpg", "--api-key-file", "missing"], "No such file"),
        (["a.jpg", "--api-key-file", "small.png"], "is not text"),
        (["a.jpg", "-o", "pipe", "--overwrite"], "pipe is not a regular file"),
        (["a.jpg", "-o", "to-device", "--overwrite"], "to-device is not a regular file"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_sent(
    run: Run, silent_service: SilentService, image: Draw, args: list[str], said: str
) -> None:
    """Bad input ends with exit code 2 and one clear line, before anything was sent."""
    image("a.jpg")
    image("small.png", (200, 150))
    os.mkfifo("pipe")
    Path("to-device").symlink_to(os.devnull)
    before = names()
    ended = run("--base-url", silent_service.url, "generate", *args)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("kling-elements: ")
    assert said in ended.err
    assert "Nothing was sent" in ended.err
    assert not silent_service.was_asked
    assert names() == before
    assert Path("pipe").is_fifo()


def test_a_missing_key_is_told_with_the_variables(
    run: Run, serve_mock: Serve, image: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key the line names the variables, and the file option that keeps it out of the history."""
    served = serve_mock()
    monkeypatch.delenv("KLING_ELEMENTS_API_KEY")
    ended = run("generate", image("a.jpg"))
    assert ended.code == 2
    assert all(word in ended.err for word in ("FREEPIK_API_KEY", "MAGNIFIC_API_KEY", "--api-key-file"))
    Path("key").write_text(f"{KEY}\r\n", encoding="utf-8-sig")
    assert run("list", "--api-key-file", "key").code == 0
    assert [request.status for request in served.mock.requests] == [404]


@pytest.mark.parametrize(
    "case",
    [
        ("fail", 4, "FAILED"),
        ("complete-empty", 4, "without a video"),
        ("never-finish", 5, "Next: kling-elements wait ID -o 'my out.mp4'"),
        ("html-503", 6, "Next: kling-elements list"),
        ("reset", 6, "Next: kling-elements list"),
        ("created-but-500", 6, "Next: kling-elements list"),
        ("quota", 3, "HTTP 429"),
        ("status=402", 3, "HTTP 402"),
        ("expire", 7, "ID"),
    ],
)
def test_each_bad_end_has_its_exit_code(
    run: Run, serve_mock: Serve, image: Draw, case: tuple[str, int, str]
) -> None:
    """Each bad end has its exit code, names the task, tells what to type next, and leaves no file behind."""
    scenario, code, said = case
    served = serve_mock(scenario)
    ended = run("generate", image("a.jpg"), "--timeout", "0.1", "-o", "my out.mp4", "--json", *NOW)
    task_id = served.mock.tasks[0].id if served.mock.tasks else None
    error = ended.json["error"]
    assert (ended.code, error["exit_code"]) == (code, code)
    assert said.replace("ID", str(task_id)) in error["message"]
    assert error["message"].split(". ")[0] in ended.err
    if code in {4, 5, 7}:
        assert error["task_id"] == task_id
    assert ("resume" in error) == (code == 5)
    assert names() == ["a.jpg"]


def test_a_refused_key(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused key is exit code 3, and is not shown."""
    serve_mock()
    monkeypatch.setenv("KLING_ELEMENTS_API_KEY", "invalid-0123456789")
    ended = run("list", "-vv")
    assert ended.code == 3
    assert "401" in ended.err
    assert "invalid-0123456789" not in ended.out + ended.err


def test_an_unfinished_task_is_not_downloaded(run: Run, serve_mock: Serve, image: Draw) -> None:
    """`download` of a task that is not done says how to wait for it, with the file that was asked for."""
    serve_mock("never-finish")
    task_id = run("create", image("a.jpg")).out.strip()
    ended = run("download", task_id, "-o", "x.mp4")
    assert ended.code == 5
    assert f"Next: kling-elements wait {task_id} -o x.mp4\n" in ended.err


def test_an_unexpected_error_is_one_line(
    run: Run, serve_mock: Serve, image: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody foresaw is one line with the task; `-v` adds the traceback, without the key."""
    serve_mock("never-finish")

    def break_down(*_: object) -> None:
        raise RuntimeError(f"odd {KEY} https://cdn.example/v.mp4?token=exp=1~hmac=abc")

    monkeypatch.setattr("kling_elements.cli.progress.Progress.update", break_down)
    plain = run("generate", image("a.jpg"), *NOW)
    assert plain.code == 1
    assert "RuntimeError" in plain.err
    assert "Next: kling-elements wait " in plain.err
    assert "Traceback" not in plain.err
    told = run("generate", "a.jpg", "-v", *NOW)
    assert "Traceback" in told.err
    assert KEY not in plain.err + told.err
    assert "hmac" not in plain.err + told.err
