"""The commands about one task, run in this process against a mock over a socket."""

import os
import re
import webbrowser
from pathlib import Path

import pytest

from contract_tests.client.cli.conftest import (
    IDS,
    KEY,
    NOW,
    URL,
    Cli,
    Terminal,
    about,
    names,
)  # fmt: skip
from contract_tests.support.answers import png
from contract_tests.support.loopback import refused_url, serving
from kling_elements import Journal
from kling_elements.cli.console import Console
from kling_elements.cli.task_table import show_tasks
from kling_elements.journal import Job


@pytest.fixture(autouse=True)
def _images() -> None:
    Path("a.png").write_bytes(png())


def test_generate_gives_the_file(cli: Cli) -> None:
    """`generate` leaves the video, names it on stdout and nothing else, and shows the id on stderr."""
    Path("out.mp4").write_text("old")
    ended = cli("generate", "a.png", "--prompt", "x", "a.png", "-o", "out.mp4", "--overwrite", *NOW)
    assert (ended.code, ended.out) == (0, "out.mp4\n")
    assert Path("out.mp4").read_bytes()[4:8] == b"ftyp"
    assert ended.err.startswith(f"task {cli.ids[0]}\n")
    assert "COMPLETED" in ended.err
    ended = cli("--json", "generate", URL, *NOW)
    task_id = cli.ids[1]
    assert (ended.code, ended.err) == (0, f"task {task_id}\n")
    assert set(ended.json) == {"id", "status", "urls", "expires_at", "request_id", "file"}
    assert (ended.json["id"], ended.json["file"]) == (task_id, f"{task_id}.mp4")
    assert "hmac=" in ended.json["urls"][0]
    assert Path(ended.json["file"]).is_file()


def test_the_whole_way_in_steps(cli: Cli) -> None:
    """`create`, `list`, `wait`, `status` and `download` do what `generate` does at once."""
    created = cli("create", "a.png", "--duration", "5")
    task_id = created.out.strip()
    assert created.code == 0
    assert f"Next: kling-elements wait {task_id} -o {task_id}.mp4\n" in created.err
    assert cli("list").out.startswith(f"{task_id}\t")
    assert cli("list", "--json").json["tasks"][0]["id"] == task_id
    waited = cli("wait", task_id, *NOW)
    assert waited.out.splitlines()[:2] == [f"id      {task_id}", "status  COMPLETED"]
    assert "hmac=" in cli("status", task_id).out
    assert cli("status", task_id, "--json").json["status"] == "COMPLETED"
    assert cli("download", task_id, "-o", "d.mp4", "--redirects", "same-host").out == "d.mp4\n"
    assert cli("wait", task_id, "-o", "w.mp4", *NOW).out == "w.mp4\n"
    assert names() == ["a.png", "d.mp4", "w.mp4"]
    other = cli("create", URL, "--json", "--model", "pro", "--local-files", "base64")
    assert (other.json["status"], other.err) == ("CREATED", f"task {other.json['id']}\n")


def test_the_key_and_the_service(cli: Cli) -> None:
    """A missing key names the variables; a refused one is code 3, and not shown; no service is code 8."""
    cli.environ(KLING_ELEMENTS_API_KEY="invalid-0123456789")
    ended = cli("list", "-vv")
    assert (ended.code, "401" in ended.err, "invalid-0123456789" in ended.out + ended.err) == (3, True, False)
    cli.asked()
    cli.environ(KLING_ELEMENTS_API_KEY=None)
    ended = cli("generate", "a.png")
    assert (ended.code, cli.asked()) == (2, [])
    assert all(word in ended.err for word in ("FREEPIK_API_KEY", "MAGNIFIC_API_KEY", "--api-key-file"))
    Path("key").write_text(f"{KEY}\r\n", encoding="utf-8-sig")
    ended = cli("list", "--api-key-file", "key")
    assert (ended.code, ended.err) == (0, "no tasks\n")
    ended = cli("--base-url", refused_url(), "list", "--json", "--api-key-file", "key")
    assert (ended.code, ended.json["error"]["type"]) == (8, "ConnectionFailed")


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
def test_each_bad_end_has_its_exit_code(cli: Cli, scenario: str, code: int, said: str) -> None:
    """Each bad end names the task and what to type next, and leaves no file behind."""
    cli.next(scenario, times=1000)
    ended = cli("generate", "a.png", "--timeout", "0.1", "-o", "my out.mp4", "--json", *NOW)
    task_id = cli.ids[0] if cli.served.mock.tasks else None
    error = ended.json["error"]
    assert (ended.code, error["exit_code"]) == (code, code)
    assert said.replace("ID", str(task_id)) in error["message"]
    assert error["message"].split(". ")[0] in ended.err
    if code in {4, 5, 7}:
        assert error["task_id"] == task_id
    assert ("resume" in error) == (code == 5)
    assert names() == ["a.png"]


def test_an_unfinished_task_is_not_downloaded(cli: Cli) -> None:
    """`download` of a task that is not done says how to wait for it, with the file that was asked for."""
    cli.next("never-finish", times=1000)
    task_id = cli.foreign()
    ended = cli("download", task_id, "-o", "x.mp4")
    assert ended.code == 5
    assert f"Next: kling-elements wait {task_id} -o x.mp4\n" in ended.err
    strange = b'{"data": {"task_id": "it\'s", "status": "IN_PROGRESS", "generated": []}}'
    with serving(lambda _: (200, {"content-type": "application/json"}, strange)) as service:
        cli.environ(KLING_ELEMENTS_BASE_URL=service.url)
        again = cli("download", task_id, "-o", "x.mp4")
    assert (again.code, again.err) == (5, ended.err)


def test_an_unexpected_error_is_one_line(cli: Cli) -> None:
    """An error that nobody foresaw is one line with the task; `-v` adds the traceback, without the key."""
    cli.next("never-finish", times=1000)

    def break_down(*_: object) -> None:
        raise RuntimeError(f"odd {KEY} https://cdn.example/v.mp4?token=exp=1~hmac=abc")

    cli.patch.setattr("kling_elements.cli.progress.Progress.update", break_down)
    for words, shows in (((), False), (("-v",), True)):
        ended = cli("generate", "a.png", *words, *NOW)
        assert (ended.code, "Traceback" in ended.err) == (1, shows)
        assert all(word in ended.err for word in ("RuntimeError", "Next: kling-elements wait "))
        assert not any(hidden in ended.err for hidden in (KEY, "hmac"))


KEYS = ["id", "status", "created_at", "model", "origin", "batch", "job", "file", "target", "entry", "note"]


def test_history_shows_what_the_journal_knows(cli: Cli) -> None:
    """Entries come oldest first, filtered, the newest few by default; no key or service is needed."""
    assert cli("history").err == "no tasks\n"
    for number, task_id in enumerate(IDS):
        cli.unwaited(task_id, "FAILED", job=Job(f"batch-{number % 2}", task_id))
    cli.in_doubt("no answer", target="/videos/a.mp4")
    Journal.open().downloaded("x", "/videos/x.mp4")
    cli.environ(KLING_ELEMENTS_API_KEY=None)
    shown = [line.split("\t") for line in cli("history").out.splitlines()]
    assert [row[1:] for row in shown[-2:]] == [
        ["x", "FAILED", "std", "batch-1", "/videos/x.mp4"], ["", "unknown", "std", "", ""],
    ]  # fmt: skip
    for words, ids in (
        ((), [*IDS, None]), (("-n", "2"), ["x", None]),
        (("-n", "0"), [*IDS, None]), (("-n", "9" * 20), [*IDS, None]),
        (("--status", "UNKNOWN"), [None]), (("--batch", "batch-1"), [IDS[1], "x"]),
    ):  # fmt: skip
        tasks = cli("history", "--json", *words).json["tasks"]
        assert [task["id"] for task in tasks] == ids
        assert all(list(task) == KEYS for task in tasks)
    assert (cli("history", "-n", "-1").code, cli("history", "--status", "COMPLETED").err) == (2, "no tasks\n")
    cli.environ(KLING_ELEMENTS_JOURNAL=str(Path.cwd()))
    ended = cli("history")
    assert (ended.code, str(Path.cwd()) in ended.err) == (1, True)


def test_a_table_for_a_person(cli: Cli) -> None:
    """On a terminal ids are cut as short as they differ, paths begin here, columns go that don't fit."""
    cli.environ(NO_COLOR="1")
    cli.environ(COLUMNS="40")
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


def test_a_task_is_found_by_its_beginning(cli: Cli) -> None:
    """The first characters are enough if one task alone begins so, in the journal, else in the account."""
    mine, other = str(cli.begun().task_id), cli.foreign()
    assert cli("status", mine[:8]).out.startswith(f"id      {mine}\n")
    assert cli.asked() == [about(mine)]
    assert cli("wait", other[:8], "-o", "o.mp4", *NOW).out == "o.mp4\n"
    assert cli("download", mine[:8], "-o", "d.mp4").out == "d.mp4\n"
    rows = {row.split("\t")[0]: row.split("\t")[1:] for row in cli("list").out.splitlines()}
    assert rows[other] == ["COMPLETED", "", ""]
    assert (rows[mine][0], rows[mine][2]) == ("COMPLETED", str(Path("d.mp4").absolute()))
    for task_id in (*IDS, "not-a-uuid"):
        cli.unwaited(task_id)
    cli.asked()
    for given, whole in (("abd", "abd"), ("x", "x"), ("not-a", "not-a-uuid"), ("not-b", "not-b")):
        assert cli("status", given).code == 3
        assert cli.asked()[-1] == about(whole)
    for given, found in (("0123456", 0), ("abc", 2), ("ab", 0)):
        ended = cli("status", given)
        assert (ended.code, ended.err.count("abc0000")) == (2, found)
    entry = cli.in_doubt()
    assert cli("resume", "--abandon", entry[:10], "--timeout", "0").err.startswith(f"abandoned {entry}\n")


@pytest.mark.parametrize("can_open", [True, False, None])
def test_the_video_is_opened(cli: Cli, *, can_open: bool | None) -> None:
    """`--open` opens the file when it is there; where nothing can open it, that is said, and no failure."""
    opened: list[tuple[str, bool]] = []

    def open_(url: str) -> bool:
        opened.append((url, os.path.sameopenfile(1, 2)))  # what a program prints is no result
        if can_open is None:
            raise IndexError("BROWSER=' '")
        return can_open

    cli.patch.setattr(webbrowser, "open", open_)
    before = os.fstat(1)
    ended = cli("-q", "generate", URL, "-o", "a b.mp4", "--open", *NOW)
    assert (ended.code, opened) == (0, [(Path("a b.mp4").absolute().as_uri(), True)])
    assert ("a b.mp4" in ended.err) is not bool(can_open)
    assert os.path.samestat(before, os.fstat(1))
