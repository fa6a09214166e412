"""Lenient parsing: find a task id and the URLs of a result in any response, read Retry-After.

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
from urllib.parse import urlsplit

from kling_elements.types import MAX_RESPONSE_BYTES, UNKNOWN_STATUS, Response, TaskData

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_QUOTE = r'\\{0,7}"'  # escaped in JSON that is text within JSON
_TASK_ID = (
    rf'"task_id{_QUOTE}\s{{0,9}}:[\s\[]{{0,9}}'
    rf'(?:{_QUOTE}([^"\\\s]{{1,200}}){_QUOTE}|(\d{{1,40}})(?=[\s,}}\]\\]))'
)
_TASK_ID_TEXTS = (
    rf'"data{_QUOTE}\s{{0,9}}:\s{{0,9}}(?:{_QUOTE})?\{{[^{{}}]{{0,2000}}?{_TASK_ID}',
    _TASK_ID,
)

_URL = re.compile(r"\s*https?://[^/\s]", re.IGNORECASE)
_VIDEO_NAMES = ("video_url", "video", "videos")
_VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".webm")
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif")
_DEEPEST = 6  # levels of JSON that are searched


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


def result_urls(task: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the URLs of a task's result.

    `generated` is documented as a list of URLs. Other models of the service give objects with a `url`, a
    single string, or the video under a name of its own. Elsewhere a URL is used if it is the only one of a
    video. White space around one is no part of it.

    Args:
        task: The task's JSON object.
    """
    generated = task.get("generated")
    if not generated and not _urls(task):
        return ()  # so it is until a task ends
    listed = generated if isinstance(generated, list) else []
    found = [text for url in listed if isinstance(url, str) and (text := url.strip())] or _without_posters(
        _video_urls(generated)
    )
    if not found:
        found = _without_posters(_video_urls({name: task.get(name) for name in _VIDEO_NAMES}))
    if not found:
        named = {url for url in _urls(task) if _path(url).endswith(_VIDEO_SUFFIXES)}
        found = list(named) if len(named) == 1 else []
    return tuple(found)


def _without_posters(urls: Iterable[str]) -> list[str]:
    """Leave out the images beside a video; they stay where there is nothing else."""
    found = list(urls)
    return [url for url in found if not _path(url).endswith(_IMAGE_SUFFIXES)] or found


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.lower()
    except ValueError:
        return ""


def _urls(value: object, depth: int = 0) -> list[str]:
    """Find all URLs."""
    if isinstance(value, str):
        return [value.strip()] if _URL.match(value) else []
    found: list[str] = []
    if isinstance(value, (dict, list)) and depth <= _DEEPEST:
        for item in value.values() if isinstance(value, dict) else value:
            found += _urls(item, depth + 1)
    return found


def _video_urls(value: object, depth: int = 0) -> Iterator[str]:
    """Find the URLs that can only be those of videos."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        if _URL.match(value):
            yield value.strip()
    elif isinstance(value, list):
        for item in value:
            yield from _video_urls(item, depth + 1)
    elif isinstance(value, dict):
        for name in ("url", *_VIDEO_NAMES):
            if found := list(_video_urls(value.get(name), depth + 1)):
                yield from found
                return
        found = [url for item in value.values() for url in _video_urls(item, depth + 1)]
        if len(found) == 1:
            yield found[0]
