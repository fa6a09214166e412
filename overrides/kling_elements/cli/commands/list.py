"""List the account's tasks: id and status, one a line.

Only the tasks of the account whose key is used are visible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.connection import open_client
from kling_elements.cli.console import one_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements.cli.context import Context


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--model", metavar="NAME", help="the model (default: std)")


def run(args: Namespace, session: Context) -> int:
    """Do it."""
    with open_client(args, session) as client:
        tasks = client.list() if args.model is None else client.list(model=args.model)
    if session.is_json:
        session.console.result_json({"tasks": [{"id": task.id, "status": task.status} for task in tasks]})
        return 0
    for task in tasks:
        session.console.result(f"{one_line(task.id)}\t{one_line(task.status)}")
    if not tasks and not session.is_quiet:
        session.console.note("no tasks")
    return 0
