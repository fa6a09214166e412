"""Creating a task: check, note it, send once, read the id out of whatever comes back, note that."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import Factory, define, field, frozen

from kling_elements.api.endpoints import DEFAULT_MODEL, find_model
from kling_elements.api.outcomes import Operation
from kling_elements.errors import KlingError, OutcomeUnknown, next_command
from kling_elements.operations.create_request import draft_request, finish_request
from kling_elements.operations.events import emit
from kling_elements.operations.image_urls import check_urls
from kling_elements.operations.recorder import Recorder, task_of
from kling_elements.operations.sender import Sender, SendState
from kling_elements.operations.uploads import BASE64, Uploader, check_local_files, place_images

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from kling_elements.api.io import IO
    from kling_elements.journal import Begun, Job
    from kling_elements.operations.create_request import Images
    from kling_elements.types import Request, TaskData

logger = logging.getLogger("kling_elements")

T = TypeVar("T")


@frozen
class Created:
    """A task that create gave.

    Attributes:
        task: The task.
        is_new: Whether it was created now; else the journal knew that its job had been created before.
    """

    task: TaskData
    is_new: bool


@define
class TaskCreator:
    """Creates tasks.

    Attributes:
        sender: Sends requests.
        recorder: What is written down.
        uploader: Puts local images to the service's store.
    """

    sender: Sender
    recorder: Recorder
    uploader: Uploader = field(
        default=Factory(lambda creator: Uploader(creator.sender), takes_self=True), init=False, repr=False
    )

    async def create(self, images: Images, options: Mapping[str, Any]) -> Created:
        """Create a task.

        Args:
            images: Its images.
            options: See `kling_elements.options.CreateOptions`; besides, of a batch, `job`, and `target`, the
                file that the video is to go to.
        """
        io, fields = self.sender.io, dict(options)
        check_images = bool(fields.pop("check_images", False))
        store = check_local_files(fields.pop("local_files", BASE64))
        job: Job | None = fields.pop("job", None)
        target: str | os.PathLike[str] | None = fields.pop("target", None)
        model = fields.pop("model", DEFAULT_MODEL)
        draft = draft_request(find_model(model), images, fields)
        if check_images:
            await check_urls(io, draft)
        draft = await place_images(draft, store, self.uploader)
        request = await io.run(lambda: finish_request(draft))
        begun = await io.run(lambda: self.recorder.begin(model, request, job, target))
        if begun.earlier is not None:
            if (known := task_of(begun.earlier)) is None:
                how = begun.earlier.note or "by a process that did not finish"
                raise OutcomeUnknown(
                    f"this job was sent before ({how}), and whether it made a task is unknown. "
                    "It is not sent again.",
                    hint=next_command("list"),
                )
            return Created(known, is_new=False)
        task = await self._send(request, begun)
        try:
            await record(io, lambda: self.recorder.created(begun, task))
        except BaseException as error:
            error.add_note(
                f"Task {task.id} was created and is billed. Next: `{next_command('wait', task.id)}`"
            )
            raise
        logger.info("created task %s", task.id)
        emit(self.sender.hook, "task.created", task_id=task.id, model=model)
        return Created(task, is_new=True)

    async def _send(self, request: Request, begun: Begun) -> TaskData:
        io, flight = self.sender.io, SendState()
        try:
            return cast("TaskData", (await self.sender.ask(Operation.CREATE, request, math.inf, flight)))
        except KlingError as error:
            failure = error
            await record(io, lambda: self.recorder.failed(begun, failure))
            if isinstance(error, OutcomeUnknown):
                emit(self.sender.hook, "create.unknown", task_id=error.task_id, status_code=error.status_code)
            raise
        except BaseException as error:
            # Ctrl-C, or a cancelled task group: nobody will read the answer, and no effect can be asked for.
            if not flight.may_have_arrived:
                self.recorder.unsent(begun, error)
                raise
            self.recorder.failed(begun, error)
            emit(self.sender.hook, "create.unknown", task_id=None, status_code=None)
            error.add_note(
                "A create was being sent: a task may exist and be billed. Look for it before you repeat the "
                f"create. Next: `{next_command('list')}`"
            )
            raise


async def record(io: IO, function: Callable[[], T]) -> T:
    """Write something down, even if the caller is cancelled at this very moment."""
    try:
        return await io.run(function)
    except BaseException:
        function()  # in the event loop's thread, as nothing can be awaited any more; twice does no harm
        raise
