"""What an answer that is no success, or can't be read, says in its error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kling_elements import ApiError, InvalidParam, QuotaExceededError, RateLimitError, ServerError
from kling_elements.api.error_responses import format_error, read_error
from kling_elements.api.responses import are_different, read_task, read_tasks
from kling_elements.errors import NotFoundError, ResponseFormatError
from kling_elements.types import Response

UUID = "046b6c7f-0b8a-43b9-b35d-6489e6daee91"


def refusal(body: object, status: int = 400, **headers: str) -> ApiError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_error(
        Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": " m ", "detail": "d"}, "m"),
        ({"message": " ", "detail": "d", "title": "t"}, "d"),
        ({"detail": 5, "title": "t", "error": "e"}, "t"),
        ({"error": "e", "problem": "p"}, "e"),
        ({"problem": "p"}, "p"),
        ({"problem": {"title": "inner"}, "message": "outer"}, "inner"),
        ({"error": {"message": " inner "}}, "inner"),
        ({"error": {"message": 5}}, '{"error": {"message": 5}}'),
        ({"message": "x" * 501}, "x" * 500),
        (b"<TITLE lang=en> Bad\nGateway </TITLE>", "Bad\nGateway"),
        (b"<title></title> no ", "<title></title> no"),
        (b" a \n\t b ", "a b"),
        (b"x" * 501, "x" * 500),
        (b"", "an empty response"),
    ],
)
def test_the_message(body: object, message: str) -> None:
    """The first text of message, detail, title, error, problem; else the page's title; else the page."""
    assert refusal(body).message == message


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://Other.example/x?token=1", " to Other.example"),
        ("HTTPS://other.example:8443", " to other.example:8443"),
        ("//other.example#x", " to other.example"),
        ("/login?token=1", ""),
        ("https://me:secret@other.example/", " to other.example"),
    ],
)
def test_a_redirect_is_told_by_its_host(location: str, shown: str) -> None:
    """Where a redirect leads is told by the host alone: a token or a password may stand beside it."""
    error = refusal(b"", 302, location=location)
    assert error.message == f"a redirect{shown}, which is not followed"


def test_an_error_has_all_that_the_answer_told() -> None:
    """Every attribute is there; without a request id none is told, and half a letter harms no terminal."""
    error = refusal({"message": "no \ud83d", "invalid_params": [{"name": "\udc00", "reason": "r"}]}, 422)
    assert vars(error) == {
        "task_id": None,
        "hint": None,
        "status_code": 422,
        "message": "no \\ud83d",
        "invalid_params": (InvalidParam("\\udc00", "r"),),
        "request_id": None,
        "retry_after": None,
        "body": '{"message": "no \\ud83d", "invalid_params": [{"name": "\\udc00", "reason": "r"}]}',
    }
    assert "request" not in str(error).partition(". ")[0]
    other = refusal({"message": "no", "task_id": "t"}, 418, x_request_id="req", retry_after="5")
    assert vars(other) == {
        "task_id": "t",
        "hint": None,
        "status_code": 418,
        "message": "no",
        "invalid_params": (),
        "request_id": "req",
        "retry_after": 5.0,
        "body": '{"message": "no", "task_id": "t"}',
    }
    assert str(other) == "HTTP 418: no [request req]"


def test_parameters_at_fault() -> None:
    """Each is told with its reason, in the error's text too."""
    named = [{"name": "a", "field": "b", "reason": "r"}, {"field": "c"}, {"reason": "s"}, "x"]
    error = refusal({"message": "m", "invalid_params": named}, x_request_id="req-1")
    assert error.invalid_params == (InvalidParam("a", "r"), InvalidParam("c", ""), InvalidParam("?", "s"))
    assert str(error).startswith("HTTP 400: m (a: r; c: ; ?: s) [request req-1]. ")
    many = [{"name": ["body", "images", 0], "reason": "r" * 10_000}] * 9
    bounded = refusal({"message": "m" * 10_000, "invalid_params": many})
    assert bounded.invalid_params[0].name == "body.images.0"
    assert len(str(bounded)) < 3000
    assert len(refusal({"invalid_params": [{"name": "a"}] * 10_000}).invalid_params) == 50


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (429, "Too many requests", RateLimitError),
        (429, "your free_trial", RateLimitError),
        (429, "FREE TRIAL", QuotaExceededError),
        (429, "the plan", QuotaExceededError),
        (429, "a plane", RateLimitError),
        (429, "100 per day", QuotaExceededError),
        (429, "today's limit", RateLimitError),
        (429, "the day's limit", QuotaExceededError),
        (403, "quota", ApiError),
        (499, "no", ApiError),
        (500, "no", ServerError),
    ],
)
def test_the_kind(status: int, message: str, kind: type[ApiError]) -> None:
    """The status makes the kind; only of a 429 the prose counts."""
    error = refusal({"message": message}, status)
    assert isinstance(error, kind)
    assert isinstance(error, QuotaExceededError) == (kind is QuotaExceededError)
    assert error.status_code == status


def test_a_refusal_that_names_a_task() -> None:
    """The task that a refusal names is in the error."""
    assert refusal({"data": {"task_id": "t", "status": "CREATED"}}, 500).task_id == "t"
    assert refusal({"message": "no"}, 500).task_id is None


def test_what_can_t_be_used() -> None:
    """The error has all that the answer told, and shows the start of it."""
    answer = Response(201, {"content-type": "text/html; charset=utf-8", "x-request-id": "req-1"}, b"x" * 100)
    error = format_error(answer, "it is odd", task_id="t")
    assert (error.status_code, error.content_type, error.request_id) == (201, answer.content_type, "req-1")
    assert (error.body, error.task_id) == ("x" * 100, "t")
    assert str(error).endswith(f"it is odd (HTTP 201, {answer.content_type}, request req-1): {'x' * 80!r}")
    assert str(format_error(Response(200, {}, b""), "it is odd")).endswith(
        "it is odd (HTTP 200, no media type)"
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b" ", "it is empty"),
        (b"<html>", "it is no JSON"),
        (b"[]", "no task in `data`"),
        (b'{"data":[]}', "no task in `data`"),
        (b'{"data":{"status":"CREATED"}}', "its task has no id"),
        (b'{"data":{"task_id":"t"}}', "task t has no status"),
        (b'{"data":{"task_id":"t","status":""}}', "task t has no status"),
        (b'{"data":{"task_id":"t","status":5}}', "task t has no status"),
    ],
)
def test_no_task(body: bytes, words: str) -> None:
    """What is missing of a task is told; a task whose id is known is named."""
    with pytest.raises(ResponseFormatError, match=words) as caught:
        read_task(Response(200, {}, body))
    assert caught.value.task_id == ("t" if "task t" in words else None)


def test_lists_and_objects() -> None:
    """A list has tasks alone; only a 404 that speaks of tasks is an empty one."""
    tasks = read_tasks(
        Response(200, {"x-request-id": "r"}, b'{"data":[{"task_id":"a","status":"X"},{"task_id":"b"}]}')
    )
    assert [(task.id, task.request_id) for task in tasks] == [("a", "r"), ("b", "r")]
    for body in (b"{}", b'{"data":{}}', b'{"data":["a"]}', b'{"data":[{"task_id":"a"},{}]}'):
        with pytest.raises(ResponseFormatError):
            read_tasks(Response(200, {}, body))
    assert read_tasks(Response(404, {}, b'{"message":"No task was found"}')) == []
    for status, prose in ((404, b'{"message":"multitasking"}'), (400, b'{"message":"Tasks not found"}')):
        with pytest.raises(ApiError) as caught:
            read_tasks(Response(status, {}, prose))
        assert isinstance(caught.value, NotFoundError) == (status == 404)


IDS: list[tuple[str, Any, bool]] = [
    (UUID, UUID.upper(), False),
    (UUID, UUID.replace("-", ""), False),
    (UUID, f"{UUID[:-1]}2", True),
    (UUID, "t-1", False),
    ("t-1", "T-1", False),
    ("t-1", "t-2", True),
]


@pytest.mark.parametrize(("one", "other", "are"), IDS)
def test_two_ids(one: str, other: str, are: bool) -> None:  # noqa: FBT001 - a case of the table
    """A UUID may be written in several ways; of a UUID and another form nothing is known."""
    assert are_different(one, other) == are_different(other, one) == are
