"""Strict parsing of 2xx responses: a task, a list of tasks, URLs to upload to.

The order is: status, then JSON, then the shape. Nothing in here raises but errors of this package.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from kling_elements.api.error_responses import format_error, member, read_error
from kling_elements.api.parsing import parse_json, task_from, task_id_of
from kling_elements.errors import NotFoundError
from kling_elements.types import FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from kling_elements.types import Response, TaskData

_LONGEST = 10**9  # seconds; more is no number of seconds, and may be no float
_NO_TASKS_PROSE = r"(?i)\b(?:no )?tasks?\b"


def read_task(response: Response, asked: str | None = None) -> TaskData:
    """Return the task that a response of the status operation shows.

    Unknown statuses, unknown fields, a missing `generated` and ids of any form are accepted. An id and a
    status are required, and the id must be the one that was asked for (a cache on the way may be confused):
    another task's video is worse than none.

    Args:
        response: The response.
        asked: The id that was asked for; None if any task will do.

    Raises:
        ApiError: If the status is not 2xx.
        ResponseFormatError: If there is no task in the body.
    """
    if not response.is_ok:
        raise read_error(response)
    body = _parse(response)
    data = member(body, "data")
    if not isinstance(data, dict):
        raise format_error(response, "it has no task in `data`")
    task_id = task_id_of(data)
    if not task_id:
        raise format_error(response, "its task has no id")
    if not isinstance(data.get("status"), str) or not data["status"]:
        raise format_error(response, f"task {task_id} has no status", task_id=task_id)
    if asked is not None and are_different(task_id, asked):
        raise format_error(response, f"it is about task {task_id}, and {asked} was asked for", task_id=asked)
    if data["status"] == FAILED:
        # The reason may stand beside the task.
        data = {**{name: value for name, value in body.items() if name != "data"}, **data}
    return task_from(data, task_id, response.request_id)


def read_tasks(response: Response) -> list[TaskData]:
    """Return the tasks that a response of the list operation shows.

    For an empty list the service responds with 404 "Tasks not found" (one third party's claim, and a strong
    one). Any other 404 is an error: a wrong base URL must not look like an empty account.

    Raises:
        ApiError: If the status is not 2xx and does not mean an empty list.
        ResponseFormatError: If the body is no list of tasks.
    """
    if not response.is_ok:
        error = read_error(response)
        if isinstance(error, NotFoundError) and re.search(_NO_TASKS_PROSE, error.message):
            return []
        raise error
    data = member(_parse(response), "data")
    if not isinstance(data, list):
        raise format_error(response, "it has no list in `data`")
    tasks: list[TaskData] = []
    for item in data:
        task_id = task_id_of(item) if isinstance(item, dict) else ""
        if not task_id:
            raise format_error(response, "an entry of its list is no task")
        tasks.append(task_from(item, task_id, response.request_id))
    return tasks


def _parse(response: Response) -> Any:
    try:
        return parse_json(response)
    except ValueError as error:
        raise format_error(response, str(error)) from None


def are_different(one: str, other: str) -> bool:
    """Whether two ids certainly name two tasks.

    The document's ids are UUIDs, which may be written in several ways. Two different texts of any other form
    are two ids. A UUID and something else may be one task: a service that changes the form of its ids may
    know it by both.
    """
    if one == other:
        return False
    uuids = _uuid(one), _uuid(other)
    if None not in uuids:
        return uuids[0] != uuids[1]
    return uuids == (None, None) and one.casefold() != other.casefold()


def _uuid(text: str) -> UUID | None:
    from uuid import UUID

    try:
        return UUID(text)
    except ValueError:
        return None


class UploadAddress(NamedTuple):
    """Where to put one file, and where it can then be read.

    Attributes:
        upload_url: A presigned URL: whoever has it can put a file there.
        headers: The headers that were signed, to be sent exactly.
        asset_url: The URL of the image, once it was put.
        put_seconds: Seconds for which `upload_url` is valid; None if the response doesn't say.
        asset_seconds: Seconds for which `asset_url` is valid; None if the response doesn't say.
    """

    upload_url: str
    headers: Mapping[str, str]
    asset_url: str
    put_seconds: float | None = None
    asset_seconds: float | None = None

    def __repr__(self) -> str:
        return f"UploadAddress(put_seconds={self.put_seconds!r}, asset_seconds={self.asset_seconds!r})"


def read_upload_addresses(response: Response) -> tuple[UploadAddress, ...]:
    """Return the URLs in a response of the upload operation, in the order in which they were asked for.

    Only what an upload needs is required.

    Raises:
        ApiError: If the status is not 2xx.
        ResponseFormatError: If the URLs are not there.
    """
    if not response.is_ok:
        raise read_error(response)
    files = member(_parse(response), "files")
    if not isinstance(files, list) or not files:
        raise format_error(response, "it has no list in `files`")
    found = [_address(file) if isinstance(file, dict) else None for file in files]
    addresses = tuple(address for address in found if address)
    if len(addresses) != len(files):
        raise format_error(response, "an entry of its `files` has no URLs to upload to")
    return addresses


def _address(file: Mapping[str, Any]) -> UploadAddress | None:
    upload_url, asset_url, headers = file.get("upload_url"), file.get("asset_url"), file.get("headers", {})
    if not isinstance(upload_url, str) or not isinstance(asset_url, str) or not isinstance(headers, dict):
        return None
    if not all(isinstance(value, str) for value in headers.values()):
        return None
    return UploadAddress(
        upload_url,
        headers,
        asset_url,
        _seconds(file.get("expires_in")),
        _seconds(file.get("asset_url_expires_in")),
    )


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(min(value, _LONGEST))
