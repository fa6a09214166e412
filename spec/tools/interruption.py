"""End at once, with a sentence, while a command of these tools still imports what it needs.

It is imported before anything else, and works only in a process that is such a command.
"""

from __future__ import annotations

import os
import signal
import sys


def _end(*_: object) -> None:
    os.write(2, b"Interrupted. Nothing was changed.\n")
    os._exit(130)


if (
    os.path.dirname(sys.argv[0]) == os.path.dirname(__file__)  # noqa: PTH120 - pathlib takes a while
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, _end)
