"""Show a task in a notebook: its status, its times, and its video if that is in a small file."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kling_elements.types import TaskData

MAX_SHOWN_BYTES = 4 * 1024 * 1024
"""A larger video is not put into the page: a saved notebook would hold all of it."""

_VIDEO = '<video controls loop muted style="display:block;max-width:320px;margin-top:4px" src="{}"></video>'


def task_html(
    task: TaskData, created: datetime | None, file: str | None, now: datetime, *, with_url: bool = False
) -> str:
    """Return a task as HTML.

    Args:
        task: The task.
        created: When it was created, if that is known.
        file: The file that holds its video, if there is one.
        now: The time.
        with_url: Whether to show and play the signed URL of the video. Anyone who reads it can fetch it.
    """
    rows = [("created", f"{_shown(created)} ({_span(now - created)} ago)")] if created else []
    if task.failure_reason:
        rows.append(("reason", task.failure_reason))
    if expires := task.expires_at:
        left = expires - now
        state = f"expires in {_span(left)}" if left > timedelta(0) else "has expired"
        rows.append(("URL", f"{state}: {_shown(expires)}"))
    source = _embedded(Path(file)) if file else None
    if file:
        rows.append(("file", file))
    if with_url and task.urls:
        rows.append(("video", task.urls[0]))
        source = source or task.urls[0]
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows)
    table = f"<table>{cells}</table>" if rows else ""
    video = _VIDEO.format(escape(source)) if source else ""
    return f"<div><b>{escape(task.status)}</b> <code>{escape(task.id)}</code>{table}{video}</div>"


def _embedded(path: Path) -> str | None:
    """Return a small video as a data URL; None if it is not there, or not small."""
    try:
        with path.open("rb") as stream:
            video = stream.read(MAX_SHOWN_BYTES + 1)
    except OSError:
        return None
    if len(video) > MAX_SHOWN_BYTES or video[4:8] != b"ftyp":
        return None
    return f"data:video/mp4;base64,{base64.b64encode(video).decode()}"


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _span(length: timedelta) -> str:
    """Return a length of time in its largest unit."""
    seconds = max(length.total_seconds(), 0)
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
