"""Tasks in a table: short for a person at a terminal, whole and with tabs for everything else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kling_elements.journal import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_elements.cli.console import Console
    from kling_elements.journal import Entry

_SHORTEST = 8  # characters of an id


def show_tasks(
    console: Console, headers: Sequence[str], rows: Sequence[Sequence[float | str | None]]
) -> None:
    """Print a table of tasks, whose cells are text, and times in seconds since the epoch.

    A person sees columns of the names id, batch, when and file shortened.
    """
    if not rows:
        return
    if not console.has_tables(is_out=True):
        whole = [[iso(cell) if isinstance(cell, float) else str(cell or "") for cell in row] for row in rows]
        console.table(headers, whole, is_out=True)
        return
    columns: list[list[str]] = []
    names: list[str] = []
    for name, cells in zip(headers, zip(*rows, strict=True), strict=True):
        texts = [_short_time(cell) if isinstance(cell, float) else cell or "" for cell in cells]
        if name == "file":
            texts = [_short_path(text) for text in texts]
        if name in {"id", "batch"}:
            texts = _short_ids(texts)
        if name == "id" or len(set(texts)) > 1 or texts[0]:
            names.append(name)
            columns.append(texts)
    console.table(names, list(zip(*columns, strict=True)), is_out=True)


def shown_status(entry: Entry) -> str:
    """Return the status of a task as the service said it, else how far its create has come."""
    if entry.state is State.CREATED:
        return entry.status or "CREATED"
    return entry.state.value


def iso(moment: float) -> str:
    """Return a moment in the time of this machine, as ISO 8601 has it."""
    return _local_time(moment).isoformat(timespec="seconds")


def _local_time(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC).astimezone()


def _short_time(moment: float) -> str:
    then = _local_time(moment)
    return f"{then:%H:%M}" if then.date() == datetime.now(UTC).astimezone().date() else f"{then:%Y-%m-%d}"


def _short_ids(ids: Sequence[str]) -> list[str]:
    """Cut ids as short as they still differ; each is accepted so by every command."""
    longest = max(map(len, ids))
    different = len(set(ids))
    length = next(
        (n for n in range(_SHORTEST, longest) if len({each[:n] for each in ids}) == different), longest
    )
    return [each[:length] for each in ids]


def _short_path(text: str) -> str:
    try:
        return str(Path(text).relative_to(Path.cwd()))
    except (OSError, ValueError):  # the current folder is gone, or the file is elsewhere, or there is none
        return text
