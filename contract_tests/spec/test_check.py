"""The checks of a document: each one sees what it is for."""

from typing import Any

import pytest

from contract_tests.spec.pages import REF, at, embedded, excerpt, fixture, put
from spec.tools.build import build
from spec.tools.check import check
from spec.tools.errors import SpecError
from spec.tools.misfits import set_aside_misfits

DOCUMENT = fixture("things.yaml")
POST = ("paths", "/things", "post")
BODY = (*POST, "requestBody", "content", "application/json")
ANSWER = (*POST, "responses", "200", "content", "application/json")
LINK = (*POST, "responses", "200", "links", "look")
PARAMETERS = ("paths", "/things/{thing-id}", "parameters")
ID = {"name": "thing-id", "in": "path", "required": True, "schema": {"type": "string"}}
THING = ("components", "schemas", "Thing")
NAME = (*THING, "properties", "name")
UNFIT = "does not fit its schema"


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        ((*BODY, "schema"), {"$ref": REF + "Thin"}, "leads nowhere"),
        ((*THING, "discriminator"), {"propertyName": "id", "mapping": {"a": REF + "Thin"}}, "leads nowhere"),
        ((*POST, "operationId"), None, "no operationId"),
        ((*POST, "operationId"), "look", "taken already"),
        ((*POST, "security"), [{"kee": []}], "no security scheme is called 'kee'"),
        ((*LINK, "operationId"), "lok", "exactly one operation"),
        ((*LINK, "operationRef"), "#/paths/~1things/post", "exactly one operation"),
        ((*LINK, "parameters"), {"id": "1"}, "no parameter"),
        (LINK, {"operationRef": "#/paths/~1thing/post"}, "exactly one operation"),
        ((*POST, "responses"), None, "'responses' is a required property"),
        ((*POST, "respones"), {}, "not known"),
        ((*THING, "type"), "text", "not valid in OpenAPI 3.0"),
        ((*BODY, "example"), {"name": 5}, UNFIT),
        ((*ANSWER, "example"), {"name": "a", "secret": "b"}, UNFIT),
        ((*THING, "example"), {"name": None}, UNFIT),
        ((*NAME, "default"), 5, UNFIT),
        ((*THING, "properties", "id"), {"type": "string", "format": "uuid", "example": "x"}, UNFIT),
        ((*PARAMETERS, 0, "example"), 7, UNFIT),
        (("info", "version"), None, "'version' is a required property"),
        ((*THING, "enum"), [], "no values"),
        (THING, {"allOf": [{"oneOf": [{"$ref": REF + "Thing"}, {"type": "string"}]}]}, "leads back"),
        (PARAMETERS, [], "nothing describes"),
        ((*PARAMETERS, 0, "required"), False, "required"),
        ((*PARAMETERS, 0, "name"), "id", "no {id}"),
        (PARAMETERS, [ID, ID], "described twice"),
    ],
)
def test_each_fault_is_found(keys: tuple[Any, ...], value: Any, words: str) -> None:
    """One fault in a sound document is one error that names it and its place."""
    check(DOCUMENT)
    with pytest.raises(SpecError) as caught:
        check(put(DOCUMENT, keys, value))
    assert words in caught.value.message
    assert caught.value.keys


def test_what_is_right_is_not_refused() -> None:
    """Links by reference, null where it is allowed, and examples that stand elsewhere are no faults."""
    link = {"operationRef": "#/paths/~1things~1{thing-id}/get", "parameters": {"path.thing-id": "1"}}
    check(put(DOCUMENT, LINK, link))
    check(put(DOCUMENT, NAME, {"type": "string", "nullable": True, "example": None}))
    elsewhere = {"a": {"externalValue": "https://things.example.com/a"}}
    check(put(DOCUMENT, (*ANSWER, "examples"), elsewhere))


def test_the_vendors_own_misfits_are_set_aside_and_kept() -> None:
    """An example of the page that its schema refuses is kept under an extension key; the rest is sound."""
    for keys, value in (
        ((*BODY, "example"), {"name": 5}),
        ((*ANSWER, "examples"), {"a": {"value": {"name": 5}}}),
        ((*NAME, "default"), 5),
    ):
        published, made = (put(DOCUMENT, keys, value) for _ in range(2))
        moved, left = set_aside_misfits(made, published)
        assert (len(moved), left) == (1, [])
        assert at(made, (*keys[:-1], f"x-unfit-{keys[-1]}")) == value
        check(made)


QUERY = {"parameters": [{"name": "b", "in": "query", "schema": {"type": "string", "example": 5}}]}
OVERLAY = """overlay: 1.0.0
info: {title: O, version: '1'}
actions:
  - {target: "$.paths[*].post", description: D, x-source: S, x-sureness: A, update: UPDATE}
"""


@pytest.mark.parametrize(
    ("operation", "update", "place"),
    [
        ({"parameters": [{"name": "a", "in": "body"}]}, "{}", "a.md:1"),
        ({"parameters": [{"name": "a", "in": "query", "schema": {"enum": []}}]}, "{}", "a.md:1"),
        ({}, "{responses: {'400': {$ref: '#/components/responses/No'}}}", "spec/overlay.yaml:4"),
        ({}, "{parameters: [{name: c, in: query, schema: {pattern: (, default: b}}]}", "spec/overlay.yaml:4"),
        ({}, "{parameters: [{name: c, in: query, schema: {type: txt, default: b}}]}", "spec/overlay.yaml:4"),
        ({}, "{responses: {'400': {description: No, enum: []}}}", "spec/overlay.yaml:4"),
        ({}, "{responses: {'400': }}", "spec/overlay.yaml:4"),
    ],
)
def test_an_error_in_the_finished_document_names_the_page_or_the_overlay(
    operation: dict[str, Any], update: str, place: str
) -> None:
    """What is wrong after the overlay is shown where it comes from: no file that was never written."""
    overlay = ("spec/overlay.yaml", OVERLAY.replace("UPDATE", update).encode())
    with pytest.raises(SpecError) as caught:
        build({"a.md": embedded(operation=operation)}, overlay)
    assert str(caught.value).startswith(place)
    assert caught.value.line


WRONG = [{"type": "object", "properties": {"schema": {"type": "string", "enum": []}}}]
MEDIA = {"application/json": {"schemaArray": WRONG, "description": "OK"}}


@pytest.mark.parametrize(
    "said",
    [
        {"request": {"parameters": {"query": {"content": {"schema": WRONG}}}}},
        {"request": {"body": MEDIA}},
        {"response": {"200": MEDIA}},
    ],
    ids=str,
)
def test_an_error_in_a_page_of_the_older_format_names_its_line(said: dict[str, Any]) -> None:
    """A place in the finished document is found where the older format has it, to the line."""
    page = excerpt(**said)
    with pytest.raises(SpecError) as caught:
        build({"a.md": page})
    assert page.decode().splitlines()[(caught.value.line or 0) - 1].strip() == "enum: []"


def test_what_no_step_foresees_is_an_error_with_a_place() -> None:
    """A named example of the older format is kept as it is: a key that no example has is named."""
    with pytest.raises(SpecError) as caught:
        build({"a.md": excerpt(components={"schemas": {}, "examples": {"one": {"type": "string"}}})})
    assert caught.value.path == "components.examples.one"
    assert caught.value.line


def test_a_note_about_the_vendors_example_names_its_page() -> None:
    """An overlay's action on the same operation is not where the example stands."""
    overlay = ("spec/overlay.yaml", OVERLAY.replace("UPDATE", "{description: D}").encode())
    note = build({"a.md": embedded(operation=QUERY)}, overlay).reports[-1]
    assert note.startswith("a.md:1")
    assert UNFIT in note
