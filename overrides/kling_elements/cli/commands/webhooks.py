"""Listen for webhooks: verify each delivery, and print a line for it."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kling_elements.cli.exit_codes import CommandError, UsageError
from kling_elements.cli.secret_files import read_secret
from kling_elements.cli.signals import Interrupted
from kling_elements.errors import ValidationError
from kling_elements.files import os_error_reason
from kling_elements.webhooks.deduplication import Receipt
from kling_elements.webhooks.receiver import WebhookReceiver
from kling_elements.webhooks.server import WebhookListener

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from kling_elements.cli.context import Context
    from kling_elements.webhooks.receiver import HandledRequest
    from kling_elements.webhooks.signing import Encoding, Secrets

SECRET_VARIABLE = "KLING_ELEMENTS_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable, not a secret

_MAX_PORT = 65_535
_PORT_DIGITS = 5
_MAX_SHOWN = 80
_SAID = {
    Receipt.NEW: "verified",
    Receipt.DUPLICATE: "verified, but this delivery came before",
    Receipt.REPEATED: "verified, but the status was known",
    Receipt.OUTDATED: "verified, but a later status is known",
}


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    port = _port(args.port)
    try:
        secrets = read_secrets(args.secret_file, os.environ)
        return listen(secrets, args.host, port, encoding=args.encoding, context=context)
    except ValidationError as error:
        raise CommandError("; ".join(error.problems)) from None


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _PORT_DIGITS and int(text) <= _MAX_PORT:
        return int(text)
    raise UsageError(f"a port is 0 to {_MAX_PORT}: got {text!r}")


def read_secrets(files: Sequence[str | os.PathLike[str]], environ: Mapping[str, str]) -> list[str]:
    """Read the secrets from files, one each, else from the environment; white space around is dropped.

    Raises:
        ValidationError: If there is none, or a file can't be read.
    """
    given = environ.get(SECRET_VARIABLE, "")
    del environ  # it may hold the API key, which no traceback shows
    if not files:
        found = [secret.strip() for secret in given.split(",") if secret.strip()]
        if not found:
            raise ValidationError(
                [f"no webhook secret: set {SECRET_VARIABLE} (several: with commas), or pass --secret-file"]
            )
        return found
    secrets: list[str] = []
    problems: list[str] = []
    for file in files:
        try:
            secrets.append(read_secret(file))
        except ValidationError as error:
            problems.append(f"the secret in {os.fspath(file)} {error.problems[0]}")
    if problems:
        raise ValidationError(problems)
    return secrets


def listen(secrets: Secrets, host: str, port: int, *, encoding: Encoding, context: Context) -> int:
    """Serve until a signal, whose exit code is returned; print a line for each delivery.

    Raises:
        ValidationError: A secret is not usable, the port is in use, …
    """

    def show(handled: HandledRequest) -> None:
        at = datetime.now(UTC)
        context.console.result(json_line(handled, at) if context.is_json else text_line(handled, at))

    receiver = WebhookReceiver(secrets, on_request=show, encoding=encoding)
    try:
        listener = WebhookListener(receiver, host, port)
    except OSError as error:
        raise ValidationError([f"can't listen on {host}:{port}: {_why(error)}"]) from None
    context.console.note(
        f"listening on {listener.url} (Ctrl-C ends it). "
        "As webhook_url, the service needs a public https URL that leads here"
    )
    try:
        listener.run()
    except Interrupted as interrupted:
        return interrupted.exit_code
    return 0


def text_line(handled: HandledRequest, at: datetime) -> str:
    """Return a delivery on one line: when, which, and its task."""
    parts = [f"{at.astimezone():%H:%M:%S}"]
    if handled.delivery and handled.receipt:
        delivery = handled.delivery
        parts += [
            _shown(delivery.id),
            _shown(delivery.task.id),
            _shown(delivery.task.status),
            _SAID[handled.receipt],
        ]
    elif handled.refusal:
        parts += [
            _shown(handled.refusal.webhook_id or "-"),
            f"REFUSED: {handled.refusal.text.encode('ascii', 'backslashreplace').decode()}",
        ]
    else:
        parts += ["-", f"answered with {handled.reply.status}"]
    return "  ".join(parts)


def json_line(handled: HandledRequest, at: datetime) -> str:
    """Return a delivery as a JSON object on one line."""
    row: dict[str, Any] = {
        "time": at.isoformat(timespec="milliseconds"),
        "answer": handled.reply.status,
        "verified": handled.delivery is not None,
    }
    if handled.delivery and handled.receipt:
        task = handled.delivery.task
        row |= {
            "webhook_id": handled.delivery.id,
            "receipt": handled.receipt.value,
            "task_id": task.id,
            "status": task.status,
            "urls": list(task.urls),
        }
    elif handled.refusal:
        row |= {
            "webhook_id": handled.refusal.webhook_id,
            "reason": handled.refusal.reason.value,
            "message": handled.refusal.text,
        }
    return json.dumps(row)


def _shown(text: str) -> str:
    """Return a word from outside, harmless on a terminal and short."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= _MAX_SHOWN else plain[:_MAX_SHOWN] + "…"


def _why(error: OSError) -> str:
    hint = ". --port 0 takes a free one" if error.errno == errno.EADDRINUSE else ""
    return f"{os_error_reason(error).lower()}{hint}"
