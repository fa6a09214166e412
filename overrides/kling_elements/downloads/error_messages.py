"""The errors of a download: what happened, what is kept, how long the URL is valid, and what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from kling_elements.errors import DownloadError, next_command
from kling_elements.files import os_error_reason
from kling_elements.types import url_expiry

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from kling_elements.downloads.part_file import PartFile
    from kling_elements.types import TaskData


@frozen
class DownloadErrors:
    """What is known when a download fails: the task, the URL that was requested last, the time."""

    task: TaskData
    url: str
    now: datetime

    def not_fetched(
        self, what: str, status: int | None = None, part: PartFile | None = None, *, is_final: bool = False
    ) -> DownloadError:
        """The host gave no video; if that is final, to repeat is of no use."""
        text = f"the video of task {self.task.id} was not fetched: {what}.{self._kept(part)}"
        return self._error(f"{text} {self._outlook()}", status, may_repeat=not is_final)

    def not_stored(self, path: Path, error: Exception, part: PartFile | None = None) -> DownloadError:
        """The disk refused."""
        reason = f"{os_error_reason(error)}.{self._kept(part)}"
        text = f"the video of task {self.task.id} was not stored as {path}: {reason}"
        return self._error(f"{text} {self._outlook()}")

    def appeared(self, path: Path, part: PartFile | None = None) -> DownloadError:
        """Somebody else made the file."""
        text = f"{path} appeared while the video was fetched, and is left as it is.{self._kept(part)}"
        return self._error(f"{text} {self._outlook()}")

    def not_written(self, path: Path, error: Exception) -> DownloadError:
        """The caller's open file refused."""
        reason = str(error) or type(error).__name__
        text = (
            f"the video of task {self.task.id} was not written to the file: {reason}. It is whole in {path}."
        )
        return self._error(text, may_repeat=False)

    def refused(self, error: DownloadError) -> DownloadError:
        """The target can't be written; nothing was fetched."""
        return self._error(str(error), may_repeat=False)

    def _error(self, text: str, status: int | None = None, *, may_repeat: bool = True) -> DownloadError:
        expiry = url_expiry(self.url)
        is_gone = expiry is not None and self.now >= expiry
        return DownloadError(
            text,
            task_id=self.task.id,
            status_code=status,
            expires_at=expiry,
            hint=next_command("download", self.task.id) if may_repeat and not is_gone else None,
        )

    def _kept(self, part: PartFile | None) -> str:
        if part is None or not part.is_kept:
            return ""
        whole = f" of {part.note.size:,}" if part.note and part.note.size else ""
        text = f" {part.size:,}{whole} bytes are kept in {part.path}."
        if part.note and part.note.task_id != self.task.id:
            return f"{text} They are of task {part.note.task_id}."
        can_continue = part.can_continue and part.note and part.note.is_of(self.task.id, self.url)
        return f"{text} The next download continues from there." if can_continue else text

    def _outlook(self) -> str:
        expiry = url_expiry(self.url)
        if expiry is None:
            return "URLs of videos last an hour."
        when = f"{expiry:%Y-%m-%d %H:%M:%S} UTC"
        if self.now >= expiry:
            return f"Its URL expired at {when}, {_span(self.now - expiry)} ago: the video is gone."
        return f"Its URL is valid for another {_span(expiry - self.now)} (until {when})."


def _span(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    for size, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
