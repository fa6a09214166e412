"""Create a task and don't wait for it. It costs money.

The task's id goes to stdout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.connection import open_client
from kling_elements.cli.console import one_line
from kling_elements.cli.request_options import add_request, request_options
from kling_elements.cli.task_output import task_object

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements.cli.context import Context


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_request(parser)


def run(args: Namespace, session: Context) -> int:
    """Do it."""
    with open_client(args, session) as client:
        task = client.create(args.images, **request_options(args))
        # The result is the id itself: it goes out before anything can come between.
        if session.is_json:
            session.console.result_json(task_object(task))
        else:
            session.console.result(one_line(task.id))
        session.know(task, is_new=session.is_json)
    if not session.is_quiet:
        session.console.note(f"{one_line(task.status)}. To wait for it: {session.resume(task.id)}")
    return 0
