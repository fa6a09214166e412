"""Runs a flow step by step without a shell: what it asks of a host is answered by the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from kling_elements.effects import Call, Compute

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.effects import Effect, Flow, Send, Stream

T = TypeVar("T")


def drive(flow: Flow[T], answer: Callable[[Send | Stream], Any]) -> T:
    """Run a flow to its end, as a shell does.

    Args:
        flow: The flow.
        answer: Gives what comes of a request. What it raises is raised in the flow, like what a step of the
            flow's own raises; a failed assertion is the test's, and ends all.

    Returns:
        What the flow gives.
    """
    try:
        effect = next(flow)
        while True:
            try:
                result = _result(effect, answer)
            except AssertionError:
                raise
            except BaseException as error:  # noqa: BLE001 - as a shell does
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        value: T = end.value
        return value


def _result(effect: Effect, answer: Callable[[Send | Stream], Any]) -> Any:
    match effect:
        case Compute(function):
            return function()
        case Call(function, value):
            return function(value)
        case _:
            return answer(effect)
