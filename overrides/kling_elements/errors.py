"""The errors of this package, all below one root.

    KlingError
    ├── ValidationError (ValueError)      nothing was sent
    │   └── JournalUnusable               the journal can't be read or written: what relies on it is not done
    ├── ConnectionFailed (ConnectionError) no response, and nothing is billed: safe to repeat
    ├── OutcomeUnknown                    a create was sent, without a response: a task may exist
    ├── ApiError                          an error response of the service
    │   ├── BadRequestError               400, 413, 415, 422
    │   ├── AuthenticationError           401
    │   ├── InsufficientCreditsError      402
    │   ├── PermissionDeniedError         403
    │   ├── NotFoundError                 404
    │   ├── RateLimitError                429 for a rate, or no place under the limits: repeat later
    │   ├── QuotaExceededError            429 for a quota or a trial: do not repeat
    │   └── ServerError                   500 and above
    ├── ResponseFormatError               a response that does not match the document
    ├── TaskFailed                        the task ended without a video
    ├── ResultMissing                     the task is COMPLETED and has no URL of a video
    ├── DeadlineExceeded (TimeoutError)   we stopped waiting; the task runs on
    ├── UploadError                       a local image could not be uploaded
    ├── DownloadError                     the video could not be fetched or stored
    └── WebhookVerificationError          a webhook delivery that can't be trusted

Every error can be pickled. None holds the API key.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from kling_elements.printable import printable
from kling_elements.types import TaskData


class InvalidParam(NamedTuple):
    """A parameter that the service refused.

    Attributes:
        name: The parameter; the service calls it `name` or `field`.
        reason: The service's own words.
    """

    name: str
    reason: str


def next_command(*words: str) -> str:
    """Return a command line of this package, as it is typed into a shell, for an error's `hint`."""
    import shlex  # noqa: PLC0415 - only errors need it

    return shlex.join(["kling-elements", *words])


def _restore(cls: "type[KlingError]", args: tuple[object, ...], state: dict[str, object]) -> "KlingError":
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

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__module__ == __name__:
            cls.__module__ = KlingError.__module__  # as it is imported: a traceback names it so

    def __init__(self, text: str, *, task_id: str | None = None, hint: str | None = None) -> None:
        # They may quote the service, and a traceback or a log shows them as they are.
        super().__init__(printable(text))
        self.task_id = task_id
        self.hint = hint and printable(hint)

    def __str__(self) -> str:
        text = str(self.args[0]) if self.args else ""
        return f"{text} Next: `{self.hint}`" if self.hint else text

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls the class with `args` alone, which loses every keyword.
        return _restore, (type(self), self.args, dict(self.__dict__))


KlingError.__module__ = "kling_elements"


class ValidationError(KlingError, ValueError):
    """The input can't be accepted. Nothing was sent.

    Attributes:
        problems: A sentence for each problem, the field's name first.
    """

    def __init__(self, problems: Sequence[str], *, hint: str | None = None) -> None:
        super().__init__("; ".join(problems) if problems else "the input is not valid", hint=hint)
        self.problems = tuple(problems)


class JournalUnusable(ValidationError):  # noqa: N818 - it says what happened
    """The journal can't be read or written, so that what relies on it was not done. Nothing was sent."""


class ConnectionFailed(KlingError, ConnectionError):  # noqa: N818 - it says what happened
    """The service was not reached, or a request that is free got no response. Safe to repeat."""


class OutcomeUnknown(KlingError):  # noqa: N818 - it says what happened
    """A create was sent, and whether a task exists is unknown. If you repeat it, you may pay twice.

    Attributes:
        status_code: The HTTP status, if there was a response.
        request_id: The service's id of the request, if there was a response.
        body: The start of the response's body, as text.
    """

    def __init__(  # noqa: PLR0913 - keyword options
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
    """The service responded with an error.

    Attributes:
        status_code: The HTTP status.
        message: The service's message; the start of the body where it has none.
        invalid_params: The parameters that the service refused.
        request_id: The service's id of the request, for its support.
        retry_after: Seconds after which the service asks to be called again.
        body: The start of the response's body, as text: at most 64 Ki characters.
    """

    def __init__(  # noqa: PLR0913 - keyword options
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
    """403: the account or its plan doesn't allow this. Some invalid bodies get a 403 too."""


class NotFoundError(ApiError):
    """404: no such task for this account's key."""


class RateLimitError(ApiError):
    """429 for a rate: repeat after `retry_after` seconds.

    Also raised by this client, before it sends anything, if its own limits leave no room before the deadline.
    """


class QuotaExceededError(ApiError):
    """429 for the day's quota or a free trial. Repeating does not help."""


class ServerError(ApiError):
    """500 or above."""


class ResponseFormatError(KlingError):
    """A response that does not match the document (HTML, empty, cut off, another kind of JSON).

    Attributes:
        status_code: The HTTP status.
        content_type: The response's media type, as sent.
        request_id: The service's id of the request.
        body: The start of the body as text.
    """

    def __init__(  # noqa: PLR0913 - keyword options
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
    """An error about one task, as last polled."""

    task_id: str  # pyright: ignore[reportIncompatibleVariableOverride]  # narrower: there is always one

    def __init__(self, text: str, *, task: TaskData, hint: str | None = None) -> None:
        super().__init__(text, task_id=task.id, hint=hint)
        self.task = task


class TaskFailed(_TaskError):  # noqa: N818 - it says what happened
    """The task ended without a video.

    Attributes:
        task: The task, as the service last showed it.
    """


class ResultMissing(_TaskError):  # noqa: N818 - it says what happened
    """The task is COMPLETED and has no URL of a video. It happens.

    Attributes:
        task: The task, as the service last showed it.
    """


class DeadlineExceeded(KlingError, TimeoutError):  # noqa: N818 - it says what happened
    """The client stopped waiting. The task runs on and is billed; wait for it again.

    Attributes:
        task_id: The task.
        last_status: Its status at the last successful poll; None if there was none.
        elapsed: Seconds spent waiting.
        timeout: Seconds that were allowed.
    """

    task_id: str  # pyright: ignore[reportIncompatibleVariableOverride]  # narrower: there is always one

    def __init__(  # noqa: PLR0913 - keyword options
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
    """A local image could not be uploaded. No task was created. Safe to repeat.

    Attributes:
        status_code: The HTTP status of the store, if it responded.
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
        status_code: The HTTP status of the result's host, if it responded.
        expires_at: When the URL expires or expired, as its query says.
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
    """A delivery is forged, too old, or damaged. The text never holds a secret."""
