"""Lenient parsing: find a task id in any response, read Retry-After.

Well-formed responses are parsed in `responses`; errors are made in `error_responses`.
"""

from __future__ import annotations

import re
from collections import deque
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from kling_elements.api.result_urls import result_urls
from kling_elements.types import UNKNOWN_STATUS, Response, TaskData

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_TOO_MANY = 429
_TASK_ID_TEXT = re.compile(r'"task_id"\s*:\s*(?:"([^"\\\s]{1,200})"|(\d{1,40})\b)')


def find_created_task(answer: Response) -> TaskData | None:
    """The task in create's answer, however odd the rest is; None if there is no task id in it at all.

    A created task is billed, so its id is worth more than the answer's form.
    """
    try:
        found = _search_task(answer.json())
    except ValueError:
        found = None
    if found is not None:
        return task_from(found, task_id_of(found), answer.request_id)
    if match := _TASK_ID_TEXT.search(answer.body.decode("utf-8", "replace")):
        return TaskData(match[1] or match[2], UNKNOWN_STATUS, request_id=answer.request_id)
    return None


def task_from(data: Mapping[str, Any], task_id: str, request_id: str | None) -> TaskData:
    """A task from its JSON object; what doesn't fit is left to `raw`."""
    status = data.get("status")
    return TaskData(
        id=task_id,
        status=status if isinstance(status, str) and status else UNKNOWN_STATUS,
        urls=result_urls(data),
        raw=data,
        request_id=request_id,
    )


def task_id_of(data: Mapping[str, Any]) -> str:
    """The task id in a JSON object, as text; empty if there is none."""
    value = data.get("task_id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def read_retry_after(answer: Response) -> float | None:
    """Seconds after which the service asks to be called again.

    From Retry-After (seconds, or a date, which is read against the answer's own), else from the rate limit's
    reset.
    """
    value = answer.headers.get("retry-after", "").strip()
    if (seconds := _seconds(value)) is not None:
        return float(seconds)
    if (sent := _date(answer.headers.get("date", ""))) and (date := _date(value)):
        return max(0.0, (date - sent).total_seconds())
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


def _search_task(value: Any) -> Mapping[str, Any] | None:
    """The first object with a task id, breadth first."""
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
