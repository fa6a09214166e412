"""Does pieces of work, a few at once, with threads, and gives the results as they come.

It reads its source only when somebody is free to work, and holds back when nobody takes the results, so that
any number of jobs runs in constant memory. `async_engine` does the same with asynchronous tasks.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import field, frozen

from kling_elements.api.io import run_sync
from kling_elements.batch.results import RunningTasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator


import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from kling_elements.batch.results import BatchClosed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from kling_elements.batch.results import Running

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_WAKE = 1.0  # seconds; not everywhere does a signal end a wait

logger = logging.getLogger("kling_elements")


GRACE = 5.0  # seconds that a create under way gets to tell its task's id


def _nothing() -> None:
    pass


@frozen
class Plan(Generic[ItemT, ResultT]):
    """What an engine does.

    Attributes:
        source: Gives the items; may take its time.
        do: The flow that does an item; given the item and the sleep that it must use.
        workers: How many items at once.
        stops: Why no more items are begun after a result; None to go on.
        close: Called when all is over.
        roster: The tasks that are being worked on.
    """

    source: Iterator[ItemT] | AsyncIterator[ItemT]
    do: Callable[[ItemT, Callable[[float], object]], Coroutine[Any, Any, ResultT]]
    workers: int
    stops: Callable[[ResultT], Exception | None]
    close: Callable[[], object] = _nothing
    roster: RunningTasks = field(factory=RunningTasks)

    def tell(self) -> None:
        """Say on the log which tasks run on."""
        if running := self.roster.running():
            logger.info(
                "stopped; these tasks run on and are billed: %s. To go on, run the same again, or: "
                "kling-elements resume",
                ", ".join(each.task_id for each in running),
            )


class Batch(Generic[ItemT, ResultT]):
    """An iterator of results, as they come.

    Left early (a `break`, `close`, or the end of its `with`), it begins no more work, and `running`
    tells which tasks run on.
    """

    # The threads know the crew alone, so that this is collected, and closed, when nobody iterates any more.
    def __init__(
        self,
        plan: Plan[ItemT, ResultT],
        sleep: Callable[[float], object],
    ) -> None:
        self._pool = _WorkerPool(plan, sleep)

    def __iter__(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self._pool.close()

    @property
    def running(self) -> tuple[Running, ...]:
        """Tasks that are being worked on; after `close`, those that run on by themselves."""
        return self._pool.plan.roster.running()

    def __next__(self) -> ResultT:
        taken = self._pool.take()
        if taken is not None:
            return taken[0]
        self._pool.close()
        if (failure := self._pool.pop_failure()) is not None:
            raise failure
        raise StopIteration

    def close(self) -> None:
        """Begin no more work, and end what is under way; a create that is being sent gets some seconds."""
        self._pool.close()


class _WorkerPool(Generic[ItemT, ResultT]):
    """Threads that work, and what they share."""

    def __init__(
        self,
        plan: Plan[ItemT, ResultT],
        sleep: Callable[[float], object],
    ) -> None:
        self.plan = plan
        self._given_sleep = sleep
        self._threads: list[threading.Thread] = []
        self._reading = threading.Lock()
        self._changed = threading.Condition()
        self._results: deque[ResultT] = deque()
        self._alive = plan.workers
        self._is_exhausted = False
        self._brake = threading.Event()
        self._failure: BaseException | None = None

    def take(self) -> tuple[ResultT] | None:
        """The next result; None if there will be none."""
        if not self._threads and not self._brake.is_set():
            self._start()
        with self._changed:
            while not self._results and self._alive and not self._brake.is_set():
                self._changed.wait(_WAKE)
            if self._brake.is_set() or not self._results:
                return None
            self._changed.notify_all()
            return (self._results.popleft(),)

    def pop_failure(self) -> BaseException | None:
        """Why it ended before its time, told once."""
        failure, self._failure = self._failure, None
        return failure

    def close(self) -> None:
        """Begin no more work, and end what is under way."""
        if self._brake.is_set():
            return
        self._brake.set()
        with self._changed:
            self._changed.notify_all()
        deadline = time.monotonic() + GRACE
        for thread in self._threads:
            if thread.ident is not None:  # one may not have been started, as a signal came in between
                thread.join(max(0.0, deadline - time.monotonic()))
        if not any(thread.is_alive() for thread in self._threads):
            self.plan.close()
        self.plan.tell()

    def _start(self) -> None:
        # Daemons: a request that hangs must not keep the process from ending. The journal knows of it.
        self._threads = [
            threading.Thread(target=self._serve, name=f"kling-elements-batch-{number}", daemon=True)
            for number in range(self.plan.workers)
        ]
        for thread in self._threads:
            thread.start()

    def _serve(self) -> None:
        try:
            while self._has_room() and (item := self._read()) is not None:
                result = run_sync(self.plan.do(item[0], self._sleep))
                failure = self.plan.stops(result)
                with self._changed:
                    self._results.append(result)
                    if failure is not None:
                        self._is_exhausted = True
                        self._failure = self._failure or failure
                    self._changed.notify_all()
        except BatchClosed:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised again
            self._is_exhausted = True
            self._failure = self._failure or error
        finally:
            with self._changed:
                self._alive -= 1
                self._changed.notify_all()

    def _has_room(self) -> bool:
        """Wait until the results are taken; tells whether to go on."""
        with self._changed:
            while len(self._results) >= self.plan.workers and not self._brake.is_set():
                self._changed.wait(_WAKE)
        return not self._brake.is_set()

    def _read(self) -> tuple[ItemT] | None:
        with self._reading:
            if self._is_exhausted or self._brake.is_set():
                return None
            source: Any = self.plan.source  # an Iterator, as the synchronous client sees to
            for item in source:
                return (item,)
            self._is_exhausted = True
            return None

    def _sleep(self, seconds: float) -> None:
        if self._given_sleep is time.sleep:
            self._brake.wait(min(seconds, threading.TIMEOUT_MAX))
        elif not self._brake.is_set():
            self._given_sleep(seconds)
        if self._brake.is_set():
            raise BatchClosed("stopped, as was asked")
