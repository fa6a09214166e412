"""The synchronous client: a shell that sends, sleeps and calls for the flows of `kling_elements.flows`."""

from __future__ import annotations

import os
import random
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, Self, Unpack

from attrs import evolve

from kling_elements.assembly import Clockwork, Extras, make_flows
from kling_elements.batch.engine import Batch
from kling_elements.batch.making import plan_batch, plan_resume
from kling_elements.defaults import REQUEST_TIMEOUT
from kling_elements.downloads import Means, download
from kling_elements.models import DEFAULT_MODEL
from kling_elements.retries import RetryPolicy
from kling_elements.schedule import PollSchedule, choose_schedule
from kling_elements.settings import GivenKey, resolve_settings
from kling_elements.shell import ForeignShell, Shell

Listed = list  # the class below has a method of that name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    import httpx

    from kling_elements.batch.jobs import BatchResult
    from kling_elements.batch.making import BatchOptions, Jobs, ResumeOptions
    from kling_elements.downloads.options import DownloadOptions
    from kling_elements.events import Hook
    from kling_elements.governor import Limits, Usage
    from kling_elements.journal import Entry, Journal, NewEntry
    from kling_elements.options import CreateOptions, GenerateOptions, WaitOptions
    from kling_elements.records import JournalSetting
    from kling_elements.requests import Image, Images
    from kling_elements.resuming import Resumed
    from kling_elements.task import Task


class KlingElements:
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
        on_event: Told what happens, for metrics; see `kling_elements.events`.

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
        self._shell = Shell(settings, http_client)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a client is not pickled: it holds a key and connections. Make one where it is needed"
        )

    def close(self) -> None:
        """Close the connections. The client can't be used afterwards."""
        self._shell.close()
        self._flows.records.close()

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
        return self._shell.run(self._flows.create(images, options))

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
        return self._shell.run(self._flows.upload(image))

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
        return self._shell.run(self._flows.get(task_id, timeout))

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
        return self._shell.run(self._flows.list(model, timeout))

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
        return self._shell.run(self._flows.wait(task_id, options))

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
        return self._shell.run(self._flows.generate(images, options))

    def find_unrecorded(self, *, model: str = DEFAULT_MODEL, timeout: float = 0.0) -> Listed[Task]:
        """The account's tasks that the journal does not know.

        They are of other machines, or of a create whose outcome is unknown.

        Raises:
            KlingError: As for `list`.
        """
        return self._shell.run(self._flows.find_unrecorded(model, timeout))

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
        work = plan_batch(self._flows, jobs, options)
        return Batch(work, self._shell.run, self._flows.sender.sleep)

    def resume(self, **options: Unpack[ResumeOptions]) -> Batch[Entry, Resumed[Task]]:
        """Finish what the journal holds of this origin and key: wait, and fetch videos to the noted files.

        It is safe to run twice, and twice at once.

        Args:
            options: See `ResumeOptions`: directory, workers, timeout, poll_interval, on_update.

        Returns:
            An iterator of `Resumed`, one for each unfinished entry, as for `batch`.
        """
        work = plan_resume(self._flows, options)
        return Batch(work, self._shell.run, self._flows.sender.sleep)

    @property
    def journal(self) -> Journal:
        """Where creates and tasks are written down."""
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

    def _adopt(self, task: Task) -> Task:
        return evolve(task, downloader=self._download)

    def _download(
        self, task: Task, target: str | os.PathLike[str], **options: Unpack[DownloadOptions]
    ) -> Path:
        if not self._shell.can_fetch:  # a task outlives the `with` that it was made in
            return download_task(task, target, **options)
        return self._shell.run(self._flows.download(task, target, options))


def download_task(task: Task, target: str | os.PathLike[str], **options: Unpack[DownloadOptions]) -> Path:
    """Fetch the video of a task that belongs to no client: out of a pickle, or from a webhook."""
    with closing(ForeignShell()) as shell:
        means = Means(RetryPolicy(), time.sleep, random.random, lambda: datetime.now(UTC))
        return shell.run(download(task, target, options, means))
