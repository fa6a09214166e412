"""What an HTTP answer means: one guard between whatever a server sends and the rest of the client.

The order is: status, then JSON, then the shape. Nothing in here raises but errors of this package.
"""

from __future__ import annotations

import json
import re
from collections import deque
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from attrs import field, frozen

from kling_elements import errors
from kling_elements.defaults import MAX_ERROR_BODY_CHARS
from kling_elements.errors import ApiError, InvalidParam, ResponseFormatError
from kling_elements.task import UNKNOWN_STATUS, Task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_MAX_MESSAGE = 500
_OK = range(200, 300)
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
_NO_TASKS_PROSE = re.compile(r"\b(?:no )?tasks?\b", re.IGNORECASE)
_TASK_ID_TEXT = re.compile(r'"task_id"\s*:\s*(?:"([^"\\\s]{1,200})"|(\d{1,40})\b)')


@frozen
class Answer:
    """An HTTP answer, read whole.

    Attributes:
        status: The status code.
        headers: The headers, names in lower case.
        body: The body, decompressed; cut off at the client's limit.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=lambda body: f"<{len(body)} bytes>")

    @property
    def is_ok(self) -> bool:
        """Whether the status is 2xx."""
        return self.status in _OK

    @property
    def request_id(self) -> str | None:
        """The service's id of the request; on every recorded answer of sibling endpoints."""
        return self.headers.get("x-request-id") or None

    @property
    def content_type(self) -> str:
        """The media type as sent."""
        return self.headers.get("content-type", "")

    @property
    def text(self) -> str:
        """The body as text for errors: at most 64 Ki characters, whatever its bytes are."""
        return self.body[: MAX_ERROR_BODY_CHARS * 4].decode("utf-8", "replace")[:MAX_ERROR_BODY_CHARS].strip()

    def json(self) -> Any:
        """The body as JSON, whatever media type it claims; NaN and infinities become null.

        Raises:
            ValueError: If it is no JSON.
        """
        try:
            return json.loads(self.body, parse_constant=lambda _: None)
        except RecursionError:
            raise ValueError("the JSON is nested too deeply") from None


def read_task(answer: Answer, asked: str | None = None) -> Task:
    """The task that an answer of the status operation shows.

    Unknown status words, unknown fields, a missing `generated` and an id of another form are accepted: only
    an answer without an id or without a status is none, or one about another task than was asked for (from a
    confused cache on the way): another task's video is worse than none.

    Args:
        answer: The answer.
        asked: The id that was asked for; None if any task will do.

    Raises:
        ApiError: If the status is not 2xx.
        ResponseFormatError: If there is no task in the body.
    """
    if not answer.is_ok:
        raise read_error(answer)
    data = _member(_parse(answer), "data")
    if not isinstance(data, dict):
        raise format_error(answer, "it has no task in `data`")
    task_id = _task_id(data)
    if not task_id:
        raise format_error(answer, "its task has no id")
    if not isinstance(data.get("status"), str) or not data["status"]:
        raise format_error(answer, f"task {task_id} has no status", task_id=task_id)
    if asked is not None and _are_different(task_id, asked):
        raise format_error(answer, f"it is about task {task_id}, and {asked} was asked for", task_id=asked)
    return task_from(data, task_id, answer.request_id)


def read_tasks(answer: Answer) -> list[Task]:
    """The tasks that an answer of the list operation shows.

    An empty list is answered with 404 "Tasks not found" (one third party's claim, and a strong one). Any
    other 404 is an error: a wrong base URL must not look like an empty account.

    Raises:
        ApiError: If the status is not 2xx and does not mean an empty list.
        ResponseFormatError: If the body is no list of tasks.
    """
    if not answer.is_ok:
        error = read_error(answer)
        if isinstance(error, errors.NotFoundError) and _NO_TASKS_PROSE.search(error.message):
            return []
        raise error
    data = _member(_parse(answer), "data")
    if not isinstance(data, list):
        raise format_error(answer, "it has no list in `data`")
    tasks: list[Task] = []
    for item in data:
        task_id = _task_id(item) if isinstance(item, dict) else ""
        if not task_id:
            raise format_error(answer, "an entry of its list is no task")
        tasks.append(task_from(item, task_id, answer.request_id))
    return tasks


def read_object(answer: Answer) -> Mapping[str, Any]:
    """The JSON object that an answer is.

    Raises:
        ApiError: If the status is not 2xx.
        ResponseFormatError: If it is something else.
    """
    if not answer.is_ok:
        raise read_error(answer)
    value = _parse(answer)
    if not isinstance(value, dict):
        raise format_error(answer, "it is no JSON object")
    return value


def find_created_task(answer: Answer) -> Task | None:
    """The task in create's answer, however odd the rest is; None if there is no task id in it at all.

    A created task is billed, so its id is worth more than the answer's form.
    """
    try:
        found = _search_task(answer.json())
    except ValueError:
        found = None
    if found is not None:
        return task_from(found, _task_id(found), answer.request_id)
    if match := _TASK_ID_TEXT.search(answer.body.decode("utf-8", "replace")):
        return Task(match[1] or match[2], UNKNOWN_STATUS, request_id=answer.request_id)
    return None


def task_from(data: Mapping[str, Any], task_id: str, request_id: str | None) -> Task:
    """A task from its JSON object; what doesn't fit is left to `raw`."""
    status = data.get("status")
    generated = data.get("generated")
    return Task(
        id=task_id,
        status=status if isinstance(status, str) and status else UNKNOWN_STATUS,
        urls=tuple(url for url in generated if isinstance(url, str) and url)
        if isinstance(generated, list)
        else (),
        raw=data,
        request_id=request_id,
    )


def read_error(answer: Answer, *, now: datetime | None = None) -> ApiError:
    """The typed error for an answer that is not 2xx.

    Goes by the status; texts differ between the page and the live service.

    Args:
        answer: The answer.
        now: The time against which a date in Retry-After is read; by default the answer's own `date` header.
    """
    message, params = _problem(answer)
    kind = _ERRORS_BY_STATUS.get(answer.status)
    if answer.status == _TOO_MANY and _QUOTA_PROSE.search(message):
        kind = errors.QuotaExceededError
    if kind is None:
        kind = errors.ServerError if answer.status >= _SERVER_ERROR else ApiError
    task = find_created_task(answer) if b"task_id" in answer.body else None
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
        retry_after=retry_hint(answer, now),
        body=answer.text,
        task_id=task.id if task else None,
    )


def retry_hint(answer: Answer, now: datetime | None = None) -> float | None:
    """Seconds after which the service asks to be called again.

    From Retry-After (seconds or a date), else from the rate limit's reset.
    """
    value = answer.headers.get("retry-after", "").strip()
    if seconds := _seconds(value):
        return float(seconds)
    if value and (reference := now or _date(answer.headers.get("date", ""))) and (date := _date(value)):
        return max(0.0, (date - reference).total_seconds())
    if value == "0":
        return 0.0
    # Recorded as a delta in seconds, on most 2xx. On an error it says when the window ends.
    reset = _seconds(answer.headers.get("x-ratelimit-reset", "").strip())
    return float(reset) if reset and answer.status == _TOO_MANY else None


def _seconds(value: str) -> int | None:
    return int(value) if re.fullmatch(r"[0-9]{1,9}", value) else None


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else None


def _parse(answer: Answer) -> Any:
    try:
        return answer.json()
    except ValueError:
        what = "it is empty" if not answer.body.strip() else "it is no JSON"
        raise format_error(answer, what) from None


def format_error(answer: Answer, what: str, *, task_id: str | None = None) -> ResponseFormatError:
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


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _task_id(data: Mapping[str, Any]) -> str:
    value = data.get("task_id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def _are_different(one: str, other: str) -> bool:
    """Whether two ids name two tasks for sure: the document's are UUIDs; of another form nothing is known."""
    try:
        return UUID(one) != UUID(other)
    except ValueError:
        return False


def _search_task(value: Any) -> Mapping[str, Any] | None:
    """The first object with a task id, breadth first."""
    queue = deque([value])
    while queue:
        node = queue.popleft()
        if isinstance(node, dict):
            if _task_id(node):
                return node
            queue.extend(node.values())
        elif isinstance(node, list):
            queue.extend(node)
    return None


def _problem(answer: Answer) -> tuple[str, tuple[InvalidParam, ...]]:
    """Message and parameters at fault: either shape of problem details, either name of a parameter."""
    try:
        body = answer.json()
    except ValueError:
        return _plain_message(answer), ()
    nested = _member(body, "problem")
    problem = nested if isinstance(nested, dict) else body
    message = next(
        (
            text.strip()
            for key in ("message", "detail", "title", "error", "problem")
            if isinstance(text := _member(problem, key), str) and text.strip()
        ),
        "",
    )
    if not message:
        inner = _member(_member(problem, "error"), "message")
        message = inner.strip() if isinstance(inner, str) else ""
    params = _invalid_params(_member(problem, "invalid_params"))
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


def _plain_message(answer: Answer) -> str:
    text = answer.text
    if title := re.search(r"<title[^>]*>([^<]{1,200})</title>", text, re.IGNORECASE):
        return title[1].strip()
    if location := answer.headers.get("location"):
        host = re.match(r"(?:[a-z+]+:)?//([^/?#@]+)", location, re.IGNORECASE)
        return f"a redirect{f' to {host[1]}' if host else ''}, which is not followed"
    return " ".join(text.split())[:_MAX_MESSAGE] or "an empty answer"
