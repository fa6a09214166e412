"""Finishing what was begun: wait for a task that the journal holds, fetch its video, note it.

Used by `client.resume` for every unfinished entry, and by `client.batch` for jobs whose task exists.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, field, frozen

from kling_elements.effects import Flow, compute
from kling_elements.errors import DownloadError, KlingError, ResultMissing, TaskFailed
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.flows import Flows
    from kling_elements.journal import Entry, Journal
    from kling_elements.options import WaitOptions
    from kling_elements.roster import Roster
    from kling_elements.waiting import Look

TaskT = TypeVar("TaskT", bound=Task)

CLAIM_SECONDS = 900.0  # prolonged at every look; it ends at once if this process dies
_FETCH_SECONDS = 3600.0  # an address lasts an hour: nobody fetches for longer


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


@frozen
class Resumed(Generic[TaskT]):
    """What became of an unfinished entry.

    Attributes:
        entry: The entry, as it was found.
        standing: How it stands now.
        task: The task, as last seen; None if it was not asked for.
        file: The file that holds its video.
        error: Why it is not done.
    """

    entry: Entry
    standing: Standing
    task: TaskT | None = None
    file: Path | None = None
    error: Exception | None = None


@define
class Claim:
    """The right to work on an entry, so that no other process does the same.

    Attributes:
        journal: The journal.
        entry_id: The entry.
    """

    journal: Journal
    entry_id: str
    _owner: str = field(factory=lambda: uuid.uuid4().hex, init=False)

    def take(self, seconds: float = CLAIM_SECONDS) -> bool:
        """Take or prolong it; tells whether nobody else has it."""
        return self.journal.claim(self.entry_id, self._owner, seconds)

    def at_look(self, look: Look) -> None:
        """Prolong it at a look at the task."""
        self.take(CLAIM_SECONDS + (look.next_look or 0.0))

    def at_fetch(self) -> None:
        """Prolong it for as long as the video may take."""
        self.take(_FETCH_SECONDS)

    def release(self) -> None:
        """Let go of it."""
        self.journal.release(self.entry_id, self._owner)


@frozen
class Resumption(Generic[TaskT]):
    """How unfinished entries are finished.

    Attributes:
        directory: Where videos go of which no file is noted; None to leave them.
        waiting: The options of each wait.
        roster: The tasks that are being worked on.
        on_update: Called with the entry and its task at each change.
    """

    directory: Path | None
    waiting: WaitOptions
    roster: Roster
    on_update: Callable[[Entry, Task], object] | None = None

    def run(self, flows: Flows[TaskT], entry: Entry) -> Flow[Resumed[TaskT]]:
        """Finish an entry. Whatever goes wrong with it is told in the result."""
        claim = Claim(flows.records.journal, entry.entry_id)
        if not (yield from compute(claim.take)):
            return Resumed(entry, Standing.BUSY)
        try:
            resumed = yield from self._finish(flows, entry, claim)
        finally:
            claim.release()
        self.roster.ended(entry.entry_id)
        return resumed

    def _finish(self, flows: Flows[TaskT], entry: Entry, claim: Claim) -> Flow[Resumed[TaskT]]:
        target = None if entry.target is None else Path(entry.target)
        task_id = entry.task_id or ""
        if target is None and self.directory is not None:
            target = (self.directory / file_name(task_id)).absolute()
            noted = target
            yield from compute(lambda: flows.records.journal.set_target(task_id, noted, entry.origin))
        told = self.on_update

        def on_update(task: Task) -> object:
            self.roster.saw(entry.entry_id, task.id)
            return told(entry, task) if told else None

        waiting: WaitOptions = {**self.waiting, "on_update": on_update}
        try:
            task, file, was_there = yield from finish(flows, entry, target, claim, waiting)
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - one entry's fault is not another's; it is in the result
            return Resumed(entry, standing_of(error), getattr(error, "task", None), None, error)
        return Resumed(entry, Standing.EXISTING if was_there else Standing.DONE, task, file)


def finish(
    flows: Flows[TaskT], entry: Entry, target: Path | None, claim: Claim, waiting: WaitOptions
) -> Flow[tuple[TaskT, Path | None, bool]]:
    """Wait for the task of an entry and fetch its video.

    Args:
        flows: The client's.
        entry: An entry that names a task.
        target: Where the video is to go; None not to fetch it.
        claim: This process's claim of the entry.
        waiting: The options of the wait.

    Returns:
        The task, the file, and whether the file was there already.

    Raises:
        KlingError: If it ended without a video, or is not done in time, or can't be fetched.
    """
    task = yield from flows.wait_for_video(entry.task_id or "", {**waiting, "on_look": claim.at_look})
    if target is None:
        return task, None, False
    file, was_there = yield from fetch(flows, task, entry, target, claim)
    return task, file, was_there


def fetch(flows: Flows[Any], task: Task, entry: Entry, target: Path, claim: Claim) -> Flow[tuple[Path, bool]]:
    """Fetch a task's video to the file that its entry is for.

    A video whose hour has passed is noted as lost.

    Returns:
        The file, and whether it was there already.

    Raises:
        DownloadError: If it can't be fetched or stored.
    """
    journal = flows.records.journal
    yield from compute(claim.at_fetch)
    if (yield from compute(lambda: is_newer(target, entry.created_at))):
        # Killed between the file and the note: a file appears when it is whole, or not at all.
        yield from compute(lambda: journal.downloaded(task.id, target, entry.origin))
        return target, True
    try:
        yield from compute(lambda: target.parent.mkdir(parents=True, exist_ok=True))
        return (yield from flows.download(task, target, {})), False
    except OSError as error:
        raise DownloadError(
            f"the video of task {task.id} was not stored as {target}: {error.strerror or error}",
            task_id=task.id,
            expires_at=task.expires_at,
        ) from None
    except DownloadError as error:
        if error.status_code is not None and is_over(error, datetime.now(UTC)):
            # There is nothing left to do, so it counts as finished.
            note = f"the video expired at {error.expires_at:%Y-%m-%d %H:%M:%S} UTC before it was fetched"
            yield from compute(lambda: journal.abandon(entry.entry_id, note))
        raise


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


def is_newer(file: Path, moment: float) -> bool:
    """Whether a file was made after a moment, in seconds since the epoch: then it is the video itself.

    An older file is one that was to be replaced.
    """
    try:
        return file.is_file() and file.stat().st_mtime >= moment
    except (OSError, ValueError):
        return False


def file_name(task_id: str) -> str:
    """A file's name for a task. The id is the service's: it must not lead out of the folder."""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in task_id)
    return f"{safe[:100] or 'task'}.mp4"


def absolute(path: str | os.PathLike[str]) -> Path:
    """An absolute path without `..`, links left as they are."""
    return Path(os.path.abspath(os.fspath(path)))  # noqa: PTH100 - Path.absolute keeps "..", resolve follows links


class Stopped(KlingError):  # noqa: N818 - it says what happened
    """The caller wants no more. Raised where the work sleeps: at no such moment a create is under way."""
