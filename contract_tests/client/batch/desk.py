"""Work for the batch's engines whose items are numbers: what the tests of both engines share."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import anyio
import anyio.lowlevel
from attrs import define, field

from kling_elements.batch import AsyncBatch, Batch
from kling_elements.batch.results import RunningTasks
from kling_elements.batch.workload import Workload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

Sleep: TypeAlias = Any
"""The sleep that an engine gives: to be awaited, of the asynchronous one."""


@define
class Desk:
    """Where items are done by threads.

    Attributes:
        do: Does an item; to be awaited of an asynchronous desk. An exception as its result is a failure.
        source: Gives the items.
        workers: How many at once.
        sleep: The caller's sleep.
        done: The items that were done.
        closed: How often the work was closed.
        running_tasks: The tasks that are being worked on.
        threads: The threads that worked.
    """

    do: Callable[[int, Sleep], Any]
    source: Iterator[int] | AsyncIterator[int]
    workers: int = 1
    sleep: Callable[[float], object] = time.sleep
    done: list[int] = field(factory=list)
    closed: int = 0
    running_tasks: RunningTasks = field(factory=RunningTasks)
    threads: set[threading.Thread] = field(factory=set)

    def batch(self) -> Batch[Any, Any]:
        """The batch."""
        return Batch(self._work(self._do), self.sleep)

    def _work(self, do: Any) -> Workload[Any, Any]:
        return Workload(
            self.source, do, self.workers, self._stops, self._close, running_tasks=self.running_tasks
        )

    async def _do(self, item: int, sleep: Sleep) -> object:
        self.threads.add(threading.current_thread())
        result: object = self.do(item, sleep)
        self.done.append(item)
        return result

    def _close(self) -> None:
        self.closed += 1

    @staticmethod
    def _stops(result: object) -> Exception | None:
        return result if isinstance(result, Exception) else None


@define
class AsyncDesk(Desk):
    """Where items are done by asynchronous tasks."""

    sleep: Callable[[float], object] = anyio.sleep

    def begin(self) -> AsyncBatch[Any, Any]:
        """The batch."""
        return AsyncBatch(self._work(self._do_later), self.sleep)

    async def _do_later(self, item: int, sleep: Sleep) -> object:
        result: object = await self.do(item, sleep)
        self.done.append(item)
        return result


@define
class _Once:
    left: list[int]
    is_over: bool = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> int:
        assert not self.is_over
        if not self.left:
            self.is_over = True
            raise StopIteration
        return self.left.pop(0)


def numbers(*items: int) -> Iterator[int]:
    """A source that may not be asked again after its end."""
    return _Once(list(items))


async def take(batch: AsyncBatch[Any, Any], seen: list[object]) -> None:
    """Note each result before an error."""
    async for result in batch:
        seen.append(result)  # noqa: PERF401 - what came before the error counts
