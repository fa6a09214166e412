"""What the generator would drop or refuse is said to it in other words; the document keeps its own."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from spec.tools.equality import same
from spec.tools.errors import SpecError
from spec.tools.generator_input import for_generator

if TYPE_CHECKING:
    from spec.tools.errors import Notes

TEXT = {"type": "string"}
SCRIPT_X = "\N{MATHEMATICAL SCRIPT CAPITAL X}"  # which Python reads as an X
NODE = {"$ref": "#/components/schemas/Node"}
MAYBE_NODE = {"nullable": True, "allOf": [NODE]}
LISTED = {"type": "array", "items": {}}
IN_PATH = {"in": "path", "required": True}
PARAMETER = ("paths", "/a", "get", "parameters", 0)


def with_schemas(**schemas: Any) -> dict[str, Any]:
    return {"openapi": "3.0.3", "paths": {}, "components": {"schemas": schemas}}


def with_parameter(**parameter: Any) -> dict[str, Any]:
    given = {"name": "filter", "in": "query", **parameter}
    return {"paths": {"/a": {"get": {"operationId": "readA", "parameters": [given], "responses": {}}}}}


def converted(document: dict[str, Any]) -> tuple[dict[str, Any], Notes]:
    """Convert, and see that the document itself is left alone."""
    reports: Notes = []
    before = copy.deepcopy(document)
    made = for_generator(document, reports)
    assert same(document, before)
    return made.document, reports


@pytest.mark.parametrize(
    ("parameter", "shown", "told"),
    [
        ({"schema": LISTED}, LISTED, False),
        ({"schema": LISTED, "style": "form", "explode": True}, LISTED, False),
        ({"schema": TEXT, "explode": False}, TEXT, False),
        ({"schema": LISTED, "explode": False}, TEXT, True),
        ({"schema": LISTED, "style": "pipeDelimited"}, TEXT, True),
        ({"schema": {"type": "object"}, "style": "deepObject", "explode": True}, {"type": "object"}, True),
        ({"schema": LISTED, **IN_PATH}, TEXT, True),
        ({"schema": {"type": "boolean"}, **IN_PATH}, TEXT, True),
        ({"schema": {}}, TEXT, False),
        ({"schema": {"type": "string", "format": "date-time"}, "in": "header"}, TEXT, True),
        ({"schema": {"type": "integer"}, "in": "header"}, {"type": "integer"}, False),
        ({"content": {"application/json": {"schema": {"type": "object"}, "example": {}}}}, TEXT, True),
        ({"schema": {"type": "string", "nullable": True}, **IN_PATH}, TEXT, True),
        ({"schema": LISTED, "in": "header"}, None, False),
        ({"schema": {"type": "object"}, "in": "cookie"}, None, False),
        ({"schema": {"allOf": [TEXT], "description": "D"}}, {**TEXT, "description": "D"}, False),
    ],
)
def test_what_the_client_would_write_otherwise_is_text(
    parameter: dict[str, Any],
    shown: dict[str, Any] | None,
    told: bool,  # noqa: FBT001 - a column
) -> None:
    """A value that the generator would write in its own way is passed as text and told, or refused (None)."""
    document = with_parameter(**parameter)
    if shown is None:
        with pytest.raises(SpecError, match="filter") as caught:
            converted(document)
        assert caught.value.keys == PARAMETER
        return
    made, reports = converted(document)
    found = made["paths"]["/a"]["get"]["parameters"][0]
    assert same(found["schema"], shown)
    assert "content" not in found
    assert [keys for keys, _ in reports] == [PARAMETER] * told


@pytest.mark.parametrize(
    ("given", "shown", "told"),
    [
        ({"A": {"enum": ["a", 1], "default": "a", "description": "D"}}, {"A": {"description": "D"}}, 1),
        ({"A": {"enum": [1, True]}}, {"A": {}}, 1),
        ({"A": {"type": "string", "enum": ["a\nb"]}}, {"A": TEXT}, 1),
        ({"A": {"oneOf": [TEXT, {"type": "integer"}], "default": 5}},
         {"A": {"oneOf": [TEXT, {"type": "integer"}]}}, 0),
        ({"A": {"type": "integer", "enum": [1, 2], "x-enum-varnames": ["one", "ONE"]}},
         {"A": {"type": "integer", "enum": [1, 2]}}, 0),
        ({"A": {"type": "string", "enum": ["x", SCRIPT_X]}},
         {"A": {"type": "string", "enum": ["x", SCRIPT_X], "x-enum-varnames": ["X", f"{SCRIPT_X}_1"]}}, 0),
        ({"A": {"enum": [1.5, 2.5]}}, {"A": {}}, 1),
        ({"A": {"type": "object", "nullable": True, "enum": [None]}}, {"A": {}}, 0),
        # Null moves from a recursive component to its uses: the generator makes no union that holds itself.
        (
            {"Node": {"type": "object", "nullable": True, "properties": {"kids": {"items": NODE}}},
             "Other": {"type": "object", "properties": {"node": NODE}}},
            {"Node": {"type": "object", "properties": {"kids": {"items": MAYBE_NODE}}},
             "Other": {"type": "object", "properties": {"node": MAYBE_NODE}}},
            0,
        ),
        # What is required in one direction only can't be required of the one class.
        (
            {"A": {"required": ["id", "x"], "properties": {"id": {"readOnly": True}, "x": {}}}},
            {"A": {"required": ["x"], "properties": {"id": {"readOnly": True}, "x": {}}}},
            0,
        ),
        # A choice or list that holds itself takes any value there.
        ({"Node": {"anyOf": [TEXT, {"type": "array", "items": NODE}]}},
         {"Node": {"anyOf": [TEXT, {"type": "array", "items": {}}]}}, 1),
        # An object of a choice keeps unknown properties: a value of another one would lose some.
        ({"A": {"oneOf": [{"type": "object", "additionalProperties": False}, TEXT]}},
         {"A": {"oneOf": [{"type": "object"}, TEXT]}}, 0),
        # A default that the generator would write in another way is left to the service.
        ({"A": {"type": "string", "default": 'say "hi"'}}, {"A": TEXT}, 0),
        ({"A": {"type": "number", "default": 0}}, {"A": {"type": "number"}}, 0),
        ({"A": {"type": "number", "default": 0.5}}, {"A": {"type": "number", "default": 0.5}}, 0),
    ],
    ids=str,
)  # fmt: skip
def test_schemas_are_said_in_the_generators_words(
    given: dict[str, Any], shown: dict[str, Any], told: int
) -> None:
    """Each schema that the generator would refuse or get wrong has another form in its copy."""
    made, reports = converted(with_schemas(**given))
    assert made["components"]["schemas"] == shown
    assert len(reports) == told


def test_objects_inside_alternatives_become_components() -> None:
    """The generator does not look into a choice's objects where they stand: they become components."""
    inner = {"type": "object", "properties": {"b": {"type": "object", "properties": {"c": TEXT}}}}
    made, _ = converted(with_schemas(A={"oneOf": [inner, TEXT]}))
    assert made["components"]["schemas"]["A"]["oneOf"] == [{"$ref": "#/components/schemas/A_type_0"}, TEXT]
    assert {"A", "A_type_0"} == set(made["components"]["schemas"])


def test_headers_that_openapi_ignores_are_left_out() -> None:
    """Content-Type, Accept and Authorization are described elsewhere: they are no parameters, with a note."""
    for name in ("Content-Type", "accept", "AUTHORIZATION"):
        made, reports = converted(with_parameter(name=name, schema=TEXT, **{"in": "header"}))
        assert "parameters" not in made["paths"]["/a"]["get"]
        assert name in reports[0][1]


A = {"$ref": "#/components/schemas/A"}
B = {"type": "object", "properties": {"b": {"type": "string"}}}
FILE = {"type": "string", "format": "binary"}
FORM = "application/x-www-form-urlencoded"
BODY, ANSWER = "requestBody", "answer"


@pytest.mark.parametrize(
    ("place", "given", "kept"),
    [
        (ANSWER, {"application/json": A, "text/html": TEXT}, {"application/json": A}),
        (ANSWER, {"application/zip": FILE, "application/json": A}, {"application/json": A}),
        (ANSWER, {"text/event-stream": A}, {"text/event-stream": TEXT}),
        (ANSWER, {"application/xml": A}, {"application/xml": FILE}),
        (BODY, {"application/json": A, "multipart/form-data": A}, {"application/json": A}),
        (BODY, {"multipart/form-data": A, "application/json": LISTED}, {"application/json": LISTED}),
        (BODY, {"application/json": A, FORM: B}, {"application/json": A, FORM: B}),
        (BODY, {"text/plain": TEXT}, {"text/plain": FILE}),
        (BODY, {"application/json": {"nullable": True}}, {"application/json": {"nullable": True}}),
        (BODY, {"*/*": {}}, {"application/octet-stream": FILE}),
    ],
    ids=str,
)
def test_media_types_that_the_generator_can_tell_apart_are_left(
    place: str, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    """Of several media types those stay that become classes of their own, and can be read or sent."""
    content = {"content": {media_type: {"schema": schema} for media_type, schema in given.items()}}
    operation: dict[str, Any] = {
        "operationId": "doA",
        "responses": {"200": content if place == ANSWER else {}},
    }
    operation |= {BODY: content} if place == BODY else {}
    made, _ = converted({**with_schemas(A=B), "paths": {"/a": {"post": operation}}})
    shown = made["paths"]["/a"]["post"]
    found = (shown[BODY] if place == BODY else shown["responses"]["200"])["content"]
    # A choice, null's too, crashes in the generated function where it is left out.
    assert place == ANSWER or bool(shown[BODY].get("required")) == ("nullable" in str(given))
    assert {name: one["schema"] for name, one in found.items()} == kept


@pytest.mark.parametrize(
    ("schemas", "titles"),
    [
        ({"Response": B}, ["Response Model"]),
        ({"Unset": {**B, "title": "Unset"}}, ["Unset Model"]),
        ({"d": B, "_": B, ".": {"type": "object"}}, ["d Model", "Model", "Model 2"]),
        ({"x.y": dict(B), "x_y": {"type": "object"}}, ["x_y 2"]),
        ({"x": {**B, "title": "Same"}, "y": {"type": "object", "title": "same"}}, ["Same", "same 2"]),
        ({"x": {"type": "object", "properties": {"p": {**B, "title": "X"}}}}, []),
    ],
)
def test_classes_get_names_of_their_own(schemas: dict[str, Any], titles: list[str]) -> None:
    """Two schemas that would be one class, or one that the generated modules import, get another title."""
    made, _ = converted(with_schemas(**copy.deepcopy(schemas)))
    found = made["components"]["schemas"].values()
    assert [schema["title"] for schema in found if "title" in schema] == titles


@pytest.mark.parametrize(
    ("names", "stand_ins"),
    [
        (["d", "x"], {"d_field": "d"}),
        (["cls", "to_dict", "$"], {"cls_field": "cls", "to_dict_field": "to_dict", "field": "$"}),
        (["tag", "tag_item"], {"tag_item_field": "tag_item"}),
        (["d", "d_field"], {"d_field_2": "d"}),
        (["a-b", "a_b", "aB"], {"a_b_field": "a_b", "a_b_field_2": "aB"}),
        (["id", "class", "fooBar"], {}),
    ],
)
def test_properties_that_generated_code_cannot_hold_get_stand_ins(
    names: list[str], stand_ins: dict[str, str]
) -> None:
    """A property named as a name inside the generated methods gets another; the wire keeps its own."""
    given = {"type": "object", "required": names, "properties": {name: {"type": "string"} for name in names}}
    made = for_generator(with_schemas(A=given), [])
    assert made.stand_ins == stand_ins
    shown = made.document["components"]["schemas"]["A"]["properties"]
    assert [made.stand_ins.get(name, name) for name in shown] == names
