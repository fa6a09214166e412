"""Create a task and don't wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.connection import open_client
from kling_elements.cli.console import one_line
from kling_elements.cli.request_options import request_options
from kling_elements.cli.task_output import task_object

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.cli.context import Context


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    with open_client(context) as client:
        task = client.create(args.images, **request_options(args))
        if context.is_json:
            context.know(task)  # if it is interrupted, the error is the one document, and has the id
            context.console.result_json(task_object(task))
        else:
            # The result is the id itself: it is written before anything can interrupt.
            context.console.result(one_line(task.id))
            context.know(task, is_new=not context.console.has_out)
    if not context.is_quiet:
        context.console.note(f"{one_line(task.status)}. Next: {context.resume(task.id)}")
    return 0
