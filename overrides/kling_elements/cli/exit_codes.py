"""The exit codes, and the errors that a command raises itself.

The codes are part of the command's interface: add, never change.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the command ends with; a signal gives 128 plus its number."""

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
    "1": "something unexpected, such as a response or journal that can't be read",
    "2": "bad input; nothing was sent",
    "3": "the service refused",
    "4": "the task failed, or has no video",
    "5": "not done in time; the task runs on",
    "6": "outcome unknown: a task may have been created",
    "7": "the video could not be fetched or stored; the task is done",
    "8": "the service was not reached",
    "9": "some of several are not done; each is listed",
    "130": "Ctrl-C",
    "143": "SIGTERM (129: the terminal went away)",
}


class CommandError(Exception):
    """Why a command can't continue.

    Attributes:
        exit_code: What the command ends with.
        hint: The command to run next, where one helps.
    """

    def __init__(
        self, text: str, exit_code: ExitCode = ExitCode.BAD_INPUT, *, hint: str | None = None
    ) -> None:
        super().__init__(text)
        self.exit_code = exit_code
        self.hint = hint


class UsageError(CommandError):
    """Invalid arguments."""
