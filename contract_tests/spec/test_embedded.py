"""The newer format: taken over whole, and said in the words of OpenAPI 3.0.3."""

import copy
from typing import Any

import pytest
import yaml

from contract_tests.spec.pages import FIXTURES, converted, embedded, fixture, page
from spec.tools.build import build, convert_upstream
from spec.tools.check import check
from spec.tools.errors import SpecError
from spec.tools.page import read_page


def schema(**content: Any) -> bytes:
    return embedded(components={"schemas": {"a": content}}, openapi="3.1.0")


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
    made = convert_upstream({"a.md": schema(**written)}, reports)
    assert made["components"]["schemas"]["a"] == expected
    assert all(report.startswith("a.md:") and "is kept as `x-" in report for report in reports)


@pytest.mark.parametrize(
    "written",
    [
        {"$dynamicRef": "#a"},
        {"maxLenght": 3},
        {"$ref": "#/components/schemas/b/$defs/c"},
        {"$ref": "b.yaml#/a"},
        {"type": None},
        {"exclusiveMinimum": "5"},
        {"refIdentifier": "#/components/schemas/a"},
    ],
)
def test_what_3_0_cannot_say_is_an_error(written: dict[str, Any]) -> None:
    """A keyword without words in 3.0 is an error that names its place, not a loss."""
    with pytest.raises(SpecError) as caught:
        convert_upstream({"a.md": schema(**written)}, [])
    assert (caught.value.path or "").startswith("components.schemas.a")
    assert caught.value.line


@pytest.mark.parametrize(
    "said",
    [
        {"servers": {"x-a": 5}},
        {"servers": [None]},
        {"tags": {"x-a": 5}},
        {"security": -1},
        {"operation": {"tags": 5}},
        {"operation": {"parameters": [{"name": [None], "in": "query", "schema": {}}]}},
        {"components": {"schemas": {"a": {"type": "integer", "minimum": {}, "example": 1}}}},
        {"components": {"schemas": {"a": {"type": "string", "pattern": 5, "example": "a"}}}},
    ],
    ids=str,
)
def test_what_is_far_from_openapi_is_an_error_with_its_line(said: dict[str, Any]) -> None:
    """A number where a list belongs, and the like, ends in one line that names the page, in no crash."""
    with pytest.raises(SpecError) as caught:
        build({"a.md": embedded(**said)})
    assert caught.value.file == "a.md"
    assert (caught.value.line or 0) > 3
