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
BACKENDS = ["asyncio", *(["trio"] if find_spec("trio") else [])]


def delivery(status: str, message_id: str = "m1", task_id: str = TASK_ID) -> Delivery:
    return Delivery(message_id, NOW, Task(task_id, status))


def within(function: Callable[[], Any]) -> Any:
    """The result of a call that must not block: a failure instead of a test that hangs."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
    thread.start()
    thread.join(30)
    assert results, "it slept on, or failed"
    return results[0]


def service(receiver: WebhookReceiver) -> httpx.MockTransport:
    """A service that completes a task after the first look, and tells so by a webhook."""
    looks: list[str] = []

    def answer(_: httpx.Request) -> httpx.Response:
        looks.append("look")
        status = "IN_PROGRESS" if len(looks) == 1 else "COMPLETED"
        body = body_of("COMPLETED")
        receiver.handle("POST", headers(body), body)
        urls = ["https://cdn.example/v.mp4"] if status == "COMPLETED" else []
        return httpx.Response(200, json={"data": {"task_id": TASK_ID, "status": status, "generated": urls}})

    return httpx.MockTransport(answer)


@pytest.mark.parametrize("backend", ["threads", *BACKENDS])
def test_a_wait_is_woken_by_a_delivery(backend: str) -> None:
    """With hours between looks, a wait ends when the delivery has come, with a GET's answer."""
    receiver = WebhookReceiver(SECRET, now=lambda: NOW)
    transport = service(receiver)
    seen: list[str] = []

    def wait() -> Task:
        with (
            httpx.Client(transport=transport) as http,
            KlingElements(api_key="key", http_client=http, poll_interval=HOURS) as client,
        ):
            return client.wait(
                TASK_ID, timeout=None, **receiver.wakeable(TASK_ID, lambda t: seen.append(t.status))
            )

    async def wait_async() -> Task:
        async with (
            httpx.AsyncClient(transport=transport) as http,
            AsyncKlingElements(api_key="key", http_client=http, poll_interval=HOURS) as client,
        ):
            woken = receiver.async_wakeable(TASK_ID, lambda task: seen.append(task.status))
            return await client.wait(TASK_ID, timeout=None, **woken)

    task = within(wait if backend == "threads" else lambda: anyio.run(wait_async, backend=backend))
    assert (task.status, task.urls) == ("COMPLETED", ("https://cdn.example/v.mp4",))
    assert seen == ["IN_PROGRESS", "COMPLETED"]


@pytest.mark.parametrize("backend", ["threads", *BACKENDS])
def test_a_sleeper_is_woken_from_another_thread(backend: str) -> None:
    """The delivery may come in any thread; one for another task wakes nobody."""
    hub = WakeHub()

    def deliver() -> None:
        hub.deliver(delivery("COMPLETED", "other", task_id="another task"))
        hub.deliver(delivery("COMPLETED"))

    async def sleep() -> bool:
        async with anyio.create_task_group() as group:
            group.start_soon(hub.async_wakeable(TASK_ID)["sleep"], HOURS)
            await anyio.lowlevel.checkpoint()
            await anyio.to_thread.run_sync(deliver)
        return True

    if backend == "threads":
        thread = threading.Thread(target=hub.wakeable(TASK_ID)["sleep"], args=(HOURS,), daemon=True)
        thread.start()
        deliver()
        within(thread.join)
    else:
        assert within(lambda: anyio.run(sleep, backend=backend))


@pytest.mark.parametrize("backend", ["threads", *BACKENDS])
def test_what_came_while_awake_ends_the_next_sleep_once(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is slept through, and nothing wakes twice: repetitions and old news wake nobody."""
    hub = WakeHub()
    slept: list[float | None] = []
    move_on_after = anyio.move_on_after

    def wait_for(self: threading.Condition, predicate: Callable[[], bool], timeout: float) -> bool:
        if not predicate():
            slept.append(timeout)  # a sleep that takes no time
        return predicate()

    def give_up(delay: float) -> anyio.CancelScope:
        slept.append(delay)
        return move_on_after(0)

    async def sleeps() -> None:
        options = hub.async_wakeable(TASK_ID) if backend != "threads" else hub.wakeable(TASK_ID)

        async def sleep(seconds: float) -> None:
            result = options["sleep"](seconds)
            if result is not None:
                await result

        hub.deliver(delivery("COMPLETED"))
        await sleep(5.0)
        hub.deliver(delivery("COMPLETED"))
        hub.deliver(delivery("IN_PROGRESS", "m2"))
        await sleep(6.0)
        await sleep(7.0)

    if backend == "threads":
        monkeypatch.setattr(threading.Condition, "wait_for", wait_for)
        with pytest.raises(StopIteration):
            sleeps().send(None)
    else:
        monkeypatch.setattr(anyio, "move_on_after", give_up)
        anyio.run(sleeps, backend=backend)
    assert slept == [6.0, 7.0]


def test_a_sleep_longer_than_a_thread_can_wait_is_taken() -> None:
    """A year and more is cut to what the platform takes, and ends by a delivery all the same."""
    hub = WakeHub()
    options = hub.wakeable(TASK_ID)
    hub.deliver(delivery("COMPLETED"))
    within(lambda: options["sleep"](1e12))


def test_deliveries_from_many_threads_are_told_once() -> None:
    """The same deliveries in many threads at once: each change is news once."""
    told: list[str] = []
    receiver = WebhookReceiver(
        SECRET, now=lambda: NOW, on_task=lambda task: told.append(f"{task.id} {task.status}")
    )
    start = threading.Barrier(8)
    news = [(f"task {number}", status) for number in range(20) for status in ("IN_PROGRESS", "COMPLETED")]

    def work() -> None:
        start.wait()
        for task_id, status in news:
            body = body_of(status, task_id)
            receiver.handle("POST", headers(body, message_id=f"{task_id} {status}"), body)
            receiver.notify()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    receiver.notify()
    assert sorted(told) == sorted(f"{task_id} {status}" for task_id, status in news)
