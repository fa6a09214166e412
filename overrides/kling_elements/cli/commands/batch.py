"""Make many videos from a file of jobs."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_elements.batch.job_ids import REPORT_NAME, batch_of
from kling_elements.batch.job_sources import count_lines
from kling_elements.batch.results import JobStatus
from kling_elements.cli.arguments import WORKERS
from kling_elements.cli.batch_progress import BatchProgress, BatchReport
from kling_elements.cli.connection import open_client
from kling_elements.cli.console import PROGRAM, one_line
from kling_elements.cli.exit_codes import CommandError, ExitCode
from kling_elements.cli.signals import Interrupted
from kling_elements.errors import KlingError
from kling_elements.files import os_error_reason
from kling_elements.policy.rate_limits import Limits

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.batch import Batch, BatchResult
    from kling_elements.cli.context import Context


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    source = _source(args)
    directory = Path(args.directory)
    paths = [args.directory] if args.jobs == "-" else [args.jobs, args.directory]
    batch_id = args.batch_id or batch_of(*paths)
    if args.workers < 1:
        raise CommandError(f"--workers must be 1 or more: got {args.workers}. Nothing was sent")
    limits = Limits(tasks=args.workers)
    with open_client(context, is_batch=True, limits=limits) as client:
        total = None if args.jobs == "-" else count_lines(args.jobs)
        progress = BatchProgress(context.console, total, is_quiet=context.is_quiet)
        shown: list[Batch[Any, BatchResult[Any]]] = []
        batch = client.batch(
            source,
            directory=directory,
            workers=args.workers,
            batch_id=batch_id,
            retry_unknown=args.retry_unknown,
            retry_failed=args.retry_failed,
            timeout=args.timeout,
            poll_interval=args.poll_interval,
            on_update=lambda _order, _task: progress.show(len(shown[0].running)),
        )
        shown.append(batch)
        with batch:
            report = _open_report(directory / REPORT_NAME, batch_id, context)
            if not context.is_quiet:
                context.console.note(f"batch {batch_id}")
            try:
                return _follow(batch, report, progress, args, context)
            finally:
                report.close()


def _source(args: Namespace) -> Any:
    """Return where the jobs come from.

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


def _open_report(path: Path, batch_id: str, context: Context) -> BatchReport:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return BatchReport(path, batch_id, context)
    except (OSError, ValueError) as error:
        name = getattr(error, "filename", None) or path.parent
        raise CommandError(f"{name} can't be written: {os_error_reason(error)}. Nothing was sent") from None


def _follow(
    batch: Batch[Any, BatchResult[Any]],
    report: BatchReport,
    progress: BatchProgress,
    args: Namespace,
    context: Context,
) -> int:
    def take(result: BatchResult[Any]) -> None:
        progress.add(result.standing)
        report.add(result)
        _show(result, context)

    stopped: Interrupted | None = None
    try:
        for result in batch:
            take(result)
            progress.show(len(batch.running))
    except Interrupted as interrupted:
        stopped = interrupted
        batch.close()
        with suppress(KlingError):  # why it would have stopped by itself
            for result in batch:  # finished by now
                take(result)
        _note_interruption(interrupted, batch, args, context)
    finally:
        if not context.is_quiet:
            summary = progress.summary(len(batch.running))
            context.console.note(f"{summary}. Each is in {report.path}")
    if context.is_json:
        context.console.result_json(
            {
                "batch": report.batch_id,
                "jobs": sum(progress.counts.values()),
                **{status.value: progress.counts[status] for status in JobStatus},
                "running": [each.task_id for each in batch.running],
                "not_begun": progress.not_begun(len(batch.running)),
                "report": str(report.path),
            }
        )
    if stopped is not None:
        return stopped.exit_code
    is_whole = all(status.is_done for status in progress.counts)
    return ExitCode.DONE if is_whole and report.failure is None else ExitCode.PARTLY


def _show(result: BatchResult[Any], context: Context) -> None:
    """Show a result: its file on stdout, or on stderr why there is none."""
    if result.file is not None:
        if not context.is_json:
            context.console.result_path(result.file)
        return
    why = context.format_error(result.error) if result.error else "another process has claimed it"
    name = "" if result.key is None else f" ({one_line(result.key)[:80]})"
    context.console.note(f"{PROGRAM}: job {result.number}{name}: {result.standing}: {why}")


def _note_interruption(
    interrupted: Interrupted, batch: Batch[Any, BatchResult[Any]], args: Namespace, context: Context
) -> None:
    running = batch.running
    ids = ", ".join(one_line(each.task_id) for each in running)
    left = "No task was left running"
    if len(running) == 1:
        left = f"1 task continues and is billed: {ids}"
    elif running:
        left = f"{len(running)} tasks continue and are billed: {ids}"
    words = ["batch", args.jobs, "-d", args.directory]
    if args.workers != WORKERS:
        words += ["--workers", str(args.workers)]
    if args.batch_id:
        words += ["--batch-id", args.batch_id]
    context.console.note(f"{PROGRAM}: interrupted ({interrupted.name}). {left}.")
    context.console.note(f"Next: {context.command(*words)}")
    context.console.note(f"To fetch only what was created: {context.command('resume')}")
