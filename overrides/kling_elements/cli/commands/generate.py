"""Make a video from images: create a task, wait for it, fetch the file. It costs money.

The path of the file goes to stdout. The task's id is told on stderr as soon as
it is known. If the command ends early, the task runs on and is billed; the
command that resumes is printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.claims import TaskClaim
from kling_elements.cli.connection import open_client
from kling_elements.cli.output_file import add_output, check_output, fetch, take_output
from kling_elements.cli.progress import Progress
from kling_elements.cli.request_options import add_request, add_wait, request_options, wait_options
from kling_elements.cli.task_output import show_file

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements.cli.context import Context
    from kling_elements.options import GenerateOptions


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_request(parser)
    add_wait(parser)
    add_output(parser, "the task's id and .mp4, in the current folder")


def run(args: Namespace, session: Context) -> int:
    """Do it."""
    take_output(args, session)
    check_output(session)
    progress = Progress(session.console, is_quiet=session.is_quiet)
    with open_client(args, session) as client, TaskClaim(client, session) as keeping:
        options: GenerateOptions = {
            **request_options(args),
            **keeping.around(wait_options(args, session, progress, is_new=True)),
            "target": args.output,
        }
        task = client.generate(args.images, **options)
        keeping.fetching()
        file = fetch(task, session, progress)
    show_file(task, file, session)
    return 0
