"""The status of a job or a resumed task when work on it stopped, and which tasks keep running."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

from attrs import define, evolve, field, frozen

from kling_elements.batch.jobs import BatchJob
from kling_elements.errors import (
    ApiError,
    ConnectionFailed,
    DownloadError,
    KlingError,
    OutcomeUnknown,
    ResultMissing,
    TaskFailed,
    ValidationError,
    next_command,
)
from kling_elements.journal import Entry
from kling_elements.task import Task
from kling_elements.types import FAILED

TaskT = TypeVar("TaskT", bound=Task)

_MAX_SHOWN = 100  # characters of a value in a repr


class JobStatus(StrEnum):
    """The status of a job or task when work on it stopped."""

    DONE = "done"
    """The video is where it was to go; without a file to go to, its task is COMPLETED."""
    EXISTING = "existing"
    """The file was there already. Nothing was sent."""
    INVALID = "invalid"
    """The job itself can't be used. Nothing was sent."""
    REFUSED = "refused"
    """The service refused the create, or was not reached: no task exists. It can be repeated."""
    UNKNOWN = "unknown"
    """Create was sent and not answered: a task may exist. It is not repeated."""
    FAILED = "failed"
    """The task ended without a video, or its video has expired."""
    UNFINISHED = "unfinished"
    """A task exists and is billed; its video is not here yet. Run again, it continues from there."""
    BUSY = "busy"
    """Another process has claimed it."""
    PLANNED = "planned"
    """In a dry run alone: its task would be created."""

    @property
    def is_done(self) -> bool:
        """Whether the video is here."""
        return self in {JobStatus.DONE, JobStatus.EXISTING}


class BatchClosed(KlingError):  # noqa: N818 - it says what happened
    """The caller closed the batch. Raised where the work sleeps: no create is in flight then."""


def job_status(error: BaseException) -> JobStatus:
    """Return the status of a task whose work ended with an error."""
    if isinstance(error, (TaskFailed, ResultMissing)):
        return JobStatus.FAILED
    if isinstance(error, DownloadError) and is_over(error, datetime.now(UTC)):
        return JobStatus.FAILED
    return JobStatus.UNFINISHED


def is_over(error: DownloadError, now: datetime) -> bool:
    """Whether the hour in which a video can be downloaded has passed."""
    return error.expires_at is not None and now >= error.expires_at


def short_repr(result: object, **facts: object) -> str:
    """Return a repr of one line from what is known of a result."""
    texts = {name: str(value)[:_MAX_SHOWN] for name, value in facts.items() if value is not None}
    return f"{type(result).__name__}({', '.join(f'{name}={text!r}' for name, text in texts.items())})"


@frozen(repr=False)
class BatchResult(Generic[TaskT]):
    """The result of a job.

    Attributes:
        number: Its line, or its place among the jobs, from 1.
        standing: How it stands.
        key: What identifies it within the batch; None if it could not be read.
        job: The job; None if it could not be read.
        task: Its task, as last seen, where there is one.
        task_id: The task's id, where one is known.
        file: The file that holds its video.
        error: Why it is not done.
        entry_id: The journal's entry, where the outcome of its create is unknown.
    """

    number: int
    standing: JobStatus
    key: str | None = None
    job: BatchJob | None = None
    task: TaskT | None = None
    task_id: str | None = None
    file: Path | None = None
    error: Exception | None = None
    entry_id: str | None = None

    def __repr__(self) -> str:
        return short_repr(
            self,
            number=self.number,
            standing=self.standing,
            key=self.key,
            task_id=self.task_id,
            file=self.file,
            error=self.error,
        )

    @property
    def is_done(self) -> bool:
        """Whether the video is there."""
        return self.standing.is_done


def unknown_result(result: BatchResult[TaskT], entry: Entry) -> BatchResult[TaskT]:
    """Return the result of a job whose create was sent before, and not answered."""
    why = entry.note or "the process that sent it was ended"
    text = f"this job was sent before ({why}), and whether it made a task is unknown"
    return _doubtful(result, entry, text)


def unanswered_result(result: BatchResult[TaskT], entry: Entry) -> BatchResult[TaskT]:
    """Return the result of a job whose create was in flight when the batch was left."""
    text = (
        "the create was sent, and not answered before the batch was left. A task may have been created and "
        "billed"
    )
    return _doubtful(result, entry, text)


def _doubtful(result: BatchResult[TaskT], entry: Entry, text: str) -> BatchResult[TaskT]:
    error = OutcomeUnknown(
        f"{text}. It is not sent again. Resuming shows the tasks that it may have made.",
        hint=next_command("resume"),
    )
    return evolve(result, standing=JobStatus.UNKNOWN, error=error, entry_id=entry.entry_id)


def ended_result(result: BatchResult[TaskT], entry: Entry) -> BatchResult[TaskT]:
    """Return the result of a job whose task ended before, and left no video that can be had."""
    task = Task(entry.task_id or "", entry.status or FAILED)
    why = entry.note or f"ended as {task.status}"
    error = TaskFailed(
        f"task {task.id} of this job: {why}. It is not created again unless you ask for it", task=task
    )
    return evolve(result, standing=JobStatus.FAILED, task_id=task.id, error=error)


def failed_result(result: BatchResult[TaskT], error: Exception) -> BatchResult[TaskT]:
    """Return the result of a job that ended with an error; where a task exists, that counts as well."""
    task = getattr(error, "task", None) or result.task
    task_id = result.task_id or getattr(error, "task_id", None) or (task.id if task else None)
    if task_id is not None:
        standing = job_status(error)
        if isinstance(error, ValidationError):
            standing = JobStatus.INVALID
    elif isinstance(error, OutcomeUnknown):
        standing = JobStatus.UNKNOWN
    elif isinstance(error, (ApiError, ConnectionFailed)):
        standing = JobStatus.REFUSED
    else:
        standing = JobStatus.INVALID if isinstance(error, ValidationError) else JobStatus.UNFINISHED
    return evolve(result, standing=standing, task=task, task_id=task_id, error=error)


@frozen
class Running:
    """A task that keeps running when the work on it stops.

    Attributes:
        name: What it is called where the work comes from: a job's key, say.
        task_id: The task.
    """

    name: str
    task_id: str


@define
class RunningTasks:
    """The tasks that are being worked on, so that an early exit can report which keep running."""

    _running: dict[str, Running] = field(factory=dict)

    def add(self, name: str, task_id: str) -> None:
        """Add a task that exists."""
        self._running[name] = Running(name, task_id)

    def discard(self, name: str) -> None:
        """Remove a task for which nothing is left to do."""
        self._running.pop(name, None)

    def task_id(self, name: str) -> str | None:
        """Return the id of a task that was added, and not discarded."""
        running = self._running.get(name)
        return running.task_id if running else None

    def running(self) -> tuple[Running, ...]:
        """Return those that were not discarded."""
        return tuple(self._running.copy().values())  # a copy: other threads work on it
