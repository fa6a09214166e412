"""Lenient parsing: find a task id in any response, read Retry-After.

Well-formed responses are parsed in `responses`; errors are made in `error_responses`.
"""

from __future__ import annotations

import json
import re
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from kling_elements.api.result_urls import result_urls
from kling_elements.types import MAX_RESPONSE_BYTES, UNKNOWN_STATUS, Response, TaskData

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUOTE = r'\\{0,7}"'  # escaped in JSON that is text within JSON
_TASK_ID = (
    rf'"task_id{_QUOTE}\s{{0,9}}:[\s\[]{{0,9}}'
    rf'(?:{_QUOTE}([^"\\\s]{{1,200}}){_QUOTE}|(\d{{1,40}})(?=[\s,}}\]\\]))'
)
_TASK_ID_TEXTS = (
    rf'"data{_QUOTE}\s{{0,9}}:\s{{0,9}}(?:{_QUOTE})?\{{[^{{}}]{{0,2000}}?{_TASK_ID}',
    _TASK_ID,
)


def parse_json(response: Response) -> Any:
    """Parse a response's body as JSON; if that is a text, the JSON in it.

    Raises:
        ValueError: If it is no JSON, or was cut off because of its size.
    """
    if len(response.body) >= MAX_RESPONSE_BYTES:
        raise ValueError(f"it is larger than {MAX_RESPONSE_BYTES:,} bytes")
    if not response.body.strip():
        raise ValueError("it is empty")
    try:
        value = response.json()
    except ValueError:
        raise ValueError("it is no JSON") from None
    if isinstance(value, str):
        with suppress(ValueError):
            return response._replace(body=value.encode("utf-8", "surrogatepass")).json()
    return value


def find_created_task(response: Response) -> TaskData | None:
    """Return the task in create's response, whatever else is in it; None if there is no task id at all.

    The task in `data` is preferred. A created task is billed, so its id is worth more than the right form.
    """
    try:
        body = parse_json(response)
    except ValueError:
        body = None
    if found := _search_task(body.get("data") if isinstance(body, dict) else None) or _search_task(body):
        return task_from(found, task_id_of(found), response.request_id)
    # What is cut off, is no JSON, or is hidden in it: of two members of one name, JSON has the last.
    text = response.body.decode(json.detect_encoding(response.body), "replace")
    match = next(filter(None, (re.search(pattern, text) for pattern in _TASK_ID_TEXTS)), None)
    return TaskData(match[1] or match[2], UNKNOWN_STATUS, request_id=response.request_id) if match else None


def task_from(data: Mapping[str, Any], task_id: str, request_id: str | None) -> TaskData:
    """Make a task from its JSON object; `raw` keeps what has another form."""
    status = data.get("status")
    return TaskData(
        id=task_id,
        status=status if isinstance(status, str) and status else UNKNOWN_STATUS,
        urls=result_urls(data),
        raw=data,
        request_id=request_id,
    )


def task_id_of(data: Mapping[str, Any]) -> str:
    """Return the task id in a JSON object as text; empty if there is none."""
    value = data.get("task_id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def read_retry_after(response: Response) -> float | None:
    """Return the seconds after which the service asks to be called again.

    From Retry-After (seconds, or a date, which is compared with the response's own, else with our clock),
    else from the rate limit's reset.
    """
    value = response.headers.get("retry-after", "").strip()
    if (seconds := _seconds(value)) is not None:
        return float(seconds)
    if date := _date(value):
        if sent := _date(response.headers.get("date", "")):
            return max(0.0, (date - sent).total_seconds())
        if (left := (date - datetime.now(UTC)).total_seconds()) > 0:  # else our clock may be ahead
            return left
    # Recorded as a delta in seconds, on most 2xx. On an error it says when the window ends.
    reset = _seconds(response.headers.get("x-ratelimit-reset", "").strip())
    return float(reset) if reset and response.status == HTTPStatus.TOO_MANY_REQUESTS else None


def _seconds(value: str) -> int | None:
    """Read a number of seconds; of a header that came repeatedly, the largest."""
    if not re.fullmatch(r"[0-9]{1,9}(?:[ \t]*,[ \t]*[0-9]{1,9}){0,9}", value):
        return None
    return max(map(int, value.split(",")))


def _date(value: str) -> datetime | None:
    """Read a date in any of HTTP's three forms, one of which has no time zone: it is UTC."""
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _search_task(value: Any) -> Mapping[str, Any] | None:
    """Return the first object with a task id, breadth first."""
    queue = deque([value])
    while queue:
        node = queue.popleft()
        if isinstance(node, dict):
            if task_id_of(node):
                return node
            queue.extend(node.values())
        elif isinstance(node, list):
            queue.extend(node)
    return None
