"""Compares two schemas: what they accept, and what the generator makes of them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from spec.tools.diff.model import MISSING, Direction, as_list, as_map, canonical, same, shown
from spec.tools.diff.walk import DOCUMENTATION, is_in, is_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.diff.document import Node, Pair
    from spec.tools.diff.walk import Walk

_CHOICES: Final = ("oneOf", "anyOf")
_TYPED_FORMATS: Final = frozenset({"date", "date-time", "uuid", "binary"})
"""Formats for which the generator makes a Python type of its own."""
_COUNTS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_BOUNDS: Final = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))
_ANNOTATIONS: Final = DOCUMENTATION | {"title", "nullable", "default", "readOnly", "writeOnly", "deprecated"}
"""Keys that may stand beside a reference or a choice and leave what it accepts as it is, null apart."""
_COVERED: Final = frozenset(
    ["$ref", "type", "nullable", "enum", "const", "x-enum-varnames", "format", "pattern", "multipleOf",
     "uniqueItems", "required", "properties", "items", "additionalProperties", "readOnly", "writeOnly",
     "default", "discriminator", "title", "not", "allOf"]
).union(_CHOICES, _COUNTS, *_BOUNDS)  # fmt: skip
_ALIKE: Final = 0.34


def compare_schema(walk: Walk, pair: Pair) -> None:
    """Compare two schemas, either of which may be a reference, a boolean, or missing."""
    (old, beside), (new, beside_now) = _referred(pair.old), _referred(pair.new)
    if beside and beside_now:
        annotations = pair.of(beside, beside_now)
        _compare_annotations(walk, annotations)
        walk.documentation(annotations.at("title"), "title")
        null, nullable = _null(beside) or _null(old.resolved()), _null(beside_now) or _null(new.resolved())
        if _null(beside) != _null(beside_now) and null != nullable:
            walk.note("null-allowed" if nullable else "null-refused", pair.of(beside, beside_now))
    walk.follow(pair.of(old, new), _compare_contents)


def _referred(node: Node) -> tuple[Node, Node | None]:
    """Return the reference that a schema is, and what stands beside it; the schema and None if it is none.

    Like the generator, take an `allOf`, `oneOf` or `anyOf` of nothing but a reference for that reference.
    A missing schema, and OpenAPI 3.1's true and false, become maps.
    """
    if node.value is MISSING or isinstance(node.value, bool):
        node = evolve(node, value={"not": {}} if node.value is False else {})
    if node.target and "$ref" in as_map(node.value):
        return node, evolve(node, value={key: value for key, value in node.value.items() if key != "$ref"})
    for key in ("allOf", *_CHOICES):
        parts = node.at(key).items()
        beside = {name: value for name, value in as_map(node.value).items() if name != key}
        if len(parts) == 1 and parts[0].target and _only_annotations(beside):
            return parts[0], evolve(node, value=beside)
    return node, None


def _only_annotations(schema: dict[str, Any]) -> bool:
    return all(key in _ANNOTATIONS or key.startswith("x-") for key in schema)


def _null(node: Node) -> bool:
    schema = as_map(node.value)
    found = schema.get("type")
    in_enum = found is None and None in as_list(schema.get("enum"))
    return schema.get("nullable") is True or found == "null" or "null" in as_list(found) or in_enum


def _compare_contents(walk: Walk, pair: Pair) -> None:
    """Compare two schemas without references at their top."""
    if not all(isinstance(value, dict) for value in pair.values):
        if pair.differs:
            walk.note("unknown-changed", pair, "schema")
        return
    says = [bool(set(value) - DOCUMENTATION - {"title"}) for value in pair.values]
    if says[0] != says[1]:
        called = (_called(pair.old) if says[0] else MISSING, _called(pair.new) if says[1] else MISSING)
        walk.note("schema-lost" if says[0] else "schema-described", pair, "", *called)
        return
    old, new = _choice(pair.old), _choice(pair.new)
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


@frozen
class _Choice:
    """The alternatives that a schema offers, null apart."""

    branches: list[Node]
    null: bool = False
    keyword: str = ""


def _choice(node: Node) -> _Choice:
    """Split a schema into its alternatives; a schema that is no choice is its only one."""
    schema = as_map(node.value)
    null = _null(node)
    for keyword in _CHOICES:
        beside = {key: value for key, value in schema.items() if key not in {keyword, "discriminator"}}
        branches = node.at(keyword).items()
        if not branches or not _only_annotations(beside):
            continue
        found = []
        for number, branch in enumerate(branches):
            here = branch
            if len(branches) > 1:
                here = node.at(keyword).at(number, f" ({keyword} {_called(branch)})", "")
                here = evolve(here, name=f"{node.name}_type_{number}")
            inner = _Choice([here]) if branch.target else _choice(here)
            null = null or inner.null
            found += [one for one in inner.branches if as_map(one.value).get("type") != "null"]
        return _Choice(found, null, keyword)
    types = [one for one in as_list(schema.get("type")) if one != "null"]
    single = [
        evolve(
            node,
            value={**schema, "type": one},
            way=(*node.way, "type", str(one)) if len(types) > 1 else node.way,
        )
        for one in types
    ]
    return _Choice(single or [node], null, "type" if len(types) > 1 else "")


def _called(node: Node) -> str:
    schema = as_map(node.value)
    reference = node.target if "$ref" in schema else None
    found = reference.rpartition("/")[2] if reference else schema.get("title") or schema.get("type")
    return str(found or shown(node.value))


def _compare_branches(walk: Walk, pair: Pair, old: _Choice, new: _Choice) -> None:
    pairs, removed, added = _matched(old.branches, new.branches)
    for one, other in pairs:
        if one.target is None or one.target != other.target or one.target not in walk.met:
            walk.follow(pair.of(one, other), _compare_contents)
    what = pair.place.steps.rpartition(", ")[2].rpartition(".")[2] or "it"
    for one in removed:
        walk.note("branch-removed", pair, what, _called(one), MISSING)
    known = {_kind(one) for one in old.branches}
    for one in added:
        covered = len(old.branches) > 1 and any(_covers(kind, _kind(one)) for kind in known)
        walk.note("branch-added" if covered else "kind-added", pair, what, MISSING, _called(one))
    if {old.keyword, new.keyword} == set(_CHOICES):
        walk.note("choice-changed", pair, "", old.keyword, new.keyword)
    order = [new.branches.index(other) for _, other in pairs]
    if order != sorted(order) and "type" not in (old.keyword, new.keyword):
        walk.note(
            "branches-reordered", pair, "", *(", ".join(map(_called, one.branches)) for one in (old, new))
        )


def _matched(old: list[Node], new: list[Node]) -> tuple[list[tuple[Node, Node]], list[Node], list[Node]]:
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
    if _kind(one) != _kind(other):
        return 0
    mine, theirs = set(_leaves(one.value)), set(_leaves(other.value))
    return 1 if _kind(one) != "object" else len(mine & theirs) / max(len(mine | theirs), 1)


def _leaves(value: Any, way: str = "") -> Iterator[str]:
    items = value.items() if isinstance(value, dict) else [("[]", item) for item in as_list(value)]
    if not items:
        yield f"{way}={shown(value)}"
    for key, item in items:
        yield from _leaves(item, f"{way}/{key}")


def _kind(node: Node) -> str | None:
    """Return the type of a schema's values; None where it names none."""
    found = node.map.get("type")
    types = [str(one) for one in (found if isinstance(found, list) else [found]) if one not in (None, "null")]
    if not types and {"properties", "allOf"} & set(node.map):
        return "object"
    return " or ".join(types) or (None if found is None else "null")


def _covers(wide: str | None, narrow: str | None) -> bool:
    return wide is None or wide == narrow or (wide == "number" and narrow == "integer")


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
            if key not in _ANNOTATIONS:
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
    if not _compare_type(walk, whole.at("type"), _kind(whole.old), _kind(whole.new)):
        return  # Values of another kind: their details have nothing in common.
    _compare_enum(walk, whole)
    _compare_format(walk, whole)
    _compare_limits(walk, whole)
    owner = pair.new.owner + class_name(pair.new) if makes_class(pair.new.value) else None
    _compare_properties(walk, pair, old, new, owner or "")
    _compare_others(walk, whole, owner or "")
    if "items" in whole.keys:
        items = [old.keywords.get("items"), new.keywords.get("items")]
        named = [node and evolve(_step(node, "", "[]"), value=node.value, way=node.way, owner=side.owner,
                                 name=f"{side.name}_item")
                 for node, side in zip(items, (pair.old, pair.new), strict=True)]  # fmt: skip
        compare_schema(walk, pair.of(*named))
    for key in ("not", *_CHOICES):
        here = whole.at(key)
        if key in _CHOICES and all(isinstance(value, list) for value in here.values):
            _compare_branches(
                walk, here, _Choice(here.old.items(), False, key), _Choice(here.new.items(), False, key)
            )
        elif here.differs:
            walk.note(f"limit-{_change(*here.values)}", here, key)


def _change(old: Any, new: Any) -> str:
    return "tightened" if old is MISSING else "loosened" if new is MISSING else "changed"


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


def _compare_type(walk: Walk, pair: Pair, old: str | None, new: str | None) -> bool:
    """Compare kinds of values, and return whether they have something in common."""
    old, new = (
        None if value is MISSING else kind for value, kind in zip(pair.values, (old, new), strict=True)
    )
    if old == new:
        return True
    change = "widened" if _covers(new, old) else "narrowed" if _covers(old, new) else "changed"
    walk.note(f"type-{change}", pair, "", old or "any", new or "any")
    return change != "changed"


def _enum(schema: dict[str, Any]) -> list[Any] | None:
    """Return the values that a schema accepts, null apart; None for any."""
    found = [schema["const"]] if "const" in schema else schema.get("enum")
    return [value for value in found if value is not None] if isinstance(found, list) else None


def _compare_enum(walk: Walk, pair: Pair) -> None:
    here = pair.at("enum")
    old, new = (_enum(as_map(value)) for value in pair.values)
    if old is None or new is None:
        if old is not None or new is not None:
            values = (MISSING if one is None else one for one in (old, new))
            walk.note("enum-added" if old is None else "enum-removed", here, "", *values)
        return
    before = walk.count
    walk.choice(here, "value", old, new)
    names = [
        {
            canonical(value): name
            for value, name in zip(values, as_list(node.at("x-enum-varnames").value), strict=False)
        }
        for values, node in ((old, pair.old), (new, pair.new))
    ]
    for value in [value for value in old if is_in(value, new)]:
        both = [known.get(canonical(value), MISSING) for known in names]
        if not same(*both):
            walk.note("enum-name-changed", pair.at("x-enum-varnames"), str(value), *both)
    for key in ("enum", "const"):
        if walk.count == before:
            walk.written(pair.at(key))


def _compare_format(walk: Walk, pair: Pair) -> None:
    for key in ("format", "pattern"):
        old, new = pair.at(key).values
        change = "added" if old is MISSING else "removed" if new is MISSING else "changed"
        typed = key == "format" and {str(old), str(new)} & _TYPED_FORMATS
        if not same(old, new):
            walk.note("typed-format-changed" if typed else f"{key}-{change}", pair.at(key))


def _compare_limits(walk: Walk, pair: Pair) -> None:
    """Compare lengths, counts, bounds and multiples; a lower limit of 0 for a count says nothing."""
    for key in _COUNTS:
        old, new = (
            MISSING if key.startswith("min") and value == 0 else value for value in pair.at(key).values
        )
        _compare_limit(walk, pair.at(key), (old, False), (new, False))
    for key, exclusive in _BOUNDS:
        _compare_limit(walk, pair.at(key), *(_bound(as_map(value), key, exclusive) for value in pair.values))
    walk.flag(pair.at("uniqueItems"), "limit-tightened", "limit-loosened", "uniqueItems")
    here = pair.at("multipleOf")
    if here.old.value != here.new.value:
        walk.note(f"limit-{_multiple(*here.values)}", here, "multipleOf")
    else:
        walk.written(here)


def _compare_limit(walk: Walk, pair: Pair, old: tuple[Any, bool], new: tuple[Any, bool]) -> None:
    if old != new:
        walk.limit(pair, str(pair.place.keys[-1]), old, new)
    else:
        walk.written(pair)


def _bound(schema: dict[str, Any], key: str, exclusive: str) -> tuple[Any, bool]:
    """Return a bound and whether it is excluded, as OpenAPI 3.0 (a flag) or 3.1 (a number) writes it."""
    excluded = schema.get(exclusive)
    if excluded is not None and not isinstance(excluded, bool):
        return excluded, True
    return schema.get(key, MISSING), excluded is True and key in schema


def _multiple(old: Any, new: Any) -> str:
    """Return how a multiple changed: each multiple of 4 is one of 2."""
    if MISSING not in (old, new) and is_number(old) and is_number(new) and old > 0 and new > 0:
        one, other = Fraction(str(old)), Fraction(str(new))
        return "loosened" if one % other == 0 else "tightened" if other % one == 0 else "changed"
    return _change(old, new)


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
