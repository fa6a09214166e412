"""A task as a command's result: JSON, or a few lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kling_elements.cli.console import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from kling_elements import Task
    from kling_elements.cli.context import Context


def show_file(task: Task, file: Path, session: Context) -> None:
    """The result is a file: its path."""
    if session.is_json:
        session.console.result_json(task_object(task, file))
    else:
        session.console.result_path(file)


def show_task(task: Task, session: Context) -> None:
    """The result is the task itself, its addresses in full."""
    if session.is_json:
        session.console.result_json(task_object(task))
        return
    lines = [("id", task.id), ("status", task.status)]
    lines += [("video", url) for url in task.urls]
    if task.expires_at:
        lines.append(("expires", expiry(task.expires_at, datetime.now(UTC))))
    if isinstance(reason := task.raw.get("error"), str) and reason:
        lines.append(("error", reason))
    for name, value in lines:
        session.console.result(f"{name:<8}{one_line(value)}")


def task_object(task: Task, file: Path | None = None) -> dict[str, Any]:
    """The task for `--json`."""
    return {
        "id": task.id,
        "status": task.status,
        "urls": list(task.urls),
        "expires_at": task.expires_at.isoformat() if task.expires_at else None,
        "request_id": task.request_id,
        "file": str(file) if file else None,
    }


def expiry(when: datetime, now: datetime) -> str:
    """When an address expires, and how long that is from now."""
    minutes = int((when - now).total_seconds() // 60)
    left = f"in {minutes} min" if minutes >= 0 else "it is gone"
    return f"{when:%Y-%m-%d %H:%M:%S} UTC ({left})"
