"""What the command line's tests share: a mock over a socket, and the command, run in this process or not."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from attrs import define, frozen

from contract_tests.support.answers import mp4
from kling_elements import Journal, KlingElements, Task
from kling_elements.__main__ import main
from kling_elements.cli.console import Console
from kling_elements.cli.context import Context
from kling_elements.cli.main import parse
from kling_elements.journal import Entry, NewEntry, journal_at, journal_path
from kling_elements.settings import API_KEY_VARIABLES, BASE_URL_VARIABLE
from kling_elements_mock import INSTANT, MockSettings, ServedMock, serve
from kling_elements_mock.tasks import results

IDS = ("abc00000-0000-4000-8000-000000000000", "abc00001-0000-4000-8000-000000000000", "abd", "x")
KEY, ANOTHER_KEY = "fpk-0123456789-secret", "fpk-9876543210-another"
URL = "https://example.com/a.png"
NOW = ("--poll-interval", "0")
_PATH = "/v1/ai/image-to-video/kling-elements"
CREATE, LIST = ("POST", f"{_PATH}-std"), ("GET", f"{_PATH}-std")
_ROOT = Path(__file__).parents[3]
_WRAPPER = textwrap.TextWrapper(
    100, subsequent_indent="      ", break_long_words=False, break_on_hyphens=False, drop_whitespace=True
)


@frozen
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@frozen
class Written:
    """A run, and what it writes to stdout and to stderr."""

    context: Context
    out: io.StringIO
    err: io.StringIO


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return not self.closed or super().isatty()


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in (*API_KEY_VARIABLES[1:], "COLUMNS", "NO_COLOR", "KLING_ELEMENTS_JOURNAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(API_KEY_VARIABLES[0], KEY)
    # Whatever the client may keep on disk stays in the test's folder.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    # Whoever runs the tests in the background may ignore signals; the command must not inherit that.
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ignored = [number for number in numbers if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


def parsed(*words: str) -> Namespace:
    """Parse a command's words."""
    return parse(words)[1]


def context_of(*words: str) -> Written:
    """Make a run of `list` with these options, and what it writes."""
    out, err = io.StringIO(), io.StringIO()
    return Written(Context(Console(out, err, {}), parsed("list", *words)), out, err)


def names() -> list[str]:
    """Return what is in the current folder."""
    return sorted(path.name for path in Path().iterdir())


@pytest.fixture(scope="session")
def _served() -> Iterator[ServedMock]:
    with serve(MockSettings(pace=INSTANT)) as served:
        yield served


@define
class Cli:
    """The command, led to a mock over a socket that the session's tests share, empty for each.

    Attributes:
        served: The mock.
        patch: Undone after the test.
    """

    served: ServedMock
    patch: pytest.MonkeyPatch
    _capsys: pytest.CaptureFixture[str]
    _stack: ExitStack

    def __call__(self, *args: str) -> Ended:
        """Run the command in this process."""
        self._capsys.readouterr()
        code = main(args)
        captured = self._capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start the command as a process of its own group."""
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "kling_elements", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        return process

    @property
    def url(self) -> str:
        return self.served.url

    @property
    def ids(self) -> list[str]:
        """The ids of the mock's tasks, oldest first."""
        return [task.id for task in self.served.mock.tasks]

    def environ(self, **variables: str | None) -> None:
        """Set variables; None removes one."""
        for name, value in variables.items():
            if value is None:
                self.patch.delenv(name)
            else:
                self.patch.setenv(name, value)

    def next(self, scenario: str, operation: str | None = None, times: int = 1) -> None:
        """Queue a scenario for the next requests."""
        self.served.mock.next_scenario(scenario, operation=operation, times=times)

    def asked(self) -> list[tuple[str, str]]:
        """Return the requests since the last time that this was called, in their order."""
        requests = [(request.method, request.path) for request in self.served.mock.requests]
        self.served.mock.requests.clear()
        return requests

    def find(self, task_id: str = "") -> Entry:
        """Return the entry of a task, by default of the last one."""
        entry = Journal.open().find(task_id or self.ids[-1], self.url)
        assert entry is not None
        return entry

    def begun(self, *more: str) -> Entry:
        """Return the entry of a task that was created, and not waited for."""
        self("generate", URL, *more, "--timeout", "0")
        return self.find()

    def in_doubt(
        self, why: str | None = None, *, origin: str | None = None, key: str = KEY, **known: Any
    ) -> str:
        """Return the entry of a create that was sent an hour ago, and never answered."""
        with KlingElements(key, origin or self.url) as client:
            owner = client.journal_owner
        path = journal_path(None, os.environ)
        assert path
        journal = journal_at(path, lambda: time.time() - 3600, lambda: time.monotonic() - 3600)
        entry_id = journal.begin(NewEntry("std", owner.origin, owner.fingerprint, **known)).entry_id
        if why is not None:
            journal.unknown(entry_id, why)
        return entry_id

    def unwaited(self, task_id: str, status: str = "CREATED", **known: Any) -> Entry:
        """Return the entry of a task that was created an hour ago."""
        return Journal.open().created(self.in_doubt(**known), Task(task_id, status))

    def foreign(self, **options: Any) -> str:
        """Return a task of another machine."""
        with KlingElements(KEY, self.url, journal=False) as client:
            task_id = client.create(URL, **options).id
        self.asked()
        return task_id


@pytest.fixture
def cli(
    _served: ServedMock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    _served.mock.reset()
    # To draw a film takes a third of a second, and the command doesn't look at it.
    monkeypatch.setattr(results, "draw", lambda _: mp4())
    monkeypatch.setenv(BASE_URL_VARIABLE, _served.url)
    with ExitStack() as stack:
        yield Cli(_served, monkeypatch, capsys, stack)


def environment() -> dict[str, str]:
    """Return the environment of a process: this one's, with the packages in reach."""
    path = os.pathsep.join(str(_ROOT / part) for part in ("generated", "overrides"))
    return {**os.environ, "PYTHONPATH": path}


def plain(text: str, **known: str) -> str:
    """Return text, wrapped, without what differs from run to run: times, folders, ids."""
    for name, value in known.items():
        text = text.replace(value, name)
    text = text.replace(str(Path.cwd()), "HERE")
    text = re.sub(r"after (\d+:\d\d|\d+ s)", "after TIME", text)
    text = re.sub(r"\[request [^]]+\]", "[request R]", text)
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "TASK", text)
    text = re.sub(r"\b[0-9a-f]{32}\b", "ENTRY-ID", text)
    text = re.sub(r"\b[0-9a-f]{16}\b", "BATCH", text)
    return "".join(f"{_WRAPPER.fill(line)}\n" for line in text.splitlines())


def about(task_id: str) -> tuple[str, str]:
    """Return the request that polls a task."""
    return "GET", f"{_PATH}/{task_id}"
