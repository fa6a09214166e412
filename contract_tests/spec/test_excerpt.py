"""The older format: what each of its turns of phrase becomes in OpenAPI."""

from typing import Any

import pytest
from inline_snapshot import external_file

from contract_tests.spec.pages import FIXTURES, converted, excerpt
from spec.tools.build import convert_upstream
from spec.tools.errors import SpecError

TWO_WAYS = [{"type": "string", "required": True}, {"type": "integer"}]
WRONG_PLACE = [{"title": "a", "parameters": {"query": {"k": {"type": "http", "scheme": "x"}}}}]
NO_BODY = {"_mintlify/placeholder": {"schemaArray": [{"type": "object"}], "description": ""}}


def schema(**content: Any) -> dict[str, Any]:
    return {"components": {"schemas": {"a": content}}}


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
        (schema(type="text"), "components.schemas.a.type"),
        (schema(maxLenght=3), "components.schemas.a.maxLenght"),
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
