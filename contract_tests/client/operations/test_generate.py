"""How a generate ends, and what it may be given: listeners and sleeps of either kind, under either loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.answers import ID, IMAGE, completed, reply, shown
from contract_tests.support.clients import Script
from kling_elements import DeadlineExceeded, ResultMissing, Task, TaskFailed

if TYPE_CHECKING:
    from contract_tests.support.clients import Driver, FakeTime


@pytest.mark.parametrize(
    ("reason", "said"), [(None, "gives no reason"), ("", "gives no reason"), ("NSFW", ": NSFW")]
)
def test_a_failed_task(driver: Driver, time: FakeTime, reason: str | None, said: str) -> None:
    """FAILED is TaskFailed with the task, and its reason if there is one; `wait` returns it."""
    server = Script.of(shown(), shown("FAILED", error=reason))
    client = driver.open(server, clock=time.clock, sleep=time.sleep)
    with pytest.raises(TaskFailed) as caught:
        client.generate([IMAGE])
    assert caught.value.task_id == caught.value.task.id == ID
    assert said in str(caught.value)
    assert client.wait(ID).status == "FAILED"
    assert len(server.requests) == 3


def test_a_task_without_a_video(driver: Driver, time: FakeTime) -> None:
    """COMPLETED without a URL is ResultMissing with the task; `wait` returns it."""
    for last in (
        shown("COMPLETED"),
        reply(body={"data": {"task_id": ID, "status": "COMPLETED", "generated": [None]}}),
    ):
        client = driver.open(Script.of(shown(), last), clock=time.clock, sleep=time.sleep)
        with pytest.raises(ResultMissing) as caught:
            client.generate([IMAGE])
        assert caught.value.task_id == caught.value.task.id == ID
        assert f"kling-elements status {ID}" in str(caught.value)
        assert client.wait(ID).urls == ()


def test_ones_own_listeners_and_sleep_are_awaited(any_driver: Driver, time: FakeTime) -> None:
    """An asynchronous client awaits listeners and a sleep that can be awaited, and calls those that can't."""
    seen: list[str] = []

    async def listen(task: Task) -> None:
        seen.append(task.status)

    options: dict[str, Any] = {"on_update": listen, "sleep": time.sleep_async}
    if any_driver.backend is None:
        options = {"on_update": lambda task: seen.append(task.status), "sleep": time.sleep}
    server = Script.of(shown(), shown("IN_PROGRESS"), completed())
    any_driver.open(server, clock=time.clock).generate([IMAGE], **options)
    assert seen == ["CREATED", "IN_PROGRESS", "COMPLETED"]
    assert len(time.sleeps) == 2


def test_a_real_clock_and_sleep(any_driver: Driver) -> None:
    """Without a clock and a sleep of the caller's, the real ones are used."""
    server = Script.of(shown(), shown("IN_PROGRESS"), completed())
    assert any_driver.open(server, poll_interval=0.001).generate([IMAGE]).urls
    with pytest.raises(DeadlineExceeded):
        any_driver.open(Script.of(shown("IN_PROGRESS")), poll_interval=0.001).wait(ID, timeout=0.01)
