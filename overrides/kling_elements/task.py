"""A task as the service answered it, and what its result URLs say about themselves."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, Unpack
from urllib.parse import urlsplit, urlunsplit

from attrs import field, frozen

from kling_elements_api.models import TaskStatus

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Mapping
    from pathlib import Path

    from kling_elements.downloads.options import DownloadOptions

COMPLETED = TaskStatus.COMPLETED.value
FAILED = TaskStatus.FAILED.value
TERMINAL_STATUSES = frozenset({COMPLETED, FAILED})
KNOWN_STATUSES = frozenset(status.value for status in TaskStatus)
UNKNOWN_STATUS = "UNKNOWN"
"""Stands for a status that an answer did not tell."""

_EXPIRY = re.compile(r"(?:^|[?&=~])exp(?:ires)?=(\d{9,12})(?!\d)")
_LATEST_EPOCH = 253_402_300_799  # the last second that datetime can tell


def url_expiry(url: str) -> datetime | None:
    """When a result URL expires, by its query (`token=exp=<epoch>~hmac=<hex>`); None if it doesn't say.

    Recorded on sibling endpoints: 3600 s after the task was completed.
    """
    _, _, query = url.partition("?")
    found = _EXPIRY.search(query)
    if not found or (epoch := int(found[1])) > _LATEST_EPOCH:
        return None
    return datetime.fromtimestamp(epoch, UTC)


def redact_url(url: str) -> str:
    """A result URL without its signature, fit for a log: whoever holds the whole URL can fetch the video."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "[an address that is no URL]"
    netloc = parts.netloc.rpartition("@")[2]
    shown = urlunsplit((parts.scheme, netloc, parts.path, "…" if parts.query else "", ""))
    return shown.encode("utf-8", "backslashreplace").decode()


class Downloader(Protocol):
    """Fetches the result of a task; a client is one."""

    def __call__(self, task: Task, target: str | os.PathLike[str], **options: Unpack[DownloadOptions]) -> Any:
        """Fetch the task's first result to `target`."""


@frozen
class Task:
    """A task, as one answer of the service shows it.

    Attributes:
        id: The task's id, exactly as sent.
        status: The service's word: CREATED, IN_PROGRESS, COMPLETED, FAILED, or one that nobody knows yet.
        urls: Addresses of the result, empty unless COMPLETED. Whoever has one can fetch the video.
        raw: The task's JSON object as sent, unknown fields included.
        request_id: The service's id of the request that this came from.
    """

    id: str
    status: str
    urls: tuple[str, ...] = field(default=(), repr=lambda urls: repr(tuple(redact_url(url) for url in urls)))
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)
    request_id: str | None = field(default=None, eq=False)
    _downloader: Downloader | None = field(default=None, repr=False, eq=False, alias="downloader")

    @property
    def is_terminal(self) -> bool:
        """Whether the status will not change any more. An unknown status is not terminal."""
        return self.status in TERMINAL_STATUSES

    @property
    def expires_at(self) -> datetime | None:
        """When the first of the addresses expires (UTC), None if there is none or it doesn't say."""
        return min(filter(None, map(url_expiry, self.urls)), default=None)

    def download(self, target: str | os.PathLike[str], **options: Unpack[DownloadOptions]) -> Path:
        """Fetch the video to a file. The API key is not sent to the result's host.

        What breaks off is continued, also by a later call: the beginning is kept beside the target, with
        `.part` after its name. Where the address is refused, the service is asked once for a fresh one, if
        the task belongs to a client that is not closed.

        Args:
            target: The file to write. It appears when it is whole, or not at all.
            options: See `DownloadOptions`: overwrite, max_bytes, redirects.

        Returns:
            The path of the file.

        Raises:
            DownloadError: If it can't be fetched or stored; the text tells whether the address has expired.
            ResultMissing: If the task has no address of a result.
            ValidationError: If an option can't be used.
        """
        path: Path = self._fetch(target, options)
        return path

    def _fetch(self, target: str | os.PathLike[str], options: DownloadOptions) -> Any:
        if self._downloader is None:
            # A task that came out of a pickle or a webhook has no client; a download needs none.
            from kling_elements.client import download_task  # noqa: PLC0415 - the client imports this module

            return download_task(self, target, **options)
        return self._downloader(self, target, **options)

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
        waiting: Awaitable[Path] = self._fetch(target, options)
        return waiting

    def _fetch(self, target: str | os.PathLike[str], options: DownloadOptions) -> Any:
        if self._downloader is None:
            from kling_elements.async_client import download_async_task  # noqa: PLC0415 - as above

            return download_async_task(self, target, **options)
        return self._downloader(self, target, **options)
