"""Read what the service responds: tasks, lists, URLs to upload to, and errors, from bodies in any shape."""

import json
from typing import Any

import pytest

from contract_tests.support.answers import ID
from kling_elements import InvalidParam, TaskData, errors
from kling_elements.api.error_responses import read_error
from kling_elements.api.outcomes import Operation, Raise, Retry, Return, decide
from kling_elements.api.parsing import find_created_task, read_retry_after, result_urls
from kling_elements.api.responses import UploadAddress, read_tasks, read_upload_addresses
from kling_elements.types import MAX_RESPONSE_BYTES, Response

TASK: dict[str, Any] = {"task_id": ID, "status": "IN_PROGRESS", "generated": []}
TEXT = json.dumps({"data": TASK})


def task(**changes: object) -> bytes:
    return json.dumps({"data": {**TASK, **changes}}).encode()


# A body of a 200, and the status of the task that it shows; None: it is unreadable.
BODIES: dict[str, tuple[bytes, str | None]] = {
    "HTML": (b"<html><title>Hi</title></html>", None),
    "no id": (task(task_id=None), None),
    "no status": (task(status=None), None),
    "an unknown status": (task(status="QUEUED"), "QUEUED"),
    "a number for an id": (task(task_id=42), "IN_PROGRESS"),
    "null generated": (task(generated=None), "IN_PROGRESS"),
    "a text for generated": (task(generated="u"), "IN_PROGRESS"),
    "unexpected entries": (task(generated=[None, 5, {}, ""]), "IN_PROGRESS"),
    "duplicate keys": (b'{"data":1,' + TEXT[1:].encode(), "IN_PROGRESS"),
    "too large": (task(padding="x" * MAX_RESPONSE_BYTES), None),
    "deep and closed": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, None),
    "numbers that are none": (TEXT.replace("[]", "[NaN, -Infinity, 1e999]").encode(), "IN_PROGRESS"),
    "a huge integer": (TEXT.replace("[]", "9" * 5000).encode(), None),
    "another charset": (TEXT.replace("[]", '"\xe9"').encode("latin-1"), None),
    "UTF-16": (TEXT.encode("utf-16"), "IN_PROGRESS"),
    "a byte order mark": (b"\xef\xbb\xbf" + TEXT.encode(), "IN_PROGRESS"),
    "control characters": (TEXT.replace("[]", '"\x00\x01"').encode(), None),
    "JSON as text": (json.dumps(TEXT).encode(), "IN_PROGRESS"),
    "half a character": (TEXT.replace("[]", '["\\ud800"]').encode(), "IN_PROGRESS"),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
def test_bodies(body: bytes, status: str | None) -> None:
    """A status needs an id and a status; a create is a task or unknown; a list is readable or isn't."""
    response = Response(200, {"x-request-id": "req-1"}, body)
    shown = decide(Operation.STATUS, response)
    if isinstance(shown, Return):
        assert isinstance(shown.value, TaskData)
        assert (shown.value.status, shown.value.urls) in {(status, ()), (status, ("\ud800",))}
        json.dumps(shown.value.raw, allow_nan=False)  # so that it can be stored
    else:
        assert isinstance(shown, Retry)
        assert isinstance(shown.error, errors.ResponseFormatError)
        assert (status, shown.error.status_code, shown.error.request_id) == (None, 200, "req-1")
        assert len(shown.error.body) <= 64 * 1024
        assert len(str(shown.error)) < 400
    created = decide(Operation.CREATE, response)
    if isinstance(created, Return):
        value: Any = created.value
        assert value.id in body.decode("utf-16" if b"\0" in body[:4] else "utf-8", "replace")
    else:
        assert isinstance(created, Raise)
        assert isinstance(created.error, errors.OutcomeUnknown)
    assert type(decide(Operation.LIST, response)) in {Return, Retry}


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
    (rb'{"body":"{\"data\": {\"task_id\": \"t\"}}"}', TaskData("t", "UNKNOWN")),
    (rb'["{\"a\":\"{\\\"task_id\\\":7}\"}"]', TaskData("7", "UNKNOWN")),
    *((b'{"task_id": ' + other, None) for other in (b'"a b"', b"12", b"1.5}", b"1e5}")),
    (b"", None),
]


def test_a_created_task_is_found_anywhere() -> None:
    """The task in `data`, else the one nearest to the top, and in a damaged answer at least its id."""
    for body, task in CREATED:
        found = find_created_task(Response(200, {"x-request-id": "req"}, body))
        assert found == task, body
        if found and task:
            assert (found.status, found.urls, found.request_id) == (task.status, task.urls, "req")


def test_lists() -> None:
    """A list has tasks alone, of any status; only a 404 that speaks of tasks is an empty one."""
    body = b'{"data":[{"task_id":"a","status":"X"},{"task_id":"b"},{"task_id":7,"status":5}]}'
    tasks = read_tasks(Response(200, {"x-request-id": "r"}, body))
    assert [(task.id, task.request_id) for task in tasks] == [("a", "r"), ("b", "r"), ("7", "r")]
    entries = ("{}", '["a"]', '[[{"task_id":"a"}]]', "[null]", '[{"task_id":"a"},{}]')
    for damaged in ("{}", '[{"task_id":"a"}]', *(f'{{"data":{data}}}' for data in entries)):
        with pytest.raises(errors.ResponseFormatError):
            read_tasks(Response(200, {}, damaged.encode()))
    assert read_tasks(Response(404, {}, b'{"message":"No task was found"}')) == []
    for status, prose in ((404, b'{"message":"multitasking"}'), (400, b'{"message":"Tasks not found"}')):
        with pytest.raises(errors.ApiError) as caught:
            read_tasks(Response(status, {}, prose))
        assert isinstance(caught.value, errors.NotFoundError) == (status == 404)


SENT = "Wed, 21 Oct 2026 07:28:00 GMT"
HINTS: list[tuple[int, dict[str, str], float | None]] = [
    (503, {}, None),
    (503, {"retry-after": " 17 "}, 17.0),
    (503, {"retry-after": "00"}, 0.0),
    (503, {"retry-after": "9" * 30}, None),
    (503, {"retry-after": "-1"}, None),
    (503, {"retry-after": "soon"}, None),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": SENT}, 30.0),
    (503, {"retry-after": "Wed, 21 Oct 2026 09:28:30 +0200", "date": SENT}, 30.0),
    (503, {"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": SENT}, 0.0),
    (503, {"retry-after": "Wed, 99 Oct 2026 07:00:00 GMT", "date": SENT}, None),
    (503, {"retry-after": "Wednesday, 21-Oct-26 07:28:30 GMT", "date": "Wed Oct 21 07:28:00 2026"}, 30.0),
    (503, {"retry-after": "Wed Oct 21 07:28:30 2026", "date": SENT}, 30.0),
    (503, {"retry-after": "Sun Nov  6 08:49:37 1994", "date": "today"}, None),
    (503, {"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, None),
    (503, {"retry-after": "5, 17,5"}, 17.0),
    (503, {"x-ratelimit-reset": "5"}, None),
    (429, {"x-ratelimit-reset": " 5 "}, 5.0),
    (429, {"x-ratelimit-reset": "1792567680"}, None),
    (429, {"x-ratelimit-reset": "5", "retry-after": "3"}, 3.0),
    (429, {"x-ratelimit-reset": "5", "retry-after": "0"}, 0.0),
    (429, {"x-ratelimit-reset": "5", "retry-after": "soon", "date": SENT}, 5.0),
]


def test_retry_after() -> None:
    """Retry-After counts, a date against the answer's own or the clock; else when a 429's window ends."""
    for status, headers, hint in HINTS:
        assert read_retry_after(Response(status, headers, b"")) == hint, headers
    without_date = Response(503, {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, b"")
    assert (read_retry_after(without_date) or 0) > 10**9


URL, OTHER, SECOND = (f"https://cdn.example/{name}" for name in ("a.mp4", "b.jpg", "b.mp4"))
URLS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"generated": [URL, OTHER]}, (URL, OTHER)),
    ({"generated": ["not a URL", " "]}, ("not a URL",)),
    ({"generated": [f"\t{URL} \r\n"]}, (URL,)),
    ({"generated": f" {URL}", "output": f"{SECOND}\n"}, (URL,)),
    ({"output": f"\n{SECOND}\n"}, (SECOND,)),
    ({"generated": URL}, (URL,)),
    ({"generated": [{"url": URL, "thumbnail": OTHER}]}, (URL,)),
    ({"generated": {"video": {"url": URL}, "cover": {"url": OTHER}}}, (URL,)),
    ({"generated": {"videos": [{"link": URL}]}}, (URL,)),
    ({"generated": [], "video_url": URL}, (URL,)),
    ({"video": {"url": URL}}, (URL,)),
    ({"generated": [{"type": "image", "url": OTHER}, {"type": "video", "url": URL}]}, (URL,)),
    ({"generated": None, "result": {"output": [URL], "cover": OTHER}}, (URL,)),
    ({"generated": [], "result": {"output": [URL, SECOND]}}, ()),
    ({"generated": [{"first": URL, "second": SECOND}]}, ()),
    *(({"generated": value, "image": OTHER}, ()) for value in ("soon", None, 5, [[[[[[[[URL]]]]]]]])),
]


def test_the_video_in_any_shape() -> None:
    """A URL that can only be the video's is used, wherever it is."""
    for task, urls in URLS:
        assert result_urls(task) == urls, task


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
    (endless,) = read_uploads({"files": [{**FILE, "expires_in": 10**400}]})
    assert (endless.put_seconds or 0) > 10**6
    for value in (None, True, "600", [600]):
        (timeless,) = read_uploads({"files": [{**FILE, "expires_in": value, "asset_url_expires_in": value}]})
        assert (timeless.put_seconds, timeless.asset_seconds) == (None, None)


BAD_FILES: list[Any] = [{}, [], [None], [FILE, {**FILE, "upload_url": 5}], [FILE, {"upload_url": "u"}],
                        [{**FILE, "headers": []}], [{**FILE, "headers": {"content-length": 5}}]]  # fmt: skip


def test_unusable_upload_addresses() -> None:
    """An entry without both URLs, or with headers that can't be sent, makes the answer unreadable."""
    for body in ({}, *({"files": files} for files in BAD_FILES)):
        for status, kind in ((200, errors.ResponseFormatError), (503, errors.ServerError)):
            with pytest.raises(kind):
                read_uploads(body, status)


# --- answers that are no success


def refusal(body: object, status: int = 400, **headers: str) -> errors.ApiError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_error(
        Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)
    )


MESSAGES: list[tuple[object, str]] = [
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
]


def test_the_message() -> None:
    """The first text of message, detail, title, error, problem; else the page's title; else the page."""
    for body, message in MESSAGES:
        assert refusal(body).message == message


def test_a_redirect_is_shown_by_its_host() -> None:
    """Only a redirect's host is shown: a token or a password may stand beside it."""
    for location, shown in (
        ("https://Other.example/x?token=1", " to Other.example"),
        ("HTTPS://me:secret@other.example:8443", " to other.example:8443"),
        ("//other.example#x", " to other.example"),
        ("/login?token=1", ""),
    ):
        message = refusal(b"", 302, location=location).message
        assert message == f"a redirect{shown}, which is not followed"


PARAMS: list[tuple[object, list[tuple[str, str]]]] = [
    ([{"name": "a", "field": "b", "reason": "r"}], [("a", "r")]),
    ([{"field": "c"}, {"reason": "s"}, "x", None], [("c", ""), ("?", "s")]),
    ([{}, {"name": None, "reason": 5}], [("?", ""), ("?", "5")]),
    ([{"name": ["body", "images", 0], "reason": {}}], [("body.images.0", "")]),
    ([{"name": {"a": 1}, "reason": "\udc00"}], [("?", "\\udc00")]),
    ("x", []),
]


def test_parameters_at_fault() -> None:
    """Both shapes of problem details and both names of a parameter are read, within bounds."""
    for entries, params in PARAMS:
        problem = {"message": "m", "invalid_params": entries}
        for body in (problem, {"problem": problem}):
            found = refusal(body)
            assert found.message == "m"
            assert found.invalid_params == tuple(InvalidParam(*each) for each in params)
    error = refusal({"message": "m" * 10_000, "invalid_params": [{"name": "a", "reason": "r" * 600}] * 1000})
    assert len(error.invalid_params) == 50
    assert len(str(error)) < 3000


QUOTAS = ("Free-trial limit reached", "You have reached the usage limit.", "Please upgrade", "the plan",
          "Daily quota exceeded", "Limit of 20 requests per day reached", "the day's limit")  # fmt: skip
RATES = ("", "Too many requests. Please slow down.", "your free_trial", "a plane", "today's limit")


def test_a_quota_is_no_rate() -> None:
    """The status makes the kind; only of a 429 the prose counts."""
    assert {type(refusal({"message": message}, 429)) for message in QUOTAS} == {errors.QuotaExceededError}
    assert {type(refusal({"message": message}, 429)) for message in RATES} == {errors.RateLimitError}
    assert type(refusal({"message": "quota"}, 403)) is errors.PermissionDeniedError
    assert type(refusal({"message": "quota"}, 500)) is errors.ServerError
