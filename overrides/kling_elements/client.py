"""The two clients over one base: one core (`operations`), which `KlingElements` runs and the other awaits.

Annotations are evaluated, so that the type hints of the methods can be read at run time. Those in quotes are
of wings that import their names when they are first used.
"""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Generic, Literal, Never, NoReturn, Self, TypeVar, Unpack

import anyio
import httpx

from kling_elements import batch as batches
from kling_elements import downloads
from kling_elements import journal as journals
from kling_elements.api.async_transport import AsyncTransport
from kling_elements.api.auth import GivenKey, Settings
from kling_elements.api.endpoints import DEFAULT_MODEL
from kling_elements.api.io import IO, run_sync
from kling_elements.api.sync_transport import SyncTransport
from kling_elements.errors import ValidationError
from kling_elements.operations.arguments import Image, Images
from kling_elements.operations.events import Hook
from kling_elements.operations.recorder import Recorder
from kling_elements.operations.sender import Sender, rate_limiter_key
from kling_elements.operations.service import TaskService
from kling_elements.operations.wait import WaitSettings, split_options
from kling_elements.options import CreateOptions, GenerateOptions, WaitOptions
from kling_elements.policy.polling import PollSchedule, choose_schedule
from kling_elements.policy.rate_limits import Limits, Usage, rate_limiter_for
from kling_elements.policy.retries import RetryPolicy
from kling_elements.settings import REQUEST_TIMEOUT, resolve_settings
from kling_elements.task import AsyncTask, Target, Task, async_download_alone, download_alone
from kling_elements.types import TaskData
from kling_elements.validation import check_names, unknown_names

Listed = list  # the classes below have a method of that name
TaskT = TypeVar("TaskT", bound=Task)
HttpT = TypeVar("HttpT", httpx.Client, httpx.AsyncClient)


class _Client(Generic[TaskT, HttpT]):
    """What both clients share. `KlingElements` describes the arguments."""

    _http_kind: ClassVar[type[httpx.Client | httpx.AsyncClient]]
    _default_sleep: ClassVar[Any]

    def __init__(  # noqa: PLR0913 - keyword options
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        auth_header: str | None = None,
        *,
        timeout: float = REQUEST_TIMEOUT,
        poll_interval: float | None = None,
        http_client: HttpT | None = None,
        schedule: PollSchedule | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        journal: "journals.Journal | str | Path | Literal[False] | None" = None,
        limits: Limits | None = None,
        retries: RetryPolicy | None = None,
        on_event: Hook | None = None,
        **unknown: Never,
    ) -> None:
        key, names = GivenKey(api_key), tuple(unknown)
        del api_key, unknown  # a traceback that shows variables would show the key
        known = ("api_key", "base_url", "auth_header", *(_Client.__init__.__kwdefaults__ or ()))
        problems = unknown_names(names, known, "an argument of the client")
        problems += _wrong_kinds(
            {
                "base_url": (base_url, str),
                "auth_header": (auth_header, str),
                "http_client": (http_client, self._http_kind),
                "schedule": (schedule, PollSchedule),
                "limits": (limits, Limits),
                "retries": (retries, RetryPolicy),
                "clock": (clock, Callable),
                "sleep": (sleep, Callable),
                "on_event": (on_event, Callable),
            }
        )
        if problems:
            raise ValidationError(problems)
        settings = resolve_settings(
            api_key=key, base_url=base_url, auth_header=auth_header, timeout=timeout, environ=os.environ
        )
        schedule = choose_schedule(schedule, poll_interval)
        self._sleep = sleep or self._default_sleep
        recorder = Recorder.of(journal, settings)
        sender = Sender(
            io=self._connect(settings, http_client),
            settings=settings,
            rate_limiter=rate_limiter_for(rate_limiter_key(settings.key), settings.base_url, limits),
            policy=retries or RetryPolicy(),
            clock=clock,
            random=random.random,
            hook=on_event,
        )
        self._is_closed = False
        self._core = TaskService(sender, schedule, recorder, self._bind)

    def __repr__(self) -> str:
        core = getattr(self, "_core", None)  # a traceback may show a client that could not be made
        origin = core.sender.settings.base_url if core else None
        return f"{type(self).__name__}(base_url={origin!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client can't be pickled: it holds a key and connections. Make another one")

    @property
    def journal(self) -> "journals.Journal":
        """Where creates and tasks are recorded. Its calls touch the disk and are not awaited."""
        return self._core.recorder.journal

    @property
    def journal_owner(self) -> "journals.NewEntry":
        """What this client's entries in the journal have in common: the origin, a fingerprint of the key."""
        return self._core.recorder.owner()

    @property
    def usage(self) -> Usage | None:
        """How much of the service's limits this process has used with this key.

        The daily quota is known from the journal, including what other processes met.
        """
        return self._core.usage

    @property
    def _service(self) -> TaskService[TaskT]:
        if self._is_closed:
            raise ValidationError(["the client is closed: make another one. Nothing was sent"])
        return self._core

    def _connect(self, settings: Settings, http_client: HttpT | None) -> IO:
        raise NotImplementedError

    def _bind(self, data: TaskData) -> TaskT:
        raise NotImplementedError


class KlingElements(_Client[Task, httpx.Client]):
    """A client of Kling Elements. Make one, keep it, close it (or use it in a `with`).

    Args:
        api_key: The key; by default from KLING_ELEMENTS_API_KEY, FREEPIK_API_KEY or MAGNIFIC_API_KEY.
        base_url: The origin; by default from KLING_ELEMENTS_BASE_URL, else the document's first server.
        auth_header: The header for the key; by default the one that the document names for the origin.
        timeout: Seconds that one request may take, with its whole response.
        poll_interval: Seconds between two polls of a task, in place of the schedule.
        http_client: An httpx client of your own (proxies, certificates). Its defaults are used for requests
            to the service only; it is not closed. Redirects of the service are never followed. Over a
            connection that it has kept open, `timeout` bounds each wait for bytes of a response's head.
        schedule: When to poll a task.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps for that many seconds.
        journal: Where creates and tasks are recorded, so that a killed process loses nothing: a path,
            "off", or a `Journal`. By default KLING_ELEMENTS_JOURNAL, else a file in the user's state
            directory.
        limits: The rate limits of this process, for all clients of one key together. By default the vendor's;
            `Limits.off()` for none.
        retries: How often a request is retried where that is safe.
        on_event: Called with events, for metrics; see `kling_elements.operations.events`.

    Raises:
        ValidationError: If there is no key, or an argument can't be used.
    """

    _http_kind = httpx.Client
    _default_sleep = staticmethod(time.sleep)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. The client can't be used afterwards."""
        self._is_closed = True
        self._transport.close()
        self._core.recorder.close()

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
            OutcomeUnknown: The request was sent, without a usable response: a task may exist. Look for it
                before you repeat the create.
            ApiError: The service refused; one of its subclasses by status.
        """
        return run_sync(self._service.create(images, options))

    def upload(self, image: Image) -> str:
        """Upload a local image to the service's store, as `create(local_files="upload")` does. It is free.

        The key is not sent to the store.

        Args:
            image: A path, bytes or base64 text.

        Returns:
            Its URL, to be used as an image of `create`. It is valid for a day. For the same image, this
            client returns the same URL again while it is valid for another hour.

        Raises:
            ValidationError: The image can't be used. Nothing was sent.
            UploadError: The store did not accept it.
            ConnectionFailed: The service was not reached.
            ApiError: The service refused.
            ResponseFormatError: The service's response can't be used.
        """
        return run_sync(self._service.upload(image))

    def get(self, task_id: str, *, timeout: float = 0.0, **unknown: Never) -> Task:
        """Return a task.

        Args:
            task_id: Its id.
            timeout: Seconds for the request and its retries after transient errors (network, 429, 5xx, an
                unreadable response); by default it is sent once.
            unknown: Misspelled options, for an error that helps.

        Raises:
            ValidationError: That can't be an id.
            ConnectionFailed: There was no response.
            ApiError: The service refused; NotFoundError for a task that is unknown to this account.
            ResponseFormatError: The response can't be used.
        """
        check_names(unknown, ("timeout",), "an option of get")
        return run_sync(self._service.get(task_id, timeout))

    def list(self, *, model: str = DEFAULT_MODEL, timeout: float = 0.0, **unknown: Never) -> list[Task]:
        """Return the account's tasks, without their results.

        Args:
            model: The service's model.
            timeout: As for `get`.
            unknown: Misspelled options, for an error that helps.

        Raises:
            ConnectionFailed: There was no response.
            ApiError: The service refused.
            ResponseFormatError: The response can't be used.
        """
        check_names(unknown, ("model", "timeout"), "an option of list")
        return run_sync(self._service.list(model, timeout))

    def wait(self, task_id: str | Task, **options: Unpack[WaitOptions]) -> Task:
        """Poll a task until its status is terminal (COMPLETED or FAILED), and return it.

        Network errors, 429, 5xx and unreadable responses are retried until the deadline.

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
        """Create a task, wait for it, and return it with the URL of its video.

        Args:
            images: As for `create`.
            options: Those of `create` and of `wait`. `timeout` holds for the whole call, but never interrupts
                a create that is being sent.

        Raises:
            TaskFailed: The task ended without a video.
            ResultMissing: The task is COMPLETED and has no URL of a video.
            DeadlineExceeded: The task is not done yet. It runs on; wait for it again.
            KlingError: As for `create` and `wait`.
        """
        return run_sync(self._service.generate(images, *split_options(options)))

    def download(
        self, task: str | Task, target: Target, **options: "Unpack[downloads.DownloadOptions]"
    ) -> Path:
        """Fetch a task's video to a file; see `Task.download`.

        Args:
            task: The task, or its id.
            target: The file to write.
            options: See `DownloadOptions`: overwrite, max_bytes, redirects.

        Raises:
            KlingError: As for `get` and `Task.download`.
        """
        found = task if isinstance(task, Task) else self.get(task)
        return self._bind(found).download(target, **options)

    def find_unrecorded(
        self, *, model: str = DEFAULT_MODEL, timeout: float = 0.0, **unknown: Never
    ) -> Listed[Task]:
        """Return the account's tasks that the journal does not know.

        They come from other machines, or from a create whose outcome is unknown.

        Raises:
            KlingError: As for `list`.
        """
        check_names(unknown, ("model", "timeout"), "an option of find_unrecorded")
        return run_sync(self._service.find_unrecorded(model, timeout))

    def batch(
        self, jobs: "batches.Jobs", **options: "Unpack[batches.BatchOptions]"
    ) -> "batches.Batch[Any, batches.BatchResult[Task]]":
        """Create many videos, a few at once; results come as they are ready. Each costs money.

        After an interruption, run it again with the same jobs and folder: tasks that were created are not
        created again, and finished videos are left alone.

        Args:
            jobs: A file of JSON lines (its path, or open), or an iterable of `BatchJob` or of mappings with
                the same fields: the request's, and `id`, `output`, `model`. It is read as jobs start.
            options: See `BatchOptions`: directory, workers, batch_id, retry_unknown, retry_failed, timeout,
                poll_interval, on_update.

        Returns:
            An iterator of `BatchResult`, one for each job. A job's error is in its result. To leave early,
            use `with`, or its `close()`; its `running` then lists the tasks that run on.

        Raises:
            ValidationError: An option or the file can't be used, or the journal can't be written.
            KlingError: From the iterator, after the results of the jobs that started: an error that all other
                jobs would meet too (a refused key, no credits, the daily quota, no connection).
        """
        plan = batches.plan_batch(self._service, jobs, options)
        return batches.Batch(plan, self._sleep)

    def resume(
        self, **options: "Unpack[batches.ResumeOptions]"
    ) -> "batches.Batch[journals.Entry, batches.Resumed[Task]]":
        """Finish this client's tasks in the journal: wait for them, and fetch videos to the recorded files.

        It is safe to run again, and in two processes at once.

        Args:
            options: See `ResumeOptions`: directory, workers, timeout, poll_interval, on_update.

        Returns:
            An iterator of `Resumed`, one for each unfinished entry, as for `batch`.
        """
        plan = batches.plan_resume(self._service, options)
        return batches.Batch(plan, self._sleep)

    def _connect(self, settings: Settings, http_client: httpx.Client | None) -> IO:
        self._transport = SyncTransport(settings, http_client, sleep=self._sleep)
        return self._transport

    def _bind(self, data: TaskData) -> Task:
        return Task.of(data, self._download)

    def _download(self, task: TaskData, target: Target | None, options: "downloads.DownloadOptions") -> Any:
        if not self._transport.can_fetch:  # a task outlives the `with` that it was made in
            return download_alone(task, target, options)
        if target is None:
            return run_sync(self._core.videos.read(task, options))
        return run_sync(self._core.videos.download(task, target, options))


class AsyncKlingElements(_Client[AsyncTask, httpx.AsyncClient]):
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
        self._is_closed = True
        await self._transport.aclose()
        from anyio import to_thread

        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._core.recorder.close)

    async def create(self, images: Images = (), **options: Unpack[CreateOptions]) -> AsyncTask:
        """Create a task. As `KlingElements.create`, awaited."""
        return await self._service.create(images, options)

    async def upload(self, image: Image) -> str:
        """Upload a local image. As `KlingElements.upload`, awaited."""
        return await self._service.upload(image)

    async def get(self, task_id: str, *, timeout: float = 0.0, **unknown: Never) -> AsyncTask:
        """Return a task. As `KlingElements.get`, awaited."""
        check_names(unknown, ("timeout",), "an option of get")
        return await self._service.get(task_id, timeout)

    async def list(
        self, *, model: str = DEFAULT_MODEL, timeout: float = 0.0, **unknown: Never
    ) -> list[AsyncTask]:
        """Return the account's tasks. As `KlingElements.list`, awaited."""
        check_names(unknown, ("model", "timeout"), "an option of list")
        return await self._service.list(model, timeout)

    async def wait(self, task_id: str | Task, **options: Unpack[WaitOptions]) -> AsyncTask:
        """Wait for a task. As `KlingElements.wait`, awaited."""
        return await self._service.wait(task_id, WaitSettings.of(options))

    async def generate(self, images: Images = (), **options: Unpack[GenerateOptions]) -> AsyncTask:
        """Create a task and wait for it. As `KlingElements.generate`, awaited."""
        return await self._service.generate(images, *split_options(options))

    async def download(
        self, task: str | Task, target: Target, **options: "Unpack[downloads.DownloadOptions]"
    ) -> Path:
        """Fetch a task's video to a file. As `KlingElements.download`, awaited."""
        found = task if isinstance(task, Task) else await self.get(task)
        return await self._bind(found).download(target, **options)

    async def find_unrecorded(
        self,
        *,
        model: str = DEFAULT_MODEL,
        timeout: float = 0.0,
        **unknown: Never,
    ) -> Listed[AsyncTask]:
        """Return tasks that the journal does not know. As `KlingElements.find_unrecorded`, awaited."""
        check_names(unknown, ("model", "timeout"), "an option of find_unrecorded")
        return await self._service.find_unrecorded(model, timeout)

    def batch(
        self, jobs: "batches.AsyncJobs", **options: "Unpack[batches.BatchOptions]"
    ) -> "batches.AsyncBatch[Any, batches.BatchResult[AsyncTask]]":
        """Create many videos. As `KlingElements.batch`, with `async for`.

        Jobs may be an asynchronous iterable. To leave before the last result, use `async with` around it.
        """
        plan = batches.plan_batch(self._service, jobs, options)
        return batches.AsyncBatch(plan, self._sleep)

    def resume(
        self, **options: "Unpack[batches.ResumeOptions]"
    ) -> "batches.AsyncBatch[journals.Entry, batches.Resumed[AsyncTask]]":
        """Finish the journal's tasks. As `KlingElements.resume`, with `async for`."""
        plan = batches.plan_resume(self._service, options)
        return batches.AsyncBatch(plan, self._sleep)

    def _connect(self, settings: Settings, http_client: httpx.AsyncClient | None) -> IO:
        self._transport = AsyncTransport(settings, http_client, sleep=self._sleep)
        return self._transport

    def _bind(self, data: TaskData) -> AsyncTask:
        return AsyncTask.of(data, self._download)

    async def _download(
        self, task: TaskData, target: Target | None, options: "downloads.DownloadOptions"
    ) -> Any:
        if not self._transport.can_fetch:  # a task outlives the `async with` that it was made in
            return await async_download_alone(task, target, options)
        if target is None:
            return await self._core.videos.read(task, options)
        return await self._core.videos.download(task, target, options)


def _wrong_kinds(arguments: dict[str, tuple[object, Any]]) -> list[str]:
    """Return a sentence for each argument that is neither None nor of its kind."""
    return [
        f"{name} must be {_name_of(kind)}: got {type(value).__name__}"
        for name, (value, kind) in arguments.items()
        if value is not None and not isinstance(value, kind)
    ]


def _name_of(kind: Any) -> str:
    names = {str: "a string", Callable: "a function"}
    return names.get(kind) or f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
