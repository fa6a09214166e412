"""The synchronous client.

Annotations are evaluated, so that type hints can be read at run time. Those in quotes are of modules that are
imported when they are first used.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Never, Self, Unpack

import httpx

import kling_elements
from kling_elements import batch as batches
from kling_elements import downloads
from kling_elements import journal as journals
from kling_elements.api.auth import Settings
from kling_elements.api.endpoints import DEFAULT_MODEL
from kling_elements.api.io import run_sync
from kling_elements.api.sync_transport import SyncTransport
from kling_elements.arguments import asynchronous
from kling_elements.client.base import BaseClient, check_waiting, shown, split_options
from kling_elements.errors import ValidationError
from kling_elements.operations.arguments import Image, Images
from kling_elements.task import Target, Task, download_alone
from kling_elements.types import BinaryWriter, TaskData
from kling_elements.validation import check_names

Listed = list  # the class below has a method of that name


class KlingElements(BaseClient[Task, httpx.Client, SyncTransport]):
    """A client of Kling Elements. Make one, keep it, close it (or use it in a `with`).

    Args:
        api_key: The key; by default from KLING_ELEMENTS_API_KEY, FREEPIK_API_KEY or MAGNIFIC_API_KEY.
        base_url: The origin; by default from KLING_ELEMENTS_BASE_URL, else the document's first server.
        auth_header: The header for the key; by default the one that the document names for the origin.
        timeout: Seconds that one request may take, with its whole response; or an `httpx.Timeout`, whose
            `read` is for the whole request, and whose `connect` for its connection.
        poll_interval: Seconds between two polls of a task, in place of the schedule.
        http_client: An httpx client of your own (proxies, certificates). Its defaults are used for requests
            to the service only; it is not closed. Redirects of the service are never followed. Over a
            connection that it has kept open, `timeout` bounds each wait for bytes of a response's head.
        schedule: When to poll a task.
        clock: A monotonic clock, in seconds; None for the real one.
        sleep: Sleeps for that many seconds.
        journal: Where creates and tasks are recorded, so that a killed process loses nothing: a path,
            "off", or a `Journal`. By default KLING_ELEMENTS_JOURNAL, else a file in the user's state
            directory.
        limits: The rate limits of this process, for all clients of one key together. By default the vendor's;
            `Limits.off()` for none.
        retries: How often a request is retried where that is safe.
        default_headers: More headers of requests to the service; none of them can replace the key's.
        on_event: Called with each `Event`, for metrics and traces.

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
        self._transport.close()
        for generated in self._generated:
            generated.close()
        self._core.recorder.close()

    @shown
    def create(self, images: Images = (), **options: "Unpack[kling_elements.CreateOptions]") -> Task:
        """Create a task. It costs money, can't be cancelled, and is sent once.

        Args:
            images: One to four: URLs that the vendor can reach, or paths, bytes, open binary files, Pillow
                images or base64 text. Local images are sent as base64 in `images`, which the vendor's page
                does not document (its example script for this endpoint does it), or as `local_files` says.
            options: See `CreateOptions`.

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
            image: A path, bytes, an open binary file, a Pillow image or base64 text.

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

    @shown
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

    @shown
    def list(
        self, *, model: "kling_elements.Model" = DEFAULT_MODEL, timeout: float = 0.0, **unknown: Never
    ) -> list[Task]:
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

    @shown
    def wait(self, task_id: str | Task, **options: "Unpack[kling_elements.WaitOptions]") -> Task:
        """Poll a task until its status is terminal (COMPLETED or FAILED), and return it.

        Network errors, 429, 5xx and unreadable responses are retried until the deadline.

        Args:
            task_id: The task, or its id.
            options: See `WaitOptions`.

        Raises:
            DeadlineExceeded: The task is not done yet. It runs on; wait for it again.
            ApiError: The service refused for good (401, 403, 404).
        """
        return run_sync(self._service.wait(task_id, check_waiting(options)))

    @shown
    def watch(self, task_id: str | Task, **options: "Unpack[kling_elements.WatchOptions]") -> Iterator[Task]:
        """Poll a task, and yield it when it is first seen and at each change of its status.

        It polls only while its caller asks for the next change. The last one is terminal.

        Args:
            task_id: The task, or its id.
            options: See `WatchOptions`. `timeout` runs from this call.

        Raises:
            ValidationError: An option can't be used.
            KlingError: From the iterator, as for `wait`.
        """
        next_update = self._service.watch(task_id, check_waiting(options))
        return iter(lambda: run_sync(next_update()), None)

    @shown
    def generate(self, images: Images = (), **options: "Unpack[kling_elements.GenerateOptions]") -> Task:
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

    @shown
    def download(
        self, task: str | Task, target: Target, **options: "Unpack[downloads.DownloadOptions]"
    ) -> Path:
        """Fetch a task's video to a file; see `Task.download`.

        Args:
            task: The task, or its id.
            target: The file to write.
            options: See `DownloadOptions`.

        Raises:
            KlingError: As for `get` and `Task.download`.
        """
        found = task if isinstance(task, Task) else self.get(task)
        return self._bind(found).download(target, **options)

    @shown
    def find_unrecorded(
        self, *, model: "kling_elements.Model" = DEFAULT_MODEL, timeout: float = 0.0, **unknown: Never
    ) -> Listed[Task]:
        """Return the account's tasks that the journal does not know.

        They come from other machines, or from a create whose outcome is unknown.

        Raises:
            KlingError: As for `list`.
        """
        check_names(unknown, ("model", "timeout"), "an option of find_unrecorded")
        return run_sync(self._service.find_unrecorded(model, timeout))

    @shown
    def batch(
        self, jobs: "batches.Jobs", **options: "Unpack[batches.BatchOptions]"
    ) -> "batches.Batch[Any, batches.BatchResult[Task]]":
        """Create many videos, a few at once; results come as they are ready. Each costs money.

        After an interruption, run it again with the same jobs and folder: tasks that were created are not
        created again, and finished videos are left alone.

        Args:
            jobs: A file of JSON lines (its path, or open), or an iterable of `BatchJob` or of mappings with
                the same fields: the request's, and `id`, `output`, `model`. It is read as jobs start.
            options: See `BatchOptions`.

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

    @shown
    def resume(
        self, **options: "Unpack[batches.ResumeOptions]"
    ) -> "batches.Batch[journals.Entry, batches.Resumed[Task]]":
        """Finish this client's tasks in the journal: wait for them, and fetch videos to the recorded files.

        It is safe to run again, and in two processes at once.

        Args:
            options: See `ResumeOptions`.

        Returns:
            An iterator of `Resumed`, one for each unfinished entry, as for `batch`.
        """
        plan = batches.plan_resume(self._service, options)
        return batches.Batch(plan, self._sleep)

    def _connect(self, settings: Settings, http_client: httpx.Client | None) -> SyncTransport:
        if problems := asynchronous({"sleep": self._sleep}):
            raise ValidationError(problems)
        return SyncTransport(settings, http_client, sleep=self._sleep)

    def _bind(self, data: TaskData) -> Task:
        return Task.of(data, self._download, self._recorded)

    def _download(
        self, task: TaskData, target: str | BinaryWriter, options: "downloads.DownloadOptions"
    ) -> Any:
        if not self._transport.can_fetch:  # a task outlives the `with` that it was made in
            return download_alone(task, target, options)
        if isinstance(target, str):
            return run_sync(self._core.videos.download(task, target, options))
        return run_sync(self._core.videos.copy(task, target, options))
