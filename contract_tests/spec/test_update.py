"""`make update`: a fresh page comes in whole, with its history and its meaning, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contract_tests.spec.conftest import files
from contract_tests.spec.test_regenerate import FAILURES
from spec.tools import update as command
from spec.tools.diff import Change, Rating
from spec.tools.layout import Layout
from spec.tools.regenerate import regenerate
from spec.tools.release_notes import ReleaseNotes
from spec.tools.update_report import MOST_LINES, Outcome, report, report_as_markdown

ROOT = Path(__file__).parents[2]
PAGE = """# Things

````yaml get /v1/things
openapi: 3.0.3
info: {title: Things, version: '1'}
servers: [{url: 'https://things.example'}]
security: [{key: []}]
paths:
  /v1/things:
    get:
      parameters: [{name: kind, in: query, schema: {type: string, enum: [big, small]}}]
      responses:
        '200': {description: OK, content: {application/json: {schema: {type: string, enum: [ready]}}}}
components: {securitySchemes: {key: {type: apiKey, in: header, name: x-key}}}
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


def run(project: Layout, content: str | bytes, *arguments: str, page: str = "things.md") -> int:
    given = content.encode() if isinstance(content, str) else content
    options = arguments if "--tests" in arguments else ("--tests", "none", *arguments)
    return command.main([page, "--root", str(project.root), *options], lambda _: given)


LATE = PAGE.replace("[ready]", "[ready, late]")


def test_a_changed_page_comes_in_with_all_that_follows(
    project: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page, document, client and changelog are new together; the old page is in the history."""
    assert run(project, LATE) == 0
    out = capsys.readouterr().out
    assert "late" in project.document.read_text()
    assert project.outputs()["generated/package/client.py"]
    assert "late" in project.changelog.read_text()
    (kept,) = project.history.iterdir()
    assert kept.read_text() == PAGE
    assert kept.name in out
    assert "1 risk" in out
    assert "1.2.3 → 1.3.0" in out
    assert run(project, LATE) == 0
    assert "Nothing to do" in capsys.readouterr().out


def test_a_new_page_or_document_becomes_a_file(project: Layout) -> None:
    """Operations that no file has become one more file; --select says which of a document's are wanted."""
    assert run(project, PAGE.replace("/v1/things", "/v1/others"), page="https://a.example/others") == 0
    assert (project.upstream / "others.md").is_file()
    whole = """openapi: 3.0.0
info: {title: T, version: '1'}
servers: [{url: 'https://things.example'}]
paths:
  /v2/a: {get: {tags: [x], responses: {'204': {description: a}}}}
  /v2/b: {get: {tags: [y], responses: {'204': {description: b}}}}
"""
    assert run(project, whole, "--select", "/v2/a*", "--select", "tag=z*", page="api.yaml") == 1
    assert not project.selection.exists()
    assert run(project, whole, "--select", "/v2/a*", "--select", "tag=y", page="api.yaml") == 0
    assert project.selection.read_text().split() == [
        "operations:",
        "-",
        "path:",
        "/v2/a*",
        "-",
        "tag:",
        "'y'",
    ]
    assert all(path in project.document.read_text() for path in ("/v2/a", "/v2/b", "/v1/things"))
    assert run(project, whole.replace("/v2/b", "/v2/c"), "--select", "/v2/c", page="api.yaml") == 1


def test_superfluous_actions_are_named(project: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """An action whose fact the page has come to say, or that matches nothing, is named."""
    assert run(project, PAGE.replace("[big, small]", "[big, small, tiny]")) == 0
    assert "superfluous now: action 1" in capsys.readouterr().out
    before = files(project)
    assert run(project, PAGE.replace("parameters:", "x-parameters:")) == 1
    error = capsys.readouterr().err
    assert "spec/overlay.yaml:4" in error
    assert "Fix spec/overlay.yaml" in error
    assert files(project) == before


def test_prose_alone_needs_no_tests(
    project: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where only the page's prose differs, the document stays and no test is run."""
    monkeypatch.setattr(command, "run_tests", lambda *_: pytest.fail("no test is needed"))
    before = project.document.read_bytes()
    assert run(project, PAGE.replace("# Things\n", "# Things\n\n<Note>New.</Note>\n"), "--tests", "full") == 0
    assert "only prose" in capsys.readouterr().out
    assert project.document.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"<!doctype html><html><body>Sign in</body></html>",
        b"",
        b"# Things\n\nNo block.\n",
        b"\xff\xfe",
        b"# Things\n\n````yaml get /v1/things\nopenapi: 3.0.3\n````\n",
    ],
)
def test_a_page_that_cannot_be_used_changes_nothing(
    project: Layout, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever comes in place of a page: one line and an assurance, exit code 1, every file as it was."""
    before = files(project)
    assert run(project, content) == 1
    error = capsys.readouterr().err.splitlines()
    assert error[0].startswith("things.md:") or error[0].startswith("spec/upstream/things.md:")
    assert error[1:] == ["The tree is as it was."]
    assert files(project) == before


@pytest.mark.parametrize("step", range(0, 9, 2))
@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_a_failure_in_the_swap_is_taken_back(
    project: Layout, monkeypatch: pytest.MonkeyPatch, step: int, failure: BaseException
) -> None:
    """A full disk or Ctrl-C at any step of the swap leaves every file as it was before."""
    before, rename, steps = files(project), Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        steps.append(target)
        if len(steps) == step + 1:
            raise failure
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    assert run(project, LATE) == (130 if isinstance(failure, KeyboardInterrupt) else 1)
    assert len(steps) > step
    assert files(project) == before
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
    before = files(project)
    assert run(project, LATE, "--tests", "full", *keep) == code
    out = capsys.readouterr().out
    assert "1 failed, 3 passed; FAILED t.py::test_one" in out
    assert "late" in seen[0], "the tests must run against what is new"
    assert (files(project) == before) is (not keep)
    assert ("NOT taken over" in out) is (not keep)


@pytest.mark.parametrize(
    ("old", "new"), [("https://things.example", "https://elsewhere.example"), ("x-key", "x-other")]
)
def test_another_host_or_key_needs_a_decision(
    project: Layout, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page that sends our operation, and the key with it, elsewhere is taken in with --keep alone."""
    before = files(project)
    assert run(project, PAGE.replace(old, new)) == 1
    assert "host or key" in capsys.readouterr().out
    assert files(project) == before
    assert run(project, PAGE.replace(old, new), "--keep") == 0


def test_markdown_is_written_for_a_pull_request(project: Layout, tmp_path: Path) -> None:
    """--markdown writes the report and the diff's table."""
    assert run(project, LATE, "--markdown", str(tmp_path / "m.md")) == 0
    text = (tmp_path / "m.md").read_text()
    assert "To decide:" in text
    assert "| risk |" in text


def test_a_report_that_cannot_be_written_is_told_beside_what_was_done(
    project: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the disk fills up after the swap, the page is in, and both are said; before, nothing is."""
    before = files(project)
    assert run(project, LATE, "--markdown", str(tmp_path / "no" / "m.md")) == 1
    assert "The tree is as it was." in capsys.readouterr().err
    assert files(project) == before

    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(command, "report_as_markdown", full)
    assert run(project, LATE, "--markdown", str(tmp_path / "m.md")) == 1
    out = capsys.readouterr()
    assert "replaced" in out.out
    assert "can't be written" in out.out
    assert "as it was" not in out.err
    assert "late" in project.document.read_text()


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
