"""Compares what two schemas say of single values: kind, null, enum, format, pattern, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spec.tools.diff.model import MISSING, same
from spec.tools.diff.walker import limit

if TYPE_CHECKING:
    from spec.tools.diff.model import Place
    from spec.tools.diff.walker import Walk

TYPED_FORMATS: Final = frozenset({"date", "date-time", "uuid", "binary"})
"""Formats for which the generator makes a Python type of its own; others stay strings and numbers."""

COUNTS: Final = (
    ("minLength", True), ("maxLength", False),
    ("minItems", True), ("maxItems", False),
    ("minProperties", True), ("maxProperties", False),
)  # fmt: skip
"""Keywords that count something, and whether they are lower limits."""
BOUNDS: Final = (("minimum", "exclusiveMinimum", True), ("maximum", "exclusiveMaximum", False))
"""Bounds, the keywords that shut them out, and whether they are lower limits."""


def _types(schema: dict[str, Any]) -> frozenset[str] | None:
    found = schema.get("type")
    if found is None:
        return None
    return frozenset(str(one) for one in (found if isinstance(found, list) else [found])) - {"null"}


def _allows_null(schema: dict[str, Any]) -> bool:
    found = schema.get("type")
    return schema.get("nullable") is True or found == "null" or (isinstance(found, list) and "null" in found)


def _covers(wide: frozenset[str] | None, narrow: frozenset[str] | None) -> bool:
    if wide is None:
        return True
    return narrow is not None and narrow <= (wide | {"integer"} if "number" in wide else wide)


def compare_type(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> bool:
    """Compare kinds of values and null.

    Returns:
        Whether the values have nothing in common.
    """
    before = len(walk.findings)
    one, other = _types(old), _types(new)
    values = (_type_words(one), _type_words(other))
    different = False
    if one != other:
        if _covers(other, one):
            walk.note("type-widened", place.into("type"), "type", *values)
        elif _covers(one, other):
            walk.note("type-narrowed", place.into("type"), "type", *values)
        else:
            walk.note("type-changed", place.into("type"), "type", *values)
            different = True
    null, nullable = _allows_null(old), _allows_null(new)
    if null != nullable:
        walk.note(
            "null-allowed" if nullable else "null-refused", place.into("nullable"), "null", null, nullable
        )
    note_rewriting(walk, ("type", "nullable"), (old, new), place, before)
    return different


def _type_words(types: frozenset[str] | None) -> str:
    return "any" if types is None else " or ".join(sorted(types)) or "null"


def note_rewriting(
    walk: Walk,
    keys: tuple[str, ...],
    schemas: tuple[dict[str, Any], dict[str, Any]],
    place: Place,
    before: int,
) -> None:
    """Note that keys differ in writing, if no finding since `before` has told of them."""
    if before != len(walk.findings):
        return
    for key in keys:
        one, other = (schema.get(key, MISSING) for schema in schemas)
        if not same(one, other):
            walk.note("rewritten", place.into(key), key, one, other)


def _values(schema: dict[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    found = schema.get("enum")
    return found if isinstance(found, list) else None


def _names(schema: dict[str, Any]) -> list[tuple[Any, Any]]:
    names = schema.get("x-enum-varnames")
    names = names if isinstance(names, list) else []
    return [
        (value, names[number] if number < len(names) else MISSING)
        for number, value in enumerate(_values(schema) or [])
    ]


def compare_enum(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    """Compare the values of two enums, and the names that the generator gives them."""
    before = len(walk.findings)
    here = place.into("enum")
    one, other = _values(old), _values(new)
    if one is None or other is None:
        if other is not None:
            walk.note("enum-added", here, "enum", MISSING, other)
        elif one is not None:
            walk.note("enum-removed", here, "enum", one, MISSING)
    else:
        for value in one:
            if not any(same(value, kept) for kept in other):
                walk.note("enum-value-removed", here, "", value, MISSING)
        for value in other:
            if not any(same(value, known) for known in one):
                walk.note("enum-value-added", here, "", MISSING, value)
        _compare_names(walk, old, new, place.into("x-enum-varnames"))
    note_rewriting(walk, ("enum", "const", "x-enum-varnames"), (old, new), place, before)


def _compare_names(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    for value, name in _names(old):
        for kept, new_name in _names(new):
            if same(value, kept) and not same(name, new_name):
                walk.note("enum-name-changed", place, str(value), name, new_name)


def compare_format(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    """Compare formats and patterns."""
    for key in ("format", "pattern"):
        one, other = old.get(key, MISSING), new.get(key, MISSING)
        if same(one, other):
            continue
        if key == "format" and {str(one), str(other)} & TYPED_FORMATS:
            rule = "typed-format-changed"
        else:
            rule = f"{key}-{'added' if one is MISSING else 'removed' if other is MISSING else 'changed'}"
        walk.note(rule, place.into(key), key, one, other)


def compare_limits(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    """Compare lengths, counts, bounds and multiples."""
    for key, lower in COUNTS:
        before = len(walk.findings)
        one, other = (
            MISSING if lower and same(value, 0) else value
            for value in (old.get(key, MISSING), new.get(key, MISSING))
        )
        if not same(one, other):
            limit(walk, key, ((one, False), (other, False)), place.into(key), lower)
        note_rewriting(walk, (key,), (old, new), place, before)
    for key, exclusive, lower in BOUNDS:
        before = len(walk.findings)
        bounds = (_bound(old, key, exclusive), _bound(new, key, exclusive))
        if bounds[0] != bounds[1]:
            limit(walk, key, bounds, place.into(key), lower)
        note_rewriting(walk, (key, exclusive), (old, new), place, before)
    one, other = old.get("multipleOf", MISSING), new.get("multipleOf", MISSING)
    if not same(one, other):
        rule = (
            "limit-tightened" if one is MISSING else "limit-loosened" if other is MISSING else "limit-changed"
        )
        walk.note(rule, place.into("multipleOf"), "multipleOf", one, other)


def _bound(schema: dict[str, Any], key: str, exclusive: str) -> tuple[Any, bool]:
    """Give a bound and whether it is shut out, as OpenAPI 3.0 (a flag) or 3.1 (a number) writes it."""
    shut = schema.get(exclusive)
    if shut is not None and not isinstance(shut, bool):
        return shut, True
    return schema.get(key, MISSING), shut is True and key in schema
