"""A published Markdown page: its title, its summary, and the fenced blocks that describe operations.

Only what describes an operation is read. Prose, notes and code samples around it are for people and are no
part of the contract.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from spec.tools.errors import SpecError
from spec.tools.structure import METHODS

_FENCE: Final = re.compile(r"^ {0,3}(?P<ticks>`{3,}|~{3,})[ \t]*(?P<info>[^`]*)$")
_OPERATION: Final = re.compile(
    rf"^ya?ml\s+(?:(?P<source>\S+)\s+)?(?P<method>{'|'.join(METHODS)})\s+(?P<path>/\S*)$", re.IGNORECASE
)
_HTML: Final = re.compile(r"^\s*(<\?xml|<!doctype|<html|<head|<body)", re.IGNORECASE)
_FENCE_TICKS: Final = 4


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    method: str  # the HTTP method, in small letters
    path: str  # the path template, as the fence has it
    text: str  # the YAML between the fences
    first_line: int  # the line in the page on which `text` begins, counted from one
    title: str  # the last heading of the first order before the block; empty where there is none
    summary: str  # the quoted sentences under that heading; empty where there are none


@dataclass(frozen=True)
class Page:
    """One page and its blocks, at least one."""

    file: str
    blocks: tuple[Block, ...]


def decode(content: bytes, file: str) -> str:
    """Make text of a page's bytes. A byte order mark and Windows line ends are harmless and are taken off."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"byte {error.start} is not UTF-8: save the page again as UTF-8 Markdown"
        raise SpecError(message, file, line) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise SpecError("the page is empty: fetch it again", file, 1)
    if _HTML.match(text):
        problem = "this is HTML, not Markdown: fetch the page's Markdown form"
        raise SpecError(f"{problem} (the same URL with .md at its end)", file, 1)
    return text


def read_page(content: bytes, file: str) -> Page:
    """Find the operation blocks of a page, at least one; refuse one that is cut off or fenced otherwise."""
    lines = decode(content, file).split("\n")
    blocks: list[Block] = []
    headings = _Headings()
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            headings.read(lines[at])
            at += 1
            continue
        end = _closing_fence(lines, at, fence["ticks"])
        operation = _operation(fence, file, at + 1)
        if operation is not None:
            if end is None:
                problem = "the block that opens here is never closed: the page is cut off, fetch it again"
                raise SpecError(problem, file, at + 1)
            method, text = operation["method"].lower(), "\n".join(lines[at + 1 : end]) + "\n"
            blocks.append(Block(method, operation["path"], text, at + 2, headings.title, headings.summary))
        at = len(lines) if end is None else end + 1
    if not blocks:
        problem = "no block that opens with four backticks and `yaml METHOD PATH`: this is not a page about"
        raise SpecError(f"{problem} an operation, or it is cut off; fetch it again", file, len(lines))
    return Page(file, tuple(blocks))


def _closing_fence(lines: list[str], opening: int, ticks: str) -> int | None:
    closing = re.compile(rf"^ {{0,3}}{re.escape(ticks[0])}{{{len(ticks)},}}[ \t]*$")
    return next((at for at in range(opening + 1, len(lines)) if closing.match(lines[at])), None)


def _operation(fence: re.Match[str], file: str, line: int) -> re.Match[str] | None:
    """Tell whether a fence opens an operation, and refuse the ones that nearly do."""
    info = fence["info"].strip()
    if not re.match(r"^ya?ml\s+\S", info, re.IGNORECASE):
        return None
    operation = _OPERATION.match(info)
    if fence["ticks"][0] == "~" or len(fence["ticks"]) < _FENCE_TICKS:
        if operation is None:
            return None
        problem = f"this block opens with {len(fence['ticks'])} of {fence['ticks'][0]!r}: a block about an"
        problem += " operation opens with four backticks, because three may stand in its text; put four at"
        raise SpecError(f"{problem} both its ends", file, line)
    if operation is None:
        problem = f"`{info}` is not understood: expected `yaml METHOD PATH` with one of {', '.join(METHODS)}"
        raise SpecError(problem, file, line)
    return operation


class _Headings:
    """Keeps the title and the quoted summary that a block belongs to."""

    def __init__(self) -> None:
        self.title = ""
        self._titled = False
        self._quote: list[str] = []
        self._quoting = False
        self._wanted = False

    @property
    def summary(self) -> str:
        return "\n".join(self._quote).strip()

    def read(self, line: str) -> None:
        if line.startswith(">"):
            text = line[1:].strip()
            if not self._quoting:
                self._quoting = True
                # A page may begin with a quoted pointer to the index of all pages.
                self._wanted = not text.startswith("#") and not self._quote
            self._quote += [text] if self._wanted else []
            return
        if self._quoting and line.strip() and not line.startswith("#"):
            # A quoted paragraph goes on without a mark.
            self._quote += [line.strip()] if self._wanted else []
            return
        self._quoting = False
        title = line.removeprefix("# ").strip()
        if not line.startswith("# ") or title.startswith("Source: ") or title == "null":
            return
        if self._titled:
            self._quote = []  # A second title: the first one's summary is not this one's.
        self.title, self._titled = title, True
