"""What README.md shows is what happens: its snippets run against the mock, and their output is compared."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import kling_elements
from demo.pictures import draw_pictures
from kling_elements import KlingError
from kling_elements.cli.exit_codes import exit_code_of
from kling_elements.policy.polling import PollSchedule
from kling_elements_mock import MockSettings, Polls, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(README)
SNIPPETS = [
    (code, output)
    for (kind, code), (after, output) in pairwise(BLOCKS)
    if (kind, after) == ("python", "text")
]
TARGETS = sorted(set(re.findall(r"(?:`|^)(?:LIVE=1 )?make ([a-z-]+)", README, flags=re.MULTILINE)))
ERRORS = {
    name: int(code) for name, code in re.findall(r"^\| `(\w+)` \| (\d+) \|", README, flags=re.MULTILINE)
}
SESSIONS = [code for kind, code in BLOCKS if kind == "console"]


def normalised(text: str) -> str:
    """The text without what differs from run to run: ids, times, ports, sizes of images."""
    for pattern, word in (
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>"),
        (r"\b\d+:\d\d\b", "<elapsed>"),
        (r"127\.0\.0\.1:\d+", "<mock>"),
        (r"[\d,]+ bytes", "<size>"),
    ):
        text = re.sub(pattern, word, text)
    return text.strip()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the demo's two pictures; the environment names a mock as the service."""
    draw_pictures(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("FREEPIK_API_KEY", "MAGNIFIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with serve(MockSettings(pace=Polls(3))) as served:
        monkeypatch.setenv("KLING_ELEMENTS_BASE_URL", served.url)
        monkeypatch.setenv("KLING_ELEMENTS_API_KEY", "any")
        monkeypatch.setenv("NO_PROXY", "*")
        yield tmp_path


def test_every_python_snippet_has_its_output() -> None:
    """No snippet is shown that isn't run."""
    assert len(SNIPPETS) == sum(kind == "python" for kind, _ in BLOCKS) > 0


@pytest.mark.parametrize(("code", "output"), SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_python_snippet_prints_what_is_shown(
    code: str, output: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snippet, copied as it stands, prints what the README shows."""
    quick = PollSchedule.fixed(0)  # the schedule is for real tasks, which take minutes
    for module in ("client", "async_client"):
        monkeypatch.setattr(f"kling_elements.{module}.choose_schedule", lambda *_: quick)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - our own README
    assert normalised(printed.getvalue()) == normalised(output)


@pytest.mark.parametrize("session", SESSIONS, ids=range(len(SESSIONS)))
@pytest.mark.usefixtures("folder")
def test_a_terminal_session_prints_what_is_shown(session: str) -> None:
    """The commands, typed as they stand, print what the README shows."""
    shown = re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]
    for step in shown:
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
            timeout=60,
        )
        assert normalised(done.stdout) == normalised(output), command


def test_the_table_names_every_error() -> None:
    """Whoever catches an error finds it in the README."""
    public = [getattr(kling_elements, name) for name in dir(kling_elements)]
    errors = {item for item in public if isinstance(item, type) and issubclass(item, KlingError)}
    parents = {base for error in errors for base in error.__mro__[1:]}
    assert set(ERRORS) == {error.__name__ for error in errors - parents}


@pytest.mark.parametrize(("name", "code"), ERRORS.items())
def test_the_table_gives_the_exit_code(name: str, code: int) -> None:
    """The exit code beside each error is the one that the command ends with."""
    cls = getattr(kling_elements, name)
    assert exit_code_of(cls.__new__(cls)) == code


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_that_is_named_exists(target: str) -> None:
    """A reader who types `make …` after the README gets what it says."""
    assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_links_lead_somewhere() -> None:
    """Each relative link of the README names a file."""
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_architecture_shows_the_table_of_decisions() -> None:
    """The table in the docs is the one that the code is written against."""
    shown = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    source = (ROOT / "overrides" / "kling_elements" / "decisions.py").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \|$", source, flags=re.MULTILINE)
    assert len(rows) > 10
    assert [row for row in rows if row not in shown] == []
