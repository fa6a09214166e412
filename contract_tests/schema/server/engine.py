"""Runs one phase of schemathesis against a target, and tells its failures with lines that repeat them."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import anyio.to_thread
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from contract_tests.schema.server.exchange import Sent, curl
from contract_tests.schema.server.guard import NotSentError
from contract_tests.support.contract import document

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from schemathesis.engine.recorder import ScenarioRecorder

    from contract_tests.schema.server.target import Target

Phase = Literal["examples", "coverage", "fuzzing", "stateful"]
PHASES: Final[tuple[Phase, ...]] = ("examples", "coverage", "fuzzing", "stateful")
_NOT_PASSED_ON: Final = frozenset(
    {"host", "connection", "content-length", "accept-encoding", "user-agent", "x-schemathesis-testcaseid"}
)
_OWN_HEADERS: Final = frozenset({"x-schemathesis-testcaseid", "user-agent", "accept-encoding", "connection"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a phase came to.

    Attributes:
        failures: Each with the line that repeats it.
        requests: How many were sent.
        kept_back: What the guard kept from being sent; empty if nothing.
    """

    failures: tuple[str, ...]
    requests: int
    kept_back: str = ""


def run(target: Target, phase: Phase, seed: int, examples: int) -> Outcome:
    """Run a phase with all checks, valid and invalid data.

    Args:
        target: The server.
        phase: Which.
        seed: Same seed, same requests.
        examples: Generated cases for each operation.
    """
    schema = schemathesis.openapi.from_dict(
        copy.deepcopy(document()), config=_configuration(target, phase, seed, examples)
    )
    schema.app = _App(target)
    tested = schema.include(method="GET") if target.guard.profile == "free" else schema
    before, failures, kept_back = len(target.record), [], ""
    stream = from_schema(tested).execute()
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            failures += _failures(target, event.recorder)
        elif isinstance(event, events.NonFatalError):
            if isinstance(event.value, NotSentError):
                kept_back = str(event.value)
            else:
                failures.append(f"{event.label}: {event.info.title}: {event.info.message}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return Outcome(tuple(failures), len(target.record) - before, kept_back)


def _configuration(target: Target, phase: Phase, seed: int, examples: int) -> SchemathesisConfig:
    # The key is configured as the scheme's, not as a header of every request: that would hide a missing one.
    scheme = next(iter(target.key_headers))
    settings: dict[str, Any] = {
        "seed": seed,
        "workers": 1,
        "auth": {"openapi": {scheme: {"api_key": target.key}}},
        "generation": {"max-examples": examples, "no-shrink": True, "database": "none"},
        "phases": {name: {"enabled": name == phase} for name in PHASES},
    }
    return SchemathesisConfig.from_dict(settings)


def _failures(target: Target, recorder: ScenarioRecorder) -> list[str]:
    found = []
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            failure = check.failure_info.failure
            if _is_about_images(target, recorder, failure.case_id or case_id, check.name):
                continue
            text = f"{recorder.label}: {check.name}: {failure.title}\n{failure.message}"
            interaction = recorder.interactions.get(failure.case_id or case_id)
            if interaction is not None:
                text += f"\n  repeat: {curl(_sent(interaction.request), target.origin, target.keys)}"
            for key in target.keys:
                text = text.replace(key, "(key)")
            found.append(text)
    return found


def _is_about_images(target: Target, recorder: ScenarioRecorder, case_id: str, check: str) -> bool:
    """Tell whether valid data was refused because a generated address is no image that can be fetched."""
    interaction = recorder.interactions.get(case_id)
    body = interaction.response.content if interaction and interaction.response else b""
    return check == "positive_data_acceptance" and not target.offered and b"image" in body


def _sent(request: Any) -> Sent:
    """Read a recorded request, less what the tool adds for itself."""
    parts = urlsplit(request.uri)
    headers = tuple(
        (name, value)
        for name, values in request.headers.items()
        for value in values
        if name.lower() not in _OWN_HEADERS | {"host", "content-length"}
    )
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return Sent(request.method, target, headers, request.body or b"")


@dataclass(frozen=True)
class _App:
    """The target as the ASGI application that the tool calls."""

    target: Target

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Pass a tool's request on as one of the target's own."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        raw = scope.get("raw_path") or scope["path"].encode()
        query = b"?" + scope["query_string"] if scope.get("query_string") else b""
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in scope["headers"]
            if name.decode("latin-1").lower() not in _NOT_PASSED_ON
        )
        sent = Sent(scope["method"], (raw.split(b"?")[0] + query).decode("latin-1"), headers, body)
        exchange = await anyio.to_thread.run_sync(self.target.send, sent)
        kept = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in exchange.answer.headers
            if name.lower() not in {"content-encoding", "transfer-encoding", "connection"}
        ]
        await send({"type": "http.response.start", "status": exchange.answer.status, "headers": kept})
        await send({"type": "http.response.body", "body": exchange.answer.body})


async def _lifespan(
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
