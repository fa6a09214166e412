"""What must hold before a job costs money, or before its task's video is taken for its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kling_elements.api.endpoints import DEFAULT_MODEL, find_model
from kling_elements.document import load_document
from kling_elements.errors import ValidationError, next_command
from kling_elements.files import os_error_reason
from kling_elements.journal import request_digest
from kling_elements.operations.create_request import draft_request, finish_request

if TYPE_CHECKING:
    from pathlib import Path

    from kling_elements.batch.jobs import Order
    from kling_elements.journal import Entry
    from kling_elements.operations.service import TaskService


class JournalUnusable(ValidationError):  # noqa: N818 - it says what happened
    """The journal can't be written: no job can be begun."""


def require_journal(service: TaskService[Any]) -> None:
    """Make sure that a create can be written down, unless the journal is off on purpose.

    Raises:
        ValidationError: If it can't.
    """
    journal = service.recorder.journal
    if journal.path is not None:
        service.recorder.owner()  # uses the file
        if journal.problem is not None:
            text = (
                f"the journal {journal.path} can't be written ({journal.problem}): killed now, this batch "
                "would pay twice for what it creates. Mend it, or set KLING_ELEMENTS_JOURNAL to another file "
                "(or to off, to do without)"
            )
            raise JournalUnusable([text])


def require_room(target: Path) -> None:
    """Make sure that a file can be written, before money is spent.

    Raises:
        ValidationError: If it can't.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        is_taken = os.path.lexists(target)
    except (OSError, ValueError) as error:
        raise ValidationError([f"output {target} can't be written: {os_error_reason(error)}"]) from None
    if is_taken:
        raise ValidationError([f"output {target} exists, and is no file"])
    if not os.access(target.parent, os.W_OK):
        raise ValidationError([f"output {target} can't be written: the folder is read-only"])


def require_same_service(order: Order, entry: Entry, origin: str) -> None:
    """Make sure that a job which was begun was begun at the service that is asked now.

    The document's servers are one service, whose host was renamed: a task of one is a task of the other.

    Raises:
        ValidationError: If it wasn't.
    """
    if entry.origin != origin and not {entry.origin, origin} <= load_document().origins:
        text = (
            f"the job {order.key!r} was begun at {entry.origin}, and {origin} is another service. To make it "
            "here too: give the batch another id (--batch-id)"
        )
        raise ValidationError([text])


def require_same_content(order: Order, entry: Entry) -> None:
    """Make sure that a job is still what its task was created for.

    Raises:
        ValidationError: If it isn't.
    """
    options = dict(order.job.options)
    model = find_model(options.pop("model", None) or DEFAULT_MODEL)
    try:
        digest = request_digest(finish_request(draft_request(model, order.job.images, options)))
    except ValidationError:
        return  # its images are gone, say; its task is paid and its video can still be had
    if entry.digest and digest != entry.digest:
        text = (
            f"the job {order.key!r} was changed after task {entry.task_id} was created for it. "
            "Resume to fetch that video, or change the job's id to create a new one."
        )
        raise ValidationError([text], hint=next_command("resume"))
