"""What the command line's tests share.

A mock over a socket, images, and the command, run in this process or as one of its own.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageDraw

from contract_tests.support.answers import mp4
from kling_elements.__main__ import main
from kling_elements.cli.console import Console
from kling_elements.cli.context import Context
from kling_elements.cli.main import parse
from kling_elements.settings import API_KEY_VARIABLES, BASE_URL_VARIABLE
from kling_elements_mock import INSTANT, MockSettings, ServedMock, serve
from kling_elements_mock.tasks import results

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Mapping

    from kling_elements_mock.tasks.life_cycle import Pace

KEY = "fpk-0123456789-secret"
_ROOT = Path(__file__).parents[3]
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
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
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        *API_KEY_VARIABLES,
        BASE_URL_VARIABLE,
        *_PROXIES,
        "COLUMNS",
        "NO_COLOR",
        "KLING_ELEMENTS_JOURNAL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(API_KEY_VARIABLES[0], KEY)
    # Whatever the client may keep on disk stays in the test's folder.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


def parsed(*words: str) -> Namespace:
    """Parse a command's words."""
    return parse(words).args


def context_of(*words: str, environ: Mapping[str, str] = MappingProxyType({})) -> Written:
    """Make a run of `list` with these options, and what it writes."""
    out, err = io.StringIO(), io.StringIO()
    return Written(Context(Console(out, err, environ), parsed("list", *words)), out, err)


def names() -> list[str]:
    """What is in the current folder."""
    return sorted(path.name for path in Path().iterdir())


@pytest.fixture
def image() -> Callable[..., str]:
    """Draw an image into the current folder."""

    def draw(name: str, size: tuple[int, int] = (400, 320)) -> str:
        picture = Image.new("RGB", size, (30, 60, 120))
        ImageDraw.Draw(picture).ellipse((20, 20, size[0] // 2, size[1] // 2), fill=(240, 200, 40))
        data = io.BytesIO()
        picture.save(data, "JPEG" if name.endswith("jpg") else "PNG")
        Path(name).write_bytes(data.getvalue())
        return name

    return draw


@pytest.fixture
def serve_mock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ServedMock]]:
    """Serve a mock, and lead the command to it."""
    with ExitStack() as stack:

        def start(scenario: str = "", pace: Pace = INSTANT, *, has_films: bool = False) -> ServedMock:
            if not has_films:  # to draw one takes a third of a second, and the command doesn't look at it
                monkeypatch.setattr(results, "draw", lambda _: mp4())
            served = stack.enter_context(serve(MockSettings(scenario=scenario, pace=pace)))
            monkeypatch.setenv(BASE_URL_VARIABLE, served.url)
            return served

        yield start


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """An origin that the command is led to, where nothing is; that no other test has entries of."""
    url = f"http://{secrets.token_hex(8)}.localhost:9"
    monkeypatch.setenv(BASE_URL_VARIABLE, url)
    return url


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run the command in this process."""

    def call(*args: str) -> Ended:
        capsys.readouterr()
        code = main(args)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return call


@pytest.fixture(autouse=True)
def _default_signals() -> Iterator[None]:
    """Whoever runs the tests in the background may ignore signals; the command must not inherit that."""
    ignored = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command as a process of its own group."""
    with ExitStack() as stack:

        def begin(*args: str, **options: Any) -> subprocess.Popen[str]:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-m", "kling_elements", *args],
                env=environment(),
                text=True,
                start_new_session=True,
                **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield begin


@pytest.fixture
def execute(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., Ended]:
    """Run the command as a process, to its end."""

    def call(*args: str, **options: Any) -> Ended:
        process = start(*args, **options)
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out or "", err or "")

    return call


def environment(**changes: str) -> dict[str, str]:
    """The environment of a process: this one's, with the packages in reach."""
    path = os.pathsep.join(str(_ROOT / part) for part in ("generated", "overrides"))
    return {**os.environ, "PYTHONPATH": path, **changes}


@dataclass(frozen=True)
class SilentService:
    """A service that takes requests and answers when the test does.

    Attributes:
        listener: Its socket.
    """

    listener: socket.socket

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    @property
    def was_asked(self) -> bool:
        """Whether anybody has connected."""
        self.listener.setblocking(False)
        try:
            connection, _ = self.listener.accept()
        except BlockingIOError:
            return False
        connection.close()
        return True

    def accept(self) -> socket.socket:
        """The connection of a request that has come in whole."""
        connection, _ = self.listener.accept()
        connection.settimeout(30)
        with connection.makefile("rb") as stream:
            length = 0
            while (line := stream.readline()).strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            stream.read(length)
        return connection


@pytest.fixture
def silent_service() -> Iterator[SilentService]:
    """A service that stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        yield SilentService(listener)


def answer(body: Any) -> bytes:
    """An HTTP answer."""
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data
