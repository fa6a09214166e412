"""Make a value for a schema: the documented example, or the simplest value that is valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kling_elements_mock.document.node import Node

_DEEPEST = 12
_FORMATS = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/mock",
    "url": "https://example.com/mock",
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "email": "mock@example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "hostname": "example.com",
    "byte": "bW9jaw==",
}


def named(media_type: Node) -> dict[str, Any]:
    """Return a media type's examples by name; a single `example` is named `example`."""
    found = {
        name: node.value["value"]
        for name, node in media_type.children("examples").items()
        if isinstance(node.value, dict) and "value" in node.value
    }
    if isinstance(media_type.value, dict) and "example" in media_type.value:
        found.setdefault("example", media_type.value["example"])
    return found


def of_media_type(media_type: Node) -> Any:
    """Return a value of a media type: its first example, else one made from its schema."""
    examples = named(media_type)
    if examples:
        return next(iter(examples.values()))
    schema = media_type.get("schema")
    try:
        return None if schema is None else of_schema(schema)
    except (RecursionError, ArithmeticError):  # It requires itself, or more than a machine has.
        return None


def of_schema(schema: Node, depth: int = 0) -> Any:
    """Make a valid value, always the same one; deep optional properties are left out."""
    given = schema.value if isinstance(schema.value, dict) else {}
    for key in ("example", "default"):
        if key in given:
            return given[key]
    if given.get("enum"):
        return given["enum"][0]
    if given.get("allOf"):
        return _all_of(schema, depth)
    for key in ("oneOf", "anyOf"):
        for branch in schema.children(key).values():
            return of_schema(branch, depth + 1)
    return _of_type(schema, given, depth)


def _all_of(schema: Node, depth: int) -> Any:
    merged: dict[str, Any] = {}
    value: Any = None
    for branch in schema.children("allOf").values():
        value = of_schema(branch, depth + 1)
        if isinstance(value, dict):
            merged.update(value)
    if schema.get("properties") is not None:
        merged.update(_object(schema, schema.value, depth))
    return merged or value


def _of_type(schema: Node, given: dict[str, Any], depth: int) -> Any:
    kind = given.get("type") or ("object" if "properties" in given else "array" if "items" in given else None)
    if kind == "object":
        return _object(schema, given, depth)
    if kind == "array":
        items = schema.get("items")
        count = max(int(given.get("minItems", 0)), 0 if depth > _DEEPEST else 1)
        return [] if items is None else [of_schema(items, depth + 1)] * min(count, 1000)
    if kind in {"integer", "number"}:
        return _number(given, whole=kind == "integer")
    if kind == "boolean":
        return False
    if kind == "string":
        return _string(given)
    return None if given.get("nullable") else {}


def _object(schema: Node, given: dict[str, Any], depth: int) -> dict[str, Any]:
    required = given.get("required", [])
    return {
        name: of_schema(node, depth + 1)
        for name, node in schema.children("properties").items()
        if name in required or depth < _DEEPEST // 2
    }


def _number(given: dict[str, Any], *, whole: bool) -> float:
    step = given.get("multipleOf", 1 if whole else 0)
    low, high = given.get("minimum"), given.get("maximum")
    if low is None:
        value = 0 if high is None or high > 0 else high - (1 if given.get("exclusiveMaximum") else 0)
    elif given.get("exclusiveMinimum"):
        value = low + (step or ((high - low) / 2 if high is not None else 1))
    else:
        value = low
    if step and value % step:
        value += step - value % step
    return int(value) if whole else value


def _string(given: dict[str, Any]) -> str:
    text = _FORMATS.get(given.get("format", ""), "string")
    shortest, longest = int(given.get("minLength", 0)), given.get("maxLength")
    text = text.ljust(shortest, "x")
    return text if longest is None else text[:longest]
