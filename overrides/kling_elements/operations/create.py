"""Create a task: check the request, record it, send it once, read the id from any response, record that."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from kling_elements.api.endpoints import DEFAULT_MODEL, find_model
from kling_elements.api.outcomes import Operation
from kling_elements.arguments import check_path
from kling_elements.errors import KlingError, OutcomeUnknown, ValidationError, next_command
from kling_elements.files import is_absent
from kling_elements.journal.entry import Job, new_entry_id
from kling_elements.log import logger
from kling_elements.operations.arguments import BASE64, check_local_files
from kling_elements.operations.create_request import build_request, draft_request
from kling_elements.operations.events import emit
from kling_elements.operations.recorder import Recorder, task_of
from kling_elements.printable import shown_value
from kling_elements.types import SendState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from kling_elements.journal import Begun
    from kling_elements.operations.arguments import Images, Store
    from kling_elements.operations.sender import Sender
    from kling_elements.operations.uploads import Uploader
    from kling_elements.types import Request, TaskData


_OPTIONS = ("check_images", "local_files", "model", "job", "target")


class CreateSettings(NamedTuple):
    """What to create, apart from the images, as far as it can be checked without them.

    Attributes:
        fields: The request's fields, as the caller gave them.
        store: Where local images go; see `check_local_files`.
        check_images: Whether to check images behind URLs first.
        model: The service's model.
        job: The job of a batch that this is.
        target: The file that the video will go to.
        options: The names of all options that the call takes, for a misspelled one.
    """

    fields: Mapping[str, Any]
    store: str | Store
    check_images: bool
    model: str
    job: Job | None
    target: Path | None
    options: tuple[str, ...]

    @classmethod
    def of(cls, options: Mapping[str, Any], others: tuple[str, ...] = ()) -> CreateSettings:
        """Check a caller's options of `create`.

        Args:
            options: See `kling_elements.options.CreateOptions`; the fields are checked with the images.
            others: Names of options that the call takes besides.

        Raises:
            ValidationError: An option has a value of the wrong kind.
        """
        check_images, job, target = map(options.get, ("check_images", "job", "target"))
        problems = []
        if not isinstance(check_images, (bool, type(None))):
            problems.append(f"check_images must be True or False: got {shown_value(check_images)}")
        if job is not None and not (isinstance(job, Job) and all(isinstance(part, str) for part in job)):
            problems.append(f"job must be a Job of two texts: got {shown_value(job)}")
        file = None
        try:
            file = None if target is None else _check_target(target)
        except ValidationError as error:
            problems += error.problems
        if problems:
            raise ValidationError(problems)
        return cls(
            fields={name: value for name, value in options.items() if name not in _OPTIONS},
            store=check_local_files(options.get("local_files", BASE64)),
            check_images=bool(check_images),
            model=options.get("model", DEFAULT_MODEL),
            job=job,
            target=file,
            options=(*_OPTIONS, *others),
        )


def _check_target(target: object) -> Path:
    """Return the file that the video will go to. It may exist, and its folder may be missing yet.

    Raises:
        ValidationError: If no video can ever go there.
    """
    from kling_elements.downloads.target import target_problem  # noqa: PLC0415 - few creates name one

    file = check_path("target", target)
    path = target if isinstance(target, str) and target.endswith(("/", os.sep)) else file
    if (path is target or not is_absent(file)) and (problem := target_problem(path, overwrite=True)):
        raise ValidationError([f"target {problem}"])
    return file


class Created(NamedTuple):
    """The result of a create.

    Attributes:
        task: The task.
        is_new: Whether it was created now. If not, the journal knew that its job had been created before.
    """

    task: TaskData
    is_new: bool


class TaskCreator:
    """Creates tasks.

    Attributes:
        sender: Sends requests.
        recorder: Records them in the journal.
    """

    def __init__(self, sender: Sender, recorder: Recorder) -> None:
        self.sender = sender
        self.recorder = recorder

    @cached_property
    def uploader(self) -> Uploader:
        """Uploads local images to the service's store."""
        from kling_elements.operations.uploads import Uploader  # noqa: PLC0415 - for local images

        return Uploader(self.sender)

    async def create(
        self, images: Images, settings: CreateSettings, remaining: Callable[[], float]
    ) -> Created:
        """Create a task.

        Args:
            images: Its images.
            settings: The other options.
            remaining: Returns the seconds left for retries and the rate limits.
        """
        io, model = self.sender.io, settings.model
        draft = draft_request(find_model(model), images, settings.fields, settings.options)
        if settings.check_images:
            from kling_elements.operations.image_urls import check_urls  # noqa: PLC0415 - few ask for it

            await check_urls(io, draft)
        if all(draft.urls):  # there is nothing to read
            request = build_request(draft, draft.urls)
        else:
            from kling_elements.operations.local_images import finish_stored  # noqa: PLC0415 - the same

            request = await finish_stored(draft, settings.store, self.uploader)
        patience = remaining()
        entry_id = new_entry_id()  # known here, so that nothing that ends the next call leaves the entry
        try:
            begun = await self.recorder.run(
                io, lambda: self.recorder.begin(entry_id, model, request, settings.job, settings.target)
            )
        except BaseException as error:
            self.recorder.unsent(entry_id, error)
            raise
        if begun.earlier is not None:
            if (known := task_of(begun.earlier)) is None:
                how = begun.earlier.note or "no answer is recorded yet"
                raise OutcomeUnknown(
                    f"this job was sent before ({how}), and whether it made a task is unknown. "
                    "It is not sent again.",
                    hint=next_command("list"),
                )
            return Created(known, is_new=False)
        task = await self._send(request, begun, patience)
        try:
            await self.recorder.record(io, lambda: self.recorder.created(begun, task))
            logger.info("created task %s", task.id)
            emit(self.sender.hook, "task.created", task_id=task.id, model=model)
        except BaseException as error:
            command = next_command("wait", task.id)
            error.add_note(f"Task {task.id} was created and is billed. Next: `{command}`")
            raise
        return Created(task, is_new=True)

    async def _send(self, request: Request, begun: Begun, patience: float) -> TaskData:
        io, state = self.sender.io, SendState()
        try:
            return cast("TaskData", (await self.sender.ask(Operation.CREATE, request, patience, state)))
        except KlingError as error:
            failure, hook = error, self.sender.hook
            try:
                await self.recorder.record(io, lambda: self.recorder.failed(begun, failure))
                if isinstance(error, OutcomeUnknown):
                    emit(hook, "create.unknown", task_id=error.task_id, status_code=error.status_code)
            except BaseException as interruption:
                interruption.add_note(f"A create had just ended: {error}")
                raise
            raise
        except BaseException as error:
            # Ctrl-C, or a cancelled task group: no more I/O is possible here, so the journal is written
            # synchronously.
            if not state.may_have_arrived:
                self.recorder.unsent(begun.entry_id, error)
                raise
            self.recorder.failed(begun, error)
            emit(self.sender.hook, "create.unknown", task_id=None, status_code=None)
            command = next_command("list")
            error.add_note(
                "A create was being sent: a task may exist and be billed. Look for it before you repeat the "
                f"create. Next: `{command}`"
            )
            raise
