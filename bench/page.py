"""The page of benchmarks while it is written: lines, plots, and the figures by name."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from pathlib import Path


@define
class Page:
    """A Markdown page and its plots."""

    lines: list[str] = field(factory=list)
    plots: dict[str, str] = field(factory=dict)  # each plot as SVG, by its name
    figures: dict[str, list[float]] = field(factory=dict)  # what was measured, by its name

    def add(self, *lines: str) -> None:
        """Add lines."""
        self.lines += lines

    def chapter(self, title: str, *text: str) -> None:
        """Begin a chapter."""
        self.add(f"## {title}", "", *text)

    def table(self, *heads: str) -> None:
        """Begin a table."""
        self.add("", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|")

    def row(self, *cells: str) -> None:
        """Add a row to the table."""
        self.add("| " + " | ".join(cells) + " |")

    def plot(self, name: str, title: str, svg: str) -> None:
        """Add a plot."""
        self.plots[name] = svg
        self.add("", f"![{title}](benchmarks-{name}.svg)", "")

    def ratio_row(self, what: str, raw: list[float], ours: list[float], digits: int = 0) -> None:
        """Add a row: what, the yardstick, ours, and the ratio round by round."""
        ratio = [one / other for one, other in zip(ours, raw, strict=True)]
        self.figures[what] = ratio
        self.row(what, spread(raw, digits), spread(ours, digits), spread(ratio, 2))

    def write(self, folder: Path) -> None:
        """Write the page and its plots, and remove those of an earlier run."""
        for old in folder.glob("benchmarks-*.svg"):
            old.unlink()
        (folder / "benchmarks.md").write_text("\n".join(self.lines) + "\n", encoding="utf-8")
        for name, plot in self.plots.items():
            (folder / f"benchmarks-{name}.svg").write_text(plot, encoding="utf-8")


def spread(values: list[float], digits: int = 1) -> str:
    """Return the least, the median and the greatest value."""
    return f"{min(values):.{digits}f} / **{statistics.median(values):.{digits}f}** / {max(values):.{digits}f}"
