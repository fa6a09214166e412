"""A run as one HTML page that needs nothing else: for a phone, a desk or paper, by day or by night."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from contract_tests.report import rules
from contract_tests.report.table import to_do

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contract_tests.report.rules import Group
    from contract_tests.report.table import Cell, Line, Table

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1d21; --soft: #5b6470; --ground: #ffffff; --line: #dfe3e8;
  --card: #f5f7f9; --bad: #b00020; --bad-ground: #fde7ea; --good: #12652f; --warn: #8a5300; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a3abb5; --ground: #15181c;
  --line: #343a41; --card: #1e2227; --bad: #ff8a95; --bad-ground: #47131b; --good: #7ddb9c;
  --warn: #f0b35a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 48rem; background: var(--ground); color: var(--ink);
  font: 16px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: .5rem 0; }
h2 { font: 600 .95rem/1.35 ui-monospace, monospace; margin: 0; padding: .7rem 0; overflow-wrap: anywhere; }
p { margin: .3rem 0; }
.sums { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .6rem;
  margin: 1rem 0; padding: 0; }
.sums li { list-style: none; background: var(--card); border: 1px solid var(--line);
  border-radius: .5rem; padding: .6rem .8rem; }
.sums b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.sums .bad { background: var(--bad-ground); border-color: var(--bad); color: var(--bad); }
.sums .good b { color: var(--good); }
section { border-top: 2px solid var(--line); margin-top: 1rem; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
th, td { text-align: left; vertical-align: top; padding: .35rem .3rem; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
thead th { color: var(--soft); font-weight: 500; font-size: .85rem; }
.status { width: 4.8rem; } .count { width: 3.9rem; text-align: right; font-variant-numeric: tabular-nums; }
td.status { font-weight: 600; font-size: .95rem; overflow-wrap: normal; } td.media { font-size: .9rem; }
td.open { background: var(--bad-ground); color: var(--bad); font-weight: 700; }
td.why { color: var(--soft); }
details { border-bottom: 1px solid var(--line); padding: .5rem 0; overflow-wrap: anywhere; }
summary { cursor: pointer; } summary code { font-weight: 600; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .6rem;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; }
.mark { display: inline-block; min-width: 5.6rem; font-size: .8rem; font-weight: 700; }
.mark.broken { color: var(--bad); } .mark.held { color: var(--good); } .mark.accepted { color: var(--warn); }
.note { color: var(--soft); font-size: .82rem; } .note.bad { color: var(--bad); }
@media print { body { max-width: none; font-size: 11px; padding: 0; } section { break-inside: avoid; }
  td.open { outline: 1px solid var(--bad); } }
"""


def html(
    table: Table,
    groups: Sequence[Group] = (),
    stale: Sequence[str] = (),
    facts: Iterable[str] = (),
    title: str = "Contract: rules and answers",
) -> str:
    """Write the whole page; the facts identify the run."""
    sections = "\n".join(_section(name, lines, table) for name, lines in table.by_operation())
    total = len(table.lines)
    verdicts = [group.verdict for group in groups]
    counts = {verdict: verdicts.count(verdict) for verdict in rules.VERDICTS} if groups else {}
    sums = "".join(
        f'<li class="{_class(verdict, count)}"><b>{count}</b>rules {verdict}</li>'
        for verdict, count in counts.items()
    )
    sums += "".join(
        f'<li class="{"good" * (table.met(side) == total)}"><b>{table.met(side)}/{total}</b>{side} side</li>'
        for side in table.sides
    )
    if len(table.sides) > 1:
        sums += f'<li class="{"bad" if table.open else "good"}"><b>{table.open}</b>unexplained zeros</li>'
    left = [*(to_do(table) if len(table.sides) > 1 else ()), *stale]
    said = "".join(f"<p>{escape(sentence)}.</p>" for sentence in left)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="note">{escape(" · ".join(facts))}</p>
<ul class="sums">{sums}</ul>
{said}
{_rules(groups)}
<p>Each documented answer, and how often each side met it.</p>
{sections}
</body>
</html>
"""


def _class(verdict: str, count: int) -> str:
    return "bad" if verdict == "broken" and count else "good" if verdict in {"broken", "held"} else ""


def _rules(groups: Sequence[Group]) -> str:
    if not groups:
        return ""
    rows = "\n".join(_rule(group) for group in groups if group.verdict != "held")
    held = "\n".join(_rule(group) for group in groups if group.verdict == "held")
    missing = "".join(
        f'<p>{escape(reason)}</p><p class="note">{escape(", ".join(f"{n} ({c})" for n, c in checks))}</p>'
        for reason, checks in rules.not_reached(groups).items()
    )
    return f"""<section>
<h2>Rules of the server side</h2>
{rows}
<details><summary>Rules that held</summary>
{held}
</details>
{missing and f"<details><summary>Not checked, and what it would take</summary>{missing}</details>"}
</section>"""


def _rule(group: Group) -> str:
    mark = f'<span class="mark {group.verdict.split()[0]}">{group.verdict}</span>'
    name = escape(group.rule).replace("_", "_<wbr>")
    head = f"{mark} <code>{name}</code>"
    notes = (
        "".join(f'<p class="note">{escape(note)}</p>' for note in rules.notes(group))
        if group.breaches
        else ""
    )
    if not group.breaches:
        why = (
            f'<p class="note">Stricter than the document: {escape(group.stricter)}</p>'
            if group.stricter
            else ""
        )
        return f"<details><summary>{head}</summary><p>{escape(group.sentence)}</p>{why}</details>"
    first = f"{group.first.text}\n{group.first.told}"
    return (
        f"<details open><summary>{head} · {group.requests} request{'s' * (group.requests != 1)}</summary>"
        f"<p>{escape(group.sentence)}</p>{notes}<pre>{escape(first)}</pre></details>"
    )


def _section(name: str, lines: list[Line], table: Table) -> str:
    heads = "".join(f'<th class="count" scope="col">{side}</th>' for side in table.sides)
    rows = "\n".join(_row(line) for line in lines)
    return f"""<section>
<h2>{escape(name)}</h2>
<table>
<thead><tr><th class="status" scope="col">status</th><th scope="col">media type</th>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</section>"""


def _row(line: Line) -> str:
    notes = "".join(
        f'<div class="note{" bad" if cell.is_open else ""}">{escape(_note(side, cell))}</div>'
        for side, cell in line.cells.items()
        if not cell.count
    )
    counts = "".join(f'<td class="count{_kind(cell)}">{cell.count}</td>' for cell in line.cells.values())
    media = escape(line.row.media_type or "no body").replace("/", "/<wbr>")
    status = escape(line.row.status)
    return f'<tr><td class="status">{status}</td><td class="media">{media}{notes}</td>{counts}</tr>'


def _kind(cell: Cell) -> str:
    return " open" if cell.is_open else " why" if cell.reason else ""


def _note(side: str, cell: Cell) -> str:
    return f"never met by the {side} side" if cell.is_open else f"{side}: {cell.reason}"
