"""Nothing in a document is invisible to the diff."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract_tests.spec.pages import at, fixture, leaves, put, vendored, ways
from spec.tools.diff import Change, Rating, compare
from spec.tools.diff.model import canonical
from spec.tools.errors import Keys, SpecError

FOR_READERS = {
    "description", "summary", "example", "examples", "bearerFormat", "info", "tags", "title", "links",
}  # fmt: skip
"""Keys below which a change may be told as documentation only."""
WITHOUT_MEANING = {"deprecated", "additionalProperties", "allOf"}
"""Keys of library.yaml below which a leaf may be left out and nothing changes."""
LIBRARY = fixture("library.yaml")
MALFORMED: list[Any] = [
    [None], True, 0, "", [], {}, [1], [{}], {"a": 1}, {"$ref": "#/components/schemas/Book"},
]  # fmt: skip
few = settings(max_examples=25, deadline=None, derandomize=True, database=None)


def compared(old: Any, new: Any) -> list[Change] | None:
    """Compare; None where an error in words says what is wrong, such as a reference to nothing."""
    try:
        return compare(old, new)
    except SpecError:
        return None


def check_noticed(document: dict[str, Any], keys: Keys, plain: set[str]) -> None:
    """Fail unless the loss of a leaf is told, as more than documentation if it is more."""
    changes = compared(document, put(document, keys, None))
    assert changes is None or changes, f"invisible: {keys}"
    if changes and not (FOR_READERS | plain) & set(map(str, keys)):
        assert any(change.rating > Rating.DOCUMENTATION for change in changes), (keys, changes)


@pytest.mark.parametrize("part", range(4))
def test_every_leaf_of_the_small_document_is_noticed(part: int) -> None:
    """Taking any one leaf away is told, and not as documentation unless it is."""
    for keys in leaves(LIBRARY)[part::4]:
        check_noticed(LIBRARY, keys, WITHOUT_MEANING)


@settings(few, max_examples=8)
@given(data=st.data())
def test_any_leaf_of_the_vendored_document_is_noticed(data: st.DataObject) -> None:
    """The same holds for this project's own document."""
    check_noticed(vendored(), data.draw(st.sampled_from(sorted(leaves(vendored()), key=str))), {"security"})


@few
@given(data=st.data())
def test_a_malformed_document_is_told_and_not_a_crash(data: st.DataObject) -> None:
    """Whatever stands in place of any value, the answer is changes or an error in words, both ways round."""
    assert compare(LIBRARY, fixture("library.yaml")) == []
    keys = data.draw(st.sampled_from(list(ways(LIBRARY))[1:]))
    made = put(LIBRARY, keys, data.draw(st.sampled_from(MALFORMED) | st.integers() | st.text(max_size=5)))
    for old, new in ((LIBRARY, made), (made, LIBRARY)):
        changes = compared(old, new)
        assert changes is None or bool(changes) == (canonical(at(LIBRARY, keys)) != canonical(at(made, keys)))
