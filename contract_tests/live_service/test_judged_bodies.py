"""What is told of a JSON body that is not as the document says: misfits, and what is new."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.live_service.small import JSON, TASK, asked, document, of
from kling_elements.canary import Deviation, judge
from kling_elements.types import Response

if TYPE_CHECKING:
    from collections.abc import Mapping


def told(schema: Mapping[str, Any], value: object) -> list[Deviation]:
    """What is told of a JSON body."""
    return judge(document(of(schema)), asked(), Response(200, JSON, json.dumps(value).encode()))


def harmless(*texts: str) -> list[Deviation]:
    """Deviations that hurt nobody."""
    return [Deviation(text, is_grave=False) for text in texts]


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ({"tasks": [{"id": "a"}]}, []),
        ({"tasks": [{"id": "a"}, {"id": 5}]}, ['the body.tasks[1].id: 5 is not of type "string"']),
        ({"tasks": [{}]}, ['the body.tasks[0]: "id" is a required property']),
        ({"tasks": {}}, ['the body.tasks: {} is not of type "array"']),
        ([], ['the body: [] is not of type "object"']),
        (
            {"tasks": [{"id": "x" * 200, "seconds": "y" * 200}]},
            [f'the body.tasks[0].seconds: "{"y" * 159}…'],
        ),
        (
            {"tasks": [{"seconds": n} for n in range(5)]},
            [f'the body.tasks[{n}]: "id" is a required property' for n in range(5)],
        ),
        (
            {"tasks": [{"seconds": n} for n in range(6)]},
            [
                *(f'the body.tasks[{n}]: "id" is a required property' for n in range(5)),
                "and 1 more in the same body",
            ],
        ),
        (
            {"tasks": [{}] * 12},
            [
                *(f'the body.tasks[{n}]: "id" is a required property' for n in range(5)),
                "and 7 more in the same body",
            ],
        ),
    ],
)
def test_each_misfit_of_a_body_has_its_place(value: object, texts: list[str]) -> None:
    """What doesn't fit the schema is told with where it stands, the first five by themselves."""
    tasks = {"type": "array", "items": {"$ref": "#/components/schemas/Task"}}
    assert told({"type": "object", "properties": {"tasks": tasks}}, value) == [Deviation(t) for t in texts]


REF = {"$ref": "#/components/schemas/Task"}


@pytest.mark.parametrize(
    ("schema", "value", "places"),
    [
        pytest.param(REF, {"id": "a", "new": 1}, [".new"], id="a reference"),
        pytest.param({}, {"new": {"newer": 1}}, [], id="a schema of anything"),
        pytest.param({"type": "object"}, {"new": 1}, [], id="an object without properties"),
        pytest.param({"properties": {}}, {"new": 1}, [".new"], id="an object of no properties"),
        pytest.param({"properties": {"a": {}}}, {"a": {"new": 1}}, [], id="a member of anything"),
        pytest.param({"properties": {"a": REF}}, {"a": {"id": "", "b": 1}}, [".a.b"], id="a member"),
        pytest.param({"properties": {"a": REF}}, {"b": {"id": ""}, "c": 1}, [".b", ".c"], id="members"),
        pytest.param({"items": REF}, [{"id": "", "b": 1}, {"id": "", "b": 2}], ["[].b"], id="told once"),
        pytest.param(
            {"items": REF}, [{"id": "", "b": 1}, {"id": "", "c": 2}], ["[].b", "[].c"], id="each item"
        ),
        pytest.param({"type": "array"}, [{"b": 1}], [], id="a list of anything"),
        pytest.param({"items": {"items": REF}}, [[{"id": "", "b": 1}]], ["[][].b"], id="a list of lists"),
        pytest.param({"items": REF, "properties": {"a": {}}}, {"a": 1}, [], id="no list"),
        pytest.param({"items": REF, "properties": {"a": {}}}, [], [], id="an empty list"),
        pytest.param({"properties": {"a": {}}}, [{"b": 1}], [], id="a list in an object's place"),
        pytest.param({"properties": {"a": {}}}, "a", [], id="a text in an object's place"),
        *(
            pytest.param(
                {keyword: [REF, {"properties": {"a": {}}}]}, {"id": "", "a": 1, "b": 1}, [".b"], id=keyword
            )
            for keyword in ("allOf", "anyOf")
        ),
        pytest.param(
            {"oneOf": [REF, {"required": ["a"], "properties": {"a": {}}}]},
            {"seconds": 1, "a": {"c": 2}, "b": 1},
            [".b"],
            id="oneOf",
        ),
        pytest.param(
            {"properties": {"a": {}}, "allOf": [{"anyOf": [REF]}, {}]},
            {"id": "", "a": 1, "b": 1},
            [".b"],
            id="a part of a part, beside its own",
        ),
        pytest.param(
            {"anyOf": [{"properties": {"a": REF}}, {"properties": {"a": {"properties": {"x": {}}}}}]},
            {"a": {"id": "", "x": 1, "b": 1}},
            [".a.b"],
            id="a member of several parts",
        ),
        pytest.param(
            {"anyOf": [{"items": REF}, {"properties": {"a": {}}}]},
            [{"id": "", "b": 1}],
            ["[].b"],
            id="or a list",
        ),
        pytest.param(
            {"properties": {"a": {}}}, {"b\n" + "c" * 200: 1}, [f".b {'c' * 158}…"], id="a long name"
        ),
    ],
)
def test_what_the_document_does_not_know_is_harmless(
    schema: dict[str, Any], value: object, places: list[str]
) -> None:
    """A member that no part of the schema knows is told once, with its place, as new and harmless."""
    assert told(schema, value) == harmless(*(f"the body{place} is not in the document" for place in places))


def test_misfits_come_before_what_is_new() -> None:
    """What may hurt callers is told first."""
    assert told(TASK, {"new": 1}) == [
        Deviation('the body: "id" is a required property'),
        *harmless("the body.new is not in the document"),
    ]
