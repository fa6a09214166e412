"""What both clients do, written once: coroutines over the `IO` that they are given."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from kling_elements.api.endpoints import DEFAULT_MODEL, find_model, list_request
from kling_elements.api.outcomes import Operation
from kling_elements.arguments import check_seconds
from kling_elements.document import load_document
from kling_elements.errors import KlingError, OutcomeUnknown, ValidationError, next_command
from kling_elements.log import logger
from kling_elements.operations.events import emit
from kling_elements.operations.sender import not_sent, status_request_for
from kling_elements.operations.videos import Videos, require_video
from kling_elements.policy.retries import Deadline
from kling_elements.types import TaskData

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping
    from typing import Any

    from kling_elements.api.io import IO
    from kling_elements.operations.arguments import Image, Images
    from kling_elements.operations.create import CreateSettings, TaskCreator
    from kling_elements.operations.recorder import Recorder
    from kling_elements.operations.sender import Sender
    from kling_elements.operations.wait import OnPoll, Poll, WaitSettings
    from kling_elements.policy.polling import PollSchedule
    from kling_elements.policy.rate_limits import Usage


T = TypeVar("T")
TaskT = TypeVar("TaskT", bound=TaskData)
Listed = list  # the class below has a method of that name

_REMEMBERED = 1000  # tasks
_SLOT_PAUSE = 5.0  # seconds between two checks for a free place among the concurrent tasks


class TaskService(Generic[TaskT]):
    """The operations of one client.

    Attributes:
        sender: Sends requests.
        schedule: When to poll a task; None for the usual one.
        recorder: Records creates and tasks in the journal.
        bind: Makes a task one of this client's.
        creator: Returns what creates tasks; made when it is first called.
    """

    def __init__(
        self,
        sender: Sender,
        schedule: PollSchedule | None,
        recorder: Recorder,
        bind: Callable[[TaskData], TaskT],
        creator: Callable[[], TaskCreator] | None = None,
    ) -> None:
        self.sender = sender
        self.schedule = schedule
        self.recorder = recorder
        self.bind = bind
        self.creator = creator or _late_creator(sender, recorder)
        self._created: dict[str, float] = {}
        self._reported: set[str] = set()
        self._statuses: dict[str, str] = {}

    @property
    def io(self) -> IO:
        """The I/O of this client."""
        return self.sender.io

    def with_sleep(self, sleep: Callable[[float], object]) -> TaskService[TaskT]:
        """Return the same service with another sleep, and without what it remembers of tasks."""
        sender = self.sender._replace(io=self.io.with_sleep(sleep))
        return TaskService(sender, self.schedule, self.recorder, self.bind, self.creator)

    def with_sender(self, sender: Sender, bind: Callable[[TaskData], TaskT]) -> TaskService[TaskT]:
        """Return the same service with another sender, and with what it remembers of tasks."""
        twin = TaskService(sender, self.schedule, self.recorder, bind)
        twin._created, twin._reported, twin._statuses = self._created, self._reported, self._statuses
        return twin

    @property
    def videos(self) -> Videos:
        """The videos of this client's tasks."""
        return Videos(self.sender, self.recorder)

    @property
    def usage(self) -> Usage:
        """How much of the service's limits this key has used."""
        used = self.sender.rate_limiter.describe(time.monotonic())
        return used._replace(quota_wait=self.recorder.quota_wait())

    async def create(self, images: Images, options: Mapping[str, Any]) -> TaskT:
        """Create a task; see `TaskCreator.create`."""
        from kling_elements.operations.create import CreateSettings

        return await self._create(images, CreateSettings.of(options))

    async def _create(
        self, images: Images, settings: CreateSettings, remaining: Callable[[], float] = lambda: math.inf
    ) -> TaskT:
        created = await self.creator().create(images, settings, remaining)
        if not created.is_new:
            return self.bind(created.task)
        _remember(self._created, created.task.id, self.sender.clock())
        return self._bind_reporting(created.task)

    async def get(self, task_id: str, timeout: float) -> TaskT:
        """Return a task; retry for up to `timeout` seconds where that may help."""
        request = status_request_for(task_id)
        patience = check_seconds("timeout", timeout)
        task = cast("TaskData", (await self.sender.ask(Operation.STATUS, request, patience)))
        await self._record_status(task)
        return self._bind_reporting(task)

    async def list(self, model: str, timeout: float) -> Listed[TaskT]:
        """Return all tasks; retry for up to `timeout` seconds where that may help."""
        request = list_request(find_model(model))
        tasks = await self.sender.ask(Operation.LIST, request, check_seconds("timeout", timeout))
        return [self.bind(task) for task in cast("Listed[TaskData]", tasks)]

    async def upload(self, image: Image) -> str:
        """Upload one local image to the service's store, and return its URL."""
        from kling_elements.operations.local_images import load_one

        loaded = await self.io.run(lambda: load_one(image, find_model(DEFAULT_MODEL)))
        [url] = await self.creator().uploader.upload([loaded])
        return url

    async def find_unrecorded(self, model: str, timeout: float) -> Listed[TaskT]:
        """Return the service's tasks that the journal does not know."""
        tasks = await self.list(model, timeout)
        unrecorded = await self.io.run(lambda: self.recorder.unrecorded(tasks))
        return cast("Listed[TaskT]", unrecorded)

    async def wait(
        self,
        task: str | TaskData,
        waiting: WaitSettings,
        on_poll: OnPoll | None = None,
        deadline: Deadline | None = None,
    ) -> TaskT:
        """Poll a task until its status is terminal; `on_poll` is awaited at every poll."""
        task_id = task.id if isinstance(task, TaskData) else task
        with _named_in_errors(task_id):
            return cast("TaskT", await self._poll(task_id, task, waiting, on_poll, deadline).run())

    def watch(
        self, task: str | TaskData, waiting: WaitSettings
    ) -> Callable[[], Coroutine[Any, Any, TaskT | None]]:
        """Return a function that polls a task until its next change; it gives None after the last one."""
        task_id = task.id if isinstance(task, TaskData) else task
        poll = self._poll(task_id, task, waiting, None, None)

        async def next_update() -> TaskT | None:
            with _named_in_errors(task_id):
                task = await poll.next_update()
            return None if task is None else self.bind(task)

        return next_update

    async def generate(
        self,
        images: Images,
        options: Mapping[str, Any],
        waiting: WaitSettings,
        on_poll: OnPoll | None = None,
        *,
        slot_timeout: float | None = None,
    ) -> TaskT:
        """Create a task and wait for its video, as one of the tasks that may run at once.

        Args:
            images: Its images.
            options: As for `create`.
            waiting: How to wait. Its deadline holds for the whole call.
            on_poll: Awaited at every poll.
            slot_timeout: Seconds to wait for a place among the tasks that may run at once, before the
                deadline begins to run; None to wait for one until the deadline.
        """
        from kling_elements.operations.create import CreateSettings
        from kling_elements.operations.wait import WAIT_OPTIONS

        settings = CreateSettings.of(options, others=WAIT_OPTIONS)
        waiting.require_callable(self.io)
        clock = waiting.clock or self.sender.clock
        deadline = Deadline(clock(), waiting.timeout)
        if slot_timeout is None:
            slot = await self._take_slot(waiting, deadline)
        else:
            slot = await self._take_slot(waiting, Deadline(clock(), slot_timeout))
            deadline = Deadline(clock(), waiting.timeout)
        try:
            task = await self._create(images, settings, lambda: deadline.remaining(clock()))
            task = await self._wait_for_created(task, waiting, on_poll, deadline)
        finally:
            # Also when the wait ends early: a task that is not polled here can't hold a place here.
            self.sender.rate_limiter.task_ended(slot)
        return require_video(task)

    async def wait_for_video(
        self, task_id: str, waiting: WaitSettings, on_poll: OnPoll | None = None
    ) -> TaskT:
        """Wait for a task that was created before, as `generate` does for its own."""
        self.sender.rate_limiter.task_started(task_id, time.monotonic())
        try:
            return require_video(await self.wait(task_id, waiting, on_poll))
        finally:
            self.sender.rate_limiter.task_ended(task_id)

    async def _take_slot(self, waiting: WaitSettings, deadline: Deadline) -> str:
        """Wait for a place among the tasks that may run at once.

        Raises:
            RateLimitError: There was none in time. Nothing was sent.
        """
        rate_limiter = self.sender.rate_limiter
        clock = waiting.clock or self.sender.clock
        while (slot := rate_limiter.take_slot(time.monotonic())) is None:
            now = clock()
            if deadline.is_over(now):
                raise not_sent(f"no place for a task was free for {deadline.timeout:.0f} s", _SLOT_PAUSE)
            delay = deadline.clamp(min(_SLOT_PAUSE, rate_limiter.slot_delay(time.monotonic())), now)
            emit(self.sender.hook, "request.delayed", operation="create", pause=delay)
            await self._io_for(waiting).sleep(delay)
        return slot

    def _io_for(self, waiting: WaitSettings) -> IO:
        return self.io if waiting.sleep is None else self.io.with_sleep(waiting.sleep)

    async def _wait_for_created(
        self, task: TaskT, waiting: WaitSettings, on_poll: OnPoll | None, deadline: Deadline
    ) -> TaskT:
        try:
            status_request_for(task.id)
        except ValidationError as error:  # unusable, and yet paid for
            raise OutcomeUnknown(
                f"task {task.id!r} was created, and can't be requested by this id: {error}. "
                "Look for it before you repeat the create.",
                task_id=task.id,
                request_id=task.request_id,
                hint=next_command("list"),
            ) from None
        return await self.wait(task, waiting, on_poll, deadline)

    async def _record_status(self, task: TaskData) -> None:
        """Record a task's status if it is new."""
        if self._statuses.get(task.id) == task.status:
            return
        _remember(self._statuses, task.id, task.status)
        logger.info("task %s is %s", task.id, task.status)
        emit(self.sender.hook, "task.status", task_id=task.id, status=task.status)
        await self.io.run(lambda: self.recorder.seen(task))

    def _bind_reporting(self, task: TaskData) -> TaskT:
        if task.status not in load_document().statuses and task.status not in self._reported:
            self._reported.add(task.status)
            logger.warning(
                "task %s has the undocumented status %r, which is treated as not final",
                task.id,
                task.status,
            )
        return self.bind(task)

    def _poll(
        self,
        task_id: str,
        task: str | TaskData,
        waiting: WaitSettings,
        on_poll: OnPoll | None,
        deadline: Deadline | None,
    ) -> Poll:
        from kling_elements.operations.wait import Poll
        from kling_elements.policy.polling import choose_schedule

        waiting.require_callable(self.io)
        clock = waiting.clock or self.sender.clock
        created = self._created.get(task_id) if isinstance(task_id, str) else None
        return Poll(
            task_id=task_id,
            request=status_request_for(task_id),
            schedule=choose_schedule(self.schedule, waiting.poll_interval),
            deadline=deadline or Deadline(clock(), waiting.timeout),
            clock=clock,
            settings=waiting,
            age=None if created is None else self.sender.clock() - created,
            sender=self.sender._replace(io=self._io_for(waiting)),
            bind=self._bind_reporting,
            record=self._record_status,
            on_poll=on_poll,
            last=task if isinstance(task, TaskData) else None,
        )


@contextmanager
def _named_in_errors(task_id: object) -> Iterator[None]:
    """Put the task's id into whatever ends work on it: the task runs on, and its id must not be lost."""
    try:
        yield
    except KlingError as error:
        if isinstance(task_id, str):
            error.task_id = error.task_id or task_id
        raise
    except BaseException as error:
        # A callback of the caller's, or Ctrl-C.
        command = next_command("wait", str(task_id))
        error.add_note(f"Task {task_id} runs on and is billed. Next: `{command}`")
        raise


def _late_creator(sender: Sender, recorder: Recorder) -> Callable[[], TaskCreator]:
    @cache
    def creator() -> TaskCreator:
        from kling_elements.operations.create import TaskCreator

        return TaskCreator(sender, recorder)

    return creator


def _remember(known: dict[str, T], task_id: str, value: T) -> None:
    """Remember a value for a task, and forget the oldest ones: a client may run for months."""
    known[task_id] = value
    if len(known) >= 2 * _REMEMBERED:  # so that the list is not made at each call
        for old in list(known)[:-_REMEMBERED]:
            known.pop(old, None)
