"""Run a page's code blocks (CONTRIBUTING.md) as a reader would: in order, in one folder, against a mock."""

import ast
import asyncio
import doctest
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch

import pytest
from attrs import define, field, frozen

from contract_tests.support.answers import mp4
from kling_elements.__main__ import main
from kling_elements.policy.polling import PollSchedule
from kling_elements.webhooks import server
from kling_elements_mock.tasks import results

ROOT: Final = Path(__file__).resolve().parents[2]
_TOP: Final = (ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY"))
PAGES: Final = tuple(page for page in (*_TOP, *sorted(ROOT.glob("docs/**/*.md"))) if page.exists())
IS_RUN: Final = frozenset({"python", "console", "sh"})
IS_DATA: Final = frozenset({"text", "json", "yaml", "toml", "ini", "dockerfile", "diff", "mermaid"})
_SERVICE: Final = {"KLING_ELEMENTS_BASE_URL", "KLING_ELEMENTS_API_KEY"}  # the test's own mock serves it
_PROGRAMS: Final = frozenset({"cat", "echo", "head", "kling-elements", "ls", "pytest", "python"})
_SLOW_PLUGINS: Final = ("hypothesispytest", "inline_snapshot", "randomly", "respx", "schemathesis", "xdist")
_DELAY: Final = PollSchedule.delay
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
    """A fenced code block: its first line from 0, the file that it is, and why it is not run."""

    line: int
    language: str
    text: str
    title: str | None = None
    why: str | None = None


def blocks_of(markdown: str) -> list[Block]:
    return [
        Block(
            markdown.count("\n", 0, found.start("text")), found["language"],
            re.sub(f"(?m)^{found['indent']}", "", found["text"]), found["title"], found["why"],
        )
        for found in _FENCE.finditer(markdown)
    ]  # fmt: skip


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
    """Whoever follows a page, in the current folder, which pages show as /home/me."""

    name: str
    monkeypatch: pytest.MonkeyPatch
    runner: asyncio.Runner  # of all Python blocks of the page, as are the names
    folder: str = field(factory=os.getcwd)
    names: dict[str, Any] = field(factory=lambda: {"__name__": "__main__"})
    code: int = 0  # the last command's

    def follow(self, blocks: list[Block]) -> None:
        """Run all blocks; raises AssertionError where one prints something else than is shown."""
        typed = [block.text for block in blocks if block.language in {"console", "sh"}]
        for block, after in zip(blocks, [*blocks[1:], None], strict=True):
            where = f"{self.name}:{block.line}"
            assert block.language in IS_RUN | IS_DATA, f"{where}: it needs one of {IS_RUN | IS_DATA}"
            if block.title:
                Path(block.title).parent.mkdir(parents=True, exist_ok=True)
                Path(block.title).write_text(block.text, encoding="utf-8")
            if block.why or block.language in IS_DATA:
                continue
            if block.title:
                if not any(block.title in text for text in typed):
                    self._import(Path(block.title))
            elif block.language == "python":
                printed = self._python(block)
                if after and after.language == "text" and not after.title:
                    self._compare(where, after.text, printed)
            else:
                for command, expected in commands_of(block):
                    printed = self._type(command, where)
                    if expected is not None:
                        self._compare(f"{where}: {command}", expected, printed)

    def _import(self, file: Path) -> None:
        module = ModuleType(file.stem)
        self.monkeypatch.setitem(sys.modules, file.stem, module)
        exec(compile(file.read_text("utf-8"), file, "exec"), vars(module))  # noqa: S102 - our own pages

    def _python(self, block: Block) -> str:
        text = "\n" * block.line + block.text
        code = compile(text, self.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

        def run() -> None:
            result = eval(code, self.names)  # noqa: S307 - our own pages
            if result is not None:
                self.runner.run(result)

        return _printed(run)

    def _type(self, command: str, where: str) -> str:
        command = command.replace("$?", str(self.code))
        words = shlex.split(command, comments=True)
        while re.match(r"\w+=", words[0]):
            words = words[1:]
        program, *rest = words
        if program == "export":
            for name, _, value in (word.partition("=") for word in rest):
                if name not in _SERVICE:
                    self.monkeypatch.setenv(name, value)
            return ""
        if program == "cd" and rest != ["examples"]:  # its images lie here
            self.monkeypatch.chdir(rest[0])
        if program in {"cd", "make"}:  # another test looks whether there is such a target
            return ""
        assert program in _PROGRAMS, f"{where}: mark a block with {program!r} as not run, and say why"
        forever = {"mock", "listen"} & set(rest[:2])
        assert not forever, f"{where}: this runs until Ctrl-C: mark the block as not run"
        return _printed(lambda: self._run(command, program, rest))

    def _run(self, command: str, program: str, words: list[str]) -> None:
        """Run a command, in this process where it can be: a start takes half a second, of pytest some."""
        if program == "pytest":
            # Its mock's time passes only while a client sleeps.
            with patch.object(sys, "path", [*sys.path]), patch.object(PollSchedule, "delay", _DELAY):
                pytest.main(words)
            for file in Path().glob("*.py"):
                sys.modules.pop(file.stem, None)
        elif program == "python" and len(words) == 1:
            runpy.run_path(words[0], run_name="__main__")
        elif program == "kling-elements" and not re.search(r"[|;<>&`$]", command):
            self.code = main(words)
        else:
            shell = ["sh", "-c", command]
            done = subprocess.run(shell, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603 - our own pages
            self.code = done.returncode
            sys.stdout.write(done.stdout + done.stderr)

    def _compare(self, where: str, shown: str, printed: str) -> None:
        want, got = _normalised(shown), _normalised(printed.replace(self.folder, "/home/me"))
        assert doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS), f"{where} prints\n{printed}"


def _printed(run: Callable[[], object]) -> str:
    written = io.StringIO()
    with redirect_stdout(written), redirect_stderr(written):
        run()
    return written.getvalue()


def prepare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a folder with the example images in it and this environment's programs in reach."""
    for image in (ROOT / "examples").iterdir():
        shutil.copy(image, folder)
    monkeypatch.chdir(folder)
    path = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in _SLOW_PLUGINS))
    monkeypatch.setenv("NO_PROXY", "*")
    listening = server._listening
    monkeypatch.setattr(server, "_listening", lambda host, _: listening(host, 0))  # its port may be in use
    monkeypatch.setattr(results, "draw", lambda _: mp4())  # a real video takes a third of a second
    monkeypatch.setattr(PollSchedule, "delay", lambda *_, **__: 0.0)  # real tasks take minutes


def _normalised(text: str) -> str:
    for pattern, word in _DIFFERENT_EACH_TIME:
        text = re.sub(pattern, word, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"
