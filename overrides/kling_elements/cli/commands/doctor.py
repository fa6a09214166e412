"""Check what a paid call needs, without spending: key, origin, clock, connection, journal, folder."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from attrs import define, frozen

from kling_elements.api.auth import ApiKey
from kling_elements.api.endpoints import DEFAULT_MODEL, MODELS, find_model, list_request
from kling_elements.api.io import run_sync
from kling_elements.api.outcomes import Operation, Raise, Retry, decide
from kling_elements.api.sync_transport import SyncTransport
from kling_elements.cli.connection import find_key, open_client
from kling_elements.cli.console import count_of, one_line
from kling_elements.cli.error_report import exit_code_of
from kling_elements.cli.exit_codes import ExitCode
from kling_elements.cli.main import installed_version
from kling_elements.cli.output_file import check_output
from kling_elements.document import load_document
from kling_elements.errors import ApiError
from kling_elements.operations.local_images import image_rules
from kling_elements.settings import API_KEY_VARIABLES, BASE_URL_VARIABLE
from kling_elements.types import Response

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    from kling_elements import KlingElements
    from kling_elements.cli.context import Context
    from kling_elements.types import TaskData

_CLOCK_SLACK = 60.0  # seconds; webhooks older than minutes are refused, URLs last an hour
_SHOWN = 5  # ids in one line
_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


@frozen
class Finding:
    """One line of the report."""

    level: str
    name: str
    text: str
    exit_code: int = ExitCode.DONE


@define
class Examination:
    """What the checks share.

    Attributes:
        context: This run.
        date: The `date` header of the service's response, and the time here when it came.
        has_answered: Whether the service answered; None if it was not asked.
        is_served: Whether it accepted the key.
    """

    context: Context
    date: tuple[str, datetime] | None = None
    has_answered: bool | None = None
    is_served: bool = False


def run(args: Namespace, context: Context) -> int:  # noqa: ARG001 - the context has the options
    """Run the command."""
    examination = Examination(context)
    findings: list[Finding] = []
    for check in CHECKS:
        for finding in _checked(check, examination):
            findings.append(finding)
            if not context.is_json:
                text = one_line(context.redact(finding.text))
                context.console.verdict(finding.level, f"{finding.name + ':':<11}{text}")
    if context.is_json:
        checks = [
            {"level": each.level, "name": each.name, "text": context.redact(each.text)} for each in findings
        ]
        context.console.result_json({"checks": checks})
    return next((each.exit_code for each in findings if each.exit_code), ExitCode.DONE)


def _checked(
    check: Callable[[Examination], Iterator[Finding]], examination: Examination
) -> Iterator[Finding]:
    name = check.__name__.removeprefix("_")
    try:
        yield from check(examination)
    except Exception as error:  # noqa: BLE001 - one check's failure is not another's; it is in the report
        text = examination.context.format_error(error)
        yield Finding("fail", name, text.removesuffix(". Nothing was sent"), exit_code_of(error))


def _program(_examination: Examination) -> Iterator[Finding]:
    """Report versions."""
    system = f"Python {platform.python_version()}, {platform.system()}"
    yield Finding("ok", "program", f"kling-elements {installed_version()}, {system}")
    is_there = all(find_spec(name) for name in ("starlette", "uvicorn", "av"))
    yield Finding("ok", "mock", "installed" if is_there else "not installed (optional)")


def _document(_examination: Examination) -> Iterator[Finding]:
    """Check the document, and that what this client needs of it is there."""
    document = load_document()
    image_rules(find_model(DEFAULT_MODEL))
    info, count = document.content["info"], len(document.operations)
    servers = ", ".join(f"{server.url} ({server.key_header})" for server in document.servers)
    text = f"{info['title']} {info['version']}, {count_of(count, 'operation')}; servers: {servers}"
    yield Finding("ok", "document", text)


def _folder(examination: Examination) -> Iterator[Finding]:
    """Check the current folder, where videos go by default."""
    check_output(examination.context)
    yield Finding("ok", "folder", "the current folder can be written")


def _key(examination: Examination) -> Iterator[Finding]:
    """Check the key, which is never shown."""
    key, source = find_key(examination.context)
    given = {name: os.environ.get(name, "").strip() for name in API_KEY_VARIABLES}
    others = {name: value for name, value in given.items() if value and value != key.reveal()}
    examination.context.keys += map(ApiKey, others.values())
    if others:
        yield Finding("warn", "key", f"from {source}; another one in {', '.join(others)} is not used")
    else:
        yield Finding("ok", "key", f"from {source}")


def _origin(examination: Examination) -> Iterator[Finding]:
    """Check where requests go."""
    settings = examination.context.settings()
    source = "the document"
    if examination.context.args.base_url or os.environ.get(BASE_URL_VARIABLE):
        source = "--base-url" if examination.context.args.base_url else BASE_URL_VARIABLE
    text = f"{settings.base_url} (from {source}), the key in the header {settings.key_header}"
    if settings.base_url in load_document().origins:
        yield Finding("ok", "origin", text)
    else:
        yield Finding("warn", "origin", f"{text}; it is not one of the document's servers")
    if proxies := [name for name in _PROXY_VARIABLES if os.environ.get(name) or os.environ.get(name.lower())]:
        yield Finding("ok", "proxy", f"set by {', '.join(proxies)}")


def _service(examination: Examination) -> Iterator[Finding]:
    """Ask the service for the list of tasks, once, which costs nothing."""
    if examination.context.key is None:
        yield Finding("warn", "service", "not asked, as there is no key")
        return
    settings = examination.context.settings(examination.context.key[0].reveal())
    transport = SyncTransport(settings, sleep=time.sleep)
    started = time.monotonic()
    try:
        request = list_request(find_model(DEFAULT_MODEL))
        outcome = run_sync(transport.send(request, examination.context.args.request_timeout))
    finally:
        transport.close()
    milliseconds = (time.monotonic() - started) * 1000
    examination.has_answered = isinstance(outcome, Response)
    if isinstance(outcome, Response) and (date := outcome.headers.get("date")):
        examination.date = date, datetime.now(UTC)
    decision = decide(Operation.LIST, outcome)
    if isinstance(decision, (Raise, Retry)):
        raise decision.error
    examination.is_served = True
    tasks = cast("list[TaskData]", decision.value)
    unfinished = sum(not task.is_terminal for task in tasks)
    yield Finding(
        "ok",
        "service",
        f"reached in {milliseconds:.0f} ms, the key is accepted; {count_of(len(tasks), 'task')}, "
        f"{unfinished} not done",
    )


def _clock(examination: Examination) -> Iterator[Finding]:
    """Compare this machine's clock with the service's."""
    try:
        date, here = examination.date or ("", datetime.now(UTC))
        there = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        why = {True: "sent no date", False: "did not answer", None: "was not asked"}[examination.has_answered]
        yield Finding("warn", "clock", f"not compared: the service {why}")
        return
    # A date without a zone, as HTTP's oldest form has it, means UTC.
    ahead = (here - there.replace(tzinfo=there.tzinfo or UTC)).total_seconds()
    if abs(ahead) <= _CLOCK_SLACK:
        yield Finding("ok", "clock", "agrees with the service's")
    else:
        way = "ahead of" if ahead > 0 else "behind"
        text = f"{abs(ahead):.0f} s {way} the service's: expiry times shown are wrong"
        yield Finding("warn", "clock", text)


def _journal(examination: Examination) -> Iterator[Finding]:
    """Check the journal: what is unfinished or doubtful, what nobody recorded, what limits are used."""
    if examination.context.key is None:
        return
    with open_client(examination.context) as client:
        journal, owner = client.journal, client.journal_owner
        if journal.path is None:
            yield Finding("warn", "journal", "off: what is created is forgotten with the process")
            return
        unfinished = journal.unfinished(owner.origin, owner.fingerprint)
        doubtful = journal.doubtful(owner.origin, owner.fingerprint)
        if journal.problem is not None:
            yield Finding("warn", "journal", f"{journal.path} can't be used: {journal.problem}")
            return
        text = (
            f"{journal.path}: {count_of(len(unfinished), 'task')} unfinished, "
            f"{count_of(len(doubtful), 'create')} of unknown outcome"
        )
        resume = examination.context.command("resume")
        hint = f". To finish them: {resume}" if unfinished or doubtful else ""
        level = "warn" if doubtful else "ok"
        yield Finding(level, "journal", f"{text}{hint}")
        usage = client.usage
        yield Finding("ok" if usage.quota_wait is None else "warn", "limits", f"{usage}")
        if examination.is_served:
            yield from (Finding(level, "journal", text) for text in _unrecorded(client, examination.context))


def _unrecorded(client: KlingElements, context: Context) -> Iterator[str]:
    """Say what the service has, of each model, that nobody recorded."""
    for model in MODELS:
        try:
            unrecorded = client.find_unrecorded(model=model)
        except ApiError as error:  # a plan may lack the model
            yield f"the tasks of the model {model} could not be compared: {context.format_error(error)}"
            continue
        if unrecorded:
            ids = ", ".join(task.id for task in unrecorded[:_SHOWN])
            more = f" and {len(unrecorded) - _SHOWN} more" if len(unrecorded) > _SHOWN else ""
            yield (
                f"{count_of(len(unrecorded), 'task')} of the model {model} at the service that the journal "
                f"does not know (created elsewhere, or by a create without an answer): {ids}{more}. "
                f"To take one: {context.command('resume', '--adopt', 'ID')}"
            )


CHECKS: tuple[Callable[[Examination], Iterator[Finding]], ...] = (
    _program,
    _document,
    _folder,
    _key,
    _origin,
    _service,
    _clock,
    _journal,
)
