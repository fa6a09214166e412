"""Rates findings by the table of rules, for the directions in which their values go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spec.tools.diff.model import MISSING, Change, Direction, Rating, Use, canonical, shown
from spec.tools.diff.rules import RULES

if TYPE_CHECKING:
    from spec.tools.diff.model import Finding, Place
    from spec.tools.diff.walker import Walk


def rated(walk: Walk) -> list[Change]:
    """Make the changes that people read, worst first; the same at several operations is told once."""
    told: dict[tuple[str, ...], Change] = {}
    key: tuple[str, ...]
    for finding in walk.findings:
        change = _change(walk, finding)
        key = (
            change.rule,
            change.what,
            change.why,
            str(change.rating),
            canonical(finding.old),
            canonical(finding.new),
        )
        key = (*key, finding.place.steps, "" if finding.place.operation else finding.place.subject)
        if (known := told.get(key)) is None:
            told[key] = change
        else:
            both = tuple(dict.fromkeys([*known.operations, *change.operations]))
            told[key] = _several(known, finding.place, both)
    return sorted(told.values(), key=lambda change: change.sort_key)


def _several(change: Change, place: Place, operations: tuple[str, ...]) -> Change:
    if not place.operation or len(operations) == 1:
        return change.with_operations(operations)
    subject = f"{len(operations)} operations"
    return Change(
        change.rating, change.rule, f"{subject}: {place.steps}" if place.steps else subject,
        change.what, change.why, operations, change.keys, change.old, change.new,
    )  # fmt: skip


def _change(walk: Walk, finding: Finding) -> Change:
    rule, place = RULES[finding.rule], finding.place
    uses = _uses(walk, place)
    directions = _directions(place, uses)
    if directions:
        rating, why = max(
            (
                (rule.sent, rule.why_sent)
                if direction is Direction.SENT
                else (rule.received, rule.why_received)
            )
            for direction in directions
        )
    elif rule.unused is Rating.BREAKING:
        rating, why = rule.unused, rule.why_sent
    elif uses or place.direction:
        rating, why = rule.unused, "it is read-only or write-only, and goes the other way"
    elif place.component is not None:
        rating, why = rule.unused, "no operation uses it"
    else:
        rating, why = max((rule.sent, rule.why_sent), (rule.received, rule.why_received))
    return Change(
        rating,
        finding.rule,
        str(place),
        rule.words.format(name=finding.name, old=shown(finding.old), new=shown(finding.new)),
        why,
        (place.subject,) if place.operation else tuple(dict.fromkeys(map(str, uses))),
        place.keys,
        _json(finding.old),
        _json(finding.new),
    )


def _json(value: Any) -> Any:
    return None if value is MISSING else value


def _uses(walk: Walk, place: Place) -> list[Use]:
    """Give the uses that a component has in both documents; those of either if it has none in both."""
    if place.component is None:
        return []
    section, old_name, new_name = place.component
    old, new = walk.old.uses(section, old_name), walk.new.uses(section, new_name)
    return sorted((old & new) or (old | new), key=str)


def _directions(place: Place, uses: list[Use]) -> list[Direction]:
    found = [place.direction] if place.direction else list(dict.fromkeys(use.direction for use in uses))
    if place.only is None:
        return found
    return [direction for direction in found if direction is place.only]
