"""Limits and repeats, as the client applies them."""

from __future__ import annotations

import hashlib
import threading
import time as process_time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, RESULT, completed, failing, reply, shown
from contract_tests.support.clients import KEY, Script
from kling_elements import (
    ConnectionFailed,
    DeadlineExceeded,
    Event,
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
    from collections.abc import Callable

    from contract_tests.support.clients import Driver, FakeTime, Opened

ONE = Limits(rates=(), tasks=1)


def tasks_at_once(client: Opened) -> int:
    assert client.client is not None
    assert client.client.usage is not None
    return client.client.usage.tasks


def test_questions_are_asked_once(driver: Driver, time: FakeTime) -> None:
    """Without a timeout a status and a list are asked once: the caller decides whether to go on."""
    for name, args in (("get", [ID]), ("list", []), ("find_unrecorded", [])):
        server = Script.of(failing(503))
        with pytest.raises(ServerError):
            driver.open(server, clock=time.clock, sleep=time.sleep)._call(name, *args)
        assert (len(server.requests), time.sleeps) == (1, [])


@pytest.mark.parametrize("name", ["get", "list", "find_unrecorded"])
def test_questions_are_repeated_within_their_timeout(driver: Driver, time: FakeTime, name: str) -> None:
    """With a timeout they are repeated as the policy says, and never past it."""
    args = [ID] if name == "get" else []
    for policy, least in ((None, 3), (RetryPolicy(attempts=None), 4)):
        server = Script.of(httpx.ReadError("cut"))
        began = time.now
        client = driver.open(server, clock=time.clock, sleep=time.sleep, retries=policy)
        with pytest.raises(ConnectionFailed):
            client._call(name, *args, timeout=60)
        assert time.now - began <= 60.001
        assert len(server.requests) == 3 if policy is None else least <= len(server.requests) < 60
    good = shown() if name == "get" else reply(body={"data": []})
    client = driver.open(Script.of(failing(500), good), clock=time.clock, sleep=time.sleep)
    assert client._call(name, *args, timeout=60) is not None
    with pytest.raises(ValidationError, match="timeout"):
        client._call(name, *args, timeout=-1)


def test_an_answer_that_is_final_is_not_repeated(driver: Driver, time: FakeTime) -> None:
    """A refusal for good is raised at once, however much time there is."""
    server = Script.of(failing(401))
    with pytest.raises(KlingError):
        driver.open(server, clock=time.clock, sleep=time.sleep)._call("get", ID, timeout=600)
    assert len(server.requests) == 1


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


def test_the_services_own_count_is_kept_to(driver: Driver, time: FakeTime) -> None:
    """When an answer says that nothing is left of the rate, the next request waits for its reset."""
    spent = reply(
        body={"data": {"task_id": ID, "status": "CREATED"}},
        headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"},
    )
    client = driver.open(Script.of(spent, shown()), clock=time.clock, sleep=time.sleep)
    client.get(ID)
    client.get(ID)
    assert [round(seconds) for seconds in time.sleeps] == [9]


def test_limits_can_be_off(driver: Driver, time: FakeTime) -> None:
    """Without limits nothing waits."""
    spent = reply(
        body={"data": {"task_id": ID, "status": "COMPLETED", "generated": [RESULT]}},
        headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"},
    )
    client = driver.open(Script.of(spent), limits=Limits.off(), clock=time.clock, sleep=time.sleep)
    for _ in range(30):
        client.get(ID)
    assert time.sleeps == []


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
    """Of ten threads that generate at once with one key, never more than three have a task."""
    lock, running, most = threading.Lock(), 0, 0
    gate = threading.Barrier(3)

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        if request.method == "POST":
            with lock:
                running += 1
                most = max(most, running)
            if number() <= 3:
                gate.wait(10)  # three do run at once
            return respond(shown(), request)
        with lock:
            running -= 1
        return respond(completed(), request)

    count = iter(range(1, 100))

    def number() -> int:
        with lock:
            return next(count)

    def respond(step: Callable[[httpx.Request], httpx.Response], request: httpx.Request) -> httpx.Response:
        response = step(request)
        response.request = request
        return response

    http = httpx.Client(transport=httpx.MockTransport(answer))
    clients = [
        KlingElements(
            KEY, http_client=http, poll_interval=0, journal="off", sleep=lambda _: process_time.sleep(0.001)
        )
        for _ in range(2)
    ]
    with ThreadPoolExecutor(10) as pool:
        tasks = list(pool.map(lambda turn: clients[turn % 2].generate([IMAGE]), range(10)))
    assert len(tasks) == 10
    assert most == 3


def test_a_wait_for_a_slot_is_told(time: FakeTime) -> None:
    """While no place is free, `generate` waits and says so; nothing has been sent."""
    events: list[Event] = []
    server = Script.of(shown(), completed())

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        governor.task_ended("other")

    client = KlingElements(
        KEY,
        http_client=httpx.Client(transport=httpx.MockTransport(server)),
        limits=ONE,
        on_event=events.append,
        clock=time.clock,
        sleep=sleep,
    )
    found = client._service.sender.rate_limiter
    assert found is not None
    governor = found
    governor.task_started("other", process_time.monotonic())
    client.generate([IMAGE])
    assert events[0] == Event("request.delayed", {"operation": "create", "pause": 5.0})
    assert len(server.requests) == 2


def test_a_governors_name_is_no_key() -> None:
    """Keys are told apart by a digest, in which they can't be read."""
    one, other = rate_limiter_key(ApiKey("key-1")), rate_limiter_key(ApiKey("key-2"))
    assert one == rate_limiter_key(ApiKey("key-1")) != other
    assert "key" not in one
    assert one != hashlib.sha256(b"key-1").hexdigest()


@pytest.mark.parametrize("error", [httpx.InvalidURL("bad"), ValueError("bad"), OSError("bad")], ids=repr)
def test_a_request_that_was_not_sent(driver: Driver, time: FakeTime, error: Exception) -> None:
    """Where a caller's hook refuses a create before it is sent, nobody needs to look for a task."""

    def refuse(_: httpx.Request) -> None:
        raise error

    async def refuse_async(_: httpx.Request) -> None:
        raise error

    sync = driver.backend is None
    http = (httpx.Client if sync else httpx.AsyncClient)(
        transport=httpx.MockTransport(lambda _: pytest.fail("sent")),
        event_hooks={"request": [refuse if sync else refuse_async]},
    )
    with pytest.raises(ConnectionFailed):
        driver.open(sleep=time.sleep, http_client=http).create([IMAGE])


@pytest.mark.parametrize("timeout", [5.0, 60.0])
def test_a_rate_limit_never_outlasts_the_deadline(driver: Driver, time: FakeTime, timeout: float) -> None:
    """What the rate limit asks for is not slept beyond a call's deadline, and nothing is sent."""
    hints = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "120"}
    server = Script.of(shown(), reply(body={}, headers=hints))
    client = driver.open(server, clock=time.clock, sleep=time.sleep)
    client.get(ID)
    with pytest.raises(KlingError):
        client.get(ID)
    before = time.now
    with pytest.raises(DeadlineExceeded):
        client.wait(ID, timeout=timeout)
    assert time.now - before <= timeout
    assert len(server.requests) == 2
