"""Operations that are a step on the way to a create: an answer leads on, or ends it unpaid."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.schema.client.homes import HOMES, step_places
from contract_tests.schema.client.outcomes import ALONE, OK, TOO_MANY, told
from contract_tests.schema.exercised import Row, documented, record
from contract_tests.support.answers import shown
from contract_tests.support.clients import KEY, FakeTime
from contract_tests.support.judge import place_of, request_faults
from contract_tests.support.strategies import encoded, media_of
from kling_elements import KlingError, OutcomeUnknown, Task
from kling_elements.printable import printable

if TYPE_CHECKING:
    from contract_tests.support.clients import Driver

PLACES = {(place.method, place.path): place for place in step_places()}
EXAMPLES: list[tuple[Row, str, Any]] = [
    (row, name, example["value"])
    for row in documented()
    if (row.method, row.path) in PLACES
    for name, example in media_of(row).get("examples", {}).items()
]


@pytest.mark.parametrize(
    ("row", "value"),
    [(row, value) for row, _, value in EXAMPLES],
    ids=[f"{row.status}-{row.media_type}-{name}" for row, name, _ in EXAMPLES],
)
def test_named_examples_of_steps(driver: Driver, row: Row, value: Any) -> None:
    """A success leads to one create that fits the document; an error is typed, and no create is sent."""
    step = PLACES[row.method, row.path]
    wire = encoded(
        row, 418 if row.status == "default" else int(row.status), value, {"x-request-id": "req-step"}
    )
    sent: list[httpx.Request] = []

    def service(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        place = place_of(request)
        if place == step:
            headers = {"content-type": wire.media_type, **wire.headers}
            return httpx.Response(wire.status, headers=headers, content=wire.body)
        if place is not None:
            return shown()(request)
        assert KEY not in str(request.headers.raw), "the key went to another host"
        return httpx.Response(200)

    time = FakeTime()
    client = driver.open(service, clock=time.clock, sleep=time.sleep, **ALONE)
    try:
        result = HOMES[step.operation_id].call(client)
    except KlingError as error:
        result = error
    record("client", row.method, row.path, wire.status, row.media_type)
    asked = [request for request in sent if place_of(request) is not None]
    assert [fault for request in asked for fault in request_faults(request)] == []
    creates = [request for request in asked if place_of(request) != step]
    if wire.status in OK:
        assert isinstance(result, Task)
        [create] = creates
        assert json.loads(create.content)["images"] == [entry["asset_url"] for entry in value["files"]]
        return
    assert isinstance(result, KlingError)
    assert not isinstance(result, OutcomeUnknown), "nothing was created, and it must not look as if"
    assert creates == []
    assert printable(told(wire)[0] or str(wire.status)) in str(result)
    if wire.status != TOO_MANY:
        assert "req-step" in f"{result} {vars(result)}"
