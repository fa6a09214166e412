"""The asynchronous client: the flows of `kling_elements.flows`, run by an asynchronous shell.

It works under asyncio and trio.
"""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, Self, Unpack

import anyio
import anyio.to_thread

from kling_elements.assembly import Clockwork, Extras, make_flows
from kling_elements.batch.async_engine import AsyncBatch
from kling_elements.batch.making import plan_batch, plan_resume
from kling_elements.defaults import REQUEST_TIMEOUT
from kling_elements.downloads import Means, download
from kling_elements.models import DEFAULT_MODEL
from kling_elements.retries import RetryPolicy
from kling_elements.schedule import PollSchedule, choose_schedule
from kling_elements.settings import GivenKey, resolve_settings
from kling_elements.shell import AsyncForeignShell, AsyncShell
from kling_elements.task import AsyncTask

Listed = list  # the class below has a method of that name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    import httpx

    from kling_elements.batch.jobs import BatchResult
    from kling_elements.batch.making import AsyncJobs, BatchOptions, ResumeOptions
    from kling_elements.downloads.options import DownloadOptions
    from kling_elements.events import Hook
    from kling_elements.governor import Limits, Usage
    from kling_elements.journal import Entry, Journal, NewEntry
    from kling_elements.options import CreateOptions, GenerateOptions, WaitOptions
    from kling_elements.records import JournalSetting
    from kling_elements.requests import Image, Images
    from kling_elements.resuming import Resumed
    from kling_elements.task import Task


class AsyncKlingElements:
    """The asynchronous client of Kling Elements: `KlingElements` with `await`.

    Make one, keep it, close it (or use it in an `async with`).

    The arguments are those of `KlingElements`; `http_client` is an asynchronous one, and `sleep` may be.

    Raises:
        ValidationError: If there is no key, or an argument can't be used.
    """

    def __init__(  # noqa: PLR0913 - the arguments of a client are named, and each is optional
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        auth_header: str | None = None,
        *,
        timeout: float = REQUEST_TIMEOUT,
        poll_interval: float | None = None,
        http_client: httpx.AsyncClient | None = None,
        schedule: PollSchedule | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = anyio.sleep,
        journal: JournalSetting = None,
        limits: Limits | None = None,
        retries: RetryPolicy | None = None,
        on_event: Hook | None = None,
    ) -> None:
        key = GivenKey(api_key)
        del api_key  # a traceback that shows variables would show it
        settings = resolve_settings(
            api_key=key, base_url=base_url, auth_header=auth_header, timeout=timeout, environ=os.environ
        )
        self._shell = AsyncShell(settings, http_client)
        self._flows = make_flows(
            settings,
            choose_schedule(schedule, poll_interval),
            Clockwork(clock, sleep),
            self._adopt,
            Extras(journal, limits, retries, on_event),
        )

    def __repr__(self) -> str:
        flows = getattr(self, "_flows", None)  # a traceback may show a client that could not be made
        origin = flows.sender.settings.base_url if flows else None
        return f"{type(self).__name__}(base_url={origin!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a client is not pickled: it holds a key and connections. Make one where it is needed"
        )

    async def aclose(self) -> None:
        """Close the connections. The client can't be used afterwards."""
        await self._shell.aclose()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._flows.records.close)

    async def create(self, images: Images = (), **options: Unpack[CreateOptions]) -> AsyncTask:
        """Create a task. As `KlingElements.create`, awaited."""
        return await self._shell.run(self._flows.create(images, options))

    # `timeout` bounds the repeating, not the call, so that a cancel scope can't stand for it (ASYNC109).

    async def upload(self, image: Image) -> str:
        """Put a local image to the service's store. As `KlingElements.upload`, awaited."""
        return await self._shell.run(self._flows.upload(image))

    async def get(self, task_id: str, *, timeout: float = 0.0) -> AsyncTask:  # noqa: ASYNC109 - as above
        """Ask for a task. As `KlingElements.get`, awaited."""
        return await self._shell.run(self._flows.get(task_id, timeout))

    async def list(self, *, model: str = DEFAULT_MODEL, timeout: float = 0.0) -> list[AsyncTask]:  # noqa: ASYNC109 - as above
        """Ask for the account's tasks. As `KlingElements.list`, awaited."""
        return await self._shell.run(self._flows.list(model, timeout))

    async def wait(self, task_id: str | Task, **options: Unpack[WaitOptions]) -> AsyncTask:
        """Wait for a task. As `KlingElements.wait`, awaited."""
        return await self._shell.run(self._flows.wait(task_id, options))

    async def generate(self, images: Images = (), **options: Unpack[GenerateOptions]) -> AsyncTask:
        """Create a task and wait for it. As `KlingElements.generate`, awaited."""
        return await self._shell.run(self._flows.generate(images, options))

    async def find_unrecorded(
        self,
        *,
        model: str = DEFAULT_MODEL,
        timeout: float = 0.0,  # noqa: ASYNC109 - as above
    ) -> Listed[AsyncTask]:
        """The account's tasks that the journal does not know. As `KlingElements.find_unrecorded`, awaited."""
        return await self._shell.run(self._flows.find_unrecorded(model, timeout))

    def batch(
        self, jobs: AsyncJobs, **options: Unpack[BatchOptions]
    ) -> AsyncBatch[Any, BatchResult[AsyncTask]]:
        """Make many videos. As `KlingElements.batch`, with `async for`; jobs may be an asynchronous iterable.

        To leave before the last result, use `async with` around it.
        """
        work = plan_batch(self._flows, jobs, options)
        return AsyncBatch(work, self._shell.run, self._flows.sender.sleep)

    def resume(self, **options: Unpack[ResumeOptions]) -> AsyncBatch[Entry, Resumed[AsyncTask]]:
        """Finish what the journal holds. As `KlingElements.resume`, with `async for`."""
        work = plan_resume(self._flows, options)
        return AsyncBatch(work, self._shell.run, self._flows.sender.sleep)

    @property
    def journal(self) -> Journal:
        """Where creates and tasks are written down. Its calls touch the disk and are not awaited."""
        return self._flows.records.journal

    @property
    def journal_owner(self) -> NewEntry:
        """Whose this client's entries in the journal are: the origin, and a fingerprint of the key."""
        return self._flows.records.owner()

    @property
    def usage(self) -> Usage | None:
        """How much of the service's limits this process has used with this key.

        Of the day's quota the journal knows, also what other processes met.
        """
        return self._flows.usage

    def _adopt(self, task: Task) -> AsyncTask:
        return AsyncTask(
            task.id, task.status, task.urls, task.raw, task.request_id, downloader=self._download
        )

    async def _download(
        self, task: Task, target: str | os.PathLike[str], **options: Unpack[DownloadOptions]
    ) -> Path:
        if not self._shell.can_fetch:  # a task outlives the `async with` that it was made in
            return await download_async_task(task, target, **options)
        return await self._shell.run(self._flows.download(task, target, options))


async def download_async_task(
    task: Task, target: str | os.PathLike[str], **options: Unpack[DownloadOptions]
) -> Path:
    """Fetch the video of a task that belongs to no client: out of a pickle, or from a webhook."""
    shell = AsyncForeignShell()
    try:
        means = Means(RetryPolicy(), anyio.sleep, random.random, lambda: datetime.now(UTC))
        return await shell.run(download(task, target, options, means))
    finally:
        await shell.aclose()
