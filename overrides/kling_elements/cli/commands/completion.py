"""Print a completion script, made by shtab from the parsers of all commands."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kling_elements.cli.command_list import COMMANDS
from kling_elements.cli.commands.mock import mock_parser
from kling_elements.cli.exit_codes import CommandError
from kling_elements.cli.main import top_parser

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements.cli.context import Context

_FILES = {"FILE", "IMAGE", "JOBS"}


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    try:
        shtab = import_module("shtab")
    except ModuleNotFoundError:
        raise CommandError(
            "completion needs shtab, which is not installed: pip install 'kling-elements[terminal]'"
        ) from None
    script = shtab.complete(_whole_parser(shtab), args.shell).rstrip()
    if context.is_json:
        context.console.result_json({"script": script})
    else:
        context.console.document(script)
    return 0


def _whole_parser(shtab: Any) -> ArgumentParser:
    """Return one parser with all commands, as shtab wants it; our own parses a command when it is chosen."""
    top = top_parser()
    make: Any = lambda prog, **_: _filled(prog.split()[-1], shtab)  # noqa: E731 - argparse wants a class
    commands = top.add_subparsers(parser_class=make)
    for command in COMMANDS.values():
        commands.add_parser(command.name, help=command.help)
    _complete_files(top, shtab)
    return top


def _filled(name: str, shtab: Any) -> ArgumentParser:
    command = COMMANDS[name]
    if command.is_raw:
        parser = mock_parser()
    else:
        parser = command.parser()
        parser.fill_values()
    _complete_files(parser, shtab)
    return parser


def _complete_files(parser: ArgumentParser, shtab: Any) -> None:
    for action in parser._actions:  # noqa: SLF001 - shtab reads them there too
        if action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # where shtab looks for it
        elif action.metavar == "DIR":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
