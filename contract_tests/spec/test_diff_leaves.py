"""Nothing in a document is invisible to the diff."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contract_tests.spec.conftest import at, leaves, ways
from spec.tools.diff import Change, Rating, compare
from spec.tools.diff.model import canonical
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from spec.tools.errors import Keys

FOR_READERS = {
    "description", "summary", "example", "examples", "bearerFormat", "info", "tags", "title", "links",
}  # fmt: skip
"""Keys below which a change may be told as documentation only."""
WITHOUT_MEANING = {"deprecated", "additionalProperties", "allOf"}
"""Keys of library.yaml below which a leaf may be left out and nothing changes."""


def check_noticed(document: dict[str, Any], keys: Keys, plain: set[str]) -> None:
    """Fail unless the loss of a leaf is told, as more than documentation if it is more."""
    try:
        made = copy.deepcopy(document)
        del at(made, keys[:-1])[keys[-1]]
        changes = compare(document, made)
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
    here = at(made, keys[:-1])
    different = canonical(here[keys[-1]]) != canonical(value)
    here[keys[-1]] = value
    try:
        changes = compare(vendored, made)
    except SpecError:
        return
    assert bool(changes) == different


REFERENCE = {"$ref": "#/components/schemas/Book"}
MALFORMED: list[Any] = [None, True, 0, "", [], {}, [1], [None], [{}], {"a": 1}, REFERENCE]


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_a_malformed_document_is_told_and_not_a_crash(
    session_library: dict[str, Any], data: st.DataObject
) -> None:
    """Whatever stands in place of any value, the answer is changes or an error in words, both ways round."""
    keys = data.draw(st.sampled_from(list(ways(session_library))[1:]))
    made = copy.deepcopy(session_library)
    here = at(made, keys[:-1])
    here[keys[-1]] = data.draw(st.sampled_from(MALFORMED))
    for old, new in ((session_library, made), (made, session_library)):
        try:
            assert bool(compare(old, new)) == (canonical(old) != canonical(new))
        except SpecError:
            continue


def test_a_document_and_itself_say_the_same(vendored: dict[str, Any]) -> None:
    """Nothing is told of a document and its copy, in another order of keys either."""
    assert compare(vendored, copy.deepcopy(vendored)) == []
    assert compare(vendored, dict(reversed(list(vendored.items())))) == []
