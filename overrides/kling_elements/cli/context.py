"""What one run of the command knows: its streams, and what has become of the task so far."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from kling_elements.cli.console import PROGRAM, one_line, without_signatures
from kling_elements.cli.signals import Interruptions

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements import Task
    from kling_elements.cli.console import Console
    from kling_elements.downloads.options import DownloadOptions

_LONGEST_ID = 100
_HINT = re.compile(rf"{PROGRAM} (?=(?:download|list|resume|status|wait)\b)")


class Context:  # no dataclass: importing dataclasses would cost `--help` 10 ms
    """One run of the command.

    Attributes:
        console: Where it writes.
        is_json: Whether results are JSON.
        is_quiet: Whether progress is not shown.
        is_verbose: Whether an unexpected error shows its traceback.
        interruptions: The signals.
        task_id: The task, as soon as it is known.
        was_create_sent: Whether a create was begun.
        output: The file that was asked for.
        may_overwrite: Whether it may be replaced.
        download_options: How the video is to be fetched.
        origin: The options that lead to the same service, to be repeated in a hint.
        key: The key and where it comes from, once it was found.
        contacted: The origin that was asked last.
        keys: The keys, to be struck out of what is shown.
    """

    def __init__(self, console: Console, *, is_json: bool = False) -> None:
        self.console = console
        self.is_json = is_json
        self.is_quiet = False
        self.is_verbose = False
        self.task_id: str | None = None
        self.was_create_sent = False
        self.output: str | None = None
        self.may_overwrite = False
        self.download_options: DownloadOptions = {}
        self.origin: tuple[str, ...] = ()
        self.key: tuple[str, str] | None = None
        self.contacted: str | None = None
        self.keys: set[str] = set()
        self.interruptions = Interruptions(self._tell_hold)

    def configure(self, args: Namespace) -> None:
        """Take the options that every command has."""
        self.is_json = args.json
        self.is_quiet = args.quiet or args.json
        self.is_verbose = args.verbose > 0
        if args.base_url:
            self.origin += ("--base-url", args.base_url)
        if args.auth_header:
            self.origin += ("--auth-header", args.auth_header)
        if args.api_key_file and args.api_key_file != "-":
            self.origin += ("--api-key-file", args.api_key_file)

    def begin_create(self) -> None:
        """A create is about to be sent: from here on money may be spent."""
        self.was_create_sent = True
        self.interruptions.hold()

    def know(self, task: Task, *, is_new: bool = True) -> None:
        """Take note of the task, tell its id at once, and let signals through that waited for it.

        Raises:
            Interrupted: If one came during the create.
        """
        if self.task_id is None:
            self.task_id = task.id
            if is_new:
                self.console.note(f"task {one_line(task.id)}")
        self.interruptions.release()

    def target(self, task_id: str) -> Path:
        """The file that a task's video goes to."""
        if self.output is not None:
            return Path(self.output)
        # The id is the service's: it must not lead out of the folder.
        return Path(re.sub(r"[^A-Za-z0-9_-]", "_", task_id)[:_LONGEST_ID] + ".mp4")

    def resume(self, task_id: str) -> str:
        """The command line that goes on with a task."""
        words = ["wait", task_id, "-o", str(self.target(task_id))]
        return self.command(*words, *(["--overwrite"] if self.may_overwrite else []))

    def command(self, *words: str) -> str:
        """A command line that leads to the same service."""
        return " ".join(map(quoted, [PROGRAM, *self.origin, *words]))

    def safe(self, text: str) -> str:
        """Text for stderr: without the key, and without the signatures of result URLs."""
        for key in self.keys:
            text = text.replace(key, "[API key]")
        return without_signatures(text)

    def told(self, text: str) -> str:
        """Text of an error for stderr: in one line, without secrets, its hints as they are to be typed."""
        return self.hinting_here(one_line(self.safe(text)))

    def hinting_here(self, text: str) -> str:
        """A text whose command lines lead to the same service."""
        return _HINT.sub(lambda _: f"{self.command()} ", text)

    def _tell_hold(self, seconds: float) -> None:
        self.console.note(
            f"{PROGRAM}: a create is under way: waiting up to {seconds:g} s for its task's id "
            "(again: leave now)"
        )


def quoted(word: str) -> str:
    """A word as it is typed into a shell, whatever bytes it has."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(map(_byte, os.fsencode(word))) + "'"


def _byte(byte: int) -> str:
    char = chr(byte)
    return char if (char.isascii() and char.isalnum()) or char in "./_-" else f"\\x{byte:02x}"
