"""Fetch the video of a task that is done. Addresses last an hour after the task was completed.

The path of the file goes to stdout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.claims import TaskClaim
from kling_elements.cli.connection import open_client
from kling_elements.cli.exit_codes import CommandError, ExitCode
from kling_elements.cli.output_file import add_output, check_output, fetch, take_output
from kling_elements.cli.progress import Progress
from kling_elements.cli.task_output import show_file

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements.cli.context import Context


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("id", metavar="ID", help="the task's id")
    add_output(parser, "the task's id and .mp4, in the current folder")


def run(args: Namespace, session: Context) -> int:
    """Do it."""
    from kling_elements.operations.service import require_video  # noqa: PLC0415

    take_output(args, session)
    check_output(session, args.id)
    progress = Progress(session.console, is_quiet=session.is_quiet)
    with open_client(args, session) as client, TaskClaim(client, session) as keeping:
        session.task_id = args.id
        task = client.get(args.id)
        if not task.is_terminal:
            raise CommandError(
                f"task {task.id} is {task.status}: it has no video yet. "
                f"Wait for it: kling-elements wait {task.id}",
                ExitCode.DEADLINE,
            )
        require_video(task)
        keeping.take(task.id)
        keeping.fetching()
        file = fetch(task, session, progress)
    show_file(task, file, session)
    return 0
