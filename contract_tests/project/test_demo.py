"""`make demo`: it leaves a video, costs nothing unless asked, and leaves no process behind."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import av
import pytest
from PIL import Image

from contract_tests.support.loopback import refused_url
from demo import __main__ as demo
from demo.pictures import draw_pictures
from kling_elements.document import load_document
from kling_elements.images.constraints import ImageConstraints, problems
from kling_elements.images.inspection import inspect

# Runs the demo in a folder of its own; `make demo` would leave its files in the checkout.
IN_FOLDER = """
import sys
from pathlib import Path
from demo import __main__ as demo
demo.ROOT, demo.TARGET, demo.MOCK_SECONDS = Path.cwd(), Path.cwd() / "demo.mp4", float(sys.argv[1])
sys.exit(demo.main())
"""


def start(folder: Path, seconds: float, **environment: str) -> subprocess.Popen[str]:
    """Start the demo, leader of a process group, with a mock whose tasks take so many seconds."""
    path = {"PYTHONPATH": str(Path(demo.__file__).parents[1]), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", IN_FOLDER, str(seconds)],
        cwd=folder,
        env={**os.environ, **path, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_it_leaves_a_video_also_the_second_time(tmp_path: Path) -> None:
    """The demo ends well with a playable demo.mp4, and an older one is no obstacle."""
    (tmp_path / "demo.mp4").write_bytes(b"of an earlier run")
    with start(tmp_path, 0.1, FREEPIK_API_KEY="of the user") as process:
        output = process.communicate(timeout=300)[0]
    assert process.returncode == 0, output
    with av.open(str(tmp_path / "demo.mp4"), "r") as video:
        assert next(video.decode(video=0)).width > 0
    assert "kling-elements generate" in output
    assert "LIVE=1" in output


@pytest.mark.skipif(os.name == "nt", reason="signals are not those of Windows")
def test_ended_it_leaves_no_mock_behind(tmp_path: Path) -> None:
    """After SIGTERM, which reaches the demo alone, the mock is gone."""
    with start(tmp_path, 600) as process:
        assert process.stdout
        port = 0
        for line in process.stdout:
            if found := re.search(r"127\.0\.0\.1:(\d+)", line):
                port = int(found[1])
            if line.startswith("task "):  # the command line has created its task, and waits
                break
        process.terminate()
        process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM
    with socket.socket() as plug:
        assert plug.connect_ex(("127.0.0.1", port)) != 0
    assert not (tmp_path / "demo.mp4").exists()


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a demo in this process, with LIVE=1."""
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIVE", "1")
    return tmp_path


def test_live_without_a_key_sends_nothing(live: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """LIVE=1 is refused in one line where no key is set, and nothing is started or drawn."""
    assert demo.main() == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "FREEPIK_API_KEY" in err
    assert list(live.iterdir()) == []


@pytest.mark.usefixtures("live")
def test_live_says_that_it_costs_money_and_goes_to_the_service(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """LIVE=1 with a key asks the configured origin, not the mock, after it has said what that means."""
    monkeypatch.setenv("FREEPIK_API_KEY", "of the user")
    monkeypatch.setenv("KLING_ELEMENTS_BASE_URL", origin := refused_url())
    assert demo.main() == 8
    output = "".join(capfd.readouterr())
    assert "billed" in output
    assert output.count(origin) == 2
    assert "mock" not in output
    assert "of the user" not in output


def test_the_pictures_fit_the_document(tmp_path: Path) -> None:
    """Both pictures can be sent, and are not the same."""
    body = load_document().content["components"]["schemas"]["itvke-request-content"]
    rules = ImageConstraints.from_document(body["properties"]["images"]["items"]["x-image-constraints"])
    pictures = draw_pictures(tmp_path)
    for picture in pictures:
        assert problems(inspect(picture.read_bytes(), complete=True), rules) == ()
    small = {Image.open(picture).convert("RGB").resize((8, 8)).tobytes() for picture in pictures}
    assert len(small) == len(pictures)
