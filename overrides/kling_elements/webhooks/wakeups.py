"""Waits that a delivery wakes. Polling goes on as the safety net, and what a GET says is what counts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypedDict

import anyio

from kling_elements.webhooks.deduplication import DeliveryLog, Receipt

if TYPE_CHECKING:
    from kling_elements.task import Task
    from kling_elements.webhooks.verification import Delivery

Listener = Callable[["Task"], object]


class WakeOptions(TypedDict):
    """Options for `wait` and `generate` of the synchronous client."""

    sleep: Callable[[float], None]
    on_update: Listener


class AsyncWakeOptions(TypedDict):
    """Options for `wait` and `generate` of the asynchronous client."""

    sleep: Callable[[float], Coroutine[Any, Any, None]]
    on_update: Listener


class WakeHub:
    """Takes deliveries from any thread, and wakes who sleeps for their task, in any thread or event loop.

    Args:
        inbox: Tells which deliveries are news.
    """

    def __init__(self, inbox: DeliveryLog | None = None) -> None:
        self._inbox = inbox or DeliveryLog()
        self._changed = threading.Condition()
        self._bells: dict[str, list[Callable[[], None]]] = {}

    def deliver(self, delivery: Delivery) -> Receipt:
        """Take a genuine delivery; sleepers wake if it is news."""
        with self._changed:
            receipt = self._inbox.receive(delivery)
            if receipt is not Receipt.NEW:
                return receipt
            self._changed.notify_all()
            for ring in self._bells.get(delivery.task.id, ()):
                ring()
            return receipt

    def latest(self, task_id: str) -> Task | None:
        """The task as its latest delivery shows it; None if none has come."""
        with self._changed:
            return self._inbox.latest(task_id)

    def wakeable(self, task_id: str | None = None, on_update: Listener | None = None) -> WakeOptions:
        """Options that let deliveries wake one wait: `client.wait(task_id, **hub.wakeable(task_id))`.

        Args:
            task_id: The task; may be left out where the wait is told its task before it sleeps, as in
                `client.generate(…)` and
                `client.wait(task)`.
            on_update: Your own listener, which goes here because these options hold one.

        Returns:
            Options for one wait. Make new ones for each.
        """
        sleeper = WakeableSleep(self, task_id, on_update)
        return {"sleep": sleeper.sleep, "on_update": sleeper.update}

    def async_wakeable(
        self, task_id: str | None = None, on_update: Listener | None = None
    ) -> AsyncWakeOptions:
        """`wakeable` for the asynchronous client (asyncio or trio); deliveries may come in any thread."""
        sleeper = WakeableSleep(self, task_id, on_update)
        return {"sleep": sleeper.sleep_async, "on_update": sleeper.update}

    def changes(self, task_id: str | None) -> int:
        """How many changes of a task are known."""
        with self._changed:
            return self._inbox.changes(task_id) if task_id else 0

    def await_change(self, task_id: str | None, seen: int, seconds: float) -> None:
        """Block until the number of known changes is not `seen`, for that many seconds at most."""
        with self._changed:
            self._changed.wait_for(
                lambda: task_id is not None and self._inbox.changes(task_id) != seen,
                min(seconds, threading.TIMEOUT_MAX),
            )

    @contextmanager
    def bell(self, task_id: str, ring: Callable[[], None]) -> Iterator[None]:
        """Call `ring` at each change of the task, in the thread of the delivery."""
        with self._changed:
            self._bells.setdefault(task_id, []).append(ring)
        try:
            yield
        finally:
            with self._changed:
                rings = self._bells[task_id]
                rings.remove(ring)
                if not rings:
                    del self._bells[task_id]


class WakeableSleep:
    """Sleeps for one wait. What came while it was awake ends the next sleep at once."""

    def __init__(self, hub: WakeHub, task_id: str | None, on_update: Listener | None) -> None:
        self._hub = hub
        self._task_id = task_id
        self._on_update = on_update
        self._seen = 0

    def update(self, task: Task) -> object:
        """Learn the task's id, and pass the task on."""
        self._task_id = task.id
        return self._on_update(task) if self._on_update else None

    def sleep(self, seconds: float) -> None:
        """Sleep until a delivery for the task comes, for that many seconds at most."""
        self._hub.await_change(self._task_id, self._seen, seconds)
        self._seen = self._hub.changes(self._task_id)

    async def sleep_async(self, seconds: float) -> None:
        """`sleep`, awaited."""
        if self._task_id is None:
            await anyio.sleep(seconds)
            return
        event = anyio.Event()
        with self._hub.bell(self._task_id, _crossing(event.set)):
            # After the bell is hung up, so that nothing comes in between.
            if self._hub.changes(self._task_id) == self._seen:
                with anyio.move_on_after(seconds):
                    await event.wait()
        self._seen = self._hub.changes(self._task_id)


def _crossing(function: Callable[[], object]) -> Callable[[], None]:
    """The function, for any thread to call: it runs in the event loop that runs now."""
    try:
        call: Callable[[Callable[[], Any]], object] = asyncio.get_running_loop().call_soon_threadsafe
    except RuntimeError:
        # Not a dependency: who runs under trio has it.
        trio: Any = import_module("trio")
        call = trio.lowlevel.current_trio_token().run_sync_soon

    def ring() -> None:
        try:
            call(function)
        except RuntimeError:
            # The loop has ended, and the sleeper with it (trio's RunFinishedError is such an error too).
            return

    return ring
