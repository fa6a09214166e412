"""What changes mean for the next version and the changelog."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.spec.conftest import CHANGELOG as HEAD
from spec.tools.diff import Change, Rating, bump, changelog_entry, revise

B, R, S, D = Rating.BREAKING, Rating.RISK, Rating.SAFE, Rating.DOCUMENTATION


def change(rating: Rating, what: str = "value x added") -> Change:
    return Change(rating, "rule", "schema Book: state", what, "why")


def test_the_version_that_semantic_versioning_demands() -> None:
    """Breaking: major, or minor before 1.0.0; other changes: minor, or patch; documentation: patch."""
    proposed = [
        ("1.2.3", [B, S], "2.0.0"), ("1.2.3", [R], "1.3.0"), ("1.2.3", [D], "1.2.4"), ("1.2.3", [], "1.2.3"),
        ("0.2.3", [B], "0.3.0"), ("0.2.3", [R], "0.2.4"), ("0.0.3", [B], "0.1.0"), ("2.0.0rc1", [B], "2.0.0"),
        ("2.1.0rc1", [B], "3.0.0"), ("2.1.1b2", [S], "2.2.0"), ("0.2.0a1", [B], "0.2.0"),
        ("1.2.3+local", [B], "2.0.0"),
    ]  # fmt: skip
    for current, ratings, expected in proposed:
        assert bump([change(rating) for rating in ratings], current) == expected, current


def test_the_entry_has_a_line_for_each_change_that_callers_notice() -> None:
    """Documentation is counted only where there is nothing else."""
    entry = changelog_entry([change(B), change(S, "more"), change(D)])
    assert entry == (
        "- **breaking** schema Book: state: value x added (why).\n- schema Book: state: more (why).\n"
    )
    assert changelog_entry([change(D)]) == "- Descriptions and examples only.\n"
    assert changelog_entry([]) == ""


TAIL = "\n## [1.0.0] - 2026-01-01\n\n- An old line.\n"
SECTION = "\n### Changed (API document)\n\n"
FIXED = "\n### Fixed\n\n- c\n"
NEW = "## [Unreleased]\n" + SECTION + "- a\n"


@pytest.mark.parametrize(
    ("before", "stale", "entry", "after"),
    [
        (HEAD + TAIL, "", "- a\n", HEAD + SECTION + "- a\n" + TAIL),
        (HEAD + SECTION + "- b\n" + TAIL, "- b\n", "- a\n", HEAD + SECTION + "- a\n" + TAIL),
        (HEAD + SECTION + "- b\n" + TAIL, "- b\n", "", HEAD + TAIL),
        (HEAD + SECTION + "- b\n- other\n" + TAIL, "- b\n", "", HEAD + SECTION + "- other\n" + TAIL),
        (HEAD + TAIL, "- An old line.\n", "", HEAD + TAIL),
        ("", "", "- a\n", NEW),
        ("# C\n" + TAIL, "", "- a\n", "# C\n\n" + NEW + TAIL),
        (HEAD + SECTION + "- b\n" + FIXED, "", "- a\n", HEAD + SECTION + "- b\n- a\n" + FIXED),
        ("# C\r\n", "", "- a\n", "# C\r\n\r\n" + NEW.replace("\n", "\r\n")),
    ],
)
def test_the_entry_follows_the_document(before: str, stale: str, entry: str, after: str) -> None:
    """An entry replaces what an earlier run wrote; what people wrote, and earlier releases, stay."""
    assert revise(before, stale, entry) == after
    assert revise(after, "", entry) == after


LINES = ["# C", "## [Unreleased]", "## 1.0", "### Added", SECTION.strip(), "- a", "- b", "", "text", "[x]: y"]


@given(lines=st.lists(st.sampled_from(LINES)), entry=st.sampled_from(["- a\n", "- a\n- z\n", ""]))
def test_nothing_of_a_changelog_is_lost(lines: list[str], entry: str) -> None:
    """Every line stays in its order, the entry is in, and twice is once."""
    text = "\n".join(lines)
    made = revise(text, "", entry)
    rest = iter(made.splitlines())
    assert all(line in rest for line in text.splitlines() if line)
    assert all(line in made.splitlines() for line in entry.splitlines())
    assert revise(made, "", entry) == made
