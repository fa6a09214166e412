"""Every wait ends with its deadline, and what was not sent leaves no doubt."""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.answers import ID, IMAGE, completed, reply, shown
from contract_tests.support.clients import KEY, Script
from contract_tests.support.fake_io import AfterSending, FakeIO
from kling_elements import ConnectionFailed, DeadlineExceeded, KlingError, Limits, RateLimitError, RetryPolicy
from kling_elements.api.auth import ApiKey, Settings
from kling_elements.api.io import run_sync
from kling_elements.journal import Journal, State
from kling_elements.operations.create import TaskCreator
from kling_elements.operations.recorder import Recorder
from kling_elements.operations.sender import Sender
from kling_elements.operations.service import TaskService
from kling_elements.policy.polling import PollSchedule
from kling_elements.types import NoResponse, Response, TaskData

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from contract_tests.support.clients import Driver, FakeTime

ORIGINS = (f"https://origin-{number}.example" for number in itertools.count())
USED_UP = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "120"}


def shown_with(headers: dict[str, str], status: str = "IN_PROGRESS") -> Any:
    return reply(body={"data": {"task_id": ID, "status": status, "generated": []}}, headers=headers)


CALLS: dict[str, tuple[Callable[[Any], Any], type[KlingError]]] = {
    "get": (lambda client: client.get(ID, timeout=5), RateLimitError),
    "list": (lambda client: client.list(timeout=5), RateLimitError),
    "find_unrecorded": (lambda client: client.find_unrecorded(timeout=5), RateLimitError),
    "wait": (lambda client: client.wait(ID, timeout=5), DeadlineExceeded),
    "generate": (lambda client: client.generate(IMAGE, timeout=5), RateLimitError),
    "a get without a deadline": (lambda client: client.get(ID), RateLimitError),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_rate_limit_outlasts_a_deadline(any_driver: Driver, time: FakeTime, name: str) -> None:
    """The service says that the rate is used up for two minutes: no call sleeps past its own deadline."""
    call, kind = CALLS[name]
    server = Script.of(shown_with(USED_UP))
    options = {"base_url": next(ORIGINS), "clock": time.clock, "sleep": time.sleep}
    client: Any = any_driver.open(server, **options).client
    any_driver.run(lambda: client.get(ID))
    began = time.now
    with pytest.raises(kind) as caught:
        any_driver.run(lambda: call(client))
    assert time.now - began <= 6
    assert len(server.requests) == 1, "nothing was sent"
    if isinstance(caught.value, RateLimitError):
        assert caught.value.retry_after is not None
        assert 60 < caught.value.retry_after <= 120


def test_a_wait_for_a_place_ends_with_the_deadline(any_driver: Driver, time: FakeTime) -> None:
    """A generate that finds no place among the tasks that may run at once gives up in time, unsent."""
    server = Script.of(shown(), shown("IN_PROGRESS"), completed())
    options = {"base_url": next(ORIGINS), "clock": time.clock, "sleep": time.sleep}
    client: Any = any_driver.open(server, limits=Limits((), 1), **options).client
    errors: list[KlingError] = []
    # From here the clock's floats can't hit the deadline exactly.
    time.now = began = math.nextafter(1020.0, math.inf)

    def sync_second(task: TaskData) -> None:
        with pytest.raises(RateLimitError) as caught:
            client.generate(IMAGE, timeout=7)
        errors.append(caught.value)

    async def second(task: TaskData) -> None:
        with pytest.raises(RateLimitError) as caught:
            await client.generate(IMAGE, timeout=7)
        errors.append(caught.value)

    def once(task: TaskData) -> Any:
        if not errors:
            return sync_second(task) if any_driver.backend is None else second(task)
        return None

    task = any_driver.run(lambda: client.generate(IMAGE, on_update=once))
    assert task.status == "COMPLETED"
    assert time.sleeps[:2] == [5, pytest.approx(2)]
    assert time.now - began < 60
    assert "Nothing was sent" in str(errors[0])
    assert [request.method for request in server.requests].count("POST") == 1


def test_a_deadline_cuts_requests_but_never_a_create(driver: Driver, time: FakeTime) -> None:
    """A request may take what is left until the deadline; a create that is being sent may end."""
    server = Script.of(shown(), completed())
    options = {"clock": time.clock, "sleep": time.sleep, "timeout": 60.0}
    client: Any = driver.open(server, **options).client
    driver.run(lambda: client.generate(IMAGE, timeout=15))
    driver.run(lambda: client.get(ID, timeout=5))
    driver.run(lambda: client.get(ID, timeout=0.1))
    driver.run(lambda: client.get(ID))
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


CREATED = Response(200, {}, json.dumps({"data": {"task_id": ID, "status": "CREATED"}}).encode())
OUTCOMES: list[tuple[list[Any], type[BaseException] | None, State]] = [
    ([CREATED], None, State.CREATED),
    ([NoResponse("refused", was_sent=False)], ConnectionFailed, State.REFUSED),
    ([NoResponse("refused", was_sent=False), CREATED], None, State.CREATED),
    ([KeyboardInterrupt()], KeyboardInterrupt, State.REFUSED),
    ([RuntimeError("a hook")], RuntimeError, State.REFUSED),
    ([NoResponse("refused", was_sent=False), KeyboardInterrupt()], KeyboardInterrupt, State.REFUSED),
    ([AfterSending(KeyboardInterrupt())], KeyboardInterrupt, State.UNKNOWN),
    ([AfterSending(RuntimeError("a hook"))], RuntimeError, State.UNKNOWN),
]


@pytest.mark.parametrize(("outcomes", "error", "state"), OUTCOMES)
def test_only_what_was_sent_is_in_doubt(
    journal: Journal, outcomes: list[Any], error: type[BaseException] | None, state: State
) -> None:
    """A create that ends before its first byte is recorded as refused, however it ends."""
    io = FakeIO(outcomes)
    settings = Settings("https://a.example", "x-key", ApiKey(KEY), 60.0)
    sender = Sender(io, settings, None, RetryPolicy(), lambda: 0.0, lambda: 0.5)
    recorder = Recorder.of(journal, settings)
    service = TaskService(
        sender, PollSchedule(), recorder, lambda task: task, lambda: TaskCreator(sender, recorder)
    )
    if error is None:
        assert run_sync(service.create(IMAGE, {})).id == ID
    else:
        with pytest.raises(error) as caught:
            run_sync(service.create(IMAGE, {}))
        notes = getattr(caught.value, "__notes__", [])
        assert any("kling-elements list" in note for note in notes) == (state is State.UNKNOWN)
    (entry,) = journal.entries()
    assert entry.state is state
