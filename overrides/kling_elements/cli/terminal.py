"""What a terminal shows by way of rich (the extra `terminal`): a line that is kept up to date, and tables.

Imported when something is shown on a terminal, and at no other time: rich takes 60 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from rich.console import RenderableType

    from kling_elements.cli.live_status import Status

_FRAMES_PER_SECOND = 8
_BAR = (6, 30)  # characters, at least and at most
_GAP = 2  # characters between columns
_FEWEST = 4  # columns that are always shown
_LAST = 12  # characters that the last column needs
_STYLES = {
    "COMPLETED": "green", "done": "green", "existing": "green",
    "FAILED": "red", "failed": "red", "invalid": "red", "refused": "red",
    "unknown": "magenta", "unfinished": "magenta", "busy": "magenta",
}  # fmt: skip


class LiveLine:
    """A line at the bottom of a terminal, redrawn by a thread while it is shown."""

    def __init__(self, stream: TextIO, now: Callable[[], Status]) -> None:
        self._console = _console(stream)
        # A spinner of ASCII where the terminal's encoding has no dots.
        self._spinner = Spinner("dots" if self._console.encoding.startswith("utf") else "line", style="cyan")
        self._now = now
        self._live: Live | None = None

    def start(self) -> None:
        """Show the line."""
        self._live = Live(
            get_renderable=self.line,
            console=self._console,
            refresh_per_second=_FRAMES_PER_SECOND,
            transient=True,
            redirect_stdout=False,  # our own console pauses it
            redirect_stderr=False,
        )
        try:
            self._live.start()
        except RuntimeError:  # no thread can be started: the line is not worth an error
            self.stop()

    def stop(self) -> None:
        """Clear the line."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._console.show_cursor()

    def line(self) -> RenderableType:
        """Return the line as it is now; what a narrow terminal has no room for is cut off."""
        status = self._now()
        line = Table.grid(padding=(0, 1, 0, 0), expand=True)
        line.add_column(width=1)
        cells: list[RenderableType] = [self._spinner]
        if status.done is not None and status.total:
            least, most = _BAR
            width = max(least, min(most, self._console.width // 5))
            line.add_column(width=width)
            cells.append(ProgressBar(status.total, status.done, width, complete_style="green"))
        line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        details = Text("  ".join(("", *status.details)), style="dim")
        cells.append(Text(status.label, style="bold").append_text(details))
        line.add_row(*cells)
        return line


def print_table(stream: TextIO, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, its last column wrapped, the others whole; statuses are coloured.

    A narrow terminal gets the first three columns and the last, and what there is room for between them.
    """
    console = _console(stream)
    columns = [list(column) for column in zip(headers, *rows, strict=True)]
    widths = [max(map(cell_len, column)) + _GAP for column in columns]
    while len(columns) > _FEWEST and sum(widths[:-1]) + min(widths[-1], _LAST) > console.width:
        del columns[-2], widths[-2]
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column[0], overflow="fold", no_wrap=column is not columns[-1])
    for row in list(zip(*columns, strict=True))[1:]:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    console.print(table)


def _console(stream: TextIO) -> Console:
    return Console(file=stream, markup=False, highlight=False, emoji=False)
