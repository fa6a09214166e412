"""Read what the service responds: tasks, lists and URLs to upload to, from bodies in any shape."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.answers import ID, IMAGE, reply
from contract_tests.support.clients import Script
from kling_elements import ApiError, NotFoundError, OutcomeUnknown, ResponseFormatError, ServerError, TaskData
from kling_elements.api.outcomes import Operation, Raise, Retry, Return, decide
from kling_elements.api.parsing import MAX_RESPONSE_BYTES, find_created_task, read_retry_after
from kling_elements.api.responses import (
    UploadAddress,
    are_different,
    read_task,
    read_tasks,
    read_upload_addresses,
)
from kling_elements.types import Response

if TYPE_CHECKING:
    from contract_tests.support.clients import Driver

TASK: dict[str, Any] = {"task_id": ID, "status": "IN_PROGRESS", "generated": []}
TEXT = json.dumps({"data": TASK})
LATIN = TEXT.replace("[]", '"\xe9"').encode("latin-1")


def task(**changes: object) -> bytes:
    return json.dumps({"data": {**TASK, **changes}}).encode()


def without(name: str) -> bytes:
    return json.dumps({"data": {key: value for key, value in TASK.items() if key != name}}).encode()


# A body of a 200, and the status of the task that it shows; None: it is unreadable.
BODIES: list[tuple[str, bytes, str | None]] = [
    ("empty", b"", None),
    ("white space", b" \n\t", None),
    ("HTML", b"<html><title>Hi</title></html>", None),
    ("truncated", TEXT[:-9].encode(), None),
    ("two documents", TEXT.encode() * 2, None),
    ("null", b"null", None),
    ("a number", b"5", None),
    ("a list", json.dumps([{"data": TASK}]).encode(), None),
    ("no data", b"{}", None),
    ("data of another kind", b'{"data":"x"}', None),
    ("data is null", b'{"data":null}', None),
    ("data is a list", json.dumps({"data": [TASK]}).encode(), None),
    ("no wrapper", json.dumps(TASK).encode(), None),
    ("no id", without("task_id"), None),
    ("an empty id", task(task_id=" "), None),
    ("a null id", task(task_id=None), None),
    ("no status", without("status"), None),
    ("a null status", task(status=None), None),
    ("an empty status", task(status=""), None),
    ("a number for a status", task(status=3), None),
    ("an unknown status", task(status="QUEUED"), "QUEUED"),
    ("a status in lower case", task(status="completed"), "completed"),
    ("a number for an id", task(task_id=42), "IN_PROGRESS"),
    ("no generated", without("generated"), "IN_PROGRESS"),
    ("null generated", task(generated=None), "IN_PROGRESS"),
    ("a text for generated", task(generated="u"), "IN_PROGRESS"),
    ("an object for generated", task(generated={"u": "v"}), "IN_PROGRESS"),
    ("unexpected entries", task(generated=[None, 5, {}, ""]), "IN_PROGRESS"),
    ("more fields", task(has_nsfw=[True], nested={"a": [1]}), "IN_PROGRESS"),
    ("NaN", TEXT.replace("[]", "[NaN, Infinity]").encode(), "IN_PROGRESS"),
    ("duplicate keys", b'{"data":1,' + TEXT[1:].encode(), "IN_PROGRESS"),
    ("too large", task(padding="x" * MAX_RESPONSE_BYTES), None),
    ("deep nesting", b"[" * 100_000, None),
    ("deep and closed", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, None),
    ("a huge integer", TEXT.replace("[]", "9" * 5000).encode(), None),
    ("a large integer", TEXT.replace("[]", "9" * 400).encode(), "IN_PROGRESS"),
    ("another charset", LATIN, None),
    ("UTF-16", TEXT.encode("utf-16"), "IN_PROGRESS"),
    ("a byte order mark", b"\xef\xbb\xbf" + TEXT.encode(), "IN_PROGRESS"),
    ("control characters", TEXT.replace("[]", '"\x00\x01"').encode(), None),
    ("half a character", TEXT.replace("[]", '["\\ud800"]').encode(), "IN_PROGRESS"),
]


@pytest.mark.parametrize(("body", "status"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_bodies(body: bytes, status: str | None) -> None:
    """A status needs an id and a status; a create is a task or unknown; a list is readable or isn't."""
    response = Response(200, {"x-request-id": "req-1"}, body)
    shown = decide(Operation.STATUS, response)
    if status is None:
        assert isinstance(shown, Retry)
        error = shown.error
        assert isinstance(error, ResponseFormatError)
        assert (error.status_code, error.request_id) == (200, "req-1")
        assert len(error.body) <= 64 * 1024
        assert len(str(error)) < 400
    else:
        assert isinstance(shown, Return)
        assert isinstance(shown.value, TaskData)
        assert shown.value.status == status
        assert shown.value.urls in {(), ("\ud800",)}
        json.dumps(shown.value.raw, allow_nan=False)  # so that it can be stored
    created = decide(Operation.CREATE, response)
    if isinstance(created, Return):
        assert isinstance(created.value, TaskData)
        assert created.value.id in body.decode("utf-16" if b"\0" in body[:4] else "utf-8", "replace")
    else:
        assert isinstance(created, Raise)
        assert isinstance(created.error, OutcomeUnknown)
    assert type(decide(Operation.LIST, response)) in {Return, Retry}


def test_an_answer_beyond_the_limit(driver: Driver) -> None:
    """An answer beyond the limit is cut there: a status can't be read, and a create keeps its id."""
    client = driver.open(Script.of(reply(content=TEXT[:-1].encode() + b" " * MAX_RESPONSE_BYTES + b"}")))
    with pytest.raises(ResponseFormatError):
        client.get(ID)
    assert client.create([IMAGE]).id == ID


CREATED: list[tuple[bytes, TaskData | None]] = [
    (b'{"data":{"task_id":"t","status":"CREATED"}}', TaskData("t", "CREATED")),
    (b'{"data":{"task_id":"t","status":5}}', TaskData("t", "UNKNOWN")),
    (b'{"data":{"task_id":"t","generated":["u","","w"]}}', TaskData("t", "UNKNOWN", ("u", "w"))),
    (b'[[{"a":{"task_id":" t "}}]]', TaskData("t", "UNKNOWN")),
    (b'{"a":{"b":{"task_id":"deep"}},"c":{"task_id":"near"}}', TaskData("near", "UNKNOWN")),
    (b'{"task_id":"outer","data":{"task_id":"t"}}', TaskData("t", "UNKNOWN")),
    (b'{"task_id":7}', TaskData("7", "UNKNOWN")),
    (b'{"task_id":true,"data":{"task_id":""}}', None),
    (b'{"task\\u005fid":"t"}', TaskData("t", "UNKNOWN")),
    (b'\xff{"task_id" : "t", "status": "CRE', TaskData("t", "UNKNOWN")),
    (b'{"task_id": 12, ', TaskData("12", "UNKNOWN")),
    (b'{"task_id": "a b"', None),
    (b"", None),
]


@pytest.mark.parametrize(("body", "task"), CREATED, ids=[body.decode("latin-1") for body, _ in CREATED])
def test_a_created_task_is_found_anywhere(body: bytes, task: TaskData | None) -> None:
    """The task in `data`, else the one nearest to the top, and in a damaged answer at least its id."""
    found = find_created_task(Response(200, {"x-request-id": "req"}, body))
    assert found == task
    if found and task:
        assert (found.status, found.urls, found.request_id) == (task.status, task.urls, "req")


def test_the_text_of_an_answer() -> None:
    """The text has at most 64 Ki characters of any bytes; it is in no repr, nor are missing headers."""
    for body, text in (
        (b" a\xff ", "a\N{REPLACEMENT CHARACTER}"),
        (b"x" * 65_537, "x" * 65_536),
        ("\N{CLAPPER BOARD}".encode() * 65_537, "\N{CLAPPER BOARD}" * 65_536),
    ):
        assert Response(200, {}, body).text == text
    assert "12345" not in repr(Response(200, {"a": "b"}, b"12345"))
    empty = Response(200, {"x-request-id": ""}, b"")
    assert (empty.content_type, empty.request_id, empty.text) == ("", None, "")


@pytest.mark.parametrize(
    ("body", "task_id"),
    [(b"<html>", None), (b'{"data":{"status":"CREATED"}}', None), (b'{"data":{"task_id":"t"}}', "t")],
)
def test_no_task(body: bytes, task_id: str | None) -> None:
    """A task without a status is no task, and the error names it; it shows the start of the body."""
    head = {"content-type": "text/html; charset=utf-8", "x-request-id": "req-1"}
    with pytest.raises(ResponseFormatError) as caught:
        read_task(Response(201, head, body))
    error = caught.value
    assert (error.task_id, error.status_code, error.request_id) == (task_id, 201, "req-1")
    assert (error.content_type, error.body) == (head["content-type"], body.decode())
    assert body.decode()[:10] in str(error)


def test_lists() -> None:
    """A list has tasks alone, of any status; only a 404 that speaks of tasks is an empty one."""
    body = b'{"data":[{"task_id":"a","status":"X"},{"task_id":"b"},{"task_id":7,"status":5}]}'
    tasks = read_tasks(Response(200, {"x-request-id": "r"}, body))
    assert [(task.id, task.request_id) for task in tasks] == [("a", "r"), ("b", "r"), ("7", "r")]
    entries = ("{}", '["a"]', '[[{"task_id":"a"}]]', "[null]", '[{"task_id":"a"},{}]')
    for damaged in ("{}", '[{"task_id":"a"}]', *(f'{{"data":{data}}}' for data in entries)):
        with pytest.raises(ResponseFormatError):
            read_tasks(Response(200, {}, damaged.encode()))
    assert read_tasks(Response(404, {}, b'{"message":"No task was found"}')) == []
    for status, prose in ((404, b'{"message":"multitasking"}'), (400, b'{"message":"Tasks not found"}')):
        with pytest.raises(ApiError) as caught:
            read_tasks(Response(status, {}, prose))
        assert isinstance(caught.value, NotFoundError) == (status == 404)


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [
        (ID, ID.upper(), False),
        (ID, ID.replace("-", ""), False),
        (ID, f"{ID[:-1]}2", True),
        (ID, "t-1", False),
        ("t-1", "T-1", False),
        ("t-1", "t-2", True),
    ],
)
def test_two_ids(one: str, other: str, are: bool) -> None:  # noqa: FBT001 - a case of the table
    """A UUID may be written in several ways; a UUID and another form may name one task."""
    assert are_different(one, other) == are_different(other, one) == are


SENT = "Wed, 21 Oct 2026 07:28:00 GMT"
HINTS: list[tuple[int, dict[str, str], float | None]] = [
    (503, {}, None),
    (503, {"retry-after": " 17 "}, 17.0),
    (503, {"retry-after": "00"}, 0.0),
    (503, {"retry-after": "999999999"}, 999_999_999.0),
    (503, {"retry-after": "9" * 30}, None),
    (503, {"retry-after": "1.5"}, None),
    (503, {"retry-after": "-1"}, None),
    (503, {"retry-after": "soon"}, None),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": SENT}, 30.0),
    (503, {"retry-after": "Wed, 21 Oct 2026 09:28:30 +0200", "date": SENT}, 30.0),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": SENT}, 0.0),
    (503, {"retry-after": "Wed, 99 Oct 2026 07:00:00 GMT", "date": SENT}, None),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:28:30 -0000", "date": SENT}, None),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "today"}, None),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
    (503, {"x-ratelimit-reset": "5"}, None),
    (429, {"x-ratelimit-reset": " 5 "}, 5.0),
    (429, {"x-ratelimit-reset": "0"}, None),
    (429, {"x-ratelimit-reset": "1792567680"}, None),
    (429, {"x-ratelimit-reset": "5", "retry-after": "3"}, 3.0),
    (429, {"x-ratelimit-reset": "5", "retry-after": "0"}, 0.0),
    (429, {"x-ratelimit-reset": "5", "retry-after": "soon", "date": SENT}, 5.0),
]


@pytest.mark.parametrize(("status", "headers", "hint"), HINTS, ids=[str(row[1]) for row in HINTS])
def test_retry_after(status: int, headers: dict[str, str], hint: float | None) -> None:
    """Retry-After counts, a date against the answer's own; else, of a 429, when the rate's window ends."""
    assert read_retry_after(Response(status, headers, b"")) == hint


# --- URLs to upload to

FILE: dict[str, Any] = {
    "upload_url": "https://store.example/put?sig=1",
    "asset_url": "https://store.example/get",
    "headers": {"content-type": "image/png"},
    "expires_in": 600,
    "asset_url_expires_in": 3600.5,
}


def read_uploads(body: object, status: int = 200) -> tuple[UploadAddress, ...]:
    return read_upload_addresses(Response(status, {}, json.dumps(body).encode()))


def test_upload_addresses() -> None:
    """Each file has its own URLs, headers and times, in order; a signed URL is in no repr."""
    found = read_uploads({"files": [FILE, {**FILE, "asset_url": "https://store.example/other"}]})
    assert found[0] == UploadAddress(FILE["upload_url"], FILE["headers"], FILE["asset_url"], 600.0, 3600.5)
    assert found[1].asset_url == "https://store.example/other"
    assert "store.example" not in repr(found)
    assert read_uploads({"files": [{"upload_url": "u", "asset_url": "a"}]}) == (UploadAddress("u", {}, "a"),)
    for value in (None, True, "600", [600]):
        (timeless,) = read_uploads({"files": [{**FILE, "expires_in": value, "asset_url_expires_in": value}]})
        assert (timeless.put_seconds, timeless.asset_seconds) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"files": {}},
        {"files": []},
        {"files": [None]},
        {"files": [FILE, {**FILE, "upload_url": 5}]},
        {"files": [FILE, {**FILE, "asset_url": None}]},
        {"files": [{**FILE, "headers": []}]},
        {"files": [{**FILE, "headers": {"a": "b", "content-length": 5}}]},
    ],
)
def test_unusable_upload_addresses(body: object) -> None:
    """An entry without both URLs, or with headers that can't be sent, makes the answer unreadable."""
    with pytest.raises(ResponseFormatError):
        read_uploads(body)
    with pytest.raises(ServerError):
        read_uploads(body, 503)
