"""What a regeneration tells and enters in the changelog."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from spec.tools import regenerate as command
from spec.tools.layout import Layout
from spec.tools.release_notes import revise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
        (HEAD + SECTION + "- One.\n" + TAIL, "- One.\n", "- One.\n", HEAD + SECTION + "- One.\n" + TAIL),
        (HEAD, "- Never there.\n", "", HEAD),
        (HEAD + TAIL, "- An old line.\n", "", HEAD + TAIL),
    ],
)
def test_the_entry_follows_the_document(before: str, stale: str, entry: str, after: str) -> None:
    """An entry replaces what an earlier run wrote; what people wrote, and earlier releases, stay."""
    assert revise(before, stale, entry) == after


@pytest.fixture
def project(tmp_path: Path, excerpt: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A project of one page, committed to git, with a stand-in for the generator."""

    def generate(_document: Any, text: str, _config: Path, into: Path) -> list[str]:
        (into / "client.py").write_text(f"SIZE = {len(text)}\n")
        return []

    monkeypatch.setattr("spec.tools.generate.generate", generate)
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


def test_without_git_the_document_before_counts(
    project: Layout,
    excerpt: Callable[..., bytes],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Outside a repository the comparison is with the document that is replaced."""
    monkeypatch.setenv("GIT_DIR", str(project.root / "nowhere"))
    (project.upstream / "things.md").write_bytes(excerpt(deprecated=True))
    assert command.main(["--root", str(project.root)]) == 0
    assert "Against the document before" in capsys.readouterr().out


def test_check_enters_nothing(project: Layout, excerpt: Callable[..., bytes]) -> None:
    """--check, which finds drift, leaves the changelog alone."""
    (project.upstream / "things.md").write_bytes(excerpt(deprecated=True))
    assert command.main(["--root", str(project.root), "--check"]) == 1
    assert project.changelog.read_text() == HEAD


def test_a_project_without_a_changelog_gets_none(project: Layout, excerpt: Callable[..., bytes]) -> None:
    """Where there is no changelog, none is made."""
    project.changelog.unlink()
    (project.upstream / "things.md").write_bytes(excerpt(deprecated=True))
    assert command.main(["--root", str(project.root)]) == 0
    assert not project.changelog.exists()
