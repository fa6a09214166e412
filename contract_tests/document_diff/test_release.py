"""What changes mean for the next version and the changelog."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.tools.diff import Change, Rating, bump, changelog_entry, insert_unreleased
from spec.tools.errors import SpecError

B, R, S, D = Rating.BREAKING, Rating.RISK, Rating.SAFE, Rating.DOCUMENTATION


def change(rating: Rating, what: str = "value x added") -> Change:
    return Change(rating, "rule", "schema Book: state", what, "why")


@pytest.mark.parametrize(
    ("current", "ratings", "proposed"),
    [
        ("1.2.3", [B, S], "2.0.0"),
        ("1.2.3", [R], "1.3.0"),
        ("1.2.3", [S, D], "1.3.0"),
        ("1.2.3", [D], "1.2.4"),
        ("1.2.3", [], "1.2.3"),
        ("0.2.3", [B], "0.3.0"),
        ("0.2.3", [R], "0.2.4"),
        ("0.2.3", [S], "0.2.4"),
        ("0.0.3", [B], "0.1.0"),
        ("2.0.0rc1", [B], "2.0.0"),
        ("2.0.0-rc.1", [D], "2.0.0"),
        ("2.1.0rc1", [B], "3.0.0"),
        ("2.1.0.dev4", [S], "2.1.0"),
        ("2.1.1b2", [S], "2.2.0"),
        ("0.2.0a1", [B], "0.2.0"),
        ("1.2.3+local", [B], "2.0.0"),
    ],
)
def test_the_version_that_semantic_versioning_demands(
    current: str, ratings: list[Rating], proposed: str
) -> None:
    """Breaking: major, or minor before 1.0.0; other changes: minor, or patch; documentation: patch."""
    assert bump([change(rating) for rating in ratings], current) == proposed


@pytest.mark.parametrize("current", ["", "1.2", "one", "1.2.3.4", "v1.2.3"])
def test_no_version_no_proposal(current: str) -> None:
    """What is no version is told as such."""
    with pytest.raises(SpecError, match="is no version"):
        bump([change(B)], current)


def test_the_entry_has_a_line_for_each_change_that_callers_notice() -> None:
    """Documentation is counted only where there is nothing else."""
    entry = changelog_entry([change(B), change(S, "more"), change(D)])
    assert entry == (
        "- **breaking** schema Book: state: value x added (why).\n- schema Book: state: more (why).\n"
    )
    assert changelog_entry([change(D)]) == "- Descriptions and examples only.\n"
    assert changelog_entry([]) == ""


OLD = "# Changelog\n\nAll of it.\n\n## [0.1.0] - 2026-01-01\n\n- First.\n\n[0.1.0]: https://example.com\n"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", "## [Unreleased]\n\n### Changed (API document)\n\n- a\n"),
        (
            OLD,
            OLD.replace(
                "## [0.1.0] -", "## [Unreleased]\n\n### Changed (API document)\n\n- a\n\n## [0.1.0] -"
            ),
        ),
        (
            "# C\n\n## [Unreleased]\n\n### Added\n\n- b\n\n## [0.1.0]\n",
            "# C\n\n## [Unreleased]\n\n### Added\n\n- b\n\n### Changed (API document)\n\n- a\n\n## [0.1.0]\n",
        ),
        (
            "# C\n\n## Unreleased\n\n### Changed (API document)\n\n- b\n\n### Fixed\n\n- c\n",
            "# C\n\n## Unreleased\n\n### Changed (API document)\n\n- b\n- a\n\n### Fixed\n\n- c\n",
        ),
        (
            "# C\n\n## [Unreleased]\n\n[Unreleased]: https://example.com\n",
            "# C\n\n## [Unreleased]\n\n### Changed (API document)\n\n- a\n\n[Unreleased]: https://example.com\n",
        ),
    ],
    ids=["empty", "no-unreleased", "other-section", "own-section", "links"],
)
def test_the_entry_goes_under_unreleased(text: str, made: str) -> None:
    """It is put under its own heading of "Unreleased", and putting it there twice changes nothing."""
    assert insert_unreleased(text, "- a\n") == made
    assert insert_unreleased(made, "- a\n") == made


def test_the_line_ends_of_a_changelog_are_kept() -> None:
    """A changelog with Windows line ends keeps them."""
    made = insert_unreleased(OLD.replace("\n", "\r\n"), "- a\n")
    assert "\n" not in made.replace("\r\n", "")


LINES = [
    "# C", "## [Unreleased]", "## 1.0", "### Added", "### Changed (API document)", "- a", "- b", "", "text",
    "[x]: y",
]  # fmt: skip


@given(
    lines=st.lists(st.sampled_from(LINES)),
    entry=st.sampled_from(["- a\n", "- a\n- z\n", ""]),
)
def test_nothing_of_a_changelog_is_lost(lines: list[str], entry: str) -> None:
    """Whatever stands in it, every line stays in its order, the entry is in, and twice is once."""
    text = "\n".join(lines)
    made = insert_unreleased(text, entry)
    rest = iter(made.splitlines())
    assert all(line in rest for line in text.splitlines() if line)
    assert all(line in made.splitlines() for line in entry.splitlines())
    assert insert_unreleased(made, entry) == made
