"""What the client must make of an answer, told from the answer and the design alone: an oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx
from attrs import frozen

from contract_tests.support.answers import Pieces
from contract_tests.support.clients import KEY, FakeTime, Script
from kling_elements import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    InsufficientCreditsError,
    KlingError,
    Limits,
    NotFoundError,
    OutcomeUnknown,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ResponseFormatError,
    ServerError,
    Task,
)
from kling_elements.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contract_tests.schema.client.homes import Home
    from contract_tests.support.clients import Driver
    from contract_tests.support.strategies import Wire

ALONE: Final[Mapping[str, Any]] = {"journal": "off", "limits": Limits.off()}
"""A client that knows nothing of the calls before: no example of a property may feel another one."""
OK: Final = range(200, 300)
EPOCH: Final = 10**9
# With any other status, a create may have made a task.
REFUSALS: Final = frozenset(
    {400, 401, 402, 403, 404, 405, 406, 407, 410, 411, 413, 414, 415, 421, 422, 426, 429, 431, 451}
)
# The issue of these tests names the status codes; the tree of errors is the design's.
BY_STATUS: Final[Mapping[int, tuple[type[ApiError], ...]]] = {
    400: (BadRequestError,),
    401: (AuthenticationError,),
    402: (InsufficientCreditsError,),
    403: (PermissionDeniedError,),
    404: (NotFoundError,),
    413: (BadRequestError,),
    415: (BadRequestError,),
    422: (BadRequestError,),
    429: (RateLimitError, QuotaExceededError),
}


@frozen
class Seen:
    """What a call returned or raised, and the requests that were sent for it."""

    result: Any
    sent: list[httpx.Request]


def step(wire: Wire, cut: BaseException | None = None) -> Callable[[httpx.Request], httpx.Response]:
    """A step of a script that gives an answer, and may break off after it."""
    headers = {"content-type": wire.media_type, **wire.headers}
    return lambda request: httpx.Response(wire.status, headers=headers, stream=Pieces(wire.body, error=cut))


def see(driver: Driver, home: Home, *answers: Wire, cut: BaseException | None = None, **more: Any) -> Seen:
    """Call the client while a service answers in turn; errors of the tree are results, others are raised."""
    server = Script.of(*(step(answer, cut) for answer in answers))
    time = FakeTime()
    client = driver.open(server, clock=time.clock, sleep=time.sleep, **ALONE)
    try:
        result = home.call(client, **more)
    except KlingError as error:
        result = error
    return Seen(result, server.requests)


def assert_documented(seen: Seen, home: Home, wire: Wire) -> None:
    """A documented answer became what it says: a task, tasks, or the typed error with all that it told."""
    __tracebackhide__ = True
    assert KEY not in f"{seen.result} {seen.result!r}"
    if wire.status in OK:
        _assert_success(seen.result, home, wire)
        assert len(seen.sent) == 1
        return
    if home.method == "list" and wire.status == 404 and told(wire)[0] == "Tasks not found":
        assert seen.result == []
        return
    is_unknown = home.method == "create" and wire.status not in REFUSALS
    message, params = told(wire)
    error = seen.result
    assert error.request_id == wire.headers.get("x-request-id")
    assert error.status_code == wire.status
    if is_unknown:
        assert type(error) is OutcomeUnknown
        assert len(seen.sent) == 1, "a create that may have been heard was sent again"
    else:
        otherwise = (ServerError if wire.status >= 500 else ApiError,)
        assert type(error) in BY_STATUS.get(wire.status, otherwise)
        assert [(param.name, param.reason) for param in error.invalid_params] == params
        assert error.retry_after == hint(wire)
        if message:
            assert error.message == message
        else:
            assert error.message
    if message:
        assert printable(message) in str(error)
    if home.method == "create" and wire.status != 429:
        assert len(seen.sent) == 1, "a create was sent twice"


def told(wire: Wire) -> tuple[str, list[tuple[str, str]]]:
    """The message and the refused parameters of a documented error body, in either of its shapes."""
    if not isinstance(wire.value, dict):
        return "", []
    problem = wire.value.get("problem", wire.value)
    params = [
        (entry.get("name") or entry.get("field") or "?", entry["reason"])
        for entry in problem.get("invalid_params", ())
    ]
    return str(problem.get("message", "")).strip(), params


def hint(wire: Wire) -> float | None:
    """Seconds until the service asks to be called again: Retry-After, else at 429 the rate limit's reset."""
    after = wire.headers.get("retry-after", "")
    if after.isdigit():
        return float(after)
    reset = wire.headers.get("x-ratelimit-reset", "")
    # A delta of thirty years is none: somebody sent an epoch.
    is_delta = reset.isdigit() and 0 < int(reset) < EPOCH
    return float(reset) if is_delta and wire.status == 429 else None


def assert_survived(seen: Seen, home: Home, wire: Wire, task_id: str) -> None:
    """Whatever the answer was: a value of the right kind or an error of the tree; a paid id is not lost."""
    result = seen.result
    if isinstance(result, KlingError):
        assert isinstance(result, (ApiError, OutcomeUnknown, ResponseFormatError))
        assert str(result).encode()
        assert len(str(result)) < 3000
        assert KEY not in f"{result} {result!r} {vars(result)}"
        assert result.status_code == wire.status
        assert (result.request_id or "") == wire.headers.get("x-request-id", "")
    else:
        assert isinstance(result, list if home.method == "list" else Task)
        for task in result if isinstance(result, list) else [result]:
            texts = [task.id, task.status, *task.urls]
            assert all(isinstance(text, str) and text for text in texts), texts
    if home.method == "create":
        if f'"task_id": "{task_id}"'.encode() in wire.body and "content-encoding" not in wire.headers:
            assert task_id == (result.id if isinstance(result, Task) else getattr(result, "task_id", None))
        if wire.status not in REFUSALS:
            assert isinstance(result, (Task, OutcomeUnknown)), "a create that may cost looks as if it did not"
        if wire.status != 429:
            assert len(seen.sent) == 1, "a create was sent twice"


def _assert_success(result: Any, home: Home, wire: Wire) -> None:
    __tracebackhide__ = True
    data = wire.value["data"]
    if home.method == "list":
        assert isinstance(result, list)
        assert [[task.id, task.status] for task in result] == [
            [one["task_id"], one["status"]] for one in data
        ]
        return
    assert isinstance(result, Task)
    assert (result.id, result.status, result.raw) == (data["task_id"], data["status"], data)
    assert result.urls == tuple(data.get("generated", ()))
    assert result.request_id == wire.headers.get("x-request-id")
    assert result.is_terminal == (data["status"] in {"COMPLETED", "FAILED"})
