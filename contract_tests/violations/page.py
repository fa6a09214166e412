"""The table of violations in docs/proof.md."""

import re
from collections.abc import Iterable
from typing import Final

from contract_tests.violations.violation import ROOT, Violation

PAGE: Final = ROOT / "docs" / "proof.md"
_BEGIN: Final = "<!-- the table: make mutants ARGS=--write -->"
_END: Final = "<!-- end of the table -->"
_HEAD: Final = "| where | violation | what is wrong | found by |\n|---|---|---|---|\n"
_ROW: Final = re.compile(r"^\| [a-z]+ \| ([a-z0-9-]+) \| .* \| (passes|[a-z_/]+\.py::\w+) \|$", re.MULTILINE)


def write(count: str, found: Iterable[tuple[Violation, str]]) -> None:
    """Put the table into the page: each violation with the test that found it; empty if none did."""
    named = [(v, test.partition("[")[0] or "**survived**") for v, test in found]
    rows = "".join(f"| {v.kind} | {v.name} | {v.description} | {test} |\n" for v, test in named)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    text = f"{before}{_BEGIN}\n\n{count.capitalize()}\n\n{_HEAD}{rows}\n{_END}{after}"
    PAGE.write_text(text, encoding="utf-8", newline="\n")


def found_by() -> dict[str, str]:
    """Return the test that found each violation when the page was written, or `passes`."""
    return dict(_ROW.findall(PAGE.read_text(encoding="utf-8").partition(_BEGIN)[2].partition(_END)[0]))
