"""Wait for a task that was created before, and fetch its video with -o.

Without -o the task itself is shown, with the addresses of its video. Waiting costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.claims import TaskClaim
from kling_elements.cli.connection import open_client
from kling_elements.cli.output_file import add_output, check_output, fetch, take_output
from kling_elements.cli.progress import Progress
from kling_elements.cli.request_options import add_wait, wait_options
from kling_elements.cli.task_output import show_file, show_task

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements.cli.context import Context


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("id", metavar="ID", help="the task's id")
    add_wait(parser)
    add_output(parser, "none; the task is shown")


def run(args: Namespace, session: Context) -> int:
    """Do it."""
    from kling_elements.operations.service import require_video  # noqa: PLC0415

    take_output(args, session)
    if args.output is not None:
        check_output(session)
    progress = Progress(session.console, is_quiet=session.is_quiet)
    fetches = args.output is not None
    with open_client(args, session) as client, TaskClaim(client, session, fetches=fetches) as keeping:
        session.task_id = args.id
        keeping.take(args.id)
        waiting = wait_options(args, session, progress, is_new=False)
        task = client.wait(args.id, **keeping.around(waiting))
        require_video(task)
        if fetches:
            keeping.fetching()
            show_file(task, fetch(task, session, progress), session)
            return 0
    show_task(task, session)
    return 0
