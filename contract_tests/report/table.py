"""What a run has exercised, row by row, and what it has not; and the table that a terminal shows."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import groupby
from typing import TYPE_CHECKING, Final

import yaml
from attrs import frozen

from contract_tests.schema.exercised import SIDES, Row, Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_RED, _DIM, _BOLD, _PLAIN = "\033[31m", "\033[2m", "\033[1m", "\033[0m"
_NO_BODY: Final = "(no body)"
_WIDTH: Final = 28


@frozen
class Explanation:
    """Why a documented answer can't be exercised on one side. Each field may have wildcards (`*`)."""

    side: str
    reason: str
    method: str = "*"
    path: str = "*"
    status: str = "*"
    media_type: str = "*"

    def covers(self, side: Side, row: Row) -> bool:
        """Tell whether it is about this answer on this side."""
        wanted = (self.side, self.method, self.path, self.status, self.media_type)
        return all(fnmatchcase(has, pattern) for has, pattern in zip((side, *row), wanted, strict=True))


@frozen
class Cell:
    """How often one side has met one answer, and why it has not, if that is explained."""

    count: int
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is a zero that nobody has explained."""
        return not self.count and not self.reason

    def note(self, side: Side) -> str:
        """Say what a reader must know of it; nothing if it is a count."""
        return f"never met by the {side} side" if self.is_open else self.reason and f"{side}: {self.reason}"


@frozen
class Line:
    """One documented answer with its cells, by side."""

    row: Row
    cells: Mapping[Side, Cell]


@frozen
class Table:
    """A whole run."""

    lines: Sequence[Line]
    sides: Sequence[Side] = SIDES
    stale: Sequence[Explanation] = ()

    @property
    def open(self) -> int:
        """How many zeros nobody has explained."""
        return sum(cell.is_open for line in self.lines for cell in line.cells.values())

    def met(self, side: Side) -> int:
        """How many answers a side has met."""
        return sum(line.cells[side].count > 0 for line in self.lines)

    def by_operation(self) -> list[tuple[str, list[Line]]]:
        """Give the lines of each operation under its name."""
        named = groupby(self.lines, lambda line: f"{line.row.method} {line.row.path}")
        return [(name, list(lines)) for name, lines in named]


def read_explanations(file: Path) -> list[Explanation]:
    """Read the explanations."""
    entries = yaml.safe_load(file.read_text(encoding="utf-8")) or []
    try:
        found = [Explanation(**{name: str(value) for name, value in entry.items()}) for entry in entries]
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{file.name}: {error}") from error
    for entry in found:
        if entry.side not in SIDES or not entry.reason.strip():
            raise ValueError(f"{file.name}: {entry} needs a side ({', '.join(SIDES)}) and a reason")
    return found


def build(
    rows: Iterable[Row],
    counts: Mapping[tuple[Side, Row], int],
    explanations: Sequence[Explanation] = (),
    sides: Sequence[Side] = SIDES,
) -> Table:
    """Put counts and explanations to the document's answers."""
    lines, used = [], set()
    # Each operation's answers by status; `default` sorts last.
    found = list(rows)
    places = {row[:2]: place for place, row in reversed(list(enumerate(found)))}
    for row in sorted(found, key=lambda row: (places[row[:2]], row.status, row.media_type)):
        cells = {}
        for side in sides:
            count = counts.get((side, row), 0)
            explanation = next((e for e in explanations if e.covers(side, row)), None)
            if explanation is not None and not count:
                used.add(explanation)
            cells[side] = Cell(count, explanation.reason if explanation is not None and not count else "")
        lines.append(Line(row, cells))
    stale = [e for e in explanations if e not in used and e.side in sides]
    return Table(lines, sides, stale)


def text(table: Table, *, colour: bool) -> str:
    """Write the table for a terminal; unexplained zeros are red, and marked for who sees no colour."""

    def paint(code: str, words: str) -> str:
        return f"{code}{words}{_PLAIN}" if colour and code else words

    heads = "".join(f"{side:>9}" for side in table.sides)
    written = [f"  {'status':<9}{'media type':<{_WIDTH}}{heads}"]
    for name, lines in table.by_operation():
        written += ["", paint(_BOLD, name)]
        for line in lines:
            codes = {side: _RED if c.is_open else _DIM if c.reason else "" for side, c in line.cells.items()}
            cells = "".join(paint(codes[side], f"{cell.count:>9}") for side, cell in line.cells.items())
            notes = [
                paint(codes[side], cell.note(side)) for side, cell in line.cells.items() if cell.note(side)
            ]
            note = "  " + "; ".join(notes) if notes else ""
            written.append(f"  {line.row.status:<9}{line.row.media_type or _NO_BODY:<{_WIDTH}}{cells}{note}")
    written += ["", *summary(table)]
    return "\n".join(written)


def summary(table: Table) -> list[str]:
    """Say how much of the document was exercised, in a sentence a side, and what is left to do."""
    total = len(table.lines)
    said = [f"{side} side: {table.met(side)} of {total} documented answers exercised" for side in table.sides]
    return said + (to_do(table) if len(table.sides) > 1 else [])


def to_do(table: Table) -> list[str]:
    """Say what is to be done before the run can pass; nothing if it does."""
    said = []
    if table.open:
        said.append(f"Unexplained zeros: {table.open}. Exercise them, or say why not in explained.yaml")
    return said + [f"Explained, but exercised or unknown: remove it: {e.reason}" for e in table.stale]
