"""Compares two schemas: what they accept, and what the generator makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spec.tools.diff.composition import CHOICES, aligned, compare_branches
from spec.tools.diff.model import MISSING, Direction, same
from spec.tools.diff.reference import as_list, as_map
from spec.tools.diff.values import (
    BOUNDS,
    COUNTS,
    compare_enum,
    compare_format,
    compare_limits,
    compare_type,
    note_rewriting,
)
from spec.tools.diff.walker import DOCUMENTATION

if TYPE_CHECKING:
    from spec.tools.diff.model import Place
    from spec.tools.diff.walker import Walk


_TOLD: Final = frozenset(
    {
        "type", "nullable", "enum", "const", "x-enum-varnames", "format", "pattern", "multipleOf",
        "uniqueItems", "required", "properties", "items", "additionalProperties", "readOnly", "writeOnly",
        "default", "discriminator", "title", "not", "allOf", *CHOICES,
        *(name for name, _ in COUNTS), *(name for bound in BOUNDS for name in bound[:2]),
    }
)  # fmt: skip


def compare_schema(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two schemas without references at their top."""
    if _says_nothing(old) != _says_nothing(new):
        rule = "schema-described" if _says_nothing(old) else "schema-lost"
        walk.note(rule, place, "", _called(old), _called(new))
        return
    compare_contents(walk, *aligned(walk, old, new), place)


def compare_contents(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare what two schemas say, of which one may say nothing."""
    _compare_title(walk, old, new, place)
    walk.rest(old, new, _TOLD, place)
    if compare_type(walk, old, new, place):
        return  # Values of another kind: their details have nothing in common.
    compare_enum(walk, old, new, place)
    compare_format(walk, old, new, place)
    compare_limits(walk, old, new, place)
    _compare_flags(walk, old, new, place)
    _compare_properties(walk, old, new, place)
    _compare_items(walk, old, new, place)
    compare_branches(walk, compare_contents, old, new, place)


def meet_schemas(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two schemas, either of which may be a reference or missing."""
    walk.meet(compare_schema, *aligned(walk, _plain(old), _plain(new)), place)


def _plain(schema: Any) -> Any:
    """Write OpenAPI 3.1's true and false, anything and nothing, as maps."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    return schema


def _says_nothing(schema: dict[str, Any]) -> bool:
    return not set(schema) - {"title", *DOCUMENTATION}


def _called(schema: dict[str, Any]) -> str:
    return str(schema.get("title") or schema.get("type") or "a composition")


def _compare_flags(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    before = len(walk.findings)
    one, other = (schema.get("uniqueItems") is True for schema in (old, new))
    if one != other:
        rule = "limit-tightened" if other else "limit-loosened"
        walk.note(rule, place.into("uniqueItems"), "uniqueItems", one, other)
    note_rewriting(walk, ("uniqueItems",), (old, new), place, before)
    for key, direction in (("readOnly", Direction.SENT), ("writeOnly", Direction.RECEIVED)):
        before = len(walk.findings)
        one, other = (schema.get(key) is True for schema in (old, new))
        if one != other:
            rule = "direction-limited" if other else "direction-freed"
            words = "read-only" if key == "readOnly" else "write-only"
            walk.note(rule, place.within(key, only=direction), words, one, other)
        note_rewriting(walk, (key,), (old, new), place, before)
    one, other = old.get("default", MISSING), new.get("default", MISSING)
    if not same(one, other):
        walk.note("default-changed", place.into("default"), "default", one, other)
    _compare_discriminator(walk, old, new, place.into("discriminator"))


def _compare_discriminator(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    one, other = (schema.get("discriminator") for schema in (old, new))
    if same(one, other):
        return
    if not isinstance(one, dict) or not isinstance(other, dict):
        walk.note("discriminator-changed", place, "", *(_or_missing(value) for value in (one, other)))
        return
    for key in {**one, **other}:
        values = [value.get(key, MISSING) for value in (one, other)]
        if not same(*values):
            walk.note("discriminator-changed", place.into(key), key, *values)


def _or_missing(value: Any) -> Any:
    return MISSING if value is None else value


def _compare_properties(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    one, other = (as_map(schema.get("properties")) for schema in (old, new))
    needed, needed_now = (dict.fromkeys(map(str, as_list(schema.get("required")))) for schema in (old, new))
    for name in {**one, **other, **needed, **needed_now}:
        here = place.within("properties", name, path=name, only=_only(walk, one, other, name))
        if name in one and name not in other:
            walk.note("property-removed", here, name, one[name], MISSING)
        elif name in other and name not in one:
            rule = "required-property-added" if name in needed_now else "optional-property-added"
            walk.note(rule, here, name, MISSING, other[name])
        else:
            if (name in needed) != (name in needed_now):
                rule = "became-required" if name in needed_now else "became-optional"
                walk.note(rule, here, f"property {name}", name in needed, name in needed_now)
            if name in one:
                meet_schemas(walk, one[name], other[name], here)
    for key, kind in (("properties", dict), ("required", list)):
        values = [schema.get(key, MISSING) for schema in (old, new)]
        if not same(*values) and not all(value is MISSING or isinstance(value, kind) for value in values):
            walk.note("unknown-changed", place.into(key), key, *values)
    if list(needed) != list(needed_now) and set(needed) == set(needed_now):
        walk.note("rewritten", place.into("required"), "required", list(needed), list(needed_now))


def _only(walk: Walk, old: dict[str, Any], new: dict[str, Any], name: str) -> Direction | None:
    """Tell the one direction in which a property goes, if it is read-only or write-only in both documents."""
    found = [
        document.resolved(properties[name])
        for document, properties in ((walk.old, old), (walk.new, new))
        if name in properties
    ]
    schemas = [schema for schema in found if isinstance(schema, dict)]
    if schemas and all(schema.get("readOnly") is True for schema in schemas):
        return Direction.RECEIVED
    if schemas and all(schema.get("writeOnly") is True for schema in schemas):
        return Direction.SENT
    return None


def _compare_items(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    if "items" in old or "items" in new:
        here = place.within("items", path="[]")
        meet_schemas(walk, old.get("items", {}), new.get("items", {}), here)
    one, other = (schema.get("additionalProperties", True) for schema in (old, new))
    here = place.within("additionalProperties", path="{any other}")
    if (one is False) != (other is False):
        rule = "additional-properties-refused" if other is False else "additional-properties-allowed"
        walk.note(rule, here, "", one, other)
    elif one is not False:
        before = len(walk.findings)
        meet_schemas(walk, {} if one is True else one, {} if other is True else other, here)
        note_rewriting(walk, ("additionalProperties",), (old, new), place, before)
    if not same(one := old.get("not", MISSING), other := new.get("not", MISSING)):
        rule = (
            "limit-tightened" if one is MISSING else "limit-loosened" if other is MISSING else "limit-changed"
        )
        walk.note(rule, place.into("not"), "not", one, other)


def makes_class(schema: Any) -> bool:
    """Tell whether the generator makes a class of a schema and names it by its title.

    It does so for objects, parts put together by allOf, and enums.
    """
    if not isinstance(schema, dict):
        return False
    return bool({"properties", "allOf", "enum", "const"} & set(schema)) or schema.get("type") == "object"


def _compare_title(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    one, other = old.get("title", MISSING), new.get("title", MISSING)
    here = place.into("title")
    component = place.component if not place.schema and len(place.trail) == 0 else None
    if component is not None:  # Without a title the class is named by the component.
        one, other = (
            component[number] if title is MISSING else title for number, title in ((1, one), (2, other))
        )
    if same(one, other):
        walk.documentation("title", old.get("title", MISSING), new.get("title", MISSING), here)
    elif makes_class(old) and makes_class(new):
        walk.note("class-renamed", here, "title", one, other)
    else:
        walk.documentation("title", one, other, here)
