"""What is told of the client's doings: events for metrics, and the log."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, completed, failing, mp4, reply, shown
from contract_tests.support.clients import KEY, Script
from kling_elements import Event, KlingError, Limits
from kling_elements.operations import events
from kling_elements.policy.rate_limits import Rate

if TYPE_CHECKING:
    from pathlib import Path

    from contract_tests.support.clients import Driver, FakeTime


def table() -> dict[str, list[str]]:
    """The events that the module documents, and their fields."""
    rows = re.findall(r"^\| `([a-z.]+)` +\| ([a-z_, ]+?) +\|$", events.__doc__ or "", re.MULTILINE)
    return {name: fields.split(", ") for name, fields in rows}


@pytest.fixture
def told(driver: Driver, time: FakeTime, tmp_path: Path) -> list[Event]:
    """The events of a life in which everything happens."""
    found: list[Event] = []

    def run(*steps: Any, **options: Any) -> None:
        client = driver.open(
            Script.of(*steps), clock=time.clock, sleep=time.sleep, on_event=found.append, **options
        )
        try:
            task = client.generate([IMAGE])
            client.download(task, tmp_path / "out.mp4")
        except KlingError:
            pass

    run(httpx.ConnectError("refused"), shown(), failing(500), completed(), reply(content=mp4()))
    run(failing(429, retry_after="1"), failing(503, f"we know {KEY}"), limits=Limits((Rate(1, 9.0),)))
    run(httpx.ReadError(f"cut {KEY}"))
    return found


def test_the_names_are_stable(told: list[Event]) -> None:
    """Every documented event happens, with its fields: dashboards rely on them, and this list only grows."""
    assert {event.name: list(event.fields) for event in told} == table()
    assert {name: " ".join(fields) for name, fields in table().items()} == {
        "request.started": "operation",
        "request.answered": "operation status_code request_id seconds",
        "request.failed": "operation reason was_sent seconds",
        "request.repeated": "operation attempt pause",
        "request.delayed": "operation pause",
        "task.created": "task_id model",
        "task.status": "task_id status",
        "create.unknown": "task_id status_code",
        "download.finished": "task_id bytes",
    }


def test_what_events_say(told: list[Event]) -> None:
    """Values are those of what happened, plain, and can't be changed; none holds a key or a signature."""
    first = [(event.name, {**event.fields, "pause": 0}) for event in told if event.name != "request.started"]
    assert first[:4] == [
        (
            "request.failed",
            {"operation": "create", "reason": "refused", "was_sent": False, "seconds": 0.0, "pause": 0},
        ),
        ("request.repeated", {"operation": "create", "attempt": 1, "pause": 0}),
        (
            "request.answered",
            {"operation": "create", "status_code": 200, "request_id": "req-1", "seconds": 0.0, "pause": 0},
        ),
        ("task.created", {"task_id": ID, "model": "std", "pause": 0}),
    ]
    assert Event("download.finished", {"task_id": ID, "bytes": len(mp4())}) in told
    for event in told:
        assert all(isinstance(value, str | int | float | None) for value in event.fields.values())
        assert (KEY in repr(event), "hmac" in repr(event)) == (False, False)
        with pytest.raises(TypeError):
            event.fields["task_id"] = "x"  # type: ignore[index]  # that is the point


def test_a_hook_that_raises_harms_nothing(
    driver: Driver, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    """A hook that fails is logged, and the task is made and waited for all the same."""

    def hook(event: Event) -> None:
        raise ZeroDivisionError(event.name)

    client = driver.open(Script.of(shown(), completed()), clock=time.clock, sleep=time.sleep, on_event=hook)
    assert client.generate([IMAGE]).id == ID
    failures = [record for record in caplog.records if record.exc_info]
    assert "the event hook failed on task.created" in [record.getMessage() for record in failures]


def test_a_status_is_told_once(driver: Driver, time: FakeTime) -> None:
    """A status is an event when it changes, not each time it is seen."""
    found: list[Event] = []
    server = Script.of(*[shown("IN_PROGRESS")] * 4, completed())
    client = driver.open(server, clock=time.clock, sleep=time.sleep, on_event=found.append)
    client.wait(ID)
    client.get(ID)
    statuses = [event.fields["status"] for event in found if event.name == "task.status"]
    assert statuses == ["IN_PROGRESS", "COMPLETED"]


def test_one_logger() -> None:
    """The package logs under one name, with a handler that does nothing and no level of its own."""
    logger = logging.getLogger("kling_elements")
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
    assert logger.level == logging.NOTSET
    assert logger.propagate
