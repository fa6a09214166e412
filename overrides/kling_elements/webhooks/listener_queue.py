"""Call a webhook listener with one task after the other, from any thread or event loop."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections import deque
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio

from kling_elements.api.threads import run_in_thread
from kling_elements.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.task import Task
    from kling_elements.webhooks.wakeups import Listener

_FAILED = "a listener to webhooks failed for task %s"


class ListenerQueue:
    """Calls a listener with one task after the other, in order, whichever threads bring them."""

    def __init__(self, listener: Listener | None) -> None:
        self._listener = listener
        self._lock = threading.RLock()  # a signal's handler may enter it again
        self._waiting: deque[Task] = deque()
        self._is_draining = False

    def add(self, task: Task) -> None:
        """Queue a task for whoever drains next."""
        if self._listener:
            with self._lock:
                self._waiting.append(task)

    def drain(self) -> None:
        """Call the listener with all that waits, unless another thread does so already."""
        if self._begin():
            try:
                while task := self._next():
                    try:
                        self._call(task)
                    except Exception:
                        logger.exception(_FAILED, task.id)
            except BaseException:  # SystemExit, Ctrl-C: the next delivery continues
                self._end()
                raise

    def drain_detached(self) -> anyio.Event:
        """Start to drain in an asynchronous task of its own; return what is set when it ends.

        A request that is cancelled (its sender has gone) must neither stop the listener half-way nor leave
        what came behind it until another delivery.
        """
        is_drained = anyio.Event()
        if self._begin():
            _spawn(lambda: self._drain(is_drained))
        else:
            is_drained.set()
        return is_drained

    async def _drain(self, is_drained: anyio.Event) -> None:
        try:
            while task := self._next():
                try:
                    (result,) = await run_in_thread(partial(self._call, task))
                    if inspect.isawaitable(result):
                        await result
                except Exception:
                    logger.exception(_FAILED, task.id)
                except asyncio.CancelledError:
                    if _is_cancelled():
                        raise
                    logger.exception(_FAILED, task.id)  # the listener's own, of something that it awaited
        except BaseException:  # also when the event loop ends in the middle
            self._end()
            raise
        finally:
            is_drained.set()

    def _begin(self) -> bool:
        with self._lock:
            if self._is_draining or not self._waiting:
                return False
            self._is_draining = True
            return True

    def _next(self) -> Task | None:
        """Return the next task; when there is none, let others drain."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._is_draining = False
            return None

    def _end(self) -> None:
        """Let others drain what waits."""
        with self._lock:
            self._is_draining = False

    def _call(self, task: Task) -> tuple[object]:
        """Return what the listener returns, wrapped: trio refuses a thread that returns a coroutine."""
        return (self._listener(task) if self._listener else None,)


_detached: set[asyncio.Task[None]] = set()  # the event loop keeps no strong reference to its tasks


def _spawn(function: Callable[[], Any]) -> None:
    """Start an asynchronous function that outlives its caller, under asyncio or trio."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import_module("trio").lowlevel.spawn_system_task(function)  # who runs under trio has it
    else:
        task = loop.create_task(function())
        _detached.add(task)
        task.add_done_callback(_detached.discard)


def _is_cancelled() -> bool:
    """Whether the current task is being cancelled; trio has an exception of its own for that."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return task is not None and task.cancelling() > 0
