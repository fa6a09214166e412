"""Waits that a delivery wakes."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

from contract_tests.support.deliveries import NOW, SECRET, TASK_ID, body_of, headers
from kling_elements import AsyncKlingElements, KlingElements, Task
from kling_elements.webhooks import Delivery, WakeHub, WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

HOURS = 10_000.0  # a sleep that no test would outlast
PATIENCE = 30.0  # after which a thread that should have ended has failed


BACKENDS = ["asyncio", *(["trio"] if find_spec("trio") else [])]


def delivery(status: str, message_id: str = "m1", task_id: str = TASK_ID) -> Delivery:
    return Delivery(message_id, NOW, Task(task_id, status))


def within(function: Callable[[], Any]) -> Any:
    """The result of a call that must not block: a failure instead of a test that hangs."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert results, "it slept on, or failed"
    return results[0]


def service(receiver: WebhookReceiver) -> httpx.MockTransport:
    """A service that completes a task after the first look, and tells so by a webhook."""
    looks: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            status = "CREATED"
        else:
            looks.append("look")
            status = "IN_PROGRESS" if len(looks) == 1 else "COMPLETED"
            body = body_of("COMPLETED")
            receiver.handle("POST", headers(body), body)
        urls = ["https://cdn.example/v.mp4"] if status == "COMPLETED" else []
        return httpx.Response(200, json={"data": {"task_id": TASK_ID, "status": status, "generated": urls}})

    return httpx.MockTransport(answer)


def a_receiver() -> WebhookReceiver:
    return WebhookReceiver(SECRET, now=lambda: NOW)


def test_a_wait_is_woken_by_a_delivery() -> None:
    """With hours between looks, a wait ends when the delivery has come, with a GET's answer."""
    receiver = a_receiver()
    with (
        httpx.Client(transport=service(receiver)) as http,
        KlingElements(api_key="key", http_client=http, poll_interval=HOURS) as client,
    ):
        seen: list[str] = []
        task = within(
            lambda: client.wait(
                TASK_ID, timeout=None, **receiver.wakeable(TASK_ID, lambda task: seen.append(task.status))
            )
        )
    assert (task.status, task.urls) == ("COMPLETED", ("https://cdn.example/v.mp4",))
    assert seen == ["IN_PROGRESS", "COMPLETED"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_asynchronous_wait_is_woken(backend: str) -> None:
    """The same under asyncio and trio."""
    receiver = a_receiver()

    async def run() -> Task:
        async with (
            httpx.AsyncClient(transport=service(receiver)) as http,
            AsyncKlingElements(api_key="key", http_client=http, poll_interval=HOURS, journal="off") as client,
        ):
            return await client.wait(TASK_ID, timeout=None, **receiver.async_wakeable(TASK_ID))

    assert within(lambda: anyio.run(run, backend=backend)).status == "COMPLETED"


def test_a_sleeper_in_another_thread_is_woken() -> None:
    """A delivery wakes a thread that is already asleep; one for another task does not."""
    hub = WakeHub()
    asleep = threading.Event()
    sleep = hub.wakeable(TASK_ID)["sleep"]
    wait_for = hub._changed.wait_for

    def noticed(predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        asleep.set()  # the lock is held until it really sleeps
        return wait_for(predicate, timeout)

    hub._changed.wait_for = noticed  # type: ignore[method-assign, assignment]  # to know that it sleeps, without a guess at time
    thread = threading.Thread(target=sleep, args=(HOURS,), daemon=True)
    thread.start()
    assert asleep.wait(PATIENCE)
    hub.deliver(delivery("COMPLETED", "other", task_id="another task"))
    assert thread.is_alive()
    hub.deliver(delivery("COMPLETED"))
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_asynchronous_sleeper_is_woken_from_another_thread(backend: str) -> None:
    """The delivery may come in any thread; afterwards no bell is left hanging."""
    hub = WakeHub()

    async def run() -> str:
        options = hub.async_wakeable()
        options["on_update"](Task(TASK_ID, "CREATED"))
        async with anyio.create_task_group() as group:
            group.start_soon(options["sleep"], HOURS)
            while not hub._subscribers:
                await anyio.lowlevel.checkpoint()
            await anyio.to_thread.run_sync(hub.deliver, delivery("COMPLETED"))
        return "awake"

    assert within(lambda: anyio.run(run, backend=backend)) == "awake"
    assert hub._subscribers == {}


def test_what_came_while_awake_ends_the_next_sleep_once() -> None:
    """Nothing is slept through, and nothing wakes twice: repetitions and old news wake nobody."""
    hub = WakeHub()
    slept: list[float] = []
    wait_for = hub._changed.wait_for

    def count(predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        if not predicate():
            slept.append(timeout or 0.0)
        return wait_for(predicate, 0)

    hub._changed.wait_for = count  # type: ignore[method-assign, assignment]  # a sleep that takes no time
    sleep = hub.wakeable(TASK_ID)["sleep"]
    hub.deliver(delivery("COMPLETED"))
    sleep(5.0)
    assert slept == []
    hub.deliver(delivery("COMPLETED"))
    hub.deliver(delivery("IN_PROGRESS", "m2"))
    sleep(6.0)
    hub.wakeable()["sleep"](7.0)
    sleep(1e12)
    assert slept == [6.0, 7.0, threading.TIMEOUT_MAX]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_asynchronous_sleep_is_ended_once(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what came while awake, for the task that was named; then it sleeps. Its listener hears of each."""
    hub = WakeHub()
    told: list[Task] = []
    slept: list[float | None] = []
    move_on_after = anyio.move_on_after

    def count(delay: float | None, **_: object) -> anyio.CancelScope:
        slept.append(delay)
        return move_on_after(0)  # a sleep that takes no time

    monkeypatch.setattr(anyio, "move_on_after", count)

    async def run() -> None:
        options = hub.async_wakeable(TASK_ID, told.append)
        hub.deliver(delivery("IN_PROGRESS"))
        await options["sleep"](5.0)
        assert slept == []
        await options["sleep"](6.0)
        hub.deliver(delivery("COMPLETED", "m2"))
        await options["sleep"](7.0)
        await options["sleep"](8.0)
        options["on_update"](Task(TASK_ID, "COMPLETED"))

    anyio.run(run, backend=backend)
    assert slept == [6.0, 8.0]
    assert told == [Task(TASK_ID, "COMPLETED")]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loop_that_has_ended_does_no_harm(backend: str) -> None:
    """A delivery that comes when the sleeper's loop is closed is taken all the same."""
    from kling_elements.webhooks.wakeups import _threadsafe  # noqa: PLC0415

    hub = WakeHub()

    async def hang() -> Callable[[], None]:
        await anyio.lowlevel.checkpoint()
        return _threadsafe(lambda: None)

    with hub.subscribe(TASK_ID, anyio.run(hang, backend=backend)):
        hub.deliver(delivery("COMPLETED"))
    assert hub.latest(TASK_ID) == Task(TASK_ID, "COMPLETED")


def test_deliveries_from_many_threads_are_told_once() -> None:
    """The same deliveries in many threads at once: each change is news once."""
    told: list[str] = []
    receiver = WebhookReceiver(
        SECRET, now=lambda: NOW, on_task=lambda task: told.append(f"{task.id} {task.status}")
    )
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for number in range(20):
            for status in ("IN_PROGRESS", "COMPLETED"):
                body = body_of(status, f"task {number}")
                receiver.handle("POST", headers(body, message_id=f"{number} {status}"), body)
                receiver.notify()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    receiver.notify()
    assert sorted(told) == sorted(
        {f"task {n} {status}" for n in range(20) for status in ("IN_PROGRESS", "COMPLETED")}
    )
