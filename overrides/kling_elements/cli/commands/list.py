"""List the account's tasks, with what the journal knows of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.connection import open_client
from kling_elements.cli.task_table import iso, show_tasks

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.cli.context import Context

_HEADERS = ("id", "status", "when", "file")


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    with open_client(context) as client:
        tasks = client.list() if args.model is None else client.list(model=args.model)
        origin = client.journal_owner.origin
        found = [(task, client.journal.find(task.id, origin)) for task in tasks]
    if context.is_json:
        shown = [
            {
                "id": task.id,
                "status": task.status,
                "created_at": iso(entry.created_at) if entry else None,
                "file": entry.file if entry else None,
            }
            for task, entry in found
        ]
        context.console.result_json({"tasks": shown})
        return 0
    show_tasks(
        context.console,
        _HEADERS,
        [
            (task.id, task.status, entry.created_at if entry else None, entry.file if entry else None)
            for task, entry in found
        ],
    )
    if not tasks and not context.is_quiet:
        context.console.note("no tasks")
    return 0
