"""What a receiver makes of a request: the whole answer, and what is logged of it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from contract_tests.support.deliveries import BODY, MESSAGE_ID, NOW, SECRET, TASK_ID, headers
from kling_elements import Task, ValidationError
from kling_elements.webhooks import Delivery, Handled, Reason, Receipt, Refusal, Reply, WebhookReceiver

GENUINE = Delivery(MESSAGE_ID, NOW, Task(TASK_ID, "IN_PROGRESS"))
MISSING = "the header webhook-id is missing: the delivery is not the service's, or a proxy has dropped it"
LATE = (
    "delivery 'msg_2f1c' was signed 11 s ago, and 10 s are allowed: "
    "a replay, or this machine's clock is wrong"
)
NO_TASK = "delivery 'msg_2f1c' is genuine, but its body shows no task"


def receiver(**options: Any) -> WebhookReceiver:
    return WebhookReceiver(SECRET, **{"now": lambda: NOW, "max_body_bytes": len(BODY), **options})


def said(status: int, message: str, **more: str) -> Reply:
    body = f'{{"message": "{message}"}}'.encode()
    common = {"content-type": "application/json", "content-length": str(len(body))}
    return Reply(status, common | more, body)


@pytest.mark.parametrize(
    ("method", "given", "body", "handled"),
    [
        ("POST", headers(), BODY, Handled(said(200, "received"), GENUINE, Receipt.NEW)),
        (
            "POST",
            {},
            BODY,
            Handled(said(400, "refused: headers"), refusal=Refusal(Reason.HEADERS, MISSING)),
        ),
        (
            "POST",
            headers(timestamp=NOW - 11),
            BODY,
            Handled(said(401, "refused: timestamp"), refusal=Refusal(Reason.TIMESTAMP, LATE, MESSAGE_ID)),
        ),
        (
            "POST",
            headers(b"{}"),
            b"{}",
            Handled(said(400, "refused: body"), refusal=Refusal(Reason.BODY, NO_TASK, MESSAGE_ID)),
        ),
        ("POST", headers(), BODY + b" ", Handled(said(413, f"a body may have {len(BODY)} bytes"))),
        ("GET", {}, b"", Handled(said(405, "deliveries come as POST", allow="POST"))),
    ],
    ids=["genuine", "no headers", "late", "no task", "too long", "another method"],
)
def test_a_request_whole(method: str, given: dict[str, str], body: bytes, handled: Handled) -> None:
    """Its answer in JSON, which tells a stranger the kind of fault and no more; the rest is for its owner."""
    seen: list[Handled] = []
    app = receiver(tolerance=10, on_request=seen.append)
    assert app.handle(method, given, body) == handled
    assert seen == [handled]


@pytest.mark.parametrize("is_watched", [False, True])
def test_what_is_logged(is_watched: bool, caplog: pytest.LogCaptureFixture) -> None:  # noqa: FBT001 - a case
    """Deliveries by what they were worth; a refusal is a warning unless somebody else tells it."""
    app = receiver(on_request=(lambda _: None) if is_watched else None)
    with caplog.at_level(logging.INFO, "kling_elements"):
        for given in (headers(), headers(), {}):
            app.handle("POST", given, BODY)
    refused = logging.INFO if is_watched else logging.WARNING
    assert caplog.record_tuples == [
        ("kling_elements", logging.INFO, f"webhook {MESSAGE_ID}: task {TASK_ID} is IN_PROGRESS (new)"),
        ("kling_elements", logging.INFO, f"webhook {MESSAGE_ID}: task {TASK_ID} is IN_PROGRESS (duplicate)"),
        ("kling_elements", refused, f"a webhook delivery was refused: {MISSING}"),
    ]


def test_a_listeners_fault_is_logged_whole(caplog: pytest.LogCaptureFixture) -> None:
    """With the task and its status, and that the task itself goes on."""

    def listen(task: Task) -> None:
        raise RuntimeError(task.id)

    app = receiver(on_task=listen)
    app.handle("POST", headers(), BODY)
    app.tell()
    [message] = caplog.messages
    assert message == (
        f"a listener to webhooks failed for task {TASK_ID}, which is IN_PROGRESS; "
        "the task itself is not touched by it"
    )


@pytest.mark.parametrize(("option", "problem"), [(-1, "zero or more seconds"), ("5", "a number of seconds")])
def test_an_odd_tolerance_is_called_by_its_name(option: Any, problem: str) -> None:
    """It is told when the receiver is made."""
    with pytest.raises(ValidationError) as caught:
        receiver(tolerance=option)
    assert list(caught.value.problems) == [f"tolerance must be {problem}: got {option!r}"]
