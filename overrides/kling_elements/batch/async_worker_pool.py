"""Work through items with asynchronous tasks, a few at once, and give the results as they come.

As with `worker_pool`, any number of jobs runs in constant memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic

import anyio
import anyio.lowlevel
from attrs import define, field

from kling_elements.api.threads import run_in_thread
from kling_elements.batch.results import BatchClosed, Running
from kling_elements.batch.worker_pool import GRACE
from kling_elements.batch.workload import ItemT, ResultT, Workload
from kling_elements.errors import KlingError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Self

    from anyio.abc import TaskGroup


@define
class _Session(Generic[ResultT]):
    """What the tasks of a batch share while it runs; made in the event loop.

    Attributes:
        group: The tasks.
        alive: How many of them work.
        results: What nobody took yet.
        under_way: The scopes of items in progress, each shielded from whoever cancels.
        changed: Set when any of this changes, and then replaced.
    """

    group: TaskGroup
    alive: int
    results: deque[ResultT] = field(factory=deque, init=False)
    under_way: set[anyio.CancelScope] = field(factory=set, init=False)
    reading: anyio.Lock = field(factory=anyio.Lock, init=False)
    brake: anyio.Event = field(factory=anyio.Event, init=False)
    changed: anyio.Event = field(factory=anyio.Event, init=False)

    def notify(self) -> None:
        """Wake everybody who waits for a change."""
        self.changed.set()
        self.changed = anyio.Event()


class AsyncBatch(Generic[ItemT, ResultT]):
    """As `Batch`, asynchronous, under asyncio and trio.

    `async for` alone is enough to take all results. To leave early, use `async with` around it, or `aclose`.
    """

    def __init__(self, workload: Workload[ItemT, ResultT], sleep: Callable[[float], object]) -> None:
        self._workload = workload
        self._given_sleep = sleep
        self._session: _Session[ResultT] | None = None
        self._finished = 0
        self._is_exhausted = False
        self._failure: Exception | None = None

    @property
    def running(self) -> tuple[Running, ...]:
        """Tasks that are being worked on; after the end, those that keep running by themselves."""
        return self._workload.running_tasks.running()

    @property
    def total(self) -> int | None:
        """How many items there are; None if nobody knows."""
        return self._workload.total()

    @property
    def not_begun(self) -> int | None:
        """How many items have no task yet; None if nobody knows how many items there are."""
        return self._workload.not_begun(self._finished)

    async def __aenter__(self) -> Self:
        if self._session is None and not self._is_exhausted:
            group = await anyio.create_task_group().__aenter__()
            self._session = _Session(group, self._workload.workers)
            for _ in range(self._workload.workers):
                group.start_soon(self._serve, self._session)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Begin no more work and stop waiting; a create in flight gets some seconds."""
        session = self._session
        if session is None:
            if not self._is_exhausted:
                self._is_exhausted = True
                self._workload.close()
                self._workload.log_running()
            return
        if session.brake.is_set():
            return
        session.brake.set()
        session.notify()
        try:
            # A create in flight is paid, whoever cancels: it gets some time to return its task's id.
            with anyio.move_on_after(GRACE, shield=True):
                while session.alive:
                    await session.changed.wait()
        finally:
            await self._end(session)

    async def _end(self, session: _Session[ResultT]) -> None:
        for scope in (*session.under_way, session.group.cancel_scope):
            scope.cancel()
        try:
            # Without the body's error, which the group would wrap.
            await session.group.__aexit__(None, None, None)
        finally:
            self._workload.close()
            unanswered = self._workload.unanswered()
            session.results.extend(unanswered)
            self._finished += len(unanswered)
            self._workload.log_running()

    def __aiter__(self) -> AsyncIterator[ResultT]:
        return self if self._session is not None or self._is_exhausted else self._alone()

    async def __anext__(self) -> ResultT:
        session = self._session
        if session is None and not self._is_exhausted:
            raise KlingError("a batch begins in `async for` or `async with`. Nothing was sent")
        if session is not None:
            while not session.brake.is_set():
                await anyio.lowlevel.checkpoint()
                if session.results or not session.alive:
                    break
                await session.changed.wait()
            if session.results:
                session.notify()
                return session.results.popleft()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        raise StopAsyncIteration

    async def _alone(self) -> AsyncIterator[ResultT]:
        async with self:
            async for result in self:
                yield result

    async def _serve(self, session: _Session[ResultT]) -> None:
        try:
            while (item := await self._read(session)) is not None:
                result = await self._do(session, item[0])
                if (failure := self._workload.stops(result)) is not None:
                    self._is_exhausted = True
                    self._failure = self._failure or failure
                session.results.append(result)
                self._finished += 1
                session.notify()
                while len(session.results) >= self._workload.workers and not session.brake.is_set():
                    await session.changed.wait()
        except BatchClosed:
            pass
        except Exception as error:  # noqa: BLE001 - it is raised by the iterator
            self._is_exhausted = True
            self._failure = self._failure or error
        finally:
            session.alive -= 1
            session.notify()

    async def _do(self, session: _Session[ResultT], item: ItemT) -> ResultT:
        with anyio.CancelScope(shield=True) as scope:
            session.under_way.add(scope)
            try:
                return await self._workload.do(item, partial(self._sleep, session.brake))
            finally:
                session.under_way.remove(scope)
        raise BatchClosed("cut off, as it took too long to stop")

    async def _read(self, session: _Session[ResultT]) -> tuple[ItemT] | None:
        async with session.reading:
            if self._is_exhausted or session.brake.is_set():
                return None
            source: Any = self._workload.source
            if hasattr(source, "__anext__"):
                async for raw in source:
                    return await self._prepare(session, raw)
            else:
                for raw in source:
                    return await self._prepare(session, raw)
            self._is_exhausted = True
            return None

    async def _prepare(self, session: _Session[ResultT], raw: object) -> tuple[ItemT] | None:
        item = await run_in_thread(partial(self._workload.prepare, raw))
        return None if session.brake.is_set() else (item,)

    async def _sleep(self, brake: anyio.Event, seconds: float) -> None:
        if brake.is_set():
            raise BatchClosed("the batch was closed")
        if self._given_sleep is anyio.sleep:
            with anyio.move_on_after(seconds):
                await brake.wait()
        else:
            slept: Any = self._given_sleep(seconds)
            if hasattr(slept, "__await__"):
                await slept
        if brake.is_set():
            raise BatchClosed("the batch was closed")
