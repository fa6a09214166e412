"""Both formats of pages: what each of their turns of phrase becomes in OpenAPI 3.0.3."""

import copy
from typing import Any

import pytest
import yaml
from inline_snapshot import external_file

from contract_tests.spec.pages import FIXTURES, converted, embedded, excerpt, fixture, page
from spec.tools.build import build, convert_upstream
from spec.tools.check import check
from spec.tools.errors import SpecError
from spec.tools.page import read_page


def schemas(**a: Any) -> dict[str, Any]:
    return {"components": {"schemas": {"a": a}}}


TWO_WAYS = [{"type": "string", "required": True}, {"type": "integer"}]
WRONG_PLACE = [{"title": "a", "parameters": {"query": {"k": {"type": "http", "scheme": "x"}}}}]
NO_BODY = {"_mintlify/placeholder": {"schemaArray": [{"type": "object"}], "description": ""}}


def body(*schemas: Any) -> dict[str, Any]:
    return {"request": {"body": {"a/b": {"schemaArray": list(schemas)}}}}


def test_the_older_format_becomes_openapi() -> None:
    """Each construct of the older format is at its place in OpenAPI, with its value."""
    made = converted((FIXTURES / "library-update-book.md").read_bytes())
    assert made == external_file(str(FIXTURES / "library-update-book.json"))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"response": {}}, "paths.response"),
        ({"type": "webhook"}, "paths.type"),
        ({"zz": 1}, "paths.zz"),
        (body(), "paths.request.body.a/b.schemaArray"),
        (body(*TWO_WAYS), "paths.request.body.a/b.schemaArray"),
        (schemas(type="text"), "components.schemas.a.type"),
        (schemas(maxLenght=3), "components.schemas.a.maxLenght"),
        ({"request": {"security": WRONG_PLACE}}, "paths.request.security[0].parameters.query.k"),
        ({"response": {"204": NO_BODY}}, "paths.response.204._mintlify/placeholder.schemaArray[0].type"),
    ],
)
def test_what_is_not_understood_is_named(changes: dict[str, Any], path: str) -> None:
    """What the converter can't use is an error with its line and its path in the block."""
    with pytest.raises(SpecError) as caught:
        convert_upstream({"a.md": excerpt(**changes)}, [])
    assert caught.value.path == path
    assert caught.value.line


def test_security_schemes_have_names_that_openapi_takes() -> None:
    """A title with spaces becomes a name, and is kept; `security: []` says that no key is needed."""
    key = {"header": {"x-key": {"type": "apiKey"}}}
    titles = [("api key header", key), ("", key), ("", {})]
    ways = [{"title": title, "parameters": parameters} for title, parameters in titles]
    made = converted(excerpt(request={"security": ways}))
    assert made["paths"]["/v1/things"]["post"]["security"] == [{"api-key-header": []}, {"x-key": []}, {}]
    assert made["components"]["securitySchemes"]["api-key-header"]["x-title"] == "api key header"
    stated, silent = converted(excerpt(request={"security": []})), converted(excerpt(request={}))
    assert stated["paths"]["/v1/things"]["post"]["security"] == []
    assert "security" not in silent["paths"]["/v1/things"]["post"]


def in_3_1(**schema: Any) -> dict[str, Any]:
    return {**schemas(**schema), "openapi": "3.1.0"}


def test_a_document_of_3_0_is_taken_over_as_it_is() -> None:
    """Callbacks, links, headers, encodings, every section of components: all are as they were in the page."""
    block = read_page((FIXTURES / "library-loans.md").read_bytes(), "a.md").blocks[0]
    expected = copy.deepcopy(yaml.safe_load(block.text))
    made = converted(page(block.text, f"{block.method} {block.path}", block.title))
    expected["openapi"] = "3.0.3"
    expected["paths"][block.path]["post"]["security"] = expected.pop("security")
    assert made == expected
    check(made)


@pytest.mark.parametrize(("written", "expected"), fixture("keywords-of-3-1.yaml"), ids=str)
def test_schemas_of_3_1_are_said_in_3_0(written: dict[str, Any], expected: dict[str, Any]) -> None:
    """What 3.1 says in a schema, 3.0 says in other words; what is kept under `x-` is told with its line."""
    reports: list[str] = []
    made = convert_upstream({"a.md": embedded(**in_3_1(**written))}, reports)
    assert made["components"]["schemas"]["a"] == expected
    assert all(report.startswith("a.md:") and "is kept as `x-" in report for report in reports)


SCHEMA = "components.schemas.a"


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (in_3_1(**{"$dynamicRef": "#a"}), SCHEMA),
        (in_3_1(maxLenght=3), SCHEMA),
        (in_3_1(**{"$ref": "#/components/schemas/b/$defs/c"}), SCHEMA),
        (in_3_1(**{"$ref": "b.yaml#/a"}), SCHEMA),
        (in_3_1(type=None), SCHEMA),
        (in_3_1(exclusiveMinimum="5"), SCHEMA),
        (in_3_1(refIdentifier="#/components/schemas/a"), SCHEMA),
        (schemas(type="integer", minimum={}, example=1), SCHEMA),
        (schemas(type="string", pattern=5, example="a"), SCHEMA),
        ({"servers": {"x-a": 5}}, "servers"),
        ({"servers": [None]}, "servers"),
        ({"tags": {"x-a": 5}}, "tags"),
        ({"security": -1}, "paths./v1/things"),
        ({"operation": {"tags": 5}}, "paths./v1/things"),
        ({"operation": {"parameters": [{"name": [None], "in": "query", "schema": {}}]}}, "paths./v1/things"),
    ],
    ids=str,
)
def test_what_3_0_cannot_say_is_an_error_with_its_place(said: dict[str, Any], place: str) -> None:
    """A keyword without words in 3.0, or a number where a list belongs, is one line that names the place."""
    with pytest.raises(SpecError) as caught:
        build({"a.md": embedded(**said)})
    assert (caught.value.path or "").startswith(place)
    assert caught.value.file == "a.md"
    assert (caught.value.line or 0) > 3
