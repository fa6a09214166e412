"""Changes are told where they belong: shared parts once, references followed, renamed things recognized."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spec.tools.diff import Change, Rating, compare
from spec.tools.errors import SpecError


def told(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Change]:
    """Give the changes by what they say, and fail if two say the same of one place."""
    changes = compare(old, new)
    assert len({(change.place, change.what) for change in changes}) == len(changes)
    return {change.what: change for change in changes}


def test_a_shared_schema_is_told_once_with_its_operations(library: dict[str, Any]) -> None:
    """A change in a component is one change that names every operation it concerns."""
    new = copy.deepcopy(library)
    del new["components"]["schemas"]["Problem"]["properties"]["message"]
    changes = compare(library, new)
    assert [change.what for change in changes] == ["property message removed"]
    assert changes[0].operations == ("GET /books/{book-id} (response)", "POST /loans (response)")


def test_the_same_change_at_several_operations_is_told_once(library: dict[str, Any]) -> None:
    """What is written out at each operation and changes alike is one change."""
    new = copy.deepcopy(library)
    for path, method in (("/loans", "post"), ("/books/{book-id}", "get")):
        new["paths"][path][method]["responses"]["429"] = {"description": "Slow down."}
    changes = compare(library, new)
    assert [(change.place, change.what) for change in changes] == [("2 operations", "response 429 added")]
    assert changes[0].operations == ("POST /loans", "GET /books/{book-id}")


def test_a_schema_that_is_sent_and_received_gets_the_worse_rating(library: dict[str, Any]) -> None:
    """A value added to an enum is a risk if the schema is received as well as sent."""
    schemas = library["components"]["schemas"]
    schemas["Loan"]["properties"]["like"] = {"$ref": "#/components/schemas/Book"}
    new = copy.deepcopy(library)
    new["components"]["schemas"]["Book"]["properties"]["state"]["enum"].append("LOST")
    change = told(library, new)["value LOST added"]
    assert change.rating is Rating.RISK
    assert "POST /loans (request)" in change.operations
    new["components"]["schemas"]["Book"]["properties"]["state"]["enum"].remove("OUT")
    assert told(library, new)["value OUT removed"].rating is Rating.BREAKING


def test_a_new_use_of_a_schema_has_no_old_callers(library: dict[str, Any]) -> None:
    """A schema that is newly sent too is rated for those who received it before: nobody sent it."""
    new = copy.deepcopy(library)
    schemas = new["components"]["schemas"]
    schemas["Loan"]["properties"]["like"] = {"$ref": "#/components/schemas/Book"}
    schemas["Book"]["required"].append("pages")
    assert told(library, new)["property pages became required"].rating is Rating.SAFE


def test_read_only_properties_are_no_burden_to_senders(library: dict[str, Any]) -> None:
    """A required property that is read-only breaks nobody who sends the schema."""
    new = copy.deepcopy(library)
    loan = new["components"]["schemas"]["Loan"]
    loan["properties"]["number"] = {"type": "string", "readOnly": True}
    loan["required"].append("number")
    assert told(library, new)["required property number added"].rating is Rating.SAFE


def test_an_unused_schema_breaks_only_the_imports_of_its_class(library: dict[str, Any]) -> None:
    """A schema that no operation uses is safe to change, but its generated class may be imported."""
    library["components"]["schemas"]["Spare"] = {
        "title": "Spare", "type": "object", "properties": {"a": {"type": "string"}},
    }  # fmt: skip
    new = copy.deepcopy(library)
    del new["components"]["schemas"]["Spare"]["properties"]["a"]
    assert told(library, new)["property a removed"].rating is Rating.SAFE
    del new["components"]["schemas"]["Spare"]
    assert told(library, new)["schema removed"].rating is Rating.BREAKING


def test_a_renamed_component_is_recognized(library: dict[str, Any]) -> None:
    """A component under a new name is compared with its old self, recursion and all."""
    text = repr(library).replace("schemas/Book'", "schemas/Volume'").replace("'Book': {", "'Volume': {")
    new: dict[str, Any] = eval(text)  # noqa: S307 - our own literal, which is quicker to edit as text
    changes = told(library, new)
    assert set(changes) == {"component Book is now Volume"}
    assert changes["component Book is now Volume"].rating is Rating.SAFE
    del new["components"]["schemas"]["Volume"]["title"]
    assert told(library, new)["title Book → Volume"].rating is Rating.BREAKING


def test_a_reference_to_another_schema_is_compared_in_place(library: dict[str, Any]) -> None:
    """Where another component is referred to, what differs between the two is told at that place."""
    new = copy.deepcopy(library)
    content = new["paths"]["/books/{book-id}"]["get"]["responses"]["200"]["content"]
    content["application/json"]["schema"] = {"$ref": "#/components/schemas/Person"}
    changes = told(library, new)
    assert changes["property id removed"].place == "GET /books/{book-id}: response 200, application/json, id"
    assert changes["title Book → Person"].rating is Rating.BREAKING


def test_a_reference_written_out_is_no_change_for_callers(library: dict[str, Any]) -> None:
    """The same schema in place of a reference is told, and safe."""
    new = copy.deepcopy(library)
    who = new["components"]["schemas"]["Loan"]["properties"]["who"]["oneOf"]
    who[0] = copy.deepcopy(library["components"]["schemas"]["Person"])
    assert max(change.rating for change in compare(library, new)) <= Rating.SAFE


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_a_schema_that_becomes_one_of_several_is_told_as_one_more(
    library: dict[str, Any], keyword: str
) -> None:
    """`X` that becomes `oneOf: [X, Y]` is safe to send and a risk to receive."""
    new = copy.deepcopy(library)
    properties = new["components"]["schemas"]["Book"]["properties"]
    properties["next"] = {keyword: [{"$ref": "#/components/schemas/Book"}, {"type": "string"}]}
    changes = told(library, new)
    assert list(changes) == ["next may also be string"]
    assert changes["next may also be string"].rating is Rating.RISK


def test_null_as_a_branch_is_null(library: dict[str, Any]) -> None:
    """OpenAPI 3.1's `anyOf: [X, {type: null}]` is told as null allowed, which breaks those who receive it."""
    new = copy.deepcopy(library)
    new["components"]["schemas"]["Book"]["properties"]["owner"]["anyOf"].append({"type": "null"})
    assert told(library, new)["null is allowed now"].rating is Rating.BREAKING


def test_a_branch_that_has_changed_is_found_again(library: dict[str, Any]) -> None:
    """Branches in place are paired by their likeness, so that the change inside is told, not two others."""
    owner = library["components"]["schemas"]["Book"]["properties"]["owner"]
    owner["anyOf"] = [
        {"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}}},
        {"type": "object", "properties": {"members": {"type": "integer"}}},
    ]
    new = copy.deepcopy(library)
    branches = new["components"]["schemas"]["Book"]["properties"]["owner"]["anyOf"]
    branches[0]["properties"]["more"] = {"type": "string"}
    assert list(told(library, new)) == ["optional property more added"]


def test_a_part_of_all_of_is_told_by_what_it_says(library: dict[str, Any]) -> None:
    """One more part of allOf is told as the properties and demands that it adds."""
    new = copy.deepcopy(library)
    new["components"]["schemas"]["Receipt"]["allOf"].append(
        {"type": "object", "required": ["until"], "properties": {"until": {"type": "string"}}}
    )
    assert list(told(library, new)) == ["required property until added"]


def test_a_moved_operation_is_told_as_moved(library: dict[str, Any]) -> None:
    """An operation with its operationId at another path is told once, not as all its parts gone."""
    new = copy.deepcopy(library)
    new["paths"]["/v2/loans"] = new["paths"].pop("/loans")
    assert list(told(library, new)) == ["moved from POST /loans to POST /v2/loans"]


def test_a_renamed_path_parameter_is_told_once(library: dict[str, Any]) -> None:
    """Another name in the path's braces is one change; the URLs are the same."""
    new = copy.deepcopy(library)
    item = new["paths"].pop("/books/{book-id}")
    item["parameters"][0]["name"] = "id"
    new["paths"]["/books/{id}"] = item
    assert list(told(library, new)) == ["path /books/{book-id} is now written /books/{id}"]


def test_parameters_and_security_may_stand_with_the_operations(library: dict[str, Any]) -> None:
    """Writing out at each operation what stood above them changes nothing for callers."""
    new = copy.deepcopy(library)
    shared = new["paths"]["/books/{book-id}"].pop("parameters")
    for method in ("get", "delete"):
        operation = new["paths"]["/books/{book-id}"][method]
        operation["parameters"] = [*shared, *operation.get("parameters", [])]
    security = new.pop("security")
    new["paths"]["/loans"]["post"]["security"] = security
    new["paths"]["/books/{book-id}"]["get"]["security"] = security
    assert {change.rating for change in compare(library, new)} == {Rating.DOCUMENTATION}


def test_a_webhook_is_received(library: dict[str, Any]) -> None:
    """In OpenAPI 3.1's webhooks the request is what callers receive."""
    body = {"content": {"application/json": {"schema": {"type": "string", "enum": ["a"]}}}}
    library["webhooks"] = {"news": {"post": {"requestBody": body, "responses": {}}}}
    new = copy.deepcopy(library)
    schema = new["webhooks"]["news"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema["enum"].append("b")
    assert told(library, new)["value b added"].rating is Rating.RISK


@pytest.mark.parametrize("target", ["#/components/schemas/Nowhere", "#/components/schemas/Loop"])
def test_a_bad_reference_is_an_error_in_words(library: dict[str, Any], target: str) -> None:
    """A reference that leads nowhere or to itself is told with the document's name."""
    library["components"]["schemas"]["Loop"] = {"$ref": "#/components/schemas/Loop"}
    new = copy.deepcopy(library)
    new["components"]["schemas"]["Book"]["properties"]["pages"] = {"$ref": target}
    with pytest.raises(SpecError, match=r"new\.yaml: the reference"):
        compare(library, new, ("old.yaml", "new.yaml"))
