"""Check what a paid call needs, without spending: key, origin, clock, connection, document.

Each line begins with ok, warn or fail. The exit code is that of the first failure, or 0.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from kling_elements.cli.connection import find_key, open_client
from kling_elements.cli.console import count_of
from kling_elements.cli.contract import compare_with_service
from kling_elements.cli.exit_codes import ExitCode, exit_code_of
from kling_elements.cli.main import version
from kling_elements.cli.output_file import check_output
from kling_elements.settings import API_KEY_VARIABLES, BASE_URL_VARIABLE

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator

    import httpx

    from kling_elements import KlingElements
    from kling_elements.cli.context import Context

_CLOCK_SLACK = 60.0  # seconds; webhooks older than minutes are refused, addresses last an hour
_SHOWN = 5  # ids in one line
_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    level: str
    name: str
    text: str
    exit_code: ExitCode = ExitCode.DONE


@dataclass
class Examination:
    """What the checks share.

    Attributes:
        args: The options.
        session: This run.
        dates: The `date` headers of the service's answer, and the time here when it came.
        is_served: Whether the service answered, and took the key.
    """

    args: Namespace
    session: Context
    dates: list[tuple[str, datetime]] = field(default_factory=list)
    is_served: bool = False

    def on_response(self, response: httpx.Response) -> None:
        """Take note of the service's clock."""
        here = datetime.now(UTC)
        self.dates = [(date, here) for date in response.headers.get_list("date")]


def add_arguments(parser: ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument(
        "--contract",
        action="store_true",
        help="also compare the service's answers with the document, without creating a task",
    )


def run(args: Namespace, session: Context) -> int:
    """Do it."""
    examination = Examination(args, session)
    findings: list[Finding] = []
    for check in (*CHECKS, _contract) if args.contract else CHECKS:
        for finding in _checked(check, examination):
            findings.append(finding)
            if not session.is_json:
                session.console.result(
                    f"{finding.level:<5} {finding.name + ':':<11}{session.told(finding.text)}"
                )
    if session.is_json:
        session.console.result_json(
            {
                "checks": [
                    {"level": each.level, "name": each.name, "text": session.safe(each.text)}
                    for each in findings
                ]
            }
        )
    return next((each.exit_code for each in findings if each.exit_code), ExitCode.DONE)


def _checked(
    check: Callable[[Examination], Iterator[Finding]], examination: Examination
) -> Iterator[Finding]:
    name = check.__name__.removeprefix("_")
    try:
        yield from check(examination)
    except Exception as error:  # noqa: BLE001 - one entry's fault is not another's; it is in the result
        text = str(error) or type(error).__name__
        yield Finding("fail", name, text.removesuffix(". Nothing was sent"), exit_code_of(error))


def _program(_examination: Examination) -> Iterator[Finding]:
    """Versions."""
    yield Finding(
        "ok",
        "program",
        f"kling-elements {version()}, Python {platform.python_version()}, {platform.system()}",
    )
    is_there = all(find_spec(name) for name in ("starlette", "uvicorn", "av"))
    yield Finding("ok", "mock", "installed" if is_there else "not installed (optional)")


def _document(_examination: Examination) -> Iterator[Finding]:
    """The document, and that what this client asks of it is there."""
    from kling_elements.api.endpoints import DEFAULT_MODEL, find_model  # noqa: PLC0415
    from kling_elements.document import load_document  # noqa: PLC0415 - as above
    from kling_elements.operations.create_request import image_rules  # noqa: PLC0415

    document = load_document()
    image_rules(find_model(DEFAULT_MODEL))
    info = document.content["info"]
    count = sum(
        "operationId" in entry for item in document.content["paths"].values() for entry in _objects(item)
    )
    servers = ", ".join(f"{server.url} ({server.key_header})" for server in document.servers)
    yield Finding(
        "ok",
        "document",
        f"{info['title']} {info['version']}, {count_of(count, 'operation')}; servers: {servers}",
    )


def _key(examination: Examination) -> Iterator[Finding]:
    """The key, which is never shown."""
    _, source = find_key(examination.args, examination.session)
    given = {name: os.environ.get(name, "").strip() for name in API_KEY_VARIABLES}
    others = {name: key for name, key in given.items() if key and key not in examination.session.keys}
    if others:
        examination.session.keys |= set(others.values())
        yield Finding("warn", "key", f"from {source}; another one in {', '.join(others)} is not used")
    else:
        yield Finding("ok", "key", f"from {source}")


def _origin(examination: Examination) -> Iterator[Finding]:
    """Where requests go."""
    from kling_elements.document import load_document  # noqa: PLC0415 - as above
    from kling_elements.settings import resolve_settings  # noqa: PLC0415 - as above

    args = examination.args
    settings = resolve_settings(
        api_key="none", base_url=args.base_url, auth_header=args.auth_header, timeout=1, environ=os.environ
    )
    source = "the document"
    if args.base_url or os.environ.get(BASE_URL_VARIABLE):
        source = "--base-url" if args.base_url else BASE_URL_VARIABLE
    told = f"{settings.base_url} (from {source}), the key in the header {settings.key_header}"
    if settings.base_url in load_document().origins:
        yield Finding("ok", "origin", told)
    else:
        yield Finding("warn", "origin", f"{told}; it is not one of the document's servers")
    if proxies := [name for name in _PROXY_VARIABLES if os.environ.get(name) or os.environ.get(name.lower())]:
        yield Finding("ok", "proxy", f"set by {', '.join(proxies)}")


def _service(examination: Examination) -> Iterator[Finding]:
    """The service, asked for the list of tasks, which costs nothing."""
    if not examination.session.keys:
        yield Finding("warn", "service", "not asked, for want of a key")
        return
    started = time.monotonic()
    with open_client(examination.args, examination.session, examination.on_response) as client:
        tasks = client.list()
    milliseconds = (time.monotonic() - started) * 1000
    examination.is_served = True
    unfinished = sum(not task.is_terminal for task in tasks)
    yield Finding(
        "ok",
        "service",
        f"reached in {milliseconds:.0f} ms, the key is accepted; {count_of(len(tasks), 'task')}, "
        f"{unfinished} not done",
    )


def _journal(examination: Examination) -> Iterator[Finding]:
    """The journal: what is unfinished or doubtful, what nobody recorded, what is used of the limits."""
    if not examination.session.keys:
        return
    with open_client(examination.args, examination.session) as client:
        journal, owner = client.journal, client.journal_owner
        if journal.path is None:
            yield Finding("warn", "journal", "off: what is created is forgotten with the process")
            return
        if journal.problem is not None:
            yield Finding("warn", "journal", f"{journal.path} can't be used: {journal.problem}")
            return
        unfinished = journal.unfinished(owner.origin, owner.fingerprint)
        doubtful = journal.doubtful(owner.origin, owner.fingerprint)
        told = (
            f"{journal.path}: {count_of(len(unfinished), 'task')} unfinished, "
            f"{count_of(len(doubtful), 'create')} of unknown outcome"
        )
        resume = examination.session.command("resume")
        hint = f". To finish them: {resume}" if unfinished or doubtful else ""
        level = "warn" if doubtful else "ok"
        yield Finding(level, "journal", f"{told}{hint}")
        if (usage := client.usage) is not None:
            yield Finding("ok" if usage.quota_wait is None else "warn", "limits", f"{usage}")
        if examination.is_served:
            adopt = examination.session.command("resume", "--adopt", "ID")
            yield from (Finding(level, "journal", text) for text in _unrecorded(client, adopt))


def _unrecorded(client: KlingElements, adopt: str) -> Iterator[str]:
    """What the service has, of each model, that nobody recorded."""
    from kling_elements.api.endpoints import MODELS  # noqa: PLC0415
    from kling_elements.errors import ApiError  # noqa: PLC0415 - `--help` need not pay for it

    for model in MODELS:
        try:
            unrecorded = client.find_unrecorded(model=model)
        except ApiError as error:
            yield f"the tasks of the model {model} could not be compared: {error}"  # a plan may lack it
            continue
        if unrecorded:
            ids = ", ".join(task.id for task in unrecorded[:_SHOWN])
            more = f" and {len(unrecorded) - _SHOWN} more" if len(unrecorded) > _SHOWN else ""
            yield (
                f"{count_of(len(unrecorded), 'task')} of the model {model} at the service that the journal "
                f"does not know (made elsewhere, or by a create that was not answered): {ids}{more}. "
                f"To take one: {adopt}"
            )


def _clock(examination: Examination) -> Iterator[Finding]:
    """This machine's clock against the service's."""
    for date, here in examination.dates:
        try:
            there = parsedate_to_datetime(date)
        except (ValueError, OverflowError):
            continue
        # One without a zone, as HTTP's oldest form is, means UTC.
        ahead = (here - there.replace(tzinfo=there.tzinfo or UTC)).total_seconds()
        if abs(ahead) <= _CLOCK_SLACK:
            yield Finding("ok", "clock", "agrees with the service's")
        else:
            way = "ahead of" if ahead > 0 else "behind"
            yield Finding(
                "warn",
                "clock",
                f"{abs(ahead):.0f} s {way} the service's: expiry is told wrongly",
            )
        return
    yield Finding("warn", "clock", "not compared: the service told no date")


def _contract(examination: Examination) -> Iterator[Finding]:
    """The service's answers against the document, one line for each deviation."""
    for probe, deviations in compare_with_service(examination.args, examination.session):
        asked = "" if probe is None else f"{probe.name}: "
        for each in deviations:
            level, code = ("fail", ExitCode.OTHER) if each.is_grave else ("warn", ExitCode.DONE)
            yield Finding(level, "contract", f"{asked}{each.text}", code)
        if not deviations:
            yield Finding("ok", "contract", f"{asked}as documented")


def _folder(examination: Examination) -> Iterator[Finding]:
    """The current folder, where videos go by default."""
    check_output(examination.session)
    yield Finding("ok", "folder", "the current folder can be written")


def _objects(item: Any) -> list[Any]:
    return [entry for entry in item.values() if isinstance(entry, dict)]


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
