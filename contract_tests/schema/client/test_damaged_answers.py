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
from contract_tests.schema.client.homes import Home, rows
from contract_tests.schema.client.outcomes import assert_survived, see
from contract_tests.support.answers import ID
from contract_tests.support.clients import ASYNC, SYNC
from contract_tests.support.examples import examples
from contract_tests.support.strategies import Wire, documented_answers, task_id_in
from kling_elements import ApiError, KlingError, OutcomeUnknown, ResponseFormatError, Task

if TYPE_CHECKING:
    from contract_tests.schema.exercised import Row
    from contract_tests.support.clients import Driver

DRIVERS = st.sampled_from([SYNC, SYNC, SYNC, ASYNC])
CUTS = st.sampled_from(
    [None, None, httpx.ReadError("reset"), httpx.RemoteProtocolError("cut"), httpx.ReadTimeout("")]
)
ROWS = rows()
SUCCESSES = [row for row in ROWS if row.status == "200"]
CREATE = next(row for row in SUCCESSES if ROWS[row].method == "create")
GET = next(row for row in SUCCESSES if ROWS[row].method == "get")


@examples(60)
@given(data=st.data(), row=st.sampled_from(SUCCESSES) | st.sampled_from([*ROWS]), driver=DRIVERS, cut=CUTS)
def test_damaged_answers(data: st.DataObject, row: Row, driver: Driver, cut: Exception | None) -> None:
    """An answer with something wrong is a value or an error of the tree; a create keeps its id."""
    whole = data.draw(documented_answers(row))
    task_id = task_id_in(whole.value)
    wire = data.draw(damaged(whole))
    note(repr(wire))
    home = ROWS[row].about(task_id)
    seen = see(driver, home, wire, cut=cut)
    assert_survived(seen, home, wire, task_id)
    if row not in SUCCESSES and wire.status >= 300:
        assert isinstance(seen.result, (ApiError, OutcomeUnknown)) or seen.result == []


@examples(40)
@given(
    data=st.data(),
    driver=DRIVERS,
    status=st.sampled_from([200, 202, 400, 404, 408, 409, 429, 500, 502, 520, 599]),
)
def test_an_id_is_found_under_any_status(data: st.DataObject, driver: Driver, status: int) -> None:
    """An answer to a create that names a task keeps the id, whatever its status and media type are."""
    whole = evolve(data.draw(documented_answers(CREATE)), status=status)
    media_type = data.draw(st.sampled_from(["application/json", "text/html", "application/problem+json", ""]))
    body = whole.body + data.draw(st.sampled_from([b"", b"}", b"<html>", b"\x00", b"{"]))
    result = see(driver, ROWS[CREATE], evolve(whole, media_type=media_type, body=body)).result
    found = result.id if isinstance(result, Task) else result.task_id
    assert found == task_id_in(whole.value)
    assert isinstance(result, Task) == (200 <= status < 300)


@examples(25)
@given(data=st.data(), driver=DRIVERS)
def test_a_wait_outlives_damaged_answers(data: st.DataObject, driver: Driver) -> None:
    """A wait rides out every answer that may pass, and what it raises carries the id of the task."""
    whole = data.draw(documented_answers(GET))
    wire = data.draw(damaged(whole))
    note(repr(wire))
    task_id = task_id_in(whole.value)
    task = {"task_id": task_id, "status": "COMPLETED", "generated": ["https://c.example/v"]}
    done = Wire(200, "application/json", {}, json.dumps({"data": task}).encode())
    result = see(driver, Home("wait", (task_id,)), wire, done, timeout=10**9).result
    if 300 <= wire.status < 500 and wire.status not in {408, 429}:
        assert isinstance(result, ApiError)
        assert result.task_id
    else:
        assert isinstance(result, Task)
        assert result.is_terminal


LARGE = {
    "10 MB": f'{{"data": {{"task_id": "{ID}", "status": "CREATED", "pad": "{"x" * 10_000_000}"}}}}',
    "a million keys": '{"data":{' + '"a":1,' * 1_000_000 + f'"task_id":"{ID}","status":"CREATED"}}}}',
}


@pytest.mark.parametrize("name", LARGE)
def test_large_answers(driver: Driver, name: str) -> None:
    """A large answer is read, or told in a short text that keeps no more of it than errors may."""
    body = LARGE[name].encode()
    for row in SUCCESSES:
        wire = Wire(200, "application/json", {}, body)
        seen = see(driver, ROWS[row], wire)
        assert_survived(seen, ROWS[row], wire, ID)
        if isinstance(seen.result, (OutcomeUnknown, ResponseFormatError)):
            assert len(seen.result.body) <= 64 * 1024


def test_every_damage_is_survived_alone() -> None:
    """Each kind of damage is drawn by itself at least once, and changes the answer."""
    changed = dict.fromkeys(DAMAGES, 0)

    @examples(5)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        for damage in DAMAGES:
            whole = data.draw(documented_answers(CREATE))
            wire = data.draw(damaged(whole, (damage,)))
            changed[damage] += wire != whole
            seen = see(SYNC, ROWS[CREATE], wire)
            assert_survived(seen, ROWS[CREATE], wire, task_id_in(whole.value))
            assert isinstance(seen.result, (Task, KlingError))

    check()
    assert all(changed.values())
