"""What an answer that is no success says in its error."""

from __future__ import annotations

import json

import pytest

from kling_elements import ApiError, InvalidParam, QuotaExceededError, RateLimitError, ServerError
from kling_elements.api.error_responses import read_error
from kling_elements.types import Response


def refusal(body: object, status: int = 400, **headers: str) -> ApiError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_error(
        Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": " Invalid API key\n", "detail": "d"}, "Invalid API key"),
        ({"message": " ", "detail": "d", "title": "t"}, "d"),
        ({"detail": 5, "title": "t", "error": "e"}, "t"),
        ({"error": "e", "problem": "p"}, "e"),
        ({"problem": "p"}, "p"),
        ({"problem": {"title": "inner"}, "message": "outer"}, "inner"),
        ({"error": {"message": " inner "}}, "inner"),
        ({"error": {"message": 5}}, '{"error": {"message": 5}}'),
        ({"message": {"a": 1}}, '{"message": {"a": 1}}'),
        ({"message": "a\ud800"}, "a\\ud800"),
        ({"message": "x" * 501}, "x" * 500),
        (["x"], '["x"]'),
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
def test_a_redirect_is_shown_by_its_host(location: str, shown: str) -> None:
    """Only a redirect's host is shown: a token or a password may stand beside it."""
    assert refusal(b"", 302, location=location).message == f"a redirect{shown}, which is not followed"


def test_every_attribute() -> None:
    """The error has all that the answer says, and half a character harms no terminal."""
    body = {"message": "no \ud83d", "task_id": "t", "invalid_params": [{"name": "\udc00", "reason": "r"}]}
    error = refusal(body, 418, x_request_id="req", retry_after="5")
    assert vars(error) == {
        "task_id": "t",
        "hint": None,
        "status_code": 418,
        "message": "no \\ud83d",
        "invalid_params": (InvalidParam("\\udc00", "r"),),
        "request_id": "req",
        "retry_after": 5.0,
        "body": json.dumps(body),
    }
    assert all(text in str(error) for text in ("418", "no \\ud83d", "\\udc00: r", "[request req]"))
    bare = refusal({"message": "no"})
    assert (bare.task_id, bare.request_id, bare.retry_after) == (None, None, None)
    assert "[request" not in str(bare)


@pytest.mark.parametrize(
    ("entries", "params"),
    [
        ([{"name": "a", "field": "b", "reason": "r"}], [("a", "r")]),
        ([{"field": "c"}, {"reason": "s"}, "x", None], [("c", ""), ("?", "s")]),
        ([{}, {"name": None, "reason": 5}], [("?", ""), ("?", "5")]),
        ([{"name": ["body", "images", 0], "reason": {}}], [("body.images.0", "")]),
        ([{"name": {"a": 1}, "reason": "r"}], [("?", "r")]),
        ("x", []),
    ],
)
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_parameters_at_fault(entries: object, params: list[tuple[str, str]], is_wrapped: bool) -> None:  # noqa: FBT001
    """Both shapes of problem details and both names of a parameter are read."""
    problem = {"message": "m", "invalid_params": entries}
    found = refusal({"problem": problem} if is_wrapped else problem)
    assert (found.message, found.invalid_params) == ("m", tuple(InvalidParam(*param) for param in params))


def test_parameters_are_bounded() -> None:
    """Neither many parameters nor long ones make an endless error."""
    many = [{"name": "a", "reason": "r" * 600}] * 1000
    error = refusal({"message": "m" * 10_000, "invalid_params": many})
    assert len(error.invalid_params) == 50
    assert len(str(error)) < 3000


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (429, "", RateLimitError),
        (429, "Too many requests. Please slow down.", RateLimitError),
        (429, "your free_trial", RateLimitError),
        (429, "Free-trial limit reached", QuotaExceededError),
        (429, "You have reached the usage limit.", QuotaExceededError),
        (429, "Please upgrade", QuotaExceededError),
        (429, "the plan", QuotaExceededError),
        (429, "a plane", RateLimitError),
        (429, "Daily quota exceeded", QuotaExceededError),
        (429, "Limit of 20 requests per day reached", QuotaExceededError),
        (429, "today's limit", RateLimitError),
        (429, "the day's limit", QuotaExceededError),
        (403, "quota", ApiError),
        (500, "no", ServerError),
    ],
)
def test_the_kind(status: int, message: str, kind: type[ApiError]) -> None:
    """The status makes the kind; only of a 429 the prose counts. A quota is no rate."""
    error = refusal({"message": message}, status)
    assert isinstance(error, kind)
    assert isinstance(error, QuotaExceededError) == (kind is QuotaExceededError)
    assert isinstance(error, RateLimitError) == (kind is RateLimitError)
