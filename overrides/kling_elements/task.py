"""A task that can be downloaded: its data, and the client that it came from."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, Self, Unpack

import anyio
from attrs import field, frozen

from kling_elements.api.io import run_sync
from kling_elements.api.transports import AsyncTransport, SyncTransport
from kling_elements.downloads.download import DownloadContext, download
from kling_elements.policy.retries import RetryPolicy
from kling_elements.types import TaskData

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable
    from pathlib import Path

    from kling_elements.api.io import IO
    from kling_elements.downloads.options import DownloadOptions


class Downloader(Protocol):
    """Fetches the result of a task; a client is one."""

    def __call__(self, task: TaskData, target: str | os.PathLike[str], options: DownloadOptions) -> Any:
        """Fetch the task's first result to `target`."""


@frozen
class Task(TaskData):
    """A task of a client.

    Attributes:
        id: The task's id, exactly as sent.
        status: The service's word: CREATED, IN_PROGRESS, COMPLETED, FAILED, or an undocumented one.
        urls: URLs of the result, empty unless COMPLETED. Whoever has one can fetch the video.
        raw: The task's JSON object as sent, unknown fields included.
        request_id: The service's id of the request that this came from.
    """

    _downloader: Downloader | None = field(default=None, repr=False, eq=False, alias="downloader")

    @classmethod
    def of(cls, data: TaskData, downloader: Downloader | None = None) -> Self:
        """Bind a task's data to the client that downloads its result."""
        return cls(data.id, data.status, data.urls, data.raw, data.request_id, downloader)

    def download(self, target: str | os.PathLike[str], **options: Unpack[DownloadOptions]) -> Path:
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
            ValidationError: An option can't be used.
        """
        path: Path = (self._downloader or download_alone)(self, target, options)
        return path

    def __reduce__(self) -> tuple[type[Task], tuple[Any, ...]]:
        # Without the client: it holds the key, and a download needs none.
        return type(self), (self.id, self.status, self.urls, self.raw, self.request_id)


@frozen
class AsyncTask(Task):
    """A task of the asynchronous client: the same, but its download is awaited."""

    # One class for values and errors of both clients is worth this one departure from substitutability.
    def download(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        self, target: str | os.PathLike[str], **options: Unpack[DownloadOptions]
    ) -> Awaitable[Path]:
        """Fetch the video to a file; as `Task.download`, awaited."""
        path: Awaitable[Path] = (self._downloader or async_download_alone)(self, target, options)
        return path


def download_alone(task: TaskData, target: str | os.PathLike[str], options: DownloadOptions) -> Path:
    """Fetch the video of a task without a client: from a pickle, or from a webhook."""
    transport = SyncTransport(sleep=time.sleep)
    try:
        return run_sync(download(task, target, options, _context(transport)))
    finally:
        transport.close()


async def async_download_alone(
    task: TaskData, target: str | os.PathLike[str], options: DownloadOptions
) -> Path:
    """Fetch the video of a task without a client; as `download_alone`, awaited."""
    transport = AsyncTransport(sleep=anyio.sleep)
    try:
        return await download(task, target, options, _context(transport))
    finally:
        await transport.aclose()


def _context(io: IO) -> DownloadContext:
    return DownloadContext(io, RetryPolicy(), random.random, lambda: datetime.now(UTC))
