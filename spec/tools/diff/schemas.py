"""Compares two schemas: what they accept, and what the generator makes of them."""

from __future__ import annotations

from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from attrs import evolve

from spec.tools.diff.choices import (
    CHOICES,
    Choice,
    called,
    choice,
    covers,
    kind_of,
    matched,
    referred,
    selections,
)
from spec.tools.diff.document import reference_of
from spec.tools.diff.model import MISSING, Direction, as_list, as_map, same
from spec.tools.diff.normal import KEYWORDS, normal, null_allowed, step
from spec.tools.diff.values import (
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


def compare_schema(walk: Walk, pair: Pair) -> None:
    """Compare two schemas, either of which may be a reference, a boolean, or missing."""
    before = walk.count
    (old, beside), (new, beside_now) = referred(pair.old), referred(pair.new)
    if bool(beside) != bool(beside_now):
        walk.follow(pair.of(old, new), partial(_compare_written_out, beside=(beside, beside_now)))
        return
    if beside and beside_now:
        annotations = pair.of(beside, beside_now)
        _compare_annotations(walk, annotations)
        walk.documentation(annotations.at("title"), "title")
        null = [null_allowed([one.value]) for one in (beside, beside_now)]
        if null[0] != null[1]:
            whole = ((old, beside), (new, beside_now))
            null = [null_allowed([normal(one).value, other.value]) for one, other in whole]
            _compare_null(walk, annotations, *null)
    if walk.count == before and same(old.value, new.value):
        walk.written(pair)
    walk.follow(pair.of(old, new), _compare_contents)


def _compare_written_out(walk: Walk, pair: Pair, beside: tuple[Node | None, Node | None]) -> None:
    """Compare a reference, with what stands beside it, and a schema in place."""
    whole = [
        evolve(node, value={**as_map(node.value), **as_map(other and other.value)})
        for node, other in zip((pair.old, pair.new), beside, strict=True)
    ]
    _compare_contents(walk, pair.of(*whole))


def _compare_null(walk: Walk, pair: Pair, old: int, new: int) -> None:
    if old != new:
        walk.note("null-allowed" if new > old else "null-refused", pair.at("nullable"))


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
    before = walk.count
    old, new = choice(pair.old), choice(pair.new)
    _compare_null(walk, pair, old.null, new.null)
    if len(old.branches) == len(new.branches) == 1:
        one = pair.of(old.branches[0], new.branches[0])
        if any(map(reference_of, one.values)):
            walk.follow(one, _compare_contents)
        else:
            _compare_plain(walk, one)
    else:
        if old.keyword and new.keyword:
            _compare_annotations(walk, pair.each(normal))
            walk.documentation(pair.at("title"), "title")
        _compare_branches(walk, pair, old, new)
    if walk.count == before and pair.differs:
        walk.note("rewritten" if same(_reading(old), _reading(new)) else "unknown-changed", pair, "it")


def _reading(found: Choice) -> Any:
    """Return what two schemas that mean the same have in common, whatever words say it."""
    keyword = found.keyword if found.keyword == "oneOf" and len(found.branches) > 1 else ""
    branches = [one.value if one.target else normal(one).value for one in found.branches]
    return [
        keyword,
        found.null,
        [{key: one for key, one in branch.items() if key != "allOf" or one} for branch in branches],
    ]


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


def makes_class(schema: Any) -> bool:
    """Return whether the generator makes a class of a schema: an object, an enum, or parts of an allOf."""
    return (
        bool({"properties", "allOf", "enum"} & set(as_map(schema))) or as_map(schema).get("type") == "object"
    )


def class_name(node: Node) -> str:
    """Return what the generator calls the class of a schema, apart from its owner's name."""
    return str(as_map(node.value).get("title") or node.name)


def _compare_plain(walk: Walk, pair: Pair) -> None:
    """Compare two schemas of one type each, in normal form."""
    _compare_names(walk, pair)
    _compare_annotations(walk, pair)
    if not compare_type(walk, pair.at("type"), kind_of(pair.old), kind_of(pair.new)):
        return  # Values of another kind: their details have nothing in common.
    compare_enum(walk, pair)
    owner = pair.new.owner + class_name(pair.new) if makes_class(pair.new.value) else None
    _compare_properties(walk, pair, owner or "")
    _compare_others(walk, pair, owner or "")
    if "items" in pair.keys:
        items = [evolve(step(side, "items", "[]"), owner=side.owner, name=f"{side.name}_item")
                 for side in (pair.old, pair.new)]  # fmt: skip
        compare_schema(walk, pair.of(*items))
    _compare_demands(walk, pair)
    for demands in zip_longest(pair.old.at("allOf").items(), pair.new.at("allOf").items()):
        _compare_demands(walk, pair.of(*demands))
        walk.rest(pair.of(*demands), KEYWORDS)


def _compare_demands(walk: Walk, pair: Pair) -> None:
    """Compare what values must be like beside their type."""
    compare_format(walk, pair)
    compare_limits(walk, pair)
    for key in ("not", *CHOICES):
        here = pair.at(key)
        if key in CHOICES and all(isinstance(value, list) for value in here.values):
            old, new = (Choice(node.items(), keyword=key) for node in (here.old, here.new))
            _compare_branches(walk, here, old, new)
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
    walk.rest(pair, KEYWORDS)
    for key, rule in (("readOnly", "read-only"), ("writeOnly", "write-only")):
        walk.flag(pair.at(key), rule, f"not-{rule}")
    if pair.at("default").differs:
        walk.note("default-changed", pair.at("default"))
    _compare_discriminator(walk, pair)


def _compare_discriminator(walk: Walk, pair: Pair) -> None:
    """Compare which value selects which schema; a value that came or went with its branch is no news."""
    here = pair.at("discriminator")
    if not here.differs and not pair.at("oneOf").differs and not pair.at("anyOf").differs:
        return
    if not same(*(as_map(value).get("propertyName") for value in here.values)):
        walk.note("discriminator-changed", here)
        return
    before = walk.count
    (old, branches), (new, branches_now) = (selections(node) for node in (pair.old, pair.new))
    for value in {**old, **new}:
        was, now = old.get(value, MISSING), new.get(value, MISSING)
        if MISSING not in (was, now) and was != now:
            walk.note("discriminator-changed", here, "", f"{value}: {was}", f"{value}: {now}")
        elif now is MISSING and not (was in branches and was not in branches_now):
            walk.note("discriminator-value-removed", here, "", value, MISSING)
        elif was is MISSING and not (now in branches_now and now not in branches):
            walk.note("discriminator-value-added", here, "", MISSING, value)
    walk.rest(here, {"propertyName", "mapping"})
    if walk.count == before:
        walk.written(here)


def _compare_properties(walk: Walk, pair: Pair, owner: str) -> None:
    required = [list(map(str, as_list(node.at("required").value))) for node in (pair.old, pair.new)]
    for name in dict.fromkeys([*map(str, pair.at("properties").keys), *required[0], *required[1]]):
        sides = [evolve(_property(node, name), owner=owner) for node in (pair.old, pair.new)]
        here = evolve(pair.of(*sides), direction=_one_way(sides, pair.direction))
        was, now = (
            name in names and not _is_hidden(node, here.direction)
            for names, node in zip(required, sides, strict=True)
        )
        old, new = here.values
        if new is MISSING and old is not MISSING:
            walk.note("property-removed", here, name)
        elif old is MISSING and new is not MISSING:
            walk.note("required-property-added" if now else "optional-property-added", here, name)
        elif was != now:
            whole = here.of(*(_property(evolve(node, parts={}), name) for node in (pair.old, pair.new)))
            rule = "became-required" if now else "became-optional"
            walk.note(rule, whole, f"property {name}", was, now)
        if MISSING not in here.values:
            compare_schema(walk, here)
    if set(required[0]) == set(required[1]):
        walk.written(pair.at("required"))


def _property(node: Node, name: str) -> Node:
    return step(node.at("properties"), name, name)


def _is_hidden(node: Node, direction: Direction) -> bool:
    """Return whether a property is not sent, being read-only, or not received, being write-only."""
    flag = {Direction.SENT: "readOnly", Direction.RECEIVED: "writeOnly"}.get(direction)
    return flag is not None and normal(node).value.get(flag) is True


def _one_way(nodes: list[Node], direction: Direction) -> Direction:
    """Return the direction of a property."""
    hidden = {_is_hidden(node, direction) for node in nodes if node.value is not MISSING}
    return Direction.NEITHER if hidden == {True} else direction


def _compare_others(walk: Walk, schema: Pair, owner: str) -> None:
    """Compare what is said of the properties that are not named."""
    pair = schema.at("additionalProperties")
    one, other = (True if value in (MISSING, {}) else value for value in pair.values)
    if (one is False) != (other is False):
        walk.note("others-refused" if other is False else "others-allowed", pair)
    elif same(one, other):
        walk.written(pair)
    else:
        steps = [step(node, "additionalProperties", "{any other}") for node in (schema.old, schema.new)]
        values = zip(steps, (one, other), strict=True)
        compare_schema(walk, pair.of(*(evolve(step, value=value, owner=owner) for step, value in values)))
