"""The wait for a task: looks at it by the schedule until it is done, and rides out what passes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeAlias, cast

from attrs import define, frozen

from kling_elements.decisions import Operation, Raise, Repeat
from kling_elements.defaults import LEAST_REQUEST_TIMEOUT, LONGEST_PAUSE, NOT_FOUND_GRACE
from kling_elements.effects import Flow, call
from kling_elements.errors import DeadlineExceeded, KlingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.effects import Request
    from kling_elements.schedule import Deadline, PollSchedule
    from kling_elements.sending import Sender
    from kling_elements.task import Task

logger = logging.getLogger("kling_elements")


@frozen
class Look:
    """One look at a task during a wait.

    Attributes:
        task_id: The task.
        task: What was seen; None if the look failed.
        error: Why the look failed; it will be repeated.
        elapsed: Seconds since the wait began.
        next_look: Seconds until the next look; None if there is none.
    """

    task_id: str
    task: Task | None
    error: KlingError | None
    elapsed: float
    next_look: float | None


Keep: TypeAlias = "Callable[[Look], Flow[None]]"
"""A flow that is run at every look, before the caller's own listener is told."""


@define
class Wait:
    """One wait: its options made definite, and what it has seen."""

    task_id: str
    request: Request
    schedule: PollSchedule
    deadline: Deadline
    clock: Callable[[], float]
    sleep: Callable[[float], object]
    on_update: Callable[[Task], object] | None
    on_look: Callable[[Look], object] | None
    age: float | None  # seconds since this client created the task, at the start of the wait
    sender: Sender
    adopt: Callable[[Task], Task]  # makes a task one of the client's
    see: Callable[[Task], Flow[None]]  # notes what is new
    keep: Keep | None  # run at every look
    last: Task | None = None
    looks: int = 0  # the pauses between them, that is: the schedule counts from the first
    has_looked: bool = False

    async def run(self) -> Task:
        """Look until the status is terminal.

        Raises:
            DeadlineExceeded: The deadline has passed; the task runs on.
            ApiError: The service refused for good.
        """
        if self.last is not None and self.on_update:
            await call(self.on_update, self.last)
        if self._is_fresh():
            # Right after create there is nothing to see yet; of any other task nobody knows how far it is.
            await self._pause(None, None)
        while True:
            left = max(self.deadline.remaining(self.clock()), LEAST_REQUEST_TIMEOUT)
            decision = await self.sender.ask_once(
                Operation.STATUS,
                self.request,
                timeout=min(self.sender.settings.timeout, left),
                is_fresh=self._is_fresh(),
            )
            self.has_looked = True
            if isinstance(decision, Raise):
                raise decision.error
            if isinstance(decision, Repeat):
                logger.info("a look at task %s failed and will be repeated: %s", self.task_id, decision.error)
                await self._pause(decision.error, decision.hint)
                continue
            task = self.adopt(cast("Task", decision.value))
            await self._take(task)
            if task.is_terminal:
                return task
            await self._pause(None, None)

    def _is_fresh(self) -> bool:
        """Whether the task is so new that the service may not show it yet."""
        return self.age is not None and self.age + self.deadline.elapsed(self.clock()) < NOT_FOUND_GRACE

    async def _take(self, task: Task) -> None:
        """Take a task that was seen, and tell those who want to know."""
        is_news = self.last is None or self.last.status != task.status
        self.last = task
        await self.see(task)
        if is_news and self.on_update:
            await call(self.on_update, task)
        if task.is_terminal:
            await self._tell(Look(task.id, task, None, self.deadline.elapsed(self.clock()), None))

    async def _tell(self, look: Look) -> None:
        """Tell of a look."""
        if self.keep:
            await self.keep(look)
        if self.on_look:
            await call(self.on_look, look)

    def _delay(self, hint: float | None) -> float:
        """Seconds to sleep before the next scheduled look, never past the deadline."""
        now = self.clock()
        planned = self.schedule.delay(
            looks=self.looks, elapsed=self.deadline.elapsed(now), random=self.sender.random()
        )
        return self.deadline.clamp(min(max(planned, hint or 0.0), LONGEST_PAUSE), now)

    async def _pause(self, error: KlingError | None, hint: float | None) -> None:
        """Sleep until the next look.

        Raises:
            DeadlineExceeded: If the deadline has passed.
        """
        elapsed = self.deadline.elapsed(self.clock())
        is_over = self.has_looked and self.deadline.remaining(self.clock()) <= 0
        delay = self._delay(hint)
        self.looks += 1
        seen = None if error else self.last
        await self._tell(Look(self.task_id, seen, error, elapsed, None if is_over else delay))
        if is_over:
            raise self._deadline_exceeded(elapsed) from error
        await call(self.sleep, delay)

    def _deadline_exceeded(self, elapsed: float) -> DeadlineExceeded:
        status = self.last.status if self.last else None
        seen = f"last seen {status}" if status else "never seen"
        return DeadlineExceeded(
            f"stopped waiting for task {self.task_id} after {elapsed:.0f} s; it was {seen}. "
            f"It runs on and is billed. To resume: kling-elements wait {self.task_id}",
            task_id=self.task_id,
            last_status=status,
            elapsed=elapsed,
            timeout=self.deadline.timeout,
        )
