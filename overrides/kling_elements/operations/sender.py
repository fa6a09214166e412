"""One question to the service, asked as often as it is wise: within the limits, repeated where it is safe."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from attrs import define

from kling_elements.api.outcomes import Operation, Raise, Retry, Return, decide
from kling_elements.operations.events import Hook, emit
from kling_elements.policy.polling import Deadline
from kling_elements.policy.retries import RetryPolicy, backoff
from kling_elements.types import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.api.auth import ApiKey, Settings
    from kling_elements.api.io import IO
    from kling_elements.api.outcomes import Decision, Result
    from kling_elements.policy.rate_limits import RateLimiter
    from kling_elements.types import Request


@define
class SendState:
    """What an interruption of a request leaves in doubt.

    Attributes:
        may_have_arrived: Whether a request was sent whose answer is not known to mean that nothing was done.
    """

    may_have_arrived: bool = False


@define
class Sender:
    """Sends requests of one client.

    Attributes:
        io: Does it.
        settings: Where they go.
        rate_limiter: Keeps this process within the service's limits; None to do without. It is shared by all
            clients of the process, so its clock is the process's, not one that a caller replaced.
        policy: How often a request is repeated that may be.
        clock: A monotonic clock, in seconds.
        random: Gives numbers from 0 to 1.
        hook: Told what happens.
    """

    io: IO
    settings: Settings
    rate_limiter: RateLimiter | None
    policy: RetryPolicy
    clock: Callable[[], float]
    random: Callable[[], float]
    hook: Hook | None = None

    async def ask_once(
        self,
        operation: Operation,
        request: Request,
        *,
        timeout: float | None = None,
        is_fresh: bool = False,
        flight: SendState | None = None,
    ) -> Decision:
        """Send a request once, when the limits allow it, and decide what its outcome means.

        Args:
            operation: What is asked.
            request: The request.
            timeout: Seconds that it may take; by default the client's.
            is_fresh: Whether the task was created a moment ago.
            flight: Told that the request is sent.
        """
        flight = flight or SendState()
        name = operation.name.lower()
        if self.rate_limiter and (delay := self.rate_limiter.delay(time.monotonic())) > 0:
            emit(self.hook, "request.delayed", operation=name, pause=delay)
            await self.io.sleep(delay)
        started = self.clock()
        flight.may_have_arrived = True
        outcome = await self.io.send(request, self.settings.timeout if timeout is None else timeout)
        seconds = self.clock() - started
        if isinstance(outcome, Response):
            if self.rate_limiter:
                self.rate_limiter.update_from(outcome.headers, time.monotonic())
            emit(
                self.hook,
                "request.answered",
                operation=name,
                status_code=outcome.status,
                request_id=outcome.request_id,
                seconds=seconds,
            )
        else:
            emit(
                self.hook,
                "request.failed",
                operation=name,
                reason=outcome.text,
                was_sent=outcome.was_sent,
                seconds=seconds,
            )
        return decide(operation, outcome, is_fresh=is_fresh, task_id=request.task_id)

    async def ask(
        self, operation: Operation, request: Request, patience: float, flight: SendState | None = None
    ) -> Result:
        """Send a request, and again where that is safe, as the policy says.

        Args:
            operation: What is asked.
            request: The request.
            patience: Seconds within which it may be repeated; zero for never.
            flight: Tells, if this is interrupted, whether the service may have acted.

        Raises:
            KlingError: If it is refused, or the policy gives up.
        """
        deadline = Deadline(self.clock(), patience)
        flight = flight or SendState()
        attempt = 0
        while True:
            attempt += 1
            decision = await self.ask_once(operation, request, flight=flight)
            match decision:
                case Return(value):
                    return value
                case Raise(error):
                    raise error
                case Retry(error, hint):
                    flight.may_have_arrived = False
                    delay = backoff(
                        self.policy, attempt, hint, self.random(), deadline.remaining(self.clock())
                    )
                    if delay is None:
                        raise error
                    emit(
                        self.hook,
                        "request.repeated",
                        operation=operation.name.lower(),
                        attempt=attempt,
                        pause=delay,
                    )
                    await self.io.sleep(delay)


def rate_limiter_key(key: ApiKey) -> str:
    """Tells keys apart within this process, without being one."""
    return hashlib.sha256(b"kling-elements rate_limiter\0" + key.reveal().encode()).hexdigest()
