"""Arguments: what help shows, what is taken, and which hint a typo gets."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import parsed
from kling_elements.api.endpoints import DEFAULT_MODEL, MODELS
from kling_elements.api.fetch import REDIRECT_RULES
from kling_elements.cli.command_list import COMMANDS
from kling_elements.cli.exit_codes import MEANINGS, ExitCode, UsageError
from kling_elements.cli.main import parse
from kling_elements.cli.parser import HelpWanted
from kling_elements.document import load_document
from kling_elements.operations.wait import WAIT_TIMEOUT
from kling_elements.settings import API_KEY_VARIABLES, BASE_URL_VARIABLE, REQUEST_TIMEOUT
from kling_elements.webhooks.receiver import HOST, PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended

    Run = Callable[..., Ended]


def helped(*words: str) -> str:
    """Return the help of a line."""
    with pytest.raises(HelpWanted) as caught:
        parse([*words, "--help"])
    return str(caught.value)


@pytest.mark.parametrize("command", ["generate", "create", "batch"])
def test_help_shows_the_values_of_the_document(command: str) -> None:
    """Durations and aspect ratios are the document's, models are those that the client has."""
    body = load_document().operation("createKlingElementsStdTask")["requestBody"]["content"]
    fields = load_document().resolve(body["application/json"]["schema"])["properties"]
    text = helped(command)
    for name in ("duration", "aspect_ratio"):
        values = load_document().resolve(fields[name])["enum"]
        assert f"--{name.replace('_', '-')} {{{','.join(values)}}}" in text
    for each in (text, helped("list")):
        assert f"--model {{{','.join(MODELS)}}}" in each
    assert f"(default: {DEFAULT_MODEL})" in text


def test_help_agrees_with_the_library() -> None:
    """What help says of variables and defaults is what the library does, though help doesn't import it."""
    top = helped()
    assert all(name in top for name in (*API_KEY_VARIABLES, BASE_URL_VARIABLE, *COMMANDS))
    assert all(f"{code:>3}  {meaning}" in top for code, meaning in MEANINGS.items())
    assert {str(int(code)) for code in ExitCode} | {"130", "143"} == set(MEANINGS)
    args = parsed("generate", "a.jpg")
    assert (args.timeout, args.request_timeout) == (WAIT_TIMEOUT, REQUEST_TIMEOUT)
    assert all(rule in helped("download") for rule in REDIRECT_RULES)
    listen = parsed("webhooks", "listen")
    assert (listen.host, int(listen.port)) == (HOST, PORT)


def test_every_command_has_a_module() -> None:
    """Each command that help lists can be run."""
    for name in COMMANDS:
        assert callable(import_module(f"kling_elements.cli.commands.{name}").run)


def test_the_bare_command_prints_help(run: Run) -> None:
    """Without any word the help is shown; a script sees that nothing was done."""
    ended = run()
    assert (ended.code, ended.out, ended.err) == (2, run("--help").out, "")
    assert run("--help").code == 0
    version = run("--version")
    assert (version.code, version.out.split()[0]) == (0, "kling-elements")


def test_options_stand_before_and_after_the_name() -> None:
    """Common options may stand on both sides; images and options may alternate."""
    args = parsed("--json", "-v", "create", "a.jpg", "--prompt", "x", "b.jpg", "-v")
    assert (args.json, args.verbose, args.images, args.prompt) == (True, 2, ["a.jpg", "b.jpg"], "x")
    assert parsed("check", "--", "-a.jpg", "b.jpg").images == ["./-a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--prompt", "-cinematic"], "prompt", "-cinematic"),
        (["--prompt=--x"], "prompt", "--x"),
        (["--prompt", "- a dash"], "prompt", "- a dash"),
        (["--negative-prompt", "-x"], "negative_prompt", "-x"),
        (["--timeout", "-1"], "timeout", -1.0),
        (["-o", "-x.mp4"], "output", "-x.mp4"),
        (["--output", "-x.mp4", "--overwrite"], "output", "-x.mp4"),
        (["--api-key-file", "-"], "api_key_file", "-"),
        (["--prompt", ""], "prompt", ""),
    ],
)
def test_a_value_may_begin_with_a_dash(words: list[str], name: str, value: object) -> None:
    """A value that is no option is the value, whatever it begins with."""
    args = parsed("generate", "a.jpg", *words)
    assert (getattr(args, name), args.images) == (value, ["a.jpg"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lst", "did you mean list?"),
        ("nonsense", "there is no command 'nonsense'"),
        ("-v", "a command is needed"),
        ("create a.jpg --promt x", "did you mean --prompt?"),
        ("create a.jpg --promt=x", "did you mean --prompt?"),
        ("create a.jpg --xyz", "unrecognized arguments: --xyz"),
        ("create a.jpg --prompt", "--prompt=VALUE"),
        ("create a.jpg --prompt --duration 5", "--prompt=VALUE"),
        ("create a.jpg --prompt --jsn", "--prompt=VALUE"),
        ("generate a.jpg -o", "--output=VALUE"),
        ("wait x --timeout soon", "a number of seconds is needed: got 'soon'"),
        ("batch j", "-d/--directory"),
        ("status", "ID"),
        ("create", "IMAGE"),
        ("webhooks", "listen"),
        ("list --mod pro", "--mod"),  # no abbreviations
    ],
)
def test_a_usage_error_is_one_line_with_a_hint(run: Run, line: str, said: str) -> None:
    """Invalid arguments are exit code 2, and one line that shows what helps."""
    with pytest.raises(UsageError):
        parse(line.split())
    ended = run(*line.split())
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert said in ended.err
    assert " --help\n" in ended.err
    error = run("--json", *line.split()).json["error"]
    assert (error["type"], error["exit_code"], error["task_id"]) == ("UsageError", 2, None)
    assert said in error["message"]
