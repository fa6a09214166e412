"""Every answer of the document becomes the right value or the right typed error, with all that it told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.schema.client.homes import CALLBACK_HOMES, HOMES, Home, callback_operations, task_places
from contract_tests.schema.client.outcomes import assert_documented, see
from contract_tests.schema.exercised import Row, documented, record
from contract_tests.support.answers import ID
from contract_tests.support.clients import ASYNC, SYNC
from contract_tests.support.deliveries import NOW, SECRET, headers
from contract_tests.support.examples import examples
from contract_tests.support.judge import schema_faults
from contract_tests.support.strategies import (
    documented_answers,
    encoded,
    media_of,
    response_of,
    task_id_in,
    values,
)
from kling_elements import (
    AsyncTask,
    QuotaExceededError,
    RateLimitError,
    Task,
    webhooks,
)

if TYPE_CHECKING:
    from contract_tests.support.clients import Driver

PLACES = {(place.method, place.path): place.operation_id for place in task_places()}
ROWS = [row for row in documented() if (row.method, row.path) in PLACES]
EXAMPLES: list[tuple[Row, str, Any]] = [
    (row, name, example["value"])
    for row in ROWS
    if row.media_type
    for name, example in media_of(row).get("examples", {}).items()
]
REQUEST_ID = "req-of-the-example"
KINDS_OF_429 = {"rate": RateLimitError, "quota": QuotaExceededError}
OTHER_CODES = (418, 502, 599)


def home_of(row: Row) -> Home:
    """What asks for the operation of an answer."""
    return HOMES[PLACES[row.method, row.path]]


def row_name(value: object) -> str | None:
    if isinstance(value, Row):
        return f"{PLACES[value.method, value.path]}-{value.status}-{value.media_type}"
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("row", "name", "value"), EXAMPLES, ids=row_name)
def test_named_examples(driver: Driver, row: Row, name: str, value: Any) -> None:
    """Each named example, with every documented header, becomes what it says."""
    sent = {"x-request-id": REQUEST_ID}
    documented_headers = {header.lower() for header in response_of(row).get("headers", {})}
    assert "x-request-id" in documented_headers
    if "x-ratelimit-reset" in documented_headers:
        sent["x-ratelimit-reset"] = "7"
    if "retry-after" in documented_headers:
        sent["retry-after"] = "11"
    for status in OTHER_CODES if row.status == "default" else (int(row.status),):
        wire = encoded(row, status, value, sent)
        home = home_of(row)
        seen = see(driver, home, wire)
        assert_documented(seen, home, wire, PLACES[row.method, row.path])
        record("client", row.method, row.path, status, row.media_type)
        if status == 429:
            assert type(seen.result) is KINDS_OF_429[name]
            assert seen.result.retry_after == 11
        if home.method != "list" and isinstance(seen.result, Task):
            assert type(seen.result) is (Task if driver is SYNC else AsyncTask)


@pytest.mark.parametrize("row", ROWS, ids=row_name)
@examples(4)
@given(data=st.data(), driver=st.sampled_from([SYNC, ASYNC]))
def test_answers_of_each_schema(data: st.DataObject, row: Row, driver: Driver) -> None:
    """Any answer that fits the document, headers included or missing, becomes what it says."""
    wire = data.draw(documented_answers(row))
    if row.media_type.endswith("json"):
        assert schema_faults(media_of(row)["schema"], wire.value) == []
    home = home_of(row).about(task_id_in(wire.value))
    assert_documented(see(driver, home, wire), home, wire, PLACES[row.method, row.path])
    record("client", row.method, row.path, wire.status, row.media_type)


@examples(15)
@given(data=st.data(), driver=st.sampled_from([SYNC, ASYNC]))
def test_a_wait_takes_each_documented_answer(data: st.DataObject, driver: Driver) -> None:
    """A wait outlives every documented answer that may pass, and ends with the task or the final error."""
    rows = [row for row in ROWS if home_of(row).method == "get"]
    wire = data.draw(st.sampled_from(rows).flatmap(documented_answers))
    task_id = task_id_in(wire.value) or ID
    done = encoded(
        next(row for row in rows if row.status == "200"),
        200,
        {"data": {"task_id": task_id, "status": "COMPLETED", "generated": ["https://cdn.example/a.mp4"]}},
        {},
    )
    home = Home("wait", (task_id,))
    seen = see(driver, home, wire, done, timeout=10**9)
    is_final = 300 <= wire.status < 500 and wire.status not in {408, 429}
    if is_final:
        assert_documented(seen, home, wire, "wait")
        assert seen.result.task_id == task_id
    else:
        assert isinstance(seen.result, Task)
        assert seen.result.is_terminal


def test_no_documented_answer_is_left_out() -> None:
    """Each operation has a success, each error its examples, and each status code of a 429 its kind."""
    with_examples = {row for row, _, _ in EXAMPLES}
    assert {row for row in ROWS if row.media_type} == with_examples
    assert {row.status for row in ROWS} >= {"200", "400", "401", "500", "503", "default"}
    assert {(row.method, row.path) for row in ROWS} == set(PLACES)


@pytest.mark.parametrize("operation", callback_operations(), ids=lambda operation: operation["operationId"])
@examples(15)
@given(data=st.data())
def test_callbacks_of_each_schema(data: st.DataObject, operation: dict[str, Any]) -> None:
    """Any delivery that fits the document, once signed, is taken and shows its task."""
    [(media_type, media)] = operation["requestBody"]["content"].items()
    value = data.draw(values(media["schema"]))
    row = Row("POST", "", "", media_type)
    body = encoded(row, 0, value, {}).body
    take = getattr(webhooks, CALLBACK_HOMES[operation["operationId"]])
    task = take(body, headers(body), SECRET, now=lambda: NOW)
    assert (task.id, task.status, task.raw) == (value["task_id"], value["status"], value)
    assert task.urls == tuple(value["generated"])
