"""Decide what to do with the outcome of a request: one pure table for every operation.

| outcome                         | create                        | status, list, upload |
|---------------------------------|-------------------------------|----------------------|
| nothing or only a part was sent | retry                         | retry                |
| sent, no response               | outcome unknown               | retry                |
| 2xx, usable                     | return                        | return               |
| 2xx, unexpected body, a task id | return                        | retry                |
| 2xx, another task               | (asks for none)               | retry                |
| 2xx, anything else              | outcome unknown               | retry                |
| 429, a rate                     | retry                         | retry                |
| 429, the daily quota            | raise                         | retry; upload: raise |
| 404                             | raise                         | raise; retry while the task is new |
| 408, 425, 499                   | outcome unknown               | retry                |
| 4xx that refuses the request    | raise                         | raise                |
| 3xx, other 4xx                  | outcome unknown               | raise                |
| 5xx                             | outcome unknown               | retry                |

A create is retried only where it provably never reached the service: a created task is billed, can't be
cancelled, and the service knows no idempotency key. `Retry` says that it is safe, not that it is wise: the
caller has a deadline.
"""

from __future__ import annotations

from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from kling_elements.api.error_responses import read_error
from kling_elements.api.parsing import find_created_task
from kling_elements.api.responses import read_task, read_tasks, read_upload_addresses
from kling_elements.errors import (
    ApiError,
    ConnectionFailed,
    NotFoundError,
    OutcomeUnknown,
    QuotaExceededError,
    RateLimitError,
    ResponseFormatError,
    next_command,
)
from kling_elements.types import NoResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.api.responses import UploadAddress
    from kling_elements.errors import KlingError
    from kling_elements.types import Outcome, TaskData

_CLIENT_CLOSED_REQUEST = 499  # nginx: we seem to have hung up, whatever the service did
_TRANSIENT = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        _CLIENT_CLOSED_REQUEST,
    }
)
# By their definition the request was not carried out. Any other status may come from after that.
_REFUSALS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PAYMENT_REQUIRED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.GONE,
        HTTPStatus.LENGTH_REQUIRED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.REQUEST_URI_TOO_LONG,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.MISDIRECTED_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.UPGRADE_REQUIRED,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS,
    }
)


class Operation(Enum):
    """The operations of the service, as far as retrying them is concerned."""

    CREATE = auto()
    STATUS = auto()
    LIST = auto()
    UPLOAD = auto()


Result: TypeAlias = "TaskData | list[TaskData] | tuple[UploadAddress, ...]"


# Plain classes: a named tuple takes ten times as long to make, which a start-up feels.
class Return:
    """The outcome is what was asked for."""

    def __init__(self, value: Result) -> None:
        self.value = value


class Raise:
    """The outcome is final."""

    def __init__(self, error: KlingError) -> None:
        self.error = error


class Retry:
    """The request may be retried without harm.

    Attributes:
        error: What to raise if it isn't retried.
        retry_after: Seconds that the service asks to wait, if it does.
    """

    def __init__(self, error: KlingError, retry_after: float | None = None) -> None:
        self.error = error
        self.retry_after = retry_after


Decision: TypeAlias = Return | Raise | Retry


def decide(
    operation: Operation, outcome: Outcome, *, is_fresh: bool = False, task_id: str | None = None
) -> Decision:
    """Decide whether to return, raise or retry.

    Args:
        operation: What was asked.
        outcome: What came back.
        is_fresh: Whether the task was created a moment ago, so that the service may not show it yet.
        task_id: The task that was asked for; a response about another one is rejected. None: any will do.
    """
    if operation is Operation.CREATE:
        return _after_create(outcome)
    if isinstance(outcome, NoResponse):
        advice = "" if outcome.is_permanent else " Nothing is lost; repeat it."
        return Retry(ConnectionFailed(f"no response: {outcome.text}.{advice}"))
    try:
        if operation is Operation.STATUS:
            return Return(read_task(outcome, task_id))
        return Return(_READERS[operation](outcome))
    except ResponseFormatError as error:
        return Retry(error)
    except ApiError as error:
        is_transient = (
            error.status_code in _TRANSIENT
            or error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
            or (is_fresh and isinstance(error, NotFoundError))
        )
        if operation is Operation.UPLOAD and isinstance(error, QuotaExceededError):
            is_transient = False  # nobody waits for it, as one waits for a task
        return Retry(error, error.retry_after) if is_transient else Raise(error)


_READERS: dict[Operation, Callable[[Response], Result]] = {
    Operation.LIST: read_tasks,
    Operation.UPLOAD: read_upload_addresses,
}


def _after_create(outcome: Outcome) -> Decision:
    if isinstance(outcome, NoResponse):
        if outcome.was_sent:
            return Raise(_unknown(f"there was no response: {outcome.text}"))
        advice = "" if outcome.is_permanent else "; it is safe to repeat"
        return Retry(
            ConnectionFailed(f"the service was not reached: {outcome.text}. No task was created{advice}.")
        )
    task = find_created_task(outcome)
    if outcome.is_ok:
        return Return(task) if task else Raise(_unknown("its response can't be read", outcome))
    error = read_error(outcome)
    if outcome.status not in _REFUSALS:
        return Raise(_unknown(f"the service responded: {error.args[0].rstrip('.')}", outcome, task))
    # A refusal that names a task may have made one.
    may_repeat = isinstance(error, RateLimitError) and error.task_id is None
    return Retry(error, error.retry_after) if may_repeat else Raise(error)


def _unknown(what: str, response: Response | None = None, task: TaskData | None = None) -> OutcomeUnknown:
    advice = (
        f"The response names task {task.id}."
        if task
        else "A task may have been created and billed. Look for it before you repeat the create."
    )
    request_id = response.request_id if response else None
    request = f" [request {request_id}]" if request_id and request_id not in what else ""
    return OutcomeUnknown(
        f"the create was sent, and {what}{request}. {advice}",
        task_id=task.id if task else None,
        status_code=response.status if response else None,
        request_id=request_id,
        body=response.text if response else "",
        hint=next_command("wait", task.id) if task else next_command("list"),
    )
