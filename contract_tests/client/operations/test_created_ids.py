"""An answer to create that carries a task id never ends in an exception that hides it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, failing, reply, shown
from contract_tests.support.clients import FakeTime, Script
from kling_elements import ApiError, KlingError, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.clients import Driver

    Step = Callable[[httpx.Request], httpx.Response]

RECORD = {"task_id": ID, "status": "CREATED", "more": [1]}
WHOLE = json.dumps({"data": RECORD}).encode()
HALF = f'{{"data":{{"task_id":"{ID}","sta'.encode()


# What a 2xx may be and yet show its task, and whether the task comes whole.
FOUND: dict[str, tuple[Step, bool]] = {
    "as documented": (reply(body={"data": RECORD}), True),
    "bare": (reply(body=RECORD), True),
    "a list": (reply(body=[RECORD]), True),
    "deep inside": (reply(201, {"result": {"payload": [None, {"data": RECORD}]}}), True),
    "HTML": (reply(content=WHOLE, headers={"content-type": "text/html"}), True),
    "in prose": (reply(content=b"created: " + WHOLE + b" enjoy"), False),
    "reset": (reply(content=HALF, cut=httpx.ReadError("reset")), False),
    "timed out": (reply(content=HALF, cut=httpx.ReadTimeout("slow")), False),
    "an unknown status": (shown("QUEUED"), False),
}


@pytest.mark.parametrize(("step", "is_whole"), FOUND.values(), ids=FOUND)
def test_a_successful_create_gives_its_task(any_driver: Driver, step: Step, is_whole: bool) -> None:  # noqa: FBT001
    """Whatever else is unexpected in a 2xx, its task comes back, with all that can be read of it."""
    task = any_driver.open(Script.of(step)).create([IMAGE])
    assert task.id == ID
    if is_whole:
        assert (task.status, task.raw) == ("CREATED", RECORD)


UNKNOWN = [(status, body, cut, OutcomeUnknown) for status in (302, 409, 500, 520)
           for body, cut in ((WHOLE, None), (HALF, httpx.ReadError("reset")))]  # fmt: skip
REFUSED = [(status, WHOLE, None, ApiError) for status in (400, 403, 429)]


@pytest.mark.parametrize(("status", "body", "cut", "kind"), [*UNKNOWN, *REFUSED])
def test_a_failed_create_that_names_a_task(
    driver: Driver, status: int, body: bytes, cut: Any, kind: type[KlingError]
) -> None:
    """An error that names a task has its id, and is not repeated, not even one for the rate."""
    server = Script.of(reply(status, content=body, cut=cut))
    with pytest.raises(kind) as caught:
        driver.open(server).create([IMAGE])
    assert caught.value.task_id == ID
    assert kind is ApiError or caught.value.hint == f"kling-elements wait {ID}"
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["a/b", "x" * 300, "with space", "é"])
def test_an_id_that_cant_be_asked_for(driver: Driver, value: str) -> None:
    """An id that the document refuses is returned by create, and in generate's error: it is paid for."""
    server = Script.of(shown(task_id=value))
    assert driver.open(server).create([IMAGE]).id == value
    with pytest.raises(OutcomeUnknown) as caught:
        driver.open(server).generate([IMAGE])
    assert caught.value.task_id == value
    assert value in str(caught.value)
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [401, 404, 302])
def test_a_wait_that_is_refused_names_its_task(driver: Driver, time: FakeTime, status: int) -> None:
    """Every error of a wait has the task's id."""
    client = driver.open(Script.of(shown(), failing(status)), clock=time.clock, sleep=time.sleep)
    with pytest.raises(KlingError) as caught:
        client.generate([IMAGE], timeout=60)
    assert caught.value.task_id == ID


@pytest.mark.parametrize("where", ["sleep", "on_update", "on_look"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("the caller's own")], ids=repr)
def test_an_interrupted_wait(any_driver: Driver, time: FakeTime, where: str, error: BaseException) -> None:
    """Ctrl-C, or an error of the caller's listener, is raised with the id and how to resume as a note."""

    def interrupt(_: object) -> None:
        raise error

    client = any_driver.open(Script.of(shown("IN_PROGRESS")), clock=time.clock)
    with pytest.raises(type(error)) as caught:
        client.generate([IMAGE], **{"sleep": time.sleep, where: interrupt})
    assert any(f"kling-elements wait {ID}" in note for note in caught.value.__notes__)
