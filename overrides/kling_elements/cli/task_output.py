"""A task as a command's result: JSON, or a few lines."""

from __future__ import annotations

import os
import webbrowser
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kling_elements.cli.console import one_line
from kling_elements.types import COMPLETED

_STDOUT, _STDERR = 1, 2

if TYPE_CHECKING:
    from pathlib import Path

    from kling_elements import Task
    from kling_elements.cli.context import Context


def show_file(task: Task, file: Path, context: Context) -> None:
    """Print the file that is a command's result, and open it if that was asked for."""
    if context.is_json:
        context.console.result_json(task_object(task, file))
    else:
        context.console.result_path(file)
    if context.args.open and not _open(file):
        context.console.note(f"{file} can't be opened here: no program for it was found")


def _open(file: Path) -> bool:
    """Open a file with the user's program, whose own output goes to stderr; return whether one was found."""
    try:
        out = os.dup(_STDOUT)
    except OSError:  # it is closed
        return False
    try:
        os.dup2(_STDERR, _STDOUT)
        return webbrowser.open(file.absolute().as_uri())
    except Exception:  # noqa: BLE001 - what $BROWSER holds can't be used; the video is there all the same
        return False
    finally:
        os.dup2(out, _STDOUT)
        os.close(out)


def show_task(task: Task, context: Context) -> None:
    """Print a task, its URLs in full."""
    if context.is_json:
        context.console.result_json(task_object(task))
        return
    lines = [("id", task.id), ("status", task.status)]
    lines += [("video", url) for url in task.urls]
    if task.expires_at:
        lines.append(("expires", expiry(task.expires_at, datetime.now(UTC))))
    if isinstance(reason := task.raw.get("error"), str) and reason:
        lines.append(("error", reason))
    for name, value in lines:
        context.console.result(f"{name:<8}{one_line(value)}")


def task_object(task: Task, file: Path | None = None) -> dict[str, Any]:
    """Return the task for `--json`; without a video also what the service sent, which may name one."""
    shown = {
        "id": task.id,
        "status": task.status,
        "urls": list(task.urls),
        "expires_at": task.expires_at.isoformat() if task.expires_at else None,
        "request_id": task.request_id,
        "file": str(file) if file else None,
    }
    return shown | ({"raw": dict(task.raw)} if task.status == COMPLETED and not task.urls else {})


def expiry(when: datetime, now: datetime) -> str:
    """Return when a URL expires, and how long that is from now."""
    minutes = int((when - now).total_seconds() // 60)
    left = f"in {minutes} min" if minutes >= 0 else "expired"
    return f"{when:%Y-%m-%d %H:%M:%S} UTC ({left})"
