"""Signals: as one exception, with patience while a create is in flight; `webhooks listen` until one."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from inline_snapshot import snapshot

from contract_tests.client.cli.conftest import Cli, names
from contract_tests.support.deliveries import NOW, SECRET, TASK_ID, body_of
from contract_tests.support.loopback import Answer, Asked, serving
from kling_elements import Journal, Task, webhooks
from kling_elements.cli import signals
from kling_elements.cli.batch_progress import take_all
from kling_elements.cli.commands.webhooks import json_line, read_secrets, text_line
from kling_elements.cli.signals import Interrupted, Interruptions
from kling_elements.errors import ValidationError

TASK = b'{"data": {"task_id": "abc-1", "status": "CREATED", "generated": []}}'


@pytest.fixture(autouse=True)
def _handlers_come_back() -> Iterator[None]:
    handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in handled]
    yield
    assert [signal.getsignal(number) for number in handled] == before


@pytest.mark.parametrize(
    ("number", "name", "code"),
    [(signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 143), (signal.SIGHUP, "SIGHUP", 129)],
)
def test_each_signal_has_its_name_and_code(number: signal.Signals, name: str, code: int) -> None:
    """It is raised as what people call it, with the code that a shell expects; at once after a create too."""
    held: list[float] = []
    with Interruptions(held.append) as interruptions:
        interruptions.hold()
        interruptions.release()
        with pytest.raises(Interrupted) as caught:
            signal.raise_signal(number)
    error = caught.value
    assert (error.signal_number, error.name, error.exit_code, held) == (number, name, code, [])


def test_a_patient_create_ends_after_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal during a create that nobody answers gets through when the grace is over."""
    monkeypatch.setattr(signals, "GRACE", 0.01)
    held: list[float] = []

    def create() -> None:
        signal.raise_signal(signal.SIGTERM)
        threading.Event().wait(30)

    with Interruptions(held.append) as interruptions:
        interruptions.hold()
        with pytest.raises(Interrupted) as caught:
            create()
        signal.raise_signal(signal.SIGTERM)  # cleaning up is not interrupted
    assert (str(caught.value), caught.value.exit_code, held) == ("interrupted (SIGTERM)", 143, [0.01])


def test_a_batch_is_left_at_the_second_signal() -> None:
    """The first waits for creates in flight, the second does not; what is known by then is taken."""

    class Left(list[int]):
        def __iter__(self) -> Iterator[int]:
            yield from [self.pop()] if self else []
            signal.raise_signal(signal.SIGINT)

        def close(self) -> None:
            signal.raise_signal(signal.SIGTERM)
            raise AssertionError("it is still waited for")

    batch, taken = cast("Any", Left([2, 1])), list[int]()
    with Interruptions(print) as interruptions:
        stopped = take_all(batch, taken.append, interruptions)
    assert (taken, stopped and stopped.exit_code) == ([1, 2], 130)


def test_an_ignored_signal_stays_ignored() -> None:
    """What nohup or a shell's background job ignores is ignored by the command too."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruptions(print):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    "module", ["argparse", "kling_elements.cli.main", "kling_elements.cli.commands.list"]
)
def test_ctrl_c_while_modules_are_imported(module: str) -> None:
    """It ends with the exit code of Ctrl-C and without a traceback, whatever is being imported."""
    code = f"""
import sys
from kling_elements.__main__ import main
class Interrupting:
    def find_spec(name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting)
sys.exit(main(["list"]))
"""
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, "Traceback" in ended.stderr) == (130, "", False)


@pytest.mark.parametrize(
    ("words", "is_answered"),
    [("generate -o x.mp4", True), ("generate -o x.mp4", False), ("create --json", True)],
)
def test_a_signal_during_a_create(cli: Cli, words: str, *, is_answered: bool) -> None:
    """As a process: a create that was sent is paid: a signal waits for its answer, a second one does not."""
    begun, go = threading.Event(), threading.Event()

    def answer(_: Asked) -> Answer:
        begun.set()
        go.wait(30)
        return 200, {"content-type": "application/json"}, TASK

    with serving(answer) as service:
        process = cli.start("--base-url", service.url, *words.split(), "https://h/a.png")
        assert process.stderr
        assert begun.wait(30)
        os.killpg(process.pid, signal.SIGINT)
        assert "a create is being sent" in process.stderr.readline()
        if is_answered:
            go.set()
        else:
            os.killpg(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        go.set()
    command = f"kling-elements --base-url {service.url}"
    assert (process.returncode, names()) == (130, [])  # the first signal counts
    assert (json.loads(out)["error"]["task_id"] if "--json" in words else out or "abc-1") == "abc-1"
    assert "Traceback" not in err
    assert f"Next: {command} {'wait abc-1 -o ' if is_answered else 'list'}" in err
    assert ("Task abc-1" in err) is is_answered
    [entry] = Journal.open().entries()
    assert entry.note == (None if is_answered else "interrupted (Ctrl-C)")


AT = datetime(2026, 1, 1, 12, 5, 0, 250_400, tzinfo=UTC)
URL = "https://cdn.example/v.mp4?token=exp=1~hmac=abc"
SECRETS = "KLING_ELEMENTS_WEBHOOK_SECRET"
OK, BAD, METHOD = (webhooks.Reply(status, {}, b"") for status in (200, 400, 405))
GENUINE = webhooks.Delivery("msg_1", NOW, Task(TASK_ID, "COMPLETED", (URL,)))


def test_a_request_is_one_line() -> None:
    """When, which delivery, which task, what it was worth: short and harmless; as JSON also the URLs."""
    strange = webhooks.Delivery("m" * 80, NOW, Task("t" * 81, "\x1b[31mé"))
    handled = [
        *(webhooks.HandledRequest(OK, GENUINE, each) for each in webhooks.Receipt),
        webhooks.HandledRequest(OK, strange, webhooks.Receipt.NEW),
        webhooks.HandledRequest(BAD, refusal=webhooks.Refusal(webhooks.Reason.BODY, "task 'ä'", "a\x07")),
        webhooks.HandledRequest(BAD, refusal=webhooks.Refusal(webhooks.Reason.HEADERS, "missing")),
        webhooks.HandledRequest(METHOD),
    ]
    rows = [json.loads(json_line(each, AT)) for each in handled]
    facts = ("answer", "verified", "receipt", "reason", "task_id", "status", "urls", "message")
    assert rows[0]["time"] == "2026-01-01T12:05:00.250+00:00"
    assert [[row[fact] for fact in facts if fact in row] for row in rows[3:]] == [
        [200, True, "outdated", TASK_ID, "COMPLETED", [URL]],
        [200, True, "new", "t" * 81, "\x1b[31mé", []],
        [400, False, "body", "task 'ä'"],
        [400, False, "headers", "missing"],
        [405, False],
    ]
    text = "\n".join(text_line(each, datetime(2026, 1, 1, 12, 5, 0).astimezone()) for each in handled)
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
    file, other, bad = tmp_path / "new", tmp_path / "old", tmp_path / "bad"
    file.write_text("in a file, with a comma\n", encoding="utf-8-sig")  # as some editors write it
    other.write_text(" old \n")
    bad.write_bytes(b"\xff\xfe")
    environ = {SECRETS: " a, b ,,\n"}
    assert read_secrets([], environ) == ["a", "b"]
    assert read_secrets([file, other], environ) == ["in a file, with a comma", "old"]
    for files in ([], [tmp_path], ["a\0"], [bad]):
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
    signed = webhooks.sign_webhook(body, SECRET, webhook_id="msg_1")
    for headers, status in ((signed, 200), ({**signed, "webhook-signature": "v1,AAAA"}, 401)):
        assert httpx.post(url, content=body, headers=headers, trust_env=False).status_code == status
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (143, "")
    assert [json.loads(line)["verified"] for line in out.splitlines()] == [True, False]
    assert SECRET not in out + err
