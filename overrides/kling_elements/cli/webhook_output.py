"""`kling-elements webhooks listen`: what it reads, prints and answers to the shell."""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_elements.errors import ValidationError
from kling_elements.files import os_error_reason
from kling_elements.webhooks.deduplication import Receipt
from kling_elements.webhooks.receiver import HOST, PORT, WebhookReceiver
from kling_elements.webhooks.server import WebhookListener
from kling_elements.webhooks.verification import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kling_elements.webhooks.receiver import HandledRequest
    from kling_elements.webhooks.signing import Encoding, Secrets
    from kling_elements.webhooks.wakeups import Listener

INTERRUPTED = 130
SECRET_VARIABLE = "KLING_ELEMENTS_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable, not a secret

_MAX_SHOWN = 80
_SAID = {
    Receipt.NEW: "verified",
    Receipt.DUPLICATE: "verified, but this delivery has come before",
    Receipt.REPEATED: "verified, but the status was known",
    Receipt.OUTDATED: "verified, but a later status is known",
}


def read_secrets(files: Sequence[str | os.PathLike[str]], environ: Mapping[str, str]) -> list[str]:
    """The secrets from files, one each, else from the environment, with commas; space around is dropped.

    Raises:
        ValidationError: There is none, or a file can't be read.
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
            secrets.append(Path(file).read_text(encoding="utf-8").strip())
        except UnicodeDecodeError:
            problems.append(f"the secret in {os.fspath(file)} is no text")
        except OSError as error:
            problems.append(f"the secret in {os.fspath(file)} can't be read: {error.strerror}")
        else:
            if not secrets[-1]:
                problems.append(f"the secret in {os.fspath(file)} is empty")
    if problems:
        raise ValidationError(problems)
    return secrets


def listen(  # noqa: PLR0913 - options, each by its name
    secrets: Secrets,
    host: str = HOST,
    port: int = PORT,
    *,
    encoding: Encoding = "utf-8",
    tolerance: float = TOLERANCE,
    as_json: bool = False,
    on_task: Listener | None = None,
    result: Callable[[str], object] = print,
    note: Callable[[str], object] = lambda text: print(text, file=sys.stderr, flush=True),  # noqa: T201
) -> int:
    """Serve until interrupted, and give a line for each delivery.

    Args:
        secrets: The webhook's secret, or several while one replaces another.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        encoding: What the secrets' text is.
        tolerance: Seconds that a timestamp may be before or behind the clock.
        as_json: Give each line as a JSON object, with the addresses of the video.
        on_task: Called with the task at each new status.
        result: Writes a delivery's line. Called by one thread at a time.
        note: Writes the line that tells where it listens.

    Returns:
        130 after Ctrl-C.

    Raises:
        ValidationError: It can't be served as asked: a secret is not usable, the port is in use, …
    """
    lock = threading.Lock()

    def show(handled: HandledRequest) -> None:
        at = datetime.now(UTC)
        line = json_line(handled, at) if as_json else text_line(handled, at)
        with lock:
            result(line)

    receiver = WebhookReceiver(
        secrets, on_task=on_task, on_request=show, encoding=encoding, tolerance=tolerance
    )
    try:
        listener = WebhookListener(receiver, host, port)
    except (OSError, OverflowError, TypeError) as error:  # TypeError: no name of a host
        raise ValidationError([f"can't listen on {host}:{port}: {_why(error)}"]) from None
    try:
        note(
            f"listening on {listener.url} (Ctrl-C ends it). "
            "As webhook_url, the service needs a public https address that leads here"
        )
        listener.run()
    except KeyboardInterrupt as error:
        # The command line's own interruptions know which signal it was.
        return int(getattr(error, "exit_code", INTERRUPTED))
    return 0


def text_line(handled: HandledRequest, at: datetime) -> str:
    """A delivery on one line: when, which, and what it is about."""
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
    """A delivery as a JSON object on one line."""
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
    """A word from outside, harmless on a terminal and short."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= _MAX_SHOWN else plain[:_MAX_SHOWN] + "…"


def _why(error: OSError | OverflowError | TypeError) -> str:
    if isinstance(error, OverflowError):
        return "a port is 0 to 65535"
    if isinstance(error, TypeError):
        return str(error)
    hint = ". --port 0 takes a free one" if error.errno == errno.EADDRINUSE else ""
    return f"{os_error_reason(error).lower()}{hint}"
