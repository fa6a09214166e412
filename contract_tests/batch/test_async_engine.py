"""The engine of an asynchronous batch by itself: what it reads, how it stops, and what it never cuts off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import anyio
import anyio.lowlevel
import pytest
from attrs import define, field

from kling_elements.batch import AsyncBatch, async_engine
from kling_elements.batch.work import Work
from kling_elements.standing import Stopped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

pytestmark = pytest.mark.parametrize("backend", ["asyncio", "trio"])

Sleep = Any


@define
class Desk:
    """Work whose items are numbers, and what is done for each.

    Attributes:
        do: Does an item.
        source: Gives the items.
        workers: How many at once.
        sleep: The caller's sleep.
        read: The items that were read.
        done: The items that were done.
        closed: How often the work was closed.
    """

    do: Callable[[int, Sleep], Awaitable[object]]
    source: Iterator[int] | AsyncIterator[int]
    workers: int = 1
    sleep: Callable[[float], object] = anyio.sleep
    done: list[int] = field(factory=list)
    closed: int = 0

    def batch(self) -> AsyncBatch[Any, Any]:
        """The batch."""
        do: Any = self._do  # its coroutine stands for a flow, which the engine gives to `run` unseen
        work = Work[Any, Any](self.source, do, self.workers, self._stops, self._close)
        return AsyncBatch(work, lambda flow: flow, self.sleep)  # type: ignore[arg-type,return-value]

    async def _do(self, item: int, sleep: Sleep) -> object:
        result = await self.do(item, sleep)
        self.done.append(item)
        return result

    def _close(self) -> None:
        self.closed += 1

    @staticmethod
    def _stops(result: object) -> Exception | None:
        return result if isinstance(result, Exception) else None


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


class Later:
    """The same, asynchronous."""

    def __init__(self, *items: int) -> None:
        self.source = numbers(*items)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> int:
        await anyio.lowlevel.checkpoint()
        for item in self.source:
            return int(item)
        raise StopAsyncIteration


@pytest.mark.parametrize("source", [numbers, Later], ids=["a source", "an asynchronous source"])
def test_all_is_read_and_done_once(backend: str, source: Any) -> None:
    """Each item is done once and gives its result; a source that has ended is not asked again."""

    async def run() -> None:
        async def do(item: int, sleep: Sleep) -> int:
            await sleep(0)
            return -item

        desk = Desk(do, source(1, 2, 3, 4, 5), workers=3)
        batch = desk.batch()
        assert sorted([result async for result in batch]) == [-5, -4, -3, -2, -1]
        assert (sorted(desk.done), desk.closed) == ([1, 2, 3, 4, 5], 1)
        assert [result async for result in batch] == []
        async with batch:
            assert [result async for result in batch] == []
        assert desk.closed == 1

    anyio.run(run, backend=backend)


def test_what_was_left_begins_no_more(backend: str) -> None:
    """A batch that was left, and is asked again, reads nothing and sends nothing."""

    async def run() -> None:
        async def do(item: int, _sleep: Sleep) -> int:
            return item

        desk = Desk(do, iter(range(100)))
        batch = desk.batch()
        async with batch:
            assert await anext(batch) == 0
        done = list(desk.done)
        assert len(done) <= 3
        assert [result async for result in batch] == []
        async with batch:
            assert [result async for result in batch] == []
        assert (desk.done, desk.closed) == (done, 1)

    anyio.run(run, backend=backend)


@pytest.mark.parametrize("is_told", [True, False], ids=["a result that ends it", "an error"])
def test_after_a_failure_no_more_is_begun(backend: str, *, is_told: bool) -> None:
    """A failure ends the reading; what was begun gives its result, and then the first failure comes."""

    async def run() -> None:
        failed = anyio.Event()
        begun: list[int] = []

        async def do(item: int, _sleep: Sleep) -> object:
            begun.append(item)
            if item == 2:
                while len(begun) < 3:
                    await anyio.lowlevel.checkpoint()
                failed.set()
                return fail(LookupError(item))
            await failed.wait()
            return fail(OSError(item)) if item == 1 else item

        def fail(error: Exception) -> Exception:
            if is_told:
                return error
            raise error

        batch = Desk(do, numbers(1, 2, 3, 4, 5, 6), workers=3).batch()
        seen: list[object] = []
        with pytest.raises(LookupError) as caught:
            await take(batch, seen)
        assert caught.value.args == (2,)
        assert sorted(begun) == [1, 2, 3]
        assert sorted(map(str, seen)) == (["1", "2", "3"] if is_told else ["3"])
        assert [result async for result in batch] == []

    anyio.run(run, backend=backend)


def test_a_create_on_its_way_is_not_cut_off(backend: str) -> None:
    """Whoever cancels, what is being sent is awaited: its answer tells what was paid."""

    async def run() -> None:
        begun, cancelled = anyio.Event(), anyio.Event()

        async def do(item: int, sleep: Sleep) -> None:
            begun.set()
            await cancelled.wait()
            await anyio.lowlevel.checkpoint()

        desk = Desk(do, iter([1, 2]))
        with anyio.CancelScope() as scope:
            async with desk.batch() as batch:
                await begun.wait()
                scope.cancel()
                cancelled.set()
                await anext(batch)
        assert scope.cancelled_caught
        assert (desk.done, desk.closed) == ([1], 1)

    anyio.run(run, backend=backend)


def test_each_that_is_on_its_way_is_awaited(backend: str) -> None:
    """Left early, a batch awaits all that is being sent, not just the first that is ready."""

    async def run() -> None:
        left = anyio.Event()

        async def do(item: int, _sleep: Sleep) -> None:
            await left.wait()
            for _ in range(item):
                await anyio.lowlevel.checkpoint()

        desk = Desk(do, numbers(1, 50), workers=3)
        async with desk.batch():
            await anyio.wait_all_tasks_blocked()
            left.set()
        assert (desk.done, desk.closed) == ([1, 50], 1)

    anyio.run(run, backend=backend)


def test_what_does_not_stop_is_cut_off(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has not ended after the grace is cut off, so that leaving takes no longer."""
    monkeypatch.setattr(async_engine, "GRACE", 0)

    async def run() -> None:
        async def do(_item: int, _sleep: Sleep) -> None:
            await anyio.sleep_forever()

        desk = Desk(do, numbers(1, 2, 3), workers=2)
        async with desk.batch() as batch:
            await anyio.wait_all_tasks_blocked()
        assert (desk.done, desk.closed) == ([], 1)
        assert [result async for result in batch] == []

    anyio.run(run, backend=backend)


@pytest.mark.parametrize("seconds", [1000, float("inf")])
def test_a_pause_ends_when_the_batch_is_left(backend: str, seconds: float) -> None:
    """What pauses stops at once when the batch is left, however long the pause was to be."""
    stopped: list[str] = []

    async def run() -> None:
        async def do(_item: int, sleep: Sleep) -> None:
            try:
                await sleep(seconds)
            except Stopped as error:
                stopped.append(str(error))
                raise

        desk = Desk(do, numbers(1, 2, 3))
        async with desk.batch():
            await anyio.wait_all_tasks_blocked()
        assert (desk.done, desk.closed) == ([], 1)

    anyio.run(run, backend=backend)
    assert stopped == ["stopped, as was asked"]


@pytest.mark.parametrize("is_async", [True, False])
def test_the_callers_own_sleep_is_asked(backend: str, *, is_async: bool) -> None:
    """A sleep of the caller's is given each pause, and awaited if it can be; none after the batch is left."""
    slept: list[float] = []
    awaited: list[float] = []

    async def wait(seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        awaited.append(seconds)

    def sleep(seconds: float) -> Awaitable[None] | None:
        slept.append(seconds)
        return wait(seconds) if is_async else None

    async def run() -> None:
        begun, left = anyio.Event(), anyio.Event()

        async def do(_item: int, sleep: Sleep) -> None:
            await sleep(7)
            begun.set()
            await left.wait()
            await sleep(8)

        desk = Desk(do, numbers(1, 2), sleep=sleep)
        async with desk.batch():
            await begun.wait()
            left.set()
        assert (desk.done, desk.closed) == ([], 1)

    anyio.run(run, backend=backend)
    assert slept == [7]
    assert awaited == ([7] if is_async else [])


def test_a_batch_left_in_the_callers_own_sleep_is_stopped(backend: str) -> None:
    """What sleeps by the caller's own sleep while the batch is left goes no further."""

    async def run() -> None:
        left = anyio.Event()

        async def sleep(_seconds: float) -> None:
            await left.wait()

        async def do(_item: int, sleep: Sleep) -> None:
            await sleep(7)

        desk = Desk(do, numbers(1, 2), sleep=sleep)
        async with desk.batch():
            await anyio.wait_all_tasks_blocked()
            left.set()
        assert (desk.done, desk.closed) == ([], 1)

    anyio.run(run, backend=backend)


def test_leaving_before_it_began_is_no_matter(backend: str) -> None:
    """A batch that was never entered can be left."""

    async def run() -> None:
        async def do(item: int, _sleep: Sleep) -> int:
            return item

        desk = Desk(do, numbers(1))
        await desk.batch().__aexit__(None, None, None)
        assert desk.closed == 0

    anyio.run(run, backend=backend)
