"""Make many videos from images or a file of jobs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_elements.batch.contact_sheet import is_foreign
from kling_elements.batch.image_jobs import image_jobs, names_images
from kling_elements.batch.job_ids import PAGE_NAME, REPORT_NAME, batch_of
from kling_elements.batch.report import BatchReport
from kling_elements.batch.results import JobStatus
from kling_elements.cli.arguments import WORKERS
from kling_elements.cli.batch_output import BatchOutput, show_plan
from kling_elements.cli.batch_progress import BatchProgress, take_all
from kling_elements.cli.connection import open_client
from kling_elements.cli.console import PROGRAM, count_of, one_line
from kling_elements.cli.exit_codes import CommandError, ExitCode
from kling_elements.files import os_error_reason
from kling_elements.policy.rate_limits import Limits

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.batch import Batch, BatchResult
    from kling_elements.cli.context import Context
    from kling_elements.cli.signals import Interrupted

_SHARED = ("prompt", "negative_prompt", "duration", "aspect_ratio", "webhook_url", "model")


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    source, paths = _source(args)
    batch_id = batch_of(*paths, args.directory) if args.batch_id is None else args.batch_id
    if args.workers < 1:
        raise CommandError(f"--workers must be 1 or more: got {args.workers}. Nothing was sent")
    with open_client(context, is_batch=True, limits=Limits(tasks=args.workers)) as client:
        batch = client.batch(
            source,
            directory=args.directory,
            workers=1 if args.dry_run else args.workers,  # in order
            batch_id=batch_id,
            retry_unknown=args.retry_unknown,
            retry_failed=args.retry_failed,
            defaults=_shared(args),
            dry_run=args.dry_run,
            timeout=args.timeout,
            poll_interval=args.poll_interval,
            on_update=lambda _order, _task: progress.changed(),
        )
        progress = BatchProgress(context.console, batch, is_quiet=context.is_quiet)
        with batch:
            if args.dry_run:
                return show_plan(batch, progress, batch_id, context)
            page = _page(args)
            report = _open_report(Path(args.directory) / REPORT_NAME, batch_id, context)
            output = BatchOutput(context, progress, report, page)
            context.loss = "Jobs that were begun are in the journal: run the same again to continue"
            if not context.is_quiet:
                context.console.note(f"batch {batch_id}")
            try:
                with progress:
                    stopped = take_all(batch, output.take, context.interruptions)
                if stopped is not None:
                    _note_interruption(stopped, batch, progress, args, context)
            finally:
                report.close()
                output.end()
            output.show_json(batch)
    if stopped is not None:
        return stopped.exit_code
    return ExitCode.DONE if output.is_whole else ExitCode.PARTLY


def _source(args: Namespace) -> tuple[Any, list[str]]:
    """Return where the jobs come from, and what of it identifies the batch.

    Raises:
        CommandError: If they can't come from there.
        ValidationError: If there is no image, or two would become the same video.
    """
    jobs: list[str] = args.jobs
    if jobs == ["-"]:
        if args.api_key_file == "-":
            raise CommandError("the key and the jobs can't both come from stdin. Nothing was sent")
        if sys.stdin is None:
            raise CommandError("there are no jobs: stdin is closed. Nothing was sent")
        return sys.stdin.buffer, []
    if len(jobs) > 1 or names_images(jobs[0]):
        if files := [job for job in jobs if not names_images(job)]:
            raise CommandError(
                f"{files[0]} is no image: give one file of jobs, or images alone. Nothing was sent"
            )
        # A shell turns a pattern into files, which come and go: only the folder stays the same.
        return image_jobs(jobs), []
    return jobs[0], jobs


def _shared(args: Namespace) -> dict[str, str]:
    """Return the fields for every job."""
    return {name: value for name in _SHARED if (value := getattr(args, name)) is not None}


def _page(args: Namespace) -> Path | None:
    """Return where the contact sheet goes; None if none is wanted.

    Raises:
        CommandError: If something else stands there.
    """
    if not args.report:
        return None
    page = Path(args.directory) / PAGE_NAME
    try:
        if is_foreign(page):
            raise CommandError(f"{page} exists, and is no page of this program's. Nothing was sent")
    except OSError as error:
        raise CommandError(f"{page} can't be read: {os_error_reason(error)}. Nothing was sent") from None
    return page


def _open_report(path: Path, batch_id: str, context: Context) -> BatchReport:
    def on_failure(why: str) -> None:
        context.console.note(f"the report {path} can't be written: {why}")

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return BatchReport(path, batch_id, context.format_error, on_failure)
    except (OSError, ValueError) as error:
        name = getattr(error, "filename", None) or path.parent
        raise CommandError(f"{name} can't be written: {os_error_reason(error)}. Nothing was sent") from None


def _note_interruption(
    interrupted: Interrupted,
    batch: Batch[Any, BatchResult[Any]],
    progress: BatchProgress,
    args: Namespace,
    context: Context,
) -> None:
    running, unknown = batch.running, progress.counts[JobStatus.UNKNOWN]
    ids = ", ".join(one_line(each.task_id) for each in running)
    left = "" if running or unknown else " No task was left running."
    if len(running) == 1:
        left = f" 1 task continues and is billed: {ids}."
    elif running:
        left = f" {len(running)} tasks continue and are billed: {ids}."
    if unknown:
        left += f" The outcome of {count_of(unknown, 'create')} is unknown: each may have made a task."
    words = ["batch", *args.jobs, "-d", args.directory]
    if args.workers != WORKERS:
        words += ["--workers", str(args.workers)]
    if args.batch_id is not None:
        words += ["--batch-id", args.batch_id]
    if args.report:
        words.append("--report")
    for name, value in _shared(args).items():  # without them, other videos would be made
        words += [f"--{name.replace('_', '-')}={value}"]
    context.console.note(f"{PROGRAM}: {interrupted}.{left}")
    context.console.note(f"Next: {context.command(*words)}")
    context.console.note(f"To fetch only what was created: {context.command('resume')}")
