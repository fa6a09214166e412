"""Let a delivery wake a sleeping poll. Polling stays the safety net, and a GET's response decides."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypedDict

import anyio

from kling_elements.arguments import asynchronous, check_function, check_kind
from kling_elements.errors import ValidationError
from kling_elements.task import Task
from kling_elements.webhooks.deduplication import DeliveryLog, Receipt
from kling_elements.webhooks.verification import Delivery

Listener = Callable[[Task], object]


class WakeOptions(TypedDict):
    """Options for `wait` and `generate` of the synchronous client."""

    sleep: Callable[[float], None]
    on_update: Listener


class AsyncWakeOptions(TypedDict):
    """Options for `wait` and `generate` of the asynchronous client."""

    sleep: Callable[[float], Coroutine[Any, Any, None]]
    on_update: Listener


class WakeHub:
    """Takes deliveries from any thread, and wakes the polls of their tasks, in any thread or event loop.

    Args:
        log: Decides which deliveries are new.
    """

    def __init__(self, log: DeliveryLog | None = None) -> None:
        self._log = DeliveryLog() if log is None else log
        check_kind("log", self._log, DeliveryLog)
        self._changed = threading.Condition()
        self._subscribers: dict[str, list[Callable[[], None]]] = {}

    def deliver(self, delivery: Delivery) -> Receipt:
        """Record a genuine delivery; wake the sleepers if it is new."""
        with self._changed:
            receipt = self._log.receive(delivery)
            if receipt is not Receipt.NEW:
                return receipt
            self._changed.notify_all()
            for callback in self._subscribers.get(delivery.task.id, ()):
                callback()
            return receipt

    def latest(self, task_id: str) -> Task | None:
        """Return the task as of its latest delivery; None if none came."""
        with self._changed:
            return self._log.latest(task_id)

    def wakeable(self, task_id: str | None = None, on_update: Listener | None = None) -> WakeOptions:
        """Return options that let deliveries wake one wait: `client.wait(id, **hub.wakeable(id))`.

        Args:
            task_id: The task; may be left out where the wait learns its task before it sleeps, as in
                `client.generate(…)` and `client.wait(task)`.
            on_update: Your own listener, which goes here because these options hold one.

        Returns:
            Options for one wait. Make new ones for each.

        Raises:
            ValidationError: An argument can't be used.
        """
        if problems := asynchronous({"on_update": on_update}):
            raise ValidationError(problems)
        sleeper = WakeableSleep(self, task_id, on_update)
        return {"sleep": sleeper.sleep, "on_update": sleeper.update}

    def async_wakeable(
        self, task_id: str | None = None, on_update: Listener | None = None
    ) -> AsyncWakeOptions:
        """`wakeable` for the asynchronous client (asyncio or trio); deliveries may come in any thread."""
        sleeper = WakeableSleep(self, task_id, on_update)
        return {"sleep": sleeper.sleep_async, "on_update": sleeper.update}

    def changes(self, task_id: str | None) -> int:
        """Return how many changes of a task are known."""
        with self._changed:
            return self._log.changes(task_id) if task_id else 0

    def wait_for_change(self, task_id: str | None, seen: int, seconds: float) -> None:
        """Block until the number of known changes is not `seen`, for that many seconds at most."""
        with self._changed:
            self._changed.wait_for(
                lambda: task_id is not None and self._log.changes(task_id) != seen,
                min(seconds, threading.TIMEOUT_MAX),
            )

    @contextmanager
    def subscribe(self, task_id: str, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` at each change of the task, in the thread of the delivery."""
        with self._changed:
            self._subscribers.setdefault(task_id, []).append(callback)
        try:
            yield
        finally:
            with self._changed:
                callbacks = self._subscribers[task_id]
                callbacks.remove(callback)
                if not callbacks:
                    del self._subscribers[task_id]


class WakeableSleep:
    """Sleeps for one wait. A delivery that came while it was awake ends the next sleep at once."""

    def __init__(self, hub: WakeHub, task_id: str | None, on_update: Listener | None) -> None:
        if task_id is not None:
            check_kind("task_id", task_id, str)
        if on_update is not None:
            check_function("on_update", on_update)
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
        self._hub.wait_for_change(self._task_id, self._seen, seconds)
        self._seen = self._hub.changes(self._task_id)

    async def sleep_async(self, seconds: float) -> None:
        """`sleep`, awaited."""
        if self._task_id is None:
            await anyio.sleep(seconds)
            return
        event = anyio.Event()
        with self._hub.subscribe(self._task_id, _threadsafe(event.set)):
            # After subscribing, so that no change is missed in between.
            if self._hub.changes(self._task_id) == self._seen:
                with anyio.move_on_after(seconds):
                    await event.wait()
        self._seen = self._hub.changes(self._task_id)


def _threadsafe(function: Callable[[], object]) -> Callable[[], None]:
    """Return the function for any thread to call: it runs in the current event loop."""
    try:
        call: Callable[[Callable[[], Any]], object] = asyncio.get_running_loop().call_soon_threadsafe
    except RuntimeError:
        # Not a dependency: who runs under trio has it.
        trio: Any = import_module("trio")
        call = trio.lowlevel.current_trio_token().run_sync_soon

    def callback() -> None:
        try:
            call(function)
        except RuntimeError:
            # The loop has ended, and the sleeper with it (trio's RunFinishedError is such an error too).
            return

    return callback
