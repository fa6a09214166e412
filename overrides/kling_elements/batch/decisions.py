"""What is to be done for a job, how it stands when it is left, and whether the next one is worth a try."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve, frozen

from kling_elements.batch.checks import JournalUnusable
from kling_elements.errors import (
    ApiError,
    AuthenticationError,
    ConnectionFailed,
    InsufficientCreditsError,
    OutcomeUnknown,
    QuotaExceededError,
    TaskFailed,
    ValidationError,
)
from kling_elements.journal import Entry, State
from kling_elements.standing import Standing, standing_of
from kling_elements.task import FAILED, Task

if TYPE_CHECKING:
    from kling_elements.batch.jobs import BatchResult

TaskT = TypeVar("TaskT", bound=Task)


class Step(Enum):
    """What is to be done for a job."""

    CREATE = auto()
    GO_ON = auto()
    """Its task exists: wait for it and fetch its video."""
    ANEW = auto()
    """What was begun is to be forgotten, as the caller asked."""
    TELL_UNKNOWN = auto()
    TELL_BUSY = auto()
    TELL_FAILED = auto()
    TELL_LOST = auto()


@frozen
class Again:
    """What is done again that was begun before, which may cost money twice.

    Attributes:
        unknown: Jobs whose create was not answered.
        failed: Jobs whose task failed, or whose video has expired.
    """

    unknown: bool = False
    failed: bool = False


def choose_step(entry: Entry | None, again: Again, *, is_under_way: bool) -> Step:
    """What is to be done for a job, by the entry that stands for it.

    Args:
        entry: The entry; None if the job was never begun.
        again: What is to be done again.
        is_under_way: Whether a create of another process holds the entry.
    """
    if entry is None or entry.state is State.REFUSED or (entry.task_id is None and not entry.is_doubtful):
        return Step.CREATE
    if entry.is_doubtful:
        if is_under_way:
            return Step.TELL_BUSY
        return Step.ANEW if again.unknown else Step.TELL_UNKNOWN
    is_lost = entry.state is State.ABANDONED
    if is_lost or entry.status == FAILED:
        if again.failed:
            return Step.ANEW
        return Step.TELL_LOST if is_lost else Step.TELL_FAILED
    return Step.GO_ON


def tell_unknown(result: BatchResult[TaskT], entry: Entry) -> BatchResult[TaskT]:
    """The result of a job whose create was sent before, and not answered."""
    why = entry.note or "the process that sent it was ended"
    error = OutcomeUnknown(
        f"this job was sent before ({why}), and nobody knows whether it made a task. It is not sent again. "
        f"kling-elements resume shows the tasks that it may have made"
    )
    return evolve(result, standing=Standing.UNKNOWN, error=error, entry_id=entry.entry_id)


def tell_over(result: BatchResult[TaskT], entry: Entry) -> BatchResult[TaskT]:
    """The result of a job whose task ended before, and left no video that can be had."""
    task = Task(entry.task_id or "", entry.status or FAILED)
    why = entry.note or f"ended as {task.status}"
    error = TaskFailed(
        f"task {task.id} of this job: {why}. It is not made again unless you ask for it", task=task
    )
    return evolve(result, standing=Standing.FAILED, task_id=task.id, error=error)


def tell_failure(result: BatchResult[TaskT], error: Exception) -> BatchResult[TaskT]:
    """The result of a job that ended with an error; where a task exists, that counts as well."""
    task = getattr(error, "task", None) or result.task
    task_id = result.task_id or getattr(error, "task_id", None) or (task.id if task else None)
    if task_id is not None:
        standing = standing_of(error)
        if isinstance(error, ValidationError):
            standing = Standing.INVALID
    elif isinstance(error, OutcomeUnknown):
        standing = Standing.UNKNOWN
    elif isinstance(error, (ApiError, ConnectionFailed)):
        standing = Standing.REFUSED
    else:
        standing = Standing.INVALID if isinstance(error, ValidationError) else Standing.UNFINISHED
    return evolve(result, standing=standing, task=task, task_id=task_id, error=error)


def why_stop(error: BaseException | None) -> Exception | None:
    """An error that every other job would meet too; None if the next one may fare better."""
    everybodys = (
        AuthenticationError,
        InsufficientCreditsError,
        QuotaExceededError,
        ConnectionFailed,
        JournalUnusable,
    )
    return error if isinstance(error, everybodys) and error.task_id is None else None
