"""An asynchronous batch that is left, or cancelled: what it awaits, cuts off, and begins no more."""

from __future__ import annotations

import asyncio

import anyio
import anyio.lowlevel
import pytest

from contract_tests.client.batch.desk import AsyncDesk, Sleep, numbers
from kling_elements.batch import async_worker_pool as async_engine

pytestmark = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def test_what_was_left_begins_no_more(backend: str) -> None:
    """A batch that was left, and is asked again, reads nothing and sends nothing."""

    async def run() -> None:
        async def do(item: int, _sleep: Sleep) -> int:
            return item

        desk = AsyncDesk(do, iter(range(100)))
        batch = desk.begin()
        async with batch:
            assert await anext(batch) == 0
        done = list(desk.done)
        assert len(done) <= 3
        assert [result async for result in batch] == []
        async with batch:
            assert [result async for result in batch] == []
        assert (desk.done, desk.closed) == (done, 1)

    anyio.run(run, backend=backend)


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


def test_each_that_is_on_its_way_is_awaited(backend: str) -> None:
    """Left early, a batch awaits all that is being sent, not just the first that is ready."""

    async def run() -> None:
        left = anyio.Event()

        async def do(item: int, _sleep: Sleep) -> None:
            await left.wait()
            for _ in range(item):
                await anyio.lowlevel.checkpoint()

        desk = AsyncDesk(do, numbers(1, 50), workers=3)
        async with desk.begin():
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


def test_leaving_before_it_began_is_no_matter(backend: str) -> None:
    """A batch that was never entered can be left."""

    async def run() -> None:
        async def do(item: int, _sleep: Sleep) -> int:
            return item

        desk = AsyncDesk(do, numbers(1))
        await desk.begin().__aexit__(None, None, None)
        assert desk.closed == 0

    anyio.run(run, backend=backend)
