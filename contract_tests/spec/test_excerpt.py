"""The older format: what each of its turns of phrase becomes in OpenAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spec.tools.build import convert_upstream
from spec.tools.errors import SpecError
from spec.tools.structure import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATION = "#/paths/~1v2~1shelves~1{shelf-id}~1books~1{book_id}/patch"
CHANGE = "#/components/schemas/book-change"


@pytest.fixture
def book(fixture_page: Callable[[str], bytes], converted: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return converted(fixture_page("library-update-book.md"))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (f"{OPERATION}/summary", "Change a book"),
        (f"{OPERATION}/tags", ["shelves"]),
        (f"{OPERATION}/operationId", "patchV2ShelvesByShelfIdBooksByBookId"),
        (f"{OPERATION}/deprecated", True),
        (f"{OPERATION}/security", [{"reader": []}, {"bearer": [], "session": []}, {"staff": []}]),
        (f"{OPERATION}/x-owner", "circulation"),
        (f"{OPERATION}/x-quota", 5),
        (f"{OPERATION}/x-codeSamples/0/lang", "shell"),
        ("#/servers/1/variables/region/enum", ["eu", "us"]),
        (
            "#/components/securitySchemes/reader",
            {"type": "apiKey", "in": "header", "name": "x-reader-key", "description": "A reader's key"},
        ),
        ("#/components/securitySchemes/bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}),
        ("#/components/securitySchemes/session", {"type": "apiKey", "in": "cookie", "name": "sid"}),
        (
            f"{OPERATION}/parameters/0",
            {
                "name": "shelf-id",
                "in": "path",
                "description": "Which shelf",
                "required": True,
                "schema": {"type": "string", "format": "uuid"},
            },
        ),
        (f"{OPERATION}/parameters/1/schema/exclusiveMinimum", True),
        (
            f"{OPERATION}/parameters/2",
            {
                "name": "expand",
                "in": "query",
                "description": "What to add to the answer",
                "deprecated": True,
                "style": "form",
                "explode": False,
                "schema": {"type": "array", "items": {"type": "string", "enum": ["author", "loans"]}},
            },
        ),
        (
            f"{OPERATION}/parameters/3/schema/anyOf",
            [{"type": "integer", "default": 1, "maximum": 1000}, {"type": "string", "pattern": "^last$"}],
        ),
        (f"{OPERATION}/parameters/4/required", True),
        (f"{OPERATION}/requestBody/required", True),
        (f"{OPERATION}/requestBody/content/application~1json/schema/$ref", CHANGE),
        (
            f"{OPERATION}/requestBody/content/application~1json/examples/shared/$ref",
            "#/components/examples/whole",
        ),
        (
            f"{OPERATION}/requestBody/content/multipart~1form-data/schema/properties/cover",
            {"type": "string", "format": "binary"},
        ),
        (
            f"{OPERATION}/requestBody/content/multipart~1form-data/encoding/cover/contentType",
            "image/png, image/jpeg",
        ),
        (
            f"{OPERATION}/requestBody/content/application~1x-www-form-urlencoded/schema/anyOf/1",
            {"type": "string"},
        ),
        (f"{CHANGE}/required", ["title"]),
        (f"{CHANGE}/additionalProperties", False),
        (f"{CHANGE}/properties/title/maxLength", 200),
        (f"{CHANGE}/properties/subtitle", {"type": "string", "example": "A tale", "nullable": True}),
        (
            f"{CHANGE}/properties/first_owner",
            {"allOf": [{"$ref": "#/components/schemas/person"}], "description": "Who had it first"},
        ),
        (f"{CHANGE}/properties/keeper/allOf/1/properties/since/format", "date"),
        (f"{CHANGE}/properties/price/multipleOf", 0.25),
        (f"{CHANGE}/properties/media/discriminator/mapping/audio", "#/components/schemas/audio"),
        (f"{CHANGE}/properties/labels/additionalProperties", {"type": "string", "maxLength": 12}),
        (f"{CHANGE}/properties/chapters/items/$ref", "#/components/schemas/chapter"),
        (f"{CHANGE}/properties/note", {"type": "string", "maxLength": 99, "title": "Note", "nullable": True}),
        (
            f"{CHANGE}/properties/loan/anyOf",
            [{"$ref": "#/components/schemas/loan"}, {"type": "object", "nullable": True, "enum": [None]}],
        ),
        (f"{CHANGE}/properties/on/readOnly", True),
        (f"{OPERATION}/responses/200/description", "The book, or its chapters"),
        (f"{OPERATION}/responses/200/content/text~1csv/x-description", "The book as a table"),
        (f"{OPERATION}/responses/200/headers/ETag/required", True),
        (
            f"{OPERATION}/responses/200/content/application~1json/schema/anyOf/1/items/$ref",
            "#/components/schemas/chapter",
        ),
        (f"{OPERATION}/responses/202/content/application~1json/schema", {}),
        (f"{OPERATION}/responses/204", {"description": "Nothing to say"}),
        (f"{OPERATION}/responses/404", {"description": ""}),
        (
            f"{OPERATION}/responses/default/content/application~1problem+json/schema/$ref",
            "#/components/schemas/book_2",
        ),
        ("#/components/schemas/book/required", ["title"]),
        ("#/components/schemas/book_2/properties/date/example", "2024-01-31"),
        ("#/components/schemas/chapter/properties/parts/items/$ref", "#/components/schemas/chapter"),
        ("#/components/schemas/chapter/properties/heading/x-examples", ["The Carpet-Bag"]),
        ("#/components/schemas/print/properties/kind", {"enum": ["print"]}),
        (
            "#/components/schemas/print/properties/pages",
            {"type": "integer", "exclusiveMinimum": True, "minimum": 0},
        ),
        ("#/components/schemas/audio/properties/sample/format", "byte"),
        ("#/components/schemas/loan/properties/size/anyOf", [{"type": "integer"}, {"type": "string"}]),
        ("#/components/examples/whole/value/subtitle", None),
    ],
)
def test_older_format_becomes_openapi(book: dict[str, Any], place: str, expected: object) -> None:
    """Each construct of the older format stands at its place in OpenAPI, with its value."""
    assert resolve(book, place) == expected


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
            {"components": {"schemas": {"a": {"minimum": 1, "exclusiveMinimum": 0}}}},
            "components.schemas.a",
            "room for one",
        ),
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
