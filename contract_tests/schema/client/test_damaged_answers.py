"""Undocumented and damaged answers become an error of the tree or a Task, and a paid id is never lost."""

import json

import httpx
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from contract_tests.schema.client.damage import DAMAGES, Damage, damaged
from contract_tests.schema.client.homes import Home, rows
from contract_tests.schema.client.outcomes import assert_documented, assert_survived, see
from contract_tests.support.answers import ID
from contract_tests.support.clients import ASYNC, SYNC, Driver
from contract_tests.support.examples import examples
from contract_tests.support.strategies import Wire, documented_answers, task_id_in
from kling_elements import ApiError, OutcomeUnknown, ResponseFormatError, Task

DRIVERS = st.sampled_from([SYNC, SYNC, SYNC, ASYNC])
CUTS = httpx.ReadError("reset"), httpx.RemoteProtocolError("cut"), httpx.ReadTimeout("")
ROWS = rows()
SUCCESSES = [row for row in ROWS if row.status == "200"]
LOOKS = [row for row, home in ROWS.items() if home.method == "get"]


@pytest.mark.parametrize("damage", DAMAGES)
@examples(15)
@given(data=st.data(), driver=DRIVERS, cut=st.sampled_from([None, None, *CUTS]))
def test_damaged_answers(damage: Damage, data: st.DataObject, driver: Driver, cut: Exception | None) -> None:
    """An answer with something wrong is a value or an error of the tree; a create keeps its id."""
    row = data.draw(st.sampled_from(SUCCESSES) | st.sampled_from([*ROWS]))
    whole = data.draw(documented_answers(row))
    task_id = task_id_in(whole.value)
    wire = data.draw(damaged(whole, damage))
    note(repr(wire))
    home = ROWS[row].about(task_id)
    seen = see(driver, home, wire, cut=cut)
    assert_survived(seen, home, wire, task_id)
    if row not in SUCCESSES and wire.status >= 300:
        assert isinstance(seen.result, (ApiError, OutcomeUnknown)) or seen.result == []


@examples(40)
@given(data=st.data(), driver=DRIVERS)
def test_a_wait_outlives_what_may_pass(data: st.DataObject, driver: Driver) -> None:
    """A wait ends with the task, whatever came before, or with the final error, which carries its id."""
    whole = data.draw(st.sampled_from(LOOKS).flatmap(documented_answers))
    wire = data.draw(st.just(whole) | st.sampled_from(DAMAGES).flatmap(lambda one: damaged(whole, one)))
    note(repr(wire))
    task_id = task_id_in(whole.value) or ID
    task = {"task_id": task_id, "status": "COMPLETED", "generated": ["https://c.example/v"]}
    done = Wire(200, "application/json", {}, json.dumps({"data": task}).encode())
    seen = see(driver, home := Home("wait", (task_id,)), wire, done, timeout=10**9)
    if 300 <= wire.status < 500 and wire.status not in {408, 429}:
        assert isinstance(seen.result, ApiError)
        assert seen.result.task_id
        if wire == whole:
            assert seen.result.task_id == task_id
            assert_documented(seen, home, wire)
    else:
        assert isinstance(seen.result, Task)
        assert seen.result.is_terminal


LARGE = {
    "10 MB": f'{{"data": {{"task_id": "{ID}", "status": "CREATED", "pad": "{"x" * 10_000_000}"}}}}',
    "a million keys": '{"data":{' + '"a":1,' * 1_000_000 + f'"task_id":"{ID}","status":"CREATED"}}}}',
}


@pytest.mark.parametrize("name", LARGE)
def test_large_answers(driver: Driver, name: str) -> None:
    """A large answer is read, or told in a short text that keeps no more of it than errors may."""
    wire = Wire(200, "application/json", {}, LARGE[name].encode())
    for row in SUCCESSES:
        seen = see(driver, ROWS[row], wire)
        assert_survived(seen, ROWS[row], wire, ID)
        if isinstance(seen.result, (OutcomeUnknown, ResponseFormatError)):
            assert len(seen.result.body) <= 64 * 1024
