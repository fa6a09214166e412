"""The wait for a task: looks at it by the schedule until it is done, and rides out what passes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from kling_elements.errors import ValidationError
from kling_elements.policy.durations import check_seconds
from kling_elements.validation import unknown_names

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from kling_elements.api.io import IO
    from kling_elements.types import TaskData


import logging
from typing import TYPE_CHECKING, Any, cast

from attrs import define, fields, frozen

from kling_elements.api.outcomes import Operation, Raise, Retry
from kling_elements.errors import DeadlineExceeded, KlingError, next_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.operations.sender import Sender
    from kling_elements.policy.polling import Deadline, PollSchedule
    from kling_elements.types import Request, TaskData

logger = logging.getLogger("kling_elements")

WAIT_TIMEOUT = 1800.0  # claims about sibling models go up to 30 minutes
NOT_FOUND_GRACE = 30.0  # a task may not be visible right after it was created
LONGEST_PAUSE = 3600.0  # whatever the service hints: a task is looked at once an hour
LEAST_REQUEST_TIMEOUT = 1.0  # a look just before the deadline still gets this long


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
    task: TaskData | None
    error: KlingError | None
    elapsed: float
    next_look: float | None


@frozen
class WaitSettings:
    """How to wait for a task, checked.

    Attributes:
        timeout: Seconds to wait at most; infinite for no limit.
        poll_interval: Seconds between polls, in place of the client's schedule.
        on_update: Called with the task when it is first seen and at each change of its status.
        on_look: Called with a `Look` after every poll.
        clock: A monotonic clock, in seconds; None for the client's.
        sleep: Sleeps for that many seconds; None for the client's.
    """

    timeout: float = WAIT_TIMEOUT
    poll_interval: float | None = None
    on_update: Callable[[Any], object] | None = None
    on_look: Callable[[Look], object] | None = None
    clock: Callable[[], float] | None = None
    sleep: Callable[[float], object] | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> WaitSettings:
        """Check a caller's options of `wait`.

        Raises:
            ValidationError: An option is unknown, or has a value of the wrong kind.
        """
        problems = unknown_names(list(options), WAIT_OPTIONS, "an option of wait")
        problems += [
            f"{name} must be a function: got {type(options[name]).__name__}"
            for name in (*_LISTENERS, *_CLOCKWORK)
            if name in options
            and not callable(options[name])
            and not (name in _LISTENERS and options[name] is None)
        ]
        if problems:
            raise ValidationError(problems)
        timeout = options.get("timeout", WAIT_TIMEOUT)
        interval = options.get("poll_interval")
        return cls(
            math.inf if timeout is None else check_seconds("timeout", timeout),
            None if interval is None else check_seconds("poll_interval", interval),
            **{name: options[name] for name in (*_LISTENERS, *_CLOCKWORK) if name in options},
        )


WAIT_OPTIONS = tuple(each.name for each in fields(WaitSettings))
_LISTENERS = ("on_update", "on_look")
_CLOCKWORK = ("clock", "sleep")


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], WaitSettings]:
    """Split a caller's options of `generate` into those of `create`, and those of `wait`, checked.

    Raises:
        ValidationError: An option of `wait` can't be used. Nothing was sent.
    """
    waiting = {name: value for name, value in options.items() if name in WAIT_OPTIONS}
    return {name: value for name, value in options.items() if name not in waiting}, WaitSettings.of(waiting)


OnPoll: TypeAlias = "Callable[[Look], Awaitable[None]]"
"""Awaited at every poll, before the caller's own listener is called."""


@define
class Poll:
    """One wait: its options made definite, and what it has seen."""

    task_id: str
    request: Request
    schedule: PollSchedule
    deadline: Deadline
    clock: Callable[[], float]
    io: IO
    on_update: Callable[[Any], object] | None
    on_look: Callable[[Look], object] | None
    age: float | None  # seconds since this client created the task, at the start of the wait
    sender: Sender
    bind: Callable[[TaskData], TaskData]  # makes a task one of the client's
    record: Callable[[TaskData], Awaitable[None]]  # notes what is new
    on_poll: OnPoll | None  # run at every look
    last: TaskData | None = None
    looks: int = 0  # the pauses between them, that is: the schedule counts from the first
    has_looked: bool = False

    async def run(self) -> TaskData:
        """Look until the status is terminal.

        Raises:
            DeadlineExceeded: The deadline has passed; the task runs on.
            ApiError: The service refused for good.
        """
        if self.last is not None and self.on_update:
            await self.io.call(self.on_update, self.last)
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
            if isinstance(decision, Retry):
                logger.info("a look at task %s failed and will be repeated: %s", self.task_id, decision.error)
                await self._pause(decision.error, decision.hint)
                continue
            task = self.bind(cast("TaskData", decision.value))
            await self._take(task)
            if task.is_terminal:
                return task
            await self._pause(None, None)

    def _is_fresh(self) -> bool:
        """Whether the task is so new that the service may not show it yet."""
        return self.age is not None and self.age + self.deadline.elapsed(self.clock()) < NOT_FOUND_GRACE

    async def _take(self, task: TaskData) -> None:
        """Take a task that was seen, and tell those who want to know."""
        is_news = self.last is None or self.last.status != task.status
        self.last = task
        await self.record(task)
        if is_news and self.on_update:
            await self.io.call(self.on_update, task)
        if task.is_terminal:
            await self._notify(Look(task.id, task, None, self.deadline.elapsed(self.clock()), None))

    async def _notify(self, look: Look) -> None:
        """Tell of a look."""
        if self.on_poll:
            await self.on_poll(look)
        if self.on_look:
            await self.io.call(self.on_look, look)

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
        await self._notify(Look(self.task_id, seen, error, elapsed, None if is_over else delay))
        if is_over:
            raise self._deadline_exceeded(elapsed) from error
        await self.io.sleep(delay)

    def _deadline_exceeded(self, elapsed: float) -> DeadlineExceeded:
        status = self.last.status if self.last else None
        seen = f"last seen {status}" if status else "never seen"
        return DeadlineExceeded(
            f"stopped waiting for task {self.task_id} after {elapsed:.0f} s; it was {seen}. "
            "It runs on and is billed.",
            task_id=self.task_id,
            last_status=status,
            elapsed=elapsed,
            timeout=self.deadline.timeout,
            hint=next_command("wait", self.task_id),
        )
