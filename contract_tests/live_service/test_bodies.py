"""The bodies that no service could take as valid: each whole, from small documents made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from kling_elements.canary import impossible_bodies
from kling_elements.canary.bodies import is_safe
from kling_elements.document import Document

OBJECT = {"canary": True}


def create(schema: dict[str, Any]) -> Document:
    """A document whose one create takes a body of that schema."""
    return Document(
        {
            "paths": {"/make": {"post": {"requestBody": {"$ref": "#/components/requestBodies/Make"}}}},
            "components": {
                "requestBodies": {
                    "Make": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Make"}}}
                    }
                },
                "schemas": {"Make": schema, "Picture": {"type": "string", "maxLength": 5}},
            },
        }
    )


def bodies(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The bodies for a create of that schema."""
    return impossible_bodies(create(schema), "POST", "/make")


@pytest.mark.parametrize(
    ("member", "type_", "value"),
    [
        pytest.param({"type": "string"}, OBJECT, OBJECT, id="any text"),
        pytest.param(
            {"$ref": "#/components/schemas/Picture"}, OBJECT, "canary: no such value", id="reference"
        ),
        pytest.param({"type": "string", "enum": ["a"]}, OBJECT, "canary: no such value", id="choices"),
        pytest.param({"type": "string", "format": "uri"}, OBJECT, "canary: no such value", id="format"),
        pytest.param(
            {"type": "string", "maxLength": 20}, OBJECT, "canary: no such value", id="21 characters"
        ),
        pytest.param({"type": "string", "maxLength": 21}, OBJECT, "canary " * 4, id="28 characters"),
        pytest.param({"type": "string", "maxLength": 28}, OBJECT, "canary " * 5, id="35 characters"),
        pytest.param({"type": "array", "items": {"type": "string"}}, OBJECT, [OBJECT], id="list"),
        pytest.param({"type": "array", "maxItems": 1}, OBJECT, [OBJECT, OBJECT], id="list of one"),
        pytest.param({"type": "array", "maxItems": 4}, OBJECT, [OBJECT] * 5, id="list of four"),
        pytest.param({"type": "array"}, OBJECT, OBJECT, id="list of anything"),
        pytest.param({"type": "integer"}, OBJECT, OBJECT, id="any integer"),
        pytest.param({"type": "integer", "maximum": 9}, OBJECT, 10, id="upper limit"),
        pytest.param({"type": "number", "maximum": 9.5}, OBJECT, 10.5, id="upper limit of a number"),
        pytest.param({"type": "integer", "minimum": -3}, OBJECT, -4, id="lower limit"),
        pytest.param({"type": "number", "minimum": 0}, OBJECT, -1, id="lower limit of a number"),
        pytest.param({"type": "integer", "enum": [-1, 7]}, OBJECT, 1, id="integers"),
        pytest.param({"type": "integer", "enum": [1, 7]}, OBJECT, -1, id="other integers"),
        pytest.param({"type": "object"}, [["canary"]], [["canary"]], id="object"),
        pytest.param({"type": "boolean"}, OBJECT, OBJECT, id="boolean"),
        pytest.param({"enum": [OBJECT, [["canary"]]]}, -1, -1, id="no type"),
        pytest.param(
            {"anyOf": [{"type": "object"}, {"type": "array"}, {"type": "integer"}]},
            "canary: of no such type",
            "canary: of no such type",
            id="many types",
        ),
        pytest.param(
            {"anyOf": [{"type": "object"}, {"type": "array"}, {"type": "integer"}, {"type": "string"}]},
            None,
            None,
            id="all types but null",
        ),
    ],
)
def test_a_member_gets_what_breaks_its_schema(member: dict[str, Any], type_: Any, value: Any) -> None:
    """Each member is of a wrong type in one body; in the other it is beyond a limit, where it has one."""
    images = {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string"}}
    assert bodies({"required": ["images"], "properties": {"images": images, "it": member}}) == {
        "wrong types": {"images": OBJECT, "it": type_},
        "wrong values": {"images": [OBJECT] * 3, "it": value},
    }


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(
            {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}}, id="nothing required"
        ),
        pytest.param({"required": ["a"], "properties": {"a": {"type": "string"}}}, id="one member"),
        pytest.param({"required": ["a"], "properties": {"a": {}, "b": {}, "c": {}}}, id="anything fits"),
        pytest.param(
            {"required": ["c"], "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
            id="a required one is unknown",
        ),
        pytest.param({"required": ["a"]}, id="no members"),
        pytest.param({}, id="no schema"),
    ],
)
def test_a_schema_that_might_take_a_body_gets_none(schema: dict[str, Any]) -> None:
    """Where a body might be valid, or too little is wrong with it, there is none."""
    assert bodies(schema) == {}


def test_a_member_that_takes_anything_is_left_out() -> None:
    """A member that nothing breaks is in no body; the others are."""
    properties = {"a": {"type": "string"}, "b": {}, "c": {"type": "integer"}}
    assert bodies({"required": ["a"], "properties": properties}) == {
        "wrong types": {"a": OBJECT, "c": OBJECT},
        "wrong values": {"a": OBJECT, "c": OBJECT},
    }


THREE = create(
    {
        "required": ["a", "b"],
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}, "c": {"type": "array"}},
    }
)


@pytest.mark.parametrize(
    ("body", "safe"),
    [
        ({"a": 1, "b": 2}, True),
        ({"a": 1, "b": 2, "c": 3}, True),
        ({"a": 1, "b": 2, "c": []}, False),
        ({"a": 1, "b": 2, "unknown": 3}, False),
        ({"a": 1, "b": "fits"}, False),
        ({"a": 1, "c": 3}, False),
        ({"a": 1}, False),
        ({}, False),
    ],
)
def test_a_body_is_safe_only_if_all_of_it_is_wrong(body: dict[str, Any], safe: bool) -> None:  # noqa: FBT001  a parameter of the table
    """Every required member has to be there, and every member, two at least, has to break the schema."""
    assert is_safe(THREE, "POST", "/make", body) is safe
