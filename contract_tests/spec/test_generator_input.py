"""What the generator would drop or refuse is said to it in other words; the document keeps its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spec.tools.equality import same
from spec.tools.generator_input import for_generator
from spec.tools.structure import walk


def with_schemas(**schemas: Any) -> dict[str, Any]:
    return {"openapi": "3.0.3", "paths": {}, "components": {"schemas": schemas}}


def with_parameter(**parameter: Any) -> dict[str, Any]:
    given = {"name": "filter", "in": "query", **parameter}
    return {"paths": {"/a": {"get": {"parameters": [given], "responses": {}}}}}


def converted(document: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Convert, and see that the document itself is left alone."""
    reports: list[str] = []
    before = copy.deepcopy(document)
    made = for_generator(document, reports)
    assert same(document, before)
    return made, reports


def test_a_document_without_such_things_stays_as_it_is(document: dict[str, Any]) -> None:
    """Where the generator understands everything, it gets the document unchanged."""
    made, reports = converted(document)
    assert same(made, document)
    assert reports == []


def test_a_parameter_of_a_media_type_is_text() -> None:
    """A parameter described by `content` becomes a string, with a report; the generator would drop it."""
    made, reports = converted(
        with_parameter(
            content={"application/json": {"schema": {"type": "object"}, "example": {}}}, description="D."
        )
    )
    parameter = made["paths"]["/a"]["get"]["parameters"][0]
    assert parameter["schema"] == {"type": "string"}
    assert "content" not in parameter
    assert parameter["description"] == "D. As text of application/json."
    assert reports == [
        "paths./a.get.parameters[0]: the generated client takes it as text of application/json"
    ]


@pytest.mark.parametrize(
    ("parameter", "is_told"),
    [
        ({"schema": {"type": "array", "items": {}}}, False),
        ({"schema": {"type": "array", "items": {}}, "style": "form", "explode": True}, False),
        ({"schema": {"type": "string"}, "explode": False}, False),
        ({"schema": {"type": "array", "items": {}}, "explode": False}, True),
        ({"schema": {"type": "array", "items": {}}, "style": "pipeDelimited"}, True),
        ({"schema": {"type": "object"}, "style": "deepObject", "explode": True}, True),
        ({"schema": {"type": "array", "items": {}}, "explode": False, "in": "header"}, False),
    ],
)
def test_a_list_that_the_client_writes_otherwise_is_told(parameter: dict[str, Any], is_told: bool) -> None:  # noqa: FBT001 - a column
    """The generator writes lists one pair an entry: any other style in the query is reported."""
    made, reports = converted(with_parameter(**parameter))
    assert same(made, with_parameter(**parameter))
    assert bool(reports) is is_told


@pytest.mark.parametrize("enum", [["a", 1], [1, True], [1.5, 2.5], [True, False]])
def test_an_enum_that_the_generator_cannot_make_is_open(enum: list[Any]) -> None:
    """Any value goes into the generated client where an enum mixes types, with a report."""
    made, reports = converted(with_schemas(A={"enum": enum, "default": enum[0], "description": "D"}))
    assert made["components"]["schemas"]["A"] == {"description": "D"}
    assert len(reports) == 1


@pytest.mark.parametrize("enum", [["a", "b"], [1, 2], ["a", None]])
def test_other_enums_stay(enum: list[Any]) -> None:
    """Enums of strings or of whole numbers, null among them, are the generator's own."""
    schema = with_schemas(A={"enum": enum})
    assert same(converted(schema)[0], schema)


def test_a_recursive_component_that_may_be_null_says_so_at_its_uses() -> None:
    """The generator makes no union that holds itself: null moves from the component to its uses."""
    node = {"$ref": "#/components/schemas/Node"}
    made, reports = converted(
        with_schemas(
            Node={
                "type": "object",
                "nullable": True,
                "properties": {"kids": {"type": "array", "items": node}},
            },
            Flat={"type": "object", "nullable": True},
            User={
                "type": "object",
                "properties": {"node": node, "flat": {"$ref": "#/components/schemas/Flat"}},
            },
            Part={"allOf": [node, {"type": "object"}]},
        )
    )
    schemas = made["components"]["schemas"]
    moved = {"nullable": True, "allOf": [node]}
    assert "nullable" not in schemas["Node"]
    assert schemas["Node"]["properties"]["kids"]["items"] == moved
    assert schemas["User"]["properties"]["node"] == moved
    assert schemas["User"]["properties"]["flat"] == {"$ref": "#/components/schemas/Flat"}
    assert schemas["Flat"]["nullable"] is True
    assert schemas["Part"]["allOf"][0] == node
    assert reports == []
    assert list(walk(made))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, True, False),
        (0, False, False),
        (1, 1.0, True),
        ("1", 1, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": [1]}, {"a": [True]}, False),
        ([1, 2], [2, 1], False),
        ({}, [], False),
        (None, False, False),
    ],
)
def test_sameness_is_that_of_json(one: Any, other: Any, expected: bool) -> None:  # noqa: FBT001 - a column
    """Values are the same as JSON has it, and not as Python has it."""
    assert same(one, other) is expected
