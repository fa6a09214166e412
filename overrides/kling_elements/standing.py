"""How a piece of work stands when it is left: what a batch and a resumption say of each job and each task."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from kling_elements.errors import DownloadError, KlingError, ResultMissing, TaskFailed


class Standing(StrEnum):
    """How a piece of work stands when it is left."""

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
    """A task exists and is billed; its video is not here yet. Repeated, it goes on where it stands."""
    BUSY = "busy"
    """Another process is at it."""

    @property
    def is_done(self) -> bool:
        """Whether the video is here."""
        return self in {Standing.DONE, Standing.EXISTING}


class Stopped(KlingError):  # noqa: N818 - it says what happened
    """The caller wants no more. Raised where the work sleeps: at no such moment a create is under way."""


def standing_of(error: BaseException) -> Standing:
    """How work on a task stands that ended with an error."""
    if isinstance(error, (TaskFailed, ResultMissing)):
        return Standing.FAILED
    if isinstance(error, DownloadError) and is_over(error, datetime.now(UTC)):
        return Standing.FAILED
    return Standing.UNFINISHED


def is_over(error: DownloadError, now: datetime) -> bool:
    """Whether the hour in which a video can be fetched has passed."""
    return error.expires_at is not None and now >= error.expires_at
