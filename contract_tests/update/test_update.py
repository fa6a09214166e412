"""`make update`: a fresh page comes in whole, with its history and its meaning, or not at all."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spec.tools import update as command
from spec.tools.diff import Change, Rating
from spec.tools.errors import SpecError
from spec.tools.release_notes import ReleaseNotes
from spec.tools.suite import SuiteResult, run_suite
from spec.tools.update_report import MOST_LINES, Outcome, report, report_as_markdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec.tools.layout import Layout


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
    old = project.pages()["things.md"]
    assert run(project, fresh(project, "[ready]", "[ready, late]")) == 0
    out = capsys.readouterr().out
    assert "late" in project.document.read_text()
    assert project.outputs()["generated/package/client.py"]
    assert "### Changed (API document)" in project.changelog.read_text()
    assert [path.read_bytes() for path in project.history.iterdir()] == [old]
    assert "risk" in out
    assert "release 1.3.0 (now 1.2.3)" in out
    assert len(out.splitlines()) <= MOST_LINES


def test_the_history_keeps_each_copy(project: Layout) -> None:
    """Two updates on one day leave two copies."""
    assert run(project, fresh(project, "[ready]", "[ready, late]")) == 0
    assert run(project, fresh(project, "[ready, late]", "[late]")) == 0
    assert len(list(project.history.iterdir())) == 2


def test_the_same_page_is_no_news(
    project: Layout,
    everything: Callable[[Layout], dict[str, bytes]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A copy that is the same byte for byte changes nothing and is said to be so."""
    before = everything(project)
    assert run(project, fresh(project)) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert everything(project) == before


def test_prose_alone_is_taken_over_without_tests(
    project: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where only the page's prose differs, the document stays and no test is run."""
    monkeypatch.setattr(command, "run_suite", lambda *_: pytest.fail("no test is needed"))
    before = project.document.read_bytes()
    assert (
        run(project, fresh(project, "# Things\n", "# Things\n\n<Note>New prose.</Note>\n"), "--tests", "full")
        == 0
    )
    assert "in its prose only" in capsys.readouterr().out
    assert project.document.read_bytes() == before


def test_a_page_of_another_operation_is_a_new_file(
    project: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page that is none of those there becomes a new file, and nothing goes into the history."""
    page = fresh(project, "/v1/things", "/v1/others")
    assert run(project, page, page="https://docs.example.com/api/Get%20others.md?x=1") == 0
    assert "Get-others.md: new" in capsys.readouterr().out
    assert set(project.pages()) == {"things.md", "Get-others.md"}
    assert not project.history.exists()


def test_superfluous_actions_are_named(project: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """Once the page says what an action adds, that action is named, and nothing is there twice."""
    assert run(project, fresh(project, "[big, small]", "[big, small, tiny]")) == 0
    out = capsys.readouterr().out
    assert "superfluous now: action 1 ($.paths['/v1/things'].get.parameters[0].schema.enum)" in out
    assert project.document.read_text().count("tiny") == 1


def test_actions_that_match_nothing_are_named(project: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """Where an action of the overlay matches nothing any more, it is named, and so is what to do."""
    assert run(project, fresh(project, "enum: [big, small]", "minLength: 1")) == 1
    error = capsys.readouterr().err
    assert "action 1 ($.paths['/v1/things'].get.parameters[0].schema.enum) matches nothing" in error
    assert "Mend spec/overlay.yaml for the new page, then run the same command again." in error


def refuse(*_: object) -> None:
    raise SpecError("the generator refused the document: WARNING", "spec/openapi.yaml")


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
    everything: Callable[[Layout], dict[str, bytes]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever comes in place of a page: one line and an assurance, exit code 1, every file as it was."""
    before = everything(project)
    assert run(project, content) == 1
    error = capsys.readouterr().err.splitlines()
    assert words in error[0]
    assert error[-1] == "The tree is as it was."
    assert everything(project) == before


def test_a_failing_generator_changes_nothing(
    project: Layout,
    monkeypatch: pytest.MonkeyPatch,
    everything: Callable[[Layout], dict[str, bytes]],
) -> None:
    """The generator's refusal leaves every file as it was."""
    monkeypatch.setattr("spec.tools.generate.generate", refuse)
    before = everything(project)
    assert run(project, fresh(project, "[ready]", "[late]")) == 1
    assert everything(project) == before


@pytest.mark.parametrize("step", range(9))
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_in_the_swap_is_taken_back(
    project: Layout,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    failure: BaseException,
    everything: Callable[[Layout], dict[str, bytes]],
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
def test_failing_tests_stop_it_unless_told_otherwise(  # noqa: PLR0913, PLR0917 - each is a fixture or a column
    project: Layout,
    monkeypatch: pytest.MonkeyPatch,
    keep: tuple[str, ...],
    code: int,
    everything: Callable[[Layout], dict[str, bytes]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Red tests leave the tree as it was and are named; --keep takes the page over all the same."""
    seen: list[str] = []

    def failing(tree: Path, _: tuple[str, ...]) -> SuiteResult:
        seen.append((tree / "spec" / "openapi.yaml").read_text())
        return SuiteResult(passed=False, summary="1 failed, 3 passed", failed=("t.py::test_one",))

    monkeypatch.setattr(command, "run_suite", failing)
    before = everything(project)
    assert run(project, fresh(project, "[ready]", "[late]"), "--tests", "quick", *keep) == code
    out = capsys.readouterr().out
    assert "1 failed, 3 passed: t.py::test_one" in out
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
    notes = ReleaseNotes(changes, "HEAD", None, ("1.0.0", "2.0.0"))
    reports = tuple(f"spec/overlay.yaml:{n}: action {n} ($) changes nothing any more: x" for n in range(30))
    suite = SuiteResult(passed=False, summary="40 failed", failed=tuple(f"t.py::{n}" for n in range(40)))
    outcome = Outcome("a.md", "a-1.md", True, True, notes, reports, suite, True)
    lines = report(outcome)
    assert len(lines) <= MOST_LINES
    assert any(line.startswith("To decide:") for line in lines)
    assert any("release 2.0.0" in line for line in lines)
    assert report_as_markdown(outcome).count("```") == 2


def test_the_suite_runs_in_the_copy_and_names_what_failed(tmp_path: Path) -> None:
    """Tests are run with the copy's own sources, and those that fail are given by name."""
    package = tmp_path / "generated" / "kling_elements_api"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("WHICH = 'copy'\n")
    (tmp_path / "test_it.py").write_text(
        "import kling_elements_api\n\ndef test_copy():\n    assert kling_elements_api.WHICH == 'copy'\n"
        "\ndef test_bad():\n    assert False\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -ra\n")
    result = run_suite(tmp_path, ("test_it.py",), jobs=0)
    assert not result.passed
    assert result.failed == ("test_it.py::test_bad",)
    assert "1 failed, 1 passed" in result.summary
