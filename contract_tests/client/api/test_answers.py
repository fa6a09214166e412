"""What can be had from an answer whatever its form: its text, a task, and when to come back."""

from __future__ import annotations

from typing import Any

import pytest

from kling_elements.api.parsing import find_created_task, read_retry_after, task_from
from kling_elements.types import Response, TaskData

SENT = "Wed, 21 Oct 2026 07:28:00 GMT"


def seen(task: TaskData | None) -> tuple[object, ...] | None:
    """All that a task is, what its comparison leaves out included."""
    return None if task is None else (task.id, task.status, task.urls, task.raw, task.request_id)


def test_what_an_answer_does_not_say() -> None:
    """An answer without headers and body has no media type, no id and no text."""
    empty = Response(200, {}, b"")
    assert (empty.content_type, empty.request_id, empty.text) == ("", None, "")
    assert Response(200, {"x-request-id": ""}, b"").request_id is None


@pytest.mark.parametrize(("status", "is_ok"), [(199, False), (200, True), (299, True), (300, False)])
def test_a_success(status: int, is_ok: bool) -> None:  # noqa: FBT001 - a case of the table
    """Every 2xx is a success, and nothing else."""
    assert Response(status, {}, b"").is_ok is is_ok


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b" a\xff ", "a\N{REPLACEMENT CHARACTER}"),
        (b"x" * 65_537, "x" * 65_536),
        ("\N{CLAPPER BOARD}".encode() * 65_537, "\N{CLAPPER BOARD}" * 65_536),
    ],
    ids=["odd bytes", "one more", "one more, of four bytes each"],
)
def test_the_text_is_bounded(body: bytes, text: str) -> None:
    """The text has the first 64 Ki characters, whatever the bytes are."""
    assert Response(200, {}, body).text == text


def test_json_has_no_odd_numbers() -> None:
    """What JSON has no number for is null, whatever wrote it; other text is no JSON."""
    assert Response(200, {}, b'{"a":[NaN,Infinity,-Infinity,1.5]}').json() == {"a": [None, None, None, 1.5]}
    for body in (b"", b"<html>", b"\xff", b"[" * 100_000):
        with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind
            Response(200, {}, body).json()


def test_an_answer_is_shown_by_its_size() -> None:
    """The repr of an answer does not show its body, which may be long."""
    assert (
        repr(Response(200, {"a": "b"}, b"12345"))
        == "Response(status=200, headers={'a': 'b'}, body=<5 bytes>)"
    )


TASKS: list[tuple[dict[str, Any], TaskData]] = [
    ({"status": "CREATED"}, TaskData("t", "CREATED")),
    ({"status": "a new word"}, TaskData("t", "a new word")),
    ({"status": ""}, TaskData("t", "UNKNOWN")),
    ({"status": 5}, TaskData("t", "UNKNOWN")),
    ({"generated": ["u", "", "w"]}, TaskData("t", "UNKNOWN", ("u", "w"))),
    ({"generated": "uvw"}, TaskData("t", "UNKNOWN")),
    ({"generated": {"u": "v"}}, TaskData("t", "UNKNOWN")),
    ({}, TaskData("t", "UNKNOWN")),
]


@pytest.mark.parametrize(("data", "task"), TASKS, ids=lambda value: str(value) if type(value) is dict else "")
def test_a_task_is_what_fits(data: dict[str, Any], task: TaskData) -> None:
    """A status and addresses are texts that are not empty; all that was sent stays as it is."""
    assert seen(task_from(data, "t", "req")) == (task.id, task.status, task.urls, data, "req")


CREATED: list[tuple[bytes, TaskData | None]] = [
    (b'{"data":{"task_id":"t","status":"CREATED"}}', TaskData("t", "CREATED", (), {}, "req")),
    (b'[[{"a":{"task_id":" t "}}]]', TaskData("t", "UNKNOWN")),
    (b'{"a":{"b":{"task_id":"deep"}},"c":{"task_id":"near"}}', TaskData("near", "UNKNOWN")),
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
    """The task nearest to the top is found, and in a damaged answer at least its id."""
    found = find_created_task(Response(200, {"x-request-id": "req"}, body))
    assert found == task
    assert found is None or found.request_id == "req"


HINTS: list[tuple[int, dict[str, str], float | None]] = [
    (503, {}, None),
    (503, {"retry-after": " 17 "}, 17.0),
    (503, {"retry-after": "0"}, 0.0),
    (503, {"retry-after": "00"}, 0.0),
    (503, {"retry-after": "999999999"}, 999_999_999.0),
    (503, {"retry-after": "1.5"}, None),
    (503, {"retry-after": "-1"}, None),
    (503, {"retry-after": "soon"}, None),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": SENT}, 30.0),
    (503, {"retry-after": "Wed, 21 Oct 2026 09:28:30 +0200", "date": SENT}, 30.0),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": SENT}, 0.0),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:28:30 -0000", "date": SENT}, None),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "today"}, None),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
    (503, {"date": SENT}, None),
    (503, {"x-ratelimit-reset": "5"}, None),
    (429, {"x-ratelimit-reset": " 5 "}, 5.0),
    (429, {"x-ratelimit-reset": "0"}, None),
    (429, {"x-ratelimit-reset": "1792567680"}, None),
    (429, {"x-ratelimit-reset": "5", "retry-after": "3"}, 3.0),
    (429, {"x-ratelimit-reset": "5", "retry-after": "0"}, 0.0),
    (429, {"x-ratelimit-reset": "5", "retry-after": "soon", "date": SENT}, 5.0),
]


@pytest.mark.parametrize(
    ("status", "headers", "hint"), HINTS, ids=[f"{status} {headers}" for status, headers, _ in HINTS]
)
def test_when_to_come_back(status: int, headers: dict[str, str], hint: float | None) -> None:
    """Retry-After counts, a date against the answer's own; else, of a 429, when the rate's window ends."""
    found = read_retry_after(Response(status, headers, b""))
    assert found == hint
    assert found is None or isinstance(found, float)
