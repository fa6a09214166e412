"""Any document: routes from its paths, life cycles from its links, examples for the rest."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from contract_tests.mock.api import KEY, Api
from kling_elements_mock import INSTANT, DocumentError, MockSettings
from kling_elements_mock.document.examples import of_media_type, of_schema
from kling_elements_mock.document.formats import FORMATS
from kling_elements_mock.document.node import Node
from kling_elements_mock.document.openapi import Document, load
from kling_elements_mock.document.validation import Schemas

OK: dict[str, Any] = {"200": {"description": "ok"}}


def with_paths(paths: dict[str, Any], **components: Any) -> dict[str, Any]:
    info = {"title": "t", "version": "1"}
    return {"openapi": "3.0.3", "info": info, "paths": paths, "components": components}


def served(folder: Path, document: Any) -> Api:
    file = folder / "openapi.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return Api(MockSettings(pace=INSTANT, document=file))


OPERATION = """
parameters:
  - {name: page, in: query, required: true, schema: {type: integer, minimum: 1}}
  - {name: x-trace, in: header, schema: {type: string, maxLength: 3}}
  - {name: tags, in: query, schema: {type: array, items: {type: integer}}}
  - {name: share, in: query, schema: {type: number}}
  - {name: deep, in: query, schema: {type: boolean}}
requestBody:
  required: true
  content:
    application/json:
      schema: &body {type: object, required: [n], properties: {n: {type: integer, maximum: 5}}}
    application/x-www-form-urlencoded: {schema: *body}
    multipart/form-data: {schema: *body}
    text/plain: {}
responses:
  "201":
    description: ok
    content:
      application/json:
        schema:
          type: object
          properties: {id: {type: string, format: uuid}, n: {type: integer, minimum: 3}}
"""

PART = b'--b\r\ncontent-disposition: form-data; name="n"\r\n\r\n1\r\n--b--\r\n'


def test_without_links_an_operation_gives_its_example(tmp_path: Path) -> None:
    """An operation without a known life cycle validates its request and gives an example."""
    gone = {"responses": {"204": {"description": "gone"}}}
    paths = {"/a/{x}/b": {"put": yaml.safe_load(OPERATION)}, "/a/{x}/{y}": {"delete": gone}}
    api = served(tmp_path, with_paths(paths))

    def put(query: str, n: int = 1, **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return api.call("PUT", f"/a/1/b{query}", json={"n": n}, headers=named).status_code

    good = api.call("PUT", "/a/1/b?page=2&tags=1&tags=2&share=1.5&deep=true", json={"n": 1}, headers={})
    assert good.status_code == 201
    assert good.headers["x-mock-life-cycle"] == "none"
    assert good.json() == {"id": "00000000-0000-4000-8000-000000000000", "n": 3}
    for query in ("", "page=0", "page=1&tags=x,1", "page=1&share=much", "page=1&deep=1", "a&" * 1001):
        assert put(f"?{query}") == 400, query
    assert (put("?page=1", 6), put("?page=1", x_trace="long")) == (400, 400)
    for kind, content, status in (
        ("application/x-www-form-urlencoded", b"n=1&m=x", 201),
        ("application/x-www-form-urlencoded", b"n=x", 400),
        ("multipart/form-data; boundary=b", PART, 201),
        ("multipart/form-data; boundary=b", b"n=1", 400),
        ("text/plain", b"any", 201),
        ("text/html", b"any", 400),
    ):
        answer = api.call("PUT", "/a/1/b?page=1", content=content, headers={"content-type": kind})
        assert answer.status_code == status
    assert api.call("DELETE", "/a/1/c", headers={}).status_code == 204
    assert api.call("DELETE", "/a/1/b", headers={}).headers["allow"] == "OPTIONS, PUT"


SCHEMAS: list[dict[str, Any]] = [
    {"type": "integer", "minimum": 3, "exclusiveMinimum": True},
    {"type": "number", "maximum": -1},
    {"type": "integer", "minimum": 7, "multipleOf": 5},
    {"type": "string", "minLength": 12},
    {"type": "string", "maxLength": 2},
    {"type": "string", "format": "date-time"},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 3},
    {"allOf": [{"type": "object", "required": ["a"], "properties": {"a": {"enum": ["x"]}}},
               {"$ref": "#/components/schemas/leaf"}]},
    {"oneOf": [{"$ref": "#/components/schemas/leaf"}, {"type": "string"}]},
    {"$ref": "#/components/schemas/tree"},
    {"nullable": True},
]  # fmt: skip
LEAF = {"type": "object", "required": ["n"], "properties": {"n": {"type": "number", "minimum": 2.5}}}
KIDS = {"type": "array", "items": {"$ref": "#/components/schemas/tree"}}
TREE = {"type": "object", "properties": {"leaf": {"$ref": "#/components/schemas/leaf"}, "kids": KIDS}}


def schema_of(schema: dict[str, Any]) -> tuple[Node, Schemas]:
    document = Document(with_paths({}, schemas={"leaf": LEAF, "tree": TREE, "it": schema}))
    components = Node(document.root, "", document.root).get("components")
    assert components is not None
    return components.children("schemas")["it"], Schemas(document)


def test_a_generated_value_is_valid() -> None:
    """A value made from a schema is valid, also for limits, compositions and recursive schemas."""
    for node, schemas in map(schema_of, SCHEMAS):
        assert schemas.violations(node, of_schema(node)) == (), node.value
    endless = {"schema": {"allOf": [{"$ref": "#/components/schemas/it/schema"}]}}
    assert of_media_type(schema_of(endless)[0]) is None


REFERENCES = [{"$ref": f"#/components/schemas/{name}"} for name in ("leaf", "tree")]
MAPPING = {"l": "leaf", "t": "#/components/schemas/tree", "gone": "#/components/schemas/gone"}
ENFORCED: list[tuple[dict[str, Any], list[Any], list[Any]]] = [
    ({"type": "string", "pattern": r"^a+$|^[\d$]$"}, ["a", "aa", "$"], ["a\n", "ab", "", "\u0661"]),
    ({"type": "string", "pattern": r"^\p{L}+$", "maxLength": 2}, ["a", "1"], ["abc"]),  # Python has no such
    ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, ["a", 1], [None, 1.5]),
    ({"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 5}]}, [1, 5.5], [6, "a"]),
    ({"oneOf": REFERENCES, "discriminator": {"propertyName": "k", "mapping": MAPPING}},
     [{"k": "l", "n": 3}, {"k": "tree", "n": 3}, {"k": "t"}, {"k": "gone"}, {}],
     [{"k": "l"}, {"k": "leaf"}, {"k": "it", "n": 3}, {"k": ["l"], "n": 3}, {"k": {}, "n": 3}]),
    ({"$ref": "#/components/schemas/tree"}, [{"kids": [{"leaf": {"n": 3}}]}], [{"kids": [{"leaf": {}}]}]),
]  # fmt: skip


def test_patterns_references_and_branches_are_enforced() -> None:
    """Valid values pass, invalid ones give a reason; `$` is the very end."""
    for schema, good, bad in ENFORCED:
        node, schemas = schema_of(schema)
        assert [value for value in good if schemas.violations(node, value)] == []
        assert [value for value in bad if not schemas.violations(node, value)] == []


UUID = "046b6c7f-0b8a-43b9-b35d-6489e6daee91"
FORMATTED: dict[str, tuple[list[object], list[object]]] = {
    "uri": (["https://a.b/c?d=%20#e", "mailto:a@b", "http://[::1]:8/"], ["a", "/a", "http://a b/", "a:%2"]),
    "uuid": ([UUID], [UUID.replace("-", ""), "x", ""]),
    "date-time": (["2026-01-01T00:00:00.5+01:00"], ["2026-01-01", "2026-13-01T00:00:00Z"]),
    "byte": (["", "bW9jaw=="], ["bW9jaw", "\u00e9", "a b="]),
    "int32": ([2**31 - 1, -(2**31), 1.5, True], [2**31, -(2**31) - 1]),
    "int64": ([2**63 - 1, -(2**63), "x"], [2**63]),
}


def test_formats_are_checked() -> None:
    """Each format takes what it should; a value of another type is none of its business."""
    for name, (good, bad) in FORMATTED.items():
        assert [value for value in [*good, None] if not FORMATS.conforms(value, name)] == []
        assert [value for value in bad if FORMATS.conforms(value, name)] == []


BROKEN = ("paths: {/a: {get: {$ref: '#/nope'}}}", "paths: {/a: {$ref: 'other.yaml'}}")
MUTUAL = "components: {securitySchemes: {tls: {type: mutualTLS}}}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((text, "") for text in ("[]", "paths: []", ":", "\x00", "{paths: {}, security: 5}", *BROKEN)),
        *((text, "can't be read as YAML: ") for text in (f"[{'9' * 5000}]", "[" * 20_000)),
        # Without a known place for a key, everybody would be let in.
        ("paths: {/a: {get: {security: [{kee: []}]}}}", "#/paths/~1a/get/security/0: .*'kee'"),
        (f"{{paths: {{}}, security: [{{}}, {{tls: []}}], {MUTUAL}}}", "#/security/1: .*'tls'"),
    ],
)
def test_a_bad_document_is_told(tmp_path: Path, text: str, words: str) -> None:
    """What is no usable document is one error that names the file, and the place where there is one."""
    file = tmp_path / "bad.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(DocumentError, match=rf"bad\.yaml.*{words}"):
        load(file)


def test_a_literal_path_comes_before_a_template(tmp_path: Path) -> None:
    """Where two paths match, the one with fewer parameters is called, whatever their order."""
    paths = {path: {"get": {"operationId": path, "responses": OK}} for path in ("/{a}/{b}", "/x/{b}", "/x/y")}
    api = served(tmp_path, with_paths(paths))
    for url in ("/x/y", "/x/z", "/z/z"):
        assert api.call("GET", url, headers={}).status_code == 200
    assert [request.operation for request in api.mock.requests] == ["/x/y", "/x/{b}", "/{a}/{b}"]


def test_keys_are_where_the_document_says(tmp_path: Path) -> None:
    """Keys in the query, in a cookie, or as a bearer token are known by the schemes that are asked for."""
    schemes = {
        "q": {"type": "apiKey", "in": "query", "name": "key"},
        "c": {"type": "apiKey", "in": "cookie", "name": "sid"},
        "b": {"type": "http", "scheme": "bearer"},
    }
    guarded = {"responses": OK, "security": [{name: []} for name in schemes]}
    paths = {"/a": {"get": guarded}, "/open": {"get": {"responses": OK}}}
    api = served(tmp_path, with_paths(paths, securitySchemes=schemes))
    bearer = {"authorization": "Bearer k"}
    for url, headers in (("/a?key=k", {}), ("/a", {"cookie": "x=1; sid=k"}), ("/a", bearer), ("/open", {})):
        assert api.call("GET", url, headers=headers).status_code == 200
    for url, headers in (("/a", KEY), ("/a?" + "a&" * 1001, {}), ("/unknown", {})):
        assert api.call("GET", url, headers=headers).status_code == 401
