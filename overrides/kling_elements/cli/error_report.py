"""Report an error: on stderr, with `--json` as an object on stdout too, and by the exit code."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kling_elements import errors
from kling_elements.cli.console import PROGRAM, one_line, sentence
from kling_elements.cli.exit_codes import CommandError, ExitCode
from kling_elements.cli.signals import Interrupted
from kling_elements.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_elements.cli.context import Context

_FACTS = ("status_code", "request_id", "retry_after", "last_status", "problems")
_MAYBE_CREATED = "A task may have been created and billed. Before you repeat, look for it."
_CODES: tuple[tuple[type[errors.KlingError], ExitCode], ...] = (
    (errors.ValidationError, ExitCode.BAD_INPUT),
    (errors.ApiError, ExitCode.REFUSED),
    (errors.TaskFailed, ExitCode.TASK_FAILED),
    (errors.ResultMissing, ExitCode.TASK_FAILED),
    (errors.DeadlineExceeded, ExitCode.DEADLINE),
    (errors.OutcomeUnknown, ExitCode.OUTCOME_UNKNOWN),
    (errors.DownloadError, ExitCode.DOWNLOAD_FAILED),
    (errors.ConnectionFailed, ExitCode.NOT_REACHED),
    (errors.UploadError, ExitCode.NOT_REACHED),  # the store's fault: nothing was created
)
_MAX_UNEXPECTED = 300  # characters


def exit_code_of(error: BaseException) -> int:
    """Return the exit code of an error."""
    if isinstance(error, (CommandError, Interrupted)):
        return int(error.exit_code)
    return int(next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.OTHER))


def report(error: BaseException, context: Context) -> int:
    """Report an error; return the exit code."""
    code = exit_code_of(error)
    task_id = getattr(error, "task_id", None) or context.task_id
    lines = [sentence(one_line(context.redact(line))) for line in _lines(error, task_id, context)]
    resume = context.resume(task_id) if task_id and not _is_over(error) else None
    hint = _hint(error, task_id, context)
    following = context.follow(hint, task_id) if hint else resume
    if resume and not hint and not isinstance(error, Interrupted):
        standing = "is done" if code == ExitCode.DOWNLOAD_FAILED else "may still be running"
        lines.append(one_line(f"task {task_id} {standing}."))
    if context.args.verbose > (0 if _is_unexpected(error) else 1):
        for line in _traceback(error):
            context.console.note(context.redact(line))
    for line in lines:
        context.console.note(f"{PROGRAM}: {line}")
    if following:
        context.console.note(f"Next: {following}")
    if context.is_json and not context.console.has_document:
        body: dict[str, Any] = {
            "type": type(error).__name__,
            "message": " ".join([*lines, *([f"Next: {following}"] if following else [])]),
            "task_id": task_id,
            "exit_code": code,
        }
        body |= {name: value for name in _FACTS if (value := getattr(error, name, None)) not in (None, ())}
        if resume:
            body["resume"] = resume
        context.console.result_json({"error": body})
    return code


def _lines(error: BaseException, task_id: str | None, context: Context) -> list[str]:
    """Say what happened."""
    if isinstance(error, Interrupted):
        return [f"{error}. {_loss(task_id, context)}"]
    if isinstance(error, errors.ValidationError) and error.problems:
        return [*error.problems[:-1], f"{sentence(error.problems[-1])} Nothing was sent"]
    if not _is_unexpected(error):
        text = str(error.args[0]) if error.args else type(error).__name__
        origin = _origin(context) if isinstance(error, errors.ConnectionFailed) else None
        return [text if origin is None or origin in text else f"{origin}: {text}"]
    notes = "" if task_id else " ".join(getattr(error, "__notes__", ()))
    if context.was_create_sent and not task_id and not notes:
        notes = _MAYBE_CREATED
    what = f"{type(error).__name__}: {sentence(str(error)[:_MAX_UNEXPECTED])}"
    advice = "Please report it with the traceback that -v shows"
    return [f"an unexpected error, which is a bug of this program: {what} {advice}. {notes}".rstrip()]


def _loss(task_id: str | None, context: Context) -> str:
    if task_id:
        return f"Task {task_id} continues and is billed"
    if context.loss:
        return context.loss
    return _MAYBE_CREATED if context.was_create_sent else "No task was created"


def _hint(error: BaseException, task_id: str | None, context: Context) -> str | None:
    if hint := getattr(error, "hint", None):
        return str(hint)
    is_lost = context.was_create_sent and not task_id
    return (
        f"{PROGRAM} list" if is_lost and (_is_unexpected(error) or isinstance(error, Interrupted)) else None
    )


def _is_unexpected(error: BaseException) -> bool:
    return not isinstance(error, (CommandError, Interrupted, errors.KlingError))


def _is_over(error: BaseException) -> bool:
    """Whether nothing can be resumed, though a task is known."""
    if isinstance(error, errors.DownloadError):
        return error.expires_at is not None and error.expires_at <= datetime.now(UTC)
    ends = (errors.ValidationError, errors.TaskFailed, errors.ResultMissing, errors.NotFoundError)
    return isinstance(error, ends)


def _origin(context: Context) -> str | None:
    try:
        return context.settings().base_url
    except errors.ValidationError:
        return None


def _traceback(error: BaseException) -> Iterator[str]:
    """Yield a traceback's lines. A message, which may be the service's, stays on one line."""
    for chunk in traceback.format_exception(error):
        if chunk.startswith(("  File ", "Traceback ", "\n")):
            yield from map(printable, chunk.strip("\n").splitlines())
        else:
            yield one_line(chunk)
