"""Waits that a delivery wakes."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from contract_tests.support.answers import RESULT, shown
from contract_tests.support.clients import Driver
from contract_tests.support.deliveries import NOW, SECRET, TASK_ID, body_of, headers
from kling_elements import Task
from kling_elements.webhooks import Delivery, WakeHub, WebhookReceiver

HOURS = 10_000.0  # a sleep that no test would outlast
PATIENCE = 30.0  # after which a thread that should have ended has failed


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


def test_a_wait_is_woken_by_a_delivery(any_driver: Driver) -> None:
    """With hours between looks, a wait ends when the delivery has come, with a GET's answer."""
    receiver = WebhookReceiver(SECRET, now=lambda: NOW)
    statuses = ["IN_PROGRESS", "COMPLETED"]

    def answer(request: httpx.Request) -> httpx.Response:
        body = body_of("COMPLETED")
        receiver.handle("POST", headers(body), body)
        return shown(statuses.pop(0), (RESULT,), task_id=TASK_ID)(request)

    seen: list[str] = []
    wakeable = receiver.async_wakeable if any_driver.backend else receiver.wakeable
    options: dict[str, Any] = dict(wakeable(TASK_ID, lambda task: seen.append(task.status)))
    client = any_driver.open(answer, poll_interval=HOURS)
    task = within(partial(client.wait, TASK_ID, timeout=None, **options))
    assert (task.status, task.urls) == ("COMPLETED", (RESULT,))
    assert seen == ["IN_PROGRESS", "COMPLETED"]


def test_a_sleeper_in_another_thread_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery wakes a thread that is already asleep; one for another task does not."""
    hub, asleep, wait_for = WakeHub(), threading.Event(), threading.Condition.wait_for

    def noticed(*args: Any, **options: Any) -> Any:
        asleep.set()  # the lock is held until it really sleeps
        return wait_for(*args, **options)

    monkeypatch.setattr(threading.Condition, "wait_for", noticed)
    thread = threading.Thread(target=hub.wakeable(TASK_ID)["sleep"], args=(HOURS,), daemon=True)
    thread.start()
    assert asleep.wait(PATIENCE)
    hub.deliver(delivery("COMPLETED", "other", task_id="another task"))
    assert thread.is_alive()
    hub.deliver(delivery("COMPLETED"))
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_asynchronous_sleeper_is_woken_from_another_thread(backend: str) -> None:
    """The delivery may come in any thread, and for a task that the wait learned before it slept."""
    hub = WakeHub()

    async def run() -> str:
        options = hub.async_wakeable()
        options["on_update"](Task(TASK_ID, "CREATED"))
        async with anyio.create_task_group() as group:
            group.start_soon(options["sleep"], HOURS)
            await anyio.wait_all_tasks_blocked()
            await anyio.to_thread.run_sync(hub.deliver, delivery("COMPLETED"))
        return "awake"

    assert within(lambda: anyio.run(run, backend=backend)) == "awake"


def test_what_came_while_awake_ends_the_next_sleep_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is slept through, and nothing wakes twice: repetitions and old news wake nobody."""
    hub, slept, wait_for = WakeHub(), list[float](), threading.Condition.wait_for

    def count(self: Any, predicate: Callable[[], bool], timeout: float) -> bool:
        if not predicate():
            slept.append(timeout)
        return wait_for(self, predicate, 0)  # a sleep that takes no time

    monkeypatch.setattr(threading.Condition, "wait_for", count)
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


def test_a_loop_that_has_ended_does_no_harm() -> None:
    """A delivery that comes when the sleeper's loop is closed is taken all the same."""
    hub, loop = WakeHub(), asyncio.new_event_loop()
    task = loop.create_task(hub.async_wakeable(TASK_ID)["sleep"](HOURS))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    hub.deliver(delivery("COMPLETED"))
    assert (hub.latest(TASK_ID), task.done()) == (Task(TASK_ID, "COMPLETED"), False)
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own: it would complain
