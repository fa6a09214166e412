"""Make many videos: one JSON object a line, each with the request's fields. It costs money for each.

A line is like {"images": ["a.jpg"], "prompt": "...", "id": "cat", "output": "cat.mp4"}.
Only images are needed. Relative paths of images begin at the jobs file's folder.
Videos go to DIR, their paths to stdout as they come. A bad line fails alone.

After Ctrl-C, a crash or a power cut, type the same command again: what was created
is not created, and not paid, again. DIR/report.jsonl tells what became of each job.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_elements.cli.connection import open_client
from kling_elements.cli.console import PROGRAM, count_of, one_line
from kling_elements.cli.exit_codes import CommandError, ExitCode
from kling_elements.cli.request_options import add_wait
from kling_elements.cli.signals import Interrupted

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements.batch import Batch, BatchResult
    from kling_elements.cli.batch_progress import BatchProgress, BatchReport
    from kling_elements.cli.context import Context

_WORKERS = 3  # as `kling_elements.batch` has it; importing that would slow `--help` down


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("jobs", metavar="JOBS", help="a file with a JSON object a line; - for stdin")
    parser.add_argument(
        "-d", "--directory", metavar="DIR", required=True, help="where the videos go; it is made if need be"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=_WORKERS,
        metavar="N",
        help="tasks at once (default: %(default)s, the vendor's limit for one user)",
    )
    parser.add_argument(
        "--batch-id",
        metavar="TEXT",
        help="what identifies the batch when it is run again (default: the paths of JOBS and DIR)",
    )
    group = parser.add_argument_group("what may be paid twice")
    group.add_argument(
        "--retry-unknown",
        action="store_true",
        help="create anew what was sent before and not answered, though a task may exist",
    )
    group.add_argument("--retry-failed", action="store_true", help="create anew what failed, or has expired")
    add_wait(parser)


def run(args: Namespace, session: Context) -> int:
    """Do it."""
    from kling_elements.batch.job_ids import REPORT_NAME, batch_of  # noqa: PLC0415
    from kling_elements.batch.job_sources import count_lines  # noqa: PLC0415
    from kling_elements.cli.batch_progress import BatchProgress  # noqa: PLC0415
    from kling_elements.policy.rate_limits import Limits  # noqa: PLC0415

    stream = _source(args)
    directory = Path(args.directory)
    paths = [args.directory] if args.jobs == "-" else [args.jobs, args.directory]
    batch_id = args.batch_id or batch_of(*paths)
    if args.workers < 1:
        raise CommandError(f"--workers must be 1 or more: got {args.workers}. Nothing was sent")
    limits = Limits(tasks=args.workers)
    with open_client(args, session, on_create=lambda: None, limits=limits) as client:
        tally = BatchProgress(
            session.console, None if args.jobs == "-" else count_lines(args.jobs), is_quiet=session.is_quiet
        )
        shown: list[Batch[Any, BatchResult[Any]]] = []
        batch = client.batch(
            stream,
            directory=directory,
            workers=args.workers,
            batch_id=batch_id,
            retry_unknown=args.retry_unknown,
            retry_failed=args.retry_failed,
            timeout=args.timeout,
            poll_interval=args.poll_interval,
            on_update=lambda _order, _task: tally.show(len(shown[0].running)),
        )
        shown.append(batch)
        with batch:
            report = _open_report(directory / REPORT_NAME, batch_id, session)
            if not session.is_quiet:
                session.console.note(f"batch {batch_id}")
            try:
                return _follow(batch, report, tally, args, session)
            finally:
                report.close()


def _source(args: Namespace) -> Any:
    """Where the jobs come from.

    Raises:
        CommandError: If they can't come from there.
    """
    if args.jobs != "-":
        return args.jobs
    if args.api_key_file == "-":
        raise CommandError("the key and the jobs can't both come from stdin. Nothing was sent")
    if sys.stdin is None:
        raise CommandError("there are no jobs: stdin is closed. Nothing was sent")
    return sys.stdin.buffer


def _follow(
    batch: Batch[Any, BatchResult[Any]],
    report: BatchReport,
    tally: BatchProgress,
    args: Namespace,
    session: Context,
) -> int:
    from kling_elements.batch.results import JobStatus  # noqa: PLC0415
    from kling_elements.errors import KlingError  # noqa: PLC0415

    def take_results() -> None:
        for result in batch:
            tally.take(result.standing)
            report.add(result)
            _tell(result, session)
            tally.show(len(batch.running))

    stopped: int | None = None
    try:
        take_results()
    except Interrupted as interrupted:
        stopped = interrupted.exit_code
        batch.close()
        with suppress(KlingError):  # why it would have ended anyway
            take_results()  # those that were finished by then
        _tell_interruption(interrupted, batch, args, session)
    finally:
        if not session.is_quiet:
            session.console.note(f"{tally.summary()}. Each is in {report.path}")
    if session.is_json:
        session.console.result_json(
            {
                "batch": report.batch_id,
                "jobs": sum(tally.counts.values()),
                **{standing.value: tally.counts[standing] for standing in JobStatus},
                "running": [each.task_id for each in batch.running],
                "not_begun": batch.not_begun,
                "report": str(report.path),
            }
        )
    if stopped is not None:
        return stopped
    is_whole = all(standing.is_done for standing in tally.counts)
    return ExitCode.DONE if is_whole and report.failure is None else ExitCode.PARTLY


def _open_report(path: Path, batch_id: str, session: Context) -> BatchReport:
    from kling_elements.cli.batch_progress import BatchReport  # noqa: PLC0415
    from kling_elements.files import os_error_reason  # noqa: PLC0415

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return BatchReport(path, batch_id, session)
    except (OSError, ValueError) as error:
        name = getattr(error, "filename", None) or path.parent
        raise CommandError(f"{name} can't be written: {os_error_reason(error)}. Nothing was sent") from None


def _tell(result: BatchResult[Any], session: Context) -> None:
    """Show a result: its file on stdout, or on stderr what is wrong."""
    if result.file is not None:
        if not session.is_json:
            session.console.result_path(result.file)
        return
    why = result.error or "another process is at it"
    name = "" if result.key is None else f" ({one_line(result.key)[:80]})"
    session.console.note(f"{PROGRAM}: job {result.number}{name}: {result.standing}: {session.told(str(why))}")


def _tell_interruption(
    interrupted: Interrupted, batch: Batch[Any, BatchResult[Any]], args: Namespace, session: Context
) -> None:
    running = batch.running
    ids = ", ".join(one_line(each.task_id) for each in running)
    plural = "tasks run" if len(running) != 1 else "task runs"
    told = (
        f"{len(running)} {plural} on and {'are' if len(running) != 1 else 'is'} billed: {ids}"
        if ids
        else ("No task was left running")
    )
    words = ["batch", args.jobs, "-d", args.directory]
    if args.workers != _WORKERS:
        words += ["--workers", str(args.workers)]
    if args.batch_id:
        words += ["--batch-id", args.batch_id]
    if left := batch.not_begun:
        told += f". {count_of(left, 'job')} {'was' if left == 1 else 'were'} not begun"
    session.console.note(
        f"{PROGRAM}: interrupted ({interrupted.name}). {told}. To go on: {session.command(*words)}\n"
        f"{PROGRAM}: to fetch only what was created: {session.command('resume')}"
    )
