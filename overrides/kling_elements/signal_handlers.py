"""Tell an exception that a signal handler raised from one that I/O raised."""

from __future__ import annotations

from traceback import walk_tb
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import CodeType


def raise_of_handler(error: BaseException) -> None:
    """Raise what a signal handler raised, if the error is that, or was raised because of that.

    It is the caller's: Celery's soft time limit, say, or a `TimeoutError` after `signal.alarm`. I/O can't
    raise it, and a `try` around I/O must not keep it.
    """
    codes = _handlers()
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if any(frame.f_code in codes for frame, _ in walk_tb(cause.__traceback__)):
            raise cause
        cause = cause.__cause__


def _handlers() -> set[CodeType]:
    """Return the code of each signal handler that is written in Python."""
    import signal  # noqa: PLC0415 - few exchanges fail, and it takes a while to load

    handlers = map(signal.getsignal, signal.valid_signals())
    codes = (
        getattr(handler, "__code__", None) or getattr(type(handler).__call__, "__code__", None)
        for handler in handlers
        if callable(handler)
    )
    return {code for code in codes if code is not None}
