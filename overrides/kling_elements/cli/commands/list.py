"""List the account's tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.connection import open_client
from kling_elements.cli.console import one_line

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.cli.context import Context


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    with open_client(context) as client:
        tasks = client.list() if args.model is None else client.list(model=args.model)
    if context.is_json:
        context.console.result_json({"tasks": [{"id": task.id, "status": task.status} for task in tasks]})
        return 0
    for task in tasks:
        # The tab is ours: the fields are escaped one by one.
        context.console.document(f"{one_line(task.id)}\t{one_line(task.status)}")
    if not tasks and not context.is_quiet:
        context.console.note("no tasks")
    return 0
