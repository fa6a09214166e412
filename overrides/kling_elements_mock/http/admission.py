"""Decides whether a request is let in: by its key first, then path, method, scenario and rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kling_elements_mock.http.keys import Stranger, identify
from kling_elements_mock.http.responses import Answer
from kling_elements_mock.tasks.scenarios import HEADER, ScenarioError

if TYPE_CHECKING:
    from kling_elements_mock.document.openapi import Operation
    from kling_elements_mock.http.requests import Incoming
    from kling_elements_mock.mock import Mock
    from kling_elements_mock.tasks.limits import Standing
    from kling_elements_mock.tasks.script import Script


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is let in: what it calls, and under which conditions.

    Attributes:
        operation: What is called.
        path_parameters: By name, still percent-encoded.
        owner: A digest of the caller's key.
        script: What its scenarios come to.
        standing: How its caller stands with the rate limit.
    """

    operation: Operation
    path_parameters: dict[str, str]
    owner: str
    script: Script
    standing: Standing


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is answered at the door."""

    operation: Operation | None
    answer: Answer


def admit(mock: Mock, incoming: Incoming) -> Call | Refusal:
    """Let a request in, or refuse it: 401 before anything else is looked at, as the live service does."""
    here, path_parameters = mock.document.match(incoming.path)
    operation = here.get(incoming.method) or (here.get("GET") if incoming.method == "HEAD" else None)
    near = operation or next(iter(here.values()), None)
    if incoming.method == "OPTIONS" and here and operation is None:
        return Refusal(None, Answer(204, headers=(_allow(here),)))
    who = identify(incoming.carried(path_parameters), mock.document.key_places, mock.settings.keys)
    if isinstance(who, Stranger):
        return Refusal(operation, mock.answers.documented(near, 401, incoming.accept, who.hint))
    if operation is None:
        return Refusal(None, _no_operation(mock, incoming, near, here))
    return _start(mock, incoming, operation, path_parameters, who.digest)


def _no_operation(
    mock: Mock, incoming: Incoming, near: Operation | None, here: dict[str, Operation]
) -> Answer:
    if near is None:
        return mock.answers.refusal(None, 404, incoming.accept, f"No such path: {incoming.path[:200]}")
    message = f"Method {incoming.method[:20]} is not allowed here"
    return mock.answers.refusal(near, 405, incoming.accept, message).adding(_allow(here))


def _allow(here: dict[str, Operation]) -> tuple[str, str]:
    return "allow", ", ".join(sorted({*here, "OPTIONS", *({"HEAD"} if "GET" in here else set())}))


def _start(
    mock: Mock, incoming: Incoming, operation: Operation, path_parameters: dict[str, str], owner: str
) -> Call | Refusal:
    try:
        script = mock.script_for(incoming.headers.get(HEADER), mock.names_of(operation))
    except ScenarioError as error:
        return Refusal(operation, mock.answers.refusal(operation, 400, incoming.accept, str(error)))
    standing = mock.limiter.count(incoming.client, mock.clock.monotonic())
    if standing.exceeded:
        answer = mock.answers.documented(operation, 429, incoming.accept, "rate")
        return Refusal(operation, answer.adding(("retry-after", str(standing.reset)), *standing.headers()))
    return Call(operation, path_parameters, owner, script, standing)
