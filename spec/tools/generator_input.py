"""The document as the generator can read it: the same on the wire, in the words that it knows.

The committed document keeps the words of the pages. What the generator would drop without a word, or refuse
though it is valid, is said in another way in the copy that it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spec.tools.errors import describe_keys
from spec.tools.structure import resolve, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.structure import Node

_SCHEMAS: Final = "#/components/schemas/"


def for_generator(document: dict[str, Any], reports: list[str]) -> dict[str, Any]:
    """Make the copy for the generator.

    Args:
        document: A checked document. It is not changed.
        reports: Gets a line for each place where the generated client says less than the document.

    Returns:
        A new document; equal to the given one where nothing had to be said in another way.
    """
    made: dict[str, Any] = _copied(document)
    for node in list(walk(made)):
        if node.kind in {"parameter", "header"}:
            _say_content_as_text(node, reports)
            _tell_style(made, node, reports)
        elif node.kind == "schema":
            _open_mixed_enum(node, reports)
    _move_nullable_to_uses(made)
    return made


def _copied(value: Any) -> Any:
    """Copy a value so that no map in it stands in two places: changing one would change the other."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _say_content_as_text(node: Node, reports: list[str]) -> None:
    """Say a parameter that is text of a media type as a string: the generator drops it without a word."""
    content = node.value.pop("content", None)
    if content is None:
        return
    media_type = next(iter(content), "any media type")
    node.value["schema"] = {"type": "string"}
    said = node.value.get("description", "")
    node.value["description"] = f"{said} As text of {media_type}.".strip()
    for key in ("example", "examples"):
        node.value.pop(key, None)
    if node.kind == "parameter":
        reports.append(f"{describe_keys(node.keys)}: the generated client takes it as text of {media_type}")


def _tell_style(document: dict[str, Any], node: Node, reports: list[str]) -> None:
    """Report a list or map in the query that is not written as the generator writes it: one pair an entry."""
    if node.value.get("in") != "query":
        return
    schema = node.value.get("schema", {})
    while "$ref" in schema:
        schema = resolve(document, schema["$ref"])
    style = node.value.get("style", "form")
    if schema.get("type") in {"array", "object"} and (style, node.value.get("explode", style == "form")) != (
        "form",
        True,
    ):
        reports.append(
            f"{describe_keys(node.keys)}: the generated client writes one name=value pair an entry, and not"
            f" {style}{'' if node.value.get('explode') else ' in one pair'}: pass the text yourself"
        )


def _open_mixed_enum(node: Node, reports: list[str]) -> None:
    """Take an enum of several types out: the generator makes none. The document keeps it for validation."""
    enum = node.value.get("enum")
    if not isinstance(enum, list):
        return
    kinds = {type(value) for value in enum if value is not None}
    if len(kinds) > 1 or not kinds <= {str, int}:
        for key in ("enum", "x-enum-varnames", "default"):
            node.value.pop(key, None)
        reports.append(
            f"{describe_keys(node.keys)}: the generated client takes any value, not only the enum's"
        )


def _move_nullable_to_uses(made: dict[str, Any]) -> None:
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


def _reachable(made: dict[str, Any], start: str) -> set[str]:
    """Give the components that one refers to, by any number of steps."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for reference in _references(resolve(made, waiting.pop())):
            if reference not in found:
                found.add(reference)
                waiting.append(reference)
    return found


def _references(schema: dict[str, Any]) -> Iterator[str]:
    for node in walk(schema, "schema"):
        reference = node.value.get("$ref")
        if isinstance(reference, str) and reference.startswith(_SCHEMAS):
            yield reference
