"""The two streams: results on stdout, everything else on stderr.

Writing never raises, and no character reaches a terminal that could change more than its own line.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TextIO, cast

from kling_elements.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from kling_elements.cli.live_status import Status
    from kling_elements.cli.terminal import LiveLine

PROGRAM = "kling-elements"
_COLORS = {
    "ok": 32,
    "warn": 33,
    "fail": 31,
    "unfit": 31,
    "make": 32,
    "there": 36,
    "wait": 35,
    "COMPLETED": 32,
    "FAILED": 31,
}


def count_of(number: int, noun: str) -> str:
    """Return a number of things in words: "1 task", "2 tasks"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def one_line(text: str) -> str:
    """Return text as one line, its white space squeezed."""
    return printable(" ".join(text.split()))


def sentence(text: str) -> str:
    """Return text with a full stop, if it ends with none."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


class Console:
    """Where a command writes: results to `out`, all else to `err`; None is a stream that is missing."""

    def __init__(self, out: TextIO | None, err: TextIO | None, environ: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self._environ = environ
        self._line: LiveLine | None = None
        self._lock = threading.RLock()  # a batch's threads write too
        self.failure: str | None = None
        """Why results could not be written; a reader that left is no failure."""
        self.has_document = False
        """Whether stdout has its JSON document: `--json` promises one."""

    @classmethod
    def of_process(cls) -> Console:
        """Return the console of the process's own streams."""
        return cls(sys.stdout, sys.stderr, os.environ)

    @property
    def has_out(self) -> bool:
        """Whether results have been written so far: stdout is there, and took them all."""
        return self._out is not None

    @property
    def is_live(self) -> bool:
        """Whether stderr is a terminal on which a line can be kept up to date."""
        return self.has_tables(is_out=False)

    def show(self, now: Callable[[], Status] | None) -> None:
        """Keep a line up to date at the bottom of the terminal, if that can be done; None to clear it."""
        with self._lock:
            line, self._line = self._line, None
            if line is not None:
                line.stop()
            if now is not None and self.is_live:
                from kling_elements.cli.terminal import LiveLine  # noqa: PLC0415 - 60 ms, and an extra

                self._line = LiveLine(self._stream(is_out=False), now)
                self._line.start()

    def result(self, line: str) -> None:
        """Write a line to stdout."""
        self.document(printable(line))

    def verdict(self, level: str, line: str) -> None:
        """Write a line that begins with ok, warn, fail or unfit to stdout, coloured on a terminal."""
        space = " " * (5 - len(level))
        self.document(f"{self._coloured(level, self._out)}{space} {printable(line)}")

    def result_path(self, path: Path) -> None:
        """Write a path to stdout: but on a terminal, with the very bytes that the file system has."""
        if _is_tty(self._out):
            self.result(str(path))
            return
        with self._above_line():
            self._out = self._write(self._out, f"{path}\n", os.fsencode(path) + b"\n")

    def result_json(self, value: Mapping[str, Any]) -> None:
        """Write a JSON document to stdout; ASCII, so that it fits every encoding."""
        import json  # noqa: PLC0415 - 5 ms that `--help` need not pay

        self.has_document = True
        self.document(json.dumps(value, indent=2))

    def document(self, text: str) -> None:
        """Write text of our own making, which may have several lines, to stdout."""
        with self._above_line():
            self._out = self._write(self._out, f"{text}\n")

    def note(self, line: str) -> None:
        """Write a line to stderr."""
        with self._above_line():
            word, space, rest = printable(line).partition(" ")
            self._err = self._write(self._err, f"{self._coloured(word, self._err)}{space}{rest}\n")

    def has_tables(self, *, is_out: bool) -> bool:
        """Whether tables on a stream are for a person: it is a terminal, and rich is there."""
        return self._is_terminal(self._out if is_out else self._err) and find_spec("rich") is not None

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]], *, is_out: bool) -> None:
        """Write a table to stdout or stderr; where it isn't for a person, a line a row, with tabs."""
        cells = [[one_line(cell) for cell in row] for row in rows]
        with self._above_line():
            if self.has_tables(is_out=is_out):
                from kling_elements.cli.terminal import print_table  # noqa: PLC0415 - 60 ms, and an extra

                print_table(self._stream(is_out=is_out), headers, cells)
                return
            for row in cells:
                self._write_to("\t".join(row) + "\n", is_out=is_out)

    def finish(self) -> None:
        """Clear the terminal's line and flush, so that nothing is left for the interpreter to fail at."""
        self.show(None)
        self._write_to("", is_out=True)
        self._write_to("", is_out=False)

    @contextmanager
    def _above_line(self) -> Iterator[None]:
        """Let something be written above the line at the bottom of the terminal."""
        with self._lock:
            line = self._line
            if line is not None:
                line.stop()
            yield
            if line is not None and line is self._line:
                line.start()

    def _write_to(self, text: str, *, is_out: bool) -> None:
        if is_out:
            self._out = self._write(self._out, text)
        else:
            self._err = self._write(self._err, text)

    def _stream(self, *, is_out: bool) -> TextIO:
        stream = self._out if is_out else self._err
        encoding = getattr(stream, "encoding", None) or "utf-8"
        return cast("TextIO", _Terminal(partial(self._write_to, is_out=is_out), encoding))

    def _coloured(self, word: str, stream: TextIO | None) -> str:
        if word not in _COLORS or not self._is_terminal(stream) or self._environ.get("NO_COLOR"):
            return word
        return f"\x1b[{_COLORS[word]}m{word}\x1b[0m"

    def _is_terminal(self, stream: TextIO | None) -> bool:
        return _is_tty(stream) and self._environ.get("TERM") != "dumb"

    def _write(self, stream: TextIO | None, text: str, raw: bytes | None = None) -> TextIO | None:
        """Write and flush; return the stream, or None once it can't be written to any more."""
        if stream is None:
            return None
        try:
            _write_any(stream, text, raw)
            stream.flush()
        except (OSError, ValueError) as error:  # nobody reads, the disk is full, the terminal is gone, …
            if stream is self._out and not isinstance(error, (BrokenPipeError, ValueError)):
                self.failure = error.strerror or type(error).__name__
            _silence(stream)
            return None
        return stream


class _Terminal:
    """A terminal as rich needs it: writing never fails."""

    def __init__(self, write: Callable[[str], object], encoding: str) -> None:
        self._write = write
        self.encoding = encoding

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._write(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: each write was flushed."""


def _is_tty(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _write_any(stream: TextIO, text: str, raw: bytes | None) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        data = text.encode(stream.encoding or "utf-8", "backslashreplace") if raw is None else raw
        stream.flush()
        stream.buffer.write(data)


def _silence(stream: TextIO) -> None:
    """Redirect a broken stream to nowhere; the interpreter would complain about it at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass
