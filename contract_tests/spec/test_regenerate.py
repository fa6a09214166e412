"""Regeneration: all or nothing, the same bytes anywhere, and nothing when nothing has changed."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spec.tools import regenerate as command
from spec.tools.generate import HEADER
from spec.tools.layout import Layout
from spec.tools.replace import files_below

if TYPE_CHECKING:
    from collections.abc import Callable

OVERLAY = """overlay: 1.0.0
info: {title: O, version: '1'}
actions:
  - target: $.paths[*][*]
    description: A better name.
    x-source: this test
    x-sureness: A
    update: {operationId: makeThing}
"""


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


def files(project: Layout) -> dict[str, bytes]:
    found = files_below(project.root)
    return {name: content for name, content in found.items() if not name.startswith(".cache")}


def run(project: Layout, *arguments: str) -> int:
    return command.main(["--root", str(project.root), *arguments])


def test_same_bytes_from_anywhere(project: Layout, tmp_path: Path, layout: Layout) -> None:
    """Another directory, locale and hash seed, and a formatter's configuration near by, change no byte.

    The client is typed, each module has a header, and what was there before is gone.
    """
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
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "77",
        "LC_ALL": "C",
        "LANG": "C",
        "PYTHONPATH": str(layout.root),
    }
    subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "spec.tools.regenerate", "--root", str(there.root)],
        cwd="/",
        env=environment,
        check=True,
        capture_output=True,
    )
    assert there.outputs() == project.outputs()


@pytest.mark.usefixtures("no_generator")
def test_nothing_is_done_when_nothing_has_changed(
    project: Layout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run does nothing; a changed input or output, or --force, makes it work again."""
    assert run(project) == 0
    works: list[object] = []
    make = command.make

    def counted(*arguments: Any, **options: Any) -> Any:
        works.append(1)
        return make(*arguments, **options)

    monkeypatch.setattr(command, "make", counted)
    assert run(project) == 0
    assert works == []
    assert "Nothing has changed" in capsys.readouterr().out
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
    assert "changed  spec/openapi.yaml" in out
    assert "removed  generated/old.py" in out
    assert "make regenerate" in out
    assert files(project) == before
    assert run(project) == 0
    assert run(project, "--check") == 0


def break_page(project: Layout) -> None:
    (project.upstream / "things.md").write_bytes((project.upstream / "things.md").read_bytes()[:-60])


def break_overlay(project: Layout) -> None:
    project.overlay.write_text(OVERLAY.replace("$.paths", "$.pths"))


def break_client(project: Layout) -> None:
    """Add a list of nothing in particular: the generator would warn and leave the operation out."""
    bad = "update: {requestBody: {content: {application/json: {schema: {type: array}}}}}"
    project.overlay.write_text(OVERLAY.replace("update: {operationId: makeThing}", bad))


def contradict_client(project: Layout) -> None:
    """Add a property of two types, of which the generator can make none."""
    schema = "{type: object, allOf: [{properties: {x: {type: string}}}, {properties: {x: {type: integer}}}]}"
    bad = f"update: {{requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}}}"
    project.overlay.write_text(OVERLAY.replace("update: {operationId: makeThing}", bad))


def no_pages(project: Layout) -> None:
    (project.upstream / "things.md").unlink()


def no_name(project: Layout) -> None:
    project.config.write_text("docstrings_on_attributes: true\n")


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (break_page, "spec/upstream/things.md:"),
        (break_overlay, "spec/overlay.yaml:4"),
        (break_client, "spec/upstream/things.md:"),
        (contradict_client, "spec/upstream/things.md:"),
        (no_pages, "no page"),
        (no_name, "package_name_override"),
    ],
)
def test_a_failure_changes_nothing_and_says_what_to_do(
    project: Layout, break_it: Callable[[Layout], None], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is wrong with the inputs: exit code 1, one line and an assurance, every file as it was."""
    break_it(project)
    before = files(project)
    assert run(project) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.splitlines()[1:] == ["Nothing was changed."]
    assert files(project) == before
    assert not list(project.cache.glob("work-*"))


@pytest.mark.usefixtures("no_generator")
@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
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
    assert run(project) == (130 if isinstance(failure, KeyboardInterrupt) else 1)
    assert len(steps) > step
    assert files(project) == before


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
    named = {note.split()[0].removeprefix("spec/upstream/") for note in project.ignored()}
    assert named == {"UPPER.MD", "page.mdx", "gone.md", "folder.md"}
    assert set(project.upstream_files()) == {"things.md", "my_cache/inner.md"}


def test_ctrl_c_while_the_command_imports_is_one_line(layout: Layout) -> None:
    """An interrupt before the command has read its arguments ends in a sentence and 130."""
    program = (
        "import runpy, signal, sys, types\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'argparse':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.modules.pop('argparse', None)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "runpy.run_module('spec.tools.regenerate', run_name='__main__', alter_sys=True)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=layout.root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.count("\n") == 1
