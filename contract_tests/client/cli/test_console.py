"""The console: what is on the two streams, whatever they are."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.cli.conftest import Terminal
from kling_elements.cli import console as console_module
from kling_elements.cli.console import Console, count_of, one_line, sentence
from kling_elements.cli.live_status import Status
from kling_elements.cli.terminal import LiveLine

if TYPE_CHECKING:
    from collections.abc import Callable


class Broken(io.StringIO):
    """A stream that can't be written to."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, _: str, /) -> int:
        raise self.error


def encoded(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def written(stream: io.TextIOWrapper) -> bytes:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue()


def test_words() -> None:
    """One thing is singular; printable text of any script stays; a service's full stop is not doubled."""
    assert [count_of(number, "task") for number in (0, 1, 2)] == ["0 tasks", "1 task", "2 tasks"]
    assert one_line("für 'x' \"y\" \\n 漢") == "für 'x' \"y\" \\n 漢"
    assert [sentence(text) for text in ("a", "Please upgrade.", "why?")] == ["a.", "Please upgrade.", "why?"]


def test_results_and_notes_are_lines_of_their_streams() -> None:
    """A result is a line on stdout, JSON one indented document in ASCII; a note is a line on stderr."""
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err, {})
    console.result("a result")
    console.result_path(Path("a file.mp4"))
    console.result_json({"a": ["ü"]})
    console.note("a note")
    console.show(lambda: Status("only on a terminal"))
    console.table(("when", "file"), [("now", "a\tb\n\x1b[2J"), ("", "c")], is_out=False)
    assert out.getvalue() == 'a result\na file.mp4\n{\n  "a": [\n    "\\u00fc"\n  ]\n}\n'
    assert err.getvalue() == "a note\nnow\ta b \\x1b[2J\n\tc\n"
    assert console.failure is None


def test_what_is_written_stands_above_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the line is cleared before anything is written, then shown again, and cleared last."""
    monkeypatch.setenv("COLUMNS", "40")
    out, err = io.StringIO(), Terminal()
    console = Console(out, err, {})
    console.show(lambda: Status("WAITING"))
    console.note("a note")
    console.result("a result")
    console.finish()
    before, after = err.getvalue().split("a note\n")
    assert ("WAITING" in before, "WAITING" in after, out.getvalue()) == (True, True, "a result\n")
    cleared, hidden, back = "\x1b[2K", "\x1b[?25l", "\x1b[?25h"
    assert all(part.replace(back, "").endswith(cleared) for part in (before, after))
    assert hidden in before
    assert after.rfind(back) > after.rfind(hidden)


def test_without_rich_a_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra a terminal shows what a pipe gets."""
    monkeypatch.setattr(console_module, "find_spec", lambda _: None)
    err = Terminal()
    console = Console(err, err, {})
    console.show(lambda: Status("WAITING"))
    console.table(("a", "b"), [("1", "2")], is_out=True)
    console.note("a note")
    console.finish()
    assert (console.is_live, err.getvalue()) == (False, "1\t2\na note\n")


@pytest.mark.parametrize(
    ("columns", "status", "shown"),
    [
        ("80", Status("CREATED", ("0:09", "next poll in 3 s")), "⠋ CREATED  0:09  next poll in 3 s"),
        ("30", Status("CREATED", ("0:09", "next poll in 3 s")), "⠋ CREATED  0:09  next poll in…"),
        ("50", Status("1 of 2 done", ("0:07 left",), 1, 2), "⠋ ━━━━━╺━━━━ 1 of 2 done  0:07 left"),
        ("28", Status("1 of 2 done", ("0:07 left",), 1, 2), "⠋ ━━━╺━━ 1 of 2 done  0:07 …"),
        ("28", Status("9 done", ("2 running",), 9), "⠋ 9 done  2 running"),
    ],
)
def test_a_line_fits_its_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: str, status: Status, shown: str
) -> None:
    """A line has a bar where the end is known; what has no room on a narrow terminal is cut off."""
    monkeypatch.setenv("COLUMNS", columns)
    line = LiveLine(Terminal(), lambda: status)
    with line._console.capture() as captured:
        line._console.print(line.line())
    assert re.sub(r"\x1b\[[\d;]*m", "", captured.get()).rstrip() == shown


@pytest.mark.parametrize(("term", "is_live"), [("dumb", False), ("xterm", True), (None, True)])
def test_a_dumb_terminal_is_not_rewritten(
    monkeypatch: pytest.MonkeyPatch, term: str | None, *, is_live: bool
) -> None:
    """A line is rewritten on a terminal alone, and not if `TERM` says that it is dumb."""
    monkeypatch.delenv("TERM", raising=False)
    if term is not None:
        monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stderr", closed := Terminal())
    assert Console.of_process().is_live is is_live
    closed.close()
    streams: list[Any] = [io.StringIO(), closed, None]
    assert [Console(None, err, {}).is_live for err in streams] == [False, False, False]


@pytest.mark.parametrize(
    ("encoding", "text", "out"),
    [
        ("ascii", "v\u00efd\u2192", b"v\\xefd\\u2192\n"),
        ("latin-1", "v\u00efd\u2192", b"v\xefd\\u2192\n"),
        ("utf-8", "v\u00efd\udcff", "v\u00efd\\udcff\n".encode()),
    ],
)
def test_text_that_the_encoding_lacks(encoding: str, text: str, out: bytes) -> None:
    """Characters that a stream can't have are written as escapes, after what was written before."""
    stream = encoded(encoding)
    stream.write("> ")
    Console(stream, None, {}).result(text)
    assert written(stream) == b"> " + out


@pytest.mark.skipif(sys.platform == "win32", reason="its names are no bytes")
def test_a_path_is_written_with_its_bytes() -> None:
    """A path goes out with the bytes that the file system knows, whatever the stream's encoding."""
    stream = encoded("ascii")
    Console(stream, None, {}).result_path(Path(os.fsdecode(b"v\xefd.mp4")))
    assert written(stream) == b"v\xefd.mp4\n"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError("odd"), "OSError"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), None),
        (ValueError("I/O operation on closed file"), None),
    ],
)
def test_results_that_are_lost_are_known(error: Exception, failure: str | None) -> None:
    """Why stdout takes no results is known, unless nobody reads it; stderr's fault is no failure."""
    console = Console(out := Broken(error), Broken(error), {})
    console.note("a")
    assert console.failure is None
    console.result("a")
    out.error = AssertionError("it was tried again")
    console.result_path(Path("c"))
    assert console.failure == failure


def test_a_pipe_that_nobody_reads_leads_nowhere() -> None:
    """What is written later to a stream that broke, as the interpreter does at exit, does no harm."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        console = Console(stream, None, {})
        console.result("a")
        assert console.failure is None
        print("b", file=stream, flush=True)


def test_what_can_no_longer_be_flushed_is_found_at_the_end() -> None:
    """A disk that is full only when the buffers are flushed is a failure too; stderr is flushed as well."""

    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    err = encoded("utf-8")
    err.write("b")
    console = Console(Full(), err, {})
    console.finish()
    assert (console.failure, written(err)) == ("No space left on device", b"b")


@pytest.mark.parametrize(
    ("environ", "stream", "shown"),
    [
        ({}, Terminal, "\x1b[31mfail\x1b[0m  a\n"),
        ({"NO_COLOR": "1"}, Terminal, "fail  a\n"),
        ({"TERM": "dumb"}, Terminal, "fail  a\n"),
        ({}, io.StringIO, "fail  a\n"),
    ],
)
def test_verdicts_are_coloured_on_a_terminal(
    environ: dict[str, str], stream: Callable[[], io.StringIO], shown: str
) -> None:
    """A level is coloured on a terminal that has colours, unless `NO_COLOR` is set."""
    out = stream()
    Console(out, None, environ).verdict("fail", "a")
    assert out.getvalue() == shown


def test_no_text_reaches_a_terminal_unescaped() -> None:
    """Escape sequences and line breaks in a line are shown, not obeyed."""
    out, err = Terminal(), Terminal()
    console = Console(out, err, {"NO_COLOR": "1"})
    evil = "a\x1b[2J\nb"
    console.result(evil)
    console.verdict("ok", evil)
    console.note(evil)
    assert out.getvalue() == "a\\x1b[2J\\nb\nok    a\\x1b[2J\\nb\n"
    assert err.getvalue() == "a\\x1b[2J\\nb\n"
