"""Show a task once.

The addresses of its video are shown in full: whoever has one can fetch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.connection import open_client
from kling_elements.cli.task_output import show_task

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements.cli.context import Context


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("id", metavar="ID", help="the task's id")


def run(args: Namespace, session: Context) -> int:
    """Do it."""
    with open_client(args, session) as client:
        task = client.get(args.id)
    show_task(task, session)
    return 0
