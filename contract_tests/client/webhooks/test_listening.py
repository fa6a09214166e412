"""What `kling-elements webhooks listen` prints, and with what it ends, in this process."""

from __future__ import annotations

import errno
import json
import re
import signal
import socket
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.deliveries import BODY, NOW, SECRET, TASK_ID, body_of, headers
from kling_elements import Task, ValidationError
from kling_elements.cli.signals import Interrupted
from kling_elements.cli.webhook_output import json_line, listen, text_line
from kling_elements.webhooks import (
    Delivery,
    HandledRequest,
    Reason,
    Receipt,
    Refusal,
    Reply,
    WebhookListener,
    WebhookReceiver,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AT = datetime(2026, 1, 1, 12, 5, 0, 250_400, tzinfo=UTC)
LOCAL = datetime(2026, 1, 1, 12, 5, 0).astimezone()
URL = "https://cdn.example/v.mp4?token=exp=1~hmac=abc"
PATIENCE = 30.0
GENUINE = Delivery("msg_1", NOW, Task(TASK_ID, "COMPLETED", (URL,)))
OK = Reply(200, {}, b"")


def refused(status: int, reason: Reason, text: str, webhook_id: str | None = None) -> HandledRequest:
    return HandledRequest(Reply(status, {}, b""), refusal=Refusal(reason, text, webhook_id))


@pytest.mark.parametrize(
    ("handled", "line"),
    [
        (HandledRequest(OK, GENUINE, Receipt.NEW), f"msg_1  {TASK_ID}  COMPLETED  verified"),
        (
            HandledRequest(OK, GENUINE, Receipt.DUPLICATE),
            f"msg_1  {TASK_ID}  COMPLETED  verified, but this delivery has come before",
        ),
        (
            HandledRequest(OK, GENUINE, Receipt.REPEATED),
            f"msg_1  {TASK_ID}  COMPLETED  verified, but the status was known",
        ),
        (
            HandledRequest(OK, GENUINE, Receipt.OUTDATED),
            f"msg_1  {TASK_ID}  COMPLETED  verified, but a later status is known",
        ),
        (
            HandledRequest(OK, Delivery("m" * 80, NOW, Task("t" * 81, "\x1b[31mé")), Receipt.NEW),
            f"{'m' * 80}  {'t' * 80}…  ?[31mé  verified",
        ),
        (refused(401, Reason.SIGNATURE, "no", "msg_2"), "msg_2  REFUSED: no"),
        (refused(400, Reason.BODY, "task 'ä'", "a\x07"), "a?  REFUSED: task '\\xe4'"),
        (refused(400, Reason.HEADERS, "it is missing"), "-  REFUSED: it is missing"),
        (HandledRequest(Reply(405, {}, b"")), "-  answered with 405"),
    ],
    ids=["new", "duplicate", "repeated", "outdated", "odd", "refused", "odd words", "nameless", "method"],
)
def test_a_request_as_a_line_of_text(handled: HandledRequest, line: str) -> None:
    """When, which delivery, which task, what it was worth: harmless on a terminal, and without addresses."""
    assert text_line(handled, LOCAL) == f"12:05:00  {line}"


@pytest.mark.parametrize(
    ("handled", "row"),
    [
        (
            HandledRequest(OK, GENUINE, Receipt.OUTDATED),
            {
                "answer": 200,
                "verified": True,
                "webhook_id": "msg_1",
                "receipt": "outdated",
                "task_id": TASK_ID,
                "status": "COMPLETED",
                "urls": [URL],
            },
        ),
        (
            refused(401, Reason.TIMESTAMP, "too\nold", "msg_2"),
            {
                "answer": 401,
                "verified": False,
                "webhook_id": "msg_2",
                "reason": "timestamp",
                "message": "too\nold",
            },
        ),
        (
            refused(400, Reason.HEADERS, "missing"),
            {"answer": 400, "verified": False, "webhook_id": None, "reason": "headers", "message": "missing"},
        ),
        (HandledRequest(Reply(413, {}, b"")), {"answer": 413, "verified": False}),
    ],
    ids=["genuine", "refused", "nameless", "too long"],
)
def test_a_request_as_a_line_of_json(handled: HandledRequest, row: dict[str, Any]) -> None:
    """The same for a program, with the addresses of the video, on one line."""
    line = json_line(handled, AT)
    assert json.loads(line) == {"time": "2026-01-01T12:05:00.250+00:00", **row}
    assert "\n" not in line


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c_after(work: Callable[[str], object], notes: list[str]) -> Callable[[str], None]:
    """A `note` that has a thread do something with the address, and then press Ctrl-C."""

    def act(url: str) -> None:
        main = threading.main_thread().ident
        assert main
        try:
            work(url)
        finally:
            signal.pthread_kill(main, signal.SIGINT)

    def note(text: str) -> None:
        notes.append(text)
        threading.Thread(target=act, args=(text.split()[2],)).start()

    return note


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_each_request_is_told_until_ctrl_c(as_json: bool) -> None:  # noqa: FBT001 - a case
    """The options reach the receiver, each request is a line, each new status is told, Ctrl-C gives 130."""
    lines: list[str] = []
    notes: list[str] = []
    told: list[Task] = []
    is_told = threading.Event()
    answers: list[int] = []

    def work(url: str) -> None:
        body = body_of("IN_PROGRESS")
        genuine = headers(body, key=bytes.fromhex("00ff"), message_id="msg_1")
        for given in (genuine, genuine, {**genuine, "webhook-signature": "v1,AAAA"}):
            answer = httpx.post(url, content=body, headers=given, trust_env=False)
            answers.append(answer.status_code)
        answers.append(httpx.get(url, trust_env=False).status_code)
        assert is_told.wait(PATIENCE)

    def on_task(task: Task) -> None:
        told.append(task)
        is_told.set()

    options: dict[str, Any] = {"as_json": True} if as_json else {}
    code = listen(
        ["00fe", "00ff"],
        port=0,
        encoding="hex",
        tolerance=float("inf"),
        on_task=on_task,
        result=lines.append,
        note=ctrl_c_after(work, notes),
        **options,
    )
    assert (code, answers) == (130, [200, 200, 401, 405])
    assert told == [Task(TASK_ID, "IN_PROGRESS")]
    [note] = notes
    assert re.fullmatch(
        r"listening on http://127\.0\.0\.1:\d+/ \(Ctrl-C ends it\)\. "
        "As webhook_url, the service needs a public https address that leads here",
        note,
    )
    if as_json:
        rows = [json.loads(line) for line in lines]
        assert [row.get("receipt") or row.get("reason") for row in rows] == [
            "new", "duplicate", "signature", None,
        ]  # fmt: skip
        assert [datetime.fromisoformat(row["time"]).utcoffset() for row in rows] == [timedelta(0)] * 4
    else:
        assert [line[10:].split("  ")[0] for line in lines] == ["msg_1", "msg_1", "msg_1", "-"]
        assert all(re.match(r"\d\d:\d\d:\d\d  ", line) for line in lines)
        assert lines[0][10:] == f"msg_1  {TASK_ID}  IN_PROGRESS  verified"
        assert lines[3][10:] == "-  answered with 405"


@pytest.mark.parametrize(
    ("end", "code"),
    [(None, 0), (KeyboardInterrupt(), 130), (Interrupted(signal.SIGTERM), 143)],
    ids=["stopped", "Ctrl-C", "SIGTERM"],
)
def test_how_it_ended_is_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, end: BaseException | None, code: int
) -> None:
    """Ctrl-C is 130 as in a shell, another signal of the command's own its own code, and all else 0."""

    def run(listener: WebhookListener) -> None:
        with listener:
            pass
        if end:
            raise end

    monkeypatch.setattr(WebhookListener, "run", run)
    assert listen(SECRET, port=0, note=lambda _: None) == code


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            OSError(errno.EADDRINUSE, "Address already in use"),
            "address already in use. --port 0 takes a free one",
        ),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign"), "cannot assign"),
        (OSError("An odd Fault"), "an odd fault"),
        (OverflowError("bind(): port must be 0-65535."), "a port is 0 to 65535"),
        (TypeError("encoding of hostname failed"), "encoding of hostname failed"),
    ],
    ids=["in use", "not ours", "odd", "no port", "no host"],
)
def test_why_it_can_not_listen(monkeypatch: pytest.MonkeyPatch, error: Exception, text: str) -> None:
    """In one sentence, with what to do about it where that is known."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("kling_elements.cli.webhook_output.WebhookListener", fail)
    with pytest.raises(ValidationError) as caught:
        listen(SECRET, "a.example", 80)
    assert list(caught.value.problems) == [f"can't listen on a.example:80: {text}"]


def test_a_name_that_no_host_can_have() -> None:
    """A name that can't even be looked up is told as well."""
    with pytest.raises(ValidationError, match=r"^can't listen on é\.\.example:0: "):
        listen(SECRET, "é..example", 0)


def test_run_serves_until_interrupted_and_closes() -> None:
    """Ctrl-C passes through, and the port is free again."""
    listener = WebhookListener(WebhookReceiver(SECRET, now=lambda: NOW), port=0)
    answers: list[int] = []

    def work(url: str) -> None:
        answers.append(httpx.post(url, content=BODY, headers=headers(), trust_env=False).status_code)

    ctrl_c_after(work, [])(f"listening on {listener.url}")
    with pytest.raises(KeyboardInterrupt):
        listener.run()
    assert answers == [200]
    socket.create_server((listener.host, listener.port)).close()
