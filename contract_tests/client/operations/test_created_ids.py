"""An answer to create that carries a task id never ends in an exception that hides it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, completed, failing, reply, shown
from contract_tests.support.clients import FakeTime, Script
from contract_tests.support.loopback import serving
from kling_elements import ApiError, KlingError, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.clients import Driver

    Step = Callable[[httpx.Request], httpx.Response]

RECORD = {"task_id": ID, "status": "CREATED"}
WHOLE = json.dumps({"data": RECORD}).encode()
HALF = f'{{"data":{{"task_id":"{ID}","sta'.encode()

FOUND: list[tuple[str, Step]] = [
    ("as documented", shown()),
    ("without a status", reply(body={"data": {"task_id": ID}})),
    ("a null status", reply(body={"data": {"task_id": ID, "status": None}})),
    ("an unknown status", shown("QUEUED")),
    ("null generated", reply(body={"data": {**RECORD, "generated": None}})),
    ("without data", reply(body=RECORD)),
    ("in a list", reply(body=[RECORD])),
    ("data is a list", reply(body={"data": [RECORD]})),
    ("deeply wrapped", reply(body={"result": {"payload": [None, {"data": RECORD}]}})),
    ("an error beside it", reply(body={"data": RECORD, "message": "Internal error"})),
    ("201", reply(201, {"data": RECORD})),
    ("202", reply(202, {"data": RECORD})),
    ("as HTML", reply(content=WHOLE, headers={"content-type": "text/html"})),
    ("truncated", reply(content=HALF)),
    ("cut by the network", reply(content=HALF, cut=httpx.ReadError("reset"))),
    ("timed out", reply(content=HALF, cut=httpx.ReadTimeout("slow"))),
    ("cut by the peer", reply(content=HALF, cut=httpx.RemoteProtocolError("closed"))),
    ("an OS error", reply(content=HALF, cut=ConnectionResetError(104, "reset"))),
    ("inside prose", reply(content=b"created: " + WHOLE + b" enjoy")),
    ("another charset", reply(content=HALF + b'":"\xe9"}}')),
    ("NaN beside it", reply(content=WHOLE.replace(b"}}", b',"x":NaN}}'))),
    ("a huge integer beside it", reply(content=WHOLE.replace(b"}}", b',"x":' + b"9" * 5000 + b"}}"))),
    ("deep nesting beside it", reply(content=WHOLE[:-1] + b',"x":' + b"[" * 100_000)),
    ("UTF-16", reply(content=json.dumps({"data": RECORD}).encode("utf-16"))),
]


@pytest.mark.parametrize("step", [row[1] for row in FOUND], ids=[row[0] for row in FOUND])
def test_a_successful_create_gives_its_task(driver: Driver, step: Step) -> None:
    """Whatever else is odd in a 2xx, its task id comes back as a task."""
    assert driver.open(Script.of(step)).create([IMAGE]).id == ID


@pytest.mark.parametrize(
    "body", [RECORD, [RECORD], {"data": [RECORD]}, {"result": {"payload": [None, {"data": RECORD}]}}]
)
def test_a_task_in_odd_company_is_whole(driver: Driver, body: object) -> None:
    """Wherever in readable JSON a task stands, it comes back with its status and its object."""
    task = driver.open(Script.of(reply(body=body))).create([IMAGE])
    assert (task.id, task.status, task.raw) == (ID, "CREATED", RECORD)


def test_a_connection_that_is_cut(driver: Driver) -> None:
    """Over a real socket too, an answer that is cut off after the id gives the task."""
    with serving(lambda asked: (200, {"content-length": "9999"}, HALF)) as api:
        assert driver.open(base_url=api.url).create([IMAGE]).id == ID
        assert len(api.asked) == 1


NAMED: list[tuple[str, Step]] = [
    (f"{status} {name}", reply(status, content=body, cut=cut))
    for status in (302, 408, 409, 418, 500, 502, 503, 504, 520)
    for name, body, cut in (("whole", WHOLE, None), ("half", HALF, httpx.ReadError("reset")))
]


@pytest.mark.parametrize("step", [row[1] for row in NAMED], ids=[row[0] for row in NAMED])
def test_a_failed_create_that_names_a_task(driver: Driver, step: Step) -> None:
    """A status that refuses nothing and names a task is OutcomeUnknown with its id; it is never repeated."""
    server = Script.of(step)
    with pytest.raises(OutcomeUnknown) as caught:
        driver.open(server).create([IMAGE])
    assert (caught.value.task_id, caught.value.hint) == (ID, f"kling-elements wait {ID}")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429])
def test_a_refused_create_that_names_a_task(driver: Driver, status: int) -> None:
    """A refusal that names a task has its id, and is not repeated, not even one for the rate."""
    server = Script.of(reply(status, {"message": "m", "data": RECORD}))
    with pytest.raises(ApiError) as caught:
        driver.open(server).create([IMAGE])
    assert caught.value.task_id == ID
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["a/b", "x" * 300, "with space", "é"])
def test_an_id_that_cant_be_asked_for(driver: Driver, value: str) -> None:
    """An id that the document refuses is handed on by create, and told by generate: the task is paid for."""
    assert driver.open(Script.of(shown(task_id=value))).create([IMAGE]).id == value
    server = Script.of(shown(task_id=value))
    with pytest.raises(OutcomeUnknown) as caught:
        driver.open(server).generate([IMAGE])
    assert caught.value.task_id == value
    assert value in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 400, 302])
def test_a_wait_that_is_refused_names_its_task(driver: Driver, time: FakeTime, status: int) -> None:
    """Every error of a wait has the task's id."""
    server = Script.of(shown(), failing(status))
    client = driver.open(server, clock=time.clock, sleep=time.sleep)
    with pytest.raises(KlingError) as caught:
        client.generate([IMAGE], timeout=60)
    assert caught.value.task_id == ID


def test_interrupted_create(driver: Driver) -> None:
    """Ctrl-C while a create is under way is told what it may have cost."""

    def interrupt(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        driver.open(interrupt).create([IMAGE])
    assert any("kling-elements list" in note for note in caught.value.__notes__)


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
