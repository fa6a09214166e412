"""Wait for a task, and fetch its video with `-o`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.claims import TaskClaim
from kling_elements.cli.connection import open_client
from kling_elements.cli.output_file import check_output, fetch, take_output
from kling_elements.cli.progress import Progress
from kling_elements.cli.request_options import wait_options
from kling_elements.cli.task_ids import whole_id
from kling_elements.cli.task_output import show_file, show_task
from kling_elements.operations.videos import require_video

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.cli.context import Context


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    take_output(args, context)
    fetches = args.output is not None
    file = None
    if fetches:
        check_output(context)
    with (
        open_client(context) as client,
        TaskClaim(client, context, fetches=fetches) as claim,
        Progress(context) as progress,
    ):
        task_id = context.task_id = whole_id(client, args.id)
        claim.take(task_id)
        waiting = wait_options(args, context, progress, claim, is_new=False)
        task = require_video(client.wait(task_id, **waiting))
        if fetches:
            claim.begin_fetch()
            file = fetch(task, context, progress)
    if file:
        show_file(task, file, context)
    else:
        show_task(task, context)
    return 0
