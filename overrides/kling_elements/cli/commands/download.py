"""Fetch the video of a task that is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.claims import TaskClaim
from kling_elements.cli.connection import open_client
from kling_elements.cli.exit_codes import CommandError, ExitCode
from kling_elements.cli.output_file import check_output, fetch, take_output
from kling_elements.cli.progress import Progress
from kling_elements.cli.task_ids import whole_id
from kling_elements.cli.task_output import show_file
from kling_elements.errors import next_command
from kling_elements.operations.videos import require_video

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.cli.context import Context


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    take_output(args, context)
    with open_client(context) as client, TaskClaim(client, context) as claim, Progress(context) as progress:
        task_id = whole_id(client, args.id)
        check_output(context, task_id)
        context.task_id = task_id
        task = client.get(task_id)
        if not task.is_terminal:  # the id is the one that was asked for: a response's may be any text
            raise CommandError(
                f"task {task_id} is {task.status}: it has no video yet",
                ExitCode.DEADLINE,
                hint=next_command("wait", task_id),
            )
        require_video(task)
        claim.take(task.id)
        claim.begin_fetch()
        file = fetch(task, context, progress)
    show_file(task, file, context)
    return 0
