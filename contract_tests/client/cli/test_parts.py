"""The command line's parts by themselves."""

from __future__ import annotations

import shlex
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kling_elements import errors
from kling_elements.__main__ import main
from kling_elements.cli.console import Console, one_line, without_signatures
from kling_elements.cli.context import Context, quoted
from kling_elements.cli.exit_codes import MEANINGS, ExitCode, exit_code_of
from kling_elements.cli.parser import COMMANDS, split
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        (["generate", "a.jpg"], ([], "generate", ["a.jpg"])),
        (["-q", "--base-url", "x", "wait", "1", "-q"], (["-q", "--base-url", "x"], "wait", ["1", "-q"])),
        (["--base-url=x", "list"], (["--base-url=x"], "list", [])),
        (["--base-url"], (["--base-url"], None, [])),
        (["mock", "--help", "--", "-x"], ([], "mock", ["--help", "--", "-x"])),
        ([], ([], None, [])),
    ],
)
def test_options_stand_on_either_side_of_the_command(
    argv: list[str], parts: tuple[list[str], str | None, list[str]]
) -> None:
    """What stands before the command's name is the program's, what stands after it the command's."""
    assert split(argv) == parts


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["genrate"], "did you mean generate?"),
        (["generate", "--pormpt", "x", "a.jpg"], "did you mean --prompt?"),
        (["generate"], "IMAGE"),
        (["generate", "a.jpg", "--timeout", "soon"], "a number of seconds is needed: got 'soon'"),
        (["generate", "a.jpg", "--api-key", "x"], "unrecognized arguments: --api-key"),
        (["status"], "ID"),
        (["--nonsense"], "unrecognized arguments"),
        ([], "a command is needed"),
        (["generate", "a.jpg", "--prompt"], "expected one argument"),
    ],
)
def test_usage_errors(run: Callable[..., Ended], args: list[str], said: str) -> None:
    """A usage error is one line that leads to `--help`, and exit code 2; as JSON too if asked for."""
    ended = run(*args)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.endswith("--help\n")
    assert ended.err.count("\n") == 1
    if args and not args[-1].startswith("--p"):
        assert run(*args, "--json").json["error"]["exit_code"] == 2


def test_help_lists_commands_and_exit_codes(run: Callable[..., Ended]) -> None:
    """`--help` lists every command and every exit code, and says where the key comes from."""
    text = run("--help").out
    assert all(f"  {name}" in text for name in COMMANDS)
    assert all(f" {code}  {meaning}\n" in f"{text}\n" for code, meaning in MEANINGS.items())
    assert {str(int(code)) for code in ExitCode} <= set(MEANINGS)
    assert "FREEPIK_API_KEY" in text
    assert "--api-key " not in text


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if not command.takes_all])
def test_every_command_has_help(run: Callable[..., Ended], name: str) -> None:
    """Each command explains itself, and fits a terminal of 80 columns."""
    ended = run(name, "--help")
    assert ended.code == 0
    assert ended.out.startswith(f"usage: kling-elements {name}")
    assert max(map(len, ended.out.splitlines())) <= 100


def test_version(run: Callable[..., Ended]) -> None:
    """`--version` gives name and version."""
    assert run("--version").out.startswith("kling-elements 0.")


def test_mock_gets_all_arguments(run: Callable[..., Ended]) -> None:
    """`mock` hands everything on, `--help` included."""
    ended = run("mock", "--help")
    assert ended.code == 0
    assert "usage: kling-elements mock" in ended.out


def test_a_missing_mock_is_one_line(run: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, `mock` says how to install it."""
    monkeypatch.setattr("kling_elements.cli.commands.mock.entry_points", lambda **_: ())
    ended = run("mock", "--port", "0")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "kling-elements: the mock is not installed: pip install 'kling-elements[mock]'\n"


def test_every_error_of_the_package_has_its_exit_code() -> None:
    """The exit code goes by the kind of error, and every kind that a command can meet has one."""
    task = Task("1", "FAILED")
    table = {
        errors.ValidationError(["x"]): 2,
        errors.RateLimitError("x", status_code=429, message="x"): 3,
        errors.TaskFailed("x", task=task): 4,
        errors.ResultMissing("x", task=task): 4,
        errors.DeadlineExceeded("x", task_id="1", last_status=None, elapsed=1, timeout=1): 5,
        errors.OutcomeUnknown("x"): 6,
        errors.DownloadError("x"): 7,
        errors.ConnectionFailed("x"): 8,
        errors.ResponseFormatError("x", status_code=200): 1,
        RuntimeError("x"): 1,
    }
    assert {type(error): exit_code_of(error) for error in table} == {
        type(error): code for error, code in table.items()
    }


def test_ctrl_c_before_anything_was_sent(run: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before a create says that no task was created."""
    monkeypatch.setattr(
        "kling_elements.cli.commands.generate.check_output",
        lambda session: signal.raise_signal(signal.SIGINT),
    )
    ended = run("generate", "a.jpg")
    assert (ended.code, ended.err) == (
        130,
        "kling-elements: interrupted (Ctrl-C). No task was created\n",
    )


def test_main_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at the very beginning is an exit code, not a traceback."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kling_elements.cli.main.run", interrupted)
    assert main([]) == 130


def test_texts_play_no_tricks_on_a_terminal() -> None:
    """Control characters of a service's text are shown, not obeyed; signatures of URLs are cut off."""
    assert one_line("a\x1b[2Jb\r\nc\u202e") == "a\\x1b[2Jb c\\u202e"
    assert without_signatures("see https://h/x.mp4?token=exp=1~hmac=ab, or") == "see https://h/x.mp4?... or"


@pytest.mark.parametrize("word", ["a b.mp4", "it's.mp4", "tab\there", "b\udce9ld.mp4", "ü.mp4"])
def test_a_hint_can_be_typed(word: str) -> None:
    """The command in a hint names the file so that bash gets its very bytes."""
    shown = subprocess.run(  # noqa: S603 - the test's own words
        ["/usr/bin/env", "bash", "-c", f"printf %s {quoted(word)}"], capture_output=True, check=True
    ).stdout
    assert shown == word.encode("utf-8", "surrogateescape")


def test_a_task_id_cannot_lead_out_of_the_folder() -> None:
    """The default file's name is made of harmless characters only, whatever the id."""
    session = Context(Console(None, None, {}))
    assert str(session.target("../../etc/x y")) == "______etc_x_y.mp4"
    assert shlex.split(session.resume("a;b"))[2] == "a;b"


def test_the_page_lists_every_exit_code_and_command() -> None:
    """The page about the command line says the same as `--help`."""
    page = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert all(f"| {code} | {meaning} |" in page for code, meaning in MEANINGS.items())
    own = ("generate", "create", "status", "wait", "list", "download", "check", "doctor", "mock")
    assert all(f"| `{name}" in page for name in own)
    assert set(own) <= set(COMMANDS)
