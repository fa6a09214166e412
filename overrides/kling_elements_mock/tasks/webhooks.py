"""Tells receivers of a task's changes: builds, signs and sends deliveries, and keeps a record of each."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from kling_elements_mock.tasks.images import is_loopback
from kling_elements_mock.tasks.store import seeded_uuid

if TYPE_CHECKING:
    from kling_elements_mock.tasks.clock import Clock
    from kling_elements_mock.tasks.script import Script

Sender = Callable[[str, dict[str, str], bytes], int]
"""Posts a body with headers to a URL and gives the answer's status; raises OSError if there is none."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver one change.

    Attributes:
        id: The `webhook-id`; repeated attempts share it.
        task_id: Whose change.
        task_status: What it changed to.
        url: Where it went.
        headers: As sent.
        body: As sent.
        outcome: `delivered`, `refused` (answered, but no 2xx), `failed` (no answer) or `skipped` (elsewhere).
        response_status: The receiver's status code, if it answered.
    """

    id: str
    task_id: str
    task_status: str
    url: str
    headers: dict[str, str]
    body: bytes
    outcome: str
    response_status: int | None = None


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Give the `webhook-signature` of a body.

    `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body` under the secret's UTF-8 bytes, as in the
    vendor's samples.
    """
    text = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


@dataclass(frozen=True, slots=True)
class Change:
    """One change to tell of: whose, to what, where to, and the body."""

    task_id: str
    status: str
    url: str
    body: bytes


class Postman:
    """Delivers changes.

    Args:
        clock: For the timestamps.
        secret: Signs deliveries.
        seed: Delivery ids come from it.
        sender: Sends them.
    """

    def __init__(self, clock: Clock, secret: str, seed: str, sender: Sender) -> None:
        self._clock = clock
        self._secret = secret
        self._seed = seed
        self._sender = sender
        self._lock = threading.Lock()
        self._held: dict[str, list[Change]] = {}
        self._count = 0
        self.deliveries: list[Delivery] = []

    def clear(self) -> None:
        """Forget all deliveries."""
        with self._lock:
            self.deliveries.clear()
            self._held.clear()
            self._count = 0

    def deliver(self, changes: list[Change], script: Script, *, last: bool) -> None:
        """Deliver a task's changes, in order or as its scenarios say. Returns when receivers have answered.

        Args:
            changes: Of one task.
            script: Its scenarios.
            last: The task has ended: nothing comes after these.
        """
        if script.webhook_reorder and changes:
            held = self._held.setdefault(changes[0].task_id, [])
            held.extend(changes)
            changes = held[::-1] if last else []
            if last:
                del self._held[held[0].task_id]
        for change in changes:
            message_id = self._new_id()
            for _ in range(2 if script.webhook_duplicate else 1):
                for _ in range(1 + script.webhook_retries):
                    delivery = self._attempt(change, message_id, script)
                    self.deliveries.append(delivery)
                    if delivery.outcome in {"delivered", "skipped"}:
                        break

    def _attempt(self, change: Change, message_id: str, script: Script) -> Delivery:
        timestamp = int(self._clock.time())
        secret = f"not {self._secret}" if script.webhook_bad_signature else self._secret
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(secret, message_id, timestamp, change.body),
        }
        outcome, status = "skipped", None
        if is_loopback(change.url):
            try:
                status = self._sender(change.url, headers, change.body)
                outcome = "delivered" if 200 <= status < 300 else "refused"  # noqa: PLR2004 - the 2xx
            except OSError:
                outcome = "failed"
        return Delivery(
            message_id, change.task_id, change.status, change.url, headers, change.body, outcome, status
        )

    def _new_id(self) -> str:
        with self._lock:
            self._count += 1
            return f"msg_{seeded_uuid(f'{self._seed}/webhook/{self._count}').replace('-', '')}"


def http_sender(timeout: float) -> Sender:
    """Make a sender that posts over HTTP: no redirect is followed, no proxy used.

    Args:
        timeout: Seconds that a receiver has.
    """

    def send(url: str, headers: dict[str, str], body: bytes) -> int:
        try:
            # Only the loopback is ever called: there is no certificate that could be checked.
            with httpx.Client(timeout=timeout, trust_env=False, verify=False) as client:  # noqa: S501
                return client.post(url, headers=headers, content=body).status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OSError(str(error)) from error

    return send
