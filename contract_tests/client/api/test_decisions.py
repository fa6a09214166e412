"""What an outcome means: the table of `kling_elements.api.outcomes`, and what both clients do about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kling_elements
from contract_tests.support.answers import ID, IMAGE, failing, reply, shown
from contract_tests.support.clients import Script
from contract_tests.support.examples import examples
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
    from contract_tests.support.clients import Driver, FakeTime

TASK = b'{"data":{"task_id":"%b","status":"CREATED"}}' % ID.encode()
TASKS = b'{"data":[{"task_id":"%b","status":"CREATED"}]}' % ID.encode()


def answer(status: int, body: bytes = b'{"message":"no"}', **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


QUOTA = answer(429, b'{"message":"You have reached the usage limit of your free trial."}')
UNKNOWN = (Raise, OutcomeUnknown)
UNREADABLE = (Retry, ResponseFormatError)
Kinds = tuple[type[object], ...]

# What came back, then for create, status and list: the kind of decision, and its error.
ROWS: list[tuple[str, Response | NoResponse, tuple[Kinds, ...]]] = [
    ("never sent", NoResponse("refused", was_sent=False), ((Retry, ConnectionFailed),) * 3),
    ("no answer", NoResponse("cut", was_sent=True), (UNKNOWN, *((Retry, ConnectionFailed),) * 2)),
    ("a task", answer(200, TASK), ((Return,), (Return,), UNREADABLE)),
    ("a list", answer(200, TASKS), ((Return,), UNREADABLE, (Return,))),
    ("201", answer(201, TASK), ((Return,), (Return,), UNREADABLE)),
    ("an id alone", answer(200, b'{"task_id":"x"}'), ((Return,), UNREADABLE, UNREADABLE)),
    ("HTML", answer(200, b"<html>"), (UNKNOWN, UNREADABLE, UNREADABLE)),
    ("204", answer(204, b""), (UNKNOWN, UNREADABLE, UNREADABLE)),
    *(
        (str(status), answer(status), ((Raise, kind),) * 3)
        for status, kind in (
            (400, BadRequestError),
            (401, AuthenticationError),
            (402, InsufficientCreditsError),
            (403, PermissionDeniedError),
            (404, NotFoundError),
            (405, ApiError),
            (413, BadRequestError),
            (415, BadRequestError),
            (422, BadRequestError),
        )
    ),
    *(
        (str(status), answer(status), (UNKNOWN, (Raise, ApiError), (Raise, ApiError)))
        for status in (199, 300, 301, 302, 303, 304, 307, 308, 399, 409, 412, 418, 423, 444, 460, 498)
    ),
    *(
        (str(status), answer(status), (UNKNOWN, (Retry, ApiError), (Retry, ApiError)))
        for status in (408, 425, 499)
    ),
    *(
        (str(status), answer(status), (UNKNOWN, (Retry, ServerError), (Retry, ServerError)))
        for status in (500, 501, 502, 503, 504, 520, 522, 527, 529, 530, 599, 600, 999)
    ),
    ("a rate", answer(429, b'{"message":"Too many requests."}'), ((Retry, RateLimitError),) * 3),
    ("the quota", QUOTA, ((Raise, QuotaExceededError), *((Retry, QuotaExceededError),) * 2)),
    ("a rate with a task", answer(429, TASK), ((Raise, RateLimitError), *((Retry, RateLimitError),) * 2)),
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


def test_a_quota_does_not_delay_an_upload() -> None:
    """Nobody waits a day for an upload, as one does for a task."""
    assert isinstance(decide(Operation.UPLOAD, QUOTA), Raise)


def test_a_fresh_task_may_be_missing() -> None:
    """Right after create, a 404 to a status is retried; no other refusal is, nor another operation."""
    for status, operation, kind in (
        (404, Operation.STATUS, Retry),
        (404, Operation.CREATE, Raise),
        (403, Operation.STATUS, Raise),
        (401, Operation.STATUS, Raise),
    ):
        assert type(decide(operation, answer(status), is_fresh=True)) is kind


@pytest.mark.parametrize(
    ("asked", "answered", "is_taken"),
    [
        (ID, "00000000-0000-4000-8000-00000000000a", False),
        (ID, ID.upper(), True),
        ("task-1", "task-10", False),
        ("task-1", "Task-1", True),
        ("task-1", ID, True),
    ],
)
def test_another_task_s_video_is_not_taken(asked: str, answered: str, is_taken: bool) -> None:  # noqa: FBT001
    """An answer about another task, as from a confused cache, is retried."""
    decision = decide(
        Operation.STATUS, answer(200, TASK.replace(ID.encode(), answered.encode())), task_id=asked
    )
    assert isinstance(decision, Return) is is_taken
    assert isinstance(decision, Return) or decision.error.task_id == asked


def test_an_unknown_outcome_keeps_all_that_is_known() -> None:
    """It says what broke, has status, body and request id, and leads to the task or to the list."""

    def unknown(outcome: Response | NoResponse) -> OutcomeUnknown:
        decision = decide(Operation.CREATE, outcome)
        assert isinstance(decision, Raise)
        assert isinstance(decision.error, OutcomeUnknown)
        return decision.error

    fault = unknown(NoResponse("cut off", was_sent=True))
    assert "cut off" in str(fault)
    assert (fault.status_code, fault.request_id, fault.body, fault.task_id) == (None, None, "", None)
    assert fault.hint == "kling-elements list"
    for status in (200, 503):
        error = unknown(answer(status, b"<html>", x_request_id="req-7"))
        assert (error.status_code, error.request_id, error.body) == (status, "req-7", "<html>")
        assert str(error).count("req-7") == 1
    named = unknown(answer(503, TASK))
    assert (named.task_id, named.hint) == (ID, f"kling-elements wait {ID}")


# Names of fields, so that drawn bodies come near to real ones.
FIELDS = st.sampled_from(
    ["data", "task_id", "status", "generated", "message", "problem", "invalid_params", "error", "files"]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=12,
)
HEADERS = st.sampled_from(
    ["retry-after", "x-ratelimit-reset", "date", "location", "content-type", "x-request-id"]
)


@examples(150)
@given(
    st.integers(100, 999),
    st.dictionaries(HEADERS, st.text(max_size=12)),
    JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200),
)
def test_any_answer_is_decided(status: int, headers: dict[str, str], body: bytes) -> None:
    """Any status, headers and body end in a value or an error of the tree that can be printed."""
    for operation in Operation:
        decision = decide(operation, Response(status, headers, body))
        if isinstance(decision, Return):
            assert operation is Operation.LIST or 200 <= status < 300
        else:
            assert isinstance(decision.error, KlingError)
            assert str(decision.error).encode("utf-8")


# --- both clients


@pytest.mark.parametrize("status", [199, 306, 418, 522, 600, 999])
def test_status_codes_over_the_wire(driver: Driver, status: int) -> None:
    """Status codes that Python has no name for end in errors of the tree."""
    client = driver.open(Script.of(reply(status, content=b"<html>edge</html>")))
    for call in client.operations():
        with pytest.raises(KlingError) as caught:
            call()
        assert isinstance(caught.value, (ApiError, OutcomeUnknown))
        assert caught.value.status_code == status


def test_an_empty_list_is_404(driver: Driver) -> None:
    """The 404 that names tasks is an empty list; any other 404 is an error: a wrong origin is noticed."""
    assert driver.open(Script.of(failing(404, "Tasks not found"))).list() == []
    for step in (failing(404, "Not Found"), reply(404, content=b"<title>404</title>")):
        with pytest.raises(NotFoundError):
            driver.open(Script.of(step)).list()


def test_a_list_of_tasks(driver: Driver) -> None:
    """The list has the service's order and words; an empty one is empty."""
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
    httpx.WriteTimeout,
    httpx.RemoteProtocolError,
    httpx.DecodingError,
    ConnectionResetError,
    ValueError,
]


@pytest.mark.parametrize("error", NEVER_SENT)
def test_a_create_that_never_left_is_retried(driver: Driver, time: FakeTime, error: type[Exception]) -> None:
    """A create that had no connection is retried; then ConnectionFailed says that no task was created."""
    server = Script.of(error("refused"))
    with pytest.raises(ConnectionFailed, match="No task was created"):
        driver.open(server, sleep=time.sleep).create([IMAGE])
    assert len(server.requests) == RetryPolicy().attempts
    server = Script.of(error("refused"), shown())
    assert driver.open(server, sleep=time.sleep).create([IMAGE]).id == ID
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "step",
    [
        *(kind("broken") for kind in MAYBE_SENT),
        *(failing(status, retry_after="0") for status in (302, 408, 418, 500, 503, 520)),
    ],
    ids=lambda step: repr(step)[:20],
)
def test_a_create_that_may_have_left_is_sent_once(driver: Driver, step: Any) -> None:
    """A create that may have made a task is OutcomeUnknown, says how to find out, and is sent once."""
    server = Script.of(step)
    with pytest.raises(OutcomeUnknown) as caught:
        driver.open(server).create([IMAGE])
    assert caught.value.hint == "kling-elements list"
    assert len(server.requests) == 1


@pytest.mark.parametrize("error", [*NEVER_SENT, *MAYBE_SENT])
def test_questions_without_an_answer(driver: Driver, error: type[Exception]) -> None:
    """A status or a list without an answer is ConnectionFailed, which costs nothing."""
    client = driver.open(Script.of(error("broken")))
    for call in client.operations()[1:]:
        with pytest.raises(ConnectionFailed):
            call()


def test_a_create_is_retried_after_a_rate(driver: Driver, time: FakeTime) -> None:
    """A create that was refused for its rate made no task: it is retried when the service says."""
    server = Script.of(failing(429, retry_after="7"), failing(429, x_ratelimit_reset="3"), shown())
    assert driver.open(server, clock=time.clock, sleep=time.sleep).create([IMAGE]).id == ID
    assert len({request.content for request in server.requests}) == 1
    assert time.sleeps == [7.0, 3.0]


@pytest.mark.parametrize(
    ("step", "kind", "sent"),
    [
        (failing(429, retry_after="2"), RateLimitError, 3),
        (failing(429, retry_after="21"), RateLimitError, 1),
        (failing(429, "Daily quota exceeded", retry_after="1"), QuotaExceededError, 1),
    ],
)
def test_a_429_that_lasts(driver: Driver, time: FakeTime, step: Any, kind: type[ApiError], sent: int) -> None:
    """A rate is raised after the policy's attempts, or where it exceeds the cap; the quota at once."""
    server = Script.of(step)
    with pytest.raises(kind) as caught:
        driver.open(server, clock=time.clock, sleep=time.sleep).create([IMAGE])
    assert type(caught.value) is kind
    assert caught.value.retry_after
    assert (len(server.requests), len(time.sleeps)) == (sent, sent - 1)


def test_a_refusal_names_what_is_wrong(driver: Driver) -> None:
    """The error has the parameters at fault and the request's id, in its text too."""
    body = {"message": "m", "invalid_params": [{"field": "body.images[0]", "reason": "too small"}]}
    for call in driver.open(Script.of(reply(400, body))).operations()[:2]:
        with pytest.raises(BadRequestError) as caught:
            call()
        error = caught.value
        assert (error.status_code, error.message, error.request_id) == (400, "m", "req-1")
        assert error.invalid_params == (InvalidParam("body.images[0]", "too small"),)
        assert "too small" in str(error)
        assert "req-1" in str(error)


def test_a_task_as_it_is(driver: Driver) -> None:
    """A task has the id and the status as sent, the URLs, the whole object, and the request's id."""
    urls = ("https://a.example/1.mp4", "https://a.example/2.mp4")
    task = driver.open(Script.of(shown("COMPLETED", urls, has_nsfw=[False], error=None))).get(ID)
    assert (task.id, task.status, task.request_id, task.urls) == (ID, "COMPLETED", "req-1", urls)
    assert task.raw["has_nsfw"] == [False]
    assert task.is_terminal
    assert type(task) is (kling_elements.AsyncTask if driver.backend else kling_elements.Task)
