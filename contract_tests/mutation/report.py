"""What became of the mutants: a table by module, the survivors, and the page in the docs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contract_tests.mutation.noise import MEANINGS, RULES
from contract_tests.mutation.reasons import reason_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contract_tests.mutation.mutant import Mutant
    from contract_tests.mutation.noise import Rule
    from contract_tests.mutation.reasons import Reason
    from contract_tests.mutation.running import Verdict

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "mutation.md"
BEGIN: Final = "<!-- the table: make mutation ARGS=--write -->"
END: Final = "<!-- end of the table -->"
_ALIVE: Final = {"survived", "not reached"}
_HEAD: Final = ("mutants", "killed", "timed out", "survived", "not reached", "explained", "score")


def survivors(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Choose the mutants that nothing has found."""
    return [verdict for verdict in verdicts if verdict.outcome in _ALIVE]


def rows(verdicts: Iterable[Verdict], reasons: Sequence[Reason]) -> list[tuple[str, ...]]:
    """Make the table: a row for each module, and one for all."""
    by_module: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_module.setdefault(verdict.mutant.source.module, []).append(verdict)
    found = [_row(module, some, reasons) for module, some in sorted(by_module.items())]
    return [*found, _row("all", [v for some in by_module.values() for v in some], reasons)]


def _row(name: str, verdicts: Sequence[Verdict], reasons: Sequence[Reason]) -> tuple[str, ...]:
    counts = Counter(verdict.outcome for verdict in verdicts)
    judged = len(verdicts) - counts["not made"]
    explained = sum(bool(reason_for(verdict.mutant, reasons)) for verdict in survivors(verdicts))
    score = f"{(counts['killed'] + counts['timed out']) / judged:.1%}" if judged else "-"
    numbers = (
        judged,
        *(counts[each] for each in ("killed", "timed out", "survived", "not reached")),
        explained,
    )
    return name, *map(str, numbers), score


def text(verdicts: Sequence[Verdict], reasons: Sequence[Reason]) -> str:
    """Write the table for a terminal, and each survivor that nobody has explained."""
    table = [("", *_HEAD), *rows(verdicts, reasons)]
    width = max(len(row[0]) for row in table)
    lines = [f"{row[0]:<{width}}" + "".join(f"{cell:>13}" for cell in row[1:]) for row in table]
    for verdict in survivors(verdicts):
        if not reason_for(verdict.mutant, reasons):
            lines += ["", *difference(verdict.mutant, verdict.outcome)]
    return "\n".join(lines)


def difference(mutant: Mutant, outcome: str) -> tuple[str, str, str]:
    """Write a mutant as its place and its changed line."""
    before, after = mutant.difference
    place = f"{outcome}: {mutant.where} ({mutant.source.path.name}:{mutant.lines[0]})"
    return place, f"  - {before}", f"  + {after}"


def left_out(counts: Counter[Rule]) -> str:
    """Write how many mutants were left out, by which rule."""
    each = (f"{counts[rule]} {rule} ({MEANINGS[rule]})" for rule in RULES if counts[rule])
    return f"left out: {counts.total()}" + "".join(f"\n  {line}" for line in each)


def page_part(
    verdicts: Sequence[Verdict], missing: int, counts: Counter[Rule], reasons: Sequence[Reason]
) -> str:
    """Write what stands in the page."""
    lines = [f"| module | {' | '.join(_HEAD)} |", f"|---|{'---:|' * len(_HEAD)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows(verdicts, reasons)]
    if missing:
        lines += ["", f"{missing} further mutants were not run."]
    lines += [
        "",
        f"By rule {counts.total()} mutations were left out:",
        "",
        "| rule | mutations | what they change |",
    ]
    lines += ["|---|---:|---|", *(f"| {rule} | {counts[rule]} | {MEANINGS[rule]} |" for rule in RULES)]
    lines += ["", "### Survivors with a reason", ""]
    by_reason: dict[str, list[Mutant]] = {}
    for verdict in survivors(verdicts):
        if reason := reason_for(verdict.mutant, reasons):
            by_reason.setdefault(reason, []).append(verdict.mutant)
    for reason, mutants in by_reason.items():
        lines += [f"- {reason}", *map(_item, mutants)]
    return "\n".join(lines) + "\n"


def _item(mutant: Mutant) -> str:
    before, after = mutant.difference
    return f"  - `{mutant.where}`: ``{before or '(nothing)'}`` becomes ``{after or '(nothing)'}``"


def write(part: str, page: Path = PAGE) -> None:
    """Put that into the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{part}\n{END}{after}", encoding="utf-8", newline="\n")
