"""From a caller's jobs and options to the work of an engine; the same for both clients."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypedDict, TypeVar

from attrs import evolve, frozen

from kling_elements.batch.checks import require_journal
from kling_elements.batch.decisions import Again, why_stop
from kling_elements.batch.jobs import BatchJob, BatchResult, Order
from kling_elements.batch.naming import Register, batch_of
from kling_elements.batch.reading import located, numbered_lines, opened, parse_line
from kling_elements.batch.running import JobRunner
from kling_elements.batch.work import Work
from kling_elements.errors import ValidationError
from kling_elements.files import absolute
from kling_elements.options import check_wait
from kling_elements.resuming import Resumption
from kling_elements.roster import Roster
from kling_elements.standing import Standing
from kling_elements.task import Task
from kling_elements.validation import unknown_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.effects import Flow
    from kling_elements.flows import Flows
    from kling_elements.journal import Entry
    from kling_elements.options import WaitOptions
    from kling_elements.resuming import Resumed

TaskT = TypeVar("TaskT", bound=Task)

WORKERS = 3  # "up to 3 concurrent tasks per user": the vendor's page on rate limits
_MAX_WORKERS = 100

Job: TypeAlias = BatchJob | Mapping[str, Any]
Jobs: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes] | Iterable[Job]
AsyncJobs: TypeAlias = Jobs | AsyncIterable[Job]
Ready: TypeAlias = Order | BatchResult[Any]


class BatchOptions(TypedDict, total=False):
    """Options of `batch`.

    Attributes:
        directory: The folder for the videos. None: only jobs that name a file get one, in the current
            folder; the others' results hold the addresses.
        workers: Tasks at once, 3 by default, which is the vendor's limit for one user.
        batch_id: What identifies the batch, so that it can be run again without paying again; by default the
            absolute paths of the file of jobs and of the folder.
        retry_unknown: Create anew what was sent before and not answered. It may be paid twice.
        retry_failed: Create anew what failed, or has expired. It is paid again.
        timeout: Seconds to wait for one task at most; None for no limit.
        poll_interval: Seconds between looks at a task, in place of the schedule.
        on_update: Called with the `Order` and its task at each change of its status; with the synchronous
            client from other threads.
    """

    directory: str | os.PathLike[str] | None
    workers: int
    batch_id: str | None
    retry_unknown: bool
    retry_failed: bool
    timeout: float | None
    poll_interval: float | None
    on_update: Callable[[Order, Task], object] | None


class ResumeOptions(TypedDict, total=False):
    """Options of `resume`.

    Attributes:
        directory: The folder for videos of which no file is noted in the journal; None to leave those.
        workers: Tasks at once.
        timeout: Seconds to wait for one task at most; None for no limit.
        poll_interval: Seconds between looks at a task, in place of the schedule.
        on_update: Called with the entry and its task at each change of its status.
    """

    directory: str | os.PathLike[str] | None
    workers: int
    timeout: float | None
    poll_interval: float | None
    on_update: Callable[[Entry, Task], object] | None


def plan_batch(
    flows: Flows[TaskT], jobs: AsyncJobs, options: BatchOptions
) -> Work[Ready, BatchResult[TaskT]]:
    """The work of a batch.

    Raises:
        ValidationError: If an option or the file of jobs can't be used, or the journal can't be written.
    """
    waiting, workers = _checked(dict(options), BatchOptions)
    require_journal(flows)
    directory = options.get("directory")
    folder = None if directory is None else absolute(directory)
    roster = Roster()
    runner = JobRunner[TaskT](
        options.get("batch_id") or _default_id(jobs, folder),
        Again(bool(options.get("retry_unknown")), bool(options.get("retry_failed"))),
        waiting,
        roster,
        options.get("on_update"),
    )

    def do(item: Ready, sleep: Callable[[float], object]) -> Flow[BatchResult[TaskT]]:
        if isinstance(item, BatchResult):
            return _told(item)
        # Flows of its own: what they remember of a task is not needed after its job.
        return runner.run(evolve(flows, sender=evolve(flows.sender, sleep=sleep)), item)

    with ExitStack() as stack:  # closed now if the jobs can't be used, else at the end of the work
        register = stack.enter_context(closing(Register(folder)))
        source = _source(jobs, register, stack)
        close = stack.pop_all().close
    return Work(
        source=source,
        do=do,
        workers=workers,
        stops=lambda result: why_stop(result.error),
        close=close,
        roster=roster,
    )


def plan_resume(flows: Flows[TaskT], options: ResumeOptions) -> Work[Entry, Resumed[TaskT]]:
    """The work of finishing what the journal holds.

    Raises:
        ValidationError: If an option can't be used.
    """
    waiting, workers = _checked(dict(options), ResumeOptions)
    directory = options.get("directory")
    roster = Roster()
    resumption = Resumption[TaskT](
        None if directory is None else absolute(directory), waiting, roster, options.get("on_update")
    )

    def unfinished() -> Iterator[Entry]:
        owner = flows.records.owner()
        yield from flows.records.journal.unfinished(owner.origin, owner.fingerprint)

    def do(entry: Entry, sleep: Callable[[float], object]) -> Flow[Resumed[TaskT]]:
        return resumption.run(evolve(flows, sender=evolve(flows.sender, sleep=sleep)), entry)

    return Work(
        source=unfinished(),
        do=do,
        workers=workers,
        stops=lambda _: None,  # each entry is told, whatever befell the others
        roster=roster,
    )


@frozen
class _Reader:
    """Makes jobs of what a source gives.

    Attributes:
        register: Names them.
        folder: What relative paths of images are relative to; None for the current folder.
    """

    register: Register
    folder: Path | None = None

    def ready(self, number: int, raw: object) -> Ready:
        """A job that is ready, or the result that tells why it can't be."""
        if isinstance(raw, ValidationError):
            return BatchResult(number, Standing.INVALID, error=raw)
        job = None
        try:
            given = parse_line(raw) if isinstance(raw, bytes) else raw
            if self.folder is not None and isinstance(given, dict) and "images" in given:
                given = {**given, "images": located(given["images"], self.folder)}
            job = given if isinstance(given, BatchJob) else BatchJob.of(given)
            return self.register.order(number, job)
        except ValidationError as error:
            key = job.id if job else None
            return BatchResult(number, Standing.INVALID, key, job, error=error)


def _source(jobs: AsyncJobs, register: Register, stack: ExitStack) -> Iterator[Ready] | AsyncIterator[Ready]:
    if isinstance(jobs, (str, os.PathLike)):
        stream = stack.enter_context(opened(jobs))
        return _lines(stream, _Reader(register, absolute(jobs).parent))
    if hasattr(jobs, "readline"):
        return _lines(jobs, _Reader(register, Path()))
    reader = _Reader(register)
    if isinstance(jobs, AsyncIterable):
        return _awaited(jobs, reader)
    if isinstance(jobs, Mapping) or not isinstance(jobs, Iterable):
        raise ValidationError(
            ["jobs must be a file of JSON lines, or something that gives one job after another"]
        )
    return (reader.ready(number, job) for number, job in enumerate(jobs, 1))


def _lines(stream: Any, reader: _Reader) -> Iterator[Ready]:
    for number, line in numbered_lines(stream):
        yield reader.ready(number, line)


async def _awaited(jobs: AsyncIterable[Job], reader: _Reader) -> AsyncIterator[Ready]:
    number = 0
    async for job in jobs:
        number += 1
        yield reader.ready(number, job)


async def _told(result: BatchResult[Any]) -> BatchResult[Any]:
    return result


def _default_id(jobs: AsyncJobs, directory: Path | None) -> str:
    paths = [jobs] if isinstance(jobs, (str, os.PathLike)) else []
    if directory is not None:
        paths.append(directory)
    # Without anything that will be the same the next time, there is no next time.
    return batch_of(*paths) if paths else uuid.uuid4().hex


def _checked(options: dict[str, Any], known: type) -> tuple[WaitOptions, int]:
    faults = unknown_names(list(options), tuple(known.__annotations__), "an option of this call")
    workers = options.get("workers", WORKERS)
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= _MAX_WORKERS:
        faults.append(f"workers must be a number from 1 to {_MAX_WORKERS}: got {workers!r}")
    if faults:
        raise ValidationError(faults)
    waiting: Any = {name: options[name] for name in ("timeout", "poll_interval") if name in options}
    check_wait(waiting)
    return waiting, workers
