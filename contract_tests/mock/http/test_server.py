"""The mock as a server and as a command."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contract_tests.mock.api import CREATE, KEY
from kling_elements_mock import INSTANT, MockSettings, ServedMock, serve
from kling_elements_mock.__main__ import main

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def served() -> Iterator[ServedMock]:
    with serve(MockSettings(pace=INSTANT)) as mock:
        yield mock


def test_broken_connections(served: ServedMock) -> None:
    """Over a socket, responses are reset or break off; the task exists where it should; the server lives."""
    before = len(served.mock.tasks)

    def post(scenario: str) -> httpx.Response:
        headers, body = {**KEY, "x-mock-scenario": scenario}, {"images": ["https://example.com/a.png"]}
        return httpx.post(served.url + CREATE, json=body, headers=headers, trust_env=False)

    for scenario, error, made in (
        ("reset", httpx.ReadError, 0),
        ("truncated", httpx.RemoteProtocolError, 1),
        ("created-but-reset", httpx.ReadError, 2),
    ):
        with pytest.raises(error):
            post(scenario)
        assert len(served.mock.tasks) == before + made
    assert post("").status_code == 200


def test_a_whole_address_is_a_target(served: ServedMock) -> None:
    """A request line may have the whole address, as for a proxy: of the API, and of a route."""
    with socket.create_connection(("127.0.0.1", int(served.url.rsplit(":", 1)[1]))) as connection:
        lines = connection.makefile("rwb")
        for path, status in ((CREATE, b"401"), ("/_mock/health", b"200"), ("", b"401")):
            lines.write(f"GET {served.url}{path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            lines.flush()
            assert status in lines.readline()
            head = dict(line.strip().split(b": ") for line in iter(lines.readline, b"\r\n"))
            lines.read(int(head[b"content-length"]))


@pytest.mark.kling_mock(concurrency=1)
class TestMarks:
    @pytest.mark.kling_mock(pace=INSTANT)
    def test_settings_of_a_class_and_a_test_add_up(self, kling_mock: ServedMock) -> None:
        """A test has the settings that its class is marked with, and its own."""
        settings = kling_mock.mock.settings
        assert (settings.concurrency, settings.pace) == (1, INSTANT)


def test_an_unread_body_is_answered(served: ServedMock) -> None:
    """A client that sends a large body without a key sees the 401, not a broken connection."""
    assert httpx.post(served.url + CREATE, content=b"x" * 5_000_000, trust_env=False).status_code == 401


def test_the_command_serves_until_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    """It says one line when it listens, and leaves quietly on Ctrl-C. A port in use is one line."""
    command = [sys.executable, "-m", "kling_elements_mock", "--port", "0", "--instant", "--key", "mine"]
    path = os.pathsep.join([str(ROOT / "overrides"), os.environ.get("PYTHONPATH", "")])
    env, pipe = {**os.environ, "PYTHONPATH": path}, subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=env) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("kling-elements mock serving http://127.0.0.1:")
        url = line.split()[-1]
        for key, status in (("mine", 404), ("a-key", 401)):
            headers = {"x-freepik-api-key": key}
            assert httpx.get(url + CREATE, headers=headers, trust_env=False).status_code == status
        assert main(["--port", url.rsplit(":", 1)[1]]) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
        assert "in use" in err
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


BAD_PAIRS = {"port": "99999", "seconds": "-1", "rate-limit": "0/1", "concurrency": "0", "scenario": "nope"}
BAD_ARGUMENTS = (
    *([f"--{name}", value] for name, value in BAD_PAIRS.items()),
    ["--instant", "--polls", "2"],
    *(["--host", host] for host in ("", f"\u00e9{'x' * 80}")),
    *(["--document", path] for path in ("/no/such/file", str(ROOT / "pyproject.toml"))),
)


def test_bad_arguments_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A bad argument is code 2 and a line that names it, never a traceback."""
    for arguments in BAD_ARGUMENTS:
        assert main(["--port", "0", *arguments]) == 2
        assert "kling-elements mock: " in capsys.readouterr().err.splitlines()[-1]
