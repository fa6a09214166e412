"""Run a parsed command: with its signals, its log, and its errors reported."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from kling_elements.cli.context import Context
from kling_elements.cli.error_report import report
from kling_elements.cli.log_output import logged
from kling_elements.cli.signals import Interrupted

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.cli.command_list import Command
    from kling_elements.cli.console import Console


class CommandModule(Protocol):
    """What the module of a command offers."""

    def run(self, args: Namespace, context: Context) -> int:
        """Run the command; return the exit code."""
        ...


def execute(command: Command, args: Namespace, console: Console) -> int:
    """Import and run a command; return the exit code."""
    context = Context(console, args)
    try:
        module = cast("CommandModule", import_module(f"kling_elements.cli.commands.{command.name}"))
        if command.is_raw:
            return module.run(args, context)
        with context.interruptions, logged(context, args.verbose, is_quiet=args.quiet):
            return module.run(args, context)
    except KeyboardInterrupt as error:
        return report(error if isinstance(error, Interrupted) else Interrupted(2), context)
    except Exception as error:  # noqa: BLE001 - the last resort: it is reported, and no traceback is thrown
        return report(error, context)
