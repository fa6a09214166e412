"""What the generator would drop or refuse is said to it in other words; the document keeps its own."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from spec.tools.equality import same
from spec.tools.errors import SpecError
from spec.tools.generator_input import for_generator
from spec.tools.structure import walk

if TYPE_CHECKING:
    from spec.tools.errors import Notes


def with_schemas(**schemas: Any) -> dict[str, Any]:
    return {"openapi": "3.0.3", "paths": {}, "components": {"schemas": schemas}}


def with_parameter(**parameter: Any) -> dict[str, Any]:
    given = {"name": "filter", "in": "query", **parameter}
    operation = {"operationId": "readA", "parameters": [given], "responses": {}}
    return {"paths": {"/a": {"get": operation}}}


def converted(document: dict[str, Any]) -> tuple[dict[str, Any], Notes]:
    """Convert, and see that the document itself is left alone."""
    reports: Notes = []
    before = copy.deepcopy(document)
    made = for_generator(document, reports)
    assert same(document, before)
    return made.document, reports


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
    keys = ("paths", "/a", "get", "parameters", 0)
    assert reports == [(keys, "the generated client takes it as text of application/json")]


@pytest.mark.parametrize(
    ("parameter", "is_text", "is_told"),
    [
        ({"schema": {"type": "array", "items": {}}}, False, False),
        ({"schema": {"type": "array", "items": {}}, "style": "form", "explode": True}, False, False),
        ({"schema": {"type": "string"}, "explode": False}, False, False),
        ({"schema": {"type": "array", "items": {}}, "explode": False}, True, True),
        ({"schema": {"type": "array", "items": {}}, "style": "pipeDelimited"}, True, True),
        ({"schema": {"type": "object"}, "style": "deepObject", "explode": True}, False, True),
        ({"schema": {"type": "array", "items": {}}, "in": "path", "required": True}, True, True),
        ({"schema": {"type": "boolean"}, "in": "path", "required": True}, True, True),
        ({"schema": {"type": "string", "format": "date-time"}, "in": "header"}, True, True),
        ({"schema": {"type": "integer"}, "in": "header"}, False, False),
    ],
)
def test_what_the_client_would_write_otherwise_is_text(
    parameter: dict[str, Any],
    is_text: bool,  # noqa: FBT001 - a column
    is_told: bool,  # noqa: FBT001 - a column
) -> None:
    """A value that the generator would write in its own way is passed as text, and reported."""
    made, reports = converted(with_parameter(**parameter))
    shown = made["paths"]["/a"]["get"]["parameters"][0]["schema"]
    assert same(shown, {"type": "string"} if is_text else parameter["schema"])
    assert bool(reports) is is_told


@pytest.mark.parametrize("where", ["header", "cookie"])
def test_a_list_outside_of_the_url_is_refused_at_its_place(where: str) -> None:
    """No argument of a generated function becomes a list in a header or cookie: the overlay must decide."""
    with pytest.raises(SpecError, match="filter") as caught:
        converted(with_parameter(schema={"type": "array", "items": {}}, **{"in": where}))
    assert caught.value.keys == ("paths", "/a", "get", "parameters", 0)


@pytest.mark.parametrize("enum", [["a", 1], [1, True], [1.5, 2.5], [True, False]])
def test_an_enum_that_the_generator_cannot_make_is_open(enum: list[Any]) -> None:
    """Any value goes into the generated client where an enum mixes types, with a report."""
    made, reports = converted(with_schemas(A={"enum": enum, "default": enum[0], "description": "D"}))
    assert made["components"]["schemas"]["A"] == {"description": "D"}
    assert len(reports) == 1


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


def with_content(place: str, **content: Any) -> dict[str, Any]:
    """Make an operation with a request body or an answer of several media types."""
    value = {
        "content": {media_type.replace("__", "/"): {"schema": one} for media_type, one in content.items()}
    }
    operation: dict[str, Any] = {"operationId": "sendA", "responses": {"200": {"description": "OK"}}}
    if place == "body":
        operation["requestBody"] = {"required": True, **value}
    else:
        operation["responses"]["200"].update(value)
    schemas = {"A": {"type": "object", "properties": {"a": {"type": "string"}}}}
    return {"paths": {"/a": {"post": operation}}, "components": {"schemas": schemas}}


A = {"$ref": "#/components/schemas/A"}
B = {"type": "object", "properties": {"b": {"type": "string"}}}
FILE = {"type": "string", "format": "binary"}
LIST = {"type": "array"}
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("place", "given", "kept"),
    [
        ("answer", {"application__json": A, "text__html": {"type": "string"}}, {"application/json": A}),
        ("answer", {"application__zip": FILE, "application__json": A}, {"application/json": A}),
        ("answer", {"text__event-stream": A}, {"text/event-stream": {"type": "string"}}),
        ("answer", {"application__xml": A}, {"application/xml": FILE}),
        ("body", {"application__json": A, "multipart__form-data": A}, {"application/json": A}),
        ("body", {"multipart__form-data": A, "application__json": LIST}, {"application/json": LIST}),
        ("body", {"application__json": A, FORM.replace("/", "__"): B}, {"application/json": A, FORM: B}),
        ("body", {"text__plain": {"type": "string"}}, {"text/plain": FILE}),
        ("body", {"*__*": {}}, {"application/octet-stream": FILE}),
    ],
)  # fmt: skip
def test_media_types_that_the_generator_can_tell_apart_are_left(
    place: str, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    """Of several media types those stay that become classes of their own, and can be read or sent."""
    made, _ = converted(with_content(place, **given))
    operation = made["paths"]["/a"]["post"]
    holder = operation["requestBody"] if place == "body" else operation["responses"]["200"]
    assert {name: one["schema"] for name, one in holder["content"].items()} == kept


@pytest.mark.parametrize(
    ("schemas", "titles"),
    [
        ({"Response": B}, ["Response Model"]),
        ({"Unset": {**B, "title": "Unset"}}, ["Unset Model"]),
        ({"x.y": dict(B), "x_y": {"type": "object"}}, ["x_y 2"]),
        ({"x": {**B, "title": "Same"}, "y": {"type": "object", "title": "same"}}, ["Same", "same 2"]),
        ({"x": {"type": "object", "properties": {"p": {**B, "title": "X"}}}}, []),
    ],
)
def test_classes_get_names_of_their_own(schemas: dict[str, Any], titles: list[str]) -> None:
    """Two schemas that would be one class, or one that the generated modules import, get another title."""
    made, _ = converted({**with_schemas(**copy.deepcopy(schemas)), "paths": {}})
    found = made["components"]["schemas"].values()
    assert [schema["title"] for schema in found if "title" in schema] == titles


@pytest.mark.parametrize(
    ("names", "stand_ins"),
    [
        (["d", "x"], {"d_field": "d"}),
        (["cls", "to_dict", "$"], {"cls_field": "cls", "to_dict_field": "to_dict", "field": "$"}),
        (["tag", "tag_item"], {"tag_item_field": "tag_item"}),
        (["d", "d_field"], {"d_field_2": "d"}),
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
    wire = [
        made.stand_ins.get(name, name) for name in made.document["components"]["schemas"]["A"]["properties"]
    ]
    assert wire == names
