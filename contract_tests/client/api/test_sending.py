"""Limits and repeats, as the client applies them."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time as process_time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, completed, failing, reply, shown
from contract_tests.support.clients import KEY, Script
from kling_elements import (
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    KlingElements,
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


def test_requests_wait_for_the_rate(driver: Driver, time: FakeTime) -> None:
    """A request that would exceed the rate waits; each request is counted and shown."""
    limits = Limits(rates=(Rate(2, 30.0),))
    client = driver.open(Script.of(shown()), limits=limits, clock=time.clock, sleep=time.sleep)
    for _ in range(2):
        client.get(ID)
    assert time.sleeps == []
    client.get(ID)
    assert [round(seconds) for seconds in time.sleeps] == [30]
    assert client.client is not None
    assert client.client.usage is not None
    assert client.client.usage.requests[0] >= 2


@pytest.mark.parametrize(("limits", "slept"), [(None, [9]), (Limits.off(), [])])
def test_the_service_s_own_count_is_kept_to(
    driver: Driver, time: FakeTime, limits: Limits | None, slept: list[int]
) -> None:
    """When nothing is left of the rate, the next request waits for its reset, unless limits are off."""
    spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"}
    server = Script.of(reply(body={"data": {"task_id": ID, "status": "CREATED"}}, headers=spent), shown())
    client = driver.open(server, limits=limits, clock=time.clock, sleep=time.sleep)
    client.get(ID)
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
    """However `generate` ends, its place among the tasks at once is free again."""
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


def test_create_alone_takes_no_slot(driver: Driver, time: FakeTime) -> None:
    """A bare create is the caller's to pace: it neither waits for a slot nor takes one."""
    client = driver.open(Script.of(shown()), limits=ONE, clock=time.clock, sleep=time.sleep)
    for _ in range(5):
        client.create([IMAGE])
    assert (tasks_at_once(client), time.sleeps) == (0, [])


def test_threads_share_the_slots() -> None:
    """Of ten threads that generate at once with one key, three have a task, and never more."""
    lock, gate, running, most, creates = threading.Lock(), threading.Barrier(3), 0, 0, 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal running, most, creates
        is_create = request.method == "POST"
        with lock:
            running += 1 if is_create else -1
            most = max(most, running)
            creates += is_create
            is_early = is_create and creates <= 3
        if is_early:
            gate.wait(10)  # three do run at once
        return (shown() if is_create else completed())(request)

    http = httpx.Client(transport=httpx.MockTransport(answer))
    options: dict[str, Any] = {"poll_interval": 0, "journal": "off", "http_client": http}
    clients = [KlingElements(KEY, sleep=lambda _: process_time.sleep(0.001), **options) for _ in range(2)]
    with ThreadPoolExecutor(10) as pool:
        tasks = list(pool.map(lambda turn: clients[turn % 2].generate([IMAGE]), range(10)))
    assert (len(tasks), most) == (10, 3)


def test_a_governors_name_is_no_key() -> None:
    """Keys are told apart by a digest, in which they can't be read."""
    one, other = rate_limiter_key(ApiKey("key-1")), rate_limiter_key(ApiKey("key-2"))
    assert one == rate_limiter_key(ApiKey("key-1")) != other
    assert "key" not in one
    assert one != hashlib.sha256(b"key-1").hexdigest()
