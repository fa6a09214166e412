"""Compares what an operation carries: parameters, headers, bodies and responses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from spec.tools.diff.model import MISSING, as_map, same
from spec.tools.diff.schemas import compare_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec.tools.diff.document import Node, Pair
    from spec.tools.diff.walk import Walk

_STYLES: Final = {"query": "form", "cookie": "form"}
"""The style of a parameter that gives none; elsewhere it is simple."""


def compare_named(
    walk: Walk, pair: Pair, kind: str, compare_one: Callable[[Walk, Pair], None], words: str | None = None
) -> None:
    """Compare two maps from names to values of one kind, each of which may be a reference."""
    for name in pair.keys:
        here = pair.at(name, f"{kind if words is None else words} {name}".strip())
        if MISSING in here.values:
            change = "removed" if here.new.value is MISSING else "added"
            walk.note(f"{kind.replace(' ', '-')}-{change}", pair.at(name), str(name))
        else:
            walk.follow(here, compare_one)


def compare_parameters(walk: Walk, pair: Pair, above: Pair | None = None) -> None:
    """Compare the parameters of two operations, with those of their paths."""
    above = above or pair
    old = _parameters(above.old) | _parameters(pair.old)
    new = _parameters(above.new) | _parameters(pair.new)
    before = walk.count
    for where, name in {**old, **new}:
        words = f"{where} parameter {name}"
        one, other = old.get((where, name)), new.get((where, name))
        here = pair.of(one, other)
        if not one and other:
            required = other.map.get("required") is True
            walk.note("required-parameter-added" if required else "optional-parameter-added", here, words)
        elif not other:
            walk.note("parameter-removed", here, words)
        else:
            walk.follow(here.each(partial(_worded, words=words, name=name)), compare_parameter)
    if walk.count == before:  # In another order, for example, or at the path instead of all its operations.
        walk.written(pair)


def _parameters(node: Node) -> dict[tuple[str, str], Node]:
    """Index parameters by what distinguishes them: where they go, and their name; headers ignore case."""
    found = {}
    for one in node.items():
        where, name = str(one.map.get("in", "")), str(one.map.get("name", ""))
        found[where, name.lower() if where == "header" else name] = one
    return found


def _worded(node: Node, words: str, name: str) -> Node:
    steps = ", ".join(filter(None, (node.place.steps, words)))
    return evolve(node, place=evolve(node.place, steps=steps), name=name)


def compare_parameter(walk: Walk, pair: Pair) -> None:
    """Compare two parameters or headers."""
    _compare_serialization(walk, pair, _STYLES.get(str(as_map(pair.new.value).get("in", "header")), "simple"))
    walk.flag(pair.at("required"), "became-required", "became-optional", "it")
    walk.flag(pair.at("allowEmptyValue"), "empty-value-allowed", "empty-value-refused")
    ways = [next((key for key in ("schema", "content") if key in as_map(value)), "") for value in pair.values]
    if all(ways) and ways[0] != ways[1]:
        walk.note("serialization-changed", pair.at(ways[1]), "", *ways)
    else:
        _compare_schema_of(walk, pair, pair.new.name)
        _compare_content(walk, pair)
    known = "name in style explode allowReserved required allowEmptyValue schema content"
    walk.rest(pair, known.split())


def _compare_serialization(walk: Walk, pair: Pair, style: str, name: str = "") -> None:
    """Compare how values are written; keys that are left out have their defaults."""
    filled = []
    for value in map(as_map, pair.values):
        own = value.get("style", style)
        filled.append({"style": own, "explode": own == "form", "allowReserved": False, **value})
    for key in ("style", "explode", "allowReserved"):
        if not same(filled[0][key], filled[1][key]):
            walk.note("serialization-changed", pair.at(key), f"{name} {key}".strip())
        else:
            walk.written(pair.at(key))


def _compare_schema_of(walk: Walk, pair: Pair, name: str) -> None:
    here = pair.at("schema")
    if here.values != (MISSING, MISSING):
        compare_schema(walk, here.each(partial(evolve, owner="operation", name=name)))


def compare_bodies(walk: Walk, pair: Pair) -> None:
    """Compare two request bodies, either of which may be missing."""
    if pair.old.value is MISSING and pair.new.value is not MISSING:
        required = pair.new.map.get("required") is True
        walk.note("required-body-added" if required else "optional-body-added", pair)
    elif pair.new.value is MISSING and pair.old.value is not MISSING:
        walk.note("body-removed", pair)
    elif pair.differs or pair.old.value is not MISSING:
        walk.follow(pair, compare_body)


def compare_body(walk: Walk, pair: Pair) -> None:
    """Compare two request bodies."""
    walk.flag(pair.at("required"), "became-required", "became-optional", "it")
    _compare_content(walk, pair)
    walk.rest(pair, {"required", "content"})


def _compare_content(walk: Walk, pair: Pair) -> None:
    compare_named(walk, pair.at("content"), "media type", _compare_media_type, words="")


def _compare_media_type(walk: Walk, pair: Pair) -> None:
    _compare_schema_of(walk, pair, "body")
    for name in pair.at("encoding").keys:
        here = pair.at("encoding").at(name)
        _compare_serialization(walk, here, "form", str(name))
        properties = pair.new.at("schema").resolved().at("properties")
        usual = _content_type(as_map(properties.at(name).resolved().value))
        types = [usual if value is MISSING else value for value in here.at("contentType").values]
        if types[0] != types[1]:
            walk.note("serialization-changed", here.at("contentType"), f"{name} contentType")
        walk.rest(here, {"style", "explode", "allowReserved", "contentType"})
    walk.rest(pair, {"schema", "encoding"})


def _content_type(schema: dict[str, Any]) -> str:
    """Return the media type of a part that gives none."""
    if schema.get("type") == "object":
        return "application/json"
    return "application/octet-stream" if schema.get("format") == "binary" else "text/plain"


def compare_responses(walk: Walk, pair: Pair) -> None:
    """Compare two maps of responses by status."""
    statuses = [key for key in pair.keys if not str(key).startswith("x-")]
    walk.rest(pair, statuses)
    for status in statuses:
        here = pair.at(status)
        if here.old.value is MISSING:
            walk.note("response-added", here, str(status))
        elif here.new.value is MISSING:
            kind = "success" if str(status).startswith("2") else "error"
            walk.note(f"{kind}-response-removed", here, str(status))
        else:
            walk.follow(pair.at(status, f"response {status}"), compare_response)


def compare_response(walk: Walk, pair: Pair) -> None:
    """Compare two responses; the names of headers ignore case."""
    compare_named(walk, pair.at("headers").each(_in_lower_case), "header", compare_parameter)
    _compare_content(walk, pair)
    walk.rest(pair, {"headers", "content"})


def _in_lower_case(node: Node) -> Node:
    return evolve(node, value={str(name).lower(): value for name, value in as_map(node.value).items()})
