"""What the client does, written once for both shells.

Each operation is a flow that yields effects (see `kling_elements.effects`).
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from attrs import define, evolve, field

from kling_elements.creating import write_down
from kling_elements.decisions import Operation
from kling_elements.downloads import Means, download
from kling_elements.effects import call, compute
from kling_elements.errors import KlingError, OutcomeUnknown, ResultMissing, TaskFailed, ValidationError
from kling_elements.events import emit
from kling_elements.models import DEFAULT_MODEL, find_model
from kling_elements.options import WAIT_OPTIONS, check_wait
from kling_elements.requests import list_request, load_one, status_request
from kling_elements.schedule import Deadline, PollSchedule
from kling_elements.settings import check_seconds
from kling_elements.task import COMPLETED, KNOWN_STATUSES, Task
from kling_elements.waiting import Look, Wait

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from kling_elements.creating import Creator
    from kling_elements.downloads.options import DownloadOptions
    from kling_elements.governor import Usage
    from kling_elements.options import GenerateOptions, WaitOptions
    from kling_elements.records import Records
    from kling_elements.requests import Image, Images
    from kling_elements.sending import Sender
    from kling_elements.waiting import Keep

__all__ = ["Flows", "Look"]

logger = logging.getLogger("kling_elements")

T = TypeVar("T")
TaskT = TypeVar("TaskT", bound=Task)
Listed = list  # the class below has a method of that name

_REMEMBERED = 1000  # tasks
_SLOT_PAUSE = 5.0  # seconds between two looks for a free place among the concurrent tasks


@define
class Flows(Generic[TaskT]):
    """The client's operations as flows.

    Attributes:
        sender: Sends requests.
        schedule: When to look at a task.
        records: What is written down.
        adopt: Makes a task one of this client's.
        creator: Creates tasks.
    """

    sender: Sender
    schedule: PollSchedule
    records: Records
    adopt: Callable[[Task], TaskT]
    creator: Creator
    _created: dict[str, float] = field(factory=dict, init=False, repr=False)
    _reported: set[str] = field(factory=set, init=False, repr=False)
    _statuses: dict[str, str] = field(factory=dict, init=False, repr=False)

    @property
    def usage(self) -> Usage | None:
        """How much of the service's limits is used with this key."""
        governor = self.sender.governor
        if governor is None:
            return None
        return evolve(governor.describe(time.monotonic()), quota_wait=self.records.quota_wait())

    async def create(self, images: Images, options: Mapping[str, Any]) -> TaskT:
        """Create a task; see `Creator.create`."""
        created = await self.creator.create(images, options)
        if not created.is_new:
            return self.adopt(created.task)
        _remember(self._created, created.task.id, self.sender.clock())
        return self._adopted(created.task)

    async def get(self, task_id: str, timeout: float) -> TaskT:
        """Ask for a task; again within `timeout` seconds where that may help."""
        request = status_request(find_model(DEFAULT_MODEL), task_id)
        patience = check_seconds("timeout", timeout)
        task = cast("Task", (await self.sender.ask(Operation.STATUS, request, patience)))
        await self._see(task)
        return self._adopted(task)

    async def list(self, model: str, timeout: float) -> Listed[TaskT]:
        """Ask for all tasks; again within `timeout` seconds where that may help."""
        request = list_request(find_model(model))
        tasks = await self.sender.ask(Operation.LIST, request, check_seconds("timeout", timeout))
        return [self.adopt(task) for task in cast("Listed[Task]", tasks)]

    async def upload(self, image: Image) -> str:
        """Put one local image to the service's store."""
        loaded = await compute(lambda: load_one(image, find_model(DEFAULT_MODEL)))
        [url] = await self.creator.uploader.upload([loaded])
        return url

    async def find_unrecorded(self, model: str, timeout: float) -> Listed[TaskT]:
        """The service's tasks that the journal does not know."""
        tasks = await self.list(model, timeout)
        unrecorded = await compute(lambda: self.records.unrecorded(tasks))
        return cast("Listed[TaskT]", unrecorded)

    async def wait(self, task: str | Task, options: WaitOptions, keep: Keep | None = None) -> TaskT:
        """Look at a task until its status is terminal; `keep` is run at every look."""
        task_id = task.id if isinstance(task, Task) else task
        try:
            return cast("TaskT", (await self._start_wait(task_id, task, options, keep).run()))
        except KlingError as error:
            if isinstance(task_id, str):
                error.task_id = error.task_id or task_id
            raise
        except BaseException as error:
            # A listener of the caller's, or Ctrl-C: the task runs on, and its id must not be lost.
            error.add_note(f"Task {task_id} runs on and is billed. To resume: kling-elements wait {task_id}")
            raise

    async def generate(self, images: Images, options: GenerateOptions, keep: Keep | None = None) -> TaskT:
        """Create a task and wait for its video, as one of the tasks that may run at once."""
        given: dict[str, Any] = {**options}
        waiting = cast("WaitOptions", {key: given.pop(key) for key in WAIT_OPTIONS if key in given})
        check_wait(waiting)  # before money is spent
        slot = await self._take_slot()
        try:
            task = await self.create(images, given)
            task = await self._wait_for_created(task, waiting, keep)
        finally:
            # Also when the wait ends early: what is not watched here can't hold a place here.
            if self.sender.governor and slot:
                self.sender.governor.task_ended(slot)
        return require_video(task)

    async def wait_for_video(self, task_id: str, options: WaitOptions, keep: Keep | None = None) -> TaskT:
        """Wait for a task that was created before, as `generate` does for its own."""
        governor = self.sender.governor
        if governor:
            governor.task_started(task_id, time.monotonic())
        try:
            return require_video(await self.wait(task_id, options, keep))
        finally:
            if governor:
                governor.task_ended(task_id)

    async def download(self, task: Task, path: str | os.PathLike[str], options: DownloadOptions) -> Path:
        """Fetch a task's video to a file."""
        sender = self.sender
        means = Means(sender.policy, sender.sleep, sender.random, _now, self._refresh)
        file = await download(task, path, options, means)
        size = await write_down(lambda: self._note_download(task, file))
        emit(self.sender.hook, "download.finished", task_id=task.id, bytes=size)
        return file

    async def _take_slot(self) -> str | None:
        governor = self.sender.governor
        if governor is None:
            return None
        while (slot := governor.take_slot(time.monotonic())) is None:
            delay = min(_SLOT_PAUSE, governor.slot_delay(time.monotonic()))
            emit(self.sender.hook, "request.delayed", operation="create", pause=delay)
            await call(self.sender.sleep, delay)
        return slot

    async def _wait_for_created(self, task: TaskT, waiting: WaitOptions, keep: Keep | None) -> TaskT:
        try:
            return await self.wait(task, waiting, keep)
        except ValidationError as error:
            # The options were checked before, so it is the id: odd, and yet paid for.
            raise OutcomeUnknown(
                f"task {task.id!r} was created, and can't be asked for by this id: {error}. "
                f"Before you repeat it, look for it: kling-elements list",
                task_id=task.id,
                request_id=task.request_id,
            ) from None

    async def _refresh(self, task_id: str) -> Task:
        """Ask for a task once more, for the sake of its addresses, and note them."""
        request = status_request(find_model(DEFAULT_MODEL), task_id)
        patience = self.sender.settings.timeout
        task = cast("Task", (await self.sender.ask(Operation.STATUS, request, patience)))
        await write_down(lambda: self.records.seen(task))
        return task

    def _note_download(self, task: Task, file: Path) -> int | None:
        self.records.downloaded(task, file)
        try:
            return file.stat().st_size
        except OSError:  # somebody was quick to move it
            return None

    async def _see(self, task: Task) -> None:
        """Note a task's status where it is news."""
        if self._statuses.get(task.id) == task.status:
            return
        _remember(self._statuses, task.id, task.status)
        logger.info("task %s is %s", task.id, task.status)
        emit(self.sender.hook, "task.status", task_id=task.id, status=task.status)
        await compute(lambda: self.records.seen(task))

    def _adopted(self, task: Task) -> TaskT:
        if task.status not in KNOWN_STATUSES and task.status not in self._reported:
            self._reported.add(task.status)
            logger.warning(
                "task %s has the status %r, which is not documented; it is taken as not final",
                task.id,
                task.status,
            )
        return self.adopt(task)

    def _start_wait(self, task_id: str, task: str | Task, options: WaitOptions, keep: Keep | None) -> Wait:
        timeout, interval = check_wait(options)
        clock = options.get("clock", self.sender.clock)
        created = self._created.get(task_id) if isinstance(task_id, str) else None
        return Wait(
            task_id=task_id,
            request=status_request(find_model(DEFAULT_MODEL), task_id),
            schedule=self.schedule if interval is None else PollSchedule.fixed(interval),
            deadline=Deadline(clock(), timeout),
            clock=clock,
            sleep=options.get("sleep", self.sender.sleep),
            on_update=options.get("on_update"),
            on_look=options.get("on_look"),
            age=None if created is None else self.sender.clock() - created,
            sender=self.sender,
            adopt=self._adopted,
            see=self._see,
            keep=keep,
            last=task if isinstance(task, Task) else None,
        )


def _remember(known: dict[str, T], task_id: str, value: T) -> None:
    """Keep what is known of a task, and forget the oldest: a client may run for months."""
    known[task_id] = value
    for old in list(known)[:-_REMEMBERED]:
        known.pop(old, None)


def require_video(task: TaskT) -> TaskT:
    """Give back a task that has ended, if it has a video.

    Raises:
        TaskFailed: If it ended without one.
        ResultMissing: If it is COMPLETED and names none.
    """
    if task.status != COMPLETED:
        reason = task.raw.get("error")
        said = f": {reason}" if isinstance(reason, str) and reason else ", and the service gives no reason"
        raise TaskFailed(
            f"task {task.id} ended as {task.status}{said}. It may be billed; try other images", task=task
        )
    if not task.urls:
        raise ResultMissing(
            f"task {task.id} is COMPLETED without a video, which happens. "
            f"Look again: kling-elements status {task.id}",
            task=task,
        )
    return task


def _now() -> datetime:
    return datetime.now(UTC)
