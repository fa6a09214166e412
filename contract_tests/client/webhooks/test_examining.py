"""What `examine` makes of a delivery: the whole of it, or the whole refusal."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.support.deliveries import (
    BODY,
    MESSAGE_ID,
    NOW,
    SECRET,
    SIGNATURE,
    TASK_ID,
    headers,
    sign,
)
from kling_elements import Task, ValidationError, WebhookVerificationError
from kling_elements.webhooks import Delivery, Reason, Refusal, examine, signing_keys, verify_webhook
from kling_elements.webhooks.signing import MAX_HEADER_CHARS, MAX_ID_CHARS

KEYS = signing_keys(SECRET)
NO_SIGNATURE = (
    "no signature of delivery 'msg_2f1c' matches. Either it is not the service's, or the secret is another "
    "webhook's or has another encoding (utf-8, base64, hex), or the body was changed"
)
NO_ID = "the header webhook-id is not up to 1024 printable ASCII characters"
A_REPLAY = "a replay, or this machine's clock is wrong"


def examined(given: Any = None, body: bytes = BODY, now: float = NOW, **options: Any) -> Delivery | Refusal:
    assert not isinstance(KEYS, ValidationError)
    return examine(body, headers() if given is None else given, KEYS, now=lambda: now, **options)


def environ(**more: Any) -> dict[str, Any]:
    return {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers().items()} | more


@pytest.mark.parametrize(
    "given",
    [
        headers(),
        environ(REQUEST_METHOD="POST"),
        [7, ("webhook-id",), *headers().items()],
        headers(signature=f"v1,{'A' * (MAX_HEADER_CHARS - 51)} v2,{SIGNATURE}"),
    ],
    ids=["plain", "WSGI", "odd pairs before", "as long as allowed"],
)
def test_a_genuine_delivery_whole(given: Any) -> None:
    """Its id, its time and its task, whatever stands beside its headers."""
    assert examined(given) == Delivery(MESSAGE_ID, NOW, Task(TASK_ID, "IN_PROGRESS"))


def test_an_id_may_be_long() -> None:
    """It is taken up to the limit, and no further."""
    longest = "m" * MAX_ID_CHARS
    found = examined(headers(message_id=longest))
    assert isinstance(found, Delivery)
    assert found.id == longest
    assert examined(headers(message_id=longest + "m")) == Refusal(Reason.HEADERS, NO_ID)


@pytest.mark.parametrize(
    ("given", "options", "refusal"),
    [
        (
            {**headers(), "webhook-signature": ""},
            {},
            Refusal(
                Reason.HEADERS,
                "the header webhook-signature is missing: the delivery is not the service's, "
                "or a proxy has dropped it",
            ),
        ),
        (
            [*headers().items(), ("Webhook-Id", MESSAGE_ID)],
            {},
            Refusal(Reason.HEADERS, "the header webhook-id is there twice"),
        ),
        ({**headers(), "webhook-id": 7}, {}, Refusal(Reason.HEADERS, "the header webhook-id is no text")),
        (headers(message_id="a\x07b"), {}, Refusal(Reason.HEADERS, NO_ID)),
        ({**headers(), "webhook-id": f"{MESSAGE_ID}\n"}, {}, Refusal(Reason.HEADERS, NO_ID)),
        (headers(message_id="é"), {}, Refusal(Reason.HEADERS, NO_ID)),
        (
            headers(timestamp="soon"),
            {},
            Refusal(Reason.HEADERS, "the header webhook-timestamp is no number of Unix seconds"),
        ),
        (
            headers(signature="v1," + "A" * (MAX_HEADER_CHARS - 2)),
            {},
            Refusal(Reason.HEADERS, "the header webhook-signature is longer than 16384 characters"),
        ),
        (headers(signature="v1,AAAA"), {}, Refusal(Reason.SIGNATURE, NO_SIGNATURE, MESSAGE_ID)),
        (headers(signature=f"v1,A,{SIGNATURE}"), {}, Refusal(Reason.SIGNATURE, NO_SIGNATURE, MESSAGE_ID)),
        (
            headers(signature=f"v1,AAAA\tv1,{SIGNATURE}"),
            {},
            Refusal(Reason.SIGNATURE, NO_SIGNATURE, MESSAGE_ID),
        ),
        (
            headers(),
            {"now": NOW + 301},
            Refusal(
                Reason.TIMESTAMP,
                f"delivery 'msg_2f1c' was signed 301 s ago, and 300 s are allowed: {A_REPLAY}",
                MESSAGE_ID,
            ),
        ),
        (
            headers(),
            {"now": NOW + 1, "tolerance": 0},
            Refusal(
                Reason.TIMESTAMP,
                f"delivery 'msg_2f1c' was signed 1 s ago, and 0 s are allowed: {A_REPLAY}",
                MESSAGE_ID,
            ),
        ),
        (
            headers(),
            {"now": NOW - 61, "tolerance": 60.4},
            Refusal(
                Reason.TIMESTAMP,
                f"delivery 'msg_2f1c' was signed 61 s in the future, and 60 s are allowed: {A_REPLAY}",
                MESSAGE_ID,
            ),
        ),
    ],
    ids=[
        "empty", "twice", "no text", "odd id", "id and more", "id beyond ASCII", "odd time", "long", "forged",
        "more than a signature", "other spaces", "old", "just old", "early",
    ],
)  # fmt: skip
def test_a_refusal_whole(given: Any, options: dict[str, Any], refusal: Refusal) -> None:
    """The kind of fault, a sentence for a person, and the id if it can be shown."""
    assert examined(given, **options) == refusal


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"<html>", "its body is no JSON"),
        (b"[]", "its body shows no task"),
        (b'{"status": "COMPLETED"}', "its body shows no task"),
        ('{"task_id": "tä"}'.encode(), "its task 'tä' has no status"),
    ],
)
def test_a_body_without_a_task_whole(body: bytes, fault: str) -> None:
    """It was signed with the secret, so the sender may be told."""
    text = f"delivery 'msg_2f1c' is genuine, but {fault}"
    assert examined(headers(body), body) == Refusal(Reason.BODY, text, MESSAGE_ID)
    with pytest.raises(WebhookVerificationError) as caught:
        verify_webhook(body, headers(body), SECRET, now=lambda: NOW)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"body": "text"}, "body must be the raw bytes of the request, before any parsing: got str"),
        ({"given": "webhook-id: a"}, "headers must be a mapping or pairs: got str"),
        ({"given": 7}, "headers must be a mapping or pairs: got int"),
        ({"tolerance": -1}, "tolerance must be zero or more seconds: got -1"),
        ({"tolerance": "5"}, "tolerance must be a number of seconds: got '5'"),
    ],
)
def test_the_callers_own_fault_whole(changed: dict[str, Any], problem: str) -> None:
    """What can't be used is told by its name, with what it was."""
    with pytest.raises(ValidationError) as caught:
        examined(**changed)
    assert list(caught.value.problems) == [problem]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("AAAX", b"\x00\x00\x17"),
        ("QUE=", b"AA"),
        ("QUE", b"AA"),
        ("QUE===", b"AA"),
        (" QQ==\n", b"A"),
        (b"QQ", b"A"),
        ("=QQ==", None),
        ("Q", None),
        ("Q Q=", None),
    ],
)
def test_a_secret_in_base64(text: str | bytes, key: bytes | None) -> None:
    """Padding at the end may be missing or too long, as for PHP's base64_decode; nothing else is."""
    keys = signing_keys(text, "base64")
    if key is None:
        assert isinstance(keys, ValidationError)
        assert list(keys.problems) == ["webhook secret 1 is not valid base64"]
    else:
        assert not isinstance(keys, ValidationError)
        assert keys.signatures(b"m.5.") == (sign(b"", key, "m", 5).encode(),)


def test_a_repr_tells_how_many_secrets_there_are() -> None:
    """And nothing of them."""
    assert repr(signing_keys(["one", "two"])) == "SigningKeys(***, ***)"
