"""The older format: what each of its turns of phrase becomes in OpenAPI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from inline_snapshot import external_file

from spec.tools.build import convert_upstream
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent


def test_the_older_format_becomes_openapi(
    fixture_page: Callable[[str], bytes], converted: Callable[..., dict[str, Any]]
) -> None:
    """Each construct of the older format is at its place in OpenAPI, with its value."""
    made = converted(fixture_page("library-update-book.md"))
    assert made == external_file(str(HERE / "fixtures" / "library-update-book.json"))


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"response": {}}, "paths.response", "no response"),
        ({"type": "webhook"}, "paths.type", "type: path"),
        ({"zz": 1}, "paths.zz", "not understood"),
        (
            {"request": {"body": {"application/json": {"schemaArray": []}}}},
            "paths.request.body.application/json.schemaArray",
            "at least one",
        ),
        (
            {
                "request": {
                    "body": {
                        "a/b": {"schemaArray": [{"type": "string", "required": True}, {"type": "integer"}]}
                    }
                }
            },
            "paths.request.body.a/b.schemaArray",
            "same for every choice",
        ),
        ({"components": {"schemas": {"a": {"type": "text"}}}}, "components.schemas.a.type", "no type"),
        ({"components": {"schemas": {"a": {"maxLenght": 3}}}}, "components.schemas.a.maxLenght", "not known"),
        ({"components": {"schemas": {"a": {"$ref": "b.yaml#/a"}}}}, "components.schemas.a.$ref", "stay in"),
        (
            {
                "request": {
                    "security": [
                        {"title": "a", "parameters": {"query": {"k": {"type": "http", "scheme": "x"}}}}
                    ]
                }
            },
            "paths.request.security[0].parameters.query.k",
            "Authorization",
        ),
        (
            {
                "response": {
                    "204": {"_mintlify/placeholder": {"schemaArray": [{"type": "object"}], "description": ""}}
                }
            },
            "paths.response.204._mintlify/placeholder.schemaArray[0].type",
            "no body",
        ),
    ],
)
def test_what_is_not_understood_is_named(
    excerpt: Callable[..., bytes], changes: dict[str, Any], path: str, words: str
) -> None:
    """What the converter can't use is an error with its line and its path in the block."""
    with pytest.raises(SpecError) as caught:
        convert_upstream({"a.md": excerpt(**changes)}, [])
    assert caught.value.path == path
    assert words in caught.value.message
    assert caught.value.line


def test_a_security_scheme_of_any_title_has_a_name_that_openapi_takes(
    excerpt: Callable[..., bytes], converted: Callable[..., dict[str, Any]]
) -> None:
    """A title with spaces becomes a name, and is kept; an empty one takes the header name."""
    key = {"header": {"x-key": {"type": "apiKey"}}}
    ways = [
        {"title": "api key header", "parameters": key},
        {"title": "", "parameters": key},
        {"title": "", "parameters": {}},
    ]
    made = converted(excerpt(request={"security": ways}))
    assert made["paths"]["/v1/things"]["post"]["security"] == [{"api-key-header": []}, {"x-key": []}, {}]
    assert made["components"]["securitySchemes"]["api-key-header"]["x-title"] == "api key header"


def test_no_security_at_all_is_kept_apart_from_none_stated(
    excerpt: Callable[..., bytes], converted: Callable[..., dict[str, Any]]
) -> None:
    """`security: []` says that no key is needed; an absent `security` says nothing."""
    stated = converted(excerpt(request={"security": []}))["paths"]["/v1/things"]["post"]
    silent = converted(excerpt(request={}))["paths"]["/v1/things"]["post"]
    assert stated["security"] == []
    assert "security" not in silent
