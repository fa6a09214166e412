"""Does pieces of work, a few at once, with asynchronous tasks, and gives the results as they come.

As with `worker_pool`, any number of jobs runs in constant memory.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
from attrs import define, field

from kling_elements.batch.results import BatchClosed
from kling_elements.batch.worker_pool import GRACE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType
    from typing import Self

    from anyio.abc import TaskGroup
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from kling_elements.batch.results import Running
    from kling_elements.batch.worker_pool import Plan

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@define
class _Session(Generic[ResultT]):
    """What the tasks of a batch at work share; it is made in the event loop.

    Attributes:
        group: The tasks.
        results: Where their results are taken.
        alive: How many of them work.
        under_way: What they do right now, each of it shielded from whoever cancels.
    """

    group: TaskGroup
    results: MemoryObjectReceiveStream[ResultT]
    alive: int
    under_way: set[anyio.CancelScope] = field(factory=set, init=False)
    reading: anyio.Lock = field(factory=anyio.Lock, init=False)
    brake: anyio.Event = field(factory=anyio.Event, init=False)
    are_gone: anyio.Event = field(factory=anyio.Event, init=False)


class AsyncBatch(Generic[ItemT, ResultT]):
    """As `Batch`, asynchronous, under asyncio and trio.

    `async for` alone does for those who take all results. To leave early, use `async with` around it.
    """

    def __init__(
        self,
        plan: Plan[ItemT, ResultT],
        sleep: Callable[[float], object],
    ) -> None:
        self._plan = plan
        self._given_sleep = sleep
        self._session: _Session[ResultT] | None = None
        self._is_exhausted = False
        self._failure: Exception | None = None

    @property
    def running(self) -> tuple[Running, ...]:
        """Tasks that are being worked on; after the end, those that run on by themselves."""
        return self._plan.roster.running()

    async def __aenter__(self) -> Self:
        if self._session is None:
            sending, results = anyio.create_memory_object_stream[ResultT](self._plan.workers)
            group = await anyio.create_task_group().__aenter__()
            self._session = _Session(group, results, self._plan.workers)
            for _ in range(self._plan.workers):
                group.start_soon(self._serve, self._session, sending.clone())
            sending.close()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        session = self._session
        if session is None or session.brake.is_set():
            return
        session.brake.set()
        session.results.close()
        try:
            # A create that is being sent is paid, whoever cancels: it gets some time to tell its task's id.
            with anyio.move_on_after(GRACE, shield=True):
                await session.are_gone.wait()
        finally:
            await self._end(session)

    async def _end(self, session: _Session[ResultT]) -> None:
        for scope in (*session.under_way, session.group.cancel_scope):
            scope.cancel()
        try:
            # Not told of the body's error, which the group would wrap.
            await session.group.__aexit__(None, None, None)
        finally:
            self._plan.close()
            self._plan.tell()

    def __aiter__(self) -> AsyncIterator[ResultT]:
        return self._alone() if self._session is None else self

    async def __anext__(self) -> ResultT:
        if self._session is not None:
            with suppress(anyio.EndOfStream, anyio.ClosedResourceError):
                return await self._session.results.receive()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        raise StopAsyncIteration

    async def _alone(self) -> AsyncIterator[ResultT]:
        async with self:
            async for result in self:
                yield result

    async def _serve(self, session: _Session[ResultT], sending: MemoryObjectSendStream[ResultT]) -> None:
        try:
            with sending, suppress(anyio.BrokenResourceError):
                while (item := await self._read(session)) is not None:
                    result = await self._do(session, item[0])
                    if (failure := self._plan.stops(result)) is not None:
                        self._is_exhausted = True
                        self._failure = self._failure or failure
                    await sending.send(result)
        except BatchClosed:
            pass
        except Exception as error:  # noqa: BLE001 - one entry's fault is not another's; it is in the result
            self._is_exhausted = True
            self._failure = self._failure or error
        finally:
            session.alive -= 1
            if not session.alive:
                session.are_gone.set()

    async def _do(self, session: _Session[ResultT], item: ItemT) -> ResultT:
        with anyio.CancelScope(shield=True) as scope:
            session.under_way.add(scope)
            try:
                return await self._plan.do(item, partial(self._sleep, session.brake))
            finally:
                session.under_way.remove(scope)
        raise BatchClosed("cut off, as it took too long to stop")

    async def _read(self, session: _Session[ResultT]) -> tuple[ItemT] | None:
        async with session.reading:
            if self._is_exhausted or session.brake.is_set():
                return None
            source: Any = self._plan.source
            if hasattr(source, "__anext__"):
                async for item in source:
                    return (item,)
            else:
                for item in source:
                    return (item,)
            self._is_exhausted = True
            return None

    async def _sleep(self, brake: anyio.Event, seconds: float) -> None:
        if brake.is_set():
            raise BatchClosed("stopped, as was asked")
        if self._given_sleep is anyio.sleep:
            with anyio.move_on_after(seconds):
                await brake.wait()
        else:
            slept: Any = self._given_sleep(seconds)
            if hasattr(slept, "__await__"):
                await slept
        if brake.is_set():
            raise BatchClosed("stopped, as was asked")
