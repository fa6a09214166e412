"""The engine of an asynchronous batch by itself: what it reads, how it fails, and how it sleeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from contract_tests.client.batch.desk import AsyncDesk, Later, Sleep, numbers, take
from kling_elements.batch.results import BatchClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable

pytestmark = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@pytest.mark.parametrize("source", [numbers, Later], ids=["a source", "an asynchronous source"])
def test_all_is_read_and_done_once(backend: str, source: Any) -> None:
    """Each item is done once and gives its result; a source that has ended is not asked again."""

    async def run() -> None:
        async def do(item: int, sleep: Sleep) -> int:
            await sleep(0)
            return -item

        desk = AsyncDesk(do, source(1, 2, 3, 4, 5), workers=3)
        batch = desk.begin()
        assert sorted([result async for result in batch]) == [-5, -4, -3, -2, -1]
        assert (sorted(desk.done), desk.closed) == ([1, 2, 3, 4, 5], 1)
        assert [result async for result in batch] == []
        async with batch:
            assert [result async for result in batch] == []
        assert desk.closed == 1

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

        batch = AsyncDesk(do, numbers(1, 2, 3, 4, 5, 6), workers=3).begin()
        seen: list[object] = []
        with pytest.raises(LookupError) as caught:
            await take(batch, seen)
        assert caught.value.args == (2,)
        assert sorted(begun) == [1, 2, 3]
        assert sorted(map(str, seen)) == (["1", "2", "3"] if is_told else ["3"])
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
            except BatchClosed as error:
                stopped.append(str(error))
                raise

        desk = AsyncDesk(do, numbers(1, 2, 3))
        async with desk.begin():
            await anyio.wait_all_tasks_blocked()
        assert (desk.done, desk.closed) == ([], 1)

    anyio.run(run, backend=backend)
    assert stopped == ["the batch was closed"]


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

        desk = AsyncDesk(do, numbers(1, 2), sleep=sleep)
        async with desk.begin():
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

        desk = AsyncDesk(do, numbers(1, 2), sleep=sleep)
        async with desk.begin():
            await anyio.wait_all_tasks_blocked()
            left.set()
        assert (desk.done, desk.closed) == ([], 1)

    anyio.run(run, backend=backend)
