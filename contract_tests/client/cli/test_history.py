"""What the journal knows (`history`, `list`, ids by their beginning); `--open`, completion, pages, plans."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import Terminal
from contract_tests.client.cli.unfinished import NOW, URL, asked, begun, foreign, in_doubt
from kling_elements import Journal, Task
from kling_elements.cli.command_list import COMMANDS
from kling_elements.cli.console import Console
from kling_elements.cli.task_table import show_tasks
from kling_elements.journal import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]

KEYS = ["id", "status", "created_at", "model", "origin", "batch", "job", "file", "target", "entry", "note"]
IDS = ("abc00000-0000-4000-8000-000000000000", "abc00001-0000-4000-8000-000000000000", "abd", "x")


def test_history_shows_what_the_journal_knows(
    run: Run, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries come oldest first, filtered, the newest few by default; no key or service is needed."""
    monkeypatch.delenv("KLING_ELEMENTS_API_KEY")
    assert run("history").err == "no tasks\n"
    monkeypatch.setenv("KLING_ELEMENTS_API_KEY", "any")
    for number, task_id in enumerate(IDS):
        Journal.open().created(
            in_doubt(nowhere, job=Job(f"batch-{number % 2}", task_id)), Task(task_id, "FAILED")
        )
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
    assert (ended.code, "can't be read" in ended.err) == (1, True)


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
    assert [method for method, _ in asked(served)] == ["GET"]
    assert run("wait", other[:8], "-o", "o.mp4", *NOW).out == "o.mp4\n"
    assert run("download", mine[:8], "-o", "d.mp4").out == "d.mp4\n"
    rows = {row.split("\t")[0]: row.split("\t")[1:] for row in run("list").out.splitlines()}
    assert rows[other] == ["COMPLETED", "", ""]
    assert (rows[mine][0], rows[mine][2]) == ("COMPLETED", str(Path("d.mp4").absolute()))
    ended = run("status", "0123456")
    assert (ended.code, "there is no task that begins with 0123456" in ended.err) == (2, True)
    for task_id in IDS[:2]:
        Journal.open().created(in_doubt(served.url), Task(task_id, "CREATED"))
    ended = run("status", "abc")
    assert (ended.code, ended.err.count("abc0000")) == (2, 2)
    entry = in_doubt(served.url)
    assert run("resume", "--abandon", entry[:10], "--timeout", "0").err.startswith(f"abandoned {entry}\n")


@pytest.mark.parametrize("can_open", [True, False])
def test_the_video_is_opened(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch, *, can_open: bool
) -> None:
    """`--open` opens the file when it is there; where nothing can open it, that is said, and no failure."""
    serve_mock()
    opened: list[str] = []

    def open_url(url: str) -> bool:
        opened.append(url)
        return can_open

    monkeypatch.setattr(webbrowser, "open", open_url)
    ended = run("-q", "generate", URL, "-o", "a b.mp4", "--open", *NOW)
    assert (ended.code, opened) == (0, [Path("a b.mp4").absolute().as_uri()])
    assert ("can't be opened here" in ended.err) is not can_open


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command_and_value(
    run: Run, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script has all commands, and the values of the document; without shtab it says what to install."""
    script = run("completion", shell).out
    assert all(name in script for name in (*COMMANDS, "social_story_9_16", "dry-run"))
    if shell == "bash":
        line = ["/bin/bash", "-c", f"{script}\ntype -t _shtab_kling_elements"]
        told = subprocess.run(line, capture_output=True, text=True, check=True)  # noqa: S603 - our own script
        assert told.stdout == "function\n"
    monkeypatch.setitem(sys.modules, "shtab", None)
    ended = run("completion", shell)
    assert (ended.code, "kling-elements[terminal]" in ended.err) == (2, True)


def test_the_page_of_a_batch(run: Run, serve_mock: Serve, image: Callable[..., str]) -> None:
    """`--report` shows each video beside its image, escaped; another program's page is left alone."""
    served = serve_mock()
    Path("in").mkdir()
    image("in/<b>.png")
    image("in/small.png", (50, 50))
    evil = "</script><script>alert(1)</script>"
    words = ("batch", "in", "-d", "out", "--prompt", evil, "--report", *NOW)
    ended = run(*words, "--json")
    assert (ended.code, ended.json["page"]) == (9, "out/report.html")
    page = Path("out/report.html").read_text()
    assert page.count("<article>") == 2
    assert page.count('<img src="data:image/jpeg;base64,') == 2
    assert 'data-src="%3Cb%3E.mp4#t=0.1"' in page
    assert ("&lt;b&gt;.mp4" in page, "at least 300x300" in page, evil in page, page.count("<script>")) == (
        True, True, False, 1,
    )  # fmt: skip
    assert json.loads(Path("out/report.jsonl").read_text().splitlines()[0])["images"] != []
    assert "Each video beside its image: out/report.html\n" in run(*words).err
    Path("out/report.html").write_text("mine")
    asked(served)
    ended = run(*words)
    assert (ended.code, asked(served), Path("out/report.html").read_text()) == (2, [], "mine")


def test_a_plan_as_json(run: Run, serve_mock: Serve, image: Callable[..., str]) -> None:
    """A dry run prints what would be done of each job; a mixture of images and other files is refused."""
    served = serve_mock()
    Path("jobs.csv").write_text(f"images,id\n{URL},web\n{image('a.png')},\n", encoding="utf-8")
    ended = run("batch", "jobs.csv", "-d", "out", "--dry-run", "--json")
    assert (ended.code, ended.json["planned"], [job["id"] for job in ended.json["plan"]][:1]) == (
        0,
        2,
        ["web"],
    )
    ended = run("batch", "jobs.csv", "-d", "out", "--dry-run")
    assert ended.out.startswith("make  2 (web)  from a.png\nmake  3 (")
    assert ended.err == "2 jobs: 2 planned. Nothing was sent\n"
    assert run("batch", "jobs.csv", "a.png", "-d", "out").code == 2
    assert run("batch", "jobs.csv", "-d", "out", "--duration", "7").code == 2
    assert (asked(served), Path("out").exists()) == ([], False)
