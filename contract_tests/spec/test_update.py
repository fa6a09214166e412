"""`make update`: a fresh page comes in whole, with its history and its meaning, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from spec.tools import update as command
from spec.tools.diff import Change, Rating
from spec.tools.layout import Layout
from spec.tools.regenerate import regenerate
from spec.tools.release_notes import ReleaseNotes
from spec.tools.replace import files_below
from spec.tools.update_report import MOST_LINES, Outcome, report, report_as_markdown

ROOT = Path(__file__).parents[2]

PAGE = """# Things

````yaml get /v1/things
openapi: 3.0.3
info: {title: Things, version: '1'}
paths:
  /v1/things:
    get:
      parameters:
        - {name: kind, in: query, schema: {type: string, enum: [big, small]}}
      responses:
        '200':
          description: OK
          content:
            application/json:
              schema: {type: string, enum: [ready]}
````
"""
OVERLAY = """overlay: 1.0.0
info: {title: O, version: '1'}
actions:
  - target: $.paths['/v1/things'].get.parameters[0].schema.enum
    description: Seen.
    x-source: this test
    x-sureness: A
    update: tiny
"""


@pytest.fixture
def project(tmp_path: Path, no_generator: None) -> Layout:
    """A project with one page, whose outputs are up to date."""
    layout = Layout(tmp_path / "project")
    layout.upstream.mkdir(parents=True)
    (layout.upstream / "things.md").write_text(PAGE)
    layout.overlay.write_text(OVERLAY)
    layout.changelog.write_text("# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Something.\n")
    (layout.root / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1.2.3'\n")
    shutil.copy(ROOT / "spec" / "generator.yaml", layout.config)
    regenerate(layout)
    return layout


def everything(layout: Layout) -> dict[str, bytes]:
    found = files_below(layout.root)
    return {name: content for name, content in found.items() if not name.startswith(".cache")}


def fresh(project: Layout, old: str = "", new: str = "") -> bytes:
    return (project.upstream / "things.md").read_text().replace(old, new).encode()


def run(project: Layout, content: bytes, *arguments: str, page: str = "things.md") -> int:
    return command.main(
        [page, "--root", str(project.root), *(arguments or ("--tests", "none"))], lambda _: content
    )


def test_a_changed_page_comes_in_with_all_that_follows(
    project: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page, document, client and changelog are new together; the old page is in the history."""
    old = project.upstream_files()["things.md"]
    assert run(project, fresh(project, "[ready]", "[ready, late]")) == 0
    out = capsys.readouterr().out
    assert "late" in project.document.read_text()
    assert project.outputs()["generated/package/client.py"]
    assert "### Changed (API document)" in project.changelog.read_text()
    assert [path.read_bytes() for path in project.history.iterdir()] == [old]
    assert "risk" in out
    assert "1.2.3 → 1.3.0" in out
    assert len(out.splitlines()) <= MOST_LINES


def test_prose_alone_is_taken_over_without_tests(
    project: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where only the page's prose differs, the document stays and no test is run."""
    monkeypatch.setattr(command, "run_tests", lambda *_: pytest.fail("no test is needed"))
    before = project.document.read_bytes()
    assert (
        run(project, fresh(project, "# Things\n", "# Things\n\n<Note>New prose.</Note>\n"), "--tests", "full")
        == 0
    )
    assert "only prose" in capsys.readouterr().out
    assert project.document.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!doctype html><html><body>Sign in</body></html>", "this is HTML"),
        (b"", "the page is empty"),
        (b"# Things\n\n````yaml get /v1/things\npaths:\n", "never closed"),
        (b"# Things\n\nNo block.\n", "no block"),
        (b"\xff\xfe", "not UTF-8"),
        (b"# Things\n\n````yaml get /v1/things\nopenapi: 3.0.3\n````\n", "no `paths`"),
    ],
)
def test_a_page_that_cannot_be_used_changes_nothing(
    project: Layout,
    content: bytes,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever comes in place of a page: one line and an assurance, exit code 1, every file as it was."""
    before = everything(project)
    assert run(project, content) == 1
    error = capsys.readouterr().err.splitlines()
    assert words in error[0]
    assert error[-1] == "The tree is as it was."
    assert everything(project) == before


@pytest.mark.parametrize("step", range(0, 9, 2))
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_in_the_swap_is_taken_back(
    project: Layout,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    failure: BaseException,
) -> None:
    """A full disk or Ctrl-C at any step of the swap leaves every file as it was before."""
    before, rename, steps = everything(project), Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        steps.append(target)
        if len(steps) == step + 1:
            raise failure
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    assert run(project, fresh(project, "[ready]", "[late]")) == (
        130 if isinstance(failure, KeyboardInterrupt) else 1
    )
    assert len(steps) > step
    assert everything(project) == before
    assert not project.history.exists()


@pytest.mark.parametrize(("keep", "code"), [((), 1), (("--keep",), 0)])
def test_failing_tests_stop_it_unless_told_otherwise(
    project: Layout,
    monkeypatch: pytest.MonkeyPatch,
    keep: tuple[str, ...],
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Red tests leave the tree as it was and are named; --keep takes the page over all the same."""
    seen: list[str] = []

    def failing(tree: Path) -> tuple[bool, str]:
        seen.append((tree / "spec" / "openapi.yaml").read_text())
        return True, "1 failed, 3 passed; FAILED t.py::test_one"

    monkeypatch.setattr(command, "run_tests", failing)
    before = everything(project)
    assert run(project, fresh(project, "[ready]", "[late]"), "--tests", "full", *keep) == code
    out = capsys.readouterr().out
    assert "1 failed, 3 passed; FAILED t.py::test_one" in out
    assert "late" in seen[0], "the tests must run against what is new"
    assert (everything(project) == before) is (not keep)
    assert ("NOT taken over" in out) is (not keep)


def test_markdown_is_written_for_a_pull_request(project: Layout, tmp_path: Path) -> None:
    """--markdown writes the report and the diff's table."""
    assert (
        run(
            project,
            fresh(project, "[ready]", "[late]"),
            "--tests",
            "none",
            "--markdown",
            str(tmp_path / "m.md"),
        )
        == 0
    )
    text = (tmp_path / "m.md").read_text()
    assert "To decide:" in text
    assert "| **breaking** |" in text or "| risk |" in text


def test_the_report_is_ten_lines_at_most() -> None:
    """However much there is to say, a maintainer reads ten lines, and what to decide is among them."""
    changes = tuple(
        Change(Rating.BREAKING, "rule", f"GET /{n}", "gone\n" * 50, "calls fail") for n in range(30)
    )
    notes = ReleaseNotes(changes, "HEAD", None, "Version: 1.0.0 → 2.0.0")
    reports = tuple(f"spec/overlay.yaml:{n}: action {n} ($) changes nothing any more: x" for n in range(30))
    outcome = Outcome("a.md", True, "a-1.md", True, notes, reports, "40 failed", True, True)
    lines = report(outcome)
    assert len(lines) <= MOST_LINES
    assert any("1.0.0 → 2.0.0" in line for line in lines)
    assert report_as_markdown(outcome).count("```") == 2


@pytest.mark.parametrize(
    ("stdout", "stderr", "code", "summary"),
    [
        (".F\nFAILED t.py::test_one - assert 0\n= 1 failed, 1 passed in 2s =\n", "", 1,
         "1 failed, 1 passed in 2s; FAILED t.py::test_one"),
        ("..\n2 passed in 2s\n", "", 0, "2 passed in 2s"),
        ("", "No module named pytest\n", 1, "No module named pytest"),
    ],
)  # fmt: skip
def test_the_tests_run_on_the_copys_own_sources(  # noqa: PLR0913, PLR0917 - a column each
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stdout: str, stderr: str, code: int, summary: str
) -> None:
    """The copy's sources come before the installed ones; the last line and what failed are reported."""
    asked: dict[str, Any] = {}

    def run_pytest(command_line: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        asked.update(options)
        return subprocess.CompletedProcess(command_line, code, stdout, stderr)

    monkeypatch.setattr(subprocess, "run", run_pytest)
    assert command.run_tests(tmp_path) == (code != 0, summary)
    assert asked["cwd"] == tmp_path
    assert asked["env"]["PYTHONPATH"].split(os.pathsep)[0] == str(tmp_path / "generated")
