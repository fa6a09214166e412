"""Regeneration: all or nothing, the same bytes anywhere, and nothing when nothing has changed."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.spec.conftest import files
from spec.tools import regenerate as command
from spec.tools.generate import HEADER
from spec.tools.layout import Layout
from spec.tools.replace import files_below

if TYPE_CHECKING:
    from collections.abc import Callable

UPDATE = "{operationId: makeThing}"
OVERLAY = f"""overlay: 1.0.0
info: {{title: O, version: '1'}}
actions:
  - {{target: "$.paths[*][*]", description: D., x-source: S, x-sureness: A, update: {UPDATE}}}
"""
FAILURES = [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]


@pytest.fixture
def project(tmp_path: Path, layout: Layout, excerpt: Callable[..., bytes]) -> Layout:
    """A small project with one page, an overlay, and outputs of an earlier run that differ."""
    new = Layout(tmp_path / "project")
    new.upstream.mkdir(parents=True)
    (new.upstream / "things.md").write_bytes(excerpt())
    new.overlay.write_text(OVERLAY)
    shutil.copy(layout.config, new.config)
    new.document.write_text("old document\n")
    new.generated.mkdir()
    (new.generated / "old.py").write_text("old = 1\n")
    return new


def run(project: Layout, *arguments: str) -> int:
    return command.main(["--root", str(project.root), *arguments])


def test_same_bytes_from_anywhere(project: Layout, tmp_path: Path, layout: Layout) -> None:
    """Another directory, locale and hash seed, and a formatter's configuration near by, change no byte."""
    assert run(project) == 0
    made = files_below(project.generated)
    package = "kling_elements_api/"
    assert {package + "py.typed", package + "client.py", package + "api/things/make_thing.py"} <= set(made)
    assert "old.py" not in made
    assert all(content.startswith(HEADER.encode()) for name, content in made.items() if name.endswith(".py"))
    there = Layout(tmp_path / "elsewhere" / "höme" / "project")
    shutil.copytree(project.root, there.root, ignore=shutil.ignore_patterns(".cache", "generated"))
    there.document.unlink()
    for directory in (there.root, there.root.parent):
        (directory / "ruff.toml").write_text("line-length = 40\n[format]\nquote-style = 'single'\n")
        (directory / ".gitignore").write_text("*\n")
    other = {"PYTHONHASHSEED": "77", "LC_ALL": "C", "LANG": "C", "PYTHONPATH": str(layout.root)}
    arguments = [sys.executable, "-m", "spec.tools.regenerate", "--root", str(there.root)]
    subprocess.run(arguments, cwd="/", env={**os.environ, **other}, check=True, capture_output=True)  # noqa: S603 - ours
    assert there.outputs() == project.outputs()


@pytest.mark.usefixtures("no_generator")
def test_nothing_is_done_when_nothing_has_changed(project: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run does nothing; a changed input or output, or --force, makes it work again."""
    assert run(project) == 0
    works: list[object] = []
    make = command.make
    monkeypatch.setattr(command, "make", lambda *given: (works.append(1), make(*given))[1])  # type: ignore[func-returns-value]
    assert run(project) == 0
    assert works == []
    project.overlay.write_text(OVERLAY.replace("makeThing", "makeOther"))
    assert run(project) == 0
    (project.generated / "package" / "client.py").write_text("edited = 1\n")
    assert run(project) == 0
    assert run(project, "--force") == 0
    assert len(works) == 3
    assert b"edited" not in project.outputs()["generated/package/client.py"]


@pytest.mark.usefixtures("no_generator")
def test_check_reports_drift_and_changes_nothing(project: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """--check exits 1 and names the files while they differ, and 0 once they don't; it writes nothing."""
    before = files(project)
    assert run(project, "--check") == 1
    out = capsys.readouterr().out
    assert all(words in out for words in ("changed  spec/openapi.yaml", "removed  generated/old.py", "make "))
    assert files(project) == before
    assert run(project) == 0
    assert run(project, "--check") == 0


PAGE = "spec/upstream/things.md"
BODY = "{requestBody: {content: {application/json: {schema: SCHEMA}}}}"
TWO_TYPES = "{type: object, allOf: [{properties: {x: {type: string}}}, {properties: {x: {type: integer}}}]}"


def with_body(schema: str) -> bytes:
    return OVERLAY.replace(UPDATE, BODY.replace("SCHEMA", schema)).encode()


WRITTEN: list[tuple[str, bytes | None, str]] = [
    (PAGE, None, "no page"),
    (PAGE, b"# A\n\n````yaml get /a\npaths:\n", f"{PAGE}:3"),
    ("spec/upstream/two\nlines.md", b"", "spec/upstream/two lines.md:1"),
    ("spec/overlay.yaml", OVERLAY.replace("$.paths", "$.pths").encode(), "spec/overlay.yaml:4"),
    # A list of nothing in particular: the generator would warn, and leave the operation out.
    ("spec/overlay.yaml", with_body("{type: array}"), "spec/upstream/"),
    # A property of two types, of which the generator can make none.
    ("spec/overlay.yaml", with_body(TWO_TYPES), "spec/upstream/"),
    ("spec/generator.yaml", b"docstrings_on_attributes: true\n", "spec/generator.yaml:1"),
    ("spec/generator.yaml", b"\xff\xfe", "spec/generator.yaml:1"),
    ("spec/generator.yaml", b"package_name_override: a\ncontent_type_overrides: 5\n", "r.yaml:2: con"),
    ("spec/select.yaml", b"- 1\n", "spec/select.yaml:1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "words"), WRITTEN, ids=lambda one: str(one)[:40])
def test_a_failure_changes_nothing_and_says_what_to_do(
    project: Layout, name: str, content: bytes | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is wrong with the inputs: exit code 1, one line and an assurance, every file as it was."""
    if content is None:
        (project.root / name).unlink()
    else:
        (project.root / name).write_bytes(content)
    before = files(project)
    assert run(project) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.splitlines()[1:] == ["Nothing was changed."]
    assert files(project) == before
    assert not list(project.cache.glob("work-*"))


@pytest.mark.usefixtures("no_generator")
@pytest.mark.parametrize("name", ["spec/openapi.yaml", "spec/openapi.json", ".cache/regenerate/stamp.json"])
def test_a_damaged_output_is_made_again(project: Layout, name: str) -> None:
    """What stands in an output's place, bytes that are no text included, is replaced."""
    assert run(project) == 0
    (project.root / name).write_bytes(b"\xff\xfe")
    (project.upstream / os.fsdecode(b"caf\xe9.txt")).write_text("not read")  # a name that is no UTF-8
    assert run(project) == 0
    assert run(project, "--check") == 0


@pytest.mark.usefixtures("no_generator")
@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_a_failure_in_the_swap_is_taken_back(
    project: Layout, monkeypatch: pytest.MonkeyPatch, step: int, failure: BaseException
) -> None:
    """A full disk or an interrupt at any step of the swap leaves every file as it was before."""
    before, rename, steps = files(project), Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        steps.append(target)
        if len(steps) == step + 1:
            raise failure
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    assert run(project) == (130 if isinstance(failure, KeyboardInterrupt) else 1)
    assert len(steps) > step
    assert files(project) == before


@pytest.mark.usefixtures("no_generator")
@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system can't hold signals back")
def test_ctrl_c_during_the_swap_waits_for_its_end(project: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is pressed, the swap ends: the files are all new, and the exit code is 130."""
    rename = Path.rename

    def pressing(self: Path, target: Path) -> Path:
        signal.raise_signal(signal.SIGINT)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", pressing)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts by & ignores it
    try:
        assert run(project) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.setattr(Path, "rename", rename)
    assert run(project, "--check") == 0


def test_no_disk_is_one_line(
    project: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk that is full from the start is told in one line, without a traceback."""
    before = files(project)

    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", str(project.cache))

    monkeypatch.setattr("tempfile.mkdtemp", full)
    assert run(project) == 1
    assert "No space left on device\nNothing was changed." in capsys.readouterr().err
    assert files(project) == before


def test_what_a_killed_run_left_is_swept(project: Layout) -> None:
    """A run killed outright leaves a directory behind; the next one removes it."""
    left = project.cache / "work-killed"
    left.mkdir(parents=True)
    with command.workspace(project):
        assert not left.exists()


def test_entries_that_are_no_pages_are_reported(project: Layout) -> None:
    """What stands in spec/upstream/ and is not read is named; pages in folders of any name are read."""
    here = project.upstream
    (here / "UPPER.MD").write_text("x")
    (here / "page.mdx").write_text("x")
    (here / "gone.md").symlink_to("nowhere.md")
    (here / "folder.md").mkdir()
    (here / "my_cache").mkdir()
    (here / "my_cache" / "inner.md").write_text("x")
    (here / "linked").symlink_to("my_cache")
    named = {note.split()[0].removeprefix("spec/upstream/") for note in project.ignored()}
    assert named == {"UPPER.MD", "page.mdx", "gone.md", "folder.md", "linked"}
    assert set(project.upstream_files()) == {"things.md", "my_cache/inner.md"}


INTERRUPTED = """
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == 'argparse':
            signal.raise_signal(signal.SIGINT)
sys.modules.pop('argparse', None)
sys.meta_path.insert(0, Finder())
runpy.run_module('spec.tools.regenerate', run_name='__main__', alter_sys=True)
"""


def test_ctrl_c_while_the_command_imports_is_one_line(layout: Layout) -> None:
    """An interrupt before the command has read its arguments ends in a sentence and 130."""
    arguments: Any = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(arguments, cwd=layout.root, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.count("\n") == 1
