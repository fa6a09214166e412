"""Arguments: what help shows, and what is taken; completion, and `mock`."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import environment, parsed
from kling_elements.api.endpoints import DEFAULT_MODEL, MODELS
from kling_elements.api.fetch import REDIRECT_RULES
from kling_elements.cli.command_list import COMMANDS
from kling_elements.cli.commands import mock
from kling_elements.cli.exit_codes import MEANINGS, ExitCode
from kling_elements.document import load_document
from kling_elements.operations.wait import WAIT_TIMEOUT
from kling_elements.settings import API_KEY_VARIABLES, BASE_URL_VARIABLE, REQUEST_TIMEOUT
from kling_elements.webhooks.receiver import HOST, PORT

if TYPE_CHECKING:
    from contract_tests.client.cli.conftest import Cli

HEAVY = "httpx yaml PIL anyio jsonschema_rs attr kling_elements_api kling_elements_mock"
CHEAP = ("--help", "list --help", "--version", "", "nonsense", "list --bogus", "generate a.png --prompt")


def test_help_shows_the_values_of_the_document(cli: Cli) -> None:
    """Durations and aspect ratios are the document's, models are those that the client has."""
    body = load_document().operation("createKlingElementsStdTask")["requestBody"]["content"]
    fields = load_document().resolve(body["application/json"]["schema"])["properties"]
    for command in ("generate", "create", "batch"):
        text = cli(command, "--help").out
        for name in ("duration", "aspect_ratio"):
            values = load_document().resolve(fields[name])["enum"]
            assert f"--{name.replace('_', '-')} {{{','.join(values)}}}" in text
        assert f"--model {{{','.join(MODELS)}}}" in text
        assert f"(default: {DEFAULT_MODEL})" in text
    assert f"--model {{{','.join(MODELS)}}}" in cli("list", "--help").out


def test_help_agrees_with_the_library(cli: Cli) -> None:
    """What help says of variables and defaults is what the library does, though help doesn't import it."""
    top = cli("--help")
    assert all(name in top.out for name in (*API_KEY_VARIABLES, BASE_URL_VARIABLE, *COMMANDS))
    assert all(f"{code:>3}  {meaning}" in top.out for code, meaning in MEANINGS.items())
    assert {str(int(code)) for code in ExitCode} | {"130", "143"} == set(MEANINGS)
    args = parsed("generate", "a.jpg")
    assert (args.timeout, args.request_timeout) == (WAIT_TIMEOUT, REQUEST_TIMEOUT)
    assert all(rule in cli("download", "--help").out for rule in REDIRECT_RULES)
    listen = parsed("webhooks", "listen")
    assert (listen.host, int(listen.port)) == (HOST, PORT)
    for name in COMMANDS:
        assert callable(import_module(f"kling_elements.cli.commands.{name}").run)
    bare, version = cli(), cli("--version")
    assert (bare.code, bare.out, bare.err, top.code) == (2, top.out, "", 0)
    assert (version.code, version.out.split()[0]) == (0, "kling-elements")


def test_help_and_usage_errors_import_nothing_heavy() -> None:
    """No library that connects, parses or decodes is imported for help, or for a usage error."""
    program = (
        "import sys; from kling_elements.__main__ import main\n"
        f"for line in {CHEAP!r}: main(line.split())\n"
        f"heavy = [name for name in {HEAVY!r}.split() if name in sys.modules]\n"
        "main(['generate', '--help']); print(heavy, 'httpx' in sys.modules)"
    )
    ended = subprocess.run(  # noqa: S603 - the command itself
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "[] False"


def test_options_stand_before_and_after_the_name() -> None:
    """Common options may stand on both sides; images and options may alternate."""
    args = parsed("--json", "-v", "create", "a.jpg", "--prompt", "x", "b.jpg", "-v")
    assert (args.json, args.verbose, args.images, args.prompt) == (True, 2, ["a.jpg", "b.jpg"], "x")
    assert parsed("check", "--", "-a.jpg", "b.jpg").images == ["./-a.jpg", "b.jpg"]


def test_a_value_may_begin_with_a_dash() -> None:
    """A value that is no option is the value, whatever it begins with."""
    for words, name, value in (
        (["--prompt", "-cinematic"], "prompt", "-cinematic"),
        (["--prompt=--x"], "prompt", "--x"),
        (["--prompt", "- a dash"], "prompt", "- a dash"),
        (["--timeout", "-1"], "timeout", -1.0),
        (["-o", "-x.mp4"], "output", "-x.mp4"),
        (["--output", "-x.mp4", "--overwrite"], "output", "-x.mp4"),
        (["--api-key-file", "-"], "api_key_file", "-"),
        (["--prompt", ""], "prompt", ""),
    ):
        args = parsed("generate", "a.jpg", *words)
        assert (getattr(args, name), args.images) == (value, ["a.jpg"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command_and_value(
    cli: Cli, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script has all commands, and the values of the document; without shtab it says what to install."""
    script = cli("completion", shell).out
    assert all(name in script for name in (*COMMANDS, "social_story_9_16", "dry-run"))
    if shell == "bash":
        line = ["/bin/bash", "-c", f"{script}\ntype -t _shtab_kling_elements"]
        ended = subprocess.run(line, capture_output=True, text=True, check=True)  # noqa: S603 - our own script
        assert ended.stdout == "function\n"
    cli.patch.setitem(sys.modules, "shtab", None)
    missing = cli("completion", shell)
    assert (missing.code, "kling-elements[terminal]" in missing.err) == (2, True)


def test_the_mock_is_another_program(cli: Cli) -> None:
    """`mock` passes all its arguments on; where it, or what it needs, is missing, the extra is named."""
    passed: list[list[str]] = []

    def broken() -> None:
        raise ModuleNotFoundError("No module named 'av'", name="av")

    found = SimpleNamespace(load=lambda: lambda words: passed.append(words) or 7)
    for programs, code in (([found], 7), ([], 2), ([SimpleNamespace(load=broken)], 2)):
        cli.patch.setattr(mock, "entry_points", lambda programs=programs, **_: programs)
        ended = cli("mock", "--help", "-v")
        assert (ended.code, "pip install 'kling-elements[mock]'" in ended.err) == (code, code == 2)
    assert passed == [["--help", "-v"]]
    assert "av" in ended.err
