"""Pre-flight checks, before anything is billed or a task's video is taken for a job's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kling_elements.api.endpoints import DEFAULT_MODEL, find_model
from kling_elements.batch.jobs import JOB_OPTIONS, BatchJob
from kling_elements.document import load_document
from kling_elements.downloads.target import target_problem
from kling_elements.errors import ValidationError, next_command
from kling_elements.files import os_error_reason, write_probe
from kling_elements.journal import request_digest
from kling_elements.operations.create_request import draft_request
from kling_elements.operations.local_images import finish_request
from kling_elements.operations.recorder import journal_unusable
from kling_elements.validation import unknown_names

if TYPE_CHECKING:
    from pathlib import Path

    from kling_elements.batch.jobs import Order
    from kling_elements.journal import Entry
    from kling_elements.operations.recorder import Recorder
    from kling_elements.types import Request


def require_journal(recorder: Recorder) -> None:
    """Make sure that creates can be written down, unless the journal is off on purpose.

    Raises:
        JournalUnusable: They can't, or the journal is damaged.
    """
    journal = recorder.journal
    if journal.path is not None and (problem := journal.check()) is not None:
        raise journal_unusable(journal.path, problem)


def require_usable_defaults(given: object) -> Mapping[str, Any]:
    """Return what all jobs share, once it can be used, before it fails for each of them.

    Raises:
        ValidationError: If it can't.
    """
    defaults = {} if given is None else given
    if not isinstance(defaults, Mapping):
        raise ValidationError([f"defaults must map fields to values: got {type(defaults).__name__}"])
    if problems := unknown_names(list(defaults), JOB_OPTIONS, "a field of all jobs"):
        raise ValidationError(problems)
    require_usable_request(BatchJob(("https://example.com/a.png",), defaults))
    return defaults


def require_usable_request(job: BatchJob) -> Request:
    """Return the request of a job, its local images read and checked.

    Raises:
        ValidationError: If it can't be sent.
    """
    options = dict(job.options)
    model = options.pop("model", None)
    draft = draft_request(find_model(DEFAULT_MODEL if model is None else model), job.images, options)
    return finish_request(draft)


def require_room(target: Path) -> None:
    """Make sure that a file can be written, before money is spent.

    Raises:
        ValidationError: If it can't.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        problem = target_problem(target)
        if problem is None:
            write_probe(target.parent)
    except (OSError, ValueError) as error:
        problem = f"{target} can't be written: {os_error_reason(error)}"
    if problem is not None:
        raise ValidationError([f"output {problem}"])


def require_same_service(order: Order, entry: Entry, origin: str) -> None:
    """Make sure that a job was begun at the service that is asked now.

    The document's servers are one service, whose host was renamed: a task of one is a task of the other.

    Raises:
        ValidationError: If it wasn't.
    """
    if entry.origin != origin and not {entry.origin, origin} <= load_document().origins:
        text = (
            f"the job {order.key!r} was begun at {entry.origin}, and {origin} is another service. To create "
            "it here too, give the batch another id (--batch-id)"
        )
        raise ValidationError([text])


def require_same_content(order: Order, entry: Entry) -> None:
    """Make sure that a job is still what its task was created for.

    Raises:
        ValidationError: If it isn't.
    """
    try:
        digest = request_digest(require_usable_request(order.job))
    except ValidationError:
        return  # its images are gone, say; its task is paid and its video can still be had
    if entry.digest and digest != entry.digest:
        text = (
            f"the job {order.key!r} was changed after task {entry.task_id} was created for it. "
            "Resume to fetch that video. To create a new one, change the id of the job, or of the batch."
        )
        raise ValidationError([text], hint=next_command("resume"))
