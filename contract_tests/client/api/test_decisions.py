"""What an outcome means, what both clients do about it, and when a request is sent."""

import contextlib
import hashlib
from typing import Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, completed, failing, reply, shown
from contract_tests.support.clients import Driver, FakeTime, Script
from kling_elements import AsyncTask, Limits, RetryPolicy, Task, errors
from kling_elements.api.auth import ApiKey
from kling_elements.api.outcomes import Operation, Raise, Retry, Return, decide
from kling_elements.operations.sender import rate_limiter_key
from kling_elements.policy.rate_limits import Rate
from kling_elements.types import NoResponse, Response

TASK = b'{"data":{"task_id":"%b","status":"CREATED"}}' % ID.encode()
TASKS = b'{"data":[{"task_id":"%b","status":"CREATED"}]}' % ID.encode()


def answer(status: int, body: bytes = b'{"message":"no"}', **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


QUOTA = answer(429, b'{"message":"You have reached the usage limit of your free trial."}')
UNKNOWN = (Raise, errors.OutcomeUnknown)
UNREADABLE = (Retry, errors.ResponseFormatError)
Kinds = tuple[type[object], ...]

REFUSALS = {
    **dict.fromkeys((400, 413, 415, 422), errors.BadRequestError),
    401: errors.AuthenticationError,
    402: errors.InsufficientCreditsError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    405: errors.ApiError,
}
RATE = errors.RateLimitError
ODD = (199, 300, 301, 302, 303, 304, 307, 308, 399, 409, 412, 418, 423, 444, 460, 498)
PASSING = (408, 425, 499)
FAULTS = (500, 501, 502, 503, 504, 520, 522, 527, 529, 530, 599, 600, 999)
# What came back, then for create, status and list: the kind of decision, and its error.
ROWS: dict[str, tuple[Response | NoResponse, tuple[Kinds, ...]]] = {
    "never sent": (NoResponse("refused", was_sent=False), ((Retry, errors.ConnectionFailed),) * 3),
    "no answer": (NoResponse("cut", was_sent=True), (UNKNOWN, *((Retry, errors.ConnectionFailed),) * 2)),
    "a task": (answer(200, TASK), ((Return,), (Return,), UNREADABLE)),
    "a list": (answer(200, TASKS), ((Return,), UNREADABLE, (Return,))),
    "201": (answer(201, TASK), ((Return,), (Return,), UNREADABLE)),
    "an id alone": (answer(200, b'{"task_id":"x"}'), ((Return,), UNREADABLE, UNREADABLE)),
    "HTML": (answer(200, b"<html>"), (UNKNOWN, UNREADABLE, UNREADABLE)),
    "204": (answer(204, b""), (UNKNOWN, UNREADABLE, UNREADABLE)),
    **{str(each): (answer(each), ((Raise, kind),) * 3) for each, kind in REFUSALS.items()},
    **{str(each): (answer(each), (UNKNOWN, *((Raise, errors.ApiError),) * 2)) for each in ODD},
    **{str(each): (answer(each), (UNKNOWN, *((Retry, errors.ApiError),) * 2)) for each in PASSING},
    **{str(each): (answer(each), (UNKNOWN, *((Retry, errors.ServerError),) * 2)) for each in FAULTS},
    "a rate": (answer(429, b'{"message":"Too many requests."}'), ((Retry, RATE),) * 3),
    "the quota": (QUOTA, ((Raise, errors.QuotaExceededError), *((Retry, errors.QuotaExceededError),) * 2)),
    "a rate with a task": (answer(429, TASK), ((Raise, RATE), *((Retry, RATE),) * 2)),
}


@pytest.mark.parametrize(("outcome", "expected"), ROWS.values(), ids=ROWS)
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
    """A quota delays no upload; an answer about another task is retried, a 404 for a fresh one."""
    assert isinstance(decide(Operation.UPLOAD, QUOTA), Raise)
    for status, operation, kind in (
        (404, Operation.STATUS, Retry),
        (404, Operation.CREATE, Raise),
        (403, Operation.STATUS, Raise),
        (401, Operation.STATUS, Raise),
    ):
        assert type(decide(operation, answer(status), is_fresh=True)) is kind
    for asked, answered, is_taken in (
        (ID, "00000000-0000-4000-8000-00000000000a", False),
        (ID, ID.upper(), True),
        (ID, ID.replace("-", ""), True),
        ("task-1", "task-10", False),
        ("task-1", "Task-1", True),
        ("task-1", ID, True),
    ):
        response = answer(200, TASK.replace(ID.encode(), answered.encode()))
        decision = decide(Operation.STATUS, response, task_id=asked)
        assert isinstance(decision, Return) is is_taken
        assert isinstance(decision, Return) or decision.error.task_id == asked
    unknown: Any = decide(Operation.CREATE, answer(503, b"<html>", x_request_id="req-7"))
    error = unknown.error
    assert (error.status_code, error.request_id, error.body) == (503, "req-7", "<html>")


# --- what the client does about it


def test_an_empty_list_is_404(driver: Driver) -> None:
    """The 404 that names tasks is an empty list; any other 404 is an error: a wrong origin is noticed."""
    assert driver.open(Script.of(failing(404, "Tasks not found"))).list() == []
    for step in (failing(404, "Not Found"), reply(404, content=b"<title>404</title>")):
        with pytest.raises(errors.NotFoundError):
            driver.open(Script.of(step)).list()


def test_a_create_after_a_429(driver: Driver) -> None:
    """A rate made no task: it is retried when the service says, in bounds; the quota is raised at once."""
    quota = failing(429, "Daily quota exceeded", retry_after="1")
    for steps, slept in (
        ([failing(429, retry_after="7"), failing(429, x_ratelimit_reset="3"), shown()], [7, 3]),
        ([failing(429, retry_after="2")], [2, 2]),
        ([failing(429, retry_after="21")], []),
        ([quota], []),
    ):
        server, time = Script.of(*steps), FakeTime()
        client = driver.open(server, clock=time.clock, sleep=time.sleep)
        with contextlib.nullcontext() if len(steps) > 1 else pytest.raises(errors.ApiError) as caught:
            assert client.create([IMAGE]).id == ID
        kind = errors.QuotaExceededError if steps == [quota] else errors.RateLimitError
        assert caught is None or (type(caught.value), bool(caught.value.retry_after)) == (kind, True)
        assert (time.sleeps, len(server.requests)) == (slept, len(slept) + 1)
        assert len({request.content for request in server.requests}) == 1


def test_a_task_as_it_is(any_driver: Driver) -> None:
    """A task has the id and the status as sent, the URLs, the whole object, and the request's id."""
    urls = ("https://a.example/1.mp4", "https://a.example/2.mp4")
    task = any_driver.open(Script.of(shown("COMPLETED", urls, has_nsfw=[False], error=None))).get(ID)
    assert (task.id, task.status, task.request_id, task.urls) == (ID, "COMPLETED", "req-1", urls)
    assert (task.raw["has_nsfw"], task.is_terminal) == ([False], True)
    assert type(task) is (AsyncTask if any_driver.backend else Task)


NOTHING = reply(body={"data": []})


@pytest.mark.parametrize(
    ("name", "good"), [("get", shown()), ("list", NOTHING), ("find_unrecorded", NOTHING)]
)
def test_questions_are_retried_within_their_timeout(
    driver: Driver, time: FakeTime, name: str, good: Any
) -> None:
    """Without a timeout a question is asked once; with one it is retried by the policy, never past it."""
    args = [ID] if name == "get" else []

    def ask(*steps: Any, policy: RetryPolicy | None = None, **options: float) -> int:
        server, began = Script.of(*steps), time.now
        client = driver.open(server, clock=time.clock, sleep=time.sleep, retries=policy)
        with contextlib.suppress(errors.ServerError, errors.AuthenticationError, errors.ConnectionFailed):
            client.call(name, *args, **options)
        assert time.now - began <= 60.001
        return len(server.requests)

    assert ask(failing(503)) == 1
    assert ask(failing(401), timeout=60) == 1
    assert ask(httpx.ReadError("cut"), timeout=60) == 3
    assert 4 <= ask(httpx.ReadError("cut"), timeout=60, policy=RetryPolicy(attempts=None)) < 60
    assert ask(failing(500), good, timeout=60) == 2
    with pytest.raises(errors.ValidationError, match="timeout"):
        ask(good, timeout=-1)


def test_requests_wait_for_the_rate(driver: Driver) -> None:
    """A request that would exceed the rate, ours or the service's own count, waits, unless limits are off."""
    left = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"}
    spent = reply(body={"data": {"task_id": ID, "status": "CREATED"}}, headers=left)
    for limits, steps, slept in (
        (Limits(rates=(Rate(2, 30.0),)), [shown()], [30]),
        (None, [shown(), spent, shown()], [9]),
        (Limits.off(), [spent], []),
    ):
        time = FakeTime()
        options: dict[str, Any] = {"limits": limits, "clock": time.clock, "sleep": time.sleep}
        client = driver.open(Script.of(*steps), api_key=f"key-{slept}", **options)
        for _ in range(3):
            client.get(ID)
        assert [round(seconds) for seconds in time.sleeps] == slept


def interrupt(*args: object) -> None:
    raise KeyboardInterrupt


ENDS: tuple[tuple[list[Any], dict[str, Any], type[BaseException] | None], ...] = (
    ([shown(), completed()], {}, None),
    ([failing(400)], {}, errors.KlingError),
    ([shown()], {"timeout": 10}, errors.DeadlineExceeded),
    ([shown()], {"on_look": interrupt}, KeyboardInterrupt),
)


def test_a_slot_is_free_again(driver: Driver, time: FakeTime) -> None:
    """However `generate` ends, its place among the tasks at once is free again; a bare create takes none."""
    options: dict[str, Any] = {"limits": Limits((), 1), "clock": time.clock, "sleep": time.sleep}
    for steps, more, error in ENDS:
        client: Any = driver.open(Script.of(*steps), **options).client
        seen: list[int] = []
        with pytest.raises(error) if error else contextlib.nullcontext():
            client.generate([IMAGE], on_update=lambda _: seen.append(client.usage.tasks), **more)  # noqa: B023
        assert set(seen) <= {1}
        assert client.usage.tasks == 0
        if error is None:
            client.create([IMAGE])
            assert (bool(seen), client.usage.tasks) == (True, 0)


def test_the_name_of_a_rate_limiter_is_no_key() -> None:
    """Keys are told apart by a digest, in which they can't be read."""
    one, other = rate_limiter_key(ApiKey("key-1")), rate_limiter_key(ApiKey("key-2"))
    assert one == rate_limiter_key(ApiKey("key-1")) != other
    assert "key" not in one
    assert one != hashlib.sha256(b"key-1").hexdigest()
