"""`webhooks listen`: what it reads, prints and refuses; and `mock`, which is another program's."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.deliveries import NOW, SECRET, TASK_ID, body_of
from kling_elements import Task
from kling_elements.cli.commands import mock
from kling_elements.cli.webhook_output import json_line, read_secrets, text_line
from kling_elements.errors import ValidationError
from kling_elements.webhooks import (
    Delivery,
    HandledRequest,
    Reason,
    Receipt,
    Refusal,
    Reply,
    sign_webhook,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended

    Run = Callable[..., Ended]
    Start = Callable[..., subprocess.Popen[str]]

AT = datetime(2026, 1, 1, 12, 5, 0, 250_400, tzinfo=UTC)
URL = "https://cdn.example/v.mp4?token=exp=1~hmac=abc"
GENUINE = Delivery("msg_1", NOW, Task(TASK_ID, "COMPLETED", (URL,)))
OK = Reply(200, {}, b"")
SECRETS = "KLING_ELEMENTS_WEBHOOK_SECRET"


def refused(status: int, reason: Reason, text: str, webhook_id: str | None = None) -> HandledRequest:
    return HandledRequest(Reply(status, {}, b""), refusal=Refusal(reason, text, webhook_id))


CASES: list[tuple[HandledRequest, str, dict[str, Any]]] = [
    *(
        (
            HandledRequest(OK, GENUINE, receipt),
            f"msg_1  {TASK_ID}  COMPLETED  verified{more}",
            {"answer": 200, "verified": True, "webhook_id": "msg_1", "receipt": receipt.value,
             "task_id": TASK_ID, "status": "COMPLETED", "urls": [URL]},
        )
        for receipt, more in (
            (Receipt.NEW, ""),
            (Receipt.DUPLICATE, ", but this delivery came before"),
            (Receipt.REPEATED, ", but the status was known"),
            (Receipt.OUTDATED, ", but a later status is known"),
        )
    ),
    (
        HandledRequest(OK, Delivery("m" * 80, NOW, Task("t" * 81, "\x1b[31mé")), Receipt.NEW),
        f"{'m' * 80}  {'t' * 80}…  ?[31mé  verified",
        {"answer": 200, "verified": True, "webhook_id": "m" * 80, "receipt": "new", "task_id": "t" * 81,
         "status": "\x1b[31mé", "urls": []},
    ),
    (
        refused(400, Reason.BODY, "task 'ä'", "a\x07"),
        "a?  REFUSED: task '\\xe4'",
        {"answer": 400, "verified": False, "webhook_id": "a\x07", "reason": "body", "message": "task 'ä'"},
    ),
    (
        refused(400, Reason.HEADERS, "missing"),
        "-  REFUSED: missing",
        {"answer": 400, "verified": False, "webhook_id": None, "reason": "headers", "message": "missing"},
    ),
    (HandledRequest(Reply(405, {}, b"")), "-  answered with 405", {"answer": 405, "verified": False}),
]  # fmt: skip


@pytest.mark.parametrize(("handled", "line", "row"), CASES)
def test_a_request_is_one_line(handled: HandledRequest, line: str, row: dict[str, Any]) -> None:
    """When, which delivery, which task, what it was worth: short and harmless; as JSON also the URLs."""
    local = datetime(2026, 1, 1, 12, 5, 0).astimezone()
    assert text_line(handled, local) == f"12:05:00  {line}"
    assert json.loads(json_line(handled, AT)) == {"time": "2026-01-01T12:05:00.250+00:00", **row}
    assert "\n" not in json_line(handled, AT)


def test_secrets_come_from_the_environment_or_files(tmp_path: Path) -> None:
    """Several by commas or by files; white space around them is dropped; files win."""
    file, other = tmp_path / "new", tmp_path / "old"
    file.write_text("in a file, with a comma\n")
    other.write_text(" old \n")
    environ = {SECRETS: " a, b ,,\n"}
    assert read_secrets([], environ) == ["a", "b"]
    assert read_secrets([file, other], environ) == ["in a file, with a comma", "old"]
    other.write_bytes(b"\xff\xfe")
    file.write_bytes(b"\n")
    for files, problem in (
        ([], "no webhook secret"),
        ([tmp_path], "can't be read"),
        ([tmp_path / "none"], "none"),
        (["\0"], "null byte"),
        ([file], "is empty"),
        ([other], "is not text"),
    ):
        with pytest.raises(ValidationError, match=problem):
            read_secrets(files, {})


def test_each_delivery_is_a_line_until_a_signal(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process: each request is a line on stdout; a signal ends it with its code; no secret is shown."""
    monkeypatch.setenv(SECRETS, SECRET)
    monkeypatch.delenv("KLING_ELEMENTS_API_KEY")
    process = start("webhooks", "listen", "--port", "0", "--json")
    assert process.stderr
    url = process.stderr.readline().split()[2]
    body = body_of("IN_PROGRESS")
    signed = sign_webhook(body, SECRET, webhook_id="msg_1")
    for headers, status in ((signed, 200), ({**signed, "webhook-signature": "v1,AAAA"}, 401)):
        assert httpx.post(url, content=body, headers=headers, trust_env=False).status_code == status
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (143, "")
    assert [json.loads(line)["verified"] for line in out.splitlines()] == [True, False]
    assert SECRET not in out + err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--port 65536", "a port is 0 to 65535: got '65536'"),
        ("--port ٣", "a port is 0 to 65535"),
        ("--host é..example", "can't listen on é..example:8765"),
        ("--encoding hex", "secret"),
        ("--secret-file none --secret-file void", "the secret in void is empty"),
    ],
)
def test_what_cannot_be_listened_with(
    run: Run, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    """A bad port, host or secret is one line and exit code 2."""
    monkeypatch.setenv(SECRETS, "no hexadecimal")
    Path("void").write_text("")
    ended = run("webhooks", "listen", *line.split())
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert said in ended.err


def test_the_mock_is_another_program(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mock` passes all its arguments on; where it, or what it needs, is missing, the extra is named."""
    passed: list[list[str]] = []

    class Found:
        def load(self) -> Callable[[list[str]], int]:
            return lambda words: passed.append(words) or 7  # type: ignore[func-returns-value]

    class Broken:
        def load(self) -> None:
            raise ModuleNotFoundError("No module named 'av'", name="av")

    for found, code in (([Found()], 7), ([], 2), ([Broken()], 2)):
        monkeypatch.setattr(mock, "entry_points", lambda found=found, **_: found)
        ended = run("mock", "--help", "-v")
        assert ended.code == code
        assert code == 7 or "pip install 'kling-elements[mock]'" in ended.err
    assert passed == [["--help", "-v"]]
    assert "av" in ended.err
