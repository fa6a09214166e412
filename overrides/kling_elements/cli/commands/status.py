"""Show a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.connection import open_client
from kling_elements.cli.task_ids import whole_id
from kling_elements.cli.task_output import show_task

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.cli.context import Context


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    with open_client(context) as client:
        task = client.get(whole_id(client, args.id))
    show_task(task, context)
    return 0
