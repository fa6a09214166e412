"""The command `kling-elements`, also as `python -m kling_elements`."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments without the program's name; the process's own by default.

    Returns:
        The exit code; `kling-elements --help` lists them. Nothing is raised, and no traceback is shown unless
        it is asked for.
    """
    if argv is None:
        _start_fast()
    try:
        from kling_elements.cli.main import run  # noqa: PLC0415 - Ctrl-C may come while it is imported

        return run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:  # while modules are imported: nothing has been sent
        return 130


def _start_fast() -> None:
    """Set up a process that is ours alone.

    httpx imports its own command line where click and rich are installed, which doubles the time it takes.
    A None in `sys.modules` makes that import fail, which httpx allows for.
    """
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    gc.set_threshold(10_000)  # nothing that is imported is garbage


if __name__ == "__main__":
    sys.exit(main())
