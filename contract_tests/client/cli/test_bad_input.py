"""What is refused before anything is sent: one line, exit code 2, and nothing has changed."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import names
from contract_tests.support.answers import png

if TYPE_CHECKING:
    from contract_tests.client.cli.conftest import Cli

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
    ("generate a.jpg -o", "--output=VALUE"),
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
    ("generate a.png -o ''", "-o"),
    ("generate a.png -o -", "-o"),
    (f"generate a.png -o {'n' * 300}", "nnn"),
    ("generate a.png -o out.mp4", "--overwrite"),
    ("generate a.png -o pipe --overwrite", "pipe"),
    ("generate a.png -o to-device --overwrite", "to-device"),
    ("generate a.png --duration 7", "duration"),
    ("generate a.png --aspect-ratio 16:9", "'widescreen_16_9'"),
    ("generate a.png --model ultra", "model"),
    ("generate a.png --redirects x", "redirects"),
    ("generate nope.jpg", "nope.jpg"),
    ("generate small.png", "300x300"),
    ("generate a.png --timeout -1", "timeout"),
    ("generate a.png --base-url ftp://x", "base_url"),
    ("generate a.png --api-key-file missing", "missing"),
    ("generate a.png --api-key-file small.png", "small.png"),
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
    ("webhooks listen --host é..example", "é..example:8765"),
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
