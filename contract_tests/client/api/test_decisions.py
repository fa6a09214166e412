"""What an outcome means: the table of `kling_elements.api.outcomes`, and what both clients do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

REFUSALS = {400: BadRequestError, 401: AuthenticationError, 402: InsufficientCreditsError,
            403: PermissionDeniedError, 404: NotFoundError, 405: ApiError,
            **dict.fromkeys((413, 415, 422), BadRequestError)}  # fmt: skip
ODD = (199, 300, 301, 302, 303, 304, 307, 308, 399, 409, 412, 418, 423, 444, 460, 498)
PASSING = (408, 425, 499)
FAULTS = (500, 501, 502, 503, 504, 520, 522, 527, 529, 530, 599, 600, 999)
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
    *((str(status), answer(status), ((Raise, kind),) * 3) for status, kind in REFUSALS.items()),
    *((str(status), answer(status), (UNKNOWN, (Raise, ApiError), (Raise, ApiError))) for status in ODD),
    *((str(status), answer(status), (UNKNOWN, (Retry, ApiError), (Retry, ApiError))) for status in PASSING),
    *((str(status), answer(status), (UNKNOWN, *((Retry, ServerError),) * 2)) for status in FAULTS),
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


def test_special_cases() -> None:
    """A quota does not delay an upload; a 404 is retried for the status of a fresh task, and nothing else."""
    assert isinstance(decide(Operation.UPLOAD, QUOTA), Raise)
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


# --- both clients


def test_an_empty_list_is_404(driver: Driver) -> None:
    """The 404 that names tasks is an empty list; any other 404 is an error: a wrong origin is noticed."""
    assert driver.open(Script.of(failing(404, "Tasks not found"))).list() == []
    for step in (failing(404, "Not Found"), reply(404, content=b"<title>404</title>")):
        with pytest.raises(NotFoundError):
            driver.open(Script.of(step)).list()


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


@pytest.mark.parametrize(
    ("steps", "kind", "slept"),
    [
        ([failing(429, retry_after="7"), failing(429, x_ratelimit_reset="3"), shown()], None, [7, 3]),
        ([failing(429, retry_after="2")], RateLimitError, [2, 2]),
        ([failing(429, retry_after="21")], RateLimitError, []),
        ([failing(429, "Daily quota exceeded", retry_after="1")], QuotaExceededError, []),
    ],
    ids=["passes", "lasts", "beyond the cap", "quota"],
)
def test_a_create_after_a_429(
    driver: Driver, time: FakeTime, steps: list[Any], kind: type[ApiError] | None, slept: list[float]
) -> None:
    """A rate made no task: it is retried when the service says, in bounds; the quota is raised at once."""
    server = Script.of(*steps)
    client = driver.open(server, clock=time.clock, sleep=time.sleep)
    if kind is None:
        assert client.create([IMAGE]).id == ID
    else:
        with pytest.raises(ApiError) as caught:
            client.create([IMAGE])
        assert type(caught.value) is kind
        assert caught.value.retry_after
    assert (time.sleeps, len(server.requests)) == (slept, len(slept) + 1)
    assert len({request.content for request in server.requests}) == 1


def test_a_task_as_it_is(driver: Driver) -> None:
    """A task has the id and the status as sent, the URLs, the whole object, and the request's id."""
    urls = ("https://a.example/1.mp4", "https://a.example/2.mp4")
    task = driver.open(Script.of(shown("COMPLETED", urls, has_nsfw=[False], error=None))).get(ID)
    assert (task.id, task.status, task.request_id, task.urls) == (ID, "COMPLETED", "req-1", urls)
    assert task.raw["has_nsfw"] == [False]
    assert task.is_terminal
    assert type(task) is (kling_elements.AsyncTask if driver.backend else kling_elements.Task)
