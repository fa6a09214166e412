"""Serve the mock: the optional extra `mock`."""

from __future__ import annotations

from argparse import ArgumentParser
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from kling_elements.cli.exit_codes import CommandError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from kling_elements.cli.context import Context

GROUP = "kling_elements.commands"


def run(args: Namespace, context: Context) -> int:  # noqa: ARG001 - every command has a context
    """Pass all arguments to the mock's own command line.

    It is found by its entry point: the client never imports the mock.
    """
    return _find()(args.rest)


def mock_parser() -> ArgumentParser:
    """Return the parser of the mock's arguments, to complete them; one without any if it isn't installed."""
    try:
        parser: ArgumentParser = import_module(_find().__module__).parser()
    except CommandError:
        return ArgumentParser()
    return parser


def _find() -> Callable[[list[str]], int]:
    for found in entry_points(group=GROUP, name="mock"):
        try:
            main: Callable[[list[str]], int] = found.load()
        except ModuleNotFoundError as error:
            raise CommandError(
                f"the mock needs {error.name}, which is not installed: pip install 'kling-elements[mock]'"
            ) from None
        return main
    raise CommandError("the mock is not installed: pip install 'kling-elements[mock]'")
