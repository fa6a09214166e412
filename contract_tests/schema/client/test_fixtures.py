"""Answers that people have met, one file each, through both clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import kling_elements
from contract_tests.schema.client.homes import HOMES
from contract_tests.schema.client.outcomes import step
from contract_tests.schema.exercised import record, row_of
from contract_tests.support.answers import ID, IMAGE, RESULT, completed, shown
from contract_tests.support.clients import KEY, FakeTime, Script
from contract_tests.support.contract import key_headers, operations
from contract_tests.support.fixtures import Fixture, load_all
from contract_tests.support.judge import places, request_faults
from kling_elements import KlingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contract_tests.support.clients import Driver

FIXTURES = load_all()
CASES = [(fixture, method) for fixture in FIXTURES for method in fixture.expected]


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


@pytest.mark.parametrize(
    ("fixture", "method"), CASES, ids=lambda case: case.name if isinstance(case, Fixture) else case
)
def test_fixtures(driver: Driver, fixture: Fixture, method: str) -> None:
    """An answer that people have met becomes what its file says."""
    result, server = call(driver, fixture, method)
    expected = fixture.expected[method]
    if "task" in expected:
        assert_task(result, expected["task"])
        assert result.request_id == fixture.wire.headers.get("x-request-id")
    elif "tasks" in expected:
        assert [[task.id, task.status] for task in result] == expected["tasks"]
    elif "error" in expected:
        assert_error(result, expected["error"])
    else:
        assert (result.status, result.urls) == ("COMPLETED", (RESULT,))
    assert_sent(server, fixture)
    if method in {home.method for home in HOMES.values()}:
        request = server.requests[0]
        record("client", request.method, str(request.url), fixture.wire.status, fixture.wire.media_type)


def assert_task(task: Any, expected: Mapping[str, Any]) -> None:
    assert (task.id, task.status) == (expected["id"], expected["status"])
    assert list(task.urls) == expected["urls"]
    assert expected.get("raw", {}).items() <= task.raw.items()
    if "expires_at" in expected:
        assert task.expires_at.isoformat() == expected["expires_at"]


def assert_error(error: Any, expected: Mapping[str, Any]) -> None:
    assert type(error) is getattr(kling_elements, expected["type"]), repr(error)
    assert KEY not in f"{error} {error!r} {vars(error)}"
    for name, value in expected.items():
        if name == "text":
            assert value in str(error)
        elif name == "invalid_params":
            assert [[param.name, param.reason] for param in error.invalid_params] == value
        elif name != "type":
            assert getattr(error, name) == value


def assert_sent(server: Script, fixture: Fixture) -> None:
    """What was sent fits the document, the key in its server's header; a create went once, if it may cost."""
    assert [fault for request in server.requests for fault in request_faults(request)] == []
    for request in server.requests:
        assert request.headers[key_headers()[fixture.base_url]] == KEY
    creates = [request for request in server.requests if request.method == "POST"]
    assert len(creates) <= 1 or fixture.wire.status == 429


def test_each_documented_status_has_a_fixture() -> None:
    """Each status that the document names was met, is published, or is inferred; each mark is in use."""
    named = {status for _, _, operation in operations() for status in operation["responses"]}
    assert named - {"default"} <= {str(fixture.wire.status) for fixture in FIXTURES}
    assert {fixture.mark for fixture in FIXTURES} == {"observed", "published", "inferred"}


def test_each_fixture_says_where_it_is_from() -> None:
    """What was observed names its sibling; what is published is documented; guesses claim little."""
    for fixture in FIXTURES:
        wire = fixture.wire
        is_documented = any(
            row_of(place.method, place.path, wire.status, wire.media_type) for place in places()
        )
        holds = {
            "observed": bool(fixture.sibling),
            "published": fixture.sureness == "A" and is_documented,
            "inferred": fixture.sureness in "CD",
        }
        assert holds[fixture.mark], fixture.name
        assert "key" not in wire.headers
