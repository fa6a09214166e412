"""Send requests to the service: within the rate limits, retried where that is safe."""

from __future__ import annotations

import hashlib
import math
import time
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from kling_elements.api.endpoints import DEFAULT_MODEL, find_model, status_request
from kling_elements.api.outcomes import Operation, Raise, Retry, Return, decide
from kling_elements.errors import RateLimitError
from kling_elements.operations.events import Hook, emit
from kling_elements.policy.retries import Deadline, RetryPolicy, backoff
from kling_elements.types import Response, SendState
from kling_elements.validation import check_parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.api.auth import ApiKey, Settings
    from kling_elements.api.io import IO
    from kling_elements.api.outcomes import Decision, Result
    from kling_elements.policy.rate_limits import RateLimiter
    from kling_elements.types import Request


_NAMES = {operation: operation.name.lower() for operation in Operation}  # in events
LEAST_REQUEST_TIMEOUT = 1.0
"""Seconds that a request gets right before a deadline."""


class Sender(NamedTuple):
    """Sends requests of one client.

    Attributes:
        io: Does the I/O.
        settings: The origin, the key and the timeout.
        rate_limiter: Keeps this process within the service's limits. All clients of the process share it, so
            it reads the process's clock, not one that a caller replaced.
        policy: How often a request is retried.
        clock: A monotonic clock, in seconds.
        random: Returns numbers from 0 to 1.
        hook: Called with events.
    """

    io: IO
    settings: Settings
    rate_limiter: RateLimiter
    policy: RetryPolicy
    clock: Callable[[], float]
    random: Callable[[], float]
    hook: Hook | None = None

    async def ask_once(  # noqa: PLR0913 - keyword options
        self,
        operation: Operation,
        request: Request,
        *,
        timeout: float | None = None,
        max_delay: float = math.inf,
        is_fresh: bool = False,
        state: SendState | None = None,
    ) -> Decision:
        """Send a request once, when the rate limits allow it, and decide what its outcome means.

        Args:
            operation: The operation.
            request: The request.
            timeout: Seconds that it may take; by default the client's.
            max_delay: Seconds to wait for the rate limits at most. If they ask for more, nothing is sent.
            is_fresh: Whether the task was created a moment ago.
            state: Updated with what an interruption leaves in doubt.
        """
        name = _NAMES[operation]
        delay = self.rate_limiter.delay(time.monotonic(), max_delay)
        if delay > max_delay:
            return Retry(not_sent(f"the rate limit is used up for another {delay:.0f} s", delay), delay)
        if delay > 0:
            emit(self.hook, "request.delayed", operation=name, pause=delay)
            await self.io.sleep(delay)
        emit(self.hook, "request.started", operation=name)
        started = self.clock()
        seconds = self.settings.timeout if timeout is None else timeout
        outcome = await self.io.send(request, seconds, state or SendState())
        seconds = self.clock() - started
        if isinstance(outcome, Response):
            self.rate_limiter.update_from(outcome.headers, time.monotonic())
            event = "request.answered"
            details = {"status_code": outcome.status, "request_id": outcome.request_id}
        else:
            event = "request.failed"
            details = {"reason": outcome.text, "was_sent": outcome.was_sent}
        emit(self.hook, event, operation=name, **details, seconds=seconds)
        return decide(operation, outcome, is_fresh=is_fresh, task_id=request.task_id)

    def time_for(self, left: float) -> float:
        """Return the timeout of a request, with so many seconds left until the deadline."""
        return min(self.settings.timeout, max(left, LEAST_REQUEST_TIMEOUT))

    async def ask(
        self, operation: Operation, request: Request, patience: float, state: SendState | None = None
    ) -> Result:
        """Send a request, and retry it where that is safe, as the policy says.

        Args:
            operation: The operation.
            request: The request.
            patience: Seconds for all attempts; zero for one attempt. A create that is being sent is never
                cut short.
            state: Updated with what an interruption leaves in doubt.

        Raises:
            KlingError: If it is refused, or the policy gives up.
        """
        deadline = Deadline(self.clock(), patience)
        attempt = 0
        while True:
            attempt += 1
            left = deadline.remaining(self.clock()) if patience > 0 else self.settings.timeout
            decision = await self.ask_once(
                operation,
                request,
                timeout=None if operation is Operation.CREATE else self.time_for(left),
                max_delay=left,
                state=state,
            )
            if isinstance(decision, Return):
                return decision.value
            if isinstance(decision, Raise):
                raise decision.error
            if state:
                state.may_have_arrived = False
            left = deadline.remaining(self.clock())
            delay = backoff(self.policy, attempt, decision.retry_after, self.random(), left)
            if delay is None:
                raise decision.error
            emit(self.hook, "request.repeated", operation=_NAMES[operation], attempt=attempt, pause=delay)
            await self.io.sleep(delay)


def not_sent(what: str, retry_after: float) -> RateLimitError:
    """Return the error for a request that this client's own limits keep back."""
    text = f"{what}. Nothing was sent; repeat it later"
    return RateLimitError(
        text, status_code=HTTPStatus.TOO_MANY_REQUESTS, message=what, retry_after=retry_after
    )


def status_request_for(task_id: str) -> Request:
    """Build the request for one task.

    Raises:
        ValidationError: That can't be an id.
    """
    if not isinstance(task_id, str):
        check_parameter("getKlingElementsTask", "task-id", task_id)
    return _status_request(task_id)


@lru_cache(maxsize=1024)
def _status_request(task_id: str) -> Request:
    check_parameter("getKlingElementsTask", "task-id", task_id)
    return status_request(find_model(DEFAULT_MODEL), task_id)


def rate_limiter_key(key: ApiKey) -> str:
    """Return what tells keys apart within this process, without being one."""
    return hashlib.sha256(b"kling-elements rate_limiter\0" + key.reveal().encode()).hexdigest()
