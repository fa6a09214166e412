"""Any document: routes from its paths, life cycles from its links, examples for the rest."""

import ast
import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract_tests.mock.api import CREATE, DOCUMENT, KEY, STATUS, Api, encoded, image
from kling_elements_mock import INSTANT, DocumentError, MockSettings
from kling_elements_mock.document.examples import of_schema
from kling_elements_mock.document.node import Node
from kling_elements_mock.document.openapi import Document, load
from kling_elements_mock.document.validation import Schemas

ROOT = Path(__file__).parents[2]


def served(tmp_path: Path, document: Any) -> Api:
    file = tmp_path / "openapi.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return Api(MockSettings(pace=INSTANT, document=file))


def with_paths(paths: dict[str, Any], **components: Any) -> dict[str, Any]:
    return {
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "paths": paths,
        "components": components,
    }


def test_the_life_cycle_is_found_by_links() -> None:
    """The shipped document's create, status and list are found without knowing their names."""
    (cycle,) = [c for c in load().life_cycles if c.create.path == CREATE]
    assert (cycle.create.method, cycle.status.path, cycle.parameter) == (
        "POST",
        STATUS + "{task-id}",
        "task-id",
    )
    assert cycle.listing is not None
    assert cycle.listing.path == CREATE
    assert cycle.webhook_field == "webhook_url"


def test_a_second_model_shares_the_status_operation(tmp_path: Path) -> None:
    """Another create that links to the same status operation needs no code, and has a list of its own."""
    document = copy.deepcopy(DOCUMENT)
    pro = "/v1/ai/image-to-video/kling-elements-pro"
    document["paths"][pro] = copy.deepcopy(document["paths"][CREATE])
    for method, operation in document["paths"][pro].items():
        operation["operationId"] = f"{method}Pro"
    document["paths"][pro]["post"].pop("callbacks")
    api = served(tmp_path, document)
    std = api.created()
    made = api.call("POST", pro, json={"images": [encoded(image())]}).json()["data"]["task_id"]
    assert api.status(std)["status"] == api.status(made)["status"] == "COMPLETED"
    assert [task["task_id"] for task in api.call("GET", pro).json()["data"]] == [made]
    assert [task["task_id"] for task in api.call("GET", CREATE).json()["data"]] == [std]


def test_without_links_an_operation_gives_its_example(tmp_path: Path) -> None:
    """An operation without a known life cycle validates its request and gives an example."""
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "maximum": 5}}}
    answer = {
        "type": "object",
        "properties": {"id": {"type": "string", "format": "uuid"}, "n": {"type": "integer", "minimum": 3}},
    }
    operation = {
        "parameters": [
            {"name": "page", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 1}},
            {"name": "x-trace", "in": "header", "schema": {"type": "string", "maxLength": 3}},
            {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}},
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"201": {"description": "ok", "content": {"application/json": {"schema": answer}}}},
    }
    api = served(
        tmp_path,
        with_paths(
            {
                "/a/{x}/b": {"put": operation},
                "/a/{x}/{y}": {"delete": {"responses": {"204": {"description": "gone"}}}},
            }
        ),
    )
    good = api.call("PUT", "/a/1/b?page=2&tags=1&tags=2", json={"n": 1}, headers={})
    assert good.status_code == 201
    assert good.headers["x-mock-life-cycle"] == "none"
    assert good.json() == {"id": "00000000-0000-4000-8000-000000000000", "n": 3}
    assert api.call("PUT", "/a/1/b", json={"n": 1}, headers={}).status_code == 400
    assert api.call("PUT", "/a/1/b?page=0", json={"n": 1}, headers={}).status_code == 400
    assert api.call("PUT", "/a/1/b?page=1&tags=x,1", json={"n": 1}, headers={}).status_code == 400
    assert api.call("PUT", "/a/1/b?page=1", json={"n": 6}, headers={}).status_code == 400
    assert api.call("PUT", "/a/1/b?page=1", json={"n": 1}, headers={"x-trace": "long"}).status_code == 400
    assert api.call("DELETE", "/a/1/c", headers={}).status_code == 204
    assert api.call("DELETE", "/a/1/b", headers={}).headers["allow"] == "OPTIONS, PUT"


def test_forms_are_read_with_their_types(tmp_path: Path) -> None:
    """A form is validated with the types that its schema gives; an unknown media type is refused."""
    schema = {
        "type": "object",
        "required": ["n"],
        "properties": {"n": {"type": "integer"}, "b": {"type": "boolean"}},
    }
    body = {"content": {"application/x-www-form-urlencoded": {"schema": schema}, "image/*": {}}}
    api = served(
        tmp_path,
        with_paths({"/f": {"post": {"requestBody": body, "responses": {"200": {"description": "ok"}}}}}),
    )
    assert api.call("POST", "/f", data={"n": "5", "b": "true"}, headers={}).status_code == 200
    assert api.call("POST", "/f", data={"n": "five"}, headers={}).status_code == 400
    assert api.call("POST", "/f", content=image(), headers={"content-type": "image/png"}).status_code == 200
    assert api.call("POST", "/f", content=b"x", headers={"content-type": "text/plain"}).status_code == 400
    assert api.call("POST", "/f", headers={}).status_code == 200


def test_keys_are_where_the_document_says(tmp_path: Path) -> None:
    """Keys in the query, in a cookie, or as a bearer token are known by the document's schemes."""
    schemes = {
        "q": {"type": "apiKey", "in": "query", "name": "key"},
        "c": {"type": "apiKey", "in": "cookie", "name": "sid"},
        "b": {"type": "http", "scheme": "bearer"},
    }
    api = served(
        tmp_path,
        with_paths({"/a": {"get": {"responses": {"200": {"description": "ok"}}}}}, securitySchemes=schemes),
    )
    for url, headers in (
        ("/a?key=k", {}),
        ("/a", {"cookie": "x=1; sid=k"}),
        ("/a", {"authorization": "Bearer k"}),
    ):
        assert api.call("GET", url, headers=headers).status_code == 200
    assert api.call("GET", "/a", headers=KEY).status_code == 401


SCHEMAS: list[dict[str, Any]] = [
    {"type": "integer", "minimum": 3, "exclusiveMinimum": True},
    {"type": "number", "maximum": -1},
    {"type": "integer", "minimum": 7, "multipleOf": 5},
    {"type": "string", "minLength": 12},
    {"type": "string", "maxLength": 2},
    {"type": "string", "format": "date-time"},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 3},
    {
        "allOf": [
            {"type": "object", "required": ["a"], "properties": {"a": {"enum": ["x"]}}},
            {"$ref": "#/components/schemas/leaf"},
        ]
    },
    {"oneOf": [{"$ref": "#/components/schemas/leaf"}, {"type": "string"}]},
    {"$ref": "#/components/schemas/tree"},
    {"nullable": True},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_what_is_made_from_a_schema_fits_it(schema: dict[str, Any]) -> None:
    """A generated value is valid, also for limits, compositions and recursive schemas."""
    leaf = {"type": "object", "required": ["n"], "properties": {"n": {"type": "number", "minimum": 2.5}}}
    tree = {
        "type": "object",
        "properties": {
            "leaf": {"$ref": "#/components/schemas/leaf"},
            "kids": {"type": "array", "items": {"$ref": "#/components/schemas/tree"}},
        },
    }
    document = Document(with_paths({}, schemas={"leaf": leaf, "tree": tree, "it": schema}))
    node = Node(document.root, "", document.root).get("components")
    assert node is not None
    made = next(child for name, child in node.items() if name == "schemas").get("it")
    assert made is not None
    assert Schemas(document).violations(made, of_schema(made)) == ()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "a: 1",
        "paths: []",
        ":",
        "\x00",
        "paths: {/a: {get: {$ref: '#/nope'}}}",
        "paths: {/a: {$ref: 'other.yaml'}}",
    ],
)
def test_a_bad_document_is_told(tmp_path: Path, text: str) -> None:
    """What is no usable document is one error that names the file."""
    file = tmp_path / "bad.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(DocumentError, match=r"bad\.yaml"):
        load(file)


def test_the_mock_knows_nothing_of_the_client() -> None:
    """The mock imports neither the client nor the generated code: shared code would share mistakes."""
    for file in (ROOT / "overrides/kling_elements_mock").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [
                name
                for name in names
                if name.split(".")[0] in {"kling_elements", "kling_elements_api", "jsonschema_rs"}
            ]


UPLOAD = "/v1/ai/uploads/request-url"


def with_uploads() -> dict[str, Any]:
    """Give the shipped document with an upload operation in it, as the vendor's clients use it."""
    text = {"type": "string"}
    entry = {"type": "object", "required": ["content_type"], "properties": {"content_type": text}}
    names = ("file_id", "upload_url", "asset_url")
    file: dict[str, Any] = {
        "type": "object",
        "required": list(names),
        "properties": dict.fromkeys(names, text),
    }
    file["properties"] |= {"headers": {"type": "object"}, "expires_in": {"type": "integer"}}

    def listing(schema: dict[str, Any], **limits: int) -> dict[str, Any]:
        files = {"type": "array", "items": schema, **limits}
        whole = {"type": "object", "required": ["files"], "properties": {"files": files}}
        return {"content": {"application/json": {"schema": whole}}}

    document = copy.deepcopy(DOCUMENT)
    responses = {"200": {"description": "ok", **listing(file)}}
    document["paths"][UPLOAD] = {"post": {"requestBody": listing(entry, maxItems=14), "responses": responses}}
    return document


def test_a_file_can_be_uploaded_and_used(tmp_path: Path) -> None:
    """Address, PUT without the key, then the asset's address as an image: the video is made of that image."""
    api = served(tmp_path, with_uploads())
    answer = api.call("POST", UPLOAD, json={"files": [{"content_type": "image/png"}]})
    (file,) = answer.json()["files"]
    assert set(file) == {"file_id", "upload_url", "asset_url", "headers", "expires_in"}
    assert api.call("GET", file["asset_url"], headers={}).status_code == 404
    data = image((500, 400), (10, 200, 10))
    assert (
        api.call("PUT", file["upload_url"], content=data, headers={"content-type": "image/jpeg"}).status_code
        == 403
    )
    assert api.call("PUT", file["upload_url"], content=data, headers=file["headers"]).status_code == 200
    assert api.call("GET", file["asset_url"], headers={}).content == data
    assert api.call("PUT", file["upload_url"] + "0", content=data, headers=file["headers"]).status_code == 403
    assert api.call("POST", file["upload_url"], content=data, headers=file["headers"]).status_code == 405
    task_id = api.created(images=[file["asset_url"]])
    assert api.mock.tasks[0].pictures[0].png is not None
    assert api.status(task_id)["status"] == "COMPLETED"
    assert not [request for request in api.mock.upload_requests if "x-freepik-api-key" in request.headers]
    assert api.call("POST", UPLOAD, json={"files": [{"content_type": "image/png"}] * 15}).status_code == 400


def test_upload_addresses_expire(tmp_path: Path) -> None:
    """A file can be put for two minutes, and read for a day."""
    api = served(tmp_path, with_uploads())
    (file,) = api.call("POST", UPLOAD, json={"files": [{"content_type": "image/png"}]}).json()["files"]
    api.clock.advance(119)
    assert api.call("PUT", file["upload_url"], content=b"x", headers=file["headers"]).status_code == 200
    api.clock.advance(2)
    assert api.call("PUT", file["upload_url"], content=b"x", headers=file["headers"]).status_code == 403
    api.clock.advance(86_000)
    assert api.call("GET", file["asset_url"], headers={}).status_code == 200
    api.clock.advance(400)
    assert api.call("GET", file["asset_url"], headers={}).status_code == 403


def test_a_literal_path_comes_before_a_template(tmp_path: Path) -> None:
    """Where two paths match, the one with fewer parameters is called, whatever their order."""
    paths = {
        path: {"get": {"operationId": path, "responses": {"200": {"description": "ok"}}}}
        for path in ("/{a}/{b}", "/x/{b}", "/x/y")
    }
    api = served(tmp_path, with_paths(paths))
    for url in ("/x/y", "/x/z", "/z/z"):
        assert api.call("GET", url, headers={}).status_code == 200
    assert [request.operation for request in api.mock.requests] == ["/x/y", "/x/{b}", "/{a}/{b}"]


def test_patterns_mean_what_ecma_says() -> None:
    """A `$` is the very end: a line feed after it does not fit."""
    document = Document(with_paths({}, schemas={"it": {"type": "string", "pattern": "^a+$"}}))
    schema = Node(document.root, "/components/schemas/it", document.root["components"]["schemas"]["it"])
    fitting = [
        text for text in ("a", "aa", "a\n", "ab", "") if not Schemas(document).violations(schema, text)
    ]
    assert fitting == ["a", "aa"]
