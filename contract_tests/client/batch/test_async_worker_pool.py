"""The asynchronous worker pool: failures, pauses, and how it is left or cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from contract_tests.client.batch.desk import AsyncDesk, Sleep, numbers, take
from kling_elements.batch import async_worker_pool as async_engine
from kling_elements.batch.results import BatchClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable

pytestmark = pytest.mark.parametrize("backend", ["asyncio", "trio"])


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


def test_a_pause_ends_when_the_batch_is_left(backend: str) -> None:
    """What pauses stops at once when the batch is left, however long the pause was to be."""
    stopped: list[str] = []

    async def run() -> None:
        async def do(_item: int, sleep: Sleep) -> None:
            try:
                await sleep(float("inf"))
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


def test_a_create_on_its_way_is_not_cut_off(backend: str) -> None:
    """Whoever cancels, what is being sent is awaited: its answer tells what was paid."""

    async def run() -> None:
        begun, cancelled = anyio.Event(), anyio.Event()

        async def do(item: int, sleep: Sleep) -> None:
            begun.set()
            await cancelled.wait()
            for _ in range(50):
                await anyio.lowlevel.checkpoint()

        desk = AsyncDesk(do, iter([1, 2]))
        with anyio.CancelScope() as scope:
            async with desk.begin() as batch:
                await begun.wait()
                scope.cancel()
                cancelled.set()
                await anext(batch)
        assert scope.cancelled_caught
        assert (desk.done, desk.closed) == ([1], 1)

    anyio.run(run, backend=backend)


def test_what_does_not_stop_is_cut_off(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has not ended after the grace is cut off, so that leaving takes no longer."""
    monkeypatch.setattr(async_engine, "GRACE", 0)

    async def run() -> None:
        async def do(_item: int, _sleep: Sleep) -> None:
            await anyio.sleep_forever()

        desk = AsyncDesk(do, numbers(1, 2, 3), workers=2)
        async with desk.begin() as batch:
            await anyio.wait_all_tasks_blocked()
        assert (desk.done, desk.closed) == ([], 1)
        assert [result async for result in batch] == []

    anyio.run(run, backend=backend)


def test_one_who_insists_does_not_wait(backend: str) -> None:
    """A task that is cancelled by asyncio itself, and once more in the grace, leaves all the same."""
    if backend != "asyncio":
        return

    async def run() -> None:
        async def do(_item: int, _sleep: Sleep) -> None:
            await anyio.sleep_forever()

        async def leave() -> None:
            async with desk.begin() as batch:
                await anext(batch)

        desk = AsyncDesk(do, numbers(1, 2, 3), workers=2)
        task = asyncio.ensure_future(leave())
        for _ in range(2):
            await anyio.wait_all_tasks_blocked()
            assert desk.closed == 0
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (desk.done, desk.closed) == ([], 1)

    anyio.run(run, backend=backend)
