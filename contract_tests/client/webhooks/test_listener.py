"""The listener over a loopback socket, and `kling-elements webhooks listen`."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.deliveries import BODY, NOW, SECRET, TASK_ID, body_of, headers
from kling_elements import Task, ValidationError
from kling_elements.cli.commands import webhooks as command
from kling_elements.cli.webhook_output import listen, read_secrets
from kling_elements.webhooks import WebhookListener, WebhookReceiver, sign_webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LISTEN = """
import os, signal, sys
from kling_elements.cli.webhook_output import listen, read_secrets
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
sys.exit(listen(read_secrets([], os.environ), port=0, as_json="--json" in sys.argv))
"""


@pytest.fixture
def told() -> list[Task]:
    return []


@pytest.fixture
def served(told: list[Task]) -> Iterator[WebhookListener]:
    receiver = WebhookReceiver(SECRET, now=lambda: NOW, on_task=told.append)
    with WebhookListener(receiver, port=0) as listener:
        yield listener


def test_deliveries_come_over_http(served: WebhookListener, told: list[Task]) -> None:
    """Two deliveries over one connection are verified, answered and told."""
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        for number, status in enumerate(("IN_PROGRESS", "COMPLETED")):
            body = body_of(status)
            response = client.post("/any/path", content=body, headers=headers(body, message_id=f"m{number}"))
            assert (response.status_code, response.headers["server"]) == (200, "kling-elements")
        assert client.post("/", content=iter([BODY[:5], BODY[5:]]), headers=headers()).status_code == 200
        assert client.post("/", content=BODY, headers=headers(signature="v1,AAAA")).status_code == 401
        refused = client.request("BREW", "/")
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
        assert client.head("/").status_code == 405
        assert client.post("/", content=b"x" * 3_000_000, headers=headers()).status_code == 413
    assert [task.status for task in told] == ["IN_PROGRESS", "COMPLETED"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5, 6\r\n\r\nxxxxx",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
    ids=["no length", "two lengths", "odd length", "bad chunk", "no HTTP"],
)
def test_a_broken_request_is_answered(served: WebhookListener, request_bytes: bytes) -> None:
    """It gets 400 and its connection is closed; the listener lives on."""
    with socket.create_connection((served.host, served.port), timeout=20) as raw:
        raw.sendall(request_bytes)
        raw.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert b" 400 " in answer.splitlines()[0] or b"Error code: 400" in answer
    assert httpx.post(served.url, content=BODY, headers=headers(), trust_env=False).status_code == 200


def test_a_silent_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that sends no request, or half of its head, is closed: slow senders keep nobody out."""
    monkeypatch.setattr("kling_elements.webhooks.server._IDLE_SECONDS", 0.05)
    with WebhookListener(WebhookReceiver(SECRET, now=lambda: NOW), port=0) as listener:
        for sent in (b"", b"POST / HTTP/1.1\r\nhost"):
            with socket.create_connection((listener.host, listener.port), timeout=20) as raw:
                raw.sendall(sent)
                assert raw.recv(100) == b""
        assert httpx.post(listener.url, content=BODY, headers=headers(), trust_env=False).status_code == 200


def test_secrets_come_from_the_environment_or_files(tmp_path: Path) -> None:
    """Several by commas or by files; space around them is dropped; files win."""
    file, other = tmp_path / "new", tmp_path / "old"
    file.write_text("in a file, with a comma\n")
    other.write_text(" old \n")
    environ = {"KLING_ELEMENTS_WEBHOOK_SECRET": " a, b ,,\n"}
    assert read_secrets([], environ) == ["a", "b"]
    assert read_secrets([file, other], environ) == ["in a file, with a comma", "old"]
    for files, fault in (
        ([], "no webhook secret"),
        ([tmp_path], "can't be read"),
        ([tmp_path / "none"], "none"),
    ):
        with pytest.raises(ValidationError, match=fault):
            read_secrets(files, {})
    for content, fault in ((b"\n", "is empty"), (b"\xff\xfe", "no text")):
        file.write_bytes(content)
        with pytest.raises(ValidationError, match=fault):
            read_secrets([file], {})


def test_a_port_in_use_is_told_in_a_line(served: WebhookListener) -> None:
    """With what to do about it; so is an address that is not this machine's."""
    with pytest.raises(ValidationError, match=rf":{served.port}: .*in use\. --port 0"):
        listen(SECRET, port=served.port)
    with pytest.raises(ValidationError, match="can't listen on"):
        listen(SECRET, host="192.0.2.1")
    with pytest.raises(ValidationError, match="0 to 65535"):
        listen(SECRET, port=70_000)


def test_the_command_hands_its_options_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Options become arguments, secrets come from files, and a fault is one line of exit code 2."""
    from kling_elements.cli.console import Console  # noqa: PLC0415
    from kling_elements.cli.context import Context  # noqa: PLC0415
    from kling_elements.cli.exit_codes import CommandError  # noqa: PLC0415

    got: list[Any] = []

    def record(*args: Any, **options: Any) -> int:
        got.append((args, options))
        return 130

    monkeypatch.setattr("kling_elements.cli.webhook_output.listen", record)
    (tmp_path / "secret").write_text(SECRET)
    session = Context(Console(None, None, {}))
    parser = ArgumentParser()
    command.add_arguments(parser)
    args = parser.parse_args(
        ["listen", "--port", "1", "--secret-file", str(tmp_path / "secret"), "--encoding", "hex"]
    )
    assert command.run(args, session) == 130
    assert got[0][0] == ([SECRET], "127.0.0.1", 1)
    assert got[0][1]["encoding"] == "hex"
    for arguments in (["--port", "99999"], ["--port", "x"], ["--secret-file", str(tmp_path)]):
        with pytest.raises(CommandError) as caught:
            command.run(parser.parse_args(["listen", *arguments]), session)
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_the_command_prints_a_line_for_each_delivery(as_json: bool) -> None:  # noqa: FBT001 - a case
    """As a process: each delivery is a line on stdout, Ctrl-C ends it quietly, no secret is shown."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", LISTEN, *(["--json"] if as_json else [])],
        env={
            "KLING_ELEMENTS_WEBHOOK_SECRET": f"old,{SECRET}",
            "PYTHONPATH": ":".join(sys.path),
            "PYTHONUNBUFFERED": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found
        body = body_of("COMPLETED", urls=("https://cdn.example/v.mp4?token=exp=1~hmac=abc",))
        genuine = sign_webhook(body, SECRET, webhook_id="msg_1", timestamp=int(time.time()))
        for given in (
            genuine,
            genuine,
            {**genuine, "webhook-signature": "v1,AAAA"},
            {"webhook-id": "\x1b[31m".replace("\x1b", "%")},
        ):
            httpx.post(found[0], content=body, headers=given, trust_env=False)
        httpx.get(found[0], trust_env=False)
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (130, "", "")
    assert SECRET not in "".join(lines)
    if as_json:
        rows = [json.loads(line) for line in lines]
        assert [(row["verified"], row["answer"]) for row in rows] == [
            (True, 200), (True, 200), (False, 401), (False, 400), (False, 405),
        ]  # fmt: skip
        assert rows[0]["task_id"] == TASK_ID
        assert [row.get("receipt") for row in rows[:2]] == ["new", "duplicate"]
        assert rows[2]["reason"] == "signature"
        assert rows[0]["urls"] == ["https://cdn.example/v.mp4?token=exp=1~hmac=abc"]
    else:
        assert f"msg_1  {TASK_ID}  COMPLETED  verified" in lines[0]
        assert "come before" in lines[1]
        assert "REFUSED: no signature" in lines[2]
        assert "is missing" in lines[3]
        assert "405" in lines[4]
        assert "hmac" not in "".join(lines)
