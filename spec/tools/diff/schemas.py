"""Compares two schemas: what they accept, and what the generator makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from spec.tools.diff.choices import (
    ANNOTATIONS,
    CHOICES,
    Choice,
    allows_null,
    called,
    choice,
    covers,
    kind_of,
    matched,
    referred,
)
from spec.tools.diff.model import MISSING, Direction, as_list, as_map, same
from spec.tools.diff.values import (
    BOUNDS,
    COUNTS,
    change_of,
    compare_enum,
    compare_format,
    compare_limits,
    compare_type,
)
from spec.tools.diff.walk import DOCUMENTATION

if TYPE_CHECKING:
    from spec.tools.diff.document import Node, Pair
    from spec.tools.diff.walk import Walk

_COVERED: Final = frozenset(
    ["$ref", "type", "nullable", "enum", "const", "x-enum-varnames", "format", "pattern", "multipleOf",
     "uniqueItems", "required", "properties", "items", "additionalProperties", "readOnly", "writeOnly",
     "default", "discriminator", "title", "not", "allOf"]
).union(CHOICES, COUNTS, *BOUNDS)  # fmt: skip


def compare_schema(walk: Walk, pair: Pair) -> None:
    """Compare two schemas, either of which may be a reference, a boolean, or missing."""
    (old, beside), (new, beside_now) = referred(pair.old), referred(pair.new)
    if beside and beside_now:
        annotations = pair.of(beside, beside_now)
        _compare_annotations(walk, annotations)
        walk.documentation(annotations.at("title"), "title")
        null, nullable = (
            allows_null(beside) or allows_null(old.resolved()),
            allows_null(beside_now) or allows_null(new.resolved()),
        )
        if allows_null(beside) != allows_null(beside_now) and null != nullable:
            walk.note("null-allowed" if nullable else "null-refused", pair.of(beside, beside_now))
    walk.follow(pair.of(old, new), _compare_contents)


def _compare_contents(walk: Walk, pair: Pair) -> None:
    """Compare two schemas without references at their top."""
    if not all(isinstance(value, dict) for value in pair.values):
        if pair.differs:
            walk.note("unknown-changed", pair, "schema")
        return
    says = [bool(set(value) - DOCUMENTATION - {"title"}) for value in pair.values]
    if says[0] != says[1]:
        names = (called(pair.old) if says[0] else MISSING, called(pair.new) if says[1] else MISSING)
        walk.note("schema-lost" if says[0] else "schema-described", pair, "", *names)
        return
    old, new = choice(pair.old), choice(pair.new)
    if old.null != new.null:
        walk.note("null-allowed" if new.null else "null-refused", pair.at("nullable"))
    if len(old.branches) == len(new.branches) == 1:
        one = pair.of(old.branches[0], new.branches[0])
        if "$ref" in {**as_map(one.old.value), **as_map(one.new.value)}:
            walk.follow(one, _compare_contents)
        else:
            _compare_plain(walk, one)
        return
    if old.keyword and new.keyword:
        _compare_annotations(walk, pair)
        walk.documentation(pair.at("title"), "title")
    _compare_branches(walk, pair, old, new)


def _compare_branches(walk: Walk, pair: Pair, old: Choice, new: Choice) -> None:
    pairs, removed, added = matched(old.branches, new.branches)
    for one, other in pairs:
        walk.follow(pair.of(one, other), _compare_contents)
    what = pair.place.steps.rpartition(", ")[2].rpartition(".")[2] or "it"
    for one in removed:
        walk.note("branch-removed", pair, what, called(one), MISSING)
    known = {kind_of(one) for one in old.branches}
    for one in added:
        covered = len(old.branches) > 1 and any(covers(kind, kind_of(one)) for kind in known)
        walk.note("branch-added" if covered else "kind-added", pair, what, MISSING, called(one))
    if {old.keyword, new.keyword} == set(CHOICES):
        walk.note("choice-changed", pair, "", old.keyword, new.keyword)
    order = [new.branches.index(other) for _, other in pairs]
    if order != sorted(order) and "type" not in (old.keyword, new.keyword):
        walk.note(
            "branches-reordered", pair, "", *(", ".join(map(called, one.branches)) for one in (old, new))
        )


@frozen
class _Facts:
    """What a schema says together with the parts of its allOf."""

    keywords: dict[str, Node]
    properties: dict[str, Node]
    required: dict[str, None]


def _facts(node: Node, inside: tuple[object, ...] = ()) -> _Facts:
    schema = as_map(node.value)
    keywords = {key: node.at(key) for key in schema if key not in {"allOf", "properties", "required"}}
    properties = {
        name: _step(node.at("properties"), name, str(name)) for name in as_map(schema.get("properties"))
    }
    required = dict.fromkeys(map(str, as_list(schema.get("required"))))
    for number, part in enumerate(node.at("allOf").items()):
        part = part.resolved()  # noqa: PLW2901 - what the part stands for
        if part.way in inside:
            continue
        facts = _facts(part, (*inside, part.way))
        for key, value in facts.keywords.items():
            if key in keywords and not same(value.value, keywords[key].value):
                key = f"{key} (allOf {number})"  # noqa: PLW2901 - a second demand of one kind
            if key not in ANNOTATIONS:
                keywords.setdefault(key, value)
        properties = {**facts.properties, **properties}
        required |= facts.required
    if properties and "allOf" in schema:
        keywords.setdefault("type", evolve(node.at("type"), value="object"))
    return _Facts(keywords, properties, required)


def _step(node: Node, key: str, words: str) -> Node:
    """Go down inside a schema: steps inside it are joined by dots."""
    joint = "" if words.startswith("[") else "."
    found = node.at(key, words, joint if node.place.in_schema else ", ")
    return evolve(found, place=evolve(found.place, in_schema=True), name=words)


def makes_class(schema: Any) -> bool:
    """Return whether the generator makes a class of a schema: an object, an enum, or parts of an allOf."""
    return (
        bool({"properties", "allOf", "enum"} & set(as_map(schema))) or as_map(schema).get("type") == "object"
    )


def class_name(node: Node) -> str:
    """Return what the generator calls the class of a schema, apart from its owner's name."""
    return str(as_map(node.value).get("title") or node.name)


def _compare_plain(walk: Walk, pair: Pair) -> None:
    """Compare two schemas of one type each, with the parts of their allOf."""
    _compare_names(walk, pair)
    old, new = _facts(pair.old), _facts(pair.new)
    nodes = [
        evolve(node, value={key: one.value for key, one in facts.keywords.items()})
        for node, facts in ((pair.old, old), (pair.new, new))
    ]
    whole = pair.of(*nodes)
    _compare_annotations(walk, whole)
    if not compare_type(walk, whole.at("type"), kind_of(whole.old), kind_of(whole.new)):
        return  # Values of another kind: their details have nothing in common.
    compare_enum(walk, whole)
    compare_format(walk, whole)
    compare_limits(walk, whole)
    owner = pair.new.owner + class_name(pair.new) if makes_class(pair.new.value) else None
    _compare_properties(walk, pair, old, new, owner or "")
    _compare_others(walk, whole, owner or "")
    if "items" in whole.keys:
        items = [old.keywords.get("items"), new.keywords.get("items")]
        named = [node and evolve(_step(node, "", "[]"), value=node.value, way=node.way, owner=side.owner,
                                 name=f"{side.name}_item")
                 for node, side in zip(items, (pair.old, pair.new), strict=True)]  # fmt: skip
        compare_schema(walk, pair.of(*named))
    for key in ("not", *CHOICES):
        here = whole.at(key)
        if key in CHOICES and all(isinstance(value, list) for value in here.values):
            _compare_branches(
                walk, here, Choice(here.old.items(), False, key), Choice(here.new.items(), False, key)
            )
        elif here.differs:
            walk.note(f"limit-{change_of(*here.values)}", here, key)


def _compare_names(walk: Walk, pair: Pair) -> None:
    """Compare the names of the classes that the generator makes."""
    old, new = pair.old, pair.new
    if makes_class(old.value) and makes_class(new.value):
        if old.owner != new.owner:
            names = [".".join(filter(None, (node.owner, class_name(node)))) for node in (old, new)]
            walk.note("class-moved", pair, "", *names)
            return
        if class_name(old) != class_name(new):
            walk.note("class-renamed", pair.at("title"), "", class_name(old), class_name(new))
            return
    walk.documentation(pair.at("title"), "title")


def _compare_annotations(walk: Walk, pair: Pair) -> None:
    """Compare what says something about values without limiting them, and what these tools don't know."""
    walk.rest(pair, _COVERED)
    for key, rule in (("readOnly", "read-only"), ("writeOnly", "write-only")):
        walk.flag(pair.at(key), rule, f"not-{rule}")
    for key in ("default", "discriminator"):
        if pair.at(key).differs:
            walk.note(f"{key}-changed", pair.at(key))


def _compare_properties(walk: Walk, pair: Pair, old: _Facts, new: _Facts, owner: str) -> None:
    for name in {**old.properties, **new.properties, **old.required, **new.required}:
        both = [facts.properties.get(name) for facts in (old, new)]
        here = pair.of(*(node and evolve(node, owner=owner) for node in both))
        here = evolve(here, direction=_one_way(here))
        was, now = name in old.required, name in new.required
        if both[0] and not both[1]:
            walk.note("property-removed", here, name)
        elif both[1] and not both[0]:
            walk.note("required-property-added" if now else "optional-property-added", here, name)
        else:
            if was != now:
                whole = pair.of(*(_step(node.at("properties"), name, name) for node in (pair.old, pair.new)))
                whole = evolve(whole, direction=here.direction)
                walk.note(
                    "became-required" if now else "became-optional", whole, f"property {name}", was, now
                )
            if both[0]:
                compare_schema(walk, here)
    if list(old.required) != list(new.required) and set(old.required) == set(new.required):
        walk.note("rewritten", pair.at("required"), "required", list(old.required), list(new.required))


def _one_way(pair: Pair) -> Direction:
    """Return the direction of a property; a read-only one is not sent, a write-only one not received."""
    found = [node.map for node in (pair.old, pair.new) if node.value is not MISSING]
    for key, other_way in (("readOnly", Direction.SENT), ("writeOnly", Direction.RECEIVED)):
        if pair.direction is other_way and found and all(schema.get(key) is True for schema in found):
            return Direction.NEITHER
    return pair.direction


def _compare_others(walk: Walk, schema: Pair, owner: str) -> None:
    """Compare what is said of the properties that are not named."""
    pair = schema.at("additionalProperties")
    one, other = (True if value in (MISSING, {}) else value for value in pair.values)
    if (one is False) != (other is False):
        walk.note("others-refused" if other is False else "others-allowed", pair)
    elif same(one, other):
        walk.written(pair)
    else:
        steps = [_step(node, "additionalProperties", "{any other}") for node in (schema.old, schema.new)]
        values = zip(steps, (one, other), strict=True)
        compare_schema(walk, pair.of(*(evolve(step, value=value, owner=owner) for step, value in values)))
