"""What one run of the command knows: its streams, its options, and the task so far."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from kling_elements.cli.console import PROGRAM, one_line
from kling_elements.cli.exit_codes import CommandError
from kling_elements.cli.signals import Interruptions
from kling_elements.errors import KlingError
from kling_elements.files import file_name
from kling_elements.printable import printable
from kling_elements.settings import resolve_settings

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.api.auth import ApiKey, Settings
    from kling_elements.cli.console import Console
    from kling_elements.downloads.options import DownloadOptions
    from kling_elements.types import TaskData

_URL_QUERY = re.compile(r"(https?://[^\s?'\"<>]+)\?[^\s'\"<>)]*")


class Context:
    """One run of the command.

    Attributes:
        console: Where it writes.
        args: The options that every command has.
        is_json: Whether results are JSON.
        is_quiet: Whether progress is hidden.
        interruptions: The signals.
        task_id: The task, as soon as it is known.
        was_create_sent: Whether sending a create has begun.
        loss: What an interruption means, where it is more than one task's affair.
        output: The file that was asked for.
        download_options: How to fetch the video.
        key: The key and where it comes from, once it was found.
        keys: All keys that were found, to be struck out of what is shown.
    """

    def __init__(self, console: Console, args: Namespace) -> None:
        self.console = console
        self.args = args
        self.is_json: bool = args.json
        self.is_quiet: bool = args.quiet or args.json
        self.task_id: str | None = None
        self.was_create_sent = False
        self.loss: str | None = None
        self.output: str | None = None
        self.download_options: DownloadOptions = {}
        self.key: tuple[ApiKey, str] | None = None
        self.keys: list[ApiKey] = []
        self.interruptions = Interruptions(self._note_hold)

    def settings(self, api_key: str = "none") -> Settings:
        """Return where requests go.

        Raises:
            ValidationError: If an option can't be used.
        """
        return resolve_settings(
            api_key=api_key,
            base_url=self.args.base_url,
            auth_header=self.args.auth_header,
            timeout=self.args.request_timeout,
            environ=os.environ,
        )

    def begin_create(self) -> None:
        """Note that a create is about to be sent: from here on money may be spent."""
        self.was_create_sent = True
        self.interruptions.hold()

    def know(self, task: TaskData, *, is_new: bool = True) -> None:
        """Note the task, show its id at once, and let signals through that waited for it.

        Raises:
            Interrupted: If one came during the create.
        """
        if self.task_id is None:
            self.task_id = task.id
            if is_new:
                self.console.note(f"task {one_line(task.id)}")
        self.interruptions.release()

    def target(self, task_id: str) -> Path:
        """Return the file that a task's video goes to."""
        return Path(file_name(task_id)) if self.output is None else Path(self.output)

    def resume(self, task_id: str) -> str:
        """Return the command that continues with a task."""
        words = ["wait", task_id, "-o", str(self.target(task_id))]
        return self.command(*words, *(["--overwrite"] if self.download_options.get("overwrite") else []))

    def command(self, *words: str) -> str:
        """Return a command for the same service."""
        options: list[str] = []
        for name in ("base_url", "auth_header", "api_key_file"):
            value = getattr(self.args, name)
            if value and (name, value) != ("api_key_file", "-"):
                options += [f"--{name.replace('_', '-')}", value]
        return " ".join(map(quoted, [PROGRAM, *options, *words]))

    def follow(self, hint: str, task_id: str | None) -> str:
        """Return an error's hint for the same service, and for the file that this command was given."""
        words = shlex.split(hint)[1:]
        if task_id and words[:2] in (["wait", printable(task_id)], ["download", printable(task_id)]):
            return self.resume(task_id)
        return self.command(*words)

    def redact(self, text: str) -> str:
        """Strike keys out of a text, and the queries of URLs, which sign videos."""
        for key in self.keys:
            text = key.redact(text)
        return _URL_QUERY.sub(r"\1?...", text)

    def format_error(self, error: BaseException) -> str:
        """Return an error in one line for stderr, with its hint for the same service."""
        # Of a foreign error the first argument may be a number, or the name of a codec.
        is_ours = isinstance(error, (KlingError, CommandError)) and bool(error.args)
        text = str(error.args[0] if is_ours else error) or type(error).__name__
        text = one_line(self.redact(text))
        hint = getattr(error, "hint", None)
        return f"{text} Next: {self.follow(hint, None)}" if hint else text

    def _note_hold(self, seconds: float) -> None:
        self.console.note(
            f"{PROGRAM}: a create is being sent: waiting up to {seconds:g} s for its task's id "
            "(again: leave now)"
        )


def quoted(word: str) -> str:
    """Return a word as it is typed into a shell, whatever bytes it has."""
    if word.isprintable():
        return shlex.quote(word)
    try:
        return "$'" + "".join(map(_byte, os.fsencode(word))) + "'"
    except UnicodeEncodeError:  # half a surrogate pair of the service's, which no shell can have
        return shlex.quote(printable(word))


def _byte(byte: int) -> str:
    char = chr(byte)
    return char if (char.isascii() and char.isalnum()) or char in "./_-" else f"\\x{byte:02x}"
