"""A whole run: its arguments, its help, its errors in arguments, and how it ends."""

from __future__ import annotations

import errno
import io
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.cli.conftest import parsed
from kling_elements.__main__ import main
from kling_elements.cli.exit_codes import MEANINGS, CommandError, ExitCode
from kling_elements.cli.parser import COMMANDS
from kling_elements.cli.signals import Interrupted

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements.cli.context import Context

    Run = Callable[..., Ended]

LONG = "a-balloon-drifts-past-a-lighthouse"
LIST = "kling_elements.cli.commands.list.run"


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, _: str, /) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def doing(effect: BaseException | Callable[[Context], object]) -> Callable[[Namespace, Context], int]:
    """What a command does in place of its work."""

    def work(_: Namespace, session: Context) -> int:
        if isinstance(effect, BaseException):
            raise effect
        effect(session)
        return 0

    return work


def test_the_process_s_own_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without arguments of its own `main` takes those of the process."""
    monkeypatch.setattr(sys, "argv", ["a program", "check", "--help"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("usage: kling-elements check ")


def test_the_whole_help(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--help` is the usage, the subject, each command, the options, the key's variables, each exit code."""
    monkeypatch.setenv("COLUMNS", "100")
    ended = run("--help")
    top, options = ended.out.split("options:\n")
    assert top.splitlines() == [
        "usage: kling-elements [OPTION...] COMMAND [ARGUMENT...]",
        "",
        "Videos from images with Kling Elements, Freepik's (Magnific's) image-to-video model.",
        "",
        "commands:",
        *(f"  {name:<8}  {command.help}" for name, command in COMMANDS.items()),
        "",
        "kling-elements COMMAND --help tells more about one.",
        "",
    ]
    end = options[options.index("The API key") :]
    assert end.splitlines() == [
        "The API key is read from KLING_ELEMENTS_API_KEY, FREEPIK_API_KEY or MAGNIFIC_API_KEY.",
        "There is no option for it on purpose: it would stand in the shell's history",
        "and in the list of processes.",
        "",
        "exit codes:",
        *(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items()),
    ]
    assert ended.out.endswith("\n")
    assert (ended.code, ended.err) == (0, "")


def test_the_help_of_a_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command's help is its usage, its description, and its options; nothing stands after them."""
    monkeypatch.setenv("COLUMNS", "100")
    ended = run("create", "--help")
    assert ended.out.startswith("usage: kling-elements create [-h]")
    description = (
        "\n\nCreate a task and don't wait for it. It costs money.\n\nThe task's id goes to stdout.\n\n"
    )
    assert description in ended.out
    assert "\nthe request:\n  Values are checked before anything is sent; a wrong one is" in ended.out
    assert ended.out.endswith("what one request may take (default: 60)\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a command is needed."),
        (["genrate"], "there is no command 'genrate' (did you mean generate?)."),
        (["LIST"], "there is no command 'LIST' (did you mean list?)."),
        (["zzz"], "there is no command 'zzz'."),
        (["--vresion"], "unrecognized arguments: --vresion (did you mean --version?)."),
        (["--zzz"], "unrecognized arguments: --zzz."),
    ],
)
def test_arguments_that_make_no_sense(run: Run, words: list[str], said: str) -> None:
    """What is wrong is one line, with the nearest word if there is one, and where to read more."""
    ended = run(*words)
    line = f"kling-elements: {said} See: kling-elements --help\n"
    assert (ended.code, ended.out, ended.err) == (2, "", line)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pormpt=x"], "unrecognized arguments: --pormpt=x (did you mean --prompt?)."),
        ([f"--pormpt={LONG}"], f"unrecognized arguments: --pormpt={LONG} (did you mean --prompt?)."),
        (["--promptly=--model"], "unrecognized arguments: --promptly=--model (did you mean --prompt?)."),
        (["--prom=x", "--zzz"], "unrecognized arguments: --prom=x --zzz (did you mean --prompt?)."),
        (["--zzz", "--prom=x"], "unrecognized arguments: --zzz --prom=x."),
        (["--timeout=3"], "unrecognized arguments: --timeout=3 (did you mean --request-timeout?)."),
        (["--duration"], "argument --duration: expected one argument."),
        (
            ["--request-timeout", "soon"],
            "argument --request-timeout: a number of seconds is needed: got 'soon'.",
        ),
    ],
)
def test_arguments_of_a_command_that_make_no_sense(run: Run, words: list[str], said: str) -> None:
    """What is wrong with a command's arguments leads to the help of that command."""
    ended = run("create", "a", *words)
    line = f"kling-elements: {said} See: kling-elements create --help\n"
    assert (ended.code, ended.out, ended.err) == (2, "", line)


def test_files_after_the_separator() -> None:
    """What follows `--` are files and addresses, and only what looks like an option is made a path."""
    words = ("check", "a.jpg", "--", "b.jpg", "-c.jpg", "https://h/d.jpg", "--")
    assert parsed(*words).images == ["a.jpg", "b.jpg", "./-c.jpg", "https://h/d.jpg", "./--"]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "interrupted (Ctrl-C). No task was created"),
        (Interrupted(signal.SIGTERM), 143, "interrupted (SIGTERM). No task was created"),
        (CommandError("not now", ExitCode.DEADLINE), 5, "not now"),
        (ValueError("odd"), 1, None),
    ],
)
def test_how_a_run_ends(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str | None
) -> None:
    """However a command ends, `main` gives an exit code and tells why."""
    monkeypatch.setattr(LIST, doing(error))
    ended = run("list")
    assert (ended.code, ended.out, ended.err.count("\n")) == (code, "", 1)
    if line:
        assert ended.err == f"kling-elements: {line}\n"


def test_a_result_that_is_lost(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What is done, but could not be told on stdout, is a failure."""
    monkeypatch.setattr(LIST, doing(lambda session: session.console.result("x")))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Full())
        assert main(["list"]) == 1
    line = f"kling-elements: the result could not be written to stdout: {os.strerror(errno.ENOSPC)}\n"
    assert capsys.readouterr().err == line


def test_an_error_that_is_lost(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A failure that could not be told on stdout keeps its code, and is told on stderr as always."""
    monkeypatch.setattr(LIST, doing(CommandError("not now", ExitCode.DEADLINE)))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Full())
        assert main(["list", "--json"]) == 5
    assert capsys.readouterr().err == "kling-elements: not now\n"


@pytest.mark.parametrize(
    ("words", "levels"),
    [
        (["-q"], ["error"]),
        ([], ["error", "warning"]),
        (["-v"], ["error", "warning", "info"]),
        (["-vv"], ["error", "warning", "info", "debug"]),
    ],
)
def test_how_much_is_logged(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str], levels: list[str]
) -> None:
    """Warnings are shown, with `-q` errors only, with `-v` and `-vv` more; each in one line."""

    def log(_: Context) -> None:
        for level in ("error", "warning", "info", "debug"):
            getattr(logging.getLogger("kling_elements.x"), level)("what\nis %s", level)

    monkeypatch.setattr(LIST, doing(log))
    ended = run("list", *words)
    assert ended.err.splitlines() == [f"{level}: what is {level}" for level in levels]


def test_the_mock_is_given_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that parses its arguments itself gets all of them, and the run, as others do."""
    seen: list[Any] = []

    def mock(args: Namespace, session: Context) -> int:
        seen.append((args.rest, session.is_json))
        return 7

    monkeypatch.setattr(
        "kling_elements.cli.commands.mock.run",
        mock,
    )
    assert run("mock", "--json", "x").code == 7
    assert seen == [(["--json", "x"], True)]
