"""Does pieces of work, a few at once, with asynchronous tasks, and gives the results as they come.

As with `engine`, any number of jobs runs in constant memory.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio

from kling_elements.batch.work import GRACE
from kling_elements.standing import Stopped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from types import TracebackType
    from typing import Self

    from anyio.abc import TaskGroup
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from kling_elements.batch.work import Work
    from kling_elements.effects import Flow
    from kling_elements.roster import Running

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


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
