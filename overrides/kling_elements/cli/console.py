"""The two streams: results on stdout, everything else on stderr.

Writing never raises, and no character reaches a terminal that could change more than its own line.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROGRAM = "kling-elements"
_NARROWEST = 20
_COLORS = {"ok": 32, "warn": 33, "fail": 31, "unfit": 31}


def count_of(number: int, noun: str) -> str:
    """Return a number of things in words: "1 task", "2 tasks"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def escaped(text: str) -> str:
    """Return text with all that a terminal would obey, line breaks included, as escapes."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def one_line(text: str) -> str:
    """Return text as one line, its white space squeezed."""
    return escaped(" ".join(text.split()))


def sentence(text: str) -> str:
    """Return text with a full stop, if it ends with none."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


class Console:
    """Where a command writes.

    Args:
        out: For results; None if the process has no such stream.
        err: For everything else; likewise.
        environ: The environment, for what it says about the terminal.
    """

    def __init__(self, out: TextIO | None, err: TextIO | None, environ: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self._environ = environ
        self._shown = 0  # characters of the transient line
        self.failure: str | None = None
        """Why results could not be written; a reader that left is no failure."""

    @classmethod
    def of_process(cls) -> Console:
        """Return the console of the process's own streams."""
        return cls(sys.stdout, sys.stderr, os.environ)

    @property
    def is_live(self) -> bool:
        """Whether a line on stderr can be rewritten."""
        return self._is_terminal(self._err)

    def result(self, line: str) -> None:
        """Write a line to stdout."""
        self.document(escaped(line))

    def verdict(self, level: str, line: str) -> None:
        """Write a line that begins with ok, warn, fail or unfit to stdout, coloured on a terminal."""
        word = f"{level:<5}"
        if self._is_terminal(self._out) and not self._environ.get("NO_COLOR"):
            word = f"\x1b[{_COLORS[level]}m{word}\x1b[0m"
        self.document(f"{word} {escaped(line)}")

    def result_path(self, path: Path) -> None:
        """Write a path to stdout, with the very bytes that the file system knows it by."""
        self.transient("")
        self._out = self._write(self._out, f"{path}\n", os.fsencode(path) + b"\n")

    def result_json(self, value: Mapping[str, Any]) -> None:
        """Write a JSON document to stdout; ASCII, so that it fits every encoding."""
        import json  # noqa: PLC0415 - 5 ms that `--help` need not pay

        self.document(json.dumps(value, indent=2))

    def document(self, text: str) -> None:
        """Write text of our own making, which may have several lines, to stdout."""
        self.transient("")
        self._out = self._write(self._out, f"{text}\n")

    def note(self, line: str) -> None:
        """Write a line to stderr."""
        self.transient("")
        self._err = self._write(self._err, f"{escaped(line)}\n")

    def transient(self, line: str) -> None:
        """Show a line on the terminal that the next one replaces; nothing if stderr is no terminal."""
        if not self.is_live or (not line and not self._shown):
            return
        shown = escaped(line)[: self._width() - 1]
        # Padding instead of an escape sequence: it works on every terminal.
        padding = " " * max(0, min(self._shown, self._width() - 1) - len(shown))
        self._err = self._write(self._err, f"\r{shown}{padding}" if shown else f"\r{padding}\r")
        self._shown = len(shown)

    def finish(self) -> None:
        """Clear the terminal's line and flush, so that nothing is left for the interpreter to fail at."""
        self.transient("")
        self._out = self._write(self._out, "")
        self._err = self._write(self._err, "")

    def _is_terminal(self, stream: TextIO | None) -> bool:
        try:
            return stream is not None and stream.isatty() and self._environ.get("TERM") != "dumb"
        except ValueError:  # closed
            return False

    def _width(self) -> int:
        columns = self._environ.get("COLUMNS", "")
        if columns.isdecimal() and int(columns):
            return max(_NARROWEST, int(columns))
        try:
            return max(_NARROWEST, os.get_terminal_size(self._err.fileno() if self._err else 2).columns)
        except (OSError, ValueError):
            return 80

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
