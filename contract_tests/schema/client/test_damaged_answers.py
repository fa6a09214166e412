"""Undocumented and damaged answers become an error of the tree or a Task, and a paid id is never lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from attrs import evolve
from hypothesis import given, note
from hypothesis import strategies as st

from contract_tests.schema.client.damage import DAMAGES, damaged
from contract_tests.schema.client.homes import HOMES, Home, task_places
from contract_tests.schema.client.outcomes import assert_survived, see
from contract_tests.schema.exercised import Row, documented
from contract_tests.support.answers import ID
from contract_tests.support.clients import ASYNC, SYNC
from contract_tests.support.examples import examples
from contract_tests.support.strategies import Wire, documented_answers, task_id_in
from kling_elements import ApiError, KlingError, OutcomeUnknown, ResponseFormatError, Task

if TYPE_CHECKING:
    from contract_tests.support.clients import Driver

PLACES = {(place.method, place.path): place.operation_id for place in task_places()}
DRIVERS = st.sampled_from([SYNC, SYNC, SYNC, ASYNC])
CUTS = st.sampled_from(
    [None, None, httpx.ReadError("reset"), httpx.RemoteProtocolError("cut"), httpx.ReadTimeout("")]
)
ROWS = [row for row in documented() if (row.method, row.path) in PLACES]
SUCCESSES = [row for row in ROWS if row.status == "200"]
ERRORS = [row for row in ROWS if row.status != "200"]
DONE = Wire(
    200,
    "application/json",
    {},
    json.dumps(
        {"data": {"task_id": ID, "status": "COMPLETED", "generated": ["https://c.example/v"]}}
    ).encode(),
)


def home_of(row: Row) -> Home:
    """What asks for the operation of an answer."""
    return HOMES[PLACES[row.method, row.path]]


@examples(40)
@given(data=st.data(), row=st.sampled_from(SUCCESSES), driver=DRIVERS, cut=CUTS)
def test_damaged_successes(data: st.DataObject, row: Row, driver: Driver, cut: Exception | None) -> None:
    """A success with something wrong with it is a value or an error of the tree; a create keeps its id."""
    whole = data.draw(documented_answers(row))
    wire = data.draw(damaged(whole))
    note(repr(wire))
    home = home_of(row).about(task_id_in(whole.value))
    assert_survived(see(driver, home, wire, cut=cut), home, wire, task_id_in(whole.value))


@examples(25)
@given(data=st.data(), row=st.sampled_from(ERRORS), driver=DRIVERS, cut=CUTS)
def test_damaged_errors(data: st.DataObject, row: Row, driver: Driver, cut: Exception | None) -> None:
    """An error with something wrong with it is still an error of the tree."""
    wire = data.draw(documented_answers(row).flatmap(damaged))
    note(repr(wire))
    seen = see(driver, home_of(row), wire, cut=cut)
    assert_survived(seen, home_of(row), wire, "")
    if wire.status >= 300:
        assert isinstance(seen.result, (ApiError, OutcomeUnknown)) or seen.result == []


@examples(40)
@given(
    data=st.data(),
    driver=DRIVERS,
    status=st.sampled_from([200, 202, 400, 404, 408, 409, 429, 500, 502, 520, 599]),
)
def test_an_id_is_found_under_any_status(data: st.DataObject, driver: Driver, status: int) -> None:
    """An answer to a create that names a task keeps the id, whatever its status and media type are."""
    row = next(row for row in SUCCESSES if home_of(row).method == "create")
    whole = evolve(data.draw(documented_answers(row)), status=status)
    media_type = data.draw(st.sampled_from(["application/json", "text/html", "application/problem+json", ""]))
    body = whole.body + data.draw(st.sampled_from([b"", b"}", b"<html>", b"\x00", b"{"]))
    wire = evolve(whole, media_type=media_type, body=body)
    result = see(driver, home_of(row), wire).result
    found = result.id if isinstance(result, Task) else result.task_id
    assert found == task_id_in(whole.value)
    assert isinstance(result, Task) == (200 <= status < 300)


@examples(25)
@given(data=st.data(), driver=DRIVERS)
def test_a_wait_outlives_damaged_answers(data: st.DataObject, driver: Driver) -> None:
    """A wait rides out every answer that may pass, and what it raises carries the id of the task."""
    row = next(row for row in SUCCESSES if home_of(row).method == "get")
    whole = data.draw(documented_answers(row))
    wire = data.draw(damaged(whole))
    note(repr(wire))
    task_id = task_id_in(whole.value)
    done = evolve(DONE, body=DONE.body.replace(ID.encode(), task_id.encode()))
    result = see(driver, Home("wait", (task_id,)), wire, done, timeout=10**9).result
    if 300 <= wire.status < 500 and wire.status not in {408, 429}:
        assert isinstance(result, ApiError)
        assert result.task_id
    else:
        assert isinstance(result, Task)
        assert result.is_terminal


LARGE = [
    ("10 MB", json.dumps({"data": {"task_id": ID, "status": "CREATED", "pad": "x" * 10_000_000}}).encode()),
    (
        "a million keys",
        b'{"data":{' + b'"a":1,' * 1_000_000 + f'"task_id":"{ID}","status":"CREATED"}}}}'.encode(),
    ),
]


@pytest.mark.parametrize("body", [body for _, body in LARGE], ids=[name for name, _ in LARGE])
def test_large_answers(driver: Driver, body: bytes) -> None:
    """A large answer is read, or told in a short text that keeps no more of it than errors may."""
    for row in SUCCESSES:
        wire = Wire(200, "application/json", {}, body)
        seen = see(driver, home_of(row), wire)
        assert_survived(seen, home_of(row), wire, ID)
        if isinstance(seen.result, (OutcomeUnknown, ResponseFormatError)):
            assert len(seen.result.body) <= 64 * 1024


def test_every_damage_is_survived_alone() -> None:
    """Each kind of damage is drawn by itself at least once, and changes the answer."""
    row = SUCCESSES[0]

    @examples(5)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        for damage in DAMAGES:
            whole = data.draw(documented_answers(row))
            wire = data.draw(damaged(whole, (damage,)))
            changed[damage] = changed.get(damage, 0) + (wire != whole)
            seen = see(SYNC, home_of(row), wire)
            assert_survived(seen, home_of(row), wire, task_id_in(whole.value))
            assert isinstance(seen.result, (Task, KlingError))

    changed: dict[object, int] = {}
    check()
    assert len(changed) == len(DAMAGES)
    assert all(changed.values())
