"""What the client sends for any valid input fits the document; for invalid input it sends nothing."""

import base64
import json
import re
import string
from collections.abc import Callable
from importlib import import_module
from itertools import cycle
from operator import methodcaller
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.schema.client.damage import MISSING, Violation, violations
from contract_tests.schema.client.homes import task_places
from contract_tests.schema.client.outcomes import ALONE
from contract_tests.support.answers import IMAGE, png, reply, shown
from contract_tests.support.clients import ASYNC, SYNC, Driver, FakeTime, Opened, Script
from contract_tests.support.contract import key_headers, request_schema
from contract_tests.support.examples import examples
from contract_tests.support.judge import Place, place_of, request_faults, schema_faults
from contract_tests.support.strategies import plain, values
from kling_elements import ValidationError
from kling_elements_api.models import KlingElementsRequest

SERVERS = list(key_headers())
DRIVERS = st.sampled_from([SYNC, ASYNC])
# Nothing that a text could hold by chance: the whole run is watched for the keys that clients were given.
ENDS = st.text(string.ascii_letters + string.digits + "-_.~+/=", max_size=40)
KEYS = ENDS.map("fpk-Kq7-generated-{}".format)
PLACES = task_places()
CREATES = [place for place, home in PLACES.items() if home.method == "create"]
SCHEMA = plain(request_schema())
PICTURES = {data: base64.b64encode(data).decode() for data in (png(), png(300, 700), png(640, 300))}


def schema_of(place: Place) -> dict[str, Any]:
    schema: dict[str, Any] = place.operation["requestBody"]["content"]["application/json"]["schema"]
    return schema


def path_schema(place: Place) -> dict[str, Any]:
    """The parameters of an operation's path, as the members of one object."""
    found = [entry for entry in place.operation.get("parameters", ()) if entry["in"] == "path"]
    return {"type": "object", "properties": {entry["name"]: entry["schema"] for entry in found}}


def generated_builder(place: Place) -> Callable[..., dict[str, Any]]:
    """What the generated client builds an operation's request with."""
    tag, name = place.operation["tags"][0], re.sub("(?=[A-Z])", "_", place.operation_id).lower()
    module = import_module(f"kling_elements_api.api.{tag.replace('-', '_')}.{name}")
    builder: Callable[..., dict[str, Any]] = module._get_kwargs  # the generator gives it no other name
    return builder


def send(driver: Driver, server: Script, call: Callable[[Opened], object], **options: Any) -> None:
    """Call a client whose time is not the machine's."""
    time = FakeTime()
    call(driver.open(server, clock=time.clock, sleep=time.sleep, **ALONE, **options))


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
    twin = httpx.Request(**generated_builder(place)(body=KlingElementsRequest.from_dict(asked)))
    assert (request.method, request.url.path) == (twin.method, urlsplit(url).path + twin.url.path)
    assert (request.content, request.headers["content-type"]) == (twin.content, twin.headers["content-type"])


@examples(15)
@given(data=st.data(), place=st.sampled_from(CREATES), driver=DRIVERS)
def test_images_of_every_kind_fit_the_document(data: st.DataObject, place: Place, driver: Driver) -> None:
    """Bytes, base64 text, data URLs and addresses make up any mixture of images, in the caller's order."""
    address = values(SCHEMA["properties"]["images"]["items"]).map(lambda url: (url, url))
    spelled = [
        (given, text)
        for picture, text in PICTURES.items()
        for given in (picture, text, bytearray(picture), f"data:image/png;base64,{text}")
    ]
    most = SCHEMA["properties"]["images"]["maxItems"]
    images = st.lists(address | st.sampled_from(spelled), min_size=1, max_size=most)
    drawn: list[tuple[Any, str]] = data.draw(images)
    server = Script.of(shown())
    send(driver, server, methodcaller("create", [image for image, _ in drawn], **PLACES[place].options))
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


def violations_of(schema: dict[str, Any]) -> list[Violation]:
    return [violation for violation in violations(schema) if violation.path]


def assert_not_sent(driver: Driver, call: Callable[[Opened], object], name: str) -> None:
    """A call is refused for the parameter of this name alone, and no request leaves."""
    server = Script.of(shown())
    with pytest.raises(ValidationError) as caught:
        send(driver, server, call)
    assert server.requests == []
    for problem in caught.value.problems:
        assert problem.startswith((f"{name} ", f"{name}: ")), problem


@pytest.mark.parametrize("place", CREATES, ids=lambda place: place.operation_id)
def test_invalid_bodies_are_not_sent(place: Place) -> None:
    """A body with one limit broken is told by the field's name, and no request leaves."""
    for violation, driver in zip(violations_of(schema_of(place)), cycle([SYNC, ASYNC]), strict=False):
        broken = violation.into({"images": [IMAGE]})
        assert schema_faults(schema_of(place), broken), f"a valid body: {violation}"
        for method in ("create", "generate"):
            assert_not_sent(driver, methodcaller(method, **broken, **PLACES[place].options), violation.name)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.operation_id)
def test_invalid_ids_are_not_sent(driver: Driver, place: Place) -> None:
    """A parameter of the path with one limit broken is told by its name, and no request leaves."""
    method = PLACES[place].method
    for violation in violations_of(path_schema(place)):
        for asking in (method, "wait") if method == "get" else (method,):
            assert_not_sent(driver, methodcaller(asking, violation.bad), violation.name)


@examples(20)
@given(name=st.text(min_size=1, max_size=12), value=st.booleans() | st.text(max_size=5), driver=DRIVERS)
def test_unknown_fields_are_not_sent(name: str, value: object, driver: Driver) -> None:
    """A field that the document doesn't know is told by its name, and no request leaves."""
    if name not in {*SCHEMA["properties"], "model", "check_images"}:
        assert_not_sent(driver, methodcaller("create", [IMAGE], **{name: value}), name)


def test_every_limit_is_broken() -> None:
    """The violations cover each limit of each field: a field or a limit that is added is broken too."""
    limits = {"enum", "maxLength", "minLength", "minItems", "maxItems", "format", "pattern", "type"}
    fields = SCHEMA["properties"].items()
    wanted = {(name, keyword) for name, member in fields for keyword in limits & set(plain(member))}
    assert len(wanted) > len(fields)
    wanted |= {(name, "required") for name in SCHEMA["required"]}
    for place in CREATES:
        found = violations_of(schema_of(place))
        assert wanted <= {(violation.path[0], violation.keyword) for violation in found}
        assert {violation.keyword for violation in found if violation.bad is MISSING} == {"required"}
    in_paths = [violation for place in PLACES for violation in violations_of(path_schema(place))]
    assert {violation.keyword for violation in in_paths} >= {"pattern", "maxLength", "minLength", "type"}
