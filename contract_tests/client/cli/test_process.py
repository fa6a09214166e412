"""The real command as a process, against a mock over a socket."""

from __future__ import annotations

import errno
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest

from contract_tests.client.cli.conftest import answer, environment, names
from kling_elements_mock import Polls

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended, SilentService
    from kling_elements_mock import ServedMock

    Execute = Callable[..., Ended]
    Start = Callable[..., subprocess.Popen[str]]
    Serve = Callable[..., ServedMock]
    Draw = Callable[..., str]

NOW = ("--poll-interval", "0")
HEAVY = "httpx yaml PIL anyio jsonschema_rs attr kling_elements_api kling_elements_mock"
CHEAP = ("--help", "list --help", "--version", "", "nonsense", "list --bogus", "generate a.png --prompt")


def test_two_images_become_a_video_that_plays(execute: Execute, serve_mock: Serve, image: Draw) -> None:
    """From two files to a file that a decoder opens."""
    serve_mock(pace=Polls(3), has_films=True)
    ended = execute("generate", image("a.jpg"), image("b.png"), "--duration", "5", "-o", "out.mp4", *NOW)
    assert (ended.code, ended.out) == (0, "out.mp4\n")
    with av.open("out.mp4") as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert round(float(container.duration or 0) / 1_000_000) == 5


def test_a_signal_during_the_wait_shows_how_to_resume(start: Start, serve_mock: Serve, image: Draw) -> None:
    """A signal to the group ends the wait at once, with the command that resumes, and no traceback."""
    served = serve_mock("never-finish")
    process = start("generate", image("a.jpg"), "-o", "my out.mp4")
    assert process.stderr
    first = process.stderr.readline()  # the id, as soon as it is known
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    task_id = served.mock.tasks[0].id
    assert first == f"task {task_id}\n"
    assert process.returncode == 143, err
    assert f"interrupted (SIGTERM). Task {task_id} continues and is billed." in err
    assert f"Next: kling-elements wait {task_id} -o 'my out.mp4'\n" in err
    assert "Traceback" not in err
    assert out == ""
    assert names() == ["a.jpg"]


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_signal_during_a_create(
    start: Start, image: Draw, silent_service: SilentService, *, is_answered: bool
) -> None:
    """A create that was sent is paid: a signal waits for its answer, a second one does not."""
    process = start("generate", image("a.jpg"), "-o", "x.mp4", "--base-url", silent_service.url)
    with silent_service.accept() as asked:
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr
        assert "a create is being sent" in process.stderr.readline()
        if is_answered:
            asked.sendall(answer({"data": {"task_id": "abc-1", "status": "CREATED", "generated": []}}))
        else:
            os.killpg(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    command = f"kling-elements --base-url {silent_service.url}"
    assert process.returncode == 130  # the first signal counts
    assert out == ""
    assert "Traceback" not in err
    if is_answered:
        assert "interrupted (Ctrl-C). Task abc-1 continues and is billed." in err
        assert f"Next: {command} wait abc-1 -o x.mp4\n" in err
    else:
        assert f"Next: {command} list\n" in err
    assert names() == ["a.jpg"]


def test_help_and_usage_errors_import_nothing_heavy() -> None:
    """Help is cheap: no library that connects, parses or decodes is imported for it, or for a usage error."""
    program = (
        "import sys; from kling_elements.__main__ import main\n"
        f"for line in {CHEAP!r}: main(line.split())\n"
        f"heavy = [name for name in {HEAVY!r}.split() if name in sys.modules]\n"
        "main(['generate', '--help']); print(heavy, 'httpx' in sys.modules)"
    )
    ended = subprocess.run(  # noqa: S603 - the command itself
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    assert "{5,10}" in ended.stdout  # the values of the document
    assert ended.stdout.splitlines()[-1] == "[] False"


def test_a_reader_that_leaves_is_no_error(serve_mock: Serve, image: Draw, execute: Execute) -> None:
    """`| head` closes the pipe early: nothing is said about it, and the exit code is that of the command."""
    serve_mock()
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = execute("--help", stdout=writing)
    finally:
        os.close(writing)
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_result_that_cannot_be_written_is_told(serve_mock: Serve, execute: Execute) -> None:
    """A full disk behind stdout is one line and exit code 1."""
    serve_mock()
    with Path("/dev/full").open("w") as full:
        ended = execute("list", "--json", stdout=full)
    assert ended.code == 1
    assert ended.err == (
        f"kling-elements: the result could not be written to stdout: {os.strerror(errno.ENOSPC)}\n"
    )


def test_streams_that_are_closed(serve_mock: Serve) -> None:
    """A process without stdout and stderr does its work all the same."""
    serve_mock()
    ended = subprocess.run(
        ["/bin/sh", "-c", '"$0" -m kling_elements list 1>&- 2>&-', sys.executable],
        env=environment(),
        check=False,
    )
    assert ended.returncode == 0


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take UTF-8 names only")
def test_names_that_are_no_utf8(serve_mock: Serve, image: Draw) -> None:
    """Names of any bytes are read, written and printed as they are, whatever the locale."""
    serve_mock()
    image("a.jpg")
    image_name, video_name = b"b\xe9ld.jpg", b"v\xefd\xc3\xa9o.mp4"
    Path("a.jpg").rename(os.fsdecode(image_name))
    ended = subprocess.run(  # noqa: S603 - the command itself
        [sys.executable, "-m", "kling_elements", "generate", image_name, "-o", video_name, *NOW],
        env=environment(LC_ALL="C", PYTHONIOENCODING="ascii"),
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == video_name + b"\n"
    assert names() == [os.fsdecode(image_name), os.fsdecode(video_name)]


def test_progress_on_a_terminal_is_one_line(serve_mock: Serve, image: Draw) -> None:
    """On a terminal one line is rewritten, no wider than the terminal, and is gone at the end."""
    serve_mock(pace=Polls(3))
    master, slave = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [
            *(sys.executable, "-m", "kling_elements", "generate", image("a.jpg"), "-o", "t.mp4"),
            *("--poll-interval", "0.05"),
        ],
        env=environment(COLUMNS="30", TERM="xterm"),
        stdout=subprocess.PIPE,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    with process:
        try:
            while chunk := os.read(master, 4096):
                shown += chunk
        except OSError:  # the terminal's other end is closed
            pass
        finally:
            os.close(master)
        assert process.stdout
        assert process.stdout.read() == b"t.mp4\n"
    lines = shown.decode().replace("\r\n", "\n").split("\n")
    rewritten = [re.sub(r"\x1b\[[\d;?]*\w", "", part) for line in lines for part in line.split("\r")]
    assert any(re.match(r". connecting  \d+:\d\d  ", part) for part in rewritten)
    assert all(len(part) <= 30 for part in rewritten if re.match("[\u2800-\u28ff]", part))
    assert rewritten[-1] == ""
    assert any(line.startswith("COMPLETED after ") for line in rewritten)
