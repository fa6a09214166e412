"""Choose the next step for a job, and whether to stop the batch."""

from __future__ import annotations

from enum import Enum, auto

from attrs import frozen

from kling_elements.errors import (
    AuthenticationError,
    ConnectionFailed,
    InsufficientCreditsError,
    JournalUnusable,
    QuotaExceededError,
)
from kling_elements.journal import Entry, State
from kling_elements.types import FAILED


class Step(Enum):
    """The next step for a job."""

    CREATE = auto()
    CONTINUE = auto()
    """Its task exists: wait for it and download its video."""
    RECREATE = auto()
    """Abandon what was begun and create again, as the caller asked."""
    REPORT_UNKNOWN = auto()
    REPORT_BUSY = auto()
    REPORT_ENDED = auto()


@frozen
class RetryRules:
    """What is created again though it was begun before, which may cost money twice.

    Attributes:
        unknown: Jobs whose create was not answered.
        failed: Jobs whose task failed, or whose video has expired.
    """

    unknown: bool = False
    failed: bool = False


def choose_step(entry: Entry | None, again: RetryRules, *, is_under_way: bool) -> Step:
    """Choose the next step for a job by its entry, whose create may be under way in another process."""
    if entry is None or entry.state is State.REFUSED or (entry.task_id is None and not entry.is_doubtful):
        return Step.CREATE
    if entry.is_doubtful:
        if is_under_way:
            return Step.REPORT_BUSY
        return Step.RECREATE if again.unknown else Step.REPORT_UNKNOWN
    if entry.state is State.ABANDONED or entry.status == FAILED:
        return Step.RECREATE if again.failed else Step.REPORT_ENDED
    return Step.CONTINUE


def why_stop(error: BaseException | None) -> Exception | None:
    """Return an error that every other job would meet too; None if the next one may succeed."""
    shared = (
        AuthenticationError,
        InsufficientCreditsError,
        QuotaExceededError,
        ConnectionFailed,
        JournalUnusable,
    )
    return error if isinstance(error, shared) and error.task_id is None else None
