"""What is to be done for a job, how it stands when it is left, and whether the next one is worth a try."""

from __future__ import annotations

from enum import Enum, auto
from typing import TypeVar

from attrs import frozen

from kling_elements.batch.preflight import JournalUnusable
from kling_elements.errors import (
    AuthenticationError,
    ConnectionFailed,
    InsufficientCreditsError,
    QuotaExceededError,
)
from kling_elements.journal import Entry, State
from kling_elements.task import Task
from kling_elements.types import FAILED

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
class RetryRules:
    """What is done again that was begun before, which may cost money twice.

    Attributes:
        unknown: Jobs whose create was not answered.
        failed: Jobs whose task failed, or whose video has expired.
    """

    unknown: bool = False
    failed: bool = False


def choose_step(entry: Entry | None, again: RetryRules, *, is_under_way: bool) -> Step:
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
