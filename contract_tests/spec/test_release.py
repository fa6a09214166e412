"""What changes mean for the next version and the changelog, and what a regeneration enters there."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.tools import regenerate as command
from spec.tools.diff import Change, Rating, bump, changelog_entry, revise
from spec.tools.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


HEAD = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- By hand.\n"
TAIL = "\n## [1.0.0] - 2026-01-01\n\n- An old line.\n"
SECTION = "\n### Changed (API document)\n\n"


@pytest.mark.parametrize(
    ("before", "stale", "entry", "after"),
    [
        (HEAD + TAIL, "", "- One.\n", HEAD + SECTION + "- One.\n" + TAIL),
        (HEAD + SECTION + "- One.\n" + TAIL, "- One.\n", "- Two.\n", HEAD + SECTION + "- Two.\n" + TAIL),
        (HEAD + SECTION + "- One.\n" + TAIL, "- One.\n", "", HEAD + TAIL),
        (HEAD + SECTION + "- One.\n- Other.\n" + TAIL, "- One.\n", "", HEAD + SECTION + "- Other.\n" + TAIL),
        (HEAD + TAIL, "- An old line.\n", "", HEAD + TAIL),
        ("", "", "- a\n", "## [Unreleased]\n" + SECTION + "- a\n"),
        ("# C\n" + TAIL, "", "- a\n", "# C\n\n## [Unreleased]\n" + SECTION + "- a\n" + TAIL),
        (HEAD + SECTION.strip("\n"), "", "- a\n", HEAD + SECTION + "- a\n"),
        (
            HEAD + SECTION + "- b\n\n### Fixed\n\n- c\n",
            "",
            "- a\n",
            HEAD + SECTION + "- b\n- a\n\n### Fixed\n\n- c\n",
        ),
        (
            "# C\r\n",
            "",
            "- a\n",
            "# C\r\n\r\n## [Unreleased]\r\n" + SECTION.replace("\n", "\r\n") + "- a\r\n",
        ),
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


@pytest.fixture
def project(tmp_path: Path, excerpt: Callable[..., bytes], no_generator: None) -> Layout:
    """A project of one page, committed to git, with a stand-in for the generator."""
    layout = Layout(tmp_path / "project")
    layout.upstream.mkdir(parents=True)
    (layout.upstream / "things.md").write_bytes(excerpt())
    layout.config.write_text("package_name_override: package\n")
    layout.changelog.write_text(HEAD)
    (layout.root / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '0.4.1'\n")
    assert command.main(["--root", str(layout.root)]) == 0
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for arguments in (("init", "--quiet"), ("add", "--all"), (*identity, "commit", "--quiet", "-m", "x")):
        subprocess.run(["git", *arguments], cwd=layout.root, check=True)  # noqa: S603, S607 - the user's own git
    return layout


def test_a_change_is_told_and_entered_and_taken_back(
    project: Layout, excerpt: Callable[..., bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """Against what is committed: each change is shown and entered once; the way back leaves no trace."""
    page = project.upstream / "things.md"
    old = page.read_bytes()
    changelog = project.changelog.read_bytes()
    page.write_bytes(excerpt(deprecated=True))
    assert command.main(["--root", str(project.root)]) == 0
    out = capsys.readouterr().out
    assert "Against the committed document (HEAD)" in out
    assert "deprecated" in out
    assert "Version: 0.4.1 → 0.4.2" in out
    entered = project.changelog.read_text()
    assert entered.count("deprecated") >= 1
    assert command.main(["--root", str(project.root), "--force"]) == 0
    assert project.changelog.read_text() == entered
    page.write_bytes(old)
    assert command.main(["--root", str(project.root)]) == 0
    assert project.changelog.read_bytes() == changelog
