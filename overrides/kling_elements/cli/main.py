"""One run of the command: parse, then import and run the command that was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kling_elements
from kling_elements.cli.arguments import add_common
from kling_elements.cli.command_list import COMMANDS
from kling_elements.cli.console import PROGRAM, Console
from kling_elements.cli.exit_codes import MEANINGS, ExitCode, UsageError
from kling_elements.cli.parser import HelpWanted, Parser
from kling_elements.spelling import did_you_mean

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from kling_elements.cli.command_list import Command


def run(argv: Sequence[str]) -> int:
    """Run the command line; see `kling_elements.__main__.main`."""
    console = Console.of_process()
    code = _run(argv, console)
    console.finish()
    if console.failure and code == ExitCode.DONE:
        console.note(f"{PROGRAM}: the result could not be written to stdout: {console.failure}")
        code = int(ExitCode.OTHER)
    return code


def _run(argv: Sequence[str], console: Console) -> int:
    try:
        command, args = parse(argv)
    except HelpWanted as wanted:
        console.document(str(wanted).rstrip())
        # A script that forgot the command must not take the help for a result.
        return ExitCode.DONE if argv else ExitCode.BAD_INPUT
    except UsageError as error:
        console.note(f"{PROGRAM}: {error}")
        if "--json" in argv:
            body = {"type": "UsageError", "message": str(error), "task_id": None, "exit_code": 2}
            console.result_json({"error": body})
        return ExitCode.BAD_INPUT
    from kling_elements.cli.execution import execute  # noqa: PLC0415 - 150 ms that help and typos don't pay

    return execute(command, args, console)


def parse(argv: Sequence[str]) -> tuple[Command, Namespace]:
    """Return the command and its arguments, with `rest` for a command that parses them itself.

    Raises:
        UsageError: They are invalid.
        HelpWanted: Help, or the version, was asked for.
    """
    top, place = top_parser(), 0
    while place < len(argv) and argv[place].startswith("-"):
        place += 2 if top.takes_value(argv[place]) else 1
    args = top.parse(argv[:place], top.parse_args([]))
    if args.version:
        raise HelpWanted(f"{PROGRAM} {installed_version()}")
    if not argv:
        raise HelpWanted(top.format_help())
    if place >= len(argv):
        raise UsageError(f"a command is needed. See: {PROGRAM} --help")
    name, rest = argv[place], argv[place + 1 :]
    if name not in COMMANDS:
        raise UsageError(
            f"there is no command {name!r}{did_you_mean(name, COMMANDS, str)}. See: {PROGRAM} --help"
        )
    command = COMMANDS[name]
    if command.is_raw:
        args.rest = list(rest)
        return command, args
    return command, command.parser().parse(rest, args)


def installed_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return kling_elements.__version__
    except ImportError:
        return "(not installed: run from its sources)"


def top_parser() -> Parser:
    """Return the parser of what stands before a command's name."""
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {command.name:<{width}}  {command.help}" for command in COMMANDS.values())
    codes = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())
    parser = Parser(
        PROGRAM,
        "Videos from images with Kling Elements, Freepik's (Magnific's) image-to-video model.\n\n"
        f"commands:\n{commands}\n\n"
        f"{PROGRAM} COMMAND --help says more about one.",
        "The API key is read from KLING_ELEMENTS_API_KEY, FREEPIK_API_KEY or MAGNIFIC_API_KEY.\n"
        "There is no option for it on purpose: it would stand in the shell's history\n"
        "and in the list of processes.\n\n"
        f"exit codes:\n{codes}",
        f"{PROGRAM} [OPTION...] COMMAND [ARGUMENT...]",
    )
    parser.add_argument("--version", action="store_true", help="show the version")
    add_common(parser)
    return parser
