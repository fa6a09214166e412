"""Work through items with threads, a few at once, and give the results as they come.

It reads its source only when a worker is free, and holds back when nobody takes the results, so that any
number of jobs runs in constant memory. `async_worker_pool` does the same with asynchronous tasks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic

from kling_elements.api.io import run_sync
from kling_elements.batch.results import BatchClosed, Running
from kling_elements.batch.workload import ItemT, ResultT, Workload
from kling_elements.errors import KlingError

if TYPE_CHECKING:
    from typing import Self

GRACE = 5.0  # seconds that a create in flight gets to return its task's id
_WAKE = 1.0  # seconds; not everywhere does a signal end a wait


class Batch(Generic[ItemT, ResultT]):
    """An iterator of results, as they come.

    Left early (a `break`, `close`, or the end of its `with`), it begins no more work. Results that were
    finished by then can still be iterated, and so can one for each create that was not answered; `running`
    names the tasks that keep running, and `not_begun` counts the rest.
    """

    # The threads know the pool alone, so that this is collected, and closed, when nobody iterates any more.
    def __init__(self, workload: Workload[ItemT, ResultT], sleep: Callable[[float], object]) -> None:
        self._pool = _WorkerPool(workload, sleep)

    def __iter__(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._pool.close()

    @property
    def running(self) -> tuple[Running, ...]:
        """Tasks that are being worked on; after `close`, those that keep running by themselves."""
        return self._pool.workload.running_tasks.running()

    @property
    def total(self) -> int | None:
        """How many items there are; None if nobody knows."""
        return self._pool.workload.total()

    @property
    def not_begun(self) -> int | None:
        """How many items have no task yet; None if nobody knows how many items there are."""
        return self._pool.workload.not_begun(self._pool.finished)

    def __next__(self) -> ResultT:
        taken = self._pool.take()
        if taken is not None:
            return taken[0]
        self._pool.close()
        if (failure := self._pool.pop_failure()) is not None:
            raise failure
        raise StopIteration

    def close(self) -> None:
        """Begin no more work and stop waiting; a create in flight gets some seconds."""
        self._pool.close()


class _WorkerPool(Generic[ItemT, ResultT]):
    """Threads that work, and what they share."""

    def __init__(self, workload: Workload[ItemT, ResultT], sleep: Callable[[float], object]) -> None:
        self.workload = workload
        self.finished = 0
        self._given_sleep = sleep
        self._threads: list[threading.Thread] = []
        self._reading = threading.Lock()
        self._changed = threading.Condition()
        self._results: deque[ResultT] = deque()
        self._alive = workload.workers
        self._is_exhausted = False
        self._brake = threading.Event()
        self._failure: BaseException | None = None

    def take(self) -> tuple[ResultT] | None:
        """Return the next result; None if there will be none."""
        if not self._threads and not self._brake.is_set():
            self._start()
        with self._changed:
            while not self._results and self._alive and not self._brake.is_set():
                self._changed.wait(_WAKE)
            if not self._results:
                return None
            self._changed.notify_all()
            return (self._results.popleft(),)

    def pop_failure(self) -> BaseException | None:
        """Return why it ended early, once."""
        failure, self._failure = self._failure, None
        return failure

    def close(self) -> None:
        """Begin no more work and stop waiting."""
        if self._brake.is_set():
            return
        self._brake.set()
        with self._changed:
            self._changed.notify_all()
        deadline = time.monotonic() + GRACE
        try:
            for thread in self._threads:
                if thread.ident is not None:  # one may not have been started, as a signal came in between
                    thread.join(max(0.0, deadline - time.monotonic()))
        finally:  # Ctrl-C ends the wait, and what is left is reported all the same
            if not any(thread.is_alive() for thread in self._threads):
                self.workload.close()
            unanswered = self.workload.unanswered()
            self._results.extend(unanswered)
            self.finished += len(unanswered)
            self.workload.log_running()

    def _start(self) -> None:
        # Daemons: a request that hangs must not keep the process from ending. The journal knows of it.
        self._threads = [
            threading.Thread(target=self._serve, name=f"kling-elements-batch-{number}", daemon=True)
            for number in range(self.workload.workers)
        ]
        for number, thread in enumerate(self._threads):
            try:
                thread.start()
            except RuntimeError as error:  # the system gives no more: those that there are do all the work
                with self._changed:
                    self._alive -= len(self._threads) - number
                if number == 0:
                    self._failure = KlingError(
                        f"no thread can be started for the work: {error}. Nothing was sent"
                    )
                return

    def _serve(self) -> None:
        try:
            while self._has_room() and (item := self._read()) is not None:
                result = run_sync(self.workload.do(item[0], self._sleep))
                failure = self.workload.stops(result)
                with self._changed:
                    self._results.append(result)
                    self.finished += 1
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
        """Wait until the results are taken; return whether to continue."""
        with self._changed:
            while len(self._results) >= self.workload.workers and not self._brake.is_set():
                self._changed.wait(_WAKE)
        return not self._brake.is_set()

    def _read(self) -> tuple[ItemT] | None:
        with self._reading:
            if self._is_exhausted or self._brake.is_set():
                return None
            source: Any = self.workload.source  # an Iterator, as the synchronous client sees to
            for raw in source:
                item = self.workload.prepare(raw)
                return None if self._brake.is_set() else (item,)  # the source may have taken its time
            self._is_exhausted = True
            return None

    def _sleep(self, seconds: float) -> None:
        if self._given_sleep is time.sleep:
            self._brake.wait(min(seconds, threading.TIMEOUT_MAX))
        elif not self._brake.is_set():
            self._given_sleep(seconds)
        if self._brake.is_set():
            raise BatchClosed("the batch was closed")
