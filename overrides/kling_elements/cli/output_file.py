"""The file that a video goes to, checked before money is spent."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, cast

from kling_elements.cli.exit_codes import CommandError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from kling_elements import Task
    from kling_elements.cli.context import Context
    from kling_elements.cli.progress import Progress
    from kling_elements.downloads.options import DownloadOptions


def add_output(parser: ArgumentParser, default: str) -> None:
    """Add the options for the file.

    Args:
        parser: The command's parser.
        default: What is done without `-o`, for the help.
    """
    group = parser.add_argument_group("the file")
    group.add_argument("-o", "--output", metavar="FILE", help=f"where the video goes (default: {default})")
    group.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    group.add_argument(
        "--redirects",
        metavar="WHICH",
        help="redirects to follow: same-host (default), any-host (but none to plain http), any",
    )
    group.add_argument("--max-bytes", metavar="N", type=int, help="the largest video that is taken")


def take_output(args: Namespace, session: Context) -> None:
    """Note the file that was asked for, so that hints can name it, and how it is to be fetched.

    Raises:
        ValidationError: If an option can't be used.
    """
    session.output = args.output
    session.may_overwrite = args.overwrite
    session.download_options = {"overwrite": args.overwrite}
    given = {name: value for name in ("redirects", "max_bytes") if (value := getattr(args, name)) is not None}
    if given:
        from kling_elements.downloads.options import check_download  # noqa: PLC0415 - `--help` need not pay for it

        session.download_options.update(cast("DownloadOptions", given))
        check_download(session.download_options)


def check_output(session: Context, task_id: str | None = None) -> None:
    """Make sure that the file can be written.

    Args:
        session: This run, with the options taken.
        task_id: The task, if it is known; without it and without `-o` only the folder can be checked.

    Raises:
        CommandError: If it can't.
    """
    if session.output is not None and (session.output == "-" or not session.output.strip()):
        raise CommandError("-o needs the name of a file: the video can't go to stdout. Nothing was sent")
    path = session.target(task_id or "")
    is_named = session.output is not None or task_id is not None
    try:
        if is_named and (problem := _path_problem(path, session)):
            raise CommandError(f"{problem}. Nothing was sent")
        if not path.parent.is_dir():
            raise CommandError(f"there is no folder {path.parent}: make it first. Nothing was sent")
        # Asking for permission is not enough: the disk may be full or read-only.
        probe = path.parent / f".{secrets.token_hex(6)}.part"
        try:
            with probe.open("xb") as file:
                file.write(b"\0")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        name = path if is_named else "a file in this folder"
        raise CommandError(f"{name} can't be written: {error.strerror}. Nothing was sent") from None


def _path_problem(path: Path, session: Context) -> str | None:
    given = session.output or str(path)
    if path.is_dir() or given.endswith(("/", "\\")):
        return f"{given} is a folder: name a file in it, such as {path / 'out.mp4'}"
    if (path.exists() or path.is_symlink()) and not session.may_overwrite:
        return f"{path} exists: choose another name, or add --overwrite"
    return None


def fetch(task: Task, session: Context, progress: Progress) -> Path:
    """Fetch the video of a task that is done.

    Returns:
        The file.

    Raises:
        DownloadError: If it can't be fetched or stored.
    """
    progress.tell(f"{task.status}  fetching the video")
    return task.download(session.target(task.id), **session.download_options)
