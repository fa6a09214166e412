"""Regeneration: all or nothing, the same bytes anywhere, and nothing when nothing has changed."""

import os
import signal
from pathlib import Path

import pytest

from contract_tests.spec.conftest import LATE, OVERLAY, PAGE, commit
from contract_tests.spec.pages import files
from spec.tools import regenerate as command
from spec.tools.diff.__main__ import main as diff
from spec.tools.layout import Layout


def run(project: Layout, *arguments: str) -> int:
    return command.main(["--root", str(project.root), *arguments])


@pytest.mark.usefixtures("no_generator")
def test_work_is_done_where_something_differs(
    project: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--check names what differs and writes nothing; a run makes it again, and a second one does nothing."""
    project.generated.mkdir()
    (project.generated / "old.py").write_text("old = 1\n")
    before = files(project)
    assert run(project, "--check") == 1
    out = capsys.readouterr().out
    assert all(words in out for words in ("added    spec/openapi.yaml", "removed  generated/old.py", "make "))
    assert files(project) == before
    (left := project.cache / "work-killed").mkdir()  # by a run that was killed outright
    assert run(project) == 0
    assert not left.exists()
    made = project.outputs()
    assert "generated/old.py" not in made
    works: list[object] = []
    make = command.make
    monkeypatch.setattr(command, "make", lambda *given: (works.append(1), make(*given))[1])  # type: ignore[func-returns-value]
    assert run(project) == 0
    assert works == []
    for name in ("spec/openapi.yaml", "spec/openapi.json", ".cache/regenerate/stamp.json", *made):
        (project.root / name).write_bytes(b"\xff\xfe")
        works.clear()
        assert run(project) == 0
        assert (len(works), project.outputs()) == (1, made)
    (project.upstream / os.fsdecode(b"caf\xe9.txt")).write_text("not read")  # a name that is no UTF-8
    project.overlay.write_text(OVERLAY.replace("tiny", "huge"))
    assert run(project) == 0
    assert run(project, "--force") == 0
    assert len(works) == 3
    assert run(project, "--check") == 0


def with_body(schema: str) -> bytes:
    body = f"{{requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}}}"
    return OVERLAY.replace(".parameters[0].schema.enum", "").replace("tiny", body).encode()


PAGE_FILE = "spec/upstream/things.md"
TWO_TYPES = "{type: object, allOf: [{properties: {x: {type: string}}}, {properties: {x: {type: integer}}}]}"
WRITTEN: list[tuple[str, bytes | None, str]] = [
    (PAGE_FILE, None, "no page"),
    (PAGE_FILE, b"# A\n\n````yaml get /a\npaths:\n", f"{PAGE_FILE}:3"),
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
    assert run(project, "--check") == 0


def test_entries_that_are_no_pages_are_reported(project: Layout) -> None:
    """What stands in spec/upstream/ and is not read is named; pages in folders of any name are read."""
    here = project.upstream
    for folder in ("folder.md", "my_cache"):
        (here / folder).mkdir()
    for name in ("UPPER.MD", "page.mdx", "my_cache/inner.md"):
        (here / name).write_text("x")
    (here / "gone.md").symlink_to("nowhere.md")
    (here / "linked").symlink_to("my_cache")
    named = {note.split()[0].removeprefix("spec/upstream/") for note in project.ignored()}
    assert named == {"UPPER.MD", "page.mdx", "gone.md", "folder.md", "linked"}
    assert set(project.upstream_files()) == {"things.md", "my_cache/inner.md"}


@pytest.mark.usefixtures("no_generator")
def test_a_change_is_told_and_entered_and_taken_back(
    project: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against what is committed: each change is shown and entered once; the way back leaves no trace."""
    page, root = project.upstream / "things.md", ["--root", str(project.root)]
    assert run(project) == 0
    commit(project.root)
    assert diff(root) == 0
    changelog = project.changelog.read_bytes()
    page.write_text(LATE)
    capsys.readouterr()
    assert run(project) == 0
    out = capsys.readouterr().out
    assert all(words in out for words in ("the committed document (HEAD)", "late added", "1.2.3 → 1.3.0"))
    entered = project.changelog.read_text()
    assert entered.count("value late added") == 1
    assert run(project, "--force") == 0
    assert project.changelog.read_text() == entered
    assert diff([*root, "--fail-on", "risk"]) == 1
    assert capsys.readouterr().out.endswith(", if 1.2.3 was the last release.\n")
    page.write_text(PAGE)
    assert run(project) == 0
    assert project.changelog.read_bytes() == changelog
