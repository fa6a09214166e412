"""The command `kling-elements`: a thin layer over the client.

Results go to stdout, everything else to stderr.
Nothing heavy is imported here: `--help` pays for argparse only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments without the program's name; the process's own by default.

    Returns:
        The exit code; `kling-elements --help` lists them. Nothing is raised, and no traceback is shown unless
        it is asked for.
    """
    try:
        from kling_elements.command_line.program import run  # noqa: PLC0415 - Ctrl-C while it loads is caught below

        return run(argv)
    except (
        KeyboardInterrupt
    ):  # before or after the program's own handling of signals; nothing is under way there
        return 130
