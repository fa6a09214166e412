"""The commands about one task, run in this process against a mock over a socket."""

from __future__ import annotations

import os
import re
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import (
    IDS,
    KEY,
    NOW,
    URL,
    Terminal,
    about,
    asked,
    begun,
    foreign,
    in_doubt,
    names,
    unwaited,
)  # fmt: skip
from contract_tests.support.answers import png
from contract_tests.support.loopback import refused_url
from kling_elements import Journal
from kling_elements.cli.console import Console
from kling_elements.cli.task_table import show_tasks
from kling_elements.journal import Job

if TYPE_CHECKING:
    from contract_tests.client.cli.conftest import Run, Serve


@pytest.fixture(autouse=True)
def _images() -> None:
    Path("a.png").write_bytes(png())


def test_generate_gives_the_file(run: Run, serve_mock: Serve) -> None:
    """`generate` leaves the video, names it on stdout and nothing else, and shows the id on stderr."""
    served = serve_mock()
    ended = run("generate", "a.png", "--prompt", "x", "a.png", "-o", "out.mp4", *NOW)
    assert (ended.code, ended.out) == (0, "out.mp4\n")
    assert Path("out.mp4").read_bytes()[4:8] == b"ftyp"
    assert ended.err.startswith(f"task {served.mock.tasks[0].id}\n")
    assert "COMPLETED" in ended.err
    ended = run("--json", "generate", URL, *NOW)
    task_id = served.mock.tasks[1].id
    assert (ended.code, ended.err) == (0, f"task {task_id}\n")
    assert set(ended.json) == {"id", "status", "urls", "expires_at", "request_id", "file"}
    assert (ended.json["id"], ended.json["file"]) == (task_id, f"{task_id}.mp4")
    assert "hmac=" in ended.json["urls"][0]
    assert Path(ended.json["file"]).is_file()


def test_the_whole_way_in_steps(run: Run, serve_mock: Serve) -> None:
    """`create`, `list`, `wait`, `status` and `download` do what `generate` does at once."""
    serve_mock()
    created = run("create", "a.png", "--duration", "5")
    task_id = created.out.strip()
    assert created.code == 0
    assert f"Next: kling-elements wait {task_id} -o {task_id}.mp4\n" in created.err
    assert run("list").out.startswith(f"{task_id}\t")
    assert run("list", "--json").json["tasks"][0]["id"] == task_id
    waited = run("wait", task_id, *NOW)
    assert waited.out.splitlines()[:2] == [f"id      {task_id}", "status  COMPLETED"]
    assert "hmac=" in run("status", task_id).out
    assert run("status", task_id, "--json").json["status"] == "COMPLETED"
    assert run("download", task_id, "-o", "d.mp4", "--redirects", "same-host").out == "d.mp4\n"
    assert run("wait", task_id, "-o", "w.mp4", *NOW).out == "w.mp4\n"
    assert names() == ["a.png", "d.mp4", "w.mp4"]
    other = run("create", URL, "--json", "--model", "pro", "--local-files", "base64")
    assert (other.json["status"], other.err) == ("CREATED", f"task {other.json['id']}\n")


def test_an_existing_file_stops_before_anything_is_sent(run: Run, serve_mock: Serve) -> None:
    """A file that exists is refused before money is spent, and stays as it is."""
    served = serve_mock()
    Path("out.mp4").write_text("mine")
    ended = run("generate", "a.png", "-o", "out.mp4")
    assert (ended.code, ended.err.count("\n"), "--overwrite" in ended.err) == (2, 1, True)
    assert asked(served) == []
    assert Path("out.mp4").read_text() == "mine"
    assert run("generate", "a.png", "-o", "out.mp4", "--overwrite", *NOW).code == 0
    assert Path("out.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["a.png", "-o", "missing/x.mp4"], "missing"),
        (["a.png", "-o", "."], "folder"),
        (["a.png", "-o", ""], "-o"),
        (["a.png", "-o", "-"], "-o"),
        (["a.png", "-o", "n" * 300], "nnn"),
        (["a.png", "-o", "pipe", "--overwrite"], "pipe"),
        (["a.png", "-o", "to-device", "--overwrite"], "to-device"),
        (["a.png", "--duration", "7"], "duration"),
        (["a.png", "--aspect-ratio", "16:9"], "'widescreen_16_9'"),
        (["a.png", "--model", "ultra"], "model"),
        (["a.png", "--redirects", "x"], "redirects"),
        (["nope.jpg"], "nope.jpg"),
        (["small.png"], "300x300"),
        (["a.png", "--timeout", "-1"], "timeout"),
        (["a.png", "--base-url", "ftp://x"], "base_url"),
        (["a.png", "--api-key-file", "missing"], "missing"),
        (["a.png", "--api-key-file", "small.png"], "small.png"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_sent(
    run: Run, serve_mock: Serve, args: list[str], said: str
) -> None:
    """Bad input ends with exit code 2 and one clear line, before anything was sent."""
    served = serve_mock()
    Path("small.png").write_bytes(png(200, 150))
    os.mkfifo("pipe")
    Path("to-device").symlink_to(os.devnull)
    before = names()
    ended = run("generate", *args)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("kling-elements: ")
    assert said in ended.err
    assert "Nothing was sent" in ended.err
    assert asked(served) == []
    assert names() == before
    assert Path("pipe").is_fifo()


def test_the_key(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key the variables are named; a refused key is exit code 3, and is not shown."""
    served = serve_mock()
    monkeypatch.setenv("KLING_ELEMENTS_API_KEY", "invalid-0123456789")
    ended = run("list", "-vv")
    assert (ended.code, "401" in ended.err, "invalid-0123456789" in ended.out + ended.err) == (3, True, False)
    asked(served)
    monkeypatch.delenv("KLING_ELEMENTS_API_KEY")
    ended = run("generate", "a.png")
    assert (ended.code, asked(served)) == (2, [])
    assert all(word in ended.err for word in ("FREEPIK_API_KEY", "MAGNIFIC_API_KEY", "--api-key-file"))
    Path("key").write_text(f"{KEY}\r\n", encoding="utf-8-sig")
    ended = run("list", "--api-key-file", "key")
    assert (ended.code, ended.err) == (0, "no tasks\n")


@pytest.mark.parametrize(
    ("scenario", "code", "said"),
    [
        ("fail", 4, "ID"),
        ("complete-empty", 4, "ID"),
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
    run: Run, serve_mock: Serve, scenario: str, code: int, said: str
) -> None:
    """Each bad end names the task and what to type next, and leaves no file behind."""
    served = serve_mock(scenario)
    ended = run("generate", "a.png", "--timeout", "0.1", "-o", "my out.mp4", "--json", *NOW)
    task_id = served.mock.tasks[0].id if served.mock.tasks else None
    error = ended.json["error"]
    assert (ended.code, error["exit_code"]) == (code, code)
    assert said.replace("ID", str(task_id)) in error["message"]
    assert error["message"].split(". ")[0] in ended.err
    if code in {4, 5, 7}:
        assert error["task_id"] == task_id
    assert ("resume" in error) == (code == 5)
    assert names() == ["a.png"]


def test_a_service_that_is_not_reached(run: Run) -> None:
    """It is exit code 8, and no task was made."""
    ended = run("--base-url", refused_url(), "list", "--json")
    assert (ended.code, ended.json["error"]["type"]) == (8, "ConnectionFailed")


def test_an_unfinished_task_is_not_downloaded(run: Run, serve_mock: Serve) -> None:
    """`download` of a task that is not done says how to wait for it, with the file that was asked for."""
    task_id = foreign(serve_mock("never-finish"))
    ended = run("download", task_id, "-o", "x.mp4")
    assert ended.code == 5
    assert f"Next: kling-elements wait {task_id} -o x.mp4\n" in ended.err


def test_an_unexpected_error_is_one_line(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody foresaw is one line with the task; `-v` adds the traceback, without the key."""
    serve_mock("never-finish")

    def break_down(*_: object) -> None:
        raise RuntimeError(f"odd {KEY} https://cdn.example/v.mp4?token=exp=1~hmac=abc")

    monkeypatch.setattr("kling_elements.cli.progress.Progress.update", break_down)
    plain, verbose = (run("generate", "a.png", *words, *NOW) for words in ((), ("-v",)))
    assert plain.code == 1
    assert "RuntimeError" in plain.err
    assert "Next: kling-elements wait " in plain.err
    assert ("Traceback" in plain.err, "Traceback" in verbose.err) == (False, True)
    assert KEY not in plain.err + verbose.err
    assert "hmac" not in plain.err + verbose.err


KEYS = ["id", "status", "created_at", "model", "origin", "batch", "job", "file", "target", "entry", "note"]


def test_history_shows_what_the_journal_knows(
    run: Run, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries come oldest first, filtered, the newest few by default; no key or service is needed."""
    assert run("history").err == "no tasks\n"
    for number, task_id in enumerate(IDS):
        unwaited(nowhere, task_id, "FAILED", job=Job(f"batch-{number % 2}", task_id))
    in_doubt(nowhere, "no answer", target="/videos/a.mp4")
    Journal.open().downloaded("x", "/videos/x.mp4")
    monkeypatch.delenv("KLING_ELEMENTS_API_KEY")
    shown = [line.split("\t") for line in run("history").out.splitlines()]
    assert [row[1:] for row in shown[-2:]] == [
        ["x", "FAILED", "std", "batch-1", "/videos/x.mp4"], ["", "unknown", "std", "", ""],
    ]  # fmt: skip
    for words, ids in (
        ((), [*IDS, None]), (("-n", "2"), ["x", None]), (("-n", "0"), [*IDS, None]),
        (("--status", "UNKNOWN"), [None]), (("--batch", "batch-1"), [IDS[1], "x"]),
    ):  # fmt: skip
        tasks = run("history", "--json", *words).json["tasks"]
        assert [task["id"] for task in tasks] == ids
        assert all(list(task) == KEYS for task in tasks)
    assert (run("history", "-n", "-1").code, run("history", "--status", "COMPLETED").err) == (2, "no tasks\n")
    monkeypatch.setenv("KLING_ELEMENTS_JOURNAL", str(Path.cwd()))
    ended = run("history")
    assert (ended.code, str(Path.cwd()) in ended.err) == (1, True)


def test_a_table_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal ids are cut as short as they differ, paths begin here, columns go that don't fit."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    rows = [
        ("abc0000012", "std", "COMPLETED", None, ""),
        ("abc0000034", "std", "\x1b[2J", 0.0, str(Path("o/a").absolute())),
    ]
    show_tasks(Console(out := Terminal(), None, {}), ("id", "model", "status", "when", "file"), rows)
    lines = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue()).splitlines()
    assert [line.rstrip() for line in lines] == [
        "id         model  status     file",
        "abc000001  std    COMPLETED",
        "abc000003  std    \\x1b[2J    o/a",
    ]


def test_a_task_is_found_by_its_beginning(run: Run, serve_mock: Serve) -> None:
    """The first characters are enough if one task alone begins so, in the journal, else in the account."""
    served = serve_mock()
    mine, other = str(begun(run, served).task_id), foreign(served)
    assert run("status", mine[:8]).out.startswith(f"id      {mine}\n")
    assert asked(served) == [about(mine)]
    assert run("wait", other[:8], "-o", "o.mp4", *NOW).out == "o.mp4\n"
    assert run("download", mine[:8], "-o", "d.mp4").out == "d.mp4\n"
    rows = {row.split("\t")[0]: row.split("\t")[1:] for row in run("list").out.splitlines()}
    assert rows[other] == ["COMPLETED", "", ""]
    assert (rows[mine][0], rows[mine][2]) == ("COMPLETED", str(Path("d.mp4").absolute()))
    for task_id in IDS[:2]:
        unwaited(served.url, task_id)
    for given, found in (("0123456", 0), ("abc", 2)):
        ended = run("status", given)
        assert (ended.code, ended.err.count("abc0000")) == (2, found)
    entry = in_doubt(served.url)
    assert run("resume", "--abandon", entry[:10], "--timeout", "0").err.startswith(f"abandoned {entry}\n")


@pytest.mark.parametrize("can_open", [True, False])
def test_the_video_is_opened(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch, *, can_open: bool
) -> None:
    """`--open` opens the file when it is there; where nothing can open it, that is said, and no failure."""
    serve_mock()
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(opened.append(url)) or can_open)  # type: ignore[func-returns-value]
    ended = run("-q", "generate", URL, "-o", "a b.mp4", "--open", *NOW)
    assert (ended.code, opened) == (0, [Path("a b.mp4").absolute().as_uri()])
    assert ("a b.mp4" in ended.err) is not can_open
