"""Deliver a task's changes to its webhook: build, sign, send and record each attempt."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from typing import TYPE_CHECKING

from attrs import frozen

from kling_elements_mock.tasks.loopback import is_loopback
from kling_elements_mock.tasks.store import seeded_uuid

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements_mock.tasks.clock import Clock
    from kling_elements_mock.tasks.loopback import Sender
    from kling_elements_mock.tasks.script import Script

_LONGEST_WAIT = 0.25  # the clock may be advanced meanwhile


@frozen
class Delivery:
    """One attempt to deliver one change.

    Attributes:
        id: The `webhook-id`; the attempts of one change share it.
        task_id: The task.
        task_status: The status that it changed to.
        url: Where it was sent.
        headers: As sent.
        body: As sent.
        outcome: `delivered`, `refused` (no 2xx; a redirect is not followed), `failed` (no response) or
            `skipped` (not on the loopback).
        response_status: The receiver's status code.
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
    """Return the `webhook-signature` of a body.

    `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`, keyed with the secret's UTF-8 bytes, as in
    the vendor's samples.
    """
    text = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


@frozen
class Change:
    """A change to deliver: of which task, to which status, where to, and the body."""

    task_id: str
    status: str
    url: str
    body: bytes


class Dispatcher:
    """Delivers changes and records them; the ids of deliveries are derived from the seed."""

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
        """Deliver changes of one task, and return when the receiver has answered.

        `last` says that the task has ended, and that no changes follow.
        """
        if script.webhook_reorder and changes:
            task_id = changes[0].task_id
            self._held.setdefault(task_id, []).extend(changes)
            changes = self._held.pop(task_id, [])[::-1] if last else []
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


class Watcher:
    """Calls `work` whenever it is due, in a thread that exists only while something is.

    `work` returns the seconds until it is due again, or None.
    """

    def __init__(self, work: Callable[[], float | None]) -> None:
        self._work = work
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._woken = False

    def wake(self) -> None:
        """Call `work` now: there is something new to watch."""
        with self._condition:
            self._woken = True
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="kling-elements-mock-webhooks", daemon=True
                )
                self._thread.start()
            self._condition.notify()

    def _run(self) -> None:
        while True:
            wait = self._work()
            with self._condition:
                if not self._woken:
                    if wait is None:
                        self._thread = None
                        return
                    self._condition.wait(min(max(wait, 0.001), _LONGEST_WAIT))
                self._woken = False
