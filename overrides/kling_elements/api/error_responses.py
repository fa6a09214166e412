"""The typed errors for answers that are not what was asked for: refusals, and what can't be read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kling_elements import errors
from kling_elements.api.parsing import find_created_task, read_retry_after
from kling_elements.errors import ApiError, InvalidParam, ResponseFormatError

if TYPE_CHECKING:
    from kling_elements.types import Response

_MAX_MESSAGE = 500
_SERVER_ERROR = 500
_TOO_MANY = 429

_ERRORS_BY_STATUS: dict[int, type[ApiError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.InsufficientCreditsError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    413: errors.BadRequestError,
    415: errors.BadRequestError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
}

_ADVICE: dict[type[ApiError], str] = {
    errors.BadRequestError: "No task was created; mend the request",
    errors.AuthenticationError: "Check the API key and that it belongs to this host",
    errors.InsufficientCreditsError: "No task was created; top up the account",
    errors.PermissionDeniedError: (
        "The account, its plan, or the request's content is refused; the key itself may be good"
    ),
    errors.NotFoundError: "A task is visible only to the account whose key created it",
    errors.RateLimitError: "Slow down and repeat",
    errors.QuotaExceededError: "Repeating does not help before the quota is renewed",
    errors.ServerError: "The fault is the service's",
}

# Prose of the day's quota or the free trial, as third parties report it; a rate's message speaks of requests
# and time.
_QUOTA_PROSE = re.compile(
    r"free[\s-]?trial|usage limit|\bplans?\b|quota|daily|(?:per|a|this|the) day\b|\bday'?s\b"
    r"|upgrade|subscription",
    re.IGNORECASE,
)


def read_error(answer: Response) -> ApiError:
    """The typed error for an answer that is not 2xx.

    Goes by the status; texts differ between the page and the live service.
    """
    message, params = _problem(answer)
    kind = _ERRORS_BY_STATUS.get(answer.status)
    if answer.status == _TOO_MANY and _QUOTA_PROSE.search(message):
        kind = errors.QuotaExceededError
    if kind is None:
        kind = errors.ServerError if answer.status >= _SERVER_ERROR else ApiError
    task = find_created_task(answer)
    text = f"HTTP {answer.status}: {message}"
    if params:
        text += f" ({'; '.join(f'{param.name}: {param.reason}' for param in params)})"
    if advice := _ADVICE.get(kind):
        text += f". {advice}"
    return kind(
        text + (f" [request {answer.request_id}]" if answer.request_id else ""),
        status_code=answer.status,
        message=message,
        invalid_params=params,
        request_id=answer.request_id,
        retry_after=read_retry_after(answer),
        body=answer.text,
        task_id=task.id if task else None,
    )


def format_error(answer: Response, what: str, *, task_id: str | None = None) -> ResponseFormatError:
    """The error for a 2xx answer that is not what the document promises; `what` is wrong with it."""
    content_type = answer.content_type or "no media type"
    start = answer.text[:80]
    return ResponseFormatError(
        f"the service's answer can't be used: {what} (HTTP {answer.status}, {content_type}"
        f"{f', request {answer.request_id}' if answer.request_id else ''}){f': {start!r}' if start else ''}",
        status_code=answer.status,
        content_type=answer.content_type,
        request_id=answer.request_id,
        body=answer.text,
        task_id=task_id,
    )


def member(value: Any, key: str) -> Any:
    """A member of a JSON object; None of anything else."""
    return value.get(key) if isinstance(value, dict) else None


def _problem(answer: Response) -> tuple[str, tuple[InvalidParam, ...]]:
    """Message and parameters at fault: either shape of problem details, either name of a parameter."""
    try:
        body = answer.json()
    except ValueError:
        return _plain_message(answer), ()
    nested = member(body, "problem")
    problem = nested if isinstance(nested, dict) else body
    message = next(
        (
            text.strip()
            for key in ("message", "detail", "title", "error", "problem")
            if isinstance(text := member(problem, key), str) and text.strip()
        ),
        "",
    )
    if not message:
        inner = member(member(problem, "error"), "message")
        message = inner.strip() if isinstance(inner, str) else ""
    params = _invalid_params(member(problem, "invalid_params"))
    return _encodable((message or _plain_message(answer))[:_MAX_MESSAGE]), params


def _invalid_params(value: Any) -> tuple[InvalidParam, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(
        InvalidParam(
            _encodable(str(entry.get("name") or entry.get("field") or "?")),
            _encodable(str(entry.get("reason") or "")),
        )
        for entry in value
        if isinstance(entry, dict)
    )


def _encodable(text: str) -> str:
    """Text that any terminal and log can take: JSON may hold halves of surrogate pairs."""
    return text.encode("utf-8", "backslashreplace").decode()


def _plain_message(answer: Response) -> str:
    text = answer.text
    if title := re.search(r"<title[^>]*>([^<]{1,200})</title>", text, re.IGNORECASE):
        return title[1].strip()
    if location := answer.headers.get("location"):
        host = re.match(r"(?:[a-z+]+:)?//(?:[^/?#]*@)?([^/?#@]+)", location, re.IGNORECASE)
        return f"a redirect{f' to {host[1]}' if host else ''}, which is not followed"
    return " ".join(text.split())[:_MAX_MESSAGE] or "an empty answer"
