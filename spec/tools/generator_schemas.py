"""Schemas in words that the generator knows: each rule changes its copy of the document in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spec.tools.structure import followed, resolve, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spec.tools.errors import Notes
    from spec.tools.structure import Node

_SCHEMAS: Final = "#/components/schemas/"
_KINDS: Final[dict[str, set[type]]] = {
    "string": {str},
    "integer": {int},
    "number": {int, float},
    "boolean": {bool},
}


def drop_unsafe_default(node: Node) -> None:
    """Leave out a default that the generator would write in another way: the service has the same one.

    It escapes quotes in a text twice, writes the number 0 as 0.0, which is another text in a query, and takes
    the default of a choice for its first alternative's.
    """
    default = node.value.get("default")
    is_text = isinstance(default, str) and not (default.isprintable() and not set(default) & {'"', "\\", "'"})
    is_choice = "default" in node.value and bool({"anyOf", "oneOf"} & set(node.value))
    if is_text or is_choice or (node.value.get("type") == "number" and type(default) is int):
        del node.value["default"]


def unwrap_all_of(node: Node) -> None:
    """Take off an `allOf` of one schema in place, of which the generator would make a class."""
    parts = node.value.get("allOf") or []
    if len(parts) == 1 and "$ref" not in parts[0] and not set(parts[0]) & set(node.value):
        del node.value["allOf"]
        own = dict(node.value)
        node.value.clear()
        node.value.update({**parts[0], **own})


def require_both_ways(made: dict[str, Any], node: Node) -> None:
    """Require of the one class for both directions only what stands in both."""
    properties = node.value.get("properties", {})

    def is_one_way(name: str) -> bool:
        inner = followed(made, properties.get(name, {}))
        return bool(inner.get("readOnly") or inner.get("writeOnly"))

    required = node.value.get("required")
    if isinstance(required, list) and any(map(is_one_way, required)):
        node.value["required"] = [name for name in required if not is_one_way(name)]


def open_choices(made: dict[str, Any], node: Node) -> None:
    """Let each object of a choice keep unknown properties: a value of another one would lose some."""
    for part in [*(node.value.get("anyOf") or ()), *(node.value.get("oneOf") or ())]:
        schema = followed(made, part)
        if schema.get("additionalProperties") is False:
            del schema["additionalProperties"]


def open_circles(made: dict[str, Any], reports: Notes) -> None:
    """Let a choice or list that holds itself hold any value: the generator makes classes of objects alone."""
    schemas = made.get("components", {}).get("schemas", {})

    def is_open(reference: str) -> bool:
        schema = resolve(made, reference)
        return schema.get("type") != "object" and "properties" not in schema and "allOf" not in schema

    for name, schema in schemas.items():
        start = _SCHEMAS + name
        if not is_open(start) or start not in _reachable(made, start, is_open):
            continue
        for node in list(walk(schema, "schema")):
            reference = node.value.get("$ref")
            if reference == start or (
                reference and is_open(reference) and start in _reachable(made, reference, is_open)
            ):
                node.value.clear()
        text = "it holds itself: the generated client takes any value inside it"
        reports.append((("components", "schemas", name), text))


def name_alternatives(made: dict[str, Any]) -> None:
    """Make components of the objects in a component's choice or list that hold objects themselves.

    The generator does not look into them where they stand.
    """
    schemas = made.get("components", {}).get("schemas", {})
    for name, schema in list(schemas.items()):
        places: list[tuple[Any, Any, str]] = []
        for key, start in (("anyOf", 0), ("oneOf", len(schema.get("anyOf") or ()))):
            numbers = range(len(schema.get(key) or ()))
            places += [(schema[key], number, f"{name}_type_{start + number}") for number in numbers]
        if not places and schema.get("type") == "array" and isinstance(schema.get("items"), dict):
            places.append((schema, "items", f"{name}_item"))
        for holder, key, wanted in places:
            part = holder[key]
            if "$ref" in part or part.get("type") != "object" or not _holds_classes(part):
                continue
            new = wanted
            while new in schemas:
                new += "_"
            schemas[new] = part
            holder[key] = {"$ref": _SCHEMAS + new}


def _holds_classes(schema: dict[str, Any]) -> bool:
    return any(
        node.value.get("enum") or node.value.get("type") == "object" or "properties" in node.value
        for node in list(walk(schema, "schema"))[1:]
    )


def open_mixed_enum(node: Node, reports: Notes) -> None:
    """Take an enum of several types out: the generator makes none. The document keeps it for validation."""
    enum = node.value.get("enum")
    if not isinstance(enum, list):
        return
    if set(map(type, enum)) == {type(None)}:  # It would make a union of nothing but None.
        for key in ("enum", "type", "nullable"):
            node.value.pop(key, None)
        return
    kinds = {type(value) for value in enum if value is not None}
    if kinds and node.value.get("type") in _KINDS and not kinds <= _KINDS[node.value["type"]]:
        text = f"no value fits both its type {node.value['type']} and its enum: correct one by an action in"
        reports.append((node.keys, f"{text} spec/overlay.yaml"))
    if len(kinds) > 1 or not kinds <= {str, int} or not all(str(value).isprintable() for value in enum):
        for key in ("enum", "x-enum-varnames", "default"):
            node.value.pop(key, None)
        reports.append((node.keys, "the generated client takes any value, not only the enum's"))


def move_nullable_to_uses(made: dict[str, Any]) -> None:
    """Say of the uses of a recursive component that they may be null, and no longer of the component.

    The generator makes a union of what may be null, and can't make one that holds itself.
    """
    schemas = made.get("components", {}).get("schemas", {})
    moved = {
        _SCHEMAS + name
        for name, schema in schemas.items()
        if schema.get("nullable") is True
        and (schema.get("type") == "object" or "properties" in schema)
        and _SCHEMAS + name in _reachable(made, _SCHEMAS + name)
    }
    for reference in moved:
        del resolve(made, reference)["nullable"]
    for node in list(walk(made)):
        # In an `allOf` the reference is a part of another schema, which says itself whether it may be null.
        in_all_of = len(node.keys) > 1 and node.keys[-2] == "allOf"
        if node.kind == "schema" and node.value.get("$ref") in moved and not in_all_of:
            node.value.update({"nullable": True, "allOf": [{"$ref": node.value.pop("$ref")}]})


def _reachable(made: dict[str, Any], start: str, through: Callable[[str], bool] = lambda _: True) -> set[str]:
    """Give the components that one refers to, by any number of steps through some of them."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for reference in _references(resolve(made, waiting.pop())):
            if reference not in found:
                found.add(reference)
                if through(reference):
                    waiting.append(reference)
    return found


def _references(schema: dict[str, Any]) -> Iterator[str]:
    for node in walk(schema, "schema"):
        reference = node.value.get("$ref")
        if isinstance(reference, str) and reference.startswith(_SCHEMAS):
            yield reference
