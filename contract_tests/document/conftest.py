"""Small pages and documents for the tests of the tools under spec/tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from spec.tools.build import convert_pages
from spec.tools.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


@pytest.fixture
def layout() -> Layout:
    """The repository's own inputs and outputs."""
    return Layout(ROOT)


@pytest.fixture
def fixture_page() -> Callable[[str], bytes]:
    """Give the bytes of a page under fixtures/."""
    return lambda name: (Path(__file__).parent / "fixtures" / name).read_bytes()


@pytest.fixture
def page() -> Callable[..., bytes]:
    """Make a page of one block of any content."""

    def make(block: Any, fence: str = "post /v1/things", title: str = "Things") -> bytes:
        text = block if isinstance(block, str) else yaml.safe_dump(block, sort_keys=False)
        return f"# {title}\n\n````yaml {fence}\n{text}````\n".encode()

    return make


@pytest.fixture
def excerpt(page: Callable[..., bytes]) -> Callable[..., bytes]:
    """Make a page of the older format with what a test is about, and the rest small."""

    def make(fence: str = "post /v1/things", **changes: Any) -> bytes:
        method, path = fence.split()
        ok = {"application/json": {"schemaArray": [{"type": "object"}], "description": "OK"}}
        components = changes.pop("components", {"schemas": {}})
        paths: dict[str, Any] = {
            "path": path,
            "method": method,
            "request": {"security": [], "parameters": {}, "body": {}},
            "response": {"200": ok},
            "type": "path",
        }
        return page({"paths": {**paths, **changes}, "components": components}, fence)

    return make


@pytest.fixture
def embedded(page: Callable[..., bytes]) -> Callable[..., bytes]:
    """Make a page of the newer format with what a test is about, and the rest small."""

    def make(
        fence: str = "post /v1/things", operation: dict[str, Any] | None = None, **changes: Any
    ) -> bytes:
        method, path = fence.split()
        document: dict[str, Any] = {
            "openapi": "3.0.0",
            "info": {"title": "Things", "version": "1"},
            "paths": {path: {method: {"responses": {"200": {"description": "OK"}}, **(operation or {})}}},
        }
        return page({**document, **changes}, fence)

    return make


@pytest.fixture
def converted() -> Callable[..., dict[str, Any]]:
    """Convert pages, named in the order given, and forget what there is to report."""

    def convert(*pages: bytes) -> dict[str, Any]:
        return convert_pages({f"page-{number}.md": content for number, content in enumerate(pages)}, [])

    return convert


@pytest.fixture
def document() -> dict[str, Any]:
    """A small valid document of two linked operations."""
    ok = {
        "description": "OK",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "Things", "version": "1"},
        "servers": [{"url": "https://things.example.com"}],
        "paths": {
            "/things": {
                "post": {
                    "operationId": "make",
                    "security": [{"key": []}],
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Thing"},
                                "example": {"name": "a"},
                            }
                        }
                    },
                    "responses": {
                        "200": {
                            **ok,
                            "links": {"look": {"operationId": "look", "parameters": {"thing-id": "1"}}},
                        }
                    },
                }
            },
            "/things/{thing-id}": {
                "parameters": [
                    {"name": "thing-id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "get": {"operationId": "look", "responses": {"200": ok}},
            },
        },
        "components": {
            "schemas": {
                "Thing": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string"},
                        "secret": {"type": "string", "writeOnly": True},
                    },
                }
            },
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-key"}},
        },
    }
