"""The tasks of one mock. It knows no HTTP: the clock's readings and the poll are handed in."""

from __future__ import annotations

import random
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kling_elements_mock.tasks import life_cycle as tasks

if TYPE_CHECKING:
    from kling_elements_mock.document.openapi import LifeCycle
    from kling_elements_mock.tasks.clock import Clock
    from kling_elements_mock.tasks.images import Picture
    from kling_elements_mock.tasks.script import Script


@dataclass(slots=True, eq=False)
class Task:
    """One task.

    Attributes:
        id: As create answers it.
        life_cycle: Of which kind it is.
        owner: A digest of the key that created it; nobody else sees it.
        body: The request that created it, images left out.
        pictures: Its images.
        plan: How it goes.
        script: The scenarios it was created under.
        origin: Scheme, host and port that create was called at; its result lies there.
        webhook_url: Where its changes are posted, if anywhere.
        born: The clock's monotonic seconds at creation.
        born_at: Unix seconds at creation.
        polls: How often its status was asked for.
        faults_left: How many status answers are still to be replaced.
        settled_at: Unix seconds at which it ended, once that was seen.
        announced: How many of its statuses were announced; CREATED is not.
        video: Its result, once drawn.
        drawing: Held while its result is drawn.
        telling: Held while its changes are delivered, so that they stay in order.
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
    drawing: threading.Lock = field(default_factory=threading.Lock, repr=False)
    telling: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def history(self, now: float) -> tuple[str, ...]:
        """Give the statuses up to the monotonic moment `now`."""
        return tasks.history(self.plan, now - self.born, self.polls)

    def status(self, now: float) -> str:
        """Give the status at the monotonic moment `now`."""
        return self.history(now)[-1]


class Store:
    """All tasks, in the order they were created. Safe with threads.

    Args:
        clock: Read at creation and at each look.
        seed: Ids come from it.
    """

    def __init__(self, clock: Clock, seed: str) -> None:
        self._clock = clock
        self._seed = seed
        self._lock = threading.RLock()
        self._tasks: dict[str, Task] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def all(self) -> tuple[Task, ...]:
        """Give all tasks, the oldest first."""
        with self._lock:
            return tuple(self._tasks.values())

    def clear(self) -> None:
        """Forget all tasks and begin the ids anew."""
        with self._lock:
            self._tasks.clear()
            self._count = 0

    def new_id(self, script: Script) -> str:
        """Give the next id: shaped like a random UUID, the same for the same seed."""
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
        """Give a task by its id, whoever owns it."""
        return self._tasks.get(task_id)

    def look(self, task: Task, *, poll: bool = False) -> str:
        """Read a task's status.

        Args:
            task: Which one.
            poll: Count this as one more request for its status.
        """
        with self._lock:
            if poll:
                task.polls += 1
            return self._history(task)[-1]

    def news(self, task: Task) -> tuple[str, ...]:
        """Take the statuses that nobody was told of yet, in order.

        The caller tells them; the next call skips them.
        """
        with self._lock:
            history = self._history(task)
            news = history[task.announced :]
            task.announced = len(history)
            return news

    def _history(self, task: Task) -> tuple[str, ...]:
        history = task.history(self._clock.monotonic())
        if history[-1] in tasks.TERMINAL and task.settled_at is None:
            pace = task.plan.pace
            task.settled_at = (
                task.born_at + pace.seconds if isinstance(pace, tasks.Seconds) else self._clock.time()
            )
        return history

    def spend_fault(self, task: Task) -> bool:
        """Take one of the task's faults; False if none is left."""
        with self._lock:
            if task.faults_left <= 0:
                return False
            task.faults_left -= 1
            return True

    def unfinished(self, owner: str) -> int:
        """Count an owner's tasks that have not ended."""
        now = self._clock.monotonic()
        return sum(task.owner == owner and task.status(now) not in tasks.TERMINAL for task in self.all())


def seeded_uuid(text: str) -> str:
    """Give a UUID of version 4's shape that `text` determines."""
    return str(uuid.UUID(int=random.Random(text).getrandbits(128), version=4))  # noqa: S311 - reproducible is the point
