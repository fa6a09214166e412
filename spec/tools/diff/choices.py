"""Reads what a schema offers: the reference that it is, its alternatives, and which has become which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from spec.tools.diff.model import as_list, as_map, same, shown
from spec.tools.diff.normal import as_schema, normal
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
    A choice between a reference and null is that reference with `nullable` beside it.
    """
    node = as_schema(node)
    if node.target and "$ref" in as_map(node.value):
        return node, evolve(node, value={key: value for key, value in node.value.items() if key != "$ref"})
    for key in ("allOf", *CHOICES):
        every = node.at(key).items()
        parts = [part for part in every if key == "allOf" or not _is_null(part)]
        beside = {name: value for name, value in as_map(node.value).items() if name != key}
        if len(parts) < len(every):
            beside["nullable"] = True
        if len(parts) == 1 and parts[0].target and _only_annotations(beside):
            return parts[0], evolve(node, value=beside)
    return node, None


def _only_annotations(schema: dict[str, Any], choice: str = "") -> bool:
    apart = ANNOTATIONS | ({choice, "discriminator", "allOf"} if choice else set())
    return all(key in apart or key.startswith("x-") for key in schema)


def _is_null(node: Node) -> bool:
    return as_map(node.value).get("type") in ("null", ["null"])


@frozen
class Choice:
    """The alternatives that a schema offers: references, or schemas in normal form; how it allows null."""

    branches: list[Node]
    null: int = 0
    keyword: str = ""


def choice(node: Node) -> Choice:
    """Split a schema into its alternatives; a schema that is no choice is its only one."""
    node = normal(node)
    schema = node.value
    null = schema.get("nullable", 0)
    for keyword in CHOICES:
        branches = node.at(keyword).items()
        if not branches or schema.get("allOf") or not _only_annotations(schema, keyword):
            continue
        found = []
        for number, branch in enumerate(branches):
            here = branch
            if len(branches) > 1:
                here = node.at(keyword).at(number, f" ({keyword} {called(branch)})", "")
                here = evolve(here, name=f"{node.name}_type_{number}")
            inner = Choice([here]) if branch.target else choice(here)
            null = max(null, inner.null)
            found += [one for one in inner.branches if not _is_null(one)]
        return Choice(found, null, keyword)
    types = as_list(schema.get("type"))
    if not types:
        return Choice([_apart(node, "nullable")], null)
    single = [evolve(_apart(node, "nullable", type=one), way=(*node.way, "type", one)) for one in types]
    return Choice(single, null, "type")


def _apart(node: Node, *keys: str, **values: str) -> Node:
    """Return a normal schema without some keywords, and with other values of some."""
    parts = {key: one for key, one in node.parts.items() if key not in keys}
    parts |= {key: evolve(node.at(key), value=value) for key, value in values.items()}
    return evolve(node, value={key: one.value for key, one in parts.items()}, parts=parts)


def selections(node: Node) -> tuple[dict[str, str], set[str]]:
    """Return which value of the discriminator selects which reference, and the references to choose from.

    A branch that the mapping leaves out is selected by its component's name.
    """
    mapping = as_map(as_map(node.at("discriminator").value).get("mapping"))
    schemas = as_map(as_map(node.document.root.get("components")).get("schemas"))
    written = {
        str(value): f"#/components/schemas/{target}" if target in schemas else str(target)
        for value, target in mapping.items()
        if isinstance(target, str)
    }
    branches = {one.target for key in CHOICES for one in node.at(key).items() if one.target}
    implied = {one.rpartition("/")[2]: one for one in branches - set(written.values())}
    return implied | written, branches


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
    for kind in {kind_of(one) for one in old}:
        left = [i for i, one in enumerate(old) if i not in pairs and kind_of(one) == kind]
        others = [j for j, one in enumerate(new) if j not in pairs.values() and kind_of(one) == kind]
        if len(left) == len(others) == 1 and not old[left[0]].target and not new[others[0]].target:
            pairs[left[0]] = others[0]  # Nothing else of its kind can have become it.
    return (
        [(old[i], new[j]) for i, j in sorted(pairs.items())],
        [one for i, one in enumerate(old) if i not in pairs],
        [one for j, one in enumerate(new) if j not in pairs.values()],
    )


def _fit(old: Node, new: Node) -> float:
    """Return how alike two branches are: the same component, the same kind, or the share of equal leaves."""
    if old.target is not None and old.target == new.target:
        return 3
    one, other = normal(old), normal(new)
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
