"""The errors of this package, all below one root.

    KlingError
    ├── ValidationError (ValueError)      nothing was sent
    ├── ConnectionFailed (ConnectionError) nothing arrived, or nothing that costs: safe to repeat
    ├── OutcomeUnknown                    a create was sent and not answered: a task may exist
    ├── ApiError                          the service answered with an error
    │   ├── BadRequestError               400, 413, 415, 422
    │   ├── AuthenticationError           401
    │   ├── InsufficientCreditsError      402
    │   ├── PermissionDeniedError         403
    │   ├── NotFoundError                 404
    │   ├── RateLimitError                429 that names a rate: wait and repeat
    │   ├── QuotaExceededError            429 that names a quota or a trial: do not repeat
    │   └── ServerError                   500 and above
    ├── ResponseFormatError               an answer that is not what the document promises
    ├── TaskFailed                        the task ended without a video
    ├── ResultMissing                     the task is COMPLETED and has no address of a video
    ├── DeadlineExceeded (TimeoutError)   we stopped waiting; the task runs on
    ├── UploadError                       a local image could not be put to the service's store
    ├── DownloadError                     the video could not be fetched or stored
    └── WebhookVerificationError          a delivery that is not the service's

Every error can be pickled. None holds the API key.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kling_elements.types import TaskData


@frozen
class InvalidParam:
    """A parameter that the service refused.

    Attributes:
        name: The parameter; the service calls it `name` or `field`.
        reason: The service's own words.
    """

    name: str
    reason: str


def next_command(*words: str) -> str:
    """Return a command line of this package, as it is typed into a shell, for an error's `hint`."""
    return shlex.join(["kling-elements", *words])


def _restore(cls: type[KlingError], args: tuple[object, ...], state: dict[str, object]) -> KlingError:
    error = cls.__new__(cls)
    error.args = args  # OSError sets them in its __init__, others in __new__
    error.__dict__.update(state)
    return error


class KlingError(Exception):
    """The root of all errors of this package.

    Attributes:
        task_id: The task that the error is about, where there is one.
        hint: The command to run next, where one helps, such as `kling-elements wait ID`.
    """

    task_id: str | None
    hint: str | None

    def __init__(self, text: str, *, task_id: str | None = None, hint: str | None = None) -> None:
        super().__init__(text)
        self.task_id = task_id
        self.hint = hint

    def __str__(self) -> str:
        text = str(self.args[0]) if self.args else ""
        return f"{text} Next: `{self.hint}`" if self.hint else text

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls the class with `args` alone, which loses every keyword.
        return _restore, (type(self), self.args, dict(self.__dict__))


class ValidationError(KlingError, ValueError):
    """The input can't be accepted. Nothing was sent.

    Attributes:
        problems: A sentence for each fault, the field's name first.
    """

    def __init__(self, problems: Sequence[str], *, hint: str | None = None) -> None:
        super().__init__("; ".join(problems) if problems else "the input is not valid", hint=hint)
        self.problems = tuple(problems)


class ConnectionFailed(KlingError, ConnectionError):  # noqa: N818 - it says what happened
    """The service could not be reached, or a question that costs nothing got no answer. Safe to repeat."""


class OutcomeUnknown(KlingError):  # noqa: N818 - as above
    """A create was sent, and nobody can say whether a task exists. Simply repeated, it may be paid twice.

    Attributes:
        status_code: The HTTP status, if there was an answer at all.
        request_id: The service's id of the request, if there was an answer.
        body: The first bytes of the answer, as text.
    """

    def __init__(  # noqa: PLR0913 - options, each by its name
        self,
        text: str,
        *,
        task_id: str | None = None,
        status_code: int | None = None,
        request_id: str | None = None,
        body: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(text, task_id=task_id, hint=hint)
        self.status_code = status_code
        self.request_id = request_id
        self.body = body


class ApiError(KlingError):
    """The service answered with an error.

    Attributes:
        status_code: The HTTP status.
        message: The service's message; the start of the body where it has none.
        invalid_params: The parameters that the service refused.
        request_id: The service's id of the request, for its support.
        retry_after: Seconds after which the service asks to be called again.
        body: The answer's body as text, the first 64 KiB of it.
    """

    def __init__(  # noqa: PLR0913 - options, each by its name
        self,
        text: str,
        *,
        status_code: int,
        message: str,
        invalid_params: Sequence[InvalidParam] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
        body: str = "",
        task_id: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(text, task_id=task_id, hint=hint)
        self.status_code = status_code
        self.message = message
        self.invalid_params = tuple(invalid_params)
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body


class BadRequestError(ApiError):
    """400, 413, 415 or 422: the request itself is refused. No task was created."""


class AuthenticationError(ApiError):
    """401: the key is missing or not accepted."""


class InsufficientCreditsError(ApiError):
    """402: the account is out of credits."""


class PermissionDeniedError(ApiError):
    """403: the account or its plan doesn't allow this; some invalid bodies are answered so too."""


class NotFoundError(ApiError):
    """404: no such task for this account's key."""


class RateLimitError(ApiError):
    """429 that names a rate: wait for `retry_after` seconds and repeat."""


class QuotaExceededError(ApiError):
    """429 that names the day's quota or a free trial. Repeating does not help."""


class ServerError(ApiError):
    """500 or above."""


class ResponseFormatError(KlingError):
    """An answer that is not what the document promises (HTML, empty, cut off, another kind of JSON).

    Attributes:
        status_code: The HTTP status.
        content_type: The answer's media type, as sent.
        request_id: The service's id of the request.
        body: The start of the body as text.
    """

    def __init__(  # noqa: PLR0913 - options, each by its name
        self,
        text: str,
        *,
        status_code: int,
        content_type: str = "",
        request_id: str | None = None,
        body: str = "",
        task_id: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(text, task_id=task_id, hint=hint)
        self.status_code = status_code
        self.content_type = content_type
        self.request_id = request_id
        self.body = body


class _TaskError(KlingError):
    """About one task, as it was last seen."""

    task_id: str  # pyright: ignore[reportIncompatibleVariableOverride]  # narrower: there always is one

    def __init__(self, text: str, *, task: TaskData, hint: str | None = None) -> None:
        super().__init__(text, task_id=task.id, hint=hint)
        self.task = task


class TaskFailed(_TaskError):  # noqa: N818 - as above
    """The task ended without a video.

    Attributes:
        task: The task as it was answered.
    """


class ResultMissing(_TaskError):  # noqa: N818 - as above
    """The task is COMPLETED and its answer has no address of a video. It happens.

    Attributes:
        task: The task as it was answered.
    """


class DeadlineExceeded(KlingError, TimeoutError):  # noqa: N818 - as above
    """We stopped waiting. The task runs on and is billed; it can be waited for again.

    Attributes:
        task_id: The task.
        last_status: Its status when it was last seen; None if it never was.
        elapsed: Seconds spent waiting.
        timeout: Seconds that were allowed.
    """

    task_id: str  # pyright: ignore[reportIncompatibleVariableOverride]  # narrower: there always is one

    def __init__(  # noqa: PLR0913 - options, each by its name
        self,
        text: str,
        *,
        task_id: str,
        last_status: str | None,
        elapsed: float,
        timeout: float,
        hint: str | None = None,
    ) -> None:
        super().__init__(text, task_id=task_id, hint=hint)
        self.last_status = last_status
        self.elapsed = elapsed
        self.timeout = timeout


class UploadError(KlingError):
    """A local image could not be put to the service's store. No task was created. Safe to repeat.

    Attributes:
        status_code: The HTTP status of the store, if it answered.
    """

    def __init__(
        self,
        text: str,
        *,
        task_id: str | None = None,
        status_code: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(text, task_id=task_id, hint=hint)
        self.status_code = status_code


class DownloadError(KlingError):
    """The video could not be fetched or stored. The target is as it was before.

    Attributes:
        status_code: The HTTP status of the result's host, if it answered.
        expires_at: When the address expires or expired, as its query says.
    """

    def __init__(
        self,
        text: str,
        *,
        task_id: str | None = None,
        status_code: int | None = None,
        expires_at: datetime | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(text, task_id=task_id, hint=hint)
        self.status_code = status_code
        self.expires_at = expires_at


class WebhookVerificationError(KlingError):
    """A delivery that is not the service's, is too old, or is damaged. Its text never holds a secret."""
