"""An answer to create that carries a task id never ends in an exception that hides it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, completed, failing, reply, shown
from contract_tests.support.clients import FakeTime, Script
from kling_elements import ApiError, KlingError, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.clients import Driver

    Step = Callable[[httpx.Request], httpx.Response]

RECORD = {"task_id": ID, "status": "CREATED"}
WHOLE = json.dumps({"data": RECORD}).encode()
HALF = f'{{"data":{{"task_id":"{ID}","sta'.encode()


@pytest.mark.parametrize(
    "step",
    [
        shown("QUEUED"),
        reply(201, {"result": {"payload": [None, {"data": RECORD}]}}),
        reply(content=WHOLE, headers={"content-type": "text/html"}),
        reply(content=b"created: " + WHOLE + b" enjoy"),
        reply(content=HALF, cut=httpx.ReadError("reset")),
        reply(content=HALF, cut=httpx.ReadTimeout("slow")),
    ],
    ids=["an unknown status", "deep inside", "HTML", "in prose", "reset", "timed out"],
)
def test_a_successful_create_gives_its_task(driver: Driver, step: Step) -> None:
    """Whatever else is unexpected in a 2xx, its task id comes back as a task."""
    assert driver.open(Script.of(step)).create([IMAGE]).id == ID


def test_a_created_task_is_whole(driver: Driver) -> None:
    """Wherever in readable JSON a task stands, it comes back with its status and its object."""
    record = {**RECORD, "more": [1]}
    for body in ({"data": record}, record, [record], {"data": [record]}):
        task = driver.open(Script.of(reply(body=body))).create([IMAGE])
        assert (task.id, task.status, task.raw) == (ID, "CREATED", record)


@pytest.mark.parametrize("status", [302, 409, 500, 520])
@pytest.mark.parametrize(("body", "cut"), [(WHOLE, None), (HALF, httpx.ReadError("reset"))])
def test_a_failed_create_that_names_a_task(driver: Driver, status: int, body: bytes, cut: Any) -> None:
    """A status that refuses nothing and names a task is OutcomeUnknown with its id; it is never repeated."""
    server = Script.of(reply(status, content=body, cut=cut))
    with pytest.raises(OutcomeUnknown) as caught:
        driver.open(server).create([IMAGE])
    assert (caught.value.task_id, caught.value.hint) == (ID, f"kling-elements wait {ID}")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 429])
def test_a_refused_create_that_names_a_task(driver: Driver, status: int) -> None:
    """A refusal that names a task has its id, and is not repeated, not even one for the rate."""
    server = Script.of(reply(status, {"message": "m", "data": RECORD}))
    with pytest.raises(ApiError) as caught:
        driver.open(server).create([IMAGE])
    assert caught.value.task_id == ID
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["a/b", "x" * 300, "with space", "é"])
def test_an_id_that_cant_be_asked_for(driver: Driver, value: str) -> None:
    """An id that the document refuses is returned by create, and in generate's error: it is paid for."""
    assert driver.open(Script.of(shown(task_id=value))).create([IMAGE]).id == value
    server = Script.of(shown(task_id=value))
    with pytest.raises(OutcomeUnknown) as caught:
        driver.open(server).generate([IMAGE])
    assert caught.value.task_id == value
    assert value in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 404, 302])
def test_a_wait_that_is_refused_names_its_task(driver: Driver, time: FakeTime, status: int) -> None:
    """Every error of a wait has the task's id."""
    server = Script.of(shown(), failing(status))
    client = driver.open(server, clock=time.clock, sleep=time.sleep)
    with pytest.raises(KlingError) as caught:
        client.generate([IMAGE], timeout=60)
    assert caught.value.task_id == ID


def test_interrupted_wait(driver: Driver, time: FakeTime) -> None:
    """Ctrl-C during a wait, in the sleep or in a request, leaves the id and how to resume as a note."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    for options in ({"sleep": interrupt}, {"on_update": interrupt}, {"on_look": interrupt}):
        client = driver.open(Script.of(shown("IN_PROGRESS")), clock=time.clock)
        with pytest.raises(KeyboardInterrupt) as caught:
            client.generate([IMAGE], **{"sleep": time.sleep, **options})
        assert any(f"kling-elements wait {ID}" in note for note in caught.value.__notes__)


def test_a_listener_that_fails(driver: Driver, time: FakeTime) -> None:
    """An error of the caller's own listener is the caller's, with the task as a note."""

    def listener(_: object) -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine") as caught:
        driver.open(Script.of(completed())).wait(ID, on_update=listener, sleep=time.sleep)
    assert any(ID in note for note in caught.value.__notes__)
