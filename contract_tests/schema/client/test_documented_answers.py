"""Every answer of the document becomes the right value or the right typed error, with all that it told."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.schema.client import homes
from contract_tests.schema.client.homes import HOMES, Home, examples_of
from contract_tests.schema.client.outcomes import OK, ask, assert_documented, see, step, told
from contract_tests.schema.exercised import Row, record
from contract_tests.support import strategies
from contract_tests.support.answers import shown
from contract_tests.support.clients import ASYNC, KEY, SYNC, Driver
from contract_tests.support.deliveries import NOW, SECRET, headers
from contract_tests.support.examples import examples
from contract_tests.support.judge import place_of, places, request_faults, schema_faults
from kling_elements import AsyncTask, KlingError, OutcomeUnknown, Task
from kling_elements.printable import printable
from kling_elements.webhooks import verify_webhook

ROWS = homes.rows()
CALLBACKS = {operation["operationId"]: operation for operation in homes.callback_operations()}
DRIVERS = st.sampled_from([SYNC, ASYNC])
KINDS_OF_429 = {"rate": "RateLimitError", "quota": "QuotaExceededError"}
OTHER_CODES = (418, 502, 599)


@pytest.mark.parametrize(("row", "home", "name", "value"), examples_of(ROWS))
def test_named_examples(driver: Driver, row: Row, home: Home, name: str, value: Any) -> None:
    """Each named example, with every documented header, becomes what it says."""
    known = {header.lower() for header in strategies.response_of(row).get("headers", {})}
    assert "x-request-id" in known
    every = {"x-request-id": "req-of-the-example", "x-ratelimit-reset": "7", "retry-after": "11"}
    sent = {header: text for header, text in every.items() if header in known}
    for status in OTHER_CODES if row.status == "default" else (int(row.status),):
        wire = strategies.encoded(row, status, value, sent)
        seen = see(driver, home, wire)
        assert_documented(seen, home, wire)
        record("client", row.method, row.path, status, row.media_type)
        if status == 429:
            assert type(seen.result).__name__ == KINDS_OF_429[name]
            assert seen.result.retry_after == 11
        if home.method != "list" and isinstance(seen.result, Task):
            assert type(seen.result) is (Task if driver is SYNC else AsyncTask)


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
@examples(3)
@given(data=st.data(), driver=DRIVERS)
def test_answers_of_each_schema(data: st.DataObject, row: Row, driver: Driver) -> None:
    """Any answer that fits the document, headers included or missing, becomes what it says."""
    wire = data.draw(strategies.documented_answers(row))
    if row.media_type.endswith("json"):
        assert schema_faults(strategies.media_of(row)["schema"], wire.value) == []
    home = ROWS[row].about(strategies.task_id_in(wire.value))
    assert_documented(see(driver, home, wire), home, wire)
    record("client", row.method, row.path, wire.status, row.media_type)


@pytest.mark.parametrize(("row", "home", "name", "value"), examples_of(homes.rows(is_step=True)))
def test_named_examples_of_steps(driver: Driver, row: Row, home: Home, name: str, value: Any) -> None:
    """A step's success leads to one create that fits the document; its error is typed, and none is sent."""
    status = 418 if row.status == "default" else int(row.status)
    wire = strategies.encoded(row, status, value, {"x-request-id": "req-step"})
    steps: list[httpx.Request] = []
    creates: list[httpx.Request] = []

    def service(request: httpx.Request) -> httpx.Response:
        place = place_of(request)
        if place is None:
            assert KEY not in str(request.headers.raw), "the key went to another host"
            return httpx.Response(200)
        assert request_faults(request) == []
        if HOMES[place.operation_id] is not home:
            creates.append(request)
            return shown()(request)
        steps.append(request)
        return step(wire)(request)

    result = ask(driver, home, service)
    record("client", row.method, row.path, status, row.media_type)
    assert steps
    if status in OK:
        assert isinstance(result, Task)
        [create] = creates
        assert json.loads(create.content)["images"] == [entry["asset_url"] for entry in value["files"]]
        return
    assert isinstance(result, KlingError)
    assert not isinstance(result, OutcomeUnknown), "nothing was created, and it must not look as if"
    assert creates == []
    assert printable(told(wire)[0] or str(status)) in str(result)
    if status != 429:
        assert "req-step" in f"{result} {vars(result)}"


def test_nothing_documented_is_left_out() -> None:
    """Each home belongs to an operation or callback, each operation has a success, each body its examples."""
    assert set(HOMES) <= {place.operation_id for place in places()}
    assert set(CALLBACKS) >= homes.CALLBACKS
    assert {row for row in ROWS if row.media_type} == {example.values[0] for example in examples_of(ROWS)}
    assert {row.status for row in ROWS} >= {"200", "400", "401", "500", "503", "default"}
    wanted = {(place.method, place.path) for place in homes.task_places()}
    assert {(row.method, row.path) for row in ROWS} == wanted


@pytest.mark.parametrize("name", sorted(homes.CALLBACKS))
@examples(15)
@given(data=st.data())
def test_callbacks_of_each_schema(data: st.DataObject, name: str) -> None:
    """Any delivery that fits the document, once signed, is taken and shows its task."""
    [(media_type, media)] = CALLBACKS[name]["requestBody"]["content"].items()
    value = data.draw(strategies.values(media["schema"]))
    body = strategies.encoded(Row("POST", "", "", media_type), 0, value, {}).body
    task = verify_webhook(body, headers(body), SECRET, now=lambda: NOW)
    assert (task.id, task.status, task.raw) == (value["task_id"], value["status"], value)
    assert task.urls == tuple(value["generated"])
