"""What is on the two streams, whatever they are; how a wait is shown."""

import errno
import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contract_tests.client.cli.conftest import NOW, URL, Cli, Terminal, context_of, names
from contract_tests.support.answers import png
from contract_tests.support.clients import FakeTime
from kling_elements import Look, Task
from kling_elements.cli import console as console_module
from kling_elements.cli.console import Console
from kling_elements.cli.live_status import Status
from kling_elements.cli.progress import Progress
from kling_elements.errors import ConnectionFailed


def encoded(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def written(stream: Any) -> bytes:
    found: bytes = stream.buffer.getvalue()
    return found


def test_results_and_notes_are_lines_of_their_streams() -> None:
    """A result is a line on stdout, JSON an ASCII document; a note is a line on stderr; none is obeyed."""
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err, {})
    console.result("a\x1b[2J\nb")
    console.verdict("ok", "a\nb")
    console.result_path(Path("a file.mp4"))
    console.result_json({"a": ["ü"]})
    console.note("a\x1b[2J\nb")
    console.show(lambda: Status("only on a terminal"))
    console.table(("when", "file"), [("now", "a\tb\n\x1b[2J"), ("", "c")], is_out=False)
    document = '{\n  "a": [\n    "\\u00fc"\n  ]\n}\n'
    assert out.getvalue() == f"a\\x1b[2J\\nb\nok    a\\nb\na file.mp4\n{document}"
    assert err.getvalue() == "a\\x1b[2J\\nb\nnow\ta b \\x1b[2J\n\tc\n"
    assert console.failure is None


def test_text_that_the_encoding_lacks() -> None:
    """Characters that a stream can't have are written as escapes, after what was written before."""
    for encoding, shown in (
        ("ascii", b"v\\xefd\\u2192\\udcff"), ("latin-1", b"v\xefd\\u2192\\udcff"),
        ("utf-8", "v\u00efd\u2192\\udcff".encode()),
    ):  # fmt: skip
        stream = encoded(encoding)
        stream.write("> ")
        Console(stream, None, {}).result("v\u00efd\u2192\udcff")
        assert written(stream) == b"> " + shown + b"\n"


@pytest.mark.parametrize(
    ("environ", "stream", "is_coloured", "is_live"),
    [
        ({"TERM": "xterm"}, Terminal, True, True),
        ({"NO_COLOR": "1"}, Terminal, False, True),
        ({"TERM": "dumb"}, Terminal, False, False),
        ({}, io.StringIO, False, False),
    ],
)
def test_what_a_terminal_gets(
    environ: dict[str, str], stream: Callable[[], io.StringIO], *, is_coloured: bool, is_live: bool
) -> None:
    """Verdicts are coloured, and a line rewritten, where that can be; no path is obeyed by a terminal."""
    console = Console(out := stream(), out, environ)
    console.verdict("fail", "a")
    console.result_path(Path("\x9b"))
    path = "\\x9b" if out.isatty() else "\x9b"
    assert out.getvalue() == ("\x1b[31mfail\x1b[0m  a\n" if is_coloured else "fail  a\n") + f"{path}\n"
    assert console.is_live is is_live


class Full(io.StringIO):
    """A disk that is full only when the buffers are flushed."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_the_process_own_streams(cli: Cli) -> None:
    """A reader that leaves is no error, nor are closed streams; a full disk is one line and exit code 1."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        cli.patch.setattr(sys, "stdout", stream)
        ended = cli("--help")
        assert (ended.code, ended.err) == (0, "")
        print("b", file=stream, flush=True)  # as the interpreter does at exit
    cli.patch.setattr(sys, "stdout", Full())
    ended = cli("list", "--json")
    assert (ended.code, ended.err.count("\n"), os.strerror(errno.ENOSPC) in ended.err) == (1, 1, True)
    for out in (Full(), None):  # what is paid is shown, wherever that can be
        cli.patch.setattr(sys, "stdout", out)
        ended = cli("create", "-q", URL)
        assert ended.err.startswith(f"task {cli.ids[-1]}\n")
    cli.patch.setattr(sys, "stderr", None)
    assert cli("list").code == 0


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="file names are UTF-8 only")
def test_names_that_are_no_utf8(cli: Cli) -> None:
    """Names of any bytes are read, written and printed as they are, whatever the stream's encoding."""
    image, video = b"b\xe9ld.png", b"v\xefd\xc3\xa9o.mp4"
    Path(os.fsdecode(image)).write_bytes(png())
    cli.patch.setattr(sys, "stdout", out := encoded("ascii"))
    assert cli("generate", os.fsdecode(image), "-o", os.fsdecode(video), *NOW).code == 0
    assert written(out) == video + b"\n"
    assert names() == [os.fsdecode(image), os.fsdecode(video)]


SEEN = Look("1", Task("1", "CREATED"), None, 9.0, 5.0)


def failed(text: str) -> Look:
    return Look("1", None, ConnectionFailed(text), 5.0, 5.0)


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ((), ["CREATED after 0:00", "CREATED after 1:05; a poll failed", "COMPLETED after 1:05"]),
        (("-q",), []),
    ],
)
def test_progress_elsewhere_is_a_line_at_a_change(options: tuple[str, ...], lines: list[str]) -> None:
    """Where a line can't be rewritten, changes and failed polls are shown once each, unless it is quiet."""
    time, run = FakeTime(), context_of(*options)
    progress = Progress(run.context, clock=time.clock, sleep=time.sleep)
    with progress:
        progress.update(Task("1", "CREATED"))
        progress.sleep(65)
        for look in (failed("no answer"), failed("no answer"), SEEN):
            progress.look(look)
        progress.update(Task("1", "COMPLETED"))
        progress.fetching()
    shown = run.err.getvalue().splitlines()
    assert len(shown) == len(lines)
    assert all(map(str.startswith, shown, lines))
    assert time.sleeps == [65]


def no_thread(_: object) -> None:
    raise RuntimeError("can't start new thread")


def test_progress_on_a_terminal_is_one_line(cli: Cli) -> None:
    """One line is rewritten, no wider than the terminal, and gone at the end; where none can be, no error."""
    cli.next("polls=3", times=1000)
    cli.environ(COLUMNS="30", TERM="xterm")
    cli.patch.setattr(sys, "stderr", err := Terminal())
    assert cli("generate", URL, "-o", "t.mp4", *NOW).out == "t.mp4\n"
    lines = [re.sub(r"\x1b\[[\d;?]*\w", "", part) for part in re.split(r"[\r\n]+", err.getvalue())]
    assert any(re.match(r". connecting  \d+:\d\d  ", line) for line in lines)
    assert all(len(line) <= 30 for line in lines if re.match("[\u2800-\u28ff]", line))
    assert lines[-1] == ""
    assert any(line.startswith("COMPLETED after ") for line in lines)
    assert err.getvalue().rfind("\x1b[?25h") > err.getvalue().rfind("\x1b[?25l")  # the cursor is back
    with cli.patch.context() as patch:
        patch.setattr("rich.live._RefreshThread.start", no_thread)
        assert cli("generate", URL, "-o", "s.mp4", *NOW).out == "s.mp4\n"
    cli.patch.setattr(console_module, "find_spec", lambda _: None)
    cli.patch.setattr(sys, "stderr", err := Terminal())
    assert cli("generate", URL, "-o", "u.mp4", *NOW).out == "u.mp4\n"
    assert "\x1b[?25l" not in err.getvalue()
