"""The file that a video goes to, checked before money is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.exit_codes import CommandError
from kling_elements.downloads.options import check_download
from kling_elements.downloads.target import target_problem
from kling_elements.files import os_error_reason, write_probe

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from kling_elements import Task
    from kling_elements.cli.context import Context
    from kling_elements.cli.progress import Progress


def take_output(args: Namespace, context: Context) -> None:
    """Note the file that was asked for, so that hints can name it, and how to fetch it.

    Raises:
        ValidationError: If an option can't be used.
    """
    context.output = args.output
    context.download_options = {"overwrite": args.overwrite}
    if args.redirects is not None:
        context.download_options["redirects"] = args.redirects
    check_download(context.download_options)


def check_output(context: Context, task_id: str | None = None) -> None:
    """Make sure that the file can be written; without `-o` and the task, only that its folder can.

    Raises:
        CommandError: If it can't.
    """
    if context.output == "-":
        raise CommandError("-o needs the name of a file: the video can't go to stdout. Nothing was sent")
    path = context.target(task_id or "")
    is_named = context.output is not None or task_id is not None
    may_overwrite = context.download_options.get("overwrite", False)
    if is_named and (problem := target_problem(context.output or path, overwrite=may_overwrite)):
        raise CommandError(f"{problem}. Nothing was sent")
    try:
        write_probe(path.parent)
    except OSError as error:
        name = path if is_named else "a file in this folder"
        raise CommandError(f"{name} can't be written: {os_error_reason(error)}. Nothing was sent") from None


def fetch(task: Task, context: Context, progress: Progress) -> Path:
    """Fetch the video of a task that is done; return the file.

    Raises:
        DownloadError: If it can't be fetched or stored.
    """
    progress.fetching()
    return task.download(context.target(task.id), **context.download_options)
