"""Errors for a person: one line on stderr, with `--json` an object on stdout too, and the exit code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kling_elements.cli.console import PROGRAM, one_line
from kling_elements.cli.exit_codes import CommandError, ExitCode, exit_code_of
from kling_elements.cli.signals import Interrupted

if TYPE_CHECKING:
    from kling_elements.cli.context import Context

_FACTS = ("status_code", "request_id", "retry_after", "last_status", "problems")
_HINTS = ("kling-elements wait", "kling-elements download")
_CREATE_HINT = (
    ". A task may have been created and billed. Before you repeat, look for it: kling-elements list"
)


def report(error: BaseException, session: Context) -> int:
    """Tell an error.

    Returns:
        The exit code.
    """
    code = error.exit_code if isinstance(error, Interrupted) else int(exit_code_of(error))
    task_id = getattr(error, "task_id", None) or session.task_id
    resume = session.resume(task_id) if task_id and not _is_over(error) else None
    lines = _lines(error, task_id, session)
    told = [one_line(session.safe(line)) for line in lines]
    if resume and not any(f"{hint} {task_id}" in line for line in lines for hint in _HINTS):
        standing = "is done" if code == ExitCode.DOWNLOAD_FAILED else "may run on"
        # Not all through `one_line`: it would squeeze the spaces of a file's name.
        told.append(one_line(f"task {task_id} {standing}. To resume:") + f" {resume}")
    told = [_with_options(line, task_id, session) for line in told]
    if session.is_verbose and not isinstance(error, (CommandError, Interrupted)):
        import traceback  # noqa: PLC0415 - as below

        session.console.note(session.safe("".join(traceback.format_exception(error))).rstrip())
    for line in told:
        session.console.note(f"{PROGRAM}: {line}")
    if session.is_json:
        body: dict[str, Any] = {
            "type": type(error).__name__,
            "message": "; ".join(told),
            "task_id": task_id,
            "exit_code": code,
        }
        body |= {name: value for name in _FACTS if (value := getattr(error, name, None)) not in (None, ())}
        if resume:
            body["resume"] = resume
        session.console.result_json({"error": body})
    return code


def _lines(error: BaseException, task_id: str | None, session: Context) -> list[str]:
    """What to tell."""
    if isinstance(error, CommandError):
        return [str(error)]
    from kling_elements import errors  # noqa: PLC0415 - as above

    if isinstance(error, Interrupted):
        return [_interruption(error, task_id, session)]
    if isinstance(error, errors.ValidationError) and error.problems:
        return [*error.problems[:-1], f"{error.problems[-1]}. Nothing was sent"]
    if isinstance(error, errors.ConnectionFailed) and session.contacted:
        return [f"{session.contacted}: {error}"]
    if isinstance(error, errors.KlingError):
        return [str(error)]
    return [
        f"an unexpected error, which is a fault of this program: {type(error).__name__}: {str(error)[:300]}. "
        "Please report it with the traceback that -v shows"
        + (_CREATE_HINT if session.was_create_sent and not task_id else "")
    ]


def _is_over(error: BaseException) -> bool:
    """Whether there is nothing to go on with, though a task is known."""
    from kling_elements import errors  # noqa: PLC0415 - as above

    ends = (errors.ValidationError, errors.TaskFailed, errors.ResultMissing, errors.NotFoundError)
    return isinstance(error, ends) or (
        isinstance(error, errors.DownloadError) and "the video is gone" in str(error)
    )


def _interruption(error: Interrupted, task_id: str | None, session: Context) -> str:
    if task_id:
        return (
            f"interrupted ({error.name}). Task {task_id} runs on and is billed. "
            f"All that is unfinished: {PROGRAM} resume. "
            f"To resume: {PROGRAM} wait {task_id}"
        )
    if session.was_create_sent:
        return f"interrupted ({error.name}) while a create was under way{_CREATE_HINT}"
    return f"interrupted ({error.name}). No task was created"


def _with_options(line: str, task_id: str | None, session: Context) -> str:
    """The client's hints, completed by the file and the origin that this command was given."""
    if task_id:
        resume = session.resume(task_id)
        hint = re.compile(f"(?:{'|'.join(_HINTS)}) {re.escape(task_id)}(?! -o)")
        line = hint.sub(lambda _: resume, line)
    return session.hinting_here(line)
