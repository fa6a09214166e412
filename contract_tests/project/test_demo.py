"""`make demo`: it leaves a video, costs nothing unless asked, and leaves no process behind."""

import io
import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import pytest

from contract_tests.support.loopback import refused_url
from demo import __main__ as demo

Handlers = dict[int, Callable[[], None]]


@pytest.fixture(autouse=True)
def handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Handlers:
    """Run the demo in this process and in a folder of its own; gives the signal handlers that it sets."""
    found: Handlers = {}
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setattr(demo, "TARGET", tmp_path / "demo.mp4")
    monkeypatch.setattr(demo, "MOCK_SECONDS", 0.1)
    monkeypatch.setattr("signal.signal", found.__setitem__)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    return found


def test_it_leaves_a_video_also_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The demo ends well with a playable demo.mp4, and an older one is no obstacle."""
    monkeypatch.setenv("FREEPIK_API_KEY", "of the user")
    (tmp_path / "demo.mp4").write_bytes(b"of an earlier run")
    assert demo.main() == 0
    with av.open(str(tmp_path / "demo.mp4"), "r") as video:
        assert next(video.decode(video=0)).width > 0
    output = "".join(capfd.readouterr())
    assert "kling-elements generate" in output
    assert "LIVE=1" in output
    assert "of the user" not in output


def test_ended_it_leaves_no_mock_behind(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    """After SIGTERM, which reaches the demo alone, the mock is gone."""
    mocks: list[tuple[str, int]] = []

    def ended(_pictures: Any, environment: Mapping[str, str], *_options: str) -> int:
        url = urlsplit(environment["KLING_ELEMENTS_BASE_URL"])
        mocks.append((url.hostname or "", url.port or 0))
        socket.create_connection(mocks[0]).close()
        handlers[signal.SIGTERM]()
        return 0

    monkeypatch.setattr(demo, "_generate", ended)  # the moment at which the signal comes
    with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
        demo.main()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(mocks[0])


def test_live_without_a_key_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """LIVE=1 is refused in one line where no key is set, and nothing is started or drawn."""
    monkeypatch.setenv("LIVE", "1")
    assert demo.main() == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "FREEPIK_API_KEY" in err
    assert list(tmp_path.iterdir()) == []


def test_live_says_that_it_costs_money_and_goes_to_the_service(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """LIVE=1 with a key asks the configured origin, not the mock, after it has said what that means."""
    monkeypatch.setenv("LIVE", "1")
    monkeypatch.setenv("FREEPIK_API_KEY", "of the user")
    monkeypatch.setenv("KLING_ELEMENTS_BASE_URL", origin := refused_url())
    assert demo.main() == 8
    output = "".join(capfd.readouterr())
    assert "billed" in output
    assert output.count(origin) == 2
    assert "mock" not in output
    assert "of the user" not in output
