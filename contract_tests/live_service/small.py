"""A document of one path, and a question about it: enough to judge an answer by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_elements.canary import Key, Probe
from kling_elements.document import Document
from kling_elements.types import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = {"content-type": "application/json"}
TASK = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "seconds": {"type": "integer", "minimum": 0}},
}
MESSAGE = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}


def document(*responses: tuple[str, Mapping[str, Any]]) -> Document:
    """A document of one path, with these answers to a GET and to a POST."""
    operation = {"responses": dict(responses)}
    components = {
        "schemas": {"Task": TASK, "Message": MESSAGE, "Left": {"type": "integer", "minimum": 0}},
        "responses": {"Wrong": {"content": {"application/problem+json": {"schema": MESSAGE}}}},
        "headers": {"Left": {"schema": {"$ref": "#/components/schemas/Left"}}},
    }
    return Document({"paths": {"/tasks": {"get": operation, "post": operation}}, "components": components})


def of(schema: Mapping[str, Any], media_type: str = "application/json") -> tuple[str, Mapping[str, Any]]:
    """An answer 200 with a body of that schema."""
    return "200", {"content": {media_type: {"schema": schema}}}


def asked(method: str = "GET", *expected: int) -> Probe:
    """A question that expects 200, or these statuses."""
    return Probe("it", "/tasks", Request(method, "/tasks"), Key.OWN, expected or (200,))
