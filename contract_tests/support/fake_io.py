"""An `IO` without a network: it answers with a list of outcomes, for what the public face can't reach."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define, field

from kling_elements.types import NoResponse, Response, ResponseHead, SendState

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.types import ExternalRequest, Outcome, Request, Sink

T = TypeVar("T")


@define
class AfterSending(BaseException):
    """An error that is raised when the request may have arrived."""

    error: BaseException


@define
class FakeIO:
    """Answers requests in turn; the last outcome is repeated.

    Attributes:
        outcomes: What requests get: an outcome, or an error to raise. An error before anything is sent is
            raised as it is; wrapped in `AfterSending`, it is raised when the request may have arrived.
        sent: The requests to the service, each with its timeout.
        slept: Seconds.
        on_sleep: Called with the seconds, to let a clock pass.
    """

    outcomes: list[Outcome | BaseException]
    sent: list[tuple[Request, float]] = field(factory=list)
    slept: list[float] = field(factory=list)
    on_sleep: Callable[[float], object] = field(default=lambda _: None)

    async def send(self, request: Request, timeout: float, state: SendState | None = None) -> Outcome:
        self.sent.append((request, timeout))
        outcome = self._next()
        state = state or SendState()
        state.may_have_arrived = isinstance(outcome, (AfterSending, Response))
        if isinstance(outcome, BaseException):
            raise outcome.error if isinstance(outcome, AfterSending) else outcome
        return outcome

    async def stream(
        self, request: ExternalRequest, open_sink: Callable[[ResponseHead], Sink | None]
    ) -> ResponseHead | NoResponse:
        outcome = self._next()
        if isinstance(outcome, NoResponse):
            return outcome
        assert isinstance(outcome, Response)
        head = ResponseHead(outcome.status, outcome.headers, request.url)
        if sink := open_sink(head):
            sink(outcome.body)
        return head

    async def run(self, function: Callable[[], T]) -> T:
        return function()

    async def call(self, function: Callable[[Any], object], value: object) -> object:
        return function(value)

    async def sleep(self, seconds: float) -> None:
        assert len(self.slept) < 2000, "this never ends"
        self.slept.append(seconds)
        self.on_sleep(seconds)

    def with_sleep(self, sleep: Callable[[float], object]) -> Self:
        twin = copy.copy(self)
        twin.on_sleep = sleep
        return twin

    def _next(self) -> Outcome | BaseException:
        return self.outcomes[0] if len(self.outcomes) == 1 else self.outcomes.pop(0)
