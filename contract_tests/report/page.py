"""A run as one HTML page that needs nothing else; `page.html.j2` beside this file is its template."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from contract_tests.report import rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contract_tests.report.rules import Group
    from contract_tests.report.table import Table


def html(table: Table, groups: Sequence[Group], stale: Sequence[str], facts: Iterable[str]) -> str:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters["breakable"] = _breakable
    return environment.get_template("page.html.j2").render(
        table=table,
        groups=groups,
        verdicts=list(rules.VERDICTS.values()),
        missing=rules.not_reached(groups),
        stale=stale,
        facts=list(facts),
    )


def _breakable(text: str, mark: str) -> Markup:
    return Markup(f"{mark}<wbr>").join(escape(part) for part in text.split(mark))  # noqa: S704 - ours
