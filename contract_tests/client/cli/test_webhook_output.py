"""`webhooks listen`: what it reads, prints and refuses."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from inline_snapshot import snapshot

from contract_tests.support.deliveries import NOW, SECRET, TASK_ID, body_of
from kling_elements import Task
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
    from contract_tests.client.cli.conftest import Cli

AT = datetime(2026, 1, 1, 12, 5, 0, 250_400, tzinfo=UTC)
URL = "https://cdn.example/v.mp4?token=exp=1~hmac=abc"
SECRETS = "KLING_ELEMENTS_WEBHOOK_SECRET"
OK, BAD, METHOD = (Reply(status, {}, b"") for status in (200, 400, 405))
GENUINE = Delivery("msg_1", NOW, Task(TASK_ID, "COMPLETED", (URL,)))


def test_a_request_is_one_line() -> None:
    """When, which delivery, which task, what it was worth: short and harmless; as JSON also the URLs."""
    local = datetime(2026, 1, 1, 12, 5, 0).astimezone()
    strange = Delivery("m" * 80, NOW, Task("t" * 81, "\x1b[31mé"))
    handled = [
        *(HandledRequest(OK, GENUINE, each) for each in Receipt),
        HandledRequest(OK, strange, Receipt.NEW),
        HandledRequest(BAD, refusal=Refusal(Reason.BODY, "task 'ä'", "a\x07")),
        HandledRequest(BAD, refusal=Refusal(Reason.HEADERS, "missing")),
        HandledRequest(METHOD),
    ]
    rows = [json.loads(json_line(each, AT)) for each in handled]
    assert {row["time"] for row in rows} == {"2026-01-01T12:05:00.250+00:00"}
    assert [row.get("receipt") or row.get("reason") for row in rows] == [
        *(each.value for each in Receipt),
        "new",
        "body",
        "headers",
        None,
    ]
    assert [(row["answer"], row["verified"]) for row in rows[4:]] == [
        (200, True), (400, False), (400, False), (405, False),
    ]  # fmt: skip
    assert (rows[0]["webhook_id"], rows[0]["task_id"], rows[0]["urls"]) == ("msg_1", TASK_ID, [URL])
    assert (rows[4]["task_id"], rows[4]["status"], rows[5]["message"]) == ("t" * 81, "\x1b[31mé", "task 'ä'")
    assert not any("\n" in json_line(each, AT) for each in handled)
    text = "\n".join(text_line(each, local) for each in handled)
    for given, shown in ((TASK_ID, "TASK"), ("m" * 80, "M80"), ("t" * 80, "T80")):
        text = text.replace(given, shown)
    assert text == snapshot("""\
12:05:00  msg_1  TASK  COMPLETED  verified
12:05:00  msg_1  TASK  COMPLETED  verified, but this delivery came before
12:05:00  msg_1  TASK  COMPLETED  verified, but the status was known
12:05:00  msg_1  TASK  COMPLETED  verified, but a later status is known
12:05:00  M80  T80…  ?[31mé  verified
12:05:00  a?  REFUSED: task '\\xe4'
12:05:00  -  REFUSED: missing
12:05:00  -  answered with 405\
""")


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
    for files in ([], [tmp_path], [tmp_path / "none"], ["a\0"], [file], [other]):
        with pytest.raises(ValidationError) as caught:
            read_secrets(files, {})
        assert (str(files[0]).rstrip("\0") if files else SECRETS) in str(caught.value)


def test_each_delivery_is_a_line_until_a_signal(cli: Cli) -> None:
    """As a process: each request is a line on stdout; a signal ends it with its code; no secret is shown."""
    cli.patch.setenv(SECRETS, SECRET)
    cli.environ(KLING_ELEMENTS_API_KEY=None)
    process = cli.start("webhooks", "listen", "--port", "0", "--json")
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
        ("--port 65536", "'65536'"),
        ("--port ٣", "'٣'"),
        ("--host é..example", "é..example:8765"),
        ("--encoding hex", "secret"),
        ("--secret-file none --secret-file void", "void"),
    ],
)
def test_what_cannot_be_listened_with(cli: Cli, line: str, said: str) -> None:
    """A bad port, host or secret is one line and exit code 2."""
    cli.patch.setenv(SECRETS, "no hexadecimal")
    Path("void").write_text("")
    ended = cli("webhooks", "listen", *line.split())
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert said in ended.err
