"""Wait for a task that was created before, and fetch its video with -o.

Without -o the task itself is shown, with the addresses of its video. Waiting costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.command_line.asking import add_wait, wait_options
from kling_elements.command_line.connecting import open_client
from kling_elements.command_line.keeping import Keeping
from kling_elements.command_line.output import add_output, check_output, fetch, take_output
from kling_elements.command_line.progress import Progress
from kling_elements.command_line.results import show_file, show_task

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements.command_line.session import Session


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("id", metavar="ID", help="the task's id")
    add_wait(parser)
    add_output(parser, "none; the task is shown")


def run(args: Namespace, session: Session) -> int:
    """Do it."""
    from kling_elements.flows import require_video  # noqa: PLC0415 - `--help` need not pay for it

    take_output(args, session)
    if args.output is not None:
        check_output(session)
    progress = Progress(session.console, is_quiet=session.is_quiet)
    fetches = args.output is not None
    with open_client(args, session) as client, Keeping(client, session, fetches=fetches) as keeping:
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
