"""The commands: name, the module that does it, and its line in `--help`.

To add one, add a module and a line.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    import argparse

    from kling_elements.command_line.session import Session


class CommandModule(Protocol):
    """What the module of a command offers; its docstring is the description in the command's `--help`."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def run(self, args: argparse.Namespace, session: Session) -> int:
        """Do it; gives the exit code."""
        ...


class Command(NamedTuple):  # dataclasses would cost `--help` 10 ms
    """A command.

    Attributes:
        name: What is typed.
        help: Its line in `--help`.
        takes_all: Whether it parses its arguments itself, `--help` included.
    """

    name: str
    help: str
    takes_all: bool = False

    def load(self) -> CommandModule:
        """Import the module that does it."""
        return cast("CommandModule", import_module(f"kling_elements.command_line.commands.{self.name}"))


COMMANDS = {
    command.name: command
    for command in (
        Command("generate", "make a video from images: create a task, wait, fetch the file (costs money)"),
        Command("batch", "make many videos from a file of jobs; after a crash, run it again (costs money)"),
        Command("resume", "finish what was begun: wait for tasks, and fetch their videos"),
        Command("create", "create a task and don't wait for it (costs money)"),
        Command("status", "show a task"),
        Command("wait", "wait for a task, and fetch its video with -o"),
        Command("list", "list the account's tasks"),
        Command("download", "fetch the video of a task that is done"),
        Command("check", "look at images without spending, and without a key"),
        Command("mock", "serve a stand-in of the service on this machine", takes_all=True),
        Command("webhooks", "listen for webhooks: verify and show each delivery, without spending"),
        Command("doctor", "check key, origin, clock and connection without spending"),
    )
}
