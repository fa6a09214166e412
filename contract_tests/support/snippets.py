"""Run the code blocks of a Markdown page as a reader would: in order, in one folder, against a mock.

CONTRIBUTING.md says what a block's language means.
"""

from __future__ import annotations

import ast
import doctest
import importlib.util
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from contract_tests.support.answers import mp4
from kling_elements.__main__ import main
from kling_elements.policy.polling import PollSchedule
from kling_elements_mock.tasks import results

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = tuple(
    page
    for page in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "SECURITY.md",
        *sorted(ROOT.glob("docs/**/*.md")),
    )
    if page.exists()
)
IS_RUN: Final = frozenset({"python", "console", "sh"})
IS_DATA: Final = frozenset({"text", "json", "yaml", "toml", "ini", "dockerfile", "diff", "mermaid"})
_SERVICE: Final = frozenset(
    {"KLING_ELEMENTS_BASE_URL", "KLING_ELEMENTS_API_KEY"}
)  # the test's own mock serves it
_PROGRAMS: Final = frozenset({"cat", "echo", "head", "kling-elements", "ls", "pytest", "python"})
_SLOW_PLUGINS: Final = (
    "hypothesispytest",
    "inline_snapshot",
    "randomly",
    "schemathesis",
    "xdist",
)  # of this project
_FENCE: Final = re.compile(
    r"(?:^ *<!-- not run: (?P<why>[^>]+?) -->\n\s*?)?"
    r'^(?P<indent> *)```(?P<language>[\w-]*)(?:[^\n]*?title="(?P<title>[^"]+)")?[^\n]*\n'
    r"(?P<text>.*?)^(?P=indent)```$",
    flags=re.MULTILINE | re.DOTALL,
)
_DIFFERENT_EACH_TIME: Final = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?", "<time>"),
    (r"\b\d+:\d\d(:\d\d)?\b(?!\d)", "<elapsed>"),
    (r"127\.0\.0\.1:\d+", "<mock>"),
    (r"\b[0-9a-f]{16}\b", "<key>"),
    (r"exp=\d+~hmac=[0-9a-f]+", "<signature>"),
)


@frozen
class Block:
    """A fenced code block.

    Attributes:
        line: Where its text begins, from 0.
        language: The word after the fence.
        text: What it holds, without the indentation of the fence.
        title: The file that it is.
        why: Why it is not run.
    """

    line: int
    language: str
    text: str
    title: str | None = None
    why: str | None = None


def blocks_of(markdown: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    return [
        Block(
            markdown.count("\n", 0, found.start("text")),
            found["language"],
            re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
            found["title"],
            found["why"],
        )
        for found in _FENCE.finditer(markdown)
    ]


def commands_of(block: Block) -> Iterator[tuple[str, str | None]]:
    """Yield each command of a `console` or `sh` block, and what it prints, if that is shown."""
    joined = block.text.replace("\\\n", " ")
    if block.language == "sh":
        yield from ((line, None) for line in joined.splitlines() if line and not line.startswith("#"))
        return
    for step in re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]:
        command, _, output = step.partition("\n")
        yield command, output


@define
class Reader:
    """Whoever follows a page, in the current folder.

    Attributes:
        name: The page's, for tracebacks.
        monkeypatch: Takes back what `export` and `cd` change.
        runner: The event loop of all the page's blocks.
        folder: Where it all happens; pages show it as /home/me.
        names: The namespace of its Python blocks.
        code: The exit code of the last command.
    """

    name: str
    monkeypatch: pytest.MonkeyPatch
    runner: asyncio.Runner
    folder: str = field(factory=os.getcwd)
    names: dict[str, Any] = field(factory=lambda: {"__name__": "__main__"})
    code: int = 0

    def follow(self, blocks: list[Block]) -> None:
        """Run all blocks; raises AssertionError where one prints something else than is shown."""
        for block, after in zip(blocks, [*blocks[1:], None], strict=True):
            where = f"{self.name}:{block.line}"
            assert block.language in IS_RUN | IS_DATA, (
                f"{where}: a language is needed, one of {IS_RUN | IS_DATA}"
            )
            if block.title:
                Path(block.title).parent.mkdir(parents=True, exist_ok=True)
                Path(block.title).write_text(block.text, encoding="utf-8")
            if block.why or block.language in IS_DATA:
                continue
            if block.title:
                if not any(
                    block.title in other.text for other in blocks if other.language in {"console", "sh"}
                ):
                    self._import(Path(block.title))
                continue
            if block.language == "python":
                printed = self._python(block)
                if after and after.language == "text" and not after.title:
                    self._compare(where, after.text, printed)
                continue
            for command, expected in commands_of(block):
                printed = self._type(command, where)
                if expected is not None:
                    self._compare(f"{where}: {command}", expected, printed)

    def _import(self, file: Path) -> None:
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        self.monkeypatch.setitem(sys.modules, file.stem, module)
        spec.loader.exec_module(module)

    def _python(self, block: Block) -> str:
        code = compile(
            "\n" * block.line + block.text, self.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        )
        written = io.StringIO()
        with redirect_stdout(written), redirect_stderr(written):
            result = eval(code, self.names)  # noqa: S307 - our own pages
            if result is not None:
                self.runner.run(result)
        return written.getvalue()

    def _type(self, command: str, where: str) -> str:
        command = command.replace("$?", str(self.code))
        words = shlex.split(command, comments=True)
        if words[0] == "export":
            for name, _, value in (word.partition("=") for word in words[1:]):
                if name not in _SERVICE:
                    self.monkeypatch.setenv(name, value)
            return ""
        if words[0] == "cd":
            self.monkeypatch.chdir(
                Path(words[1]) if words[1] != "examples" else Path()
            )  # its images lie here
            return ""
        while re.match(r"\w+=", words[0]):
            words = words[1:]
        if words[0] == "make":  # another test looks whether there is such a target
            return ""
        assert words[0] in _PROGRAMS, f"{where}: mark a block with {words[0]!r} as not run, and say why"
        assert not {"mock", "listen"} & set(words[1:3]), (
            f"{where}: this runs until Ctrl-C: mark the block as not run"
        )
        if words[0] == "python" and len(words) == 2:
            written = io.StringIO()
            with redirect_stdout(written), redirect_stderr(written):
                runpy.run_path(words[1], run_name="__main__")
            return written.getvalue()
        if words[0] != "kling-elements" or re.search(r"[|;<>&`$]", command):
            shell = ["sh", "-c", command]
            done = subprocess.run(shell, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603 - our own pages
            self.code = done.returncode
            return done.stdout + done.stderr
        written = io.StringIO()
        with redirect_stdout(written), redirect_stderr(written):
            self.code = main(words[1:])
        return written.getvalue()

    def _compare(self, where: str, shown: str, printed: str) -> None:
        want, got = _normalised(shown), _normalised(printed.replace(self.folder, "/home/me"))
        assert doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS), f"{where} prints\n{printed}"


def prepare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a folder with the example images in it and this environment's programs in reach."""
    for image in (ROOT / "examples").iterdir():
        shutil.copy(image, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv(
        "PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    )
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in _SLOW_PLUGINS))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(results, "draw", lambda _: mp4())  # a real video takes a third of a second
    monkeypatch.setattr(PollSchedule, "delay", lambda *_, **__: 0.0)  # real tasks take minutes


def _normalised(text: str) -> str:
    for pattern, word in _DIFFERENT_EACH_TIME:
        text = re.sub(pattern, word, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"
