"""The two clients: one core (`operations`), run to its end by the one, awaited by the other."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar, Unpack

import anyio
import anyio.to_thread

from kling_elements.api.auth import GivenKey
from kling_elements.api.endpoints import DEFAULT_MODEL
from kling_elements.api.io import run_sync
from kling_elements.api.transports import AsyncTransport, SyncTransport
from kling_elements.batch.async_worker_pool import AsyncBatch
from kling_elements.batch.plan import plan_batch, plan_resume
from kling_elements.batch.worker_pool import Batch
from kling_elements.operations.create import TaskCreator
from kling_elements.operations.recorder import Recorder
from kling_elements.operations.sender import Sender, rate_limiter_key
from kling_elements.operations.service import TaskService
from kling_elements.operations.wait import WaitSettings, split_options
from kling_elements.policy.polling import choose_schedule
from kling_elements.policy.rate_limits import rate_limiter_for
from kling_elements.policy.retries import RetryPolicy
from kling_elements.settings import REQUEST_TIMEOUT, resolve_settings
from kling_elements.task import AsyncTask, Task, async_download_alone, download_alone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    import httpx

    from kling_elements.api.auth import Settings
    from kling_elements.api.io import IO
    from kling_elements.batch.job_sources import AsyncJobs, Jobs
    from kling_elements.batch.plan import BatchOptions, ResumeOptions
    from kling_elements.batch.results import BatchResult
    from kling_elements.batch.resume import Resumed
    from kling_elements.downloads.options import DownloadOptions
    from kling_elements.journal import Entry, Journal, NewEntry
    from kling_elements.operations.create_request import Image, Images
    from kling_elements.operations.events import Hook
    from kling_elements.operations.recorder import JournalSetting
    from kling_elements.options import CreateOptions, GenerateOptions, WaitOptions
    from kling_elements.policy.polling import PollSchedule
    from kling_elements.policy.rate_limits import Limits, Usage
    from kling_elements.types import TaskData

Listed = list  # the classes below have a method of that name
TaskT = TypeVar("TaskT", bound=Task)


class _Client(Generic[TaskT]):
    """What both clients are made of. Each argument is described at `KlingElements`."""

    _service: TaskService[TaskT]

    def _assemble(  # noqa: PLR0913 - the parts of a client, each by its name
        self,
        io: IO,
        settings: Settings,
        bind: Callable[[TaskData], TaskT],
        *,
        schedule: PollSchedule,
        clock: Callable[[], float],
        journal: JournalSetting,
        limits: Limits | None,
        retries: RetryPolicy | None,
        on_event: Hook | None,
    ) -> None:
        sender = Sender(
            io=io,
            settings=settings,
            rate_limiter=rate_limiter_for(rate_limiter_key(settings.key), settings.base_url, limits),
            policy=retries or RetryPolicy(),
            clock=clock,
            random=random.random,
            hook=on_event,
        )
        recorder = Recorder.open(journal, settings)
        self._service = TaskService(sender, schedule, recorder, bind, TaskCreator(sender, recorder))

    def __repr__(self) -> str:
        service = getattr(self, "_service", None)  # a traceback may show a client that could not be made
        origin = service.sender.settings.base_url if service else None
        return f"{type(self).__name__}(base_url={origin!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a client is not pickled: it holds a key and connections. Make one where it is needed"
        )

    @property
    def journal(self) -> Journal:
        """Where creates and tasks are recorded. Its calls touch the disk and are not awaited."""
        return self._service.recorder.journal

    @property
    def journal_owner(self) -> NewEntry:
        """Whose this client's entries in the journal are: the origin, and a fingerprint of the key."""
        return self._service.recorder.owner()

    @property
    def usage(self) -> Usage | None:
        """How much of the service's limits this process has used with this key.

        The daily quota is known from the journal, including what other processes met.
        """
        return self._service.usage


class KlingElements(_Client[Task]):
    """A client of Kling Elements. Make one, keep it, close it (or use it in a `with`).

    Args:
        api_key: The key; by default from KLING_ELEMENTS_API_KEY, FREEPIK_API_KEY or MAGNIFIC_API_KEY.
        base_url: The origin; by default from KLING_ELEMENTS_BASE_URL, else the document's first server.
        auth_header: The header that carries the key; by default the one that the document names for the
            origin.
        timeout: Seconds that one request may take, its whole answer included.
        poll_interval: Seconds between two looks at a task, in place of the schedule.
        http_client: An httpx client of your own (proxies, certificates). Its defaults are used for requests
            to the service only; it is not closed. Redirects of the service are never followed. Over a
            connection that it has kept open, `timeout` bounds each wait for bytes of an answer's head.
        schedule: When to look at a task.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps for that many seconds.
        journal: Where creates and tasks are written down, so that a killed process loses nothing: a path,
            "off", or a `Journal`. By default KLING_ELEMENTS_JOURNAL, else a file in the user's state
            directory.
        limits: What this process keeps to, with all clients of one key together. By default the vendor's
            limits; `Limits.off()` for none.
        retries: How often a request is repeated where that is safe.
        on_event: Told what happens, for metrics; see `kling_elements.operations.events`.

    Raises:
        ValidationError: If there is no key, or an argument can't be used.
    """

    def __init__(  # noqa: PLR0913 - options, each by its name
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        auth_header: str | None = None,
        *,
        timeout: float = REQUEST_TIMEOUT,
        poll_interval: float | None = None,
        http_client: httpx.Client | None = None,
        schedule: PollSchedule | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
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
        self._sleep = sleep
        self._transport = SyncTransport(settings, http_client, sleep=sleep)
        self._assemble(
            self._transport,
            settings,
            self._bind,
            schedule=choose_schedule(schedule, poll_interval),
            clock=clock,
            journal=journal,
            limits=limits,
            retries=retries,
            on_event=on_event,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. The client can't be used afterwards."""
        self._transport.close()
        self._service.recorder.close()

    def create(self, images: Images = (), **options: Unpack[CreateOptions]) -> Task:
        """Create a task. It costs money, can't be cancelled, and is sent once.

        Args:
            images: One to four: URLs that the vendor can reach, or paths, bytes or base64 text. Local images
                are sent as base64 in `images`, which the vendor's page does not document (its example script
                for this endpoint does it), or as `local_files` says.
            options: See `CreateOptions`: prompt, negative_prompt, duration, aspect_ratio, webhook_url,
                check_images, local_files, model.

        Returns:
            The task as created.

        Raises:
            ValidationError: The request does not fit the document, or an image can't be used. Nothing was
                sent.
            ConnectionFailed: The service was not reached. No task was created.
            OutcomeUnknown: The request was sent and not answered properly: a task may exist. Don't just
                repeat it.
            ApiError: The service refused; one of its subclasses by status.
        """
        return run_sync(self._service.create(images, options))

    def upload(self, image: Image) -> str:
        """Put a local image to the service's store, as `create(local_files="upload")` does. It costs nothing.

        The key is not sent to the store.

        Args:
            image: A path, bytes or base64 text.

        Returns:
            Its address, to be used as an image of `create`. It is good for a day; asked for the same image
            again, this client gives it again while it has an hour left.

        Raises:
            ValidationError: The image can't be used. Nothing was sent.
            UploadError: The store did not take it.
            ConnectionFailed: The service was not reached.
            ApiError: The service refused.
            ResponseFormatError: The service's answer can't be used.
        """
        return run_sync(self._service.upload(image))

    def get(self, task_id: str, *, timeout: float = 0.0) -> Task:
        """Ask for a task.

        Args:
            task_id: The task.
            timeout: Seconds within which to ask again after a fault that may pass (network, 429, 5xx, an
                answer that can't be read); by default it is asked once.

        Raises:
            ValidationError: That can't be an id.
            ConnectionFailed: There was no answer.
            ApiError: The service refused; NotFoundError for a task that is unknown to this account.
            ResponseFormatError: The answer can't be used.
        """
        return run_sync(self._service.get(task_id, timeout))

    def list(self, *, model: str = DEFAULT_MODEL, timeout: float = 0.0) -> list[Task]:
        """Ask for the account's tasks, without their results; empty if there are none.

        Args:
            model: The service's model.
            timeout: As for `get`.

        Raises:
            ConnectionFailed: There was no answer.
            ApiError: The service refused.
            ResponseFormatError: The answer can't be used.
        """
        return run_sync(self._service.list(model, timeout))

    def wait(self, task_id: str | Task, **options: Unpack[WaitOptions]) -> Task:
        """Look at a task until its status is terminal (COMPLETED or FAILED), and return it.

        Network faults, 429, 5xx and unreadable answers are ridden out until the deadline.

        Args:
            task_id: The task, or its id.
            options: See `WaitOptions`: timeout (seconds, 1800 by default), poll_interval, on_update, on_look,
                clock, sleep.

        Raises:
            DeadlineExceeded: The task is not done yet. It runs on; wait for it again.
            ApiError: The service refused for good (401, 403, 404).
        """
        return run_sync(self._service.wait(task_id, WaitSettings.of(options)))

    def generate(self, images: Images = (), **options: Unpack[GenerateOptions]) -> Task:
        """Create a task, wait for it, and return it with the addresses of its video.

        Args:
            images: As for `create`.
            options: Those of `create` and of `wait`.

        Raises:
            TaskFailed: The task ended without a video.
            ResultMissing: The task is COMPLETED and has no address of a video.
            DeadlineExceeded: The task is not done yet. It runs on; wait for it again.
            KlingError: As for `create` and `wait`.
        """
        fields, waiting = split_options(options)
        return run_sync(self._service.generate(images, fields, waiting))

    def find_unrecorded(self, *, model: str = DEFAULT_MODEL, timeout: float = 0.0) -> Listed[Task]:
        """The account's tasks that the journal does not know.

        They are of other machines, or of a create whose outcome is unknown.

        Raises:
            KlingError: As for `list`.
        """
        return run_sync(self._service.find_unrecorded(model, timeout))

    def batch(self, jobs: Jobs, **options: Unpack[BatchOptions]) -> Batch[Any, BatchResult[Task]]:
        """Make many videos, a few at once; results come as they are ready. It costs money for each.

        Run again with the same jobs and folder after whatever happened, it goes on: what was created is not
        created again, and what is finished is left alone.

        Args:
            jobs: A file of JSON lines (its path, or open), or an iterable of `BatchJob` or of mappings with
                the same fields: the request's, and `id`, `output`, `model`. It is read as jobs are begun.
            options: See `BatchOptions`: directory, workers, batch_id, retry_unknown, retry_failed, timeout,
                poll_interval, on_update.

        Returns:
            An iterator of `BatchResult`, one for each job. A job's fault is in its result. To leave early,
            use `with`, or its `close()`; its `running` then tells which tasks run on.

        Raises:
            ValidationError: An option or the file can't be used, or the journal can't be written.
            KlingError: From the iterator, after the results of what was begun: an error that all other jobs
                would meet too (a refused key, no credits, the day's quota, no connection).
        """
        plan = plan_batch(self._service, jobs, options)
        return Batch(plan, self._sleep)

    def resume(self, **options: Unpack[ResumeOptions]) -> Batch[Entry, Resumed[Task]]:
        """Finish what the journal holds of this origin and key: wait, and fetch videos to the noted files.

        It is safe to run twice, and twice at once.

        Args:
            options: See `ResumeOptions`: directory, workers, timeout, poll_interval, on_update.

        Returns:
            An iterator of `Resumed`, one for each unfinished entry, as for `batch`.
        """
        plan = plan_resume(self._service, options)
        return Batch(plan, self._sleep)

    def _bind(self, data: TaskData) -> Task:
        return Task.of(data, self._download)

    def _download(self, task: TaskData, target: str | os.PathLike[str], options: DownloadOptions) -> Path:
        if not self._transport.can_fetch:  # a task outlives the `with` that it was made in
            return download_alone(task, target, options)
        return run_sync(self._service.download(task, target, options))


class AsyncKlingElements(_Client[AsyncTask]):
    """The asynchronous client of Kling Elements: `KlingElements` with `await`.

    Make one, keep it, close it (or use it in an `async with`).

    The arguments are those of `KlingElements`; `http_client` is an asynchronous one, and `sleep` may be.

    Raises:
        ValidationError: If there is no key, or an argument can't be used.
    """

    def __init__(  # noqa: PLR0913 - options, each by its name
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
        self._sleep = sleep
        self._transport = AsyncTransport(settings, http_client, sleep=sleep)
        self._assemble(
            self._transport,
            settings,
            self._bind,
            schedule=choose_schedule(schedule, poll_interval),
            clock=clock,
            journal=journal,
            limits=limits,
            retries=retries,
            on_event=on_event,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. The client can't be used afterwards."""
        await self._transport.aclose()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._service.recorder.close)

    async def create(self, images: Images = (), **options: Unpack[CreateOptions]) -> AsyncTask:
        """Create a task. As `KlingElements.create`, awaited."""
        return await self._service.create(images, options)

    async def upload(self, image: Image) -> str:
        """Put a local image to the service's store. As `KlingElements.upload`, awaited."""
        return await self._service.upload(image)

    async def get(self, task_id: str, *, timeout: float = 0.0) -> AsyncTask:
        """Ask for a task. As `KlingElements.get`, awaited."""
        return await self._service.get(task_id, timeout)

    async def list(self, *, model: str = DEFAULT_MODEL, timeout: float = 0.0) -> list[AsyncTask]:
        """Ask for the account's tasks. As `KlingElements.list`, awaited."""
        return await self._service.list(model, timeout)

    async def wait(self, task_id: str | Task, **options: Unpack[WaitOptions]) -> AsyncTask:
        """Wait for a task. As `KlingElements.wait`, awaited."""
        return await self._service.wait(task_id, WaitSettings.of(options))

    async def generate(self, images: Images = (), **options: Unpack[GenerateOptions]) -> AsyncTask:
        """Create a task and wait for it. As `KlingElements.generate`, awaited."""
        fields, waiting = split_options(options)
        return await self._service.generate(images, fields, waiting)

    async def find_unrecorded(
        self,
        *,
        model: str = DEFAULT_MODEL,
        timeout: float = 0.0,
    ) -> Listed[AsyncTask]:
        """The account's tasks that the journal does not know. As `KlingElements.find_unrecorded`, awaited."""
        return await self._service.find_unrecorded(model, timeout)

    def batch(
        self, jobs: AsyncJobs, **options: Unpack[BatchOptions]
    ) -> AsyncBatch[Any, BatchResult[AsyncTask]]:
        """Make many videos. As `KlingElements.batch`, with `async for`; jobs may be an asynchronous iterable.

        To leave before the last result, use `async with` around it.
        """
        plan = plan_batch(self._service, jobs, options)
        return AsyncBatch(plan, self._sleep)

    def resume(self, **options: Unpack[ResumeOptions]) -> AsyncBatch[Entry, Resumed[AsyncTask]]:
        """Finish what the journal holds. As `KlingElements.resume`, with `async for`."""
        plan = plan_resume(self._service, options)
        return AsyncBatch(plan, self._sleep)

    def _bind(self, data: TaskData) -> AsyncTask:
        return AsyncTask.of(data, self._download)

    async def _download(
        self, task: TaskData, target: str | os.PathLike[str], options: DownloadOptions
    ) -> Path:
        if not self._transport.can_fetch:  # a task outlives the `async with` that it was made in
            return await async_download_alone(task, target, options)
        return await self._service.download(task, target, options)
