"""The post between the mock and a receiver of webhooks: delivers twice, out of order, altered, or never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import define, field

from kling_elements.task import TERMINAL_STATUSES
from kling_elements.webhooks import WebhookReceiver
from kling_elements_mock.settings import WEBHOOK_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kling_elements import Task
    from kling_elements_mock import ManualClock

_ACCEPTED: Final = 200

Letter = tuple[dict[str, str], bytes]


@define
class Post:
    """Holds what the mock sends until it is told to deliver.

    Attributes:
        waiting: What is on its way.
        unexpected: Exceptions that the receiver let through.
    """

    _clock: ManualClock
    waiting: list[Letter] = field(factory=list)
    unexpected: list[str] = field(factory=list)
    _receiver: WebhookReceiver = field(init=False)
    _told: list[Task] = field(factory=list, init=False)
    _forged: list[str] = field(factory=list, init=False)

    def start(self, wall_offset: Callable[[], float]) -> None:
        """Begin with an empty bag and a receiver of its own, whose clock is the mock's and that offset."""
        self.waiting.clear()
        self.unexpected.clear()
        self._told.clear()
        self._forged.clear()
        self._receiver = WebhookReceiver(
            WEBHOOK_SECRET, on_task=self._told.append, now=lambda: self._clock.time() + wall_offset()
        )

    def take(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """Take a delivery from the mock, and answer for the receiver."""
        del url
        self.waiting.append((headers, body))
        return _ACCEPTED

    def deliver(self, place: int, times: int, *, is_altered: bool, is_dropped: bool) -> Iterator[str]:
        """Deliver what is at this place in the bag; gives the names of the faults that this was."""
        if not self.waiting:
            return
        place %= len(self.waiting)
        headers, body = self.waiting.pop(place)
        if is_dropped:
            yield "webhook dropped"
            return
        if place:
            yield "webhook out of order"
        if is_altered:
            yield "webhook altered"
            self._receive(headers, body.replace(b'"task_id"', b'"task_id" '), is_forged=True)
            return
        for number in range(times):
            if number:
                yield "webhook twice"
            self._receive(headers, body)

    def finish(self) -> None:
        """Deliver what is left."""
        while self.waiting:
            self._receive(*self.waiting.pop(0))

    def wrong(self, known: set[str]) -> list[str]:
        """What the receiver told that is not so."""
        faults = list(self._forged)
        last: dict[str, str] = {}
        for task in self._told:
            before = last.get(task.id)
            if task.id not in known:
                faults.append(f"a webhook told of task {task.id}, which the server does not have")
            if before == task.status or before in TERMINAL_STATUSES:
                faults.append(f"webhooks told of task {task.id} as {before}, then {task.status}")
            last[task.id] = task.status
        return faults

    def _receive(self, headers: dict[str, str], body: bytes, *, is_forged: bool = False) -> None:
        try:
            handled = self._receiver.handle("POST", headers, body)
            self._receiver.tell()
        except Exception as error:  # noqa: BLE001 - whatever comes is what is judged
            self.unexpected.append(f"the receiver raised {type(error).__name__}: {error}")
            return
        if is_forged and handled.delivery is not None:
            self._forged.append("an altered webhook was taken for genuine")
