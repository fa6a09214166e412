"""Answers that people have met, one file each, through both clients."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from contract_tests.schema.client.homes import HOMES
from contract_tests.schema.client.outcomes import step
from contract_tests.schema.exercised import record, row_of
from contract_tests.support.answers import ID, IMAGE, RESULT, completed, shown
from contract_tests.support.clients import KEY, Driver, FakeTime, Script
from contract_tests.support.contract import key_headers, operations
from contract_tests.support.fixtures import MARKS, Fixture, load_all
from contract_tests.support.judge import places, request_faults
from kling_elements import KlingError

FIXTURES = load_all()
CASES = [pytest.param(one, name, id=f"{one.name}-{name}") for one in FIXTURES for name in one.expected]


def call(driver: Driver, fixture: Fixture, method: str) -> tuple[Any, Script]:
    """Call a method of a client with all its defaults but the clock; errors of the tree are results."""
    answer, time = step(fixture.wire), FakeTime()
    after = [completed()] if fixture.expected[method].get("rides_out") else []
    server = Script.of(*([shown(), answer] if method == "generate" else [answer, *after]))
    client = driver.open(server, base_url=fixture.base_url, clock=time.clock, sleep=time.sleep)
    arguments = {"create": ([IMAGE],), "generate": ([IMAGE],), "list": ()}.get(method, (ID,))
    try:
        return getattr(client, method)(*arguments), server
    except KlingError as error:
        return error, server


@pytest.mark.parametrize(("fixture", "method"), CASES)
def test_fixtures(driver: Driver, fixture: Fixture, method: str) -> None:
    """An answer that people have met becomes what its file says."""
    result, server = call(driver, fixture, method)
    expected = fixture.expected[method]
    if "task" in expected:
        assert result.request_id == fixture.wire.headers.get("x-request-id")
        assert as_told(result, expected["task"]) == expected["task"]
    elif "tasks" in expected:
        assert [[task.id, task.status] for task in result] == expected["tasks"]
    elif "error" in expected:
        assert KEY not in f"{result} {result!r} {vars(result)}"
        assert as_told(result, expected["error"]) == expected["error"]
    else:
        assert (result.status, result.urls) == ("COMPLETED", (RESULT,))
    # What was sent fits the document, the key in its server's header; a create went once, if it may cost.
    assert [fault for request in server.requests for fault in request_faults(request)] == []
    assert {request.headers[key_headers()[fixture.base_url]] for request in server.requests} == {KEY}
    assert [request.method for request in server.requests].count("POST") <= 1 or fixture.wire.status == 429
    if method in {home.method for home in HOMES.values()}:
        request = server.requests[0]
        record("client", request.method, str(request.url), fixture.wire.status, fixture.wire.media_type)


def as_told(result: Any, expected: Mapping[str, Any]) -> dict[str, Any]:
    """What a task or an error shows of what a file names, in the words of the file."""
    special: dict[str, Callable[[], Any]] = {
        "type": lambda: type(result).__name__,
        "text": lambda: expected["text"] if expected["text"] in str(result) else str(result),
        "invalid_params": lambda: [[param.name, param.reason] for param in result.invalid_params],
        "urls": lambda: list(result.urls),
        "raw": lambda: {name: result.raw[name] for name in expected["raw"]},
        "expires_at": lambda: str(result.expires_at).replace(" ", "T"),
    }
    return {name: special[name]() if name in special else getattr(result, name) for name in expected}


def test_each_documented_status_has_a_fixture_that_says_where_it_is_from() -> None:
    """What was observed names its sibling; what is published is documented; guesses claim little."""
    named = {status for _, _, operation in operations() for status in operation["responses"]}
    assert named - {"default"} <= {str(fixture.wire.status) for fixture in FIXTURES}
    assert {fixture.mark for fixture in FIXTURES} == set(MARKS)
    for fixture in FIXTURES:
        wire = fixture.wire
        found = [row_of(place.method, place.path, wire.status, wire.media_type) for place in places()]
        sure, sibling = fixture.sureness, fixture.sibling
        holds = {"observed": sibling, "published": sure == "A" and any(found), "inferred": sure in "CD"}
        assert holds[fixture.mark], fixture.name
        assert "key" not in wire.headers
