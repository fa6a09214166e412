"""Call a function in the middle of another one, at each of its steps, as a signal handler might be."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def cut_into(work: Callable[[], object], handler: Callable[[], object], step: int, package: str) -> bool:
    """Work, and call the handler before that line of the package's own; return whether there were so many."""
    left = step

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if not str(frame.f_globals.get("__name__")).startswith(package):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                handler()
        return trace

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(outer)
    return left <= 0
