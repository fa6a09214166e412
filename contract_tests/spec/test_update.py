"""`make update`: a fresh page comes in whole, with its history and its meaning, or not at all."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contract_tests.spec.conftest import LATE, PAGE
from contract_tests.spec.pages import files
from spec.tools import update as command
from spec.tools.layout import Layout
from spec.tools.regenerate import regenerate


@pytest.fixture
def current(project: Layout, no_generator: None) -> Layout:
    """The project, its outputs up to date."""
    regenerate(project)
    return project


def run(project: Layout, content: str | bytes, *arguments: str, page: str = "things.md") -> int:
    given = content.encode() if isinstance(content, str) else content
    options = arguments if "--tests" in arguments else ("--tests", "none", *arguments)
    return command.main([page, "--root", str(project.root), *options], lambda _: given)


def test_a_changed_page_comes_in_with_all_that_follows(
    current: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page, document, client and changelog are new together; the old page is in the history."""
    (before,) = current.generated.rglob("client.py")
    client = before.read_bytes()
    assert run(current, LATE, "--markdown", str(tmp_path / "m.md")) == 0
    out = capsys.readouterr().out
    assert all("late" in path.read_text() for path in (current.document, current.changelog))
    assert before.read_bytes() != client
    (kept,) = current.history.iterdir()
    assert kept.read_text() == PAGE
    assert all(words in out for words in (kept.name, "1 risk", "1.2.3 → 1.3.0"))
    text = (tmp_path / "m.md").read_text()  # for a pull request
    assert "To decide:" in text
    assert "| risk |" in text
    assert run(current, LATE) == 0
    assert "Nothing to do" in capsys.readouterr().out


WHOLE = """openapi: 3.0.0
info: {title: T, version: '1'}
servers: [{url: 'https://things.example'}]
paths:
  /v2/a: {get: {tags: [x], responses: {'204': {description: a}}}}
  /v2/b: {get: {tags: [y], responses: {'204': {description: b}}}}
"""


def test_a_new_page_or_document_becomes_a_file(current: Layout) -> None:
    """Operations that no file has become one more file; --select says which of a document's are wanted."""
    assert run(current, PAGE.replace("/v1/things", "/v1/others"), page="https://a.example/others") == 0
    assert (current.upstream / "others.md").is_file()
    assert run(current, WHOLE, "--select", "/v2/a*", "--select", "tag=z*", page="api.yaml") == 1
    assert not current.selection.exists()
    assert run(current, WHOLE, "--select", "/v2/a*", "--select", "tag=y", page="api.yaml") == 0
    assert current.selection.read_text() == "operations:\n  - path: /v2/a*\n  - tag: 'y'\n"
    assert all(path in current.document.read_text() for path in ("/v2/a", "/v2/b", "/v1/things"))
    assert run(current, WHOLE.replace("/v2/b", "/v2/c"), "--select", "/v2/c", page="api.yaml") == 1


def test_superfluous_actions_are_named(current: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """An action whose fact the page has come to say is named."""
    assert run(current, changed("[big, small]", "[big, small, tiny]")) == 0
    assert "superfluous now: action 1" in capsys.readouterr().out


def test_prose_alone_needs_no_tests(
    current: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where only the page's prose differs, the document stays and no test is run."""
    monkeypatch.setattr(command, "run_tests", lambda *_: pytest.fail("no test is needed"))
    before = current.document.read_bytes()
    assert run(current, PAGE.replace("# Things\n", "# Things\n\n<Note>New.</Note>\n"), "--tests", "full") == 0
    assert "only prose" in capsys.readouterr().out
    assert current.document.read_bytes() == before


def changed(old: str, new: str) -> bytes:
    return PAGE.replace(old, new).encode()


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (b"<!doctype html><html><body>Sign in</body></html>", [], "things.md:"),
        (b"# Things\n\n````yaml post /v1/things\nopenapi: 3.0.3\n````\n", [], "things.md:"),
        (changed("parameters:", "x-parameters:"), [], "Fix spec/overlay.yaml"),
        (LATE.encode(), ["--markdown", "/no/such/place/m.md"], "m.md"),
        # Our operation, and the key with it, would go elsewhere: a person decides.
        (changed("https://things.example", "https://elsewhere.example"), [], "host or key"),
        (changed("x-key", "x-other"), [], "host or key"),
    ],
)
def test_what_is_not_taken_over_changes_nothing(
    current: Layout, capsys: pytest.CaptureFixture[str], content: bytes, arguments: list[str], words: str
) -> None:
    """Whatever comes in place of a page: exit code 1, the reason and an assurance, every file as it was."""
    before = files(current)
    assert run(current, content, *arguments) == 1
    said = "".join(capsys.readouterr())
    assert words in said
    assert "tree is as it was." in said
    assert files(current) == before
    if words == "host or key":
        assert run(current, content, "--keep") == 0


@pytest.mark.parametrize("failure", [OSError("No space left"), KeyboardInterrupt()], ids=repr)
def test_a_failure_in_the_swap_is_taken_back(
    current: Layout, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    """A full disk or Ctrl-C at any step of the swap leaves every file as it was before."""
    before, rename = files(current), Path.rename
    steps, last = 0, 0

    def failing(self: Path, target: Path) -> Path:
        nonlocal steps
        steps += 1
        if steps == last:
            raise failure
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    for last in range(1, 10):
        steps = 0
        assert run(current, LATE) == (130 if isinstance(failure, KeyboardInterrupt) else 1), last
        assert steps >= last
        assert files(current) == before
        assert not current.history.exists()


@pytest.mark.parametrize("keep", [False, True])
def test_failing_tests_stop_it_unless_told_otherwise(
    current: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, keep: bool
) -> None:
    """Red tests, run on what is new, leave the tree as it was and are named; --keep takes the page over."""
    said = "1 failed, 3 passed; FAILED t.py::test_one"

    def failing(tree: Path) -> tuple[bool, str]:
        assert "late" in (tree / "spec" / "openapi.yaml").read_text()
        return True, said

    monkeypatch.setattr(command, "run_tests", failing)
    before = files(current)
    assert run(current, LATE, "--tests", "full", *["--keep"] * keep) == (not keep)
    out = capsys.readouterr().out
    assert said in out
    assert (files(current) == before) is ("NOT taken over" in out) is (not keep)


def test_the_tests_run_on_the_copys_own_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy's sources come before the installed ones; the last line and what failed are reported."""
    said = ".F\nFAILED t.py::test_one - assert 0\n= 1 failed, 1 passed in 2s =\n"
    asked: dict[str, Any] = {}

    def run_pytest(command_line: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        asked.update(options)
        return subprocess.CompletedProcess(command_line, 1, said, "")

    monkeypatch.setattr(subprocess, "run", run_pytest)
    assert command.run_tests(tmp_path) == (True, "1 failed, 1 passed in 2s; FAILED t.py::test_one")
    assert asked["cwd"] == tmp_path
    assert asked["env"]["PYTHONPATH"].split(os.pathsep)[0] == str(tmp_path / "generated")
