"""The newer format: taken over whole, and said in the words of OpenAPI 3.0.3."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from spec.tools.build import convert_upstream
from spec.tools.check import check
from spec.tools.errors import SpecError
from spec.tools.page import read_page

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_document_of_3_0_is_taken_over_as_it_is(
    fixture_page: Callable[[str], bytes], page: Callable[..., bytes], converted: Callable[..., dict[str, Any]]
) -> None:
    """Callbacks, links, headers, encodings, every section of components: all are as they were in the page."""
    block = read_page(fixture_page("library-loans.md"), "a.md").blocks[0]
    published = yaml.safe_load(block.text)
    made = converted(page(block.text, f"{block.method} {block.path}", block.title))
    expected = copy.deepcopy(published)
    expected["openapi"] = "3.0.3"
    expected["paths"][block.path]["post"]["security"] = expected.pop("security")
    assert made == expected
    check(made)


def schema(**content: Any) -> dict[str, Any]:
    return {"components": {"schemas": {"a": content}}, "openapi": "3.1.0"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        (
            {"type": ["string", "null"], "enum": ["a"]},
            {"type": "string", "nullable": True, "enum": ["a", None]},
        ),
        ({"type": "null"}, {"type": "object", "nullable": True, "enum": [None]}),
        (
            {"type": ["integer", "string", "null"]},
            {"anyOf": [{"type": "integer", "nullable": True}, {"type": "string"}]},
        ),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "nullable": True}),
        (
            {"oneOf": [{"type": "null"}, {"type": "array", "items": {}}]},
            {"type": "array", "items": {}, "nullable": True},
        ),
        (
            {"description": "b", "anyOf": [{"type": "string", "description": "a"}, {"type": "null"}]},
            {
                "description": "b",
                "anyOf": [
                    {"type": "string", "description": "a"},
                    {"type": "object", "nullable": True, "enum": [None]},
                ],
            },
        ),
        ({"const": 5}, {"enum": [5]}),
        ({"const": None}, {"type": "object", "nullable": True, "enum": [None]}),
        ({"exclusiveMaximum": 5}, {"exclusiveMaximum": True, "maximum": 5}),
        ({"examples": ["a", "b"]}, {"example": "a", "x-examples": ["b"]}),
        ({"example": "a", "examples": ["b"]}, {"example": "a", "x-examples": ["b"]}),
        ({"exclusiveMinimum": 5, "minimum": 6}, {"minimum": 6}),
        ({"exclusiveMinimum": 5, "minimum": 5}, {"exclusiveMinimum": True, "minimum": 5}),
        ({"contentMediaType": "application/octet-stream"}, {"format": "binary"}),
        ({"contentMediaType": "image/png"}, {"format": "binary", "x-contentMediaType": "image/png"}),
        ({"contentMediaType": "text/html"}, {"x-contentMediaType": "text/html"}),
        ({"contentEncoding": "base64"}, {"format": "byte"}),
        ({"if": {}, "then": {"not": {}}}, {"x-if": {}, "x-then": {"not": {}}}),
        (
            {"$defs": {"b": {}}, "unevaluatedProperties": False},
            {"x-defs": {"b": {}}, "x-unevaluatedProperties": False},
        ),
        (
            {"patternProperties": {"^a": {}}, "additionalProperties": False},
            {"x-patternProperties": {"^a": {}}},
        ),
        ({"prefixItems": [{}], "items": False}, {"x-prefixItems": [{}], "items": {}}),
        (
            {"$ref": "#/components/schemas/b", "description": "c"},
            {"allOf": [{"$ref": "#/components/schemas/b"}], "description": "c"},
        ),
        ({"$comment": "why"}, {"x-comment": "why"}),
        ({"items": True, "not": False}, {"items": {}, "not": {"not": {}}}),
        # Data is never taken for keywords.
        (
            {"example": {"$ref": "x", "type": ["a"], "const": 1}},
            {"example": {"$ref": "x", "type": ["a"], "const": 1}},
        ),
        ({"properties": {"const": {"type": "string"}}}, {"properties": {"const": {"type": "string"}}}),
        ({"enum": [None, {"const": 1}]}, {"enum": [None, {"const": 1}]}),
    ],
)
def test_schemas_of_3_1_are_said_in_3_0(
    embedded: Callable[..., bytes],
    converted: Callable[..., dict[str, Any]],
    written: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    """What 3.1 says in a schema, 3.0 says in other words, and means the same."""
    assert converted(embedded(**schema(**written)))["components"]["schemas"]["a"] == expected


@pytest.mark.parametrize(
    "written",
    [
        {"$dynamicRef": "#a"},
        {"maxLenght": 3},
        {"$ref": "#/components/schemas/b/$defs/c"},
        {"refIdentifier": "#/components/schemas/a"},
    ],
)
def test_what_3_0_cannot_say_is_an_error(embedded: Callable[..., bytes], written: dict[str, Any]) -> None:
    """A keyword without words in 3.0 is an error that names its place, not a loss."""
    with pytest.raises(SpecError) as caught:
        convert_upstream({"a.md": embedded(**schema(**written))}, [])
    assert (caught.value.path or "").startswith("components.schemas.a")
    assert caught.value.line
