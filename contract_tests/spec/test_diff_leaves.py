"""Nothing in a document is invisible to the diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contract_tests.spec.conftest import at, leaves, put, ways
from spec.tools.diff import Rating, compare
from spec.tools.diff.model import canonical
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from spec.tools.diff import Change
    from spec.tools.errors import Keys

FOR_READERS = {
    "description", "summary", "example", "examples", "bearerFormat", "info", "tags", "title", "links",
}  # fmt: skip
"""Keys below which a change may be told as documentation only."""
WITHOUT_MEANING = {"deprecated", "additionalProperties", "allOf"}
"""Keys of library.yaml below which a leaf may be left out and nothing changes."""
REFERENCE = {"$ref": "#/components/schemas/Book"}
MALFORMED: list[Any] = [[None], True, 0, "", [], {}, [1], [{}], {"a": 1}, REFERENCE]

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


def test_every_leaf_of_the_small_document_is_noticed(library: dict[str, Any]) -> None:
    """Taking any one leaf away is told, and not as documentation unless it is."""
    for keys in leaves(library):
        check_noticed(library, keys, WITHOUT_MEANING)


@few
@given(data=st.data())
def test_any_leaf_of_the_vendored_document_is_noticed(vendored: dict[str, Any], data: st.DataObject) -> None:
    """The same holds for this project's own document; another value in a leaf's place is told, too."""
    keys = data.draw(st.sampled_from(sorted(leaves(vendored), key=str)))
    check_noticed(vendored, keys, {"security"})
    value = data.draw(st.one_of(st.booleans(), st.integers(), st.text(max_size=5)))
    changes = compared(vendored, put(vendored, keys, value))
    assert changes is None or bool(changes) == (canonical(at(vendored, keys)) != canonical(value))


@few
@given(data=st.data())
def test_a_malformed_document_is_told_and_not_a_crash(
    session_library: dict[str, Any], data: st.DataObject
) -> None:
    """Whatever stands in place of any value, the answer is changes or an error in words, both ways round."""
    keys = data.draw(st.sampled_from(list(ways(session_library))[1:]))
    made = put(session_library, keys, data.draw(st.sampled_from(MALFORMED)))
    for old, new in ((session_library, made), (made, session_library)):
        changes = compared(old, new)
        assert changes is None or bool(changes) == (canonical(old) != canonical(new))
