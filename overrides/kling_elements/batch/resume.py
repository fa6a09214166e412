"""Finish what was begun: wait for a task in the journal, download its video, record it.

Used by `client.resume` for every unfinished entry, and by `client.batch` for jobs whose task exists.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from attrs import define, field, frozen

from kling_elements.batch.results import BatchClosed, JobStatus, TaskT, is_over, job_status, short_repr
from kling_elements.downloads.ranges import EXPIRED
from kling_elements.errors import DownloadError
from kling_elements.files import file_name, is_newer, os_error_reason
from kling_elements.journal import Entry
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.api.io import IO
    from kling_elements.batch.results import RunningTasks
    from kling_elements.journal import Journal
    from kling_elements.operations.service import TaskService
    from kling_elements.operations.wait import Look, WaitSettings

CLAIM_SECONDS = 900.0  # prolonged at every look; it ends at once if this process dies
_FETCH_SECONDS = 3600.0  # an address lasts an hour: nobody fetches for longer


@frozen(repr=False)
class Resumed(Generic[TaskT]):
    """The result of an unfinished entry.

    Attributes:
        entry: The entry, as it was found.
        standing: How it stands now.
        task: The task, as last seen; None if it was not asked for.
        file: The file that holds its video.
        error: Why it is not done.
    """

    entry: Entry
    standing: JobStatus
    task: TaskT | None = None
    file: Path | None = None
    error: Exception | None = None

    def __repr__(self) -> str:
        return short_repr(
            self, standing=self.standing, task_id=self.entry.task_id, file=self.file, error=self.error
        )


@define
class Claim:
    """The right to work on an entry, so that no other process does the same."""

    journal: Journal
    entry_id: str
    _owner: str = field(factory=lambda: uuid.uuid4().hex, init=False)

    def take(self, seconds: float = CLAIM_SECONDS) -> bool:
        """Take or prolong it; return whether nobody else has it."""
        return self.journal.claim(self.entry_id, self._owner, seconds)

    def at_look(self, look: Look) -> None:
        """Prolong it at a look at the task."""
        self.take(CLAIM_SECONDS + (look.next_look or 0.0))

    async def keep(self, io: IO, look: Look) -> None:
        """Prolong it at a look at the task, where the disk does no harm to an event loop."""
        await io.run(lambda: self.at_look(look))

    def at_fetch(self) -> None:
        """Prolong it for as long as the video may take."""
        self.take(_FETCH_SECONDS)

    def release(self) -> None:
        """Release it."""
        self.journal.release(self.entry_id, self._owner)


@frozen
class ResumeRunner(Generic[TaskT]):
    """Finishes unfinished entries. Videos of which no file is noted go to the directory, if there is one."""

    directory: Path | None
    waiting: WaitSettings
    running_tasks: RunningTasks
    on_update: Callable[[Entry, Task], object] | None = None

    async def run(self, service: TaskService[TaskT], entry: Entry) -> Resumed[TaskT]:
        """Finish an entry. What goes wrong with it is in the result."""
        claim = Claim(service.recorder.journal, entry.entry_id)
        if not (await service.io.run(claim.take)):
            return Resumed(entry, JobStatus.BUSY)
        try:
            resumed = await self._finish(service, entry, claim)
        finally:
            claim.release()
        self.running_tasks.discard(entry.entry_id)
        return resumed

    async def _finish(self, service: TaskService[TaskT], entry: Entry, claim: Claim) -> Resumed[TaskT]:
        target = None if entry.target is None else Path(entry.target)
        task_id = entry.task_id or ""
        if target is None and self.directory is not None:
            target = (self.directory / file_name(task_id)).absolute()
            noted = target
            await service.io.run(lambda: service.recorder.journal.set_target(task_id, noted, entry.origin))
        callback = self.on_update

        def on_update(task: Task) -> object:
            self.running_tasks.add(entry.entry_id, task.id)
            return callback(entry, task) if callback else None

        waiting = replace(self.waiting, on_update=on_update)
        try:
            task, file, was_there = await finish(service, entry, target, claim, waiting)
        except BatchClosed:
            raise
        except Exception as error:  # noqa: BLE001 - one entry's fault is not another's; it is in the result
            return Resumed(entry, job_status(error), getattr(error, "task", None), None, error)
        return Resumed(entry, JobStatus.EXISTING if was_there else JobStatus.DONE, task, file)


async def finish(
    service: TaskService[TaskT], entry: Entry, target: Path | None, claim: Claim, waiting: WaitSettings
) -> tuple[TaskT, Path | None, bool]:
    """Wait for the task of an entry, and fetch its video if there is a target.

    Returns:
        The task, the file, and whether the file was there already.

    Raises:
        KlingError: If it ended without a video, or is not done in time, or can't be fetched.
    """
    task = await service.wait_for_video(
        entry.task_id or "", waiting, lambda look: claim.keep(service.io, look)
    )
    if target is None:
        return task, None, False
    file, was_there = await fetch(service, task, entry, target, claim)
    return task, file, was_there


async def fetch(
    service: TaskService[Any], task: Task, entry: Entry, target: Path, claim: Claim
) -> tuple[Path, bool]:
    """Fetch a task's video to the file that its entry is for.

    A video whose hour has passed is noted as lost.

    Returns:
        The file, and whether it was there already.

    Raises:
        DownloadError: If it can't be fetched or stored.
    """
    journal = service.recorder.journal
    await service.io.run(claim.at_fetch)
    if await service.io.run(lambda: is_newer(target, entry.created_at)):
        # Killed between the file and the note: a file appears when it is whole, or not at all.
        await service.io.run(lambda: journal.downloaded(task.id, target, entry.origin))
        return target, True
    try:
        await service.io.run(lambda: target.parent.mkdir(parents=True, exist_ok=True))
        return (await service.videos.download(task, target, {})), False
    except OSError as error:
        raise DownloadError(
            f"the video of task {task.id} was not stored as {target}: {os_error_reason(error)}",
            task_id=task.id,
            expires_at=task.expires_at,
        ) from None
    except DownloadError as error:
        # Another answer may pass, and the clock may be wrong.
        if error.status_code in EXPIRED and is_over(error, datetime.now(UTC)):
            # There is nothing left to do, so it counts as finished.
            note = f"the video expired at {error.expires_at:%Y-%m-%d %H:%M:%S} UTC before it was fetched"
            await service.io.run(lambda: journal.abandon(entry.entry_id, note))
        raise
