"""Turn a caller's jobs and options into a workload; the same for both clients."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from kling_elements.arguments import check_flag, check_path
from kling_elements.batch.job_ids import JobIndex, batch_of
from kling_elements.batch.job_runner import JobRunner
from kling_elements.batch.job_sources import AsyncJobs, Reader, Ready, count_jobs, read_jobs
from kling_elements.batch.next_step import RetryRules, why_stop
from kling_elements.batch.options import WORKERS, BatchOptions, ResumeOptions
from kling_elements.batch.preflight import require_journal, require_usable_defaults
from kling_elements.batch.results import BatchResult, RunningTasks, TaskT
from kling_elements.batch.resume import Resumed, ResumeRunner
from kling_elements.batch.workload import Workload
from kling_elements.errors import ValidationError
from kling_elements.journal import Entry
from kling_elements.log import logger
from kling_elements.operations.service import TaskService
from kling_elements.operations.wait import WaitSettings
from kling_elements.printable import shown_value
from kling_elements.validation import unknown_names

_MAX_WORKERS = 100
_WAITING = ("timeout", "poll_interval", "on_update")  # options of the wait for each task


def plan_batch(
    service: TaskService[TaskT], jobs: AsyncJobs, options: BatchOptions
) -> Workload[Ready, BatchResult[TaskT]]:
    """Return the workload of a batch.

    Raises:
        ValidationError: If an option or the file of jobs can't be used, or the journal can't be written.
    """
    waiting, workers, folder = _checked(service, dict(options), BatchOptions)
    again = RetryRules(*(check_flag(name, options.get(name)) for name in ("retry_unknown", "retry_failed")))
    is_dry = check_flag("dry_run", options.get("dry_run"))
    if isinstance(jobs, (str, os.PathLike)):
        check_path("jobs", jobs)
    batch_id = _batch_id(options.get("batch_id"), jobs, folder)
    recorder = service.recorder
    defaults = require_usable_defaults(options.get("defaults"))
    if not is_dry:
        require_journal(recorder)
    if recorder.journal.was_pruned(batch_id):
        logger.warning(
            "the journal no longer knows the oldest jobs of the batch %s: those whose video is not at its "
            "place any more are created, and paid, again",
            batch_id,
        )
    running_tasks = RunningTasks()
    runner = JobRunner[TaskT](
        batch_id, again, waiting, running_tasks, options.get("on_update"), is_dry=is_dry
    )

    def do(item: Ready, sleep: Callable[[float], object]) -> Coroutine[Any, Any, BatchResult[TaskT]]:
        if isinstance(item, BatchResult):
            return _as_is(item)
        # A service of its own: what it remembers of a task is not needed after its job.
        return runner.run(service.with_sleep(sleep), item)

    with ExitStack() as stack:  # closed now if the jobs can't be used, else at the end of the work
        index = stack.enter_context(closing(JobIndex(folder, recorder.journal.job_keys(batch_id))))
        source, images_folder = read_jobs(jobs, stack, awaits=service.io.awaits)
        close = stack.pop_all().close
    return Workload(
        source=source,
        do=do,
        workers=workers,
        stops=lambda result: why_stop(result.error),
        close=close,
        total=lambda: count_jobs(jobs),
        running_tasks=running_tasks,
        prepare=Reader(index, images_folder, defaults).ready,
        unanswered=lambda: runner.unanswered(recorder.journal),
    )


def plan_resume(service: TaskService[TaskT], options: ResumeOptions) -> Workload[Entry, Resumed[TaskT]]:
    """Return the workload that finishes what the journal holds.

    Raises:
        ValidationError: If an option can't be used.
    """
    waiting, workers, folder = _checked(service, dict(options), ResumeOptions)
    running_tasks = RunningTasks()
    counts: list[int] = []
    resumption = ResumeRunner[TaskT](folder, waiting, running_tasks, options.get("on_update"))

    def unfinished() -> Iterator[Entry]:
        recorder, owner = service.recorder, service.recorder.owner()
        found = recorder.whole(lambda: recorder.journal.unfinished(owner.origin, owner.fingerprint))
        counts.append(len(found))
        yield from found

    def do(entry: Entry, sleep: Callable[[float], object]) -> Coroutine[Any, Any, Resumed[TaskT]]:
        return resumption.run(service.with_sleep(sleep), entry)

    return Workload(
        source=unfinished(),
        do=do,
        workers=workers,
        stops=lambda _: None,  # each entry has its own result
        close=lambda: None,
        total=lambda: counts[0] if counts else None,
        running_tasks=running_tasks,
        prepare=lambda entry: entry,
        unanswered=tuple,
    )


async def _as_is(result: BatchResult[Any]) -> BatchResult[Any]:
    return result


def _batch_id(given: object, jobs: AsyncJobs, directory: Path | None) -> str:
    if given is not None:
        if not isinstance(given, str) or not given.strip():
            # An empty one, of a variable that was not set, say, would make each run another batch.
            raise ValidationError([f"batch_id must be text that is not empty: got {shown_value(given)}"])
        return given
    paths = [jobs] if isinstance(jobs, (str, os.PathLike)) else []
    if directory is not None:
        paths.append(directory)
    # Without anything that will be the same the next time, there is no next time.
    return batch_of(*paths) if paths else uuid.uuid4().hex


def _checked(
    service: TaskService[Any], options: dict[str, Any], known: type
) -> tuple[WaitSettings, int, Path | None]:
    faults = unknown_names(list(options), tuple(known.__annotations__), "an option of this call")
    workers = options.get("workers", WORKERS)
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= _MAX_WORKERS:
        faults.append(f"workers must be a number from 1 to {_MAX_WORKERS}: got {shown_value(workers)}")
    if faults:
        raise ValidationError(faults)
    waiting = WaitSettings.of({name: options[name] for name in _WAITING if name in options})
    waiting.require_callable(service.io)
    directory = options.get("directory")
    return waiting, workers, None if directory is None else check_path("directory", directory)
