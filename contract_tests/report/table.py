"""What a run has exercised, row by row, and what it has not; and the table that a terminal shows."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from attrs import frozen

from contract_tests.schema.exercised import SIDES, Row, Side
from contract_tests.schema.server.verdicts import Line, Rule, broken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contract_tests.schema.server.verdicts import Acceptance

_RED, _BOLD, _PLAIN = "\033[31m", "\033[1m", "\033[0m"
_WIDTH: Final = 28


@frozen
class Table:
    """How often each side has met each documented answer."""

    counts: Mapping[Row, Mapping[Side, int]]
    sides: Sequence[Side] = SIDES

    def met(self, side: Side) -> int:
        return sum(count[side] > 0 for count in self.counts.values())

    def by_operation(self) -> list[tuple[str, list[Row]]]:
        named = groupby(self.counts, lambda row: f"{row.method} {row.path}")
        return [(name, list(rows)) for name, rows in named]

    def never_met(self, known: tuple[Acceptance, ...]) -> list[Line]:
        """Return a broken rule for each side, with an entry for each answer that it has never met."""
        return [
            broken(
                Rule(f"the_{side}_side_meets_every_answer", f"The {side} side meets each documented answer."),
                f"the {side} side has never met {' '.join(row)}", " ".join(row), known,
                "  record it in a test (contract_tests.schema.exercised.record), or accept it in known.yaml",
            )
            for side in self.sides for row, count in self.counts.items() if not count[side]
        ]  # fmt: skip


def build(
    rows: Iterable[Row], counts: Mapping[tuple[Side, Row], int], sides: Sequence[Side] = SIDES
) -> Table:
    """Put counts to the document's answers: each operation's by status; `default` sorts last."""
    found = list(rows)
    places = {row[:2]: place for place, row in reversed(list(enumerate(found)))}
    ordered = sorted(found, key=lambda row: (places[row[:2]], row.status, row.media_type))
    return Table({row: {side: counts.get((side, row), 0) for side in sides} for row in ordered}, sides)


def text(table: Table, *, colour: bool) -> str:
    """Write the table for a terminal; zeros are red, and marked for who sees no colour."""

    def paint(code: str, words: str) -> str:
        return f"{code}{words}{_PLAIN}" if colour else words

    heads = "".join(f"{side:>9}" for side in table.sides)
    written = [f"  {'status':<9}{'media type':<{_WIDTH}}{heads}"]
    for name, rows in table.by_operation():
        written += ["", paint(_BOLD, name)]
        for row in rows:
            counts = table.counts[row]
            cells = "".join(f"{n:>9}" if n else paint(_RED, f"{n:>9}") for n in counts.values())
            zeros = [paint(_RED, f"  never met by the {side} side") for side, n in counts.items() if not n]
            media_type = row.media_type or "(no body)"
            written.append(f"  {row.status:<9}{media_type:<{_WIDTH}}{cells}{''.join(zeros)}")
    total = len(table.counts)
    met = [f"{side} side: {table.met(side)} of {total} documented answers exercised" for side in table.sides]
    return "\n".join([*written, "", *met])
