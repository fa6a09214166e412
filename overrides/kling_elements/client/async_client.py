"""The asynchronous client: the synchronous one's methods, awaited.

Annotations are evaluated, so that type hints can be read at run time. Those in quotes are of modules that are
imported when they are first used.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Never, Self, Unpack

import anyio
import httpx

import kling_elements
from kling_elements import batch as batches
from kling_elements import downloads
from kling_elements import journal as journals
from kling_elements.api.async_transport import AsyncTransport
from kling_elements.api.auth import Settings
from kling_elements.api.endpoints import DEFAULT_MODEL
from kling_elements.api.threads import run_in_thread
from kling_elements.client.base import BaseClient, check_waiting, shown, split_options
from kling_elements.operations.arguments import Image, Images
from kling_elements.task import AsyncTask, Target, Task, async_download_alone
from kling_elements.types import BinaryWriter, TaskData
from kling_elements.validation import check_names

Listed = list  # the class below has a method of that name


class _Updates:
    """An asynchronous iterator over what a function gives until it gives None.

    No generator: trio warns of one that is left before its end.
    """

    def __init__(self, next_update: Callable[[], Awaitable[AsyncTask | None]]) -> None:
        self._next_update = next_update

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AsyncTask:
        if (task := await self._next_update()) is None:
            raise StopAsyncIteration
        return task


class AsyncKlingElements(BaseClient[AsyncTask, httpx.AsyncClient, AsyncTransport]):
    """The asynchronous client of Kling Elements: `KlingElements` with `await`.

    Make one, keep it, close it (or use it in an `async with`).

    The arguments are those of `KlingElements`; `http_client` is an asynchronous one, and `sleep` may be.

    Raises:
        ValidationError: If there is no key, or an argument can't be used.
    """

    _http_kind = httpx.AsyncClient
    _default_sleep = staticmethod(anyio.sleep)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. The client can't be used afterwards."""
        await self._transport.aclose()
        for generated in self._generated:
            await generated.aclose()
        with anyio.CancelScope(shield=True):
            await run_in_thread(self._core.recorder.close)

    @shown
    async def create(
        self, images: Images = (), **options: "Unpack[kling_elements.CreateOptions]"
    ) -> AsyncTask:
        """Create a task. As `KlingElements.create`, awaited."""
        return await self._service.create(images, options)

    async def upload(self, image: Image) -> str:
        """Upload a local image. As `KlingElements.upload`, awaited."""
        return await self._service.upload(image)

    @shown
    async def get(self, task_id: str, *, timeout: float = 0.0, **unknown: Never) -> AsyncTask:
        """Return a task. As `KlingElements.get`, awaited."""
        check_names(unknown, ("timeout",), "an option of get")
        return await self._service.get(task_id, timeout)

    @shown
    async def list(
        self, *, model: "kling_elements.Model" = DEFAULT_MODEL, timeout: float = 0.0, **unknown: Never
    ) -> list[AsyncTask]:
        """Return the account's tasks. As `KlingElements.list`, awaited."""
        check_names(unknown, ("model", "timeout"), "an option of list")
        return await self._service.list(model, timeout)

    @shown
    async def wait(self, task_id: str | Task, **options: "Unpack[kling_elements.WaitOptions]") -> AsyncTask:
        """Wait for a task. As `KlingElements.wait`, awaited."""
        return await self._service.wait(task_id, check_waiting(options))

    @shown
    def watch(
        self, task_id: str | Task, **options: "Unpack[kling_elements.WatchOptions]"
    ) -> AsyncIterator[AsyncTask]:
        """Poll a task, and yield each change. As `KlingElements.watch`, with `async for`."""
        return _Updates(self._service.watch(task_id, check_waiting(options)))

    @shown
    async def generate(
        self, images: Images = (), **options: "Unpack[kling_elements.GenerateOptions]"
    ) -> AsyncTask:
        """Create a task and wait for it. As `KlingElements.generate`, awaited."""
        return await self._service.generate(images, *split_options(options))

    @shown
    async def download(
        self, task: str | Task, target: Target, **options: "Unpack[downloads.DownloadOptions]"
    ) -> Path:
        """Fetch a task's video to a file. As `KlingElements.download`, awaited."""
        found = task if isinstance(task, Task) else await self.get(task)
        return await self._bind(found).download(target, **options)

    @shown
    async def find_unrecorded(
        self,
        *,
        model: "kling_elements.Model" = DEFAULT_MODEL,
        timeout: float = 0.0,
        **unknown: Never,
    ) -> Listed[AsyncTask]:
        """Return tasks that the journal does not know. As `KlingElements.find_unrecorded`, awaited."""
        check_names(unknown, ("model", "timeout"), "an option of find_unrecorded")
        return await self._service.find_unrecorded(model, timeout)

    @shown
    def batch(
        self, jobs: "batches.AsyncJobs", **options: "Unpack[batches.BatchOptions]"
    ) -> "batches.AsyncBatch[Any, batches.BatchResult[AsyncTask]]":
        """Create many videos. As `KlingElements.batch`, with `async for`.

        Jobs may be an asynchronous iterable. To leave before the last result, use `async with` around it.
        """
        plan = batches.plan_batch(self._service, jobs, options)
        return batches.AsyncBatch(plan, self._sleep)

    @shown
    def resume(
        self, **options: "Unpack[batches.ResumeOptions]"
    ) -> "batches.AsyncBatch[journals.Entry, batches.Resumed[AsyncTask]]":
        """Finish the journal's tasks. As `KlingElements.resume`, with `async for`."""
        plan = batches.plan_resume(self._service, options)
        return batches.AsyncBatch(plan, self._sleep)

    def _connect(self, settings: Settings, http_client: httpx.AsyncClient | None) -> AsyncTransport:
        return AsyncTransport(settings, http_client, sleep=self._sleep)

    def _bind(self, data: TaskData) -> AsyncTask:
        return AsyncTask.of(data, self._download, self._recorded)

    async def _download(
        self, task: TaskData, target: str | BinaryWriter, options: "downloads.DownloadOptions"
    ) -> Any:
        if not self._transport.can_fetch:  # a task outlives the `async with` that it was made in
            return await async_download_alone(task, target, options)
        if isinstance(target, str):
            return await self._core.videos.download(task, target, options)
        return await self._core.videos.copy(task, target, options)
