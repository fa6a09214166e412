"""What to do with the outcome of a request: one pure table for every operation.

| outcome                         | create                        | status, list, upload |
|---------------------------------|-------------------------------|----------------------|
| never sent (refused, no route)  | repeat                        | repeat               |
| sent, no answer                 | outcome unknown               | repeat               |
| 2xx, usable                     | return                        | return               |
| 2xx, a task id in odd company   | return                        | repeat               |
| 2xx, another task               | (none is asked for)           | repeat               |
| 2xx, anything else              | outcome unknown               | repeat               |
| 3xx                             | raise                         | raise                |
| 401, 402, 403, other 4xx        | raise                         | raise                |
| 404                             | raise                         | raise; repeat while the task is fresh |
| 408                             | outcome unknown               | repeat               |
| 429, a rate                     | repeat                        | repeat               |
| 429, the day's quota            | raise                         | repeat; upload: raise |
| 5xx                             | outcome unknown               | repeat               |

A create is repeated only where it provably never reached the service: a created task is billed, can't be
cancelled, and the service knows no idempotency key. "Repeat" says that it is safe, not that it is wise: the
caller has a deadline.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from kling_elements.api.error_responses import read_error
from kling_elements.api.parsing import find_created_task
from kling_elements.api.responses import read_task, read_tasks, read_upload_addresses
from kling_elements.errors import (
    ApiError,
    ConnectionFailed,
    KlingError,
    NotFoundError,
    OutcomeUnknown,
    QuotaExceededError,
    RateLimitError,
    ResponseFormatError,
    next_command,
)
from kling_elements.types import NoResponse, Outcome, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.api.responses import UploadAddress
    from kling_elements.types import TaskData

_REQUEST_TIMEOUT_STATUS = 408
_TOO_MANY = 429
_SERVER_ERROR = 500
_CLIENT_ERRORS = range(300, 500)


class Operation(Enum):
    """The operations of the service, as far as repeating them is concerned."""

    CREATE = auto()
    STATUS = auto()
    LIST = auto()
    UPLOAD = auto()


Result: TypeAlias = "TaskData | list[TaskData] | tuple[UploadAddress, ...]"


@frozen
class Return:
    """The outcome is what was asked for."""

    value: Result


@frozen
class Raise:
    """The outcome is final."""

    error: KlingError


@frozen
class Retry:
    """The request may be repeated without harm; `error` tells why it should be.

    Attributes:
        error: What to raise if it isn't repeated.
        hint: Seconds that the service asks to wait, if it does.
    """

    error: KlingError
    hint: float | None = None


Decision: TypeAlias = Return | Raise | Retry


def decide(
    operation: Operation, outcome: Outcome, *, is_fresh: bool = False, task_id: str | None = None
) -> Decision:
    """What to do now.

    Args:
        operation: What was asked.
        outcome: What came back.
        is_fresh: Whether the task was created a moment ago, so that the service may not show it yet.
        task_id: The task that was asked for; an answer about another one is none. None: any will do.
    """
    if operation is Operation.CREATE:
        return _after_create(outcome)
    if isinstance(outcome, NoResponse):
        return Retry(ConnectionFailed(f"no answer: {outcome.text}. Nothing is lost; repeat it"))
    try:
        if operation is Operation.STATUS:
            return Return(read_task(outcome, task_id))
        return Return(_READERS[operation](outcome))
    except ResponseFormatError as error:
        return Retry(error)
    except ApiError as error:
        is_transient = (
            error.status_code in {_REQUEST_TIMEOUT_STATUS, _TOO_MANY}
            or error.status_code >= _SERVER_ERROR
            or (is_fresh and isinstance(error, NotFoundError))
        )
        if operation is Operation.UPLOAD and isinstance(error, QuotaExceededError):
            is_transient = False  # nobody waits for it, as one waits for a task
        return Retry(error, error.retry_after) if is_transient else Raise(error)


_READERS: dict[Operation, Callable[[Response], Result]] = {
    Operation.STATUS: read_task,
    Operation.LIST: read_tasks,
    Operation.UPLOAD: read_upload_addresses,
}


def _after_create(outcome: Outcome) -> Decision:
    if isinstance(outcome, NoResponse):
        if outcome.was_sent:
            return Raise(_unknown(f"there was no answer: {outcome.text}"))
        return Retry(
            ConnectionFailed(
                f"the service was not reached: {outcome.text}. No task was created; it is safe to repeat"
            )
        )
    task = find_created_task(outcome)
    if outcome.is_ok:
        return Return(task) if task else Raise(_unknown("its answer can't be read", outcome))
    if outcome.status in _CLIENT_ERRORS and outcome.status != _REQUEST_TIMEOUT_STATUS:
        error = read_error(outcome)
        # A refusal that names a task may have made one.
        may_repeat = isinstance(error, RateLimitError) and error.task_id is None
        return Retry(error, error.retry_after) if may_repeat else Raise(error)
    return Raise(_unknown(f"the service answered {read_error(outcome)}", outcome, task))


def _unknown(what: str, answer: Response | None = None, task: TaskData | None = None) -> OutcomeUnknown:
    advice = (
        f"The response names task {task.id}."
        if task
        else "A task may have been created and billed. Look for it before you repeat the create."
    )
    request = (
        f" [request {answer.request_id}]"
        if answer and answer.request_id and answer.request_id not in what
        else ""
    )
    return OutcomeUnknown(
        f"the create was sent, and {what}{request}. {advice}",
        task_id=task.id if task else None,
        status_code=answer.status if answer else None,
        request_id=answer.request_id if answer else None,
        body=answer.text if answer else "",
        hint=next_command("wait", task.id) if task else next_command("list"),
    )
