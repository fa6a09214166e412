"""What README.md and docs/ show is what happens: snippets run against the mock."""

from __future__ import annotations

import ast
import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import kling_elements
from demo.pictures import draw_pictures
from kling_elements import KlingElements, KlingError, PollSchedule
from kling_elements.cli.error_report import exit_code_of
from kling_elements_mock import MockSettings, Polls, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path: path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")]}
README = PAGES[ROOT / "README.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(README)
SNIPPETS = [
    (code, output)
    for (kind, code), (after, output) in pairwise(BLOCKS)
    if (kind, after) == ("python", "text")
]
SESSIONS = [code for kind, code in BLOCKS if kind == "console"]
EXIT_CODES = re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGES[ROOT / "docs" / "errors.md"], flags=re.MULTILINE)
DIFFERENT_EACH_TIME = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>"),
    (r"\b\d+:\d\d\b", "<elapsed>"),
    (r"127\.0\.0\.1:\d+", "<mock>"),
    (r"[\d,]+ bytes", "<size>"),
)


def normalised(text: str) -> str:
    """Return the text without what differs from run to run."""
    for pattern, word in DIFFERENT_EACH_TIME:
        text = re.sub(pattern, word, text)
    return text.strip()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the demo's two pictures; the environment names a mock as the service."""
    draw_pictures(tmp_path)
    monkeypatch.chdir(tmp_path)
    with serve(MockSettings(pace=Polls(3))) as served:
        monkeypatch.setenv("KLING_ELEMENTS_BASE_URL", served.url)
        monkeypatch.setenv("KLING_ELEMENTS_API_KEY", "any")
        monkeypatch.setenv("NO_PROXY", "*")
        yield tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("code", "output"), SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_python_snippet_prints_what_is_shown(
    code: str, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each Python snippet of the README prints what is shown below it."""
    assert len(SNIPPETS) == sum(kind == "python" for kind, _ in BLOCKS)
    # The default schedule is for real tasks, which take minutes.
    make = KlingElements.__init__
    quick = PollSchedule.fixed(0)
    monkeypatch.setattr(
        KlingElements, "__init__", lambda self, *args, **more: make(self, *args, schedule=quick, **more)
    )
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - our own README
    assert normalised(printed.getvalue()) == normalised(output)


@pytest.mark.parametrize("session", SESSIONS, ids=range(len(SESSIONS)))
@pytest.mark.usefixtures("folder")
def test_a_terminal_session_prints_what_is_shown(session: str) -> None:
    """The commands, typed as they stand, print what the README shows."""
    for step in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, _, output = step.partition("\n")
        program, *arguments = shlex.split(command.replace("--poll-interval 1", "--poll-interval 0"))
        assert program == "kling-elements"
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "kling_elements", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "80"},
            text=True,
            check=False,
            timeout=300,
        )
        assert normalised(done.stdout) == normalised(output), command


def test_the_table_of_errors_is_complete_and_right() -> None:
    """docs/errors.md lists each error with the exit code that the command ends with."""
    public = [getattr(kling_elements, name) for name in dir(kling_elements)]
    errors = {item for item in public if isinstance(item, type) and issubclass(item, KlingError)}
    assert {name: int(code) for name, code in EXIT_CODES} == {
        error.__name__: exit_code_of(error.__new__(error)) for error in errors - {KlingError}
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_what_a_page_names_exists(page: Path) -> None:
    """Links lead to files, `make` targets exist, and Python snippets parse and import what there is."""
    text = PAGES[page]
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"(?:`|^)(?:\w+=\S+ )*make ([a-z-]+)", text, flags=re.MULTILINE)
    assert [target for target in targets if f"\n{target}:" not in makefile] == []
    for kind, code in BLOCK.findall(text):
        for node in ast.walk(ast.parse(code)) if kind == "python" else ():
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kling_elements"):
                module = import_module(str(node.module))
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []
