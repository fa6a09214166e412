"""The state of one mock, and what a test may do with it."""

from __future__ import annotations

import json
import threading
from collections import deque
from typing import Any, Final

from attrs import define, field

from kling_elements_mock.document import openapi
from kling_elements_mock.document.openapi import Operation
from kling_elements_mock.document.validation import Schemas
from kling_elements_mock.settings import MockSettings
from kling_elements_mock.tasks import life_cycle, loopback, scenarios
from kling_elements_mock.tasks.clock import Clock, SystemClock
from kling_elements_mock.tasks.limits import DailyQuota, RateLimiter
from kling_elements_mock.tasks.loopback import Fetch, Sender
from kling_elements_mock.tasks.results import Signer
from kling_elements_mock.tasks.script import Script
from kling_elements_mock.tasks.store import Store, Task, seeded_uuid
from kling_elements_mock.tasks.uploads import Uploads
from kling_elements_mock.tasks.webhooks import Change, Delivery, Dispatcher, Watcher

_ALIASES: Final = ("create", "status", "list", "result", "upload")  # of operations, for scenarios
_KEPT_REQUESTS: Final = 20_000
_KEPT_BODY_BYTES: Final = 64 * 1024 * 1024


@define
class RecordedRequest:
    """A request that the mock answered. The value of a key header is replaced by `(key)`.

    Attributes:
        method: In capitals.
        path: As sent.
        operation: The operation's id; None if there is none.
        status: The response's status code; 0 for a connection that was reset.
        request_id: The response's `x-request-id`.
        headers: The request's, with lower-case names.
        body: As sent. None if it was too large, or once 64 MiB of later bodies were recorded.
    """

    method: str
    path: str
    operation: str | None
    status: int
    request_id: str
    headers: dict[str, str]
    body: bytes | None = field(repr=False)


class Mock:
    """One stand-in for the API: tasks, records and controls. Thread-safe.

    Args:
        settings: How it behaves.
        clock: Where it reads time; the machine's clock by default.
        sender: Sends webhooks; over HTTP by default.
        fetch: Fetches images on the loopback; over HTTP by default.

    Raises:
        DocumentError: The document can't be read.
        ScenarioError: The settings' scenario is unknown.
    """

    def __init__(
        self,
        settings: MockSettings | None = None,
        *,
        clock: Clock | None = None,
        sender: Sender | None = None,
        fetch: Fetch = loopback.fetch,
    ) -> None:
        self.settings = settings or MockSettings()
        self.clock: Clock = clock or SystemClock()
        self.fetch = fetch
        self.document = openapi.load(self.settings.document)
        self.schemas = Schemas(self.document)
        self.store = Store(self.clock, self.settings.seed)
        self.limiter = RateLimiter(self.settings.rate_limits)
        self.quota = DailyQuota(self.settings.daily_quota)
        self.creating = threading.Lock()
        self.uploads = Uploads(self.clock, self.settings.seed)
        self.signer = Signer(self.settings.seed)
        self.requests: deque[RecordedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self.result_requests: deque[RecordedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self.upload_requests: deque[RecordedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self._with_bodies: deque[RecordedRequest] = deque()
        self._body_bytes = 0
        sender = sender or loopback.http_sender(self.settings.webhook_timeout)
        self._dispatcher = Dispatcher(self.clock, self.settings.webhook_secret, self.settings.seed, sender)
        self._watcher = Watcher(self._deliver_all)
        self._default_script = scenarios.read(self.settings.scenario)
        self._queued: deque[tuple[str | None, Script]] = deque()
        self._followed: dict[str, Task] = {}
        self._lock = threading.Lock()
        self._answered = 0

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks, oldest first."""
        return self.store.all()

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """All attempts to deliver a webhook, oldest first."""
        return tuple(self._dispatcher.deliveries)

    def reset(self) -> None:
        """Forget tasks, records, counts and queued scenarios, and restart the sequence of ids.

        The clock stays where it is.
        """
        with self._lock:
            self._queued.clear()
            self._followed.clear()
            self._answered = self._body_bytes = 0
            for records in (self.requests, self.result_requests, self.upload_requests, self._with_bodies):
                records.clear()
        self.store.clear()
        self.limiter.clear()
        self.quota.clear()
        self._dispatcher.clear()
        self.uploads.clear()

    def close(self) -> None:
        """Stop delivering changes. Tasks and records stay, so that a test can read them."""
        with self._lock:
            self._followed.clear()

    def advance(self, seconds: float) -> None:
        """Move the mock's clock forward, deliver what became due, and return when receivers have answered.

        Raises:
            ValueError: It is not a number of seconds from 0 to 100 years, in all.
        """
        self.clock.advance(seconds)
        self._deliver_all()

    def next_scenario(self, text: str, *, operation: str | None = None, times: int = 1) -> None:
        """Queue a scenario for the next requests that have no scenario header.

        Args:
            text: As in the header.
            operation: Its id, or `create`, `status`, `list`, `result` or `upload`; any by default.
            times: For how many requests; 10,000 can be queued in all.

        Raises:
            ScenarioError: The scenario, the operation or `times` is not valid.
        """
        script = scenarios.read(text)
        known = {*_ALIASES, *(each.id for each in self.document.operations)}
        if operation is not None and operation not in known:
            raise scenarios.ScenarioError(f"`operation` is one of {sorted(known)}: got {operation!r}")
        with self._lock:
            most = scenarios.MOST_TIMES - len(self._queued)
            if isinstance(times, bool) or not 1 <= times <= most:
                raise scenarios.ScenarioError(f"`times` is 1 to {most}: got {str(times)[:40]}")
            self._queued.extend([(operation, script)] * times)

    def script_for(self, header: str | None, names: set[str]) -> Script:
        """Return what acts on a request: its header, the first queued scenario for `names`, or the default.

        Raises:
            ScenarioError: The header names an unknown scenario.
        """
        if header is not None:
            return scenarios.read(header)
        with self._lock:
            for position, (wanted, script) in enumerate(self._queued):
                if wanted is None or wanted in names:
                    del self._queued[position]
                    return script
        return self._default_script

    def next_request_id(self) -> str:
        """Return the id of the next response; the same sequence for the same seed."""
        with self._lock:
            self._answered += 1
            return seeded_uuid(f"{self.settings.seed}/request/{self._answered}")

    def record(self, records: deque[RecordedRequest], request: RecordedRequest) -> None:
        """Record a request, and drop the oldest bodies beyond 64 MiB."""
        with self._lock:
            records.append(request)
            self._with_bodies.append(request)
            self._body_bytes += len(request.body or b"")
            while self._body_bytes > _KEPT_BODY_BYTES or len(self._with_bodies) > _KEPT_REQUESTS:
                oldest = self._with_bodies.popleft()
                self._body_bytes -= len(oldest.body or b"")
                oldest.body = None

    def detail(self, task: Task, status: str) -> dict[str, Any]:
        """Return a task as the status response and the webhook show it, without `data`."""
        detail: dict[str, Any] = {"task_id": task.id, "status": status}
        if not task.script.omit_generated:
            detail["generated"] = self._generated(task, status)
        if task.script.null_error:
            detail["error"] = None
        return detail

    def _generated(self, task: Task, status: str) -> list[str]:
        if status != life_cycle.COMPLETED or task.script.no_result:
            return []
        settled = task.settled_at if task.settled_at is not None else self.clock.time()
        lifetime = -1.0 if task.script.expired else self.settings.result_lifetime
        return [task.origin + self.signer.path(task.id, int(settled + lifetime))]

    def follow(self, task: Task) -> None:
        """Deliver each change of a task from now on."""
        with self._lock:
            self._followed[task.id] = task
        if self.clock.realtime and isinstance(task.plan.pace, life_cycle.Seconds):
            self._watcher.wake()

    def deliver(self, task: Task) -> None:
        """Deliver the changes of a task that are due, and return when the receiver has answered."""
        if task.webhook_url is None:
            return
        with task.delivering:
            statuses = self.store.undelivered(task)
            last = bool(statuses) and statuses[-1] in life_cycle.TERMINAL
            bodies = [json.dumps(self.detail(task, status), separators=(",", ":")) for status in statuses]
            changes = [
                Change(task.id, status, task.webhook_url, body.encode())
                for status, body in zip(statuses, bodies, strict=True)
            ]
            self._dispatcher.deliver(changes, task.script, last=last)
        if last:
            with self._lock:
                self._followed.pop(task.id, None)

    def _deliver_all(self) -> float | None:
        """Deliver what is due, and return the seconds until the next change."""
        with self._lock:
            followed = list(self._followed.values())
        for task in followed:
            self.deliver(task)
        now = self.clock.monotonic()
        moments = [
            task.born + change
            for task in followed
            if (change := life_cycle.next_change(task.plan, now - task.born)) is not None
        ]
        return min(moments) - now if moments else None

    def names_of(self, operation: Operation) -> set[str]:
        """Return the names by which `next_scenario` may mean an operation."""
        parts = [
            (name, part)
            for cycle in self.document.life_cycles
            for name, part in (("create", cycle.create), ("status", cycle.status), ("list", cycle.listing))
        ]
        return {operation.id, *(name for name, part in parts if part is operation)}
