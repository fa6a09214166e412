"""Make the typed error for a response that is not 2xx, or can't be read."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from kling_elements import errors
from kling_elements.api.parsing import find_created_task, parse_json, read_retry_after
from kling_elements.errors import ApiError, InvalidParam, ResponseFormatError
from kling_elements.log import without_queries

if TYPE_CHECKING:
    from kling_elements.types import Response

_MAX_MESSAGE = 500
_MAX_PARAMS = 50
_MAX_TEXT = 2000  # of all parameters together

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
    errors.BadRequestError: "No task was created; correct the request",
    errors.AuthenticationError: "Check the API key and that it belongs to this host",
    errors.InsufficientCreditsError: "No task was created; top up the account",
    errors.PermissionDeniedError: (
        "The account, its plan, or the request's content is refused; the key itself may be good"
    ),
    errors.NotFoundError: "A task is visible only to the account whose key created it",
    errors.RateLimitError: "Slow down, then repeat it",
    errors.QuotaExceededError: "Repeating does not help before the quota is renewed",
    errors.ServerError: "The fault is the service's",
}

# Prose of the day's quota or the free trial, as third parties report it; a rate's message speaks of requests
# and time.
_QUOTA_PROSE = (  # compiled when it is needed, as start-up is felt
    r"free[\s-]?trial|usage limit|\bplans?\b|quota|daily|(?:per|a|this|the) day\b|\bday'?s\b"
    r"|upgrade|subscription"
)


def read_error(response: Response) -> ApiError:
    """Return the typed error for a response that is not 2xx.

    It goes by the status: texts differ between the vendor's page and the live service.
    """
    message, params = _problem(response)
    kind = _ERRORS_BY_STATUS.get(response.status)
    if response.status == HTTPStatus.TOO_MANY_REQUESTS and re.search(_QUOTA_PROSE, message, re.IGNORECASE):
        kind = errors.QuotaExceededError
    if kind is None:
        kind = errors.ServerError if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR else ApiError
    task = find_created_task(response)
    text = f"HTTP {response.status}: {message}"
    if params:
        text += f" ({'; '.join(f'{param.name}: {param.reason}' for param in params)[:_MAX_TEXT]})"
    if response.request_id:
        text += f" [request {response.request_id}]"
    if advice := _ADVICE.get(kind):
        text = f"{text.rstrip('.')}. {advice}."
    return kind(
        without_queries(text),
        status_code=response.status,
        message=message,
        invalid_params=params,
        request_id=response.request_id,
        retry_after=read_retry_after(response),
        body=response.text,
        task_id=task.id if task else None,
    )


def format_error(response: Response, what: str, *, task_id: str | None = None) -> ResponseFormatError:
    """Return the error for a 2xx response that does not follow the document; `what` is wrong with it."""
    content_type = response.content_type or "no media type"
    start = without_queries(response.text[:80])
    request = f", request {response.request_id}" if response.request_id else ""
    return ResponseFormatError(
        f"the service's response can't be used: {what} (HTTP {response.status}, {content_type}"
        f"{request}){f': {start!r}' if start else ''}",
        status_code=response.status,
        content_type=response.content_type,
        request_id=response.request_id,
        body=response.text,
        task_id=task_id,
    )


def member(value: Any, key: str) -> Any:
    """Return a member of a JSON object; None of anything else."""
    return value.get(key) if isinstance(value, dict) else None


def _problem(response: Response) -> tuple[str, tuple[InvalidParam, ...]]:
    """Return the message and the invalid parameters, from either shape of problem details."""
    try:
        body = parse_json(response)
    except ValueError:
        return _plain_message(response), ()
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
    return _encodable((message or _plain_message(response))[:_MAX_MESSAGE]), params


def _invalid_params(value: Any) -> tuple[InvalidParam, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(
        InvalidParam(
            _encodable(_text(entry.get("name") or entry.get("field") or "?")),
            _encodable(_text(entry.get("reason") or "")),
        )
        for entry in value[:_MAX_PARAMS]
        if isinstance(entry, dict)
    )


def _text(value: object) -> str:
    if isinstance(value, list):  # a path of names and numbers
        return ".".join(_text(part) for part in value[:10] if not isinstance(part, list))
    return str(value)[:_MAX_MESSAGE] if isinstance(value, (str, int, float)) else "?"


def _encodable(text: str) -> str:
    """Make text that any terminal and log can take: JSON may hold halves of surrogate pairs."""
    return text.encode("utf-8", "backslashreplace").decode()


def _plain_message(response: Response) -> str:
    text = response.text
    if title := re.search(r"<title[^>]{0,200}>([^<]{1,200})</title>", text, re.IGNORECASE):
        return title[1].strip()
    if location := response.headers.get("location"):
        host = re.match(r"(?:[a-z+]{1,20}:)?//(?:[^/?#]{0,500}@)?([^/?#@]{1,300})", location, re.IGNORECASE)
        return f"a redirect{f' to {host[1]}' if host else ''}, which is not followed"
    return " ".join(text.split())[:_MAX_MESSAGE] or "an empty response"
