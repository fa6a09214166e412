"""Keep the tasks of one mock."""

from __future__ import annotations

import random
import threading
import uuid
from typing import Any

from attrs import define, field

from kling_elements_mock.document.openapi import LifeCycle
from kling_elements_mock.tasks import life_cycle as tasks
from kling_elements_mock.tasks.clock import Clock
from kling_elements_mock.tasks.images import Picture
from kling_elements_mock.tasks.script import Script


@define(eq=False)
class Task:
    """One task.

    Attributes:
        id: As in create's response.
        life_cycle: Its kind.
        owner: A digest of the key that created it; other keys don't see it.
        body: The request that created it, without its images.
        pictures: Its images.
        plan: How it goes.
        script: The scenarios that it was created with.
        origin: The origin that create was sent to; the result's URL has it too.
        webhook_url: Where its changes are posted.
        born: The clock's monotonic seconds at creation.
        born_at: Unix seconds at creation.
        polls: How often its status was requested.
        faults_left: How many status responses are still to be replaced.
        settled_at: Unix seconds at which it ended, once that was seen.
        announced: How many of its statuses were delivered; CREATED never is.
        video: Its result, once drawn.
        drawing: Held while its result is drawn.
        delivering: Held while its changes are delivered, so that they stay in order.
    """

    id: str
    life_cycle: LifeCycle = field(repr=False)
    owner: str
    body: dict[str, Any] = field(repr=False)
    pictures: tuple[Picture, ...] = field(repr=False)
    plan: tasks.Plan
    script: Script = field(repr=False)
    origin: str
    webhook_url: str | None
    born: float
    born_at: float
    polls: int = 0
    faults_left: int = 0
    settled_at: float | None = None
    announced: int = 1
    video: bytes | None = field(default=None, repr=False)
    drawing: threading.Lock = field(factory=threading.Lock, repr=False)
    delivering: threading.Lock = field(factory=threading.Lock, repr=False)

    def history(self, now: float) -> tuple[str, ...]:
        """Return the statuses up to the monotonic moment `now`."""
        return tasks.history(self.plan, now - self.born, self.polls)

    def status(self, now: float) -> str:
        """Return the status at the monotonic moment `now`."""
        return self.history(now)[-1]


class Store:
    """All tasks, oldest first. Thread-safe."""

    def __init__(self, clock: Clock, seed: str) -> None:
        self._clock = clock
        self._seed = seed
        self._lock = threading.RLock()
        self._tasks: dict[str, Task] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def all(self) -> tuple[Task, ...]:
        """Return all tasks, oldest first."""
        with self._lock:
            return tuple(self._tasks.values())

    def clear(self) -> None:
        """Forget all tasks and restart the sequence of ids."""
        with self._lock:
            self._tasks.clear()
            self._count = 0

    def new_id(self, script: Script) -> str:
        """Return the next id: like a random UUID, but the same for the same seed."""
        with self._lock:
            if script.seed is None:
                self._count += 1
            text = f"{self._seed}/{self._count}" if script.seed is None else f"seed/{script.seed}"
            task_id = seeded_uuid(text)
            while task_id in self._tasks:
                text += "/again"
                task_id = seeded_uuid(text)
            return f"not-a-uuid-{task_id[:8]}" if script.bad_id else task_id

    def add(self, task: Task) -> None:
        """Keep a new task."""
        with self._lock:
            self._tasks[task.id] = task

    def find(self, task_id: str) -> Task | None:
        """Return the task with this id, of any owner."""
        return self._tasks.get(task_id)

    def look(self, task: Task, *, poll: bool = False) -> str:
        """Return a task's status; `poll` counts this as a status request."""
        with self._lock:
            if poll:
                task.polls += 1
            return self._history(task)[-1]

    def undelivered(self, task: Task) -> tuple[str, ...]:
        """Return the statuses not delivered yet, in order, and count them as delivered."""
        with self._lock:
            history = self._history(task)
            changes = history[task.announced :]
            task.announced = len(history)
            return changes

    def _history(self, task: Task) -> tuple[str, ...]:
        history = task.history(self._clock.monotonic())
        if history[-1] in tasks.TERMINAL and task.settled_at is None:
            pace = task.plan.pace
            if isinstance(pace, tasks.Seconds):
                task.settled_at = task.born_at + pace.seconds
            else:
                task.settled_at = self._clock.time()
        return history

    def spend_fault(self, task: Task) -> bool:
        """Use one of the task's faults; return False if none is left."""
        with self._lock:
            if task.faults_left <= 0:
                return False
            task.faults_left -= 1
            return True

    def unfinished(self, owner: str) -> int:
        """Count the unfinished tasks of an owner."""
        now = self._clock.monotonic()
        return sum(task.owner == owner and task.status(now) not in tasks.TERMINAL for task in self.all())


def seeded_uuid(text: str) -> str:
    """Return a UUID in the form of version 4 that `text` determines."""
    return str(uuid.UUID(int=random.Random(text).getrandbits(128), version=4))  # noqa: S311 - reproducible is the point
