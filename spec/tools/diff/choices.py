"""Reads what a schema offers: the reference that it is, its alternatives, and which has become which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from spec.tools.diff.model import MISSING, as_list, as_map, same, shown
from spec.tools.diff.walk import DOCUMENTATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.diff.document import Node

CHOICES: Final = ("oneOf", "anyOf")
ANNOTATIONS: Final = DOCUMENTATION | {"title", "nullable", "default", "readOnly", "writeOnly", "deprecated"}
"""Keys that may stand beside a reference or a choice and leave what it accepts as it is, null apart."""
_ALIKE: Final = 0.34


def referred(node: Node) -> tuple[Node, Node | None]:
    """Return the reference that a schema is, and what stands beside it; the schema and None if it is none.

    Like the generator, take an `allOf`, `oneOf` or `anyOf` of nothing but a reference for that reference.
    A missing schema, and OpenAPI 3.1's true and false, become maps.
    """
    if node.value is MISSING or isinstance(node.value, bool):
        node = evolve(node, value={"not": {}} if node.value is False else {})
    if node.target and "$ref" in as_map(node.value):
        return node, evolve(node, value={key: value for key, value in node.value.items() if key != "$ref"})
    for key in ("allOf", *CHOICES):
        parts = node.at(key).items()
        beside = {name: value for name, value in as_map(node.value).items() if name != key}
        if len(parts) == 1 and parts[0].target and _only_annotations(beside):
            return parts[0], evolve(node, value=beside)
    return node, None


def _only_annotations(schema: dict[str, Any]) -> bool:
    return all(key in ANNOTATIONS or key.startswith("x-") for key in schema)


def allows_null(node: Node) -> bool:
    """Return whether a schema accepts null."""
    schema = as_map(node.value)
    found = schema.get("type")
    in_enum = found is None and None in as_list(schema.get("enum"))
    return schema.get("nullable") is True or found == "null" or "null" in as_list(found) or in_enum


@frozen
class Choice:
    """The alternatives that a schema offers, null apart."""

    branches: list[Node]
    null: bool = False
    keyword: str = ""


def choice(node: Node) -> Choice:
    """Split a schema into its alternatives; a schema that is no choice is its only one."""
    schema = as_map(node.value)
    null = allows_null(node)
    for keyword in CHOICES:
        beside = {key: value for key, value in schema.items() if key not in {keyword, "discriminator"}}
        branches = node.at(keyword).items()
        if not branches or not _only_annotations(beside):
            continue
        found = []
        for number, branch in enumerate(branches):
            here = branch
            if len(branches) > 1:
                here = node.at(keyword).at(number, f" ({keyword} {called(branch)})", "")
                here = evolve(here, name=f"{node.name}_type_{number}")
            inner = Choice([here]) if branch.target else choice(here)
            null = null or inner.null
            found += [one for one in inner.branches if as_map(one.value).get("type") != "null"]
        return Choice(found, null, keyword)
    types = [one for one in as_list(schema.get("type")) if one != "null"]
    single = [
        evolve(
            node,
            value={**schema, "type": one},
            way=(*node.way, "type", str(one)) if len(types) > 1 else node.way,
        )
        for one in types
    ]
    return Choice(single or [node], null, "type" if len(types) > 1 else "")


def called(node: Node) -> str:
    """Return what people call a schema."""
    schema = as_map(node.value)
    reference = node.target if "$ref" in schema else None
    found = reference.rpartition("/")[2] if reference else schema.get("title") or schema.get("type")
    return str(found or shown(node.value))


def matched(old: list[Node], new: list[Node]) -> tuple[list[tuple[Node, Node]], list[Node], list[Node]]:
    """Find which branch has become which: the best fits first."""
    scores = sorted((-_fit(one, other), i, j) for i, one in enumerate(old) for j, other in enumerate(new))
    pairs: dict[int, int] = {}
    for score, i, j in scores:
        if -score >= _ALIKE and i not in pairs and j not in pairs.values():
            pairs[i] = j
    return (
        [(old[i], new[j]) for i, j in sorted(pairs.items())],
        [one for i, one in enumerate(old) if i not in pairs],
        [one for j, one in enumerate(new) if j not in pairs.values()],
    )


def _fit(old: Node, new: Node) -> float:
    """Return how alike two branches are: the same component, the same kind, or the share of equal leaves."""
    if old.target is not None and old.target == new.target:
        return 3
    one, other = old.resolved(), new.resolved()
    if same(one.value, other.value):
        return 2
    if kind_of(one) != kind_of(other):
        return 0
    mine, theirs = set(_leaves(one.value)), set(_leaves(other.value))
    return 1 if kind_of(one) != "object" else len(mine & theirs) / max(len(mine | theirs), 1)


def _leaves(value: Any, way: str = "") -> Iterator[str]:
    items = value.items() if isinstance(value, dict) else [("[]", item) for item in as_list(value)]
    if not items:
        yield f"{way}={shown(value)}"
    for key, item in items:
        yield from _leaves(item, f"{way}/{key}")


def kind_of(node: Node) -> str | None:
    """Return the type of a schema's values; None where it names none."""
    found = node.map.get("type")
    types = [str(one) for one in (found if isinstance(found, list) else [found]) if one not in (None, "null")]
    if not types and {"properties", "allOf"} & set(node.map):
        return "object"
    return " or ".join(types) or (None if found is None else "null")


def covers(wide: str | None, narrow: str | None) -> bool:
    """Return whether one type holds another; None is any."""
    return wide is None or wide == narrow or (wide == "number" and narrow == "integer")
