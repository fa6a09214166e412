"""Every wait ends with its deadline, and what was not sent leaves no doubt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.answers import ID, IMAGE, completed, reply, shown
from contract_tests.support.clients import Script
from kling_elements import DeadlineExceeded, KlingError, Limits, RateLimitError

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from contract_tests.support.clients import Driver, FakeTime
    from kling_elements.types import TaskData

USED_UP = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "120"}


CALLS: dict[str, tuple[Callable[[Any], Any], type[KlingError]]] = {
    "get": (lambda client: client.get(ID, timeout=5), RateLimitError),
    "list": (lambda client: client.list(timeout=5), RateLimitError),
    "find_unrecorded": (lambda client: client.find_unrecorded(timeout=5), RateLimitError),
    "wait": (lambda client: client.wait(ID, timeout=5), DeadlineExceeded),
    "generate": (lambda client: client.generate(IMAGE, timeout=5), RateLimitError),
    "a get without a deadline": (lambda client: client.get(ID), RateLimitError),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_rate_limit_outlasts_a_deadline(driver: Driver, time: FakeTime, name: str) -> None:
    """The service says that the rate is used up for two minutes: no call sleeps past its own deadline."""
    call, kind = CALLS[name]
    server = Script.of(reply(body={"data": {"task_id": ID, "status": "IN_PROGRESS"}}, headers=USED_UP))
    client: Any = driver.open(server, clock=time.clock, sleep=time.sleep).client
    client.get(ID)
    began = time.now
    with pytest.raises(kind) as caught:
        call(client)
    assert time.now - began <= 6
    assert len(server.requests) == 1, "nothing was sent"
    if isinstance(caught.value, RateLimitError):
        assert caught.value.retry_after is not None
        assert 60 < caught.value.retry_after <= 120


def test_a_wait_for_a_place_ends_with_the_deadline(any_driver: Driver, time: FakeTime) -> None:
    """A generate that finds no place among the tasks that may run at once gives up in time, unsent."""
    server = Script.of(shown(), shown("IN_PROGRESS"), completed())
    options = {"clock": time.clock, "sleep": time.sleep}
    client: Any = any_driver.open(server, limits=Limits((), 1), **options).client
    errors: list[RateLimitError] = []
    # From here the clock's floats can't hit the deadline exactly.
    time.now = began = math.nextafter(1020.0, math.inf)

    def once(task: TaskData) -> Any:
        if errors or any_driver.backend:
            return None if errors else second()
        with pytest.raises(RateLimitError) as caught:
            client.generate(IMAGE, timeout=7)
        return errors.append(caught.value)

    async def second() -> None:
        with pytest.raises(RateLimitError) as caught:
            await client.generate(IMAGE, timeout=7)
        errors.append(caught.value)

    task = any_driver.run(lambda: client.generate(IMAGE, on_update=once))
    assert task.status == "COMPLETED"
    assert time.sleeps[:2] == [5, pytest.approx(2)]
    assert time.now - began < 60
    assert "Nothing was sent" in str(errors[0])
    assert [request.method for request in server.requests].count("POST") == 1


def test_a_deadline_cuts_requests_but_never_a_create(driver: Driver, time: FakeTime) -> None:
    """A request may take what is left until the deadline; a create that is being sent may end."""
    server = Script.of(shown(), completed())
    client: Any = driver.open(server, clock=time.clock, sleep=time.sleep, timeout=60.0).client
    client.generate(IMAGE, timeout=15)
    client.get(ID, timeout=5)
    client.get(ID, timeout=0.1)
    client.get(ID)
    allowed = [request.extensions["timeout"]["read"] for request in server.requests]
    assert allowed[0] == pytest.approx(60, abs=0.1), "and the time that its body takes over a slow uplink"
    assert 1 <= allowed[1] <= 6
    assert allowed[2:] == [5, 1, 60]


def test_one_deadline_holds_for_a_whole_generate(driver: Driver, time: FakeTime) -> None:
    """What a create takes is taken from the wait."""

    def slow(request: httpx.Request) -> httpx.Response:
        time.now += 8
        return shown()(request)

    server = Script.of(slow, shown("IN_PROGRESS"))
    client = driver.open(server, clock=time.clock, sleep=time.sleep)
    began = time.now
    with pytest.raises(DeadlineExceeded) as caught:
        client.generate([IMAGE], timeout=12)
    assert time.now - began == pytest.approx(12)
    assert (caught.value.task_id, caught.value.hint) == (ID, f"kling-elements wait {ID}")
