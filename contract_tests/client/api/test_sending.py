"""Limits and repeats, as the client applies them."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, completed, failing, reply, shown
from contract_tests.support.clients import Script
from kling_elements import (
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    KlingError,
    Limits,
    RetryPolicy,
    ServerError,
    TaskFailed,
    ValidationError,
)
from kling_elements.api.auth import ApiKey
from kling_elements.operations.sender import rate_limiter_key
from kling_elements.policy.rate_limits import Rate

if TYPE_CHECKING:
    from contract_tests.support.clients import Driver, FakeTime, Opened

ONE = Limits(rates=(), tasks=1)


def tasks_at_once(client: Opened) -> int:
    assert client.client is not None
    assert client.client.usage is not None
    return client.client.usage.tasks


GOOD = {"get": shown(), "list": reply(body={"data": []}), "find_unrecorded": reply(body={"data": []})}


@pytest.mark.parametrize("name", GOOD)
def test_questions_are_retried_within_their_timeout(driver: Driver, time: FakeTime, name: str) -> None:
    """Without a timeout a question is asked once; with one it is retried by the policy, never past it."""
    args = [ID] if name == "get" else []

    def ask(*steps: Any, policy: RetryPolicy | None = None, **options: float) -> int:
        server, began = Script.of(*steps), time.now
        client = driver.open(server, clock=time.clock, sleep=time.sleep, retries=policy)
        with contextlib.suppress(ServerError, AuthenticationError, ConnectionFailed):
            client._call(name, *args, **options)
        assert time.now - began <= 60.001
        return len(server.requests)

    assert ask(failing(503)) == 1
    assert ask(failing(401), timeout=60) == 1
    assert ask(httpx.ReadError("cut"), timeout=60) == 3
    assert 4 <= ask(httpx.ReadError("cut"), timeout=60, policy=RetryPolicy(attempts=None)) < 60
    assert ask(failing(500), GOOD[name], timeout=60) == 2
    with pytest.raises(ValidationError, match="timeout"):
        driver.open(Script.of(GOOD[name]))._call(name, *args, timeout=-1)


SPENT = reply(
    body={"data": {"task_id": ID, "status": "CREATED"}},
    headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"},
)


@pytest.mark.parametrize(
    ("limits", "steps", "slept"),
    [
        (Limits(rates=(Rate(2, 30.0),)), [shown()], [30]),
        (None, [shown(), SPENT, shown()], [9]),
        (Limits.off(), [SPENT], []),
    ],
    ids=["own rate", "the service's count", "off"],
)
def test_requests_wait_for_the_rate(
    driver: Driver, time: FakeTime, limits: Limits | None, steps: list[Any], slept: list[int]
) -> None:
    """A request that would exceed the rate, ours or the service's own count, waits, unless limits are off."""
    client = driver.open(Script.of(*steps), limits=limits, clock=time.clock, sleep=time.sleep)
    for _ in range(3):
        client.get(ID)
    assert [round(seconds) for seconds in time.sleeps] == slept


def interrupt(*args: object) -> None:
    raise KeyboardInterrupt


ENDS: list[tuple[str, list[Any], dict[str, Any], type[BaseException] | None]] = [
    ("a video", [shown(), completed()], {}, None),
    ("no video", [shown(), shown("FAILED")], {}, TaskFailed),
    ("refused", [failing(400)], {}, KlingError),
    ("unknown", [failing(500)], {}, KlingError),
    ("bad input", [shown()], {"prompt": 5}, ValidationError),
    ("deadline", [shown()], {"timeout": 10}, DeadlineExceeded),
    ("Ctrl-C", [shown()], {"on_look": interrupt}, KeyboardInterrupt),
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end[0])
def test_a_slot_is_free_again(
    driver: Driver, time: FakeTime, end: tuple[str, list[Any], dict[str, Any], type[BaseException] | None]
) -> None:
    """However `generate` ends, its place among the tasks at once is free again; a bare create takes none."""
    _, steps, options, error = end
    client = driver.open(Script.of(*steps), limits=ONE, clock=time.clock, sleep=time.sleep)
    seen: list[int] = []
    options = {"on_update": lambda _: seen.append(tasks_at_once(client)), **options}
    if error is None:
        client.generate([IMAGE], **options)
        assert seen
        assert set(seen) == {1}
    else:
        with pytest.raises(error):
            client.generate([IMAGE], **options)
    assert tasks_at_once(client) == 0
    if error is None:
        client.create([IMAGE])
        assert tasks_at_once(client) == 0


def test_a_governors_name_is_no_key() -> None:
    """Keys are told apart by a digest, in which they can't be read."""
    one, other = rate_limiter_key(ApiKey("key-1")), rate_limiter_key(ApiKey("key-2"))
    assert one == rate_limiter_key(ApiKey("key-1")) != other
    assert "key" not in one
    assert one != hashlib.sha256(b"key-1").hexdigest()
