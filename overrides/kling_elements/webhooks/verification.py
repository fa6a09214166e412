"""Verify that a delivery comes from the service: `examine` decides, `verify_webhook` raises."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from http import HTTPStatus
from typing import TypeAlias

from attrs import field, frozen

from kling_elements.api.parsing import find_created_task
from kling_elements.arguments import check_function, check_kind, check_seconds
from kling_elements.errors import ValidationError, WebhookVerificationError
from kling_elements.printable import printable
from kling_elements.task import Task
from kling_elements.types import Response
from kling_elements.webhooks.signing import (
    ID_HEADER,
    MAX_ID_CHARS,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    Encoding,
    Secrets,
    SigningKeys,
    is_delivery_id,
    signed_content,
    signing_keys,
)

Headers: TypeAlias = (
    "Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]"
)
"""A mapping, pairs of text or bytes (ASGI), or a WSGI environ. Names count in any case."""

TOLERANCE = 300.0  # seconds that a delivery's timestamp may be from our clock, before or behind
_TIMESTAMP = re.compile(r"[0-9]{1,15}")
_MAX_SIGNATURE_CHARS = 16 * 1024  # some 300 signatures; a service that rotates its secret sends two or three


class Reason(Enum):
    """Why a delivery is refused."""

    HEADERS = "headers"
    """One of the three headers is missing, there twice, or malformed."""
    SIGNATURE = "signature"
    """No signature matches any secret."""
    TIMESTAMP = "timestamp"
    """It is genuine, and too old or too far in the future."""
    BODY = "body"
    """It is genuine, and its body shows no task."""


@frozen
class Delivery:
    """A genuine delivery.

    Attributes:
        id: The delivery's id; a repeated delivery has the same.
        timestamp: Unix seconds at which it was signed.
        task: The task as the body shows it.
    """

    id: str
    timestamp: int
    task: Task


@frozen
class Refusal:
    """Why a delivery is not taken.

    Attributes:
        reason: The kind of fault.
        text: A sentence for a person. It holds neither a secret nor a signature.
        webhook_id: The id that it claims, if that can be shown.
    """

    reason: Reason
    text: str
    webhook_id: str | None = field(default=None)


def verify_webhook(  # noqa: PLR0913 - options, each by its name
    body: bytes,
    headers: Headers,
    secrets: Secrets,
    *,
    encoding: Encoding = "utf-8",
    tolerance: float = TOLERANCE,
    now: Callable[[], float] = time.time,
) -> Task:
    """Verify a delivery, and return its task.

    The rule is the vendor's. Deliveries can repeat, come out of order and get lost: keep polling, and let
    the status of a GET decide.

    Args:
        body: The raw bytes as they were received. A body that was parsed and written again has another
            signature.
        headers: The request's headers: a mapping, pairs, ASGI's raw list, or a WSGI environ.
        secrets: The webhook's secret, or several while one replaces another.
        encoding: How the secrets' text is decoded: "utf-8" as in the vendor's Python, JavaScript and Java
            samples, "base64" as in its PHP sample, or "hex".
        tolerance: Seconds that the delivery's timestamp may be before or behind the clock.
        now: The clock, in Unix seconds.

    Returns:
        The task. It has no addresses yet unless the service sent some.

    Raises:
        WebhookVerificationError: The delivery is not genuine, too old, or shows no task. Its text holds no
            secret.
        ValidationError: The arguments can't be used: no secret, a body that is not bytes, …
    """
    keys = signing_keys(secrets, encoding)
    del secrets  # a traceback with locals must not show them
    if isinstance(keys, ValidationError):
        raise keys
    result = examine(body, headers, keys, tolerance=tolerance, now=now)
    if isinstance(result, Refusal):
        del headers  # they may hold a signature that is still good
        raise WebhookVerificationError(result.text)
    return result.task


def examine(
    body: bytes,
    headers: Headers,
    keys: SigningKeys,
    *,
    tolerance: float = TOLERANCE,
    now: Callable[[], float] = time.time,
) -> Delivery | Refusal:
    """Return the delivery, or why it is refused; nothing that a sender writes raises.

    Raises:
        ValidationError: The caller's own arguments can't be used.
    """
    content = raw_body(body)
    check_kind("keys", keys, SigningKeys)
    limit = check_seconds("tolerance", tolerance)
    check_function("now", now)
    found = _find(headers, (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))
    if isinstance(found, str):
        return Refusal(Reason.HEADERS, found)
    webhook_id, timestamp, signature = found
    if text := _malformed(webhook_id, timestamp, signature):
        return Refusal(Reason.HEADERS, text)
    if not keys.match(signed_content(webhook_id, timestamp, content), _candidates(signature)):
        return Refusal(
            Reason.SIGNATURE,
            f"no signature of delivery {webhook_id!r} matches. Either it is not the service's, or the secret "
            "is another webhook's or has another encoding (utf-8, base64, hex), or the body was changed",
            webhook_id,
        )
    # Said only to a sender who has the secret.
    if text := _off_time(int(timestamp), check_seconds("now()", now()), limit):
        return Refusal(Reason.TIMESTAMP, f"delivery {webhook_id!r} {text}", webhook_id)
    task = _read_task(content)
    if isinstance(task, str):
        return Refusal(Reason.BODY, f"delivery {webhook_id!r} is genuine, but {task}", webhook_id)
    return Delivery(webhook_id, int(timestamp), task)


def _malformed(webhook_id: str, timestamp: str, signature: str) -> str:
    """Return what is malformed in the headers, if anything."""
    if not is_delivery_id(webhook_id):
        return f"the header {ID_HEADER} is not up to {MAX_ID_CHARS} printable ASCII characters"
    if not _TIMESTAMP.fullmatch(timestamp):
        return f"the header {TIMESTAMP_HEADER} is no number of Unix seconds"
    if len(signature) > _MAX_SIGNATURE_CHARS:
        return f"the header {SIGNATURE_HEADER} is longer than {_MAX_SIGNATURE_CHARS} characters"
    return ""


def raw_body(body: object) -> bytes:
    """Return a body's bytes.

    Raises:
        ValidationError: It is not the raw body of a request.
    """
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise ValidationError(
        [f"body must be the raw bytes of the request, before any parsing: got {type(body).__name__}"]
    )


def _find(headers: object, wanted: tuple[str, str, str]) -> tuple[str, str, str] | str:
    """Return the values of three headers, or what is wrong with them."""
    found: dict[str, str] = {}
    for item in _pairs(headers):
        if not isinstance(item, (tuple, list)) or len(item) != 2:  # noqa: PLR2004 - a pair
            continue
        name = _name(item[0])
        if name not in wanted:
            continue
        value = _text(item[1])
        if value is None:
            return f"the header {name} is no text"
        if name in found:
            return f"the header {name} appears twice"
        found[name] = value.strip(" \t")
    for name in wanted:
        if not found.get(name):
            return (
                f"the header {name} is missing: the delivery is not the service's, or a proxy has dropped it"
            )
    return found[wanted[0]], found[wanted[1]], found[wanted[2]]


def _pairs(headers: object) -> list[object]:
    try:
        # httpx, Django, Flask, aiohttp and http.server all have `items`, whatever else they are.
        items = getattr(headers, "items", None)
        given = items() if callable(items) else headers
        if isinstance(given, Iterable) and not isinstance(given, (str, bytes)):
            return list(given)
    except Exception as error:  # whatever a caller's object raises
        reason = printable(str(error) or type(error).__name__)
        raise ValidationError([f"headers can't be read: {reason}"]) from error
    raise ValidationError([f"headers must be a mapping or pairs: got {type(headers).__name__}"])


def _name(value: object) -> str | None:
    """Return a header's name in lower case; a WSGI environ's HTTP_WEBHOOK_ID is webhook-id."""
    name = _text(value)
    if name is None or not name.isascii():  # some letters beyond ASCII have small forms within it
        return None
    name = name.lower()
    return name[5:].replace("_", "-") if name.startswith("http_") else name


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _candidates(signature: str) -> list[bytes]:
    """Return the signatures in a list of `<version>,<base64>`, of any version; skip malformed entries."""
    entries = (entry.partition(",") for entry in signature.split(" "))
    return [given.encode() for version, _, given in entries if version and given and given.isascii()]


def _off_time(timestamp: int, now: float, tolerance: float) -> str:
    """Return what is wrong with a timestamp, if anything."""
    age = now - timestamp
    if abs(age) > tolerance:
        where = "ago" if age > 0 else "in the future"
        return (
            f"was signed {abs(age):.0f} s {where}, and {tolerance:.0f} s are allowed: "
            "a replay, or this machine's clock is wrong"
        )
    return ""


def _read_task(body: bytes) -> Task | str:
    """Return the task in a body, or what is wrong with it."""
    response = Response(HTTPStatus.OK, {}, body)
    try:
        value = response.json()
    except ValueError:
        return "its body is no JSON"
    task = find_created_task(response) if isinstance(value, dict) else None
    if task is None:
        return "its body shows no task"
    return Task.of(task) if isinstance(task.raw.get("status"), str) else f"its task {task.id!r} has no status"
