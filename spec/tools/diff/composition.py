"""Compares allOf, anyOf and oneOf: finds which branch has become which, then compares pair by pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spec.tools.diff.model import MISSING, same, shown
from spec.tools.diff.reference import as_map, component_of
from spec.tools.diff.walker import DOCUMENTATION

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec.tools.diff.model import Finding, Place
    from spec.tools.diff.walker import Comparison, Walk

CHOICES: Final = ("anyOf", "oneOf")
_GOOD_FIT: Final = 0.34


def aligned(walk: Walk, old: Any, new: Any) -> tuple[Any, Any]:
    """Write a plain schema as a composition of one branch where the other has it as a branch.

    So `X` that became `oneOf: [X, Y]` is told as one more branch, not as another schema.
    """
    for keyword in ("allOf", *CHOICES):
        if _has_branches_only(new, keyword) and _is_plain(old):
            pairs, _, _ = matched(walk, [old], new[keyword], lone_pair=False)
            return ({keyword: [old]}, new) if pairs else (old, new)
        if _has_branches_only(old, keyword) and _is_plain(new):
            pairs, _, _ = matched(walk, old[keyword], [new], lone_pair=False)
            return (old, {keyword: [new]}) if pairs else (old, new)
    return old, new


def _has_branches_only(schema: Any, keyword: str) -> bool:
    if not isinstance(schema, dict) or not isinstance(schema.get(keyword), list):
        return False
    return not set(schema) - {keyword, "title", *DOCUMENTATION}


def _is_plain(schema: Any) -> bool:
    return isinstance(schema, dict) and not {"allOf", *CHOICES} & set(schema)


def compare_branches(
    walk: Walk, compare: Comparison, old: dict[str, Any], new: dict[str, Any], place: Place
) -> None:
    """Compare the compositions of two schemas."""
    _compare_parts(walk, compare, old, new, place)
    one, other = (next((word for word in CHOICES if word in schema), None) for schema in (old, new))
    if one and other and one != other and not (one in new or other in old):
        walk.note("choice-changed", place.into(other), "", one, other)
        _compare_choice(walk, compare, other, (_branches(old, one), _branches(new, other)), place)
        return
    for keyword in CHOICES:
        if keyword in old or keyword in new:
            _compare_choice(walk, compare, keyword, (_branches(old, keyword), _branches(new, keyword)), place)


def _branches(schema: dict[str, Any], keyword: str) -> list[Any]:
    found = schema.get(keyword)
    return found if isinstance(found, list) else []


def _compare_parts(
    walk: Walk, compare: Comparison, old: dict[str, Any], new: dict[str, Any], place: Place
) -> None:
    """Compare allOf: a part more or less is told by what it says."""
    one, other = _branches(old, "allOf"), _branches(new, "allOf")
    pairs, removed, added = matched(walk, one, other, lone_pair=True)
    for before, after in pairs:
        walk.meet(compare, one[before], other[after], place.within("allOf", after))
    changes: list[tuple[str, Any, Any, int]] = [
        ("part-removed", one[number], {}, number) for number in removed
    ]
    changes += [("part-added", {}, other[number], number) for number in added]
    for rule, before_part, after_part, number in changes:
        here = place.within("allOf", number)
        count = len(walk.findings)
        compare(walk, as_map(walk.old.resolved(before_part)), as_map(walk.new.resolved(after_part)), here)
        told = [finding for finding in walk.findings[count:] if _says_something(finding)]
        walk.findings[count:] = told
        if not told:
            removed_part = rule == "part-removed"
            walk.note(
                rule,
                here,
                "allOf",
                _name(before_part) if removed_part else MISSING,
                MISSING if removed_part else _name(after_part),
            )
    if [pair[1] for pair in pairs] != sorted(pair[1] for pair in pairs):
        walk.note("rewritten", place.into("allOf"), "allOf", *map(_names, (one, other)))


def _says_something(finding: Finding) -> bool:
    """Tell whether a part's finding is about values; that parts are objects goes without saying."""
    if finding.rule.startswith("documentation-"):
        return False
    return not (finding.name == "type" and "object" in (finding.old, finding.new))


def _compare_choice(
    walk: Walk, compare: Comparison, keyword: str, branches: tuple[list[Any], list[Any]], place: Place
) -> None:
    old, new = branches
    pairs, removed, added = matched(walk, old, new, lone_pair=False)
    for before, after in pairs:
        word = f" ({keyword} {_name(new[after])})"
        walk.meet(compare, old[before], new[after], place.within(keyword, after, path=word))
    what = place.schema.rpartition(".")[2].strip() or "it"
    for number in removed:
        here = place.within(keyword, number)
        if _is_null(old[number]):
            walk.note("null-refused", here, "null", True, False)
        elif new:
            walk.note("branch-removed", here, what, _name(old[number]), MISSING)
        else:
            walk.note("type-widened", here, keyword, _name(old[number]), "any")
    for number in added:
        here = place.within(keyword, number)
        if _is_null(new[number]):
            walk.note("null-allowed", here, "null", False, True)
        elif old:
            walk.note("branch-added", here, what, MISSING, _name(new[number]))
        else:
            walk.note("type-narrowed", here, keyword, "any", _name(new[number]))
    if [pair[1] for pair in pairs] != sorted(pair[1] for pair in pairs):
        walk.note("branches-reordered", place.into(keyword), keyword, *map(_names, (old, new)))


def _is_null(branch: Any) -> bool:
    return isinstance(branch, dict) and branch.get("type") == "null"


def _names(branches: list[Any]) -> list[str]:
    return [_name(branch) for branch in branches]


def _name(branch: Any) -> str:
    component = component_of(branch)
    if component is not None:
        return component[1]
    if branch in ({}, True):
        return "anything"
    if isinstance(branch, dict):
        for key in ("title", "type"):
            if isinstance(branch.get(key), str):
                return str(branch[key])
    return shown(branch)


def matched(
    walk: Walk, old: list[Any], new: list[Any], *, lone_pair: bool
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Find which branch has become which: equal ones, then those by the same reference, then the best fits.

    Args:
        walk: The walk.
        old: The branches before.
        new: The branches after.
        lone_pair: Whether one branch that is left over on each side are a pair, however unlike.

    Returns:
        Pairs of places in the order of the old ones, old places without a partner, new places without one.
    """
    pairs: dict[int, int] = {}

    def take(fits: Callable[[Any, Any], bool]) -> None:
        for number, branch in enumerate(old):
            for other, candidate in enumerate(new):
                if number not in pairs and other not in pairs.values() and fits(branch, candidate):
                    pairs[number] = other

    take(same)
    take(lambda one, other: component_of(one) is not None and component_of(one) == component_of(other))
    scores = sorted(
        (
            (-_fit(walk.old.resolved(branch), walk.new.resolved(candidate)), number, other)
            for number, branch in enumerate(old)
            for other, candidate in enumerate(new)
            if number not in pairs and other not in pairs.values()
        ),
    )
    for score, number, other in scores:
        if -score >= _GOOD_FIT and number not in pairs and other not in pairs.values():
            pairs[number] = other
    removed = [number for number in range(len(old)) if number not in pairs]
    added = [number for number in range(len(new)) if number not in pairs.values()]
    if lone_pair and len(removed) == len(added) == 1:
        pairs[removed.pop()] = added.pop()
    return sorted(pairs.items()), removed, added


def _fit(one: Any, other: Any) -> float:
    """Say how alike two branches are, from 0 to 1: the share of their leaves that they have in common."""
    if not isinstance(one, dict) or not isinstance(other, dict) or _kind(one) != _kind(other):
        return 0
    mine, theirs = set(_leaves(one)), set(_leaves(other))
    return len(mine & theirs) / max(len(mine | theirs), 1)


def _kind(schema: dict[str, Any]) -> str:
    return "object" if "properties" in schema else str(schema.get("type"))


def _leaves(value: Any, way: str = "") -> list[str]:
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in _leaves(item, f"{way}/{key}")]
    if isinstance(value, list) and value:
        return [leaf for item in value for leaf in _leaves(item, f"{way}[]")]
    return [f"{way}={shown(value)}"]
