"""Run a parsed command: with its signals, its log, and its errors reported."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from kling_elements.cli.console import one_line
from kling_elements.cli.context import Context
from kling_elements.cli.error_report import report
from kling_elements.cli.signals import Interrupted

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

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
        with context.interruptions, _logged(context):
            return module.run(args, context)
    except KeyboardInterrupt as error:
        return report(error if isinstance(error, Interrupted) else Interrupted(2), context)
    except Exception as error:  # noqa: BLE001 - the last resort: it is reported, and no traceback is thrown
        return report(error, context)


class _Handler(logging.Handler):
    def __init__(self, context: Context, level: int) -> None:
        super().__init__(level)
        self._context = context
        self._last = ""

    def emit(self, record: logging.LogRecord) -> None:
        text = one_line(self._context.redact(record.getMessage()))
        if text != self._last:
            self._last = text
            self._context.console.note(f"{record.levelname.lower()}: {text}")


@contextmanager
def _logged(context: Context) -> Iterator[None]:
    """Show the client's log: warnings, with `-v` what happens, with `-vv` all, with `-q` errors alone."""
    least = logging.ERROR if context.args.quiet else logging.WARNING
    level = (least, logging.INFO, logging.DEBUG)[min(context.args.verbose, 2)]
    logger = logging.getLogger("kling_elements")
    handler, before = _Handler(context, level), logger.level
    logger.addHandler(handler)
    logger.setLevel(min(level, before) if before else level)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
