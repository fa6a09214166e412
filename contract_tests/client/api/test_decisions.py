"""Every row of the table in `kling_elements.api.outcomes`, and the typed errors that it ends in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

import kling_elements
from contract_tests.support.answers import ID, IMAGE, failing, reply, shown
from contract_tests.support.clients import Script
from kling_elements import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConnectionFailed,
    InsufficientCreditsError,
    InvalidParam,
    KlingError,
    NotFoundError,
    OutcomeUnknown,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ResponseFormatError,
    RetryPolicy,
    ServerError,
)
from kling_elements.api.outcomes import Operation, Raise, Retry, Return, decide
from kling_elements.types import NoResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.clients import Driver, FakeTime

TASK = b'{"data":{"task_id":"%b","status":"CREATED"}}' % ID.encode()
TASKS = b'{"data":[{"task_id":"%b","status":"CREATED"}]}' % ID.encode()


def answer(status: int, body: bytes = b'{"message":"no"}', **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def message(text: str) -> bytes:
    return b'{"message":"%b"}' % text.encode()


RATE = message("Too many requests. Please slow down.")
QUOTA = message("You have reached the usage limit of your free trial. Please upgrade your plan.")

# What came back, then for create, status and list: the kind of decision, and its error.
Kinds = tuple[type[object], ...]
Row = tuple[str, Response | NoResponse, tuple[Kinds, ...]]


def case(name: str, outcome: Response | NoResponse, *expected: Kinds) -> Row:
    return name, outcome, expected


ROWS: list[Row] = [
    case("never sent", NoResponse("refused", was_sent=False), *[(Retry, ConnectionFailed)] * 3),
    case(
        "no answer",
        NoResponse("cut", was_sent=True),
        (Raise, OutcomeUnknown),
        *[(Retry, ConnectionFailed)] * 2,
    ),
    case("a task", answer(200, TASK), (Return,), (Return,), (Retry, ResponseFormatError)),
    case("a list", answer(200, TASKS), (Return,), (Retry, ResponseFormatError), (Return,)),
    case("201", answer(201, TASK), (Return,), (Return,), (Retry, ResponseFormatError)),
    case("an id alone", answer(200, b'{"task_id":"x"}'), (Return,), *[(Retry, ResponseFormatError)] * 2),
    case("HTML", answer(200, b"<html>"), (Raise, OutcomeUnknown), *[(Retry, ResponseFormatError)] * 2),
    case("empty", answer(200, b""), (Raise, OutcomeUnknown), *[(Retry, ResponseFormatError)] * 2),
    case("204", answer(204, b""), (Raise, OutcomeUnknown), *[(Retry, ResponseFormatError)] * 2),
    *(
        case(str(status), answer(status), (Raise, OutcomeUnknown), *[(Raise, ApiError)] * 2)
        for status in (300, 301, 302, 303, 304, 307, 308, 399, 409, 412, 418, 423, 444, 460, 498)
    ),
    case("400", answer(400), *[(Raise, BadRequestError)] * 3),
    case("401", answer(401), *[(Raise, AuthenticationError)] * 3),
    case("402", answer(402), *[(Raise, InsufficientCreditsError)] * 3),
    case("403", answer(403), *[(Raise, PermissionDeniedError)] * 3),
    case("404", answer(404), *[(Raise, NotFoundError)] * 3),
    case("405", answer(405), *[(Raise, ApiError)] * 3),
    case("408", answer(408), (Raise, OutcomeUnknown), *[(Retry, ApiError)] * 2),
    case("413", answer(413), *[(Raise, BadRequestError)] * 3),
    case("415", answer(415), *[(Raise, BadRequestError)] * 3),
    case("422", answer(422), *[(Raise, BadRequestError)] * 3),
    case("425", answer(425), (Raise, OutcomeUnknown), *[(Retry, ApiError)] * 2),
    case("499", answer(499), (Raise, OutcomeUnknown), *[(Retry, ApiError)] * 2),
    case("a rate", answer(429, RATE), *[(Retry, RateLimitError)] * 3),
    case("the quota", answer(429, QUOTA), (Raise, QuotaExceededError), *[(Retry, QuotaExceededError)] * 2),
    *(
        case(str(status), answer(status), (Raise, OutcomeUnknown), *[(Retry, ServerError)] * 2)
        for status in (500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 529, 530, 599)
    ),
]


@pytest.mark.parametrize(("outcome", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_table(outcome: Response | NoResponse, expected: tuple[Kinds, ...]) -> None:
    """Each outcome is decided as the table says, for each operation."""
    for operation, (kind, *error) in zip(
        (Operation.CREATE, Operation.STATUS, Operation.LIST), expected, strict=True
    ):
        decision = decide(operation, outcome)
        assert type(decision) is kind, (operation, decision)
        if not isinstance(decision, Return):
            assert [type(decision.error)] == error, (operation, decision)


def test_a_fresh_task_may_be_missing() -> None:
    """A 404 is repeated right after create, for the status only; 401 and 403 are not."""
    assert isinstance(decide(Operation.STATUS, answer(404), is_fresh=True), Retry)
    assert isinstance(decide(Operation.CREATE, answer(404), is_fresh=True), Raise)
    assert isinstance(decide(Operation.STATUS, answer(403), is_fresh=True), Raise)
    assert isinstance(decide(Operation.STATUS, answer(401), is_fresh=True), Raise)


def test_a_hint_goes_along() -> None:
    """What may be repeated carries the service's hint, and what has none carries none."""
    hinted = answer(429, RATE, retry_after="7")
    for operation in (Operation.CREATE, Operation.STATUS):
        for outcome, hint in ((hinted, 7.0), (answer(429, RATE), None)):
            decision = decide(operation, outcome)
            assert isinstance(decision, Retry)
            assert decision.retry_after == hint


def unknown(outcome: Response | NoResponse) -> OutcomeUnknown:
    """What a create ends in."""
    decision = decide(Operation.CREATE, outcome)
    assert isinstance(decision, Raise)
    assert isinstance(decision.error, OutcomeUnknown)
    return decision.error


def test_an_unknown_outcome_keeps_all_that_is_known() -> None:
    """Without an answer it says what broke; with one it has status, body and request id, told once."""
    fault = unknown(NoResponse("cut off", was_sent=True))
    assert "cut off" in str(fault)
    assert (fault.status_code, fault.request_id, fault.body, fault.task_id) == (None, None, "", None)
    for status in (200, 503):
        error = unknown(answer(status, b"<html>", x_request_id="req-7"))
        assert (error.status_code, error.request_id, error.body) == (status, "req-7", "<html>")
        assert str(error).count("req-7") == 1
    named = unknown(answer(503, TASK))
    assert named.task_id == ID
    assert f"wait {ID}" in str(named)
    assert "[request" not in str(unknown(answer(200, b"")))


def test_an_empty_list_is_404(driver: Driver) -> None:
    """The 404 that names tasks is an empty list; any other 404 is an error: a wrong origin is noticed."""
    assert driver.open(Script.of(failing(404, "Tasks not found"))).list() == []
    for step in (
        failing(404, "Not Found"),
        reply(404, content=b"<html><title>404</title>"),
        reply(404, content=b""),
    ):
        with pytest.raises(NotFoundError):
            driver.open(Script.of(step)).list()


def test_a_list_of_tasks(driver: Driver) -> None:
    """The list is in the service's order, without results; an empty one is empty."""
    entries = [{"task_id": ID, "status": "COMPLETED"}, {"task_id": "b", "status": "NEW_WORD"}]
    tasks = driver.open(Script.of(reply(body={"data": entries}))).list()
    assert [(task.id, task.status, task.urls) for task in tasks] == [
        (ID, "COMPLETED", ()),
        ("b", "NEW_WORD", ()),
    ]
    assert driver.open(Script.of(reply(body={"data": []}))).list() == []


NEVER_SENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
MAYBE_SENT = [
    httpx.ReadError,
    httpx.ReadTimeout,
    httpx.WriteError,
    httpx.WriteTimeout,
    httpx.RemoteProtocolError,
    httpx.LocalProtocolError,
    httpx.DecodingError,
    httpx.CloseError,
    ConnectionResetError,
    ValueError,
]


@pytest.mark.parametrize("error", NEVER_SENT)
def test_create_that_never_left(driver: Driver, time: FakeTime, error: type[Exception]) -> None:
    """A create that had no connection is repeated, and then ConnectionFailed: no task, safe to repeat."""
    server = Script.of(error("refused"))
    with pytest.raises(ConnectionFailed, match="No task was created"):
        driver.open(server, sleep=time.sleep).create([IMAGE])
    assert len(server.requests) == RetryPolicy().attempts
    server = Script.of(error("refused"), shown())
    assert driver.open(server, sleep=time.sleep).create([IMAGE]).id == ID
    assert len(server.requests) == 2


@pytest.mark.parametrize("error", MAYBE_SENT)
def test_create_that_may_have_left(driver: Driver, error: type[Exception]) -> None:
    """A create that was sent and not answered is OutcomeUnknown, tells how to find out, and is sent once."""
    server = Script.of(error("broken"))
    with pytest.raises(OutcomeUnknown, match="kling-elements list"):
        driver.open(server).create([IMAGE])
    assert len(server.requests) == 1


@pytest.mark.parametrize("error", [*NEVER_SENT, *MAYBE_SENT])
def test_questions_that_got_no_answer(driver: Driver, error: type[Exception]) -> None:
    """A status or a list without an answer is ConnectionFailed, which costs nothing."""
    client = driver.open(Script.of(error("broken")))
    for call in client.operations()[1:]:
        with pytest.raises(ConnectionFailed):
            call()


@pytest.mark.parametrize(
    "status", [302, 400, 401, 402, 403, 404, 408, 409, 418, 500, 502, 503, 504, 520, 599]
)
def test_create_is_sent_once(driver: Driver, status: int) -> None:
    """Whatever a create is answered, but for a rate, it is sent once."""
    server = Script.of(failing(status, retry_after="0"))
    with pytest.raises(KlingError):
        driver.open(server).create([IMAGE])
    assert len(server.requests) == 1


def test_create_is_repeated_on_a_rate(driver: Driver, time: FakeTime) -> None:
    """A create that was refused for its rate made no task: it is repeated when the service says."""
    server = Script.of(failing(429, retry_after="7"), failing(429, x_ratelimit_reset="3"), shown())
    assert driver.open(server, clock=time.clock, sleep=time.sleep).create([IMAGE]).id == ID
    assert len(server.requests) == 3
    assert len({request.content for request in server.requests}) == 1
    assert time.sleeps == [7.0, 3.0]


def test_a_rate_that_lasts_is_raised(driver: Driver, time: FakeTime) -> None:
    """After the policy's attempts, or where the service asks for more than its cap, it is raised."""
    for hint, sent in (("2", 3), ("21", 1)):
        server = Script.of(failing(429, retry_after=hint))
        with pytest.raises(RateLimitError) as caught:
            driver.open(server, clock=time.clock, sleep=time.sleep).create([IMAGE])
        assert len(server.requests) == sent
        assert caught.value.retry_after == float(hint)


def test_a_quota_is_never_repeated(driver: Driver, time: FakeTime) -> None:
    """A create that found the day's quota used up is sent once, whatever hint comes with it."""
    server = Script.of(failing(429, "Daily quota exceeded", retry_after="1"))
    with pytest.raises(QuotaExceededError):
        driver.open(server, sleep=time.sleep).create([IMAGE])
    assert (len(server.requests), time.sleeps) == (1, [])


PROBLEMS: list[tuple[str, object, str, tuple[InvalidParam, ...]]] = [
    ("plain", {"message": " Invalid API key\n"}, "Invalid API key", ()),
    (
        "flat",
        {"message": "m", "invalid_params": [{"name": "page", "reason": "r"}]},
        "m",
        (InvalidParam("page", "r"),),
    ),
    (
        "wrapped",
        {"problem": {"message": "m", "invalid_params": [{"name": "images", "reason": "r"}]}},
        "m",
        (InvalidParam("images", "r"),),
    ),
    (
        "by field",
        {"message": "m", "invalid_params": [{"field": "body.images[0]", "reason": "r"}]},
        "m",
        (InvalidParam("body.images[0]", "r"),),
    ),
    (
        "odd entries",
        {"message": "m", "invalid_params": ["x", None, {}, {"name": None, "reason": 5}]},
        "m",
        (InvalidParam("?", ""), InvalidParam("?", "5")),
    ),
    ("parameters of another kind", {"message": "m", "invalid_params": "x"}, "m", ()),
    ("RFC 9457", {"title": "t", "detail": "d"}, "d", ()),
    ("an error object", {"error": {"message": "m"}}, "m", ()),
    ("an error word", {"error": "m"}, "m", ()),
    ("half a character", {"message": "a\ud800"}, "a\\ud800", ()),
    ("a message of another kind", {"message": {"a": 1}}, '{"message": {"a": 1}}', ()),
    ("a list", ["x"], '["x"]', ()),
]


@pytest.mark.parametrize(
    ("body", "said", "params"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS]
)
def test_what_a_refusal_says(
    driver: Driver, body: object, said: str, params: tuple[InvalidParam, ...]
) -> None:
    """Both shapes of problem details and both names of a parameter are read, and whatever else there is."""
    client = driver.open(Script.of(reply(400, body)))
    for call in client.operations()[:2]:
        with pytest.raises(BadRequestError) as caught:
            call()
        error = caught.value
        assert (error.status_code, error.message, error.invalid_params) == (400, said, params)
        assert error.request_id == "req-1"
        assert "req-1" in str(error)
        assert all(param.reason in str(error) for param in params)


def test_html_is_told_by_its_title(driver: Driver) -> None:
    """A page of the network edge is told by its title, and kept as the body."""
    page = b"<html><head><title>502 Bad Gateway</title></head></html>"
    with pytest.raises(ServerError) as caught:
        driver.open(Script.of(reply(502, content=page, headers={"content-type": "text/html"}))).get(ID)
    assert caught.value.message == "502 Bad Gateway"
    assert caught.value.body == page.decode()


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
HINTS: list[tuple[int, dict[str, str], float | None]] = [
    (429, {"retry_after": "7"}, 7.0),
    (429, {"retry_after": " 7 "}, 7.0),
    (429, {"retry_after": "0"}, 0.0),
    (503, {"retry_after": "120"}, 120.0),
    (429, {"retry_after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": DATE}, 30.0),
    (429, {"retry_after": "Wed, 21 Oct 2026 07:00:00 GMT", "date": DATE}, 0.0),
    (429, {"retry_after": "soon", "x_ratelimit_reset": "4"}, 4.0),
    (429, {"x_ratelimit_reset": "4"}, 4.0),
    (429, {"retry_after": "9", "x_ratelimit_reset": "4"}, 9.0),
    (503, {"x_ratelimit_reset": "4"}, None),
    (429, {"retry_after": "-5"}, None),
    (429, {"retry_after": "1e9"}, None),
    (429, {"retry_after": "9" * 30}, None),
    (429, {"retry_after": "Wed, 99 Oct 2026 07:00:00 GMT", "date": DATE}, None),
    (429, {}, None),
]


@pytest.mark.parametrize(("status", "headers", "hint"), HINTS)
def test_when_to_come_back(driver: Driver, status: int, headers: dict[str, str], hint: float | None) -> None:
    """Retry-After is read as seconds or a date, else the limit's reset as a delta; nonsense is no hint."""
    with pytest.raises(ApiError) as caught:
        driver.open(Script.of(failing(status, **headers))).get(ID)
    assert caught.value.retry_after == hint


@pytest.mark.parametrize(
    "prose",
    [
        "You have reached the usage limit of your free trial. Please upgrade your plan.",
        "Daily quota exceeded",
        "Limit of 20 requests per day reached",
        "Free-trial limit reached",
    ],
)
def test_the_quota_is_no_rate(driver: Driver, prose: str) -> None:
    """A 429 that speaks of a quota, a day or a plan is QuotaExceededError, and no RateLimitError."""
    with pytest.raises(QuotaExceededError) as caught:
        driver.open(Script.of(failing(429, prose))).create([IMAGE])
    assert not isinstance(caught.value, RateLimitError)


@pytest.mark.parametrize("prose", ["Too many requests. Please slow down.", "Rate limit exceeded", ""])
def test_a_rate_is_no_quota(driver: Driver, time: FakeTime, prose: str) -> None:
    """Any other 429 is a RateLimitError."""
    with pytest.raises(RateLimitError):
        driver.open(Script.of(failing(429, prose)), sleep=time.sleep).create([IMAGE])


@pytest.mark.parametrize("location", ["https://elsewhere.example/v1", "http://[", "/v1/other", ""])
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_redirects_of_the_service_are_not_followed(driver: Driver, status: int, location: str) -> None:
    """A redirect is an error: a key must not travel, and a create may have made a task."""
    steps: list[Callable[[httpx.Request], httpx.Response]] = [
        reply(status, content=b"", headers={"location": location})
    ]
    server = Script.of(*steps)
    client = driver.open(server)
    for call, kind in zip(client.operations(), (OutcomeUnknown, ApiError, ApiError), strict=True):
        with pytest.raises(kind) as caught:
            call()
        assert getattr(caught.value, "status_code", None) == status
        assert type(caught.value) is kind
    assert len(server.requests) == 3


def test_a_task_as_it_is(driver: Driver) -> None:
    """A task has the id and the status as sent, the addresses, the whole object, and the request's id."""
    step = shown(
        "COMPLETED", ("https://a.example/1.mp4", "https://a.example/2.mp4"), has_nsfw=[False], error=None
    )
    task = driver.open(Script.of(step)).get(ID)
    assert (task.id, task.status, task.request_id) == (ID, "COMPLETED", "req-1")
    assert task.urls == ("https://a.example/1.mp4", "https://a.example/2.mp4")
    assert task.raw["has_nsfw"] == [False]
    assert task.is_terminal
    wanted = kling_elements.AsyncTask if driver.backend else kling_elements.Task
    assert type(task) is wanted
