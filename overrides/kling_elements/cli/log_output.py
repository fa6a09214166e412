"""The client's log on stderr, for `-v`; warnings are shown without it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kling_elements.cli.console import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_elements.cli.context import Context


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
def logged(context: Context, verbosity: int, *, is_quiet: bool) -> Iterator[None]:
    """Show the client's log.

    Args:
        context: This run.
        verbosity: How often `-v` was given: 1 for what happens, 2 for everything.
        is_quiet: Whether not even warnings are wanted.
    """
    level = (logging.ERROR if is_quiet else logging.WARNING, logging.INFO, logging.DEBUG)[min(verbosity, 2)]
    logger = logging.getLogger("kling_elements")
    handler, before = _Handler(context, level), logger.level
    logger.addHandler(handler)
    logger.setLevel(min(level, before) if before else level)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
