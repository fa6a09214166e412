"""An answer of the service, and what can be had from it whatever its form: a task's id, when to come back.

What an answer shows that is as it should be is in `kling_elements.reading`; the errors for any other are in
`kling_elements.refusals`.
"""

from __future__ import annotations

import json
import re
from collections import deque
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from kling_elements.defaults import MAX_ERROR_BODY_CHARS
from kling_elements.task import UNKNOWN_STATUS, Task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_OK = range(200, 300)
_TOO_MANY = 429
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


def find_created_task(answer: Answer) -> Task | None:
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


def task_id_of(data: Mapping[str, Any]) -> str:
    """The task id in a JSON object, as text; empty if there is none."""
    value = data.get("task_id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def retry_hint(answer: Answer) -> float | None:
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
