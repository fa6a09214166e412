"""The document as the tests read it: from the repository's file, by no code of the client's or the mock's."""

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT = Path(__file__).resolve().parents[2]
METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def load_yaml(path: Path) -> Any:
    """Read a YAML file, with libyaml where it is there: it is ten times as fast."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_bytes(), loader)  # noqa: S506 - both loaders are safe


@cache
def document() -> dict[str, Any]:
    """The whole document: this project's, or the one that a run of the contract suite names."""
    path = Path(os.environ.get("CONTRACT_DOCUMENT") or ROOT / "spec" / "openapi.yaml")
    content: dict[str, Any] = load_yaml(path)
    return content


def operations(whole: Mapping[str, Any] | None = None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method in capitals, path, and content of each operation, in the document's order; no callbacks."""
    for path, item in (whole or document())["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield method.upper(), path, operation


def place(operation_id: str) -> tuple[str, str]:
    return {said.get("operationId"): (method, path) for method, path, said in operations()}[operation_id]


def request_schema() -> dict[str, Any]:
    method, path = place("createKlingElementsStdTask")
    content = document()["paths"][path][method.lower()]["requestBody"]["content"]
    return resolve(content["application/json"]["schema"])


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """What a local reference names."""
    while "$ref" in node:
        found: Any = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def in_json_schema(node: Any) -> Any:
    """A schema with OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(node, list):
        return [in_json_schema(element) for element in node]
    if not isinstance(node, dict):
        return node
    plain = {key: in_json_schema(value) for key, value in node.items() if key != "nullable"}
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        plain["type"] = [node["type"], "null"]
    return plain


def key_headers() -> dict[str, str]:
    """The header that carries the key, by server."""
    schemes = document()["components"]["securitySchemes"]
    return {server["url"]: schemes[server["x-api-key-scheme"]]["name"] for server in document()["servers"]}
