"""What a batch prints: each job as it ends, the counts, a table of what is not done, and the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_elements.batch.contact_sheet import write_contact_sheet
from kling_elements.batch.report import image_label, last_records
from kling_elements.batch.results import JobStatus
from kling_elements.cli.console import PROGRAM, one_line
from kling_elements.cli.exit_codes import ExitCode
from kling_elements.files import os_error_reason

if TYPE_CHECKING:
    from kling_elements.batch import Batch, BatchResult
    from kling_elements.batch.report import BatchReport
    from kling_elements.cli.batch_progress import BatchProgress
    from kling_elements.cli.context import Context

_IN_TABLE = 20  # jobs that are not done
_NAME = 40  # characters of a job's name
_REASON = 100  # and of why it is not done
_PLAN_WORDS = {JobStatus.PLANNED: "make", JobStatus.EXISTING: "there", JobStatus.UNFINISHED: "wait"}


class BatchOutput:
    """Prints and reports the results of a batch; writes the contact sheet if there is a page for it."""

    def __init__(
        self, context: Context, progress: BatchProgress, report: BatchReport, page: Path | None
    ) -> None:
        self._context = context
        self._progress = progress
        self._report = report
        self._page = page
        self._left: list[tuple[str, str, str]] = []

    @property
    def is_whole(self) -> bool:
        """Whether every video is there, and every job in the report."""
        return all(status.is_done for status in self._progress.counts) and self._report.failure is None

    def take(self, result: BatchResult[Any]) -> None:
        """Count, report and show a result: its file on stdout, or on stderr why there is none."""
        self._progress.add(result.standing)
        self._report.add(result)
        console, reason = self._context.console, _reason(result, self._context)
        if result.file is None:
            console.note(f"{PROGRAM}: job {_name(result)}: {result.standing}: {reason}")
        elif not self._context.is_json:
            console.result_path(result.file)
        if not result.is_done and len(self._left) < _IN_TABLE:
            self._left.append((_name(result), result.standing, _cut(reason, _REASON)))

    def end(self) -> None:
        """Show the counts, and on a terminal a table of what is not done; write the page."""
        console, counts = self._context.console, self._progress.counts
        if not self._context.is_quiet:
            if self._left and console.has_tables(is_out=False):
                console.note("")
                console.table(("job", "standing", "reason"), self._left, is_out=False)
                more = sum(n for status, n in counts.items() if not status.is_done) - len(self._left)
                if more:
                    console.note(f"and {more} more")
            place = "" if self._report.failure else f". Each is in {self._report.path}"
            console.note(f"{self._progress.summary()}{place}")
        if self._page is not None:
            self._write_page(self._page)

    def show_json(self, batch: Batch[Any, BatchResult[Any]]) -> None:
        """Print the counts as JSON, if that was asked for."""
        if self._context.is_json:
            body = _counts(self._progress, batch, self._report.batch_id) | {"report": str(self._report.path)}
            self._context.console.result_json(body | ({"page": str(self._page)} if self._page else {}))

    def _write_page(self, page: Path) -> None:
        console = self._context.console
        try:
            records = last_records(self._report.path, self._report.batch_id)
            write_contact_sheet(page, page.parent.absolute().name, self._progress.summary(), records)
        except OSError as error:
            console.note(f"the page {page} can't be written: {os_error_reason(error)}")
            return
        if not self._context.is_quiet:
            console.note(f"Each video beside its image: {page}")


def show_plan(
    batch: Batch[Any, BatchResult[Any]], progress: BatchProgress, batch_id: str, context: Context
) -> int:
    """Show what would be done, a line for each job; return the exit code."""
    plan, is_fine = [], True
    for result in batch:
        progress.counts[result.standing] += 1
        word = "fail" if result.error else _PLAN_WORDS.get(result.standing, "fail")
        is_fine = is_fine and word != "fail"
        if context.is_json:
            plan.append(_planned(result, context))
            continue
        what = {
            "make": f"from {', '.join(_images(result))}",
            "there": str(result.file),
            "wait": f"task {result.task_id}",
        }.get(word, f"{result.standing}: {_reason(result, context)}")
        context.console.verdict(word, f"{_name(result)}  {one_line(what)}")
    if context.is_json:
        context.console.result_json(_counts(progress, batch, batch_id) | {"plan": plan})
    elif not context.is_quiet:
        context.console.note(f"{progress.summary()}. Nothing was sent")
    return ExitCode.DONE if is_fine else ExitCode.PARTLY


def _planned(result: BatchResult[Any], context: Context) -> dict[str, Any]:
    return {
        "line": result.number,
        "id": result.key,
        "standing": result.standing.value,
        "file": None if result.file is None else str(result.file),
        "task_id": result.task_id,
        "error": _reason(result, context) or None,
    }


def _counts(progress: BatchProgress, batch: Batch[Any, BatchResult[Any]], batch_id: str) -> dict[str, Any]:
    counts = progress.counts
    shown = [status for status in JobStatus if status is not JobStatus.PLANNED or counts[status]]
    return {
        "batch": batch_id,
        "jobs": sum(counts.values()),
        **{status.value: counts[status] for status in shown},
        "running": [each.task_id for each in batch.running],
        "not_begun": batch.not_begun,
    }


def _images(result: BatchResult[Any]) -> list[str]:
    images = result.job.images if result.job else ()
    return [Path(image_label(image) or "an image in memory").name for image in images]


def _name(result: BatchResult[Any]) -> str:
    """Return what a job is called: its number, and its id."""
    return str(result.number) + ("" if result.key is None else f" ({_cut(one_line(result.key), _NAME)})")


def _reason(result: BatchResult[Any], context: Context) -> str:
    """Return why a job is not done."""
    if result.error is not None:
        return context.format_error(result.error)
    return "another process has claimed it" if result.standing is JobStatus.BUSY else ""


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
