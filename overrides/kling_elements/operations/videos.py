"""Fetch the videos of a client's tasks, and record them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, cast

from kling_elements import downloads
from kling_elements.api.outcomes import Operation
from kling_elements.errors import ResultMissing, TaskFailed, next_command
from kling_elements.operations.events import emit
from kling_elements.operations.sender import status_request_for
from kling_elements.types import COMPLETED, TaskData

if TYPE_CHECKING:
    import os
    from pathlib import Path
    from typing import TypeVar

    from kling_elements.operations.recorder import Recorder
    from kling_elements.operations.sender import Sender
    from kling_elements.types import BinaryWriter

    TaskT = TypeVar("TaskT", bound=TaskData)


class Videos(NamedTuple):
    """The videos of one client's tasks.

    Attributes:
        sender: Sends requests.
        recorder: Records files in the journal.
    """

    sender: Sender
    recorder: Recorder

    async def download(
        self, task: TaskData, path: str | os.PathLike[str], options: downloads.DownloadOptions
    ) -> Path:
        """Fetch a task's video to a file."""
        file = await downloads.download_video(task, path, options, self._context())
        size = await self.recorder.record(self.sender.io, lambda: self._note(task, file))
        emit(self.sender.hook, "download.finished", task_id=task.id, bytes=size)
        return file

    async def copy(self, task: TaskData, file: BinaryWriter, options: downloads.DownloadOptions) -> int:
        """Fetch a task's video into an open file, and return how many bytes it has.

        The journal records that the task is done; only `download` gives it a file's name.
        """
        size = await downloads.copy_video(task, file, options, self._context())
        await self.recorder.record(self.sender.io, lambda: self.recorder.seen(task))
        emit(self.sender.hook, "download.finished", task_id=task.id, bytes=size)
        return size

    def _context(self) -> downloads.DownloadContext:
        sender = self.sender
        return downloads.DownloadContext(sender.io, sender.policy, sender.random, _now, self._refresh)

    async def _refresh(self, task_id: str) -> TaskData:
        """Get a task once more, for its URLs, and record them."""
        sender = self.sender
        found = await sender.ask(Operation.STATUS, status_request_for(task_id), sender.settings.timeout)
        task = cast("TaskData", found)
        await self.recorder.record(sender.io, lambda: self.recorder.seen(task))
        return task

    def _note(self, task: TaskData, file: Path) -> int | None:
        self.recorder.downloaded(task, file)
        try:
            return file.stat().st_size
        except OSError:  # it was moved already
            return None


def require_video(task: TaskT) -> TaskT:
    """Return a task that has ended, if it has a video.

    Raises:
        TaskFailed: If it ended without one.
        ResultMissing: If it is COMPLETED and shows no URL.
    """
    if task.status != COMPLETED:
        reason = task.failure_reason
        why = f": {reason.rstrip('.')}" if reason else ", and the service gives no reason"
        raise TaskFailed(
            f"task {task.id} ended as {task.status}{why}. It may be billed. Try other images", task=task
        )
    if not task.urls:
        raise ResultMissing(
            f"task {task.id} is COMPLETED without a video, which happens.",
            task=task,
            hint=next_command("status", task.id),
        )
    return task


def _now() -> datetime:
    return datetime.now(UTC)
