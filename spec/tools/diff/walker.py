"""The walk's common ground: notes findings, follows references, and meets each component once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from spec.tools.diff.model import MISSING, Finding, Place, canonical, same
from spec.tools.diff.reference import Document, component_of, reference_of

if TYPE_CHECKING:
    from collections.abc import Collection

DOCUMENTATION: Final = frozenset(
    {"description", "summary", "example", "examples", "externalDocs", "$comment", "bearerFormat"}
)
"""Keys that tell readers something and callers nothing, wherever they stand."""


class Comparison(Protocol):
    """Compares two values of one kind at a place."""

    def __call__(self, walk: Walk, old: Any, new: Any, place: Place) -> None: ...  # noqa: D102 - see the class


class Walk:
    """One walk through two documents side by side.

    Args:
        old: The document before.
        new: The document after.
    """

    def __init__(self, old: Document, new: Document) -> None:
        self.old = old
        self.new = new
        self.findings: list[Finding] = []
        self.renamed: dict[tuple[str, str], str] = {}
        self._followed: list[tuple[str, str]] = []

    def note(self, rule: str, place: Place, name: str = "", old: Any = MISSING, new: Any = MISSING) -> None:
        """Note a finding."""
        self.findings.append(Finding(rule, place, name, old, new))

    def meet(self, compare: Comparison, old: Any, new: Any, place: Place) -> None:
        """Compare two values of which either may be a reference.

        Two references to one component say nothing here: components are compared on their own, once. The
        same goes for a component that has got another name. Otherwise what they lead to is compared in place.
        """
        if same(old, new):
            return
        one, other = component_of(old), component_of(new)
        if one is not None and other is not None and (one == other or self._is_renamed(one, other)):
            self._compare_siblings(old, new, place)
            return
        outside = [value for value in (old, new) if _leads_outside(value)]
        if outside:
            if not same(old, new):
                self.note("reference-changed", place, "$ref", _reference(old), _reference(new))
            return
        names = (reference_of(old) or canonical(old), reference_of(new) or canonical(new))
        if names in self._followed:
            return
        values = self.old.resolved(old), self.new.resolved(new)
        if not all(isinstance(value, dict) for value in values):
            self.note("unknown-changed", place, "no map", old, new)
            return
        self._followed.append(names)
        before = len(self.findings)
        compare(self, *values, place)
        self._followed.pop()
        if before == len(self.findings) and (one or other) and MISSING not in (old, new):
            self.note("reference-moved", place, "$ref", _reference(old), _reference(new))

    def _compare_siblings(self, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
        self.rest(
            {key: value for key, value in old.items() if key != "$ref"},
            {key: value for key, value in new.items() if key != "$ref"},
            (),
            place,
        )

    def _is_renamed(self, one: tuple[str, str], other: tuple[str, str]) -> bool:
        """Tell whether one component is the other under a new name: each is unknown to the other document."""
        if self.renamed.get(one) == other[1]:
            return True
        if (
            one[0] != other[0]
            or one in self.renamed
            or other[1] in self.renamed.values()
            or one[1] in self.new.names(one[0])
            or other[1] in self.old.names(one[0])
        ):
            return False
        self.renamed[one] = other[1]
        return True

    def documentation(self, name: str, old: Any, new: Any, place: Place) -> None:
        """Note a difference in what only readers see."""
        if same(old, new):
            return
        change = "added" if old is MISSING else "removed" if new is MISSING else "changed"
        self.note(f"documentation-{change}", place, name, old, new)

    def rest(self, old: dict[str, Any], new: dict[str, Any], told: Collection[str], place: Place) -> None:
        """Note every difference in the keys that no comparison has told yet, so that nothing is invisible."""
        for key in {**old, **new}:
            one, other = old.get(key, MISSING), new.get(key, MISSING)
            if key in told or same(one, other):
                continue
            here = place.into(key)
            if key in DOCUMENTATION:
                self.documentation(key, one, other, here)
            elif key == "deprecated":
                self.deprecation(one, other, here)
            elif key.startswith("x-"):
                extension(self, key, one, other, here)
            else:
                self.note("unknown-changed", here, key, one, other)

    def deprecation(self, old: Any, new: Any, place: Place) -> None:
        """Compare two `deprecated` flags."""
        one, other = old is True, new is True
        if one != other:
            self.note("deprecated" if other else "not-deprecated", place, "this", old, new)
        elif not same(old, new):
            self.note("rewritten", place, "deprecated", old, new)


def extension(walk: Walk, name: str, old: Any, new: Any, place: Place) -> None:
    """Compare a specification extension.

    What it means is told from how people write them: keys that begin with `min` or `max` are limits, a list
    is a choice of what is accepted. Anything else is a risk, because nobody here knows.
    """
    before = len(walk.findings)
    inside = "." in name
    if MISSING in (old, new) and not inside and (isinstance(old, dict) or isinstance(new, dict)):
        old, new = ({} if value is MISSING else value for value in (old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            one, other = old.get(key, MISSING), new.get(key, MISSING)
            if not same(one, other):
                extension(walk, f"{name}.{key}", one, other, place.into(key))
    elif _are_limits(name, old, new):
        lower = name.rpartition(".")[2].startswith("min")
        limit(walk, name, ((old, False), (new, False)), place, lower)
    elif place.schema and isinstance(old, list) and isinstance(new, list):
        _choice(walk, name, old, new, place)
    elif (
        place.schema and inside and MISSING in (old, new) and (isinstance(old, list) or isinstance(new, list))
    ):
        rule = "extension-choice-added" if old is MISSING else "extension-choice-removed"
        walk.note(rule, place, name, old, new)
    if before == len(walk.findings):
        walk.note("extension-changed", place, name, old, new)


def _choice(walk: Walk, name: str, old: list[Any], new: list[Any], place: Place) -> None:
    known, kept = ({canonical(value) for value in values} for values in (old, new))
    for value in old:
        if canonical(value) not in kept:
            walk.note("extension-value-removed", place, name, value, MISSING)
    for value in new:
        if canonical(value) not in known:
            walk.note("extension-value-added", place, name, MISSING, value)


def _are_limits(name: str, old: Any, new: Any) -> bool:
    return name.rpartition(".")[2].startswith(("min", "max")) and _limits(old, new)


def limit(
    walk: Walk,
    name: str,
    limits: tuple[tuple[Any, bool], tuple[Any, bool]],
    place: Place,
    lower: bool,  # noqa: FBT001 - a lower limit or an upper one
) -> None:
    """Compare two limits, each with whether the limit itself is shut out."""
    old, new = limits
    if not _limits(old[0], new[0]):
        walk.note("limit-changed", place, name, old[0], new[0])
        return
    if old[0] is MISSING or new[0] is MISSING:
        tighter = old[0] is MISSING
    elif old[0] == new[0]:
        tighter = new[1]
    else:
        tighter = (new[0] > old[0]) == lower
    words = [value if value is MISSING or not shut else f"{value} (excluded)" for value, shut in (old, new)]
    walk.note("limit-tightened" if tighter else "limit-loosened", place, name, *words)


def _limits(*values: Any) -> bool:
    return all(
        value is MISSING or (isinstance(value, (int, float)) and not isinstance(value, bool))
        for value in values
    )


def _leads_outside(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("$ref"), str) and reference_of(value) is None


def _reference(value: Any) -> Any:
    component = component_of(value)
    if component is not None:
        return component[1]
    if isinstance(value, dict) and "$ref" in value:
        return value["$ref"]
    return value if value is MISSING else "a description in place"
