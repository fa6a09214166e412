"""The document as the tests read it: from the repository's file, by no code of the client's or the mock's."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "spec" / "openapi.yaml").read_text(encoding="utf-8"))
    return content


def place(operation_id: str) -> tuple[str, str]:
    """The method and the path of an operation."""
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and operation.get("operationId") == operation_id:
                return method.upper(), path
    raise LookupError(operation_id)


def request_schema() -> dict[str, Any]:
    """The schema of create's body."""
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


def key_headers() -> dict[str, str]:
    """The header that carries the key, by server."""
    schemes = document()["components"]["securitySchemes"]
    return {server["url"]: schemes[server["x-api-key-scheme"]]["name"] for server in document()["servers"]}
