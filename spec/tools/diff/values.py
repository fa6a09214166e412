"""Compares what two schemas say of single values: types, enums, formats and limits."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from spec.tools.diff.choices import covers
from spec.tools.diff.model import MISSING, as_list, as_map, canonical, same
from spec.tools.diff.normal import BOUNDS, COUNTS, enum_of
from spec.tools.diff.walk import is_in, is_number

if TYPE_CHECKING:
    from spec.tools.diff.document import Pair
    from spec.tools.diff.walk import Walk

_TYPED_FORMATS: Final = frozenset({"date", "date-time", "uuid", "binary"})
"""Formats for which the generator makes a Python type of its own."""
_WIDER: Final = (("int32", "int64"), ("float", "double"))
"""Formats of numbers, each with one that holds all its values."""


def compare_type(walk: Walk, pair: Pair, old: str | None, new: str | None) -> bool:
    """Compare kinds of values, and return whether they have something in common."""
    old, new = (
        None if value is MISSING else kind for value, kind in zip(pair.values, (old, new), strict=True)
    )
    if old == new:
        return True
    change = "widened" if covers(new, old) else "narrowed" if covers(old, new) else "changed"
    walk.note(f"type-{change}", pair, "", old or "any", new or "any")
    return change != "changed"


def _enum(schema: dict[str, Any]) -> list[Any] | None:
    """Return the values that a schema accepts, null apart; None for any."""
    found = enum_of(schema)
    return None if found is None else [value for value in found if value is not None]


def compare_enum(walk: Walk, pair: Pair) -> None:
    """Compare the values of two enums, and the names that the generator gives them."""
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


def compare_format(walk: Walk, pair: Pair) -> None:
    """Compare formats and patterns."""
    for key in ("format", "pattern"):
        old, new = pair.at(key).values
        rule = f"{key}-{'added' if old is MISSING else 'removed' if new is MISSING else 'changed'}"
        if key == "format" and {str(old), str(new)} & _TYPED_FORMATS:
            rule = "typed-format-changed"
        elif (str(old), str(new)) in _WIDER or (str(new), str(old)) in _WIDER:
            rule = "limit-loosened" if (str(old), str(new)) in _WIDER else "limit-tightened"
        if not same(old, new):
            walk.note(rule, pair.at(key), key)


def compare_limits(walk: Walk, pair: Pair) -> None:
    """Compare lengths, counts, bounds and multiples in normal form; a lower count of 0 says nothing."""
    for key in COUNTS:
        old, new = (
            MISSING if key.startswith("min") and value == 0 else value for value in pair.at(key).values
        )
        _compare_limit(walk, pair.at(key), key, (old, False), (new, False))
    for key, exclusive in BOUNDS:
        limits = [(node.at(key).value, node.at(exclusive).value is True) for node in (pair.old, pair.new)]
        _compare_limit(walk, pair.at(key), key, *limits)
    walk.flag(pair.at("uniqueItems"), "limit-tightened", "limit-loosened", "uniqueItems")
    here = pair.at("multipleOf")
    if here.old.value != here.new.value:
        walk.note(f"limit-{_multiple(*here.values)}", here, "multipleOf")
    else:
        walk.written(here)


def _compare_limit(walk: Walk, pair: Pair, name: str, old: tuple[Any, bool], new: tuple[Any, bool]) -> None:
    if old != new:
        walk.limit(pair, name, old, new)
    else:
        walk.written(pair)


def _multiple(old: Any, new: Any) -> str:
    """Return how a multiple changed: each multiple of 4 is one of 2."""
    if MISSING not in (old, new) and is_number(old) and is_number(new) and old > 0 and new > 0:
        one, other = Fraction(str(old)), Fraction(str(new))
        return "loosened" if one % other == 0 else "tightened" if other % one == 0 else "changed"
    return change_of(old, new)


def change_of(old: Any, new: Any) -> str:
    """Return how a limit changed, as far as that can be seen from its being there."""
    return "tightened" if old is MISSING else "loosened" if new is MISSING else "changed"
