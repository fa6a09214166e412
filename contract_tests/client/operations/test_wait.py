"""Wait, on a clock that costs no time: what is retried, what ends it, and that each deadline is kept."""

import logging
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, RESULT, completed, failing, reply, shown
from contract_tests.support.clients import SYNC, Driver, FakeTime, Opened, Script
from kling_elements import Limits, Look, Task, errors
from kling_elements.types import TaskData

Step = Callable[[httpx.Request], httpx.Response]


IN_PROGRESS = shown("IN_PROGRESS")


def open_with(
    driver: Driver, time: FakeTime, *steps: Step | Exception, **options: Any
) -> tuple[Opened, Script]:
    server = Script.of(*steps)
    options = {"clock": time.clock, "sleep": time.sleep, **options}
    return driver.open(server, **options), server


TRANSIENT: dict[str, Step | Exception] = {
    "refused": httpx.ConnectError("refused"),
    "reset": httpx.ReadError("reset"),
    "the quota": failing(429, "daily quota"),
    "503": failing(503),
    "HTML": reply(content=b"<html>"),
    "a video": reply(500, [RESULT]),
    "a video as text": reply(500, content=RESULT.replace("?", "?t=1\\u0026").encode()),
}


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
def test_wait_retries_transient_errors(driver: Driver, time: FakeTime, fault: Step | Exception) -> None:
    """A poll's fault is no fault of the task; at the deadline it is the cause of DeadlineExceeded.

    What is logged of it shows no signature: that is watched over in every test.
    """
    client, server = open_with(driver, time, fault, IN_PROGRESS, fault, fault, completed())
    assert client.wait(ID).status == "COMPLETED"
    assert len(server.requests) == 5
    client, _ = open_with(driver, time, fault)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        client.wait(ID, timeout=60)
    error = caught.value
    assert (error.task_id, error.last_status, error.timeout) == (ID, None, 60)
    assert error.elapsed == pytest.approx(60, abs=0.01)  # less than a millisecond is no time left
    assert isinstance(error.__cause__, errors.KlingError)
    assert error.hint == f"kling-elements wait {ID}"


def test_a_new_task_may_be_missing_for_a_while(driver: Driver, time: FakeTime) -> None:
    """For 30 s from its create, a 404 is retried for a task of this client; then it is an error."""
    client, server = open_with(driver, time, shown(), failing(404), failing(404), completed())
    assert client.generate([IMAGE]).urls == (RESULT,)
    assert len(server.requests) == 4
    client, server = open_with(driver, time, shown(), failing(404))
    task, began = client.create([IMAGE]), time.now
    with pytest.raises(errors.NotFoundError):  # at once, as 401 and 403 are
        client.wait("another-task")
    assert len(server.requests) == 2
    with pytest.raises(errors.NotFoundError) as caught:
        client.wait(task)
    assert caught.value.task_id == ID
    assert 30 <= time.now - began < 40
    asked = len(server.requests)
    with pytest.raises(errors.NotFoundError):
        client.wait(task)
    assert len(server.requests) == asked + 1


YEARS = failing(429, retry_after="999999999")
# The client's options, the wait's, the first answer, and what is slept until the wait is over.
SLEEPS: dict[str, tuple[dict[str, Any], dict[str, Any], Step, list[float]]] = {
    "an old task": ({}, {}, completed(), []),
    "a client's interval": ({"poll_interval": 3}, {}, IN_PROGRESS, [3]),
    "a call's interval": ({}, {"poll_interval": 3}, IN_PROGRESS, [3]),
    "a longer hint": ({"poll_interval": 5}, {}, failing(429, retry_after="17"), [17]),
    "a rate's reset": ({"poll_interval": 5}, {}, failing(429, x_ratelimit_reset="17"), [17]),
    "a shorter hint": ({"poll_interval": 5}, {}, failing(429, retry_after="1"), [5]),
    "a hint of years": ({}, {"timeout": 60}, YEARS, [60]),
    "no deadline": ({}, {"timeout": None}, YEARS, [3600]),
    "an endless one": ({}, {"timeout": math.inf}, YEARS, [3600]),
}


def test_what_is_slept(driver: Driver) -> None:
    """An interval replaces the schedule; the service's hint lengthens it, up to the deadline or an hour."""
    for name, (options, more, step, slept) in SLEEPS.items():
        time = FakeTime()
        client, _ = open_with(driver, time, step, completed(), **options)
        assert client.wait(ID, **more).status == "COMPLETED"
        assert time.sleeps == slept, name


def test_the_deadline_is_exact(driver: Driver, time: FakeTime) -> None:
    """The last look is at the deadline, nothing is slept beyond it; by default it is half an hour."""
    client, server = open_with(driver, time, IN_PROGRESS, poll_interval=7)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        client.wait(ID, timeout=20)
    assert (time.sleeps, len(server.requests)) == ([7, 7, 6], 4)
    error = caught.value
    assert (error.task_id, error.last_status, error.elapsed, error.timeout) == (ID, "IN_PROGRESS", 20, 20)
    assert (isinstance(error, TimeoutError), error.__cause__) == (True, None)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        client.wait(ID)
    assert caught.value.elapsed == pytest.approx(1800)
    # Without time there is one look, for an old task and a new one; a rounding error is no time left.
    for timeout, looks in ((0, 1), (30, 2)):
        time.now = math.nextafter(1000.0, math.inf)
        client, server = open_with(driver, time, IN_PROGRESS, poll_interval=30, api_key=f"own-key-{looks}")
        with pytest.raises(errors.DeadlineExceeded):
            client.wait(ID, timeout=timeout)
        with pytest.raises(errors.DeadlineExceeded):
            client.generate([IMAGE], timeout=0)
        assert len(server.requests) == looks + 2


def test_unknown_statuses_are_not_final(
    driver: Driver, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    """An unknown status is waited through, handed on as it is, and logged once."""
    seen: list[str] = []
    steps = [shown("QUEUED"), shown("QUEUED"), shown("CANCELLED"), shown("QUEUED"), completed()]
    client, _ = open_with(driver, time, *steps)
    with caplog.at_level(logging.WARNING, "kling_elements"):
        client.wait(ID, on_update=lambda task: seen.append(task.status))
    assert seen == ["QUEUED", "CANCELLED", "QUEUED", "COMPLETED"]
    first, second = [record.getMessage() for record in caplog.records]
    assert (ID in first, "'QUEUED'" in first, "'CANCELLED'" in second) == (True, True, True)


def test_updates_come_at_changes(any_driver: Driver, time: FakeTime) -> None:
    """on_update gets the task when it is first seen, after about 10 s, and at each change, as `watch` does.

    An asynchronous client awaits a listener and a sleep that can be awaited, and calls those that can't.
    """
    told: list[Task] = []
    seen: list[Task] = []

    async def listen(task: Task) -> None:
        told.append(task)

    options: dict[str, Any] = {"on_update": listen, "sleep": time.sleep_async}
    if any_driver.backend is None:
        options = {"on_update": told.append, "sleep": time.sleep}
    steps = [shown(), IN_PROGRESS, failing(503), IN_PROGRESS, completed()]
    task = any_driver.open(Script.of(shown(), *steps), clock=time.clock).generate([IMAGE], **options)
    assert told[-1] is task
    assert 9 <= time.sleeps[0] <= 11
    assert all(4.5 <= slept <= 5.5 for slept in time.sleeps[1:])
    client, server = open_with(any_driver, time, *steps)
    client.watch(seen, ID)
    assert len(server.requests) == len(steps)
    for updates in (told, seen):
        assert [update.status for update in updates] == ["CREATED", "IN_PROGRESS", "COMPLETED"]
    client.watch(again := list[Task](), Task(ID, "COMPLETED"))  # polled all the same: it may be old
    assert [type(task) for task in again] == [type(task)]
    assert len(server.requests) == len(steps) + 1


def test_a_listener_that_nobody_would_await(time: FakeTime) -> None:
    """The synchronous client refuses it before it pays, if it can be known then, else at its first call."""

    async def later(*_: object) -> None:
        raise AssertionError("nobody awaits it")

    server = Script.of(shown(), IN_PROGRESS, completed())
    client: Any = SYNC.open(server, clock=time.clock, sleep=time.sleep).client
    for name, function in (("on_update", later), ("on_look", later), ("sleep", time.sleep_async)):
        for call in (partial(client.generate, IMAGE), partial(client.wait, ID), partial(client.watch, ID)):
            with pytest.raises(errors.ValidationError, match=f"{name} must not be asynchronous"):
                call(**{name: function})
    assert server.requests == []
    with pytest.raises(TypeError, match="use AsyncKlingElements") as caught:
        client.generate(IMAGE, on_update=lambda _: later())
    assert ID in caught.value.__notes__[0]


FAILED: list[tuple[Step, type[errors.KlingError], str]] = [
    (shown("FAILED", error=None), errors.TaskFailed, "gives no reason"),
    (shown("FAILED", error="NSFW"), errors.TaskFailed, ": NSFW"),
    (shown("COMPLETED"), errors.ResultMissing, f"kling-elements status {ID}"),
    (shown("COMPLETED", generated=[None]), errors.ResultMissing, f"kling-elements status {ID}"),
]


def test_a_task_without_a_video(driver: Driver, time: FakeTime) -> None:
    """FAILED, or COMPLETED without a URL, is an error of `generate` with the task; `wait` returns it."""
    for step, kind, words in FAILED:
        client, server = open_with(driver, time, shown(), step)
        with pytest.raises(kind) as caught:
            client.generate([IMAGE])
        assert caught.value.task_id == vars(caught.value)["task"].id == ID
        assert words in str(caught.value)
        assert client.wait(ID).urls == ()
        assert len(server.requests) == 3


def interrupt(_: Look) -> None:
    raise KeyboardInterrupt


def test_looks_are_all_told(driver: Driver, time: FakeTime) -> None:
    """on_look gets every poll: what was seen or went wrong, the time, and when the next one is."""
    looks: list[Look] = []
    client, _ = open_with(driver, time, IN_PROGRESS, failing(503), completed(), poll_interval=5)
    client.wait(ID, on_look=looks.append)
    assert [look.task_id for look in looks] == [ID] * 3
    assert [look.task.status if look.task else None for look in looks] == ["IN_PROGRESS", None, "COMPLETED"]
    assert [type(look.error).__name__ for look in looks] == ["NoneType", "ServerError", "NoneType"]
    assert [(look.elapsed, look.next_look) for look in looks] == [(0, 5), (5, 5), (10, None)]
    # A watch that ends early has yielded what was seen, and names the task that runs on.
    looks.clear()
    for error, on_look in ((errors.DeadlineExceeded, looks.append), (KeyboardInterrupt, interrupt)):
        client, _ = open_with(driver, time, IN_PROGRESS, poll_interval=10)
        seen: list[Task] = []
        with pytest.raises(error) as caught:
            client.watch(seen, ID, timeout=10, on_look=on_look)
        assert [task.status for task in seen] == ["IN_PROGRESS"]
        assert ID in str(caught.value) + str(getattr(caught.value, "__notes__", ""))
    assert [(look.elapsed, look.next_look) for look in looks] == [(0, 10), (10, None)]


# --- deadlines

CALLS: dict[str, tuple[Callable[[Any], Any], type[errors.KlingError]]] = {
    "get": (lambda client: client.get(ID, timeout=5), errors.RateLimitError),
    "list": (lambda client: client.list(timeout=5), errors.RateLimitError),
    "find_unrecorded": (lambda client: client.find_unrecorded(timeout=5), errors.RateLimitError),
    "wait": (lambda client: client.wait(ID, timeout=5), errors.DeadlineExceeded),
    "generate": (lambda client: client.generate(IMAGE, timeout=5), errors.RateLimitError),
    "a get without a deadline": (lambda client: client.get(ID), errors.RateLimitError),
}


def test_no_rate_limit_outlasts_a_deadline(driver: Driver, time: FakeTime) -> None:
    """The service says that the rate is used up for two minutes: no call sleeps past its own deadline."""
    used_up = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "120"}
    in_progress = reply(body={"data": {"task_id": ID, "status": "IN_PROGRESS"}}, headers=used_up)
    for name, (call, kind) in CALLS.items():
        opened, server = open_with(driver, time, in_progress, api_key=f"key of {name}")
        client: Any = opened.client
        client.get(ID)
        began = time.now
        with pytest.raises(kind) as caught:
            call(client)
        assert time.now - began <= 6
        assert len(server.requests) == 1, "nothing was sent"
        assert kind is errors.DeadlineExceeded or 60 < vars(caught.value)["retry_after"] <= 120


def test_a_wait_for_a_place_ends_with_the_deadline(driver: Driver, time: FakeTime) -> None:
    """A generate that finds no place among the tasks that may run at once gives up in time, unsent."""
    opened, server = open_with(driver, time, shown(), IN_PROGRESS, completed(), limits=Limits((), 1))
    client: Any = opened.client
    refused: list[errors.RateLimitError] = []
    # From here the clock's floats can't hit the deadline exactly.
    time.now = began = math.nextafter(1020.0, math.inf)

    def once(task: TaskData) -> None:
        if not refused:
            with pytest.raises(errors.RateLimitError, match="Nothing was sent") as caught:
                client.generate(IMAGE, timeout=7)
            refused.append(caught.value)

    assert client.generate(IMAGE, on_update=once).status == "COMPLETED"
    assert time.sleeps[:2] == [5, pytest.approx(2)]
    assert time.now - began < 60
    assert [request.method for request in server.requests].count("POST") == 1


def test_a_deadline_cuts_requests_but_never_a_create(driver: Driver, time: FakeTime) -> None:
    """What a create takes is taken from the wait. A look may take what is left; a create may end."""

    def slow(request: httpx.Request) -> httpx.Response:
        time.now += 8
        return shown()(request)

    opened, server = open_with(driver, time, slow, IN_PROGRESS, timeout=60.0)
    client: Any = opened.client
    began = time.now
    with pytest.raises(errors.DeadlineExceeded) as caught:
        client.generate(IMAGE, timeout=12)
    assert time.now - began == pytest.approx(12)
    assert (caught.value.task_id, caught.value.hint) == (ID, f"kling-elements wait {ID}")
    allowed = [request.extensions["timeout"]["read"] for request in server.requests]
    assert allowed[0] == pytest.approx(60, abs=0.1), "and the time that its body takes over a slow uplink"
    assert all(1 <= each <= 4 for each in allowed[1:])
    for options in ({"timeout": 5}, {"timeout": 0.1}, {}):
        client.get(ID, **options)
    assert [request.extensions["timeout"]["read"] for request in server.requests[-3:]] == [5, 1, 60]
