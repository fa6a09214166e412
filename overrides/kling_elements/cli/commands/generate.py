"""Create a task, wait for it, fetch its video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.claims import TaskClaim
from kling_elements.cli.connection import open_client
from kling_elements.cli.output_file import check_output, fetch, take_output
from kling_elements.cli.progress import Progress
from kling_elements.cli.request_options import request_options, wait_options
from kling_elements.cli.task_output import show_file

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.cli.context import Context
    from kling_elements.options import GenerateOptions


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    take_output(args, context)
    check_output(context)
    with open_client(context) as client, TaskClaim(client, context) as claim, Progress(context) as progress:
        options: GenerateOptions = {
            **request_options(args),
            **wait_options(args, context, progress, claim, is_new=True),
            "target": args.output,
        }
        task = client.generate(args.images, **options)
        claim.begin_fetch()
        file = fetch(task, context, progress)
    show_file(task, file, context)
    return 0
