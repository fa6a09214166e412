"""What the client sends for any valid input fits the document; for invalid input it sends nothing."""

from __future__ import annotations

import base64
import json
import string
from functools import cache
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.schema.client.damage import Violation, violations
from contract_tests.schema.client.homes import task_places
from contract_tests.schema.client.outcomes import ALONE
from contract_tests.support.answers import png, reply, shown
from contract_tests.support.clients import ASYNC, SYNC, Driver, FakeTime, Script
from contract_tests.support.contract import key_headers, request_schema
from contract_tests.support.examples import examples
from contract_tests.support.judge import Place, place_of, request_faults, schema_faults
from contract_tests.support.strategies import plain, values
from kling_elements import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.clients import Opened

SERVERS = list(key_headers())
DRIVERS = st.sampled_from([SYNC, ASYNC])
# Nothing that a text could hold by chance: the whole run is watched for the keys that clients were given.
KEYS = st.text(string.ascii_letters + string.digits + "-_.~+/=", max_size=40).map(
    "fpk-Kq7-generated-{}".format
)
PLACES = task_places()
CREATES = [place for place, home in PLACES.items() if home.method == "create"]
SCHEMA = plain(request_schema())


def schema_of(place: Place) -> dict[str, Any]:
    schema: dict[str, Any] = place.operation["requestBody"]["content"]["application/json"]["schema"]
    return schema


def path_schema(place: Place) -> dict[str, Any]:
    """The parameters of an operation's path, as the members of one object."""
    found = [entry for entry in place.operation.get("parameters", ()) if entry["in"] == "path"]
    return {"type": "object", "properties": {entry["name"]: entry["schema"] for entry in found}}


def send(driver: Driver, server: Script, call: Callable[[Opened], object], **options: Any) -> None:
    """Call a client whose time is not the machine's."""
    time = FakeTime()
    call(driver.open(server, clock=time.clock, sleep=time.sleep, **ALONE, **options))


@cache
def pictures() -> dict[bytes, str]:
    """A few small images, and each as base64."""
    return {data: base64.b64encode(data).decode() for data in (png(), png(300, 700), png(640, 300))}


@examples(20)
@given(data=st.data(), place=st.sampled_from(CREATES), driver=DRIVERS, url=st.sampled_from(SERVERS), key=KEYS)
def test_creates_fit_the_document(
    data: st.DataObject, place: Place, driver: Driver, url: str, key: str
) -> None:
    """Any valid create is one request to the document's operation, and says exactly what was asked for."""
    asked = data.draw(values(schema_of(place)))
    assert schema_faults(schema_of(place), asked) == []
    server = Script.of(shown())
    options = {**asked, **PLACES[place].options}
    send(driver, server, lambda client: client.create(**options), base_url=url, api_key=key)
    [request] = server.requests
    assert place_of(request) == place
    assert request_faults(request) == []
    assert json.loads(request.content) == asked


@examples(15)
@given(data=st.data(), place=st.sampled_from(CREATES), driver=DRIVERS)
def test_images_of_every_kind_fit_the_document(data: st.DataObject, place: Place, driver: Driver) -> None:
    """Bytes, base64 text, data URLs and addresses make up any mixture of images, in the caller's order."""
    most = SCHEMA["properties"]["images"]["maxItems"]
    address = values(SCHEMA["properties"]["images"]["items"]).map(lambda url: (url, url))
    spelled = [
        (given, text)
        for picture, text in pictures().items()
        for given in (picture, text, bytearray(picture), f"data:image/png;base64,{text}")
    ]
    local = st.sampled_from(spelled)
    drawn: list[tuple[Any, str]] = data.draw(st.lists(address | local, min_size=1, max_size=most))
    server = Script.of(shown())
    options = PLACES[place].options
    send(driver, server, lambda client: client.create([image for image, _ in drawn], **options))
    [request] = server.requests
    assert request_faults(request) == []
    assert json.loads(request.content)["images"] == [text for _, text in drawn]


@examples(20)
@given(data=st.data(), driver=DRIVERS, url=st.sampled_from(SERVERS), key=KEYS)
def test_questions_fit_the_document(data: st.DataObject, driver: Driver, url: str, key: str) -> None:
    """Any valid id is asked for at its own address, and lists have no parameters."""
    place = data.draw(st.sampled_from([place for place in PLACES if place not in CREATES]))
    home = PLACES[place]
    arguments = tuple(data.draw(values(path_schema(place))).values()) or home.arguments
    answer = reply(body={"data": []}) if home.method == "list" else shown(task_id=str(*arguments[:1]))
    server = Script.of(answer)
    asking = methodcaller(home.method, *arguments, **home.options)
    send(driver, server, asking, base_url=url, api_key=key)
    [request] = server.requests
    assert place_of(request) == place
    assert request_faults(request) == []
    if arguments:
        assert request.url.path.endswith(f"/{arguments[0]}")


@examples(10)
@given(data=st.data(), driver=DRIVERS)
def test_waits_fit_the_document(data: st.DataObject, driver: Driver) -> None:
    """Every request of a `generate` fits the document: one create, and then looks at the id that it gave."""
    task_id = data.draw(st.uuids().map(str))
    asked = data.draw(values(request_schema()))
    done = shown("COMPLETED", ("https://cdn.example/a.mp4",), task_id=task_id)
    server = Script.of(shown(task_id=task_id), shown("IN_PROGRESS", task_id=task_id), done)
    send(driver, server, lambda client: client.generate(**asked))
    assert [fault for request in server.requests for fault in request_faults(request)] == []
    first, *looks = server.requests
    assert place_of(first) == CREATES[0]
    assert {request.url.path.rpartition("/")[2] for request in looks} == {task_id}


BODY_VIOLATIONS = [(place, v) for place in CREATES for v in violations(schema_of(place)) if v.path]
PATH_VIOLATIONS = [(place, v) for place in PLACES for v in violations(path_schema(place)) if v.path]


def assert_not_sent(driver: Driver, call: Callable[[Opened], object], name: str) -> None:
    """A call is refused for the parameter of this name alone, and no request leaves."""
    server = Script.of(shown())
    with pytest.raises(ValidationError) as caught:
        send(driver, server, call)
    assert server.requests == []
    for problem in caught.value.problems:
        assert problem.startswith((f"{name} ", f"{name}: ")), problem


def named(case: object) -> str:
    return case.operation_id if isinstance(case, Place) else str(case)


@pytest.mark.parametrize(("place", "violation"), BODY_VIOLATIONS, ids=named)
@examples(4)
@given(data=st.data(), method=st.sampled_from(["create", "generate"]), driver=DRIVERS)
def test_invalid_bodies_are_not_sent(
    data: st.DataObject, place: Place, violation: Violation, method: str, driver: Driver
) -> None:
    """A body with one limit broken is told by the field's name, and no request leaves."""
    valid = data.draw(values(schema_of(place)))
    if violation.bad is not None:
        valid.setdefault(violation.path[0], None)
    bad = None if violation.bad is None else data.draw(violation.bad)
    broken = violation.into(valid, bad)
    assert schema_faults(schema_of(place), broken), "the strategy made a valid body"
    assert_not_sent(driver, methodcaller(method, **broken, **PLACES[place].options), violation.name)


@pytest.mark.parametrize(("place", "violation"), PATH_VIOLATIONS, ids=named)
@examples(5)
@given(data=st.data(), driver=DRIVERS)
def test_invalid_ids_are_not_sent(
    data: st.DataObject, place: Place, violation: Violation, driver: Driver
) -> None:
    """A parameter of the path with one limit broken is told by its name, and no request leaves."""
    assert violation.bad is not None
    bad = data.draw(violation.bad)
    for method in ["get", "wait"] if PLACES[place].method == "get" else [PLACES[place].method]:
        assert_not_sent(driver, methodcaller(method, bad), violation.name)


@examples(20)
@given(name=st.text(min_size=1, max_size=12), value=st.booleans() | st.text(max_size=5), driver=DRIVERS)
def test_unknown_fields_are_not_sent(name: str, value: object, driver: Driver) -> None:
    """A field that the document doesn't know is told by its name, and no request leaves."""
    if name not in {*SCHEMA["properties"], "model", "check_images"}:
        options = {name: value}
        assert_not_sent(driver, lambda client: client.create(["https://a.example/b.png"], **options), name)


def test_every_limit_is_broken() -> None:
    """The violations cover each limit of each field: a field or a limit that is added is broken too."""
    broken = {(violation.path[0], violation.keyword) for _, violation in BODY_VIOLATIONS}
    limits = {"enum", "maxLength", "minLength", "minItems", "maxItems", "format", "pattern", "type"}
    fields = SCHEMA["properties"].items()
    wanted = {(name, keyword) for name, member in fields for keyword in limits & set(plain(member))}
    assert wanted | {(name, "required") for name in SCHEMA["required"]} <= broken
    assert len(wanted) > len(fields)
    assert {v.keyword for _, v in PATH_VIOLATIONS} >= {"pattern", "maxLength", "minLength", "type"}
