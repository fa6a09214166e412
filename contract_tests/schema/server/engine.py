"""Runs one phase of schemathesis against a target, and tells its failures with lines that repeat them."""

import copy
from typing import Any, Final, Literal

import anyio.to_thread
from schemathesis.engine.recorder import ScenarioRecorder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from contract_tests.schema.server import operations
from contract_tests.schema.server.exchange import Exchange, Sent
from contract_tests.schema.server.guard import NotSentError
from contract_tests.schema.server.target import Target
from contract_tests.schema.server.verdicts import Rule
from contract_tests.support.contract import document

Phase = Literal["examples", "coverage", "fuzzing", "stateful"]
PHASES: Final[tuple[Phase, ...]] = ("examples", "coverage", "fuzzing", "stateful")
_CASE: Final = "x-schemathesis-testcaseid"
_OWN_HEADERS: Final = ("host", "connection", "content-length", "accept-encoding", "user-agent", _CASE)


def run(target: Target, phase: Phase, seed: int, examples: int, path: str = "") -> str:
    """Run a phase with all checks, and note what fails as breaches; returns why the guard has kept any back.

    The same seed sends the same requests. Only operations are called whose path ends as asked for; with the
    profile `free`, those that read.
    """
    # Here, as it takes a second in each process that collects tests.
    import schemathesis  # noqa: PLC0415
    from schemathesis.config import SchemathesisConfig  # noqa: PLC0415
    from schemathesis.engine import events, from_schema  # noqa: PLC0415

    config = SchemathesisConfig.from_dict({
        "seed": seed,
        "workers": 1,
        # As the scheme's, not as a header of every request: that would hide a missing one.
        "auth": {"openapi": _credentials(target)},
        "generation": {"max-examples": examples, "no-shrink": True, "database": "none"},
        "phases": {name: {"enabled": name == phase} for name in PHASES},
    })  # fmt: skip
    schema = schemathesis.openapi.from_dict(copy.deepcopy(document()), config=config)
    met: dict[str, Exchange] = {}
    schema.app = _application(target, met)
    tested = schema.include(path_regex=f"{path}$")
    tested = tested.include(method="GET") if target.guard.profile == "free" else tested
    kept_back = ""
    for event in from_schema(tested).execute():
        if isinstance(event, events.ScenarioFinished):
            _judge(target, event.recorder, met)
        elif isinstance(event, events.NonFatalError) and isinstance(event.value, NotSentError):
            kept_back = str(event.value)
        elif isinstance(event, events.NonFatalError):
            target.breach(f"{event.label}: {event.info.title}: {event.info.message}", None)
        elif isinstance(event, events.FatalError):
            raise event.exception
    return kept_back


def _credentials(target: Target) -> dict[str, dict[str, str]]:
    """Return the key in the tool's form, of the first alternative of each operation."""
    user, _, password = target.key.partition(":")
    forms = {"Basic": {"username": user, "password": password}, "Bearer": {"bearer": target.key}}
    first = (way for op in operations.operations() for way in operations.ways(op, target.origin)[:1])
    schemes = sorted({scheme for way in first for scheme in way})
    return {s: forms.get(operations.place_of(s).word, {"api_key": target.key}) for s in schemes}


def _judge(target: Target, recorder: ScenarioRecorder, met: dict[str, Exchange]) -> None:
    for case_id, check in ((case_id, check) for case_id, some in recorder.checks.items() for check in some):
        if check.failure_info is not None:
            failure = check.failure_info.failure
            exchange = met.get(failure.case_id or case_id)
            if exchange is None or not _is_unfair(target, check.name, exchange):
                rule = Rule(check.name, f"schemathesis' check {check.name} holds.")
                target.breach(f"{recorder.label}: {failure.title}\n{failure.message}", exchange, rule)


def _is_unfair(target: Target, check: str, exchange: Exchange) -> bool:
    """Tell whether a server may lawfully fail a check of the tool."""
    sent, answer = exchange.sent, exchange.answer
    if check == "positive_data_acceptance":
        # A generated address is no image that can be fetched; a text of no bytes is no body.
        is_empty = not sent.body and sent.media_type != ""
        return is_empty or (not target.offered and "image" in answer.text)
    # A form has no types: a value is a list of one. Statuses are judged by this suite's own rule.
    is_form = sent.media_type in {"application/x-www-form-urlencoded", "multipart/form-data"}
    return check == "status_code_conformance" or (check == "negative_data_rejection" and is_form)


def _application(target: Target, met: dict[str, Exchange]) -> Any:
    """Return the application that the tool calls: it passes each request on as one of the target's own."""

    async def passing_on(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        path = (scope.get("raw_path") or scope["path"].encode()).split(b"?")[0].decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        headers = tuple((name, value) for name, value in request.headers.items() if name not in _OWN_HEADERS)
        sent = Sent(request.method, operations.with_query(path, query), headers, await request.body())
        exchange = await anyio.to_thread.run_sync(target.send, sent)
        met[request.headers.get(_CASE, "")] = exchange
        response = Response(exchange.answer.body, exchange.answer.status)
        response.raw_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in exchange.answer.headers
            if name.lower() not in {"content-encoding", "transfer-encoding", "connection"}
        ]
        await response(scope, receive, send)

    application = Starlette()
    application.router.default = passing_on
    return application
