"""What the client must make of an answer, told from the answer and the design alone: an oracle."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx
from attrs import frozen

from contract_tests.schema.client.homes import Home
from contract_tests.support.answers import Pieces
from contract_tests.support.clients import KEY, Driver, FakeTime, Script
from contract_tests.support.strategies import Wire
from kling_elements import ApiError, KlingError, Limits, OutcomeUnknown, ResponseFormatError, Task
from kling_elements.printable import printable

ALONE: Final[Mapping[str, Any]] = {"journal": "off", "limits": Limits.off()}
"""A client that knows nothing of the calls before: no example of a property may feel another one."""
OK: Final = range(200, 300)
EPOCH: Final = 10**9
# With any other status, a create may have made a task.
REFUSALS: Final = frozenset({*range(400, 408), 410, 411, 413, 414, 415, 421, 422, 426, 429, 431, 451})
# The issue of these tests names the status codes; the tree of errors is the design's.
BY_STATUS: Final = {
    **dict.fromkeys((400, 413, 415, 422), ("BadRequestError",)),
    401: ("AuthenticationError",),
    402: ("InsufficientCreditsError",),
    403: ("PermissionDeniedError",),
    404: ("NotFoundError",),
    429: ("RateLimitError", "QuotaExceededError"),
}


@frozen
class Seen:
    """What a call returned or raised, and the requests that were sent for it."""

    result: Any
    sent: list[httpx.Request]


Step = Callable[[httpx.Request], httpx.Response]


def step(wire: Wire, cut: BaseException | None = None) -> Step:
    """A step of a script that gives an answer, and may break off after it."""
    headers = {"content-type": wire.media_type, **wire.headers}
    return lambda request: httpx.Response(wire.status, headers=headers, stream=Pieces(wire.body, error=cut))


def see(driver: Driver, home: Home, *answers: Wire, cut: BaseException | None = None, **more: Any) -> Seen:
    """Call a client while a service answers in turn."""
    server = Script.of(*(step(answer, cut) for answer in answers))
    return Seen(ask(driver, home, server, **more), server.requests)


def ask(driver: Driver, home: Home, service: Step, **more: Any) -> Any:
    """Call a client whose time is not the machine's; errors of the tree are results, others are raised."""
    time = FakeTime()
    try:
        return home.call(driver.open(service, clock=time.clock, sleep=time.sleep, **ALONE), **more)
    except KlingError as error:
        return error


def assert_documented(seen: Seen, home: Home, wire: Wire) -> None:
    """A documented answer became what it says: a task, tasks, or the typed error with all that it told."""
    __tracebackhide__ = True
    result, (message, params) = seen.result, told(wire)
    assert KEY not in f"{result} {result!r}"
    _assert_sent_once(seen, home, wire)
    if wire.status in OK:
        _assert_success(result, home, wire)
        return
    if home.method == "list" and wire.status == 404 and message == "Tasks not found":
        assert result == []
        return
    assert (result.request_id, result.status_code) == (wire.headers.get("x-request-id"), wire.status)
    assert printable(message).partition("?")[0] in str(result)  # of a URL no query is shown
    if home.method == "create" and wire.status not in REFUSALS:
        assert type(result) is OutcomeUnknown
        return
    otherwise = ("ServerError" if wire.status >= 500 else "ApiError",)
    assert type(result).__name__ in BY_STATUS.get(wire.status, otherwise)
    assert [(param.name, param.reason) for param in result.invalid_params] == params
    assert result.retry_after == hint(wire)
    assert result.message
    assert message in {"", result.message}


def _assert_sent_once(seen: Seen, home: Home, wire: Wire) -> None:
    assert home.method != "create" or wire.status == 429 or len(seen.sent) == 1, "a create was sent twice"


def told(wire: Wire) -> tuple[str, list[tuple[str, str]]]:
    """The message and the refused parameters of a documented error body, in either of its shapes."""
    if not isinstance(wire.value, dict):
        return "", []
    problem = wire.value.get("problem", wire.value)
    entries = problem.get("invalid_params", ())
    params = [(entry.get("name") or entry.get("field") or "?", entry["reason"]) for entry in entries]
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
    _assert_sent_once(seen, home, wire)
    if home.method == "create":
        if f'"task_id": "{task_id}"'.encode() in wire.body and "content-encoding" not in wire.headers:
            assert task_id == (result.id if isinstance(result, Task) else getattr(result, "task_id", None))
        if wire.status not in REFUSALS:
            assert isinstance(result, (Task, OutcomeUnknown)), "a create that may cost looks as if it did not"


def _assert_success(result: Any, home: Home, wire: Wire) -> None:
    __tracebackhide__ = True
    data = wire.value["data"]
    if home.method == "list":
        told_of = [(one["task_id"], one["status"]) for one in data]
        assert [(task.id, task.status) for task in result] == told_of
        return
    assert isinstance(result, Task)
    assert (result.id, result.status, result.raw) == (data["task_id"], data["status"], data)
    assert result.urls == tuple(data.get("generated", ()))
    assert result.request_id == wire.headers.get("x-request-id")
    assert result.is_terminal == (data["status"] in {"COMPLETED", "FAILED"})
