"""Run what may block in a thread, beside an event loop.

anyio's default share of threads is the application's too: FastAPI runs each `def` endpoint in one. If all of
them wait for a call of this package, that must not wait for one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from anyio.lowlevel import RunVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio import CapacityLimiter

T = TypeVar("T")

_MOST_THREADS = 40  # of each event loop; anyio's default
_limiters: RunVar[CapacityLimiter] = RunVar("kling_elements_threads")


async def run_in_thread(function: Callable[[], T]) -> T:
    """Call a function in a thread; where none can be started, here: it then holds up the event loop."""
    from anyio import CapacityLimiter, to_thread  # noqa: PLC0415 - most processes need no thread

    limiter = _limiters.get(None)
    if limiter is None:
        limiter = CapacityLimiter(_MOST_THREADS)
        _limiters.set(limiter)
    has_begun = False

    def work() -> T:
        nonlocal has_begun
        has_begun = True
        return function()

    try:
        return await to_thread.run_sync(work, limiter=limiter)
    except RuntimeError:
        if has_begun:
            raise
        return function()
