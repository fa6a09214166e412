"""Does pieces of work, a few at once, and gives the results as they come: with threads, and with tasks.

Both engines read their source only when somebody is free to work, and hold back when nobody takes the
results, so that any number of jobs runs in constant memory.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
from attrs import define, field, frozen

from kling_elements.resuming import Stopped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from types import TracebackType
    from typing import Self

    from anyio.abc import TaskGroup
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from kling_elements.effects import Flow

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

logger = logging.getLogger("kling_elements")

GRACE = 5.0  # seconds that a create under way gets to tell its task's id
_WAKE = 1.0  # seconds; not everywhere does a signal end a wait


@frozen
class Running:
    """A task that runs on when the work on it is left.

    Attributes:
        name: What it is called where the work comes from: a job's key, say.
        task_id: The task.
    """

    name: str
    task_id: str


@define
class Roster:
    """Which tasks are being worked on."""

    _running: dict[str, Running] = field(factory=dict)

    def saw(self, name: str, task_id: str) -> None:
        """A task exists."""
        self._running[name] = Running(name, task_id)

    def ended(self, name: str) -> None:
        """Nothing is left to do for it."""
        self._running.pop(name, None)

    def running(self) -> tuple[Running, ...]:
        """Those that were not seen to end."""
        return tuple(self._running.copy().values())  # a copy: other threads work on it


@frozen
class Work(Generic[ItemT, ResultT]):
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
    do: Callable[[ItemT, Callable[[float], object]], Flow[ResultT]]
    workers: int
    stops: Callable[[ResultT], Exception | None]
    close: Callable[[], object]
    roster: Roster = field(factory=Roster)

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
        self._alive = 0
        self._is_exhausted = False
        self._brake = threading.Event()
        self._failure: BaseException | None = None
        self._is_closed = False

    def take(self) -> tuple[ResultT] | None:
        """The next result; None if there will be none."""
        if not self._threads and not self._is_closed:
            self._start()
        with self._changed:
            while not self._results and self._alive and not self._is_closed:
                self._changed.wait(_WAKE)
            if self._is_closed or not self._results:
                return None
            self._changed.notify_all()
            return (self._results.popleft(),)

    def pop_failure(self) -> BaseException | None:
        """Why it ended before its time, told once."""
        failure, self._failure = self._failure, None
        return failure

    def close(self) -> None:
        """Begin no more work, and end what is under way."""
        if self._is_closed:
            return
        self._is_closed = True
        self._brake.set()
        with self._changed:
            self._changed.notify_all()
        deadline = time.monotonic() + GRACE
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if not any(thread.is_alive() for thread in self._threads):
            self.work.close()
        self.work.tell()

    def _start(self) -> None:
        self._alive = self.work.workers
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


class AsyncBatch(Generic[ItemT, ResultT]):
    """As `Batch`, asynchronous, under asyncio and trio.

    `async for` alone does for those who take all results. To leave early, use `async with` around it.
    """

    def __init__(
        self,
        work: Work[ItemT, ResultT],
        run: Callable[[Flow[ResultT]], Awaitable[ResultT]],
        sleep: Callable[[float], object],
    ) -> None:
        self._work = work
        self._run = run
        self._given_sleep = sleep
        self._group: TaskGroup | None = None
        self._reading: anyio.Lock | None = None
        self._brake: anyio.Event | None = None
        self._results: MemoryObjectReceiveStream[ResultT] | None = None
        self._is_exhausted = False
        self._alive = 0
        self._are_gone: anyio.Event | None = None
        self._failure: Exception | None = None

    @property
    def running(self) -> tuple[Running, ...]:
        """Tasks that are being worked on; after the end, those that run on by themselves."""
        return self._work.roster.running()

    async def __aenter__(self) -> Self:
        self._reading, self._brake, self._are_gone = anyio.Lock(), anyio.Event(), anyio.Event()
        self._alive = self._work.workers
        sending, self._results = anyio.create_memory_object_stream[ResultT](self._work.workers)
        self._group = await anyio.create_task_group().__aenter__()
        for _ in range(self._work.workers):
            self._group.start_soon(self._serve, sending.clone())
        sending.close()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._group is None or self._brake is None or self._are_gone is None or self._results is None:
            return
        self._brake.set()
        self._results.close()
        # A create that is being sent is paid, whoever cancels: it gets some seconds to tell its task's id.
        with anyio.move_on_after(GRACE, shield=True):
            await self._are_gone.wait()
        self._group.cancel_scope.cancel()
        group, self._group = self._group, None
        try:
            # Not told of the body's error, which the group would wrap.
            await group.__aexit__(None, None, None)
        finally:
            self._work.close()
            self._work.tell()

    def __aiter__(self) -> AsyncIterator[ResultT]:
        return self._alone() if self._group is None else self

    async def __anext__(self) -> ResultT:
        if self._results is not None:
            with suppress(anyio.EndOfStream, anyio.ClosedResourceError):
                return await self._results.receive()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        raise StopAsyncIteration

    async def _alone(self) -> AsyncIterator[ResultT]:
        async with self:
            while True:
                try:
                    result = await self.__anext__()
                except StopAsyncIteration:
                    return
                yield result

    async def _serve(self, sending: MemoryObjectSendStream[ResultT]) -> None:
        try:
            with sending, suppress(anyio.BrokenResourceError):
                while (item := await self._read()) is not None:
                    result = await self._run(self._work.do(item[0], self._sleep))
                    if (failure := self._work.stops(result)) is not None:
                        self._is_exhausted = True
                        self._failure = self._failure or failure
                    await sending.send(result)
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - it is raised where the results are taken
            self._is_exhausted = True
            self._failure = self._failure or error
        finally:
            self._alive -= 1
            if not self._alive and self._are_gone is not None:
                self._are_gone.set()

    async def _read(self) -> tuple[ItemT] | None:
        if self._reading is None or self._brake is None:
            return None
        async with self._reading:
            if self._is_exhausted or self._brake.is_set():
                return None
            source: Any = self._work.source
            if hasattr(source, "__anext__"):
                async for item in source:
                    return (item,)
            else:
                for item in source:
                    return (item,)
            self._is_exhausted = True
            return None

    async def _sleep(self, seconds: float) -> None:
        brake = self._brake
        if brake is None or brake.is_set():
            raise Stopped("stopped, as was asked")
        if self._given_sleep is anyio.sleep:
            with anyio.move_on_after(seconds if seconds < math.inf else None):
                await brake.wait()
        else:
            slept: Any = self._given_sleep(seconds)
            if hasattr(slept, "__await__"):
                await slept
        if brake.is_set():
            raise Stopped("stopped, as was asked")
