"""What became of the mutants: a line each, a summary by kind, and the page in the docs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

from contract_tests.violations.mutant import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contract_tests.violations.fork_server import Verdict

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "mutants.md"
_BEGIN: Final = "<!-- the table: make mutants ARGS=--write -->"
_END: Final = "<!-- end of the table -->"
_WHERE: Final[dict[Kind, str]] = {
    "server": "the server",
    "client": "the client",
    "document": "the document",
    "webhook": "the path of webhooks",
}


def line(verdict: Verdict) -> str:
    """Write one verdict for a terminal."""
    if verdict.mutant is None:
        word, name = ("green" if verdict.outcome == "survived" else "NOT GREEN"), "the program as it is"
        kind = f"{verdict.tests} tests"
    else:
        word = verdict.outcome if verdict.outcome == "killed" else verdict.outcome.upper()
        name, kind = verdict.mutant.name, verdict.mutant.kind
    why = f"  {_short(verdict.test)}" if verdict.test else ""
    if verdict.outcome not in {"killed", "survived"}:
        why += f"  {verdict.text}"
    return f"{word:<10} {verdict.seconds:5.1f} s  {kind:<10} {name:<28}{why}".rstrip()


def summary(verdicts: Sequence[Verdict], seconds: float) -> str:
    """Write how many of each kind were killed, and which were not."""
    lines = ["", f"{'':<22}{'mutants':>8}{'killed':>8}{'not':>6}"]
    for kind in get_args(Kind):
        some = [v for v in verdicts if v.mutant is not None and v.mutant.kind == kind]
        if some:
            killed = sum(v.outcome == "killed" for v in some)
            lines.append(f"{_WHERE[kind]:<22}{len(some):>8}{killed:>8}{len(some) - killed:>6}")
    lines.append(f"in {seconds:.0f} s")
    return "\n".join(lines)


def write(verdicts: Iterable[Verdict]) -> None:
    """Put the table into the page."""
    old = PAGE.read_text(encoding="utf-8")
    before, _, rest = old.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    PAGE.write_text(f"{before}{_BEGIN}\n{_rows(list(verdicts))}{_END}{after}", encoding="utf-8", newline="\n")


def _rows(verdicts: list[Verdict]) -> str:
    text = ""
    for kind in get_args(Kind):
        some = [(v, v.mutant) for v in verdicts if v.mutant is not None and v.mutant.kind == kind]
        killed = sum(v.outcome == "killed" for v, _ in some)
        text += f"\n### In {_WHERE[kind]}: {killed} of {len(some)} killed\n\n"
        text += "| mutant | what is wrong | | found by |\n|---|---|---|---|\n"
        for verdict, mutant in some:
            test = _short(verdict.test).partition("[")[0]
            text += f"| {mutant.name} | {_cell(mutant.description)} | {verdict.outcome} | {test} |\n"
    return text + "\n"


def listed() -> dict[str, str]:
    """Read the page: what became of each mutant, by name."""
    text = PAGE.read_text(encoding="utf-8").partition(_BEGIN)[2].partition(_END)[0]
    found = re.findall(r"^\| ([a-z0-9-]+) \| (?:[^|\\]|\\.)* \| ([a-z ]+) \|", text, re.MULTILINE)
    return dict(found)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _short(test: str) -> str:
    return test.removeprefix("contract_tests/")
