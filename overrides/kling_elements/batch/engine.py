"""Does pieces of work, a few at once, with threads, and gives the results as they come.

It reads its source only when somebody is free to work, and holds back when nobody takes the results, so that
any number of jobs runs in constant memory. `async_engine` does the same with asynchronous tasks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kling_elements.batch.work import GRACE
from kling_elements.standing import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from kling_elements.batch.work import Work
    from kling_elements.effects import Flow
    from kling_elements.roster import Running

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_WAKE = 1.0  # seconds; not everywhere does a signal end a wait


class Batch(Generic[ItemT, ResultT]):
    """An iterator of results, as they come.

    Left early (a `break`, `close`, or the end of its `with`), it begins no more work, and `running`
    tells which tasks run on.
    """

    # The threads know the crew alone, so that this is collected, and closed, when nobody iterates any more.
    def __init__(
        self,
        work: Work[ItemT, ResultT],
        run: Callable[[Flow[ResultT]], ResultT],
        sleep: Callable[[float], object],
    ) -> None:
        self._crew = _Crew(work, run, sleep)

    def __iter__(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self._crew.close()

    @property
    def running(self) -> tuple[Running, ...]:
        """Tasks that are being worked on; after `close`, those that run on by themselves."""
        return self._crew.work.roster.running()

    def __next__(self) -> ResultT:
        taken = self._crew.take()
        if taken is not None:
            return taken[0]
        self._crew.close()
        if (failure := self._crew.pop_failure()) is not None:
            raise failure
        raise StopIteration

    def close(self) -> None:
        """Begin no more work, and end what is under way; a create that is being sent gets some seconds."""
        self._crew.close()


class _Crew(Generic[ItemT, ResultT]):
    """Threads that work, and what they share."""

    def __init__(
        self,
        work: Work[ItemT, ResultT],
        run: Callable[[Flow[ResultT]], ResultT],
        sleep: Callable[[float], object],
    ) -> None:
        self.work = work
        self._run = run
        self._given_sleep = sleep
        self._threads: list[threading.Thread] = []
        self._reading = threading.Lock()
        self._changed = threading.Condition()
        self._results: deque[ResultT] = deque()
        self._alive = work.workers
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
            self.work.close()
        self.work.tell()

    def _start(self) -> None:
        # Daemons: a request that hangs must not keep the process from ending. The journal knows of it.
        self._threads = [
            threading.Thread(target=self._serve, name=f"kling-elements-batch-{number}", daemon=True)
            for number in range(self.work.workers)
        ]
        for thread in self._threads:
            thread.start()

    def _serve(self) -> None:
        try:
            while self._has_room() and (item := self._read()) is not None:
                result = self._run(self.work.do(item[0], self._sleep))
                failure = self.work.stops(result)
                with self._changed:
                    self._results.append(result)
                    if failure is not None:
                        self._is_exhausted = True
                        self._failure = self._failure or failure
                    self._changed.notify_all()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised where the results are taken
            self._is_exhausted = True
            self._failure = self._failure or error
        finally:
            with self._changed:
                self._alive -= 1
                self._changed.notify_all()

    def _has_room(self) -> bool:
        """Wait until the results are taken; tells whether to go on."""
        with self._changed:
            while len(self._results) >= self.work.workers and not self._brake.is_set():
                self._changed.wait(_WAKE)
        return not self._brake.is_set()

    def _read(self) -> tuple[ItemT] | None:
        with self._reading:
            if self._is_exhausted or self._brake.is_set():
                return None
            source: Any = self.work.source  # an Iterator, as the synchronous client sees to
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
            raise Stopped("stopped, as was asked")
