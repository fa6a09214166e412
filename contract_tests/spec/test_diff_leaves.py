"""Nothing in a document is invisible to the diff."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.tools.diff import Change, Rating, compare
from spec.tools.diff.model import canonical
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.errors import Keys

FOR_READERS = {
    "description", "summary", "example", "examples", "bearerFormat", "info", "tags", "title", "links",
}  # fmt: skip
"""Keys below which a change may be told as documentation only."""
WITHOUT_MEANING = {"deprecated", "additionalProperties", "allOf"}
"""Keys of library.yaml below which a leaf may be left out and nothing changes."""


def leaves(value: Any, keys: Keys = ()) -> Iterator[Keys]:
    """Give the way to every value that holds no other."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not value or not isinstance(value, (dict, list)):
        yield keys
    for key, item in items:
        yield from leaves(item, (*keys, key))


def without(document: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """Give a copy of a document that lacks one value."""
    made = copy.deepcopy(document)
    here: Any = made
    for key in keys[:-1]:
        here = here[key]
    del here[keys[-1]]
    return made


def check_noticed(document: dict[str, Any], keys: Keys, plain: set[str]) -> None:
    """Fail unless the loss of a leaf is told, as more than documentation if it is more."""
    try:
        changes = compare(document, without(document, keys))
    except SpecError:  # A reference cut off from its target is told by an error.
        return
    assert changes, f"invisible: {keys}"
    readers = FOR_READERS | plain
    if not readers & set(map(str, keys)):
        assert any(change.rating > Rating.DOCUMENTATION for change in changes), (keys, _told(changes))


def _told(changes: list[Change]) -> list[str]:
    return [f"{change.rating.word} {change.place}: {change.what}" for change in changes]


def test_every_leaf_of_the_small_document_is_noticed(library: dict[str, Any]) -> None:
    """Taking any one leaf away is told, and not as documentation unless it is."""
    for keys in leaves(library):
        check_noticed(library, keys, WITHOUT_MEANING)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_any_leaf_of_the_vendored_document_is_noticed(vendored: dict[str, Any], data: st.DataObject) -> None:
    """The same holds for this project's own document."""
    check_noticed(vendored, data.draw(st.sampled_from(sorted(leaves(vendored), key=str))), {"security"})


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_any_other_value_is_noticed(vendored: dict[str, Any], data: st.DataObject) -> None:
    """Putting another value in a leaf's place is told, whatever it is."""
    keys = data.draw(st.sampled_from(sorted(leaves(vendored), key=str)))
    value = data.draw(st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)))
    made = copy.deepcopy(vendored)
    here: Any = made
    for key in keys[:-1]:
        here = here[key]
    different = canonical(here[keys[-1]]) != canonical(value)
    here[keys[-1]] = value
    try:
        changes = compare(vendored, made)
    except SpecError:
        return
    assert bool(changes) == different


def ways(value: Any, keys: Keys = ()) -> Iterator[Keys]:
    """Give the way to every value below the top."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*keys, key)
        yield from ways(item, (*keys, key))


LIBRARY: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "fixtures" / "library.yaml").read_text(encoding="utf-8")
)
MALFORMED: list[Any] = [
    None,
    True,
    0,
    "",
    [],
    {},
    [1],
    [None],
    [{}],
    {"a": 1},
    {"$ref": "#/components/schemas/Book"},
]


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_a_malformed_document_is_told_and_not_a_crash(data: st.DataObject) -> None:
    """Whatever stands in place of any value, the answer is changes or an error in words, both ways round."""
    library = LIBRARY
    keys = data.draw(st.sampled_from(list(ways(library))))
    made = copy.deepcopy(library)
    here: Any = made
    for key in keys[:-1]:
        here = here[key]
    here[keys[-1]] = data.draw(st.sampled_from(MALFORMED))
    for old, new in ((library, made), (made, library)):
        try:
            assert bool(compare(old, new)) == (canonical(old) != canonical(new))
        except SpecError:
            continue


def test_a_document_and_itself_say_the_same(vendored: dict[str, Any]) -> None:
    """Nothing is told of a document and its copy, in another order of keys either."""
    assert compare(vendored, copy.deepcopy(vendored)) == []
    assert compare(vendored, dict(reversed(list(vendored.items())))) == []
