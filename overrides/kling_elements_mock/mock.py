"""The state of one mock, and what a test may do with it."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kling_elements_mock.document import openapi as documents
from kling_elements_mock.document.validation import Schemas
from kling_elements_mock.http.responses import Answers
from kling_elements_mock.settings import MockSettings
from kling_elements_mock.tasks import life_cycle as tasks
from kling_elements_mock.tasks import loopback as fetching
from kling_elements_mock.tasks import scenarios
from kling_elements_mock.tasks.clock import Clock, SystemClock
from kling_elements_mock.tasks.limits import DailyQuota, RateLimiter
from kling_elements_mock.tasks.signed_urls import Signer
from kling_elements_mock.tasks.store import Store, Task, seeded_uuid
from kling_elements_mock.tasks.uploads import Uploads
from kling_elements_mock.tasks.watcher import Follower
from kling_elements_mock.tasks.webhooks import Change, Delivery, Postman, Sender, http_sender

if TYPE_CHECKING:
    from kling_elements_mock.document.openapi import Operation
    from kling_elements_mock.tasks.images import Fetch
    from kling_elements_mock.tasks.script import Script

_KEPT_REQUESTS = 20_000


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request that the mock answered. A key's value is replaced by `(key)`.

    Attributes:
        method: In capitals.
        path: As sent.
        operation: The operation's id; None if there is none.
        status: What was answered; 0 for a connection that was reset.
        request_id: The answer's `x-request-id`.
        headers: The request's, names in small letters.
    """

    method: str
    path: str
    operation: str | None
    status: int
    request_id: str
    headers: dict[str, str]


class Mock:
    """One stand-in for the API: tasks, records and controls. Safe with threads.

    Args:
        settings: How it behaves.
        clock: What it reads time from; the machine's clock by default.
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
        fetch: Fetch = fetching.fetch,
    ) -> None:
        self.settings = settings or MockSettings()
        self.clock: Clock = clock or SystemClock()
        self.fetch = fetch
        self.document = documents.load(self.settings.document)
        self.schemas = Schemas(self.document)
        self.answers = Answers(self.document, self.schemas)
        self.store = Store(self.clock, self.settings.seed)
        self.limiter = RateLimiter(self.settings.rate_limits)
        self.quota = DailyQuota(self.settings.daily_quota)
        key_headers = [place.name for place in self.document.key_places if place.part == "header"]
        self.uploads = Uploads(self.clock, self.settings.seed, key_headers)
        self.signer = Signer(self.settings.seed)
        self.requests: deque[RecordedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self.result_requests: deque[RecordedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self.upload_requests: deque[RecordedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self._postman = Postman(
            self.clock,
            self.settings.webhook_secret,
            self.settings.seed,
            sender or http_sender(self.settings.webhook_timeout),
        )
        self._follower = Follower(self._tell_followed)
        self._default_script = scenarios.read(self.settings.scenario)
        self._queued: list[tuple[str | None, Script]] = []
        self._followed: dict[str, Task] = {}
        self._lock = threading.Lock()
        self._answered = 0

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks, the oldest first."""
        return self.store.all()

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """All attempts to deliver a webhook, the oldest first."""
        return tuple(self._postman.deliveries)

    def reset(self) -> None:
        """Forget tasks, records, counts and queued scenarios, and begin the ids anew.

        The clock stays where it is.
        """
        with self._lock:
            self._queued.clear()
            self._followed.clear()
            self._answered = 0
        self.store.clear()
        self.limiter.clear()
        self.quota.clear()
        self._postman.clear()
        self.requests.clear()
        self.result_requests.clear()
        self.upload_requests.clear()
        self.uploads.clear()

    def close(self) -> None:
        """Stop telling receivers of changes.

        Tasks and records stay, so that a test can look at them afterwards.
        """
        with self._lock:
            self._followed.clear()

    def advance(self, seconds: float) -> None:
        """Move the mock's clock forward, and deliver what became due.

        Returns when receivers have answered.
        """
        self.clock.advance(seconds)
        self._tell_followed()

    def next_scenario(self, text: str, *, operation: str | None = None, times: int = 1) -> None:
        """Have a scenario act on the next requests that have no scenario header.

        Args:
            text: As in the header.
            operation: Only on this one: its id, or `create`, `status`, `list` or `result`. On any by default.
            times: On so many requests.

        Raises:
            ScenarioError: The scenario is unknown.
        """
        script = scenarios.read(text)
        with self._lock:
            self._queued.extend([(operation, script)] * times)

    def script_for(self, header: str | None, names: set[str]) -> Script:
        """Give what acts on a request: its header, else the first queued one for `names`, else the settings'.

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
        """Give the id of one more answer; the same sequence for the same seed."""
        with self._lock:
            self._answered += 1
            return seeded_uuid(f"{self.settings.seed}/request/{self._answered}")

    def detail(self, task: Task, status: str) -> dict[str, Any]:
        """Give a task as the status answer and the webhook show it, without `data`."""
        detail: dict[str, Any] = {
            "task_id": task.id,
            "status": status,
            "generated": self._generated(task, status),
        }
        if task.script.omit_generated:
            del detail["generated"]
        if task.script.null_error:
            detail["error"] = None
        return detail

    def _generated(self, task: Task, status: str) -> list[str]:
        if status != tasks.COMPLETED or task.script.no_result:
            return []
        settled = task.settled_at if task.settled_at is not None else self.clock.time()
        lifetime = -1.0 if task.script.expired else self.settings.result_lifetime
        return [task.origin + self.signer.path(task.id, int(settled + lifetime))]

    def follow(self, task: Task) -> None:
        """Tell the task's receiver of each change from now on."""
        with self._lock:
            self._followed[task.id] = task
        if self.clock.realtime and isinstance(task.plan.pace, tasks.Seconds):
            self._follower.wake()

    def tell(self, task: Task) -> None:
        """Deliver a task's changes that were not delivered yet. Returns when the receiver has answered."""
        if task.webhook_url is None:
            return
        with task.telling:
            news = self.store.news(task)
            last = bool(news) and news[-1] in tasks.TERMINAL
            url = task.webhook_url
            changes = [
                Change(
                    task.id,
                    status,
                    url,
                    json.dumps(self.detail(task, status), separators=(",", ":")).encode(),
                )
                for status in news
            ]
            self._postman.deliver(changes, task.script, last=last)
        if last:
            with self._lock:
                self._followed.pop(task.id, None)

    def _tell_followed(self) -> float | None:
        with self._lock:
            followed = list(self._followed.values())
        for task in followed:
            self.tell(task)
        now = self.clock.monotonic()
        moments = [
            task.born + change
            for task in followed
            if (change := tasks.next_change(task.plan, now - task.born)) is not None
        ]
        return min(moments, default=now) - now if moments else None

    def names_of(self, operation: Operation) -> set[str]:
        """Give the names by which `next_scenario` may mean an operation."""
        names = {operation.id}
        for cycle in self.document.life_cycles:
            names |= {"create"} if cycle.create is operation else set()
            names |= {"status"} if cycle.status is operation else set()
            names |= {"list"} if cycle.listing is operation else set()
        return names
