"""Poll a task until it finishes, retrying transient errors."""

import inspect
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias, cast

from kling_elements.api.io import IO
from kling_elements.api.outcomes import Operation, Raise, Retry
from kling_elements.arguments import asynchronous, check_seconds
from kling_elements.errors import DeadlineExceeded, KlingError, ValidationError, next_command
from kling_elements.log import logger
from kling_elements.operations.sender import LEAST_REQUEST_TIMEOUT, Sender
from kling_elements.policy.polling import PollSchedule
from kling_elements.policy.retries import Deadline
from kling_elements.types import Request, TaskData
from kling_elements.validation import unknown_names

WAIT_TIMEOUT = 1800.0  # claims about sibling models go up to 30 minutes
NOT_FOUND_GRACE = 30.0  # a task may not be visible right after it was created
LONGEST_PAUSE = 3600.0  # poll at least once an hour, even if the service asks for less


@dataclass(frozen=True, slots=True)
class Look:
    """One poll of a task during a wait.

    Attributes:
        task_id: The task.
        task: The task as the service showed it; None if the poll failed.
        error: Why the poll failed; it will be retried.
        elapsed: Seconds since the wait began.
        next_look: Seconds until the next poll; None if there is none.
    """

    task_id: str
    task: TaskData | None
    error: KlingError | None
    elapsed: float
    next_look: float | None


OnPoll: TypeAlias = Callable[[Look], Awaitable[None]]
"""Awaited at every poll, before the caller's own callback is called."""


@dataclass(frozen=True, slots=True)
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
    def of(cls, options: Mapping[str, Any]) -> "WaitSettings":
        """Check a caller's options of `wait`.

        Raises:
            ValidationError: An option is unknown, or has a value of the wrong kind.
        """
        problems = unknown_names(list(options), WAIT_OPTIONS, "an option of wait")
        problems += [
            f"{name} must be a function: got {type(options[name]).__name__}"
            for name in (*_LISTENERS, *_CLOCKWORK)
            if name in options and not callable(options[name]) and options[name] is not None
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

    def require_callable(self, io: IO) -> None:
        """Make sure that a client can call the functions: a synchronous one awaits none.

        Raises:
            ValidationError: One is asynchronous.
        """
        functions = {} if io.awaits else {name: getattr(self, name) for name in (*_LISTENERS, *_CLOCKWORK)}
        if problems := asynchronous(functions):
            raise ValidationError(problems)


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


@dataclass(eq=False, repr=False, slots=True)
class Poll:
    """One wait for a task, and what it has seen.

    Attributes:
        task_id: The task.
        request: The request for it.
        schedule: When to poll.
        deadline: When to stop.
        clock: The clock of the deadline.
        settings: The caller's options.
        age: Seconds since this client created the task, at the start of the wait; None if it did not.
        sender: Sends requests, and sleeps.
        bind: Makes a task one of the client's.
        record: Records a new status.
        on_poll: Awaited at every poll.
        last: The task as last seen.
    """

    task_id: str
    request: Request
    schedule: PollSchedule
    deadline: Deadline
    clock: Callable[[], float]
    settings: WaitSettings
    age: float | None
    sender: Sender
    bind: Callable[[TaskData], TaskData]
    record: Callable[[TaskData], Awaitable[None]]
    on_poll: OnPoll | None
    last: TaskData | None = None
    _pauses: int = 0  # the schedule counts from the first
    _has_begun: bool = False
    _has_polled: bool = False
    _must_pause: bool = False
    _is_done: bool = False

    async def run(self) -> TaskData:
        """Poll until the status is terminal.

        Raises:
            DeadlineExceeded: The deadline has passed; the task runs on.
            ApiError: The service refused for good.
        """
        while await self.next_update() is not None:
            pass
        return cast("TaskData", self.last)

    async def next_update(self) -> TaskData | None:
        """Poll until the task is first seen or has a new status, and return it; None if it has ended.

        Raises:
            KlingError: As for `run`.
        """
        if not self._has_begun:
            self._has_begun = True
            if self.last is not None:
                if self.settings.on_update:
                    await self._call(self.settings.on_update, self.last)
                return self.last
        while not self._is_done:
            # Right after create there is nothing to see yet. How far any other task is, is unknown.
            if self._must_pause if self._has_polled else self._is_fresh():
                await self._pause(None, None)
            self._must_pause = True
            left = self.deadline.remaining(self.clock())
            decision = await self.sender.ask_once(
                Operation.STATUS,
                self.request,
                timeout=self.sender.time_for(left),
                max_delay=max(left, LEAST_REQUEST_TIMEOUT),
                is_fresh=self._is_fresh(),
            )
            self._has_polled = True
            if isinstance(decision, Raise):
                raise decision.error
            if isinstance(decision, Retry):
                logger.info("polling task %s failed and is retried: %s", self.task_id, decision.error)
                await self._pause(decision.error, decision.retry_after)
                self._must_pause = False
                continue
            task = self.bind(cast("TaskData", decision.value))
            self._is_done = task.is_terminal
            if await self._take(task):
                return task
        return None

    def _is_fresh(self) -> bool:
        """Whether the task is so new that the service may not show it yet."""
        return self.age is not None and self.age + self.deadline.elapsed(self.clock()) < NOT_FOUND_GRACE

    async def _take(self, task: TaskData) -> bool:
        """Record a task that was seen, call the callbacks, and return whether its status is new."""
        is_news = self.last is None or self.last.status != task.status
        self.last = task
        await self.record(task)
        if is_news and self.settings.on_update:
            await self._call(self.settings.on_update, task)
        if task.is_terminal:
            await self._notify(Look(task.id, task, None, self.deadline.elapsed(self.clock()), None))
        return is_news

    async def _notify(self, look: Look) -> None:
        """Report a poll."""
        if self.on_poll:
            await self.on_poll(look)
        if self.settings.on_look:
            await self._call(self.settings.on_look, look)

    async def _call(self, listener: Callable[[Any], object], news: object) -> None:
        """Call a caller's function.

        Raises:
            TypeError: It is asynchronous, which could not be seen before, and nothing here awaits it.
        """
        result = await self.sender.io.call(listener, news)
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError(
                "a listener returned a coroutine, which is not awaited here: use AsyncKlingElements"
            )

    def _delay(self, retry_after: float | None) -> float:
        """Return the seconds to sleep before the next poll, never past the deadline."""
        now = self.clock()
        planned = self.schedule.delay(
            looks=self._pauses, elapsed=self.deadline.elapsed(now), random=self.sender.random()
        )
        return self.deadline.clamp(min(max(planned, retry_after or 0.0), LONGEST_PAUSE), now)

    async def _pause(self, error: KlingError | None, retry_after: float | None) -> None:
        """Sleep until the next poll.

        Raises:
            DeadlineExceeded: If the deadline has passed.
        """
        elapsed = self.deadline.elapsed(self.clock())
        is_over = self._has_polled and self.deadline.is_over(self.clock())
        delay = self._delay(retry_after)
        self._pauses += 1
        seen = None if error else self.last
        await self._notify(Look(self.task_id, seen, error, elapsed, None if is_over else delay))
        if is_over:
            raise self._deadline_exceeded(elapsed) from error
        await self.sender.io.sleep(delay)

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
