"""Walks two documents side by side, follows references, and rates what differs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from attrs import evolve, frozen

from spec.tools.diff.document import Node
from spec.tools.diff.model import MISSING, Change, Direction, Rating, as_map, canonical, same, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from spec.tools.diff.document import Document, Pair

DOCUMENTATION: Final = frozenset(
    {"description", "summary", "example", "examples", "externalDocs", "$comment", "bearerFormat", "links"}
    # Where these tools keep such of the vendor's as OpenAPI 3.0 has no place for, or their schema refuses.
    | {"x-summary", "x-title", "x-comment", "x-examples"}
    | {"x-unfit-example", "x-unfit-examples", "x-unfit-default"}
)
"""Keys that say something to readers and nothing to callers of the client, wherever they stand."""

RULES: Final[dict[str, list[str]]] = yaml.safe_load(
    (Path(__file__).parent / "ratings.yaml").read_text(encoding="utf-8")
)["rules"]


@frozen
class _Finding:
    rule: str
    pair: Pair
    name: str
    old: Any
    new: Any

    @property
    def verdict(self) -> tuple[Rating, str]:
        """Rating and reason."""
        _, *verdicts = RULES[self.rule]
        received = self.pair.direction is Direction.RECEIVED
        word, _, why = verdicts[-1 if received else 0].partition(": ")
        if word == "names":
            return Rating.BREAKING, why
        rating = Rating[word.upper()]
        if self.pair.direction is Direction.NEITHER and rating > Rating.SAFE:
            return Rating.SAFE, "no operation uses it this way"
        return rating, why


class Walk:
    """One walk through two documents."""

    def __init__(self, old: Document, new: Document) -> None:
        self.old = old
        self.new = new
        self.met: set[str] = set()  # the components of the new document that were compared
        self.uses_of_schemes: dict[str, set[str]] = {}  # the operations that use each security scheme
        self._findings: list[_Finding] = []
        self._followed: set[tuple[object, ...]] = set()
        self._repeated = 0
        self._unchanged = _unchanged_components(old.root, new.root)

    @property
    def count(self) -> int:
        """How many differences have been noted, with those that a comparison made before has noted."""
        return len(self._findings) + self._repeated

    def note(self, rule: str, pair: Pair, name: str = "", *values: Any) -> None:
        """Note a difference; `values` are the old and the new one if not the pair's."""
        self._findings.append(_Finding(rule, pair, name, *(values or pair.values)))

    def follow(self, pair: Pair, compare: Callable[[Walk, Pair], None]) -> None:
        """Compare two values that may be references; each pair of targets is met once in each use.

        What two references to one component lead to is reported at the component, anything else in place.
        """
        old, new = pair.old.target, pair.new.target
        named = [(node.owner, node.name) for node in (pair.old, pair.new)]
        if old == new and (old or named[0] == named[1]) and self._says_the_same(*pair.values):
            return
        ways = (old or pair.old.way, new or pair.new.way)
        key: tuple[object, ...] = (*ways, pair.direction, pair.use, pair.callback)
        # What several parts say together may have one way, and differ from use to use.
        if not old and not new:
            key += tuple(map(canonical, pair.values))
        if key in self._followed:
            self._repeated += bool(old or new or pair.differs)
            return
        self._followed.add(key)
        targets = pair.each(Node.resolved)
        self.met |= {target for target in (old, new, targets.old.target, targets.new.target) if target}
        if old != new:
            targets = pair.of(
                evolve(targets.old, place=pair.old.place), evolve(targets.new, place=pair.new.place)
            )
        before = self.count
        compare(self, targets)
        if self.count == before and old != new and MISSING not in pair.values:
            self.note("reference-moved", pair, "", old or "a schema in place", new or "a schema in place")
        elif self.count == before:
            self.written(targets)

    def _says_the_same(self, old: Any, new: Any) -> bool:
        text = canonical(old)
        return text == canonical(new) and self._unchanged.issuperset(_references(text))

    def rest(self, pair: Pair, known: Collection[str]) -> None:
        """Note every difference in the keys that no comparison covers, so that nothing is left out."""
        for key in pair.keys:
            here = pair.at(key)
            if key in known or not here.differs:
                continue
            if key in DOCUMENTATION:
                self.documentation(here, key)
            elif key == "deprecated":
                self.flag(here, "deprecated", "not-deprecated")
            elif key == "x-image-constraints":
                self._constraints(here, str(key))
            elif str(key).startswith("x-"):
                self.note("extension-changed", here, str(key))
            else:
                self.note("unknown-changed", here, str(key))

    def documentation(self, pair: Pair, name: str) -> None:
        """Note a difference in what only readers see."""
        if pair.differs:
            old, new = pair.values
            change = "added" if old is MISSING else "removed" if new is MISSING else "changed"
            self.note(f"documentation-{change}", pair, name)

    def flag(self, pair: Pair, now: str, no_longer: str, name: str = "") -> None:
        """Compare two flags that are false when they are left out."""
        one, other = (value is True for value in pair.values)
        if one != other:
            self.note(now if other else no_longer, pair, name, one, other)
        self.written(pair)

    def written(self, pair: Pair) -> None:
        """Note that two values mean the same though they differ, unless something was said of their place."""
        if any(one.pair.place == pair.place for one in self._findings[-2:]):
            self._repeated += pair.differs
        elif pair.differs:
            self.note("rewritten", pair, str(pair.place.keys[-1]))

    def limit(self, pair: Pair, name: str, old: tuple[Any, bool], new: tuple[Any, bool]) -> None:
        """Compare two limits, each with whether the limit itself is excluded; lower ones begin with `min`."""
        if not is_number(old[0]) or not is_number(new[0]):
            change = "changed"
        elif MISSING in (old[0], new[0]):
            change = "tightened" if old[0] is MISSING else "loosened"
        elif old[0] == new[0]:
            change = "tightened" if new[1] else "loosened"
        else:
            lower = name.rpartition(".")[2].startswith("min")
            change = "tightened" if (new[0] > old[0]) == lower else "loosened"
        words = [f"{value} (excluded)" if excluded else value for value, excluded in (old, new)]
        self.note(f"limit-{change}", pair, name, *words)

    def choice(self, pair: Pair, name: str, old: list[Any], new: list[Any]) -> None:
        """Compare two lists of accepted values."""
        for value in old:
            if not is_in(value, new):
                self.note("value-removed", pair, name, value, MISSING)
        for value in new:
            if not is_in(value, old):
                self.note("value-added", pair, name, MISSING, value)

    def _constraints(self, pair: Pair, name: str) -> None:
        """Compare constraints: `min…` and `max…` are limits, lists are choices, the rest is unknown."""
        old, new = pair.values
        before = self.count
        if any(isinstance(value, dict) for value in pair.values):
            for key in pair.keys:
                if pair.at(key).differs:
                    self._constraints(pair.at(key), f"{name}.{key}")
        elif name.rpartition(".")[2].startswith(("min", "max")) and is_number(old) and is_number(new):
            self.limit(pair, name, (old, False), (new, False))
        elif isinstance(old, list) and isinstance(new, list):
            self.choice(pair, name, old, new)
        elif "." in name and any(isinstance(value, list) for value in pair.values) and MISSING in pair.values:
            self.note("limit-tightened" if old is MISSING else "limit-loosened", pair, name)
        if self.count == before:
            self.note("extension-changed", pair, name)

    def changes(self) -> list[Change]:
        """Rate what was noted, worst first; the same difference at several places is reported once."""
        groups: dict[tuple[str, ...], list[_Finding]] = {}
        for one in self._findings:
            place = one.pair.place
            subject = "" if place.operation else place.subject
            key = (one.rule, one.name, canonical(one.old), canonical(one.new), subject, place.steps)
            groups.setdefault(key, []).append(one)
        return sorted(map(_rated, groups.values()), key=lambda one: (-one.rating, one.place, one.what))


def is_number(value: Any) -> bool:
    """Return whether a value is a number, or missing."""
    return value is MISSING or (isinstance(value, (int, float)) and not isinstance(value, bool))


def is_in(value: Any, values: list[Any]) -> bool:
    """Return whether a list holds a value; `1` and `true` differ."""
    return any(same(value, one) for one in values)


def _rated(findings: list[_Finding]) -> Change:
    first = findings[0]
    place = first.pair.place
    rating, why = max((one.verdict for one in findings), key=lambda verdict: verdict[0])
    labels = (one.pair.place.subject if one.pair.place.operation else one.pair.use for one in findings)
    operations = tuple(sorted({label for label in labels if label}))
    if place.operation and len(operations) > 1:
        place = evolve(place, subject=f"{len(operations)} operations")
    what = RULES[first.rule][0].format(name=first.name, old=shown(first.old), new=shown(first.new))
    values = [None if value is MISSING else value for value in (first.old, first.new)]
    return Change(rating, first.rule, str(place), what, why, operations, place.keys, *values)


def _references(text: str) -> set[str]:
    return set(re.findall(r'"\$ref": "(#/[^"]*)"', text))


def _unchanged_components(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    """Name the components that are the same in both documents, with all that they refer to."""
    unchanged = {}
    before, after = as_map(old.get("components")), as_map(new.get("components"))
    for section, components in before.items():
        for name, value in as_map(components).items():
            text = canonical(value)
            if text == canonical(as_map(after.get(section)).get(name, MISSING)):
                unchanged[f"#/components/{section}/{name}"] = _references(text)
    while gone := [name for name, references in unchanged.items() if not references <= unchanged.keys()]:
        for name in gone:
            del unchanged[name]
    return set(unchanged)
