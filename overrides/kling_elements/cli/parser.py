"""Arguments: what all commands share, and errors as one line."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    import argparse

    from kling_elements.cli.context import Context


import argparse
import difflib
from typing import TYPE_CHECKING, Any, NoReturn

from kling_elements.cli.console import PROGRAM
from kling_elements.cli.exit_codes import MEANINGS, UsageError
from kling_elements.settings import API_KEY_VARIABLES, BASE_URL_VARIABLE, REQUEST_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Sequence

_VALUED = ("--base-url", "--auth-header", "--api-key-file", "--request-timeout")


class HelpWanted(Exception):  # noqa: N818 - no error
    """`--help` was asked for; the text is what to show."""


class Parser(argparse.ArgumentParser):
    """argparse, which raises what it would otherwise print."""

    def __init__(
        self, prog: str, description: str | None, epilog: str | None = None, usage: str | None = None
    ) -> None:
        super().__init__(
            prog,
            usage,
            description,
            epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,  # an abbreviation breaks when an option is added
        )

    def print_help(self, file: Any = None) -> NoReturn:  # noqa: ARG002 - argparse's signature
        """Called by argparse for `--help`."""
        raise HelpWanted(self.format_help())

    def error(self, message: str) -> NoReturn:
        """Called by argparse for arguments that make no sense."""
        hint = ""
        if message.startswith("unrecognized arguments: -"):
            unknown = message.split()[2].partition("=")[0]
            hint = did_you_mean(unknown, list(self._option_string_actions))
        raise UsageError(f"{message}{hint}. See: {self.prog} --help")


def did_you_mean(given: str, known: Sequence[str]) -> str:
    """A hint at the nearest of the known words, if there is one."""
    near = difflib.get_close_matches(given.lower(), known)
    return f" (did you mean {near[0]}?)" if near else ""


def seconds(text: str) -> float:
    """A number of seconds; the client checks its range."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a number of seconds is needed: got {text!r}") from None


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that stand before or after the command's name.

    What was found before it is not undone by the defaults: argparse sets them only where there is no value.
    """
    group = parser.add_argument_group("for every command")
    group.add_argument("--json", action="store_true", help="one JSON document on stdout")
    group.add_argument("-q", "--quiet", action="store_true", help="no progress")
    group.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="log to stderr; the traceback of an unexpected error",
    )
    group.add_argument(
        "--base-url",
        metavar="URL",
        help=f"the service's origin (default: {BASE_URL_VARIABLE}, else the document's first server)",
    )
    group.add_argument(
        "--auth-header",
        metavar="NAME",
        help="the header that carries the key (default: the document's for that origin)",
    )
    group.add_argument(
        "--api-key-file",
        metavar="FILE",
        help="read the API key from a file, - for stdin; by default it is taken from the environment",
    )
    group.add_argument(
        "--request-timeout",
        type=seconds,
        metavar="SECONDS",
        default=REQUEST_TIMEOUT,
        help=f"what one request may take (default: {REQUEST_TIMEOUT:g})",
    )


def split(argv: Sequence[str]) -> tuple[list[str], str | None, list[str]]:
    """What stands before the command's name, the name, and what stands after it."""
    place = 0
    while place < len(argv) and argv[place].startswith("-"):
        place += 2 if argv[place] in _VALUED else 1
    return list(argv[:place]), argv[place] if place < len(argv) else None, list(argv[place + 1 :])


def top_parser() -> Parser:
    """The parser of what stands before the command's name."""
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {command.name:<{width}}  {command.help}" for command in COMMANDS.values())
    codes = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())
    parser = Parser(
        PROGRAM,
        "Videos from images with Kling Elements, Freepik's (Magnific's) image-to-video model.\n\n"
        f"commands:\n{commands}\n\n"
        f"{PROGRAM} COMMAND --help tells more about one.",
        f"The API key is read from {', '.join(API_KEY_VARIABLES[:-1])} or {API_KEY_VARIABLES[-1]}.\n"
        "There is no option for it on purpose: it would stand in the shell's history\n"
        "and in the list of processes.\n\n"
        f"exit codes:\n{codes}",
        f"{PROGRAM} [OPTION...] COMMAND [ARGUMENT...]",
    )
    parser.add_argument("--version", action="store_true", help="show the version")
    add_common(parser)
    return parser


def find_command(name: str) -> Command:
    """The command of that name.

    Raises:
        UsageError: If there is none.
    """
    if name not in COMMANDS:
        hint = did_you_mean(name, list(COMMANDS))
        raise UsageError(f"there is no command {name!r}{hint}. See: {PROGRAM} --help")
    return COMMANDS[name]


def parse_command(command: Command, rest: Sequence[str], known: argparse.Namespace) -> argparse.Namespace:
    """Parse what stands after a command's name.

    Args:
        command: The command.
        rest: Its arguments.
        known: What stood before its name; it is added to.

    Raises:
        UsageError: If they make no sense.
        HelpWanted: If help was asked for.
    """
    module = command.load()
    parser = Parser(f"{PROGRAM} {command.name}", module.__doc__)
    module.add_arguments(parser)
    add_common(parser)
    # Intermixed: `generate a.jpg --prompt … b.jpg` is what people type.
    return parser.parse_intermixed_args(_without_separator(rest), known)


def _without_separator(rest: Sequence[str]) -> list[str]:
    """Arguments without `--`, which intermixed parsing does not understand: what follows it are files."""
    if "--" not in rest:
        return list(rest)
    place = list(rest).index("--")
    files = [f"./{word}" if word.startswith("-") else word for word in rest[place + 1 :]]
    return [*rest[:place], *files]


class CommandModule(Protocol):
    """What the module of a command offers; its docstring is the description in the command's `--help`."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def run(self, args: argparse.Namespace, session: Context) -> int:
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
        return cast("CommandModule", import_module(f"kling_elements.cli.commands.{self.name}"))


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
