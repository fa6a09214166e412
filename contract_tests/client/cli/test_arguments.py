"""Arguments: what help shows, what is taken, what is refused; completion, and `mock`."""

import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from contract_tests.client.cli.conftest import Cli, environment, names, parsed
from contract_tests.support.answers import png
from kling_elements.api.endpoints import DEFAULT_MODEL, MODELS
from kling_elements.api.fetch import REDIRECT_RULES
from kling_elements.cli.command_list import COMMANDS
from kling_elements.cli.commands import mock
from kling_elements.cli.exit_codes import MEANINGS, ExitCode
from kling_elements.document import load_document
from kling_elements.operations.wait import WAIT_TIMEOUT
from kling_elements.settings import API_KEY_VARIABLES, BASE_URL_VARIABLE, REQUEST_TIMEOUT
from kling_elements.webhooks.receiver import HOST, PORT

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
        (["--prompt", "-old film"], "prompt", "-old film"),
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
        known = dict(row.split("=", 1) for row in script.splitlines() if re.match(r"_shtab_\w+=", row))
        for name in ("generate", "batch", "list", "check"):
            assert known[f"_shtab_kling_elements_{name}___model_choices"] == f"({' '.join(MODELS)})"
        mocked = known["_shtab_kling_elements_mock_option_strings"]
        assert ("--scenario" in mocked, "--json" in mocked) == (True, False)
        line = ["/bin/bash", "-c", f"{script}\ntype -t _shtab_kling_elements"]
        ended = subprocess.run(line, capture_output=True, text=True, check=True)  # noqa: S603 - our own script
        assert ended.stdout == "function\n"
    assert cli("completion", shell, "--json").json == {"script": script.rstrip()}
    cli.patch.setitem(sys.modules, "shtab", None)
    missing = cli("completion", shell)
    assert (missing.code, "kling-elements[terminal]" in missing.err) == (2, True)


def test_the_mock_is_another_program(cli: Cli) -> None:
    """`mock` passes all its arguments on; where it, or what it needs, is missing, the extra is named."""
    passed: list[list[str]] = []

    def run(words: list[str]) -> int:
        passed.append(words)
        return 7

    def broken() -> None:
        raise ModuleNotFoundError("No module named 'av'", name="av")

    found = SimpleNamespace(load=lambda: run)
    for programs, code in (([found], 7), ([], 2), ([SimpleNamespace(load=broken)], 2)):
        cli.patch.setattr(mock, "entry_points", lambda programs=programs, **_: programs)
        ended = cli("mock", "--help", "-v")
        assert (ended.code, "pip install 'kling-elements[mock]'" in ended.err) == (code, code == 2)
    assert "mock" in cli("completion", "fish").out
    assert passed == [["--help", "-v"]]
    assert "av" in ended.err
    program = "import sys; sys.modules['starlette'] = None; import kling_elements_mock.__main__"
    line = [sys.executable, "-c", program]
    bare = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False)  # noqa: S603
    assert "the mock needs starlette" in bare.stderr.splitlines()[-1]


EMPTY = [
    ("batch -d out", "JOBS"), ("batch a.png -d", "--directory"),
    ("batch a.png -d out --batch-id", "--batch-id"), ("generate a.png -o", "--output"),
    ("create a.png --base-url", "--base-url"), ("resume -d", "--directory"),
    ("resume --adopt abc -o", "--output"), ("status", "ID"), ("webhooks listen --host", "--host"),
    *((f"resume --{name}", f"--{name}") for name in ("abandon", "adopt", "entry")),
]  # fmt: skip
USAGE = [
    ("lst", "did you mean list?"),
    ("nonsense", "'nonsense'"),
    ("-v", "command"),
    ("create a.jpg --promt x", "did you mean --prompt?"),
    ("create a.jpg --promt=x", "did you mean --prompt?"),
    ("create a.jpg --xyz", "--xyz"),
    ("create a.jpg --prompt", "--prompt=VALUE"),
    ("create a.jpg --prompt --duration 5", "--prompt=VALUE"),
    ("create a.jpg --prompt --jsn", "--prompt=VALUE"),
    ("create a.png --prompt -qv", "--prompt=VALUE"),
    ("generate a.png --prompt -oout.mp4", "--prompt=VALUE"),
    ("generate a.jpg -o", "--output=VALUE"),
    ("create --prompt -- a.png b.png", "--prompt=VALUE"),
    ("batch a.png -d -- out", "--directory=VALUE"),
    ("--base-url -- create a.png", "--base-url=VALUE"),
    *((f"{line} ' '", f"{said}: a value is needed") for line, said in EMPTY),
    ("wait x --timeout soon", "'soon'"),
    ("batch j", "-d/--directory"),
    ("status", "ID"),
    ("create", "IMAGE"),
    ("webhooks", "listen"),
    ("list --mod pro", "--mod"),  # no abbreviations
]
VALUES = [
    ("generate a.png -o missing/x.mp4", "missing"),
    ("generate a.png -o .", "folder"),
    ("generate a.png -o -", "-o"),
    (f"generate a.png -o {'n' * 300}", "nnn"),
    ("generate a.png -o out.mp4", "--overwrite"),
    ("generate a.png -o pipe --overwrite", "pipe"),
    ("generate a.png -o to-device --overwrite", "to-device"),
    ("generate a.png --duration 7", "duration"),
    ("generate a.png --aspect-ratio 16:9", "'widescreen_16_9'"),
    ("generate a.png --model ultra", "model"),
    ("batch jobs.jsonl -d out --dry-run --model ''", "model"),
    ("generate a.png --redirects x", "redirects"),
    ("generate nope.jpg", "nope.jpg"),
    ("generate small.png", "300x300"),
    ("generate a.png --timeout -1", "timeout"),
    ("generate a.png --base-url ftp://x", "base_url"),
    ("generate a.png --api-key-file missing", "missing"),
    ("generate a.png --api-key-file small.png", "small.png"),
    ("generate a.png --api-key-file /dev/zero", "/dev/zero"),  # it has no end
    ("batch none.jsonl -d out", "none.jsonl"),
    ("batch jobs.jsonl -d out --workers 101", "workers"),
    ("batch jobs.jsonl -d out --workers 0", "--workers"),
    ("batch jobs.jsonl -d out --duration 7", "duration"),
    ("batch jobs.jsonl -d jobs.jsonl", "jobs.jsonl"),
    ("batch jobs.jsonl -d taken", "taken/report.jsonl"),
    ("batch jobs.jsonl -d mine --report", "mine/report.html"),
    ("batch jobs.jsonl -d '\0'", "null byte"),
    ("batch jobs.jsonl a.png -d out", "jobs.jsonl"),
    ("batch - -d out --api-key-file -", "stdin"),
    ("batch - -d out", "stdin"),
    ("webhooks listen --port 65536", "'65536'"),
    ("webhooks listen --port ٣", "'٣'"),
    ("webhooks listen --host é..example", "'é..example'"),
    ("webhooks listen --encoding hex", "secret"),
    ("webhooks listen --secret-file none --secret-file void", "void"),
]


@pytest.mark.parametrize("line", [*USAGE, *VALUES], ids=lambda line: str(line[0])[:40].replace("\0", "NUL"))
def test_bad_input_is_one_line_and_nothing_is_sent(cli: Cli, line: tuple[str, str]) -> None:
    """Bad input ends with exit code 2 and one line that shows what helps; what exists stays as it is."""
    for name, content in (
        ("a.png", png()),
        ("small.png", png(200, 150)),
        ("void", b""),
        ("out.mp4", b"mine"),
    ):
        Path(name).write_bytes(content)
    for folder in ("taken/report.jsonl", "mine"):
        Path(folder).mkdir(parents=True)
    Path("mine/report.html").write_text("mine")
    Path("jobs.jsonl").write_text('{"images": "https://h/a.png"}\n')
    os.mkfifo("pipe")
    Path("to-device").symlink_to(os.devnull)
    cli.patch.setenv("KLING_ELEMENTS_WEBHOOK_SECRET", "no hexadecimal")
    cli.patch.setattr(sys, "stdin", None)
    before = names()
    words, said = shlex.split(line[0]), line[1]
    ended, as_json = cli(*words), cli("--json", *words)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("kling-elements: ")
    assert said in ended.err
    error = as_json.json["error"]
    assert (as_json.code, error["exit_code"], error["task_id"]) == (2, 2, None)
    assert said in error["message"]
    if line in USAGE:
        assert (error["type"], " --help\n" in ended.err) == ("UsageError", True)
    assert (cli.asked(), names()) == ([], before)
    assert [Path(name).read_text() for name in ("out.mp4", "mine/report.html")] == ["mine", "mine"]
    assert Path("pipe").is_fifo()
