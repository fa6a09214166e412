"""Writes a schema in one form, whatever words say it; the comparison reads no other.

In the normal form
- the parts of an `allOf` and what stands beside them are one schema: of limits of one kind the tightest
  counts, and a property that several parts describe is an `allOf` of what they say;
- `allOf` holds only what one schema can't say twice, such as a second pattern (none: there were parts);
- `type` is without null. `nullable` is 1 if either the type or the enum allows null, and 2 if both do;
- an exclusive limit is a flag on an inclusive one.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from spec.tools.diff.model import MISSING, as_list, as_map, canonical, same
from spec.tools.diff.walk import DOCUMENTATION, is_in, is_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.diff.document import Node

COUNTS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
BOUNDS: Final = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))
_FLAGS: Final = ("uniqueItems", "readOnly", "writeOnly")
_SUMMED: Final = frozenset(
    ["allOf", "type", "nullable", "enum", "const", "required", "properties", "items", "additionalProperties",
     "deprecated", "default", "discriminator", "x-enum-varnames"]
).union(_FLAGS, COUNTS, *BOUNDS)  # fmt: skip
"""Keywords of which one schema says all that several say."""
KEYWORDS: Final = (_SUMMED - {"deprecated"}).union(
    ["$ref", "format", "pattern", "multipleOf", "title", "not", "oneOf", "anyOf"]
)
"""Keywords that the comparison of schemas knows."""


def with_references_alone(value: Any) -> Any:
    """Copy a document with an `allOf` in place of each reference that has keywords beside it.

    By OpenAPI 3.1 both count, and documents of 3.0 mean it so.
    """
    if isinstance(value, list):
        return [with_references_alone(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: with_references_alone(item) for key, item in value.items()}
    if not isinstance(made.get("$ref"), str) or not any(_limits(key, item) for key, item in made.items()):
        return made
    reference = {"$ref": made.pop("$ref")}
    return {**made, "allOf": [reference, *as_list(made.get("allOf"))]}


def _limits(key: str, value: Any) -> bool:
    """Return whether a key beside a reference is a schema's; a parameter's `required` is a flag."""
    return key in KEYWORDS - {"$ref"} and not isinstance(value if key == "required" else "", bool)


def as_schema(node: Node) -> Node:
    """Return a schema that is a map; a missing one, and OpenAPI 3.1's true and false, become one."""
    if node.value is MISSING or isinstance(node.value, bool):
        return evolve(node, value={"not": {}} if node.value is False else {})
    return node


def step(node: Node, key: str, words: str) -> Node:
    """Go down inside a schema: steps inside it are joined by dots."""
    joint = "" if words.startswith("[") else "."
    found = node.at(key, words, joint if node.place.in_schema else ", ")
    return evolve(found, place=evolve(found.place, in_schema=True), name=words)


def normal(node: Node) -> Node:
    """Return a schema, or what a reference leads to, in the normal form."""
    if node.is_normal:
        return node
    pieces = list(_pieces(node))
    parts: dict[Any, Node] = {}
    again: list[Node] = []
    for key in dict.fromkeys(key for piece in pieces for key in piece.value):
        found = _distinct([piece.at(key) for piece in pieces if key in piece.value])
        if key in _SUMMED:
            parts[key] = found[0] if len(found) == 1 and key != "properties" else _sum(key, found)
        elif key not in DOCUMENTATION | {"title"}:
            parts[key], *others = sorted(found, key=lambda one: canonical(one.value))
            again += [evolve(one, value={key: one.value}, parts={key: one}) for one in others]
        elif key in pieces[0].value:
            parts[key] = found[0]
    for key, exclusive in BOUNDS:
        parts |= _bound(pieces, key, exclusive)
    own = node.resolved()
    parts |= _type(pieces) | _enum(pieces)
    parts["nullable"] = evolve(own.at("nullable"), value=null_allowed([piece.value for piece in pieces]))
    if "allOf" in as_map(own.value):
        values = [one.value for one in again]
        parts["allOf"] = evolve(own.at("allOf"), value=values, parts=dict(enumerate(again)))
        if "properties" in parts and "type" not in parts:
            parts["type"] = evolve(own.at("type"), value="object")
    return evolve(own, value={key: one.value for key, one in parts.items()}, parts=parts, is_normal=True)


def _pieces(node: Node, inside: tuple[object, ...] = ()) -> Iterator[Node]:
    """Give a schema without its `allOf`, then the parts of that, theirs, and so on."""
    found = as_schema(node.resolved())
    if found.way not in inside:
        yield evolve(found, value={key: one for key, one in as_map(found.value).items() if key != "allOf"})
        for part in found.at("allOf").items():
            yield from _pieces(part, (*inside, found.way))


def _distinct(nodes: list[Node]) -> list[Node]:
    return [
        one
        for number, one in enumerate(nodes)
        if not any(same(one.value, other.value) for other in nodes[:number])
    ]


def _sum(key: str, found: list[Node]) -> Node:
    """Say at once what several parts say with one keyword; where that makes no sense the first counts."""
    if key in _FLAGS or key == "deprecated":
        return next((one for one in found if one.value is True), found[0])
    if key in COUNTS:
        numbers = [one for one in found if is_number(one.value)]
        tightest = max if key.startswith("min") else min
        return tightest(numbers, key=lambda one: one.value, default=found[0])
    if key == "required":
        names = dict.fromkeys(str(name) for one in found for name in as_list(one.value))
        return evolve(found[0], value=list(names))
    if key == "properties":
        by_name: dict[str, list[Node]] = {}
        for one in found:
            for name in as_map(one.value):
                by_name.setdefault(name, []).append(one.at(name))
        parts = {name: _together(nodes) for name, nodes in by_name.items()}
        return evolve(found[0], value={name: one.value for name, one in parts.items()}, parts=parts)
    if key in {"items", "additionalProperties"}:
        refusing = [one for one in found if one.value is False]
        telling = [one for one in found if one.value not in (True, {})]
        return _together(refusing[:1] or telling or found[:1])
    return found[0]


def _together(nodes: list[Node]) -> Node:
    """Return the schema of what several schemas demand, which stand at places of their own."""
    first, *others = _distinct(nodes)
    if not others:
        return first
    values = [first.value, *(one.value for one in others)]
    every = evolve(first, value=values, parts=dict(enumerate([first, *others])))
    return evolve(first, value={"allOf": values}, parts={"allOf": every}, way=(*first.way, "allOf"))


def _bound(pieces: list[Node], key: str, exclusive: str) -> dict[str, Node]:
    """Return the tightest bound of one side, whether written as 3.0 (a flag) or 3.1 (a number) does."""
    found = []
    for piece in pieces:
        for name, excluded in ((key, piece.value.get(exclusive) is True), (exclusive, True)):
            limit = piece.at(name)
            if limit.value is not MISSING and is_number(limit.value):
                found.append((limit.value, excluded, limit))
    if not found:
        return {}
    lower = key == "minimum"
    value, excluded, node = (max if lower else min)(found, key=lambda one: (one[0], one[1] == lower))
    return {key: evolve(node, value=value), exclusive: evolve(node, value=excluded)}


def _names(value: Any) -> list[str]:
    """Return the types that a schema names."""
    return [str(one) for one in (value if isinstance(value, list) else [value])]


def _type(pieces: list[Node]) -> dict[str, Node]:
    """Return the types that all allow, null apart: the name of one, or a list."""
    found = [piece.at("type") for piece in pieces if "type" in piece.value]
    if not found:
        return {}
    every = [[name for name in _names(one.value) if name != "null"] for one in found]
    common = reduce(_both, every) or every[0]
    return {"type": evolve(found[0], value=common[0] if len(common) == 1 else common or "null")}


def _both(types: list[str], others: list[str]) -> list[str]:
    """Return the types that two lists have in common; an integer is a number."""
    wide = {"integer", "number"}
    return list(dict.fromkeys("integer" if one != other else one for one in types for other in others
                              if one == other or {one, other} == wide))  # fmt: skip


def enum_of(schema: dict[str, Any]) -> list[Any] | None:
    """Return the values that a schema lists; None for any."""
    found = [schema["const"]] if "const" in schema else schema.get("enum")
    return found if isinstance(found, list) else None


def _enum(pieces: list[Node]) -> dict[str, Node]:
    """Return the values that all enums list, if there are several."""
    found = [(piece, enum) for piece in pieces if (enum := enum_of(piece.value)) is not None]
    if len(found) <= 1:
        return {}
    values = [value for value in found[0][1] if all(is_in(value, others) for _, others in found[1:])]
    return {"enum": evolve(found[0][0].at("enum"), value=values)}


def null_allowed(schemas: list[dict[str, Any]]) -> int:
    """Return whether schemas allow null together: 1 if the type or the enum does, 2 if both.

    Documents say `nullable` beside what they mean to loosen, so one is enough.
    """
    types = [_names(schema["type"]) for schema in schemas if "type" in schema]
    enums = [enum for schema in schemas if (enum := enum_of(schema)) is not None]
    by_enum = bool(enums) and all(None in enum for enum in enums)
    by_type = bool(types) and all("null" in one for one in types)
    said = any(schema.get("nullable") in (True, 1, 2) for schema in schemas)
    by_type = by_type or said or (by_enum and not types)
    return by_type + (by_enum if enums else by_type)
