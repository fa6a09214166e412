"""A task that can be downloaded: its data, and the client that it came from.

Annotations are evaluated, so that the type hints of the attrs classes can be read at run time.
"""

import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeAlias, Unpack

import anyio
from attrs import field, frozen

from kling_elements import downloads
from kling_elements.api.async_transport import AsyncTransport
from kling_elements.api.io import IO, run_sync
from kling_elements.api.sync_transport import SyncTransport
from kling_elements.errors import ValidationError
from kling_elements.policy.retries import RetryPolicy
from kling_elements.types import TaskData

Target: TypeAlias = str | os.PathLike[str]

Downloader: TypeAlias = Callable[[TaskData, Target | None, "downloads.DownloadOptions"], Any]
"""Fetches the video of a task to a file and returns its path; without a file, it returns the bytes."""


@frozen
class Task(TaskData):
    """A task of a client.

    Attributes:
        id: The task's id, exactly as sent.
        status: The service's word: CREATED, IN_PROGRESS, COMPLETED, FAILED, or an undocumented one.
        urls: URLs of the result, empty unless COMPLETED. Anyone who has one can fetch the video.
        raw: The task's JSON object as sent, unknown fields included.
        request_id: The service's id of the request that this came from.
    """

    _downloader: Downloader | None = field(default=None, repr=False, eq=False, alias="downloader")

    @classmethod
    def of(cls, data: TaskData, downloader: Downloader | None = None) -> Self:
        """Bind a task's data to the client that downloads its result."""
        return cls(data.id, data.status, data.urls, data.raw, data.request_id, downloader)

    def download(self, target: Target, **options: "Unpack[downloads.DownloadOptions]") -> Path:
        """Fetch the video to a file. The API key is not sent to the result's host.

        An interrupted download continues, in this call or a later one: the beginning is kept beside the
        target, with `.part` after its name. If the URL is refused, the service is asked once for a fresh
        one, provided the task belongs to a client that is open.

        Args:
            target: The file to write. It appears when it is whole, or not at all.
            options: See `DownloadOptions`: overwrite, max_bytes, redirects.

        Returns:
            The path of the file.

        Raises:
            DownloadError: It can't be fetched or stored; the message says whether the URL has expired.
            ResultMissing: The task has no URL of a result.
            ValidationError: The target is no path, or an option can't be used.
        """
        path: Path = (self._downloader or download_alone)(self, _checked(target), options)
        return path

    def read(self, **options: "Unpack[downloads.DownloadOptions]") -> bytes:
        """Fetch the video, and return its bytes.

        Args:
            options: As for `download`.

        Raises:
            KlingError: As for `download`.
        """
        video: bytes = (self._downloader or download_alone)(self, None, options)
        return video

    def __reduce__(self) -> tuple[type["Task"], tuple[Any, ...]]:
        # Without the client: it holds the key, and a download needs none.
        return type(self), (self.id, self.status, self.urls, self.raw, self.request_id)


@frozen
class AsyncTask(Task):
    """A task of the asynchronous client: the same, but its downloads are awaited."""

    # One class for values and errors of both clients is worth this one departure from substitutability.
    async def download(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        self, target: Target, **options: "Unpack[downloads.DownloadOptions]"
    ) -> Path:
        """Fetch the video to a file; as `Task.download`, awaited."""
        path: Path = await (self._downloader or async_download_alone)(self, _checked(target), options)
        return path

    async def read(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        self, **options: "Unpack[downloads.DownloadOptions]"
    ) -> bytes:
        """Fetch the video, and return its bytes; as `Task.read`, awaited."""
        video: bytes = await (self._downloader or async_download_alone)(self, None, options)
        return video


def _checked(target: object) -> str:
    """Return the path that a caller names.

    Raises:
        ValidationError: If it is no path.
    """
    if isinstance(target, (str, bytes, os.PathLike)):
        try:
            return os.fsdecode(target)
        except (TypeError, UnicodeError):
            pass  # a path object that gives no path
    got = type(target).__name__
    raise ValidationError([f"target must be a path: got {got} (the bytes come from task.read())"])


def download_alone(task: TaskData, target: Target | None, options: "downloads.DownloadOptions") -> Any:
    """Fetch the video of a task without a client: from a pickle, or from a webhook."""
    transport = SyncTransport(sleep=time.sleep)
    try:
        return run_sync(_fetch(task, target, options, transport))
    finally:
        transport.close()


async def async_download_alone(
    task: TaskData, target: Target | None, options: "downloads.DownloadOptions"
) -> Any:
    """Fetch the video of a task without a client; as `download_alone`, awaited."""
    transport = AsyncTransport(sleep=anyio.sleep)
    try:
        return await _fetch(task, target, options, transport)
    finally:
        await transport.aclose()


async def _fetch(task: TaskData, target: Target | None, options: "downloads.DownloadOptions", io: IO) -> Any:
    context = downloads.DownloadContext(io, RetryPolicy(), random.random, lambda: datetime.now(UTC))
    if target is None:
        return await downloads.read_video(task, options, context)
    return await downloads.download_video(task, target, options, context)
