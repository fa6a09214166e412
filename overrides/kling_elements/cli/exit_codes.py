"""The exit codes, and which error ends with which.

They are part of the command's interface: add, never change.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the command ends with; a signal gives 128 and its number."""

    DONE = 0
    OTHER = 1
    BAD_INPUT = 2
    REFUSED = 3
    TASK_FAILED = 4
    DEADLINE = 5
    OUTCOME_UNKNOWN = 6
    DOWNLOAD_FAILED = 7
    NOT_REACHED = 8
    PARTLY = 9


MEANINGS = {
    "0": "done",
    "1": "something unexpected, such as an answer that can't be read",
    "2": "bad input; nothing was sent",
    "3": "the service refused",
    "4": "the task failed, or has no video",
    "5": "not done in time; the task runs on",
    "6": "outcome unknown: a task may have been created",
    "7": "the video could not be fetched or stored; the task is done",
    "8": "the service was not reached",
    "9": "some of several are not done; each is told",
    "130": "Ctrl-C",
    "143": "SIGTERM (129: the terminal went away)",
}


class CommandError(Exception):
    """Why a command can't go on, for a person.

    Attributes:
        exit_code: What the command ends with.
    """

    def __init__(self, text: str, exit_code: ExitCode = ExitCode.BAD_INPUT) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class UsageError(CommandError):
    """Arguments that make no sense."""


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code of an error."""
    if isinstance(error, CommandError):
        return error.exit_code
    from kling_elements import errors  # noqa: PLC0415 - as above

    table: tuple[tuple[type[errors.KlingError], ExitCode], ...] = (
        (errors.ValidationError, ExitCode.BAD_INPUT),
        (errors.ApiError, ExitCode.REFUSED),
        (errors.TaskFailed, ExitCode.TASK_FAILED),
        (errors.ResultMissing, ExitCode.TASK_FAILED),
        (errors.DeadlineExceeded, ExitCode.DEADLINE),
        (errors.OutcomeUnknown, ExitCode.OUTCOME_UNKNOWN),
        (errors.DownloadError, ExitCode.DOWNLOAD_FAILED),
        (errors.ConnectionFailed, ExitCode.NOT_REACHED),
        # The store's faults: nothing was created, repeat it later.
        (errors.UploadError, ExitCode.NOT_REACHED),
    )
    return next((code for kind, code in table if isinstance(error, kind)), ExitCode.OTHER)
