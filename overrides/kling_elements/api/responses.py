"""What a usable answer shows: a task, tasks, an object. One guard between the service and the models.

The order is: status, then JSON, then the shape. Nothing in here raises but errors of this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from kling_elements.api.error_responses import format_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_elements.types import Response


import re
from typing import TYPE_CHECKING
from uuid import UUID

from kling_elements.api.error_responses import member, read_error
from kling_elements.api.parsing import task_from, task_id_of
from kling_elements.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_elements.types import Response, TaskData

_NO_TASKS_PROSE = re.compile(r"\b(?:no )?tasks?\b", re.IGNORECASE)


def read_task(answer: Response, asked: str | None = None) -> TaskData:
    """The task that an answer of the status operation shows.

    Unknown status words, unknown fields, a missing `generated` and ids of any form are accepted: only an
    answer without an id or without a status is none, or one about another task than was asked for (from a
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
    data = member(_parse(answer), "data")
    if not isinstance(data, dict):
        raise format_error(answer, "it has no task in `data`")
    task_id = task_id_of(data)
    if not task_id:
        raise format_error(answer, "its task has no id")
    if not isinstance(data.get("status"), str) or not data["status"]:
        raise format_error(answer, f"task {task_id} has no status", task_id=task_id)
    if asked is not None and are_different(task_id, asked):
        raise format_error(answer, f"it is about task {task_id}, and {asked} was asked for", task_id=asked)
    return task_from(data, task_id, answer.request_id)


def read_tasks(answer: Response) -> list[TaskData]:
    """The tasks that an answer of the list operation shows.

    An empty list is answered with 404 "Tasks not found" (one third party's claim, and a strong one). Any
    other 404 is an error: a wrong base URL must not look like an empty account.

    Raises:
        ApiError: If the status is not 2xx and does not mean an empty list.
        ResponseFormatError: If the body is no list of tasks.
    """
    if not answer.is_ok:
        error = read_error(answer)
        if isinstance(error, NotFoundError) and _NO_TASKS_PROSE.search(error.message):
            return []
        raise error
    data = member(_parse(answer), "data")
    if not isinstance(data, list):
        raise format_error(answer, "it has no list in `data`")
    tasks: list[TaskData] = []
    for item in data:
        task_id = task_id_of(item) if isinstance(item, dict) else ""
        if not task_id:
            raise format_error(answer, "an entry of its list is no task")
        tasks.append(task_from(item, task_id, answer.request_id))
    return tasks


def read_object(answer: Response) -> Mapping[str, Any]:
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


def _parse(answer: Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        what = "it is empty" if not answer.body.strip() else "it is no JSON"
        raise format_error(answer, what) from None


def are_different(one: str, other: str) -> bool:
    """Whether two ids name two tasks for sure.

    The document's ids are UUIDs, which may be written in several ways. Of ids of any other form it is known
    that two texts are two ids. Of a UUID and something else nothing is known: a service that changes the
    form of its ids may know a task by both.
    """
    uuids = _uuid(one), _uuid(other)
    if None not in uuids:
        return uuids[0] != uuids[1]
    return uuids == (None, None) and one.casefold() != other.casefold()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@frozen
class UploadAddress:
    """Where one file is put, and where it is then read.

    Attributes:
        upload_url: A signed address: whoever has it can put a file there.
        headers: The headers that were signed; exactly these are sent.
        asset_url: The address of the image, once it was put.
        put_seconds: Seconds for which `upload_url` is good; None if the answer doesn't say.
        asset_seconds: Seconds for which `asset_url` is good; None if the answer doesn't say.
    """

    upload_url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    asset_url: str = field(repr=False)
    put_seconds: float | None = None
    asset_seconds: float | None = None


def read_upload_addresses(answer: Response) -> tuple[UploadAddress, ...]:
    """The addresses in an answer of the upload operation, in the order in which they were asked for.

    Only what a file can't be put without is insisted on.

    Raises:
        ApiError: If the status is not 2xx.
        ResponseFormatError: If the addresses are not there.
    """
    files = read_object(answer).get("files")
    if not isinstance(files, list) or not files:
        raise format_error(answer, "it has no list in `files`")
    found = [_address(file) if isinstance(file, dict) else None for file in files]
    addresses = tuple(address for address in found if address)
    if len(addresses) != len(files):
        raise format_error(answer, "an entry of its `files` is no address to upload to")
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
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
