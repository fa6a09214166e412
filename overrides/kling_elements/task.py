"""A task that can be downloaded: its data, and the client that it came from.

Annotations are evaluated, so that type hints can be read at run time.
"""

import inspect
import io
import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeVar, Unpack

from kling_elements import downloads
from kling_elements import journal as journals
from kling_elements.api.io import IO, run_sync
from kling_elements.api.sync_transport import SyncTransport
from kling_elements.errors import ValidationError
from kling_elements.keywords import show_keywords
from kling_elements.policy.retries import RetryPolicy
from kling_elements.types import BinaryWriter, TaskData

Target: TypeAlias = str | os.PathLike[str]

Downloader: TypeAlias = Callable[[TaskData, str | BinaryWriter, "downloads.DownloadOptions"], Any]
"""Fetches the video of a task to a path, and returns that; or to an open file, and returns the size."""

F = TypeVar("F", bound=Callable[..., Any])


def _shown(method: F) -> F:
    """Show the options of a method in its signature."""
    return show_keywords(method, lambda: downloads.DOWNLOAD_DEFAULTS)


class Task(TaskData):
    """A task of a client.

    Attributes:
        id: The task's id, exactly as sent.
        status: The service's word: CREATED, IN_PROGRESS, COMPLETED, FAILED, or an undocumented one.
        urls: URLs of the result, empty unless COMPLETED. Anyone who has one can fetch the video.
        raw: The task's JSON object as sent, unknown fields included.
        request_id: The service's id of the request that this came from.
    """

    __slots__ = ("_downloader", "_recorded")  # no dataclass: that takes a new process a millisecond
    _downloader: Downloader | None
    _recorded: Callable[[str], "journals.Entry | None"] | None

    @classmethod
    def of(
        cls,
        data: TaskData,
        downloader: Downloader | None = None,
        recorded: Callable[[str], "journals.Entry | None"] | None = None,
    ) -> Self:
        """Bind a task's data to the client that downloads its result, and to what its journal knows."""
        task = cls(data.id, data.status, data.urls, data.raw, data.request_id)
        for name, value in (("_downloader", downloader), ("_recorded", recorded)):
            object.__setattr__(task, name, value)
        return task

    @_shown
    def download(self, target: Target, **options: "Unpack[downloads.DownloadOptions]") -> Path:
        """Fetch the video to a file. The API key is not sent to the result's host.

        An interrupted download continues, in this call or a later one: the beginning is kept beside the
        target, with `.part` after its name. If the URL is refused, the service is asked once for a fresh
        one, provided the task belongs to a client that is open.

        Args:
            target: The file to write. It appears when it is whole, or not at all.
            options: See `DownloadOptions`.

        Returns:
            The path of the file.

        Raises:
            DownloadError: It can't be fetched or stored; the message says whether the URL has expired.
            ResultMissing: The task has no URL of a result.
            ValidationError: The target is no path, or an option can't be used.
        """
        path: Path = self._downloader_or(download_alone)(self, _checked_path(target), options)
        return path

    @_shown
    def write_to(self, file: BinaryWriter, **options: "Unpack[downloads.DownloadOptions]") -> int:
        """Fetch the video, and write it to an open binary file once it is whole.

        Args:
            file: The file, from where it stands; it is not closed.
            options: As for `download`.

        Returns:
            The number of bytes.

        Raises:
            KlingError: As for `download`. Nothing was written, unless the file itself failed: then the video
                stays in a temporary file, which the error names.
        """
        size: int = self._downloader_or(download_alone)(self, _checked_writer(file), options)
        return size

    @_shown
    def read(self, **options: "Unpack[downloads.DownloadOptions]") -> bytes:
        """Fetch the video, and return its bytes.

        Args:
            options: As for `download`.

        Raises:
            KlingError: As for `download`.
        """
        video = io.BytesIO()
        self._downloader_or(download_alone)(self, video, options)
        return video.getvalue()

    def to_html(self, *, with_url: bool = False) -> str:
        """Return the task as HTML: its status and times, and its video if that is in a file of at most 4 MiB.

        Notebooks show it so. Which file holds the video, and when the task was created, is in the journal.

        Args:
            with_url: Whether to show and play the signed URL of the video. Anyone who reads it can fetch it.
        """
        from kling_elements.notebook import task_html  # noqa: PLC0415 - only notebooks need it

        recorded = getattr(self, "_recorded", None)
        entry = recorded(self.id) if recorded else None
        created = datetime.fromtimestamp(entry.created_at, UTC) if entry else None
        return task_html(self, created, entry.file if entry else None, datetime.now(UTC), with_url=with_url)

    def _repr_html_(self) -> str:
        return self.to_html()

    def _downloader_or(self, alone: Downloader) -> Downloader:
        return getattr(self, "_downloader", None) or alone

    def __reduce__(self) -> tuple[type["Task"], tuple[Any, ...]]:
        # Without the client: it holds the key, and a download needs none.
        return type(self), (self.id, self.status, self.urls, self.raw, self.request_id)


class AsyncTask(Task):
    """A task of the asynchronous client: the same, but its downloads are awaited."""

    __slots__ = ()

    # One class for values and errors of both clients is worth this one departure from substitutability.
    @_shown
    async def download(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        self, target: Target, **options: "Unpack[downloads.DownloadOptions]"
    ) -> Path:
        """Fetch the video to a file; as `Task.download`, awaited."""
        path: Path = await self._downloader_or(async_download_alone)(self, _checked_path(target), options)
        return path

    @_shown
    async def write_to(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        self, file: BinaryWriter, **options: "Unpack[downloads.DownloadOptions]"
    ) -> int:
        """Write the video to an open binary file, in a thread; as `Task.write_to`, awaited."""
        size: int = await self._downloader_or(async_download_alone)(self, _checked_writer(file), options)
        return size

    @_shown
    async def read(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        self, **options: "Unpack[downloads.DownloadOptions]"
    ) -> bytes:
        """Fetch the video, and return its bytes; as `Task.read`, awaited."""
        video = io.BytesIO()
        await self._downloader_or(async_download_alone)(self, video, options)
        return video.getvalue()


def _checked_path(target: object) -> str:
    """Return the path that a caller names.

    Raises:
        ValidationError: If it is no path.
    """
    if isinstance(target, (str, bytes, os.PathLike)):
        try:
            return os.fsdecode(target)
        except Exception:  # noqa: BLE001, S110 - the value's own method may raise anything
            pass
    got = type(target).__name__
    hint = "task.write_to(file) takes it" if hasattr(target, "write") else "the bytes come from task.read()"
    raise ValidationError([f"target must be a path: got {got} ({hint})"])


def _checked_writer(file: object) -> BinaryWriter:
    """Return an open file that takes bytes.

    Raises:
        ValidationError: If it is none.
    """
    writer: Any = file
    write = getattr(writer, "write", None)
    # A temporary text file is no TextIOBase, but has its attributes.
    is_text = isinstance(writer, io.TextIOBase) or isinstance(getattr(writer, "encoding", None), str)
    if not callable(write) or is_text or inspect.iscoroutinefunction(write):
        problem = ""
    elif getattr(writer, "closed", False) is True:
        problem = ", which is closed"
    elif isinstance(writer, io.IOBase) and not writer.writable():
        problem = ", which is open for reading"
    else:
        return writer  # type: ignore[no-any-return]
    raise ValidationError([f"file must be open for writing bytes, 'wb': got {type(file).__name__}{problem}"])


def download_alone(task: TaskData, target: str | BinaryWriter, options: "downloads.DownloadOptions") -> Any:
    """Fetch the video of a task without a client: from a pickle, or from a webhook."""
    transport = SyncTransport(sleep=time.sleep)
    try:
        return run_sync(_fetch(task, target, options, transport))
    finally:
        transport.close()


async def async_download_alone(
    task: TaskData, target: str | BinaryWriter, options: "downloads.DownloadOptions"
) -> Any:
    """Fetch the video of a task without a client; as `download_alone`, awaited."""
    import anyio  # noqa: PLC0415 - of the other client

    from kling_elements.api.async_transport import AsyncTransport  # noqa: PLC0415 - the same

    transport = AsyncTransport(sleep=anyio.sleep)
    try:
        return await _fetch(task, target, options, transport)
    finally:
        await transport.aclose()


async def _fetch(
    task: TaskData, target: str | BinaryWriter, options: "downloads.DownloadOptions", io: IO
) -> Any:
    context = downloads.DownloadContext(io, RetryPolicy(), random.random, lambda: datetime.now(UTC))
    if isinstance(target, str):
        return await downloads.download_video(task, target, options, context)
    return await downloads.copy_video(task, target, options, context)
