"""The worker pools, of threads and of asynchronous tasks: how a batch is left, interrupted or cancelled."""

import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from attrs import define, field

from kling_elements import KlingError
from kling_elements.batch import AsyncBatch, Batch, async_worker_pool, worker_pool
from kling_elements.batch.results import BatchClosed, Running, RunningTasks
from kling_elements.batch.workload import Workload

LOOPS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
GRACE = pytest.mark.parametrize("is_patient", [True, False], ids=["within the grace", "after the grace"])


async def instantly(item: int, _sleep: Any) -> int:
    return item


@define
class Pool:
    """Workers whose items are 0, 1 and 2."""

    do: Callable[[int, Any], Coroutine[Any, Any, object]]
    workers: int = 1
    done: list[int] = field(factory=list)
    closed: int = 0
    running_tasks: RunningTasks = field(factory=RunningTasks)
    threads: set[threading.Thread] = field(factory=set)
    prepare: Callable[[int], int] = abs
    begun: list[int] = field(factory=list)

    def batch(self) -> Batch[int, Any]:
        return Batch(self._work(), time.sleep)

    def async_batch(self) -> AsyncBatch[int, Any]:
        return AsyncBatch(self._work(), anyio.sleep)

    def _work(self) -> Workload[int, Any]:
        given = iter(range(3)), self._do, self.workers, lambda _: None, self._close, lambda: 3
        return Workload(*given, self.running_tasks, self.prepare, lambda: self.begun)

    async def _do(self, item: int, sleep: Any) -> object:
        self.threads.add(threading.current_thread())
        self.begun.append(item)
        result = await self.do(item, sleep)
        self.begun.remove(item)
        self.done.append(item)
        return result

    def _close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("is_async", [False, True])
def test_a_batch_that_was_closed_begins_nothing(caplog: pytest.LogCaptureFixture, *, is_async: bool) -> None:
    """Closed before its first result it begins nothing; closed again, it reports nothing again."""
    caplog.set_level("INFO")
    pool = Pool(instantly)
    pool.running_tasks.add("a", "t-1")
    batch: Any = pool.async_batch() if is_async else pool.batch()
    for _ in range(2):
        anyio.run(batch.aclose) if is_async else batch.close()
    assert (pool.done, pool.closed, batch.running, batch.not_begun) == ([], 1, (Running("a", "t-1"),), 2)
    (record,) = caplog.records
    assert all(word in record.getMessage() for word in ("t-1", "kling-elements resume"))


@pytest.mark.parametrize("backend", [None, "asyncio", "trio"])
def test_a_pause_ends_when_the_batch_is_left(backend: str | None) -> None:
    """A worker that sleeps stops at once, however long the pause was to be; so does its next pause."""
    pausing = threading.Event()

    async def do(item: int, sleep: Any) -> int:
        if item:
            pausing.set()
            for _ in range(2):
                with pytest.raises(BatchClosed):
                    await sleep(float("inf")) if backend else sleep(float("inf"))
            raise BatchClosed("stopped")
        return item

    async def leave() -> None:
        async with pool.async_batch() as batch:
            assert await anext(batch) == 0
            await anyio.wait_all_tasks_blocked()

    pool = Pool(do)
    if backend:
        anyio.run(leave, backend=backend)
    else:
        with pool.batch() as batch:
            assert next(batch) == 0
            pausing.wait()
    assert (pool.done, pool.closed) == ([0], 1)


@pytest.mark.parametrize("backend", [None, "asyncio", "trio"])
def test_what_is_read_too_late_is_not_begun(backend: str | None) -> None:
    """A batch that is left while its source takes its time begins nothing more."""
    reading, left = threading.Event(), threading.Event()

    def prepare(item: int) -> int:
        if item:
            reading.set()
            left.wait()
        return item

    async def leave() -> None:
        async with anyio.create_task_group() as group, pool.async_batch() as batch:
            assert await anext(batch) == 0
            await anyio.to_thread.run_sync(reading.wait)
            group.start_soon(release)

    async def release() -> None:
        await anyio.wait_all_tasks_blocked()
        left.set()

    pool = Pool(instantly, prepare=prepare)
    if backend:
        anyio.run(leave, backend=backend)
    else:
        batch = pool.batch()
        assert next(batch) == 0
        reading.wait()
        leaving = threading.Thread(target=batch.close)
        leaving.start()
        assert list(batch) == []  # it is left by now
        left.set()
        leaving.join()
    assert (pool.done, pool.closed) == ([0], 1)


def test_an_asynchronous_batch_has_to_be_entered() -> None:
    """Asked for its first result before it began, it says how it begins, and not that it is at its end."""
    pool = Pool(instantly)
    with pytest.raises(KlingError, match="async with"):
        anyio.run(pool.async_batch().__anext__)
    assert pool.done == []


def test_a_signal_while_the_threads_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before all threads run ends those that do, and is itself what is raised."""
    start = threading.Thread.start

    def start_one(thread: threading.Thread) -> None:
        interrupt() if thread.name.endswith("1") else start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    pool = Pool(instantly, workers=2)
    with pytest.raises(KeyboardInterrupt), pool.batch() as batch:
        next(batch)
    assert pool.closed == 1
    assert not any(thread.is_alive() for thread in pool.threads)


@pytest.mark.parametrize("number", [0, 1])
def test_a_thread_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Those that could do all the work; where none could, that is the error, and nothing is begun."""
    start = threading.Thread.start

    def start_some(thread: threading.Thread) -> None:
        if int(thread.name.rpartition("-")[2]) >= number:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    pool = Pool(instantly, workers=3)
    batch = pool.batch()
    if not number:
        with pytest.raises(KlingError, match="can't start new thread"):
            next(batch)
    done = [0, 1, 2] if number else []
    assert (list(batch), pool.done, pool.closed) == (done, done, 1)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("until", ["its answer", "the grace is over", "Ctrl-C"])
def test_a_create_in_flight_is_awaited_by_threads(monkeypatch: pytest.MonkeyPatch, until: str) -> None:
    """What it needs is closed after it. If it hangs, its thread is left behind and keeps no process."""
    is_patient = until == "its answer"
    monkeypatch.setattr(worker_pool, "GRACE", 0.0 if until == "the grace is over" else 60.0)
    begun, answered = threading.Event(), threading.Event()

    async def do(item: int, _sleep: Any) -> int:
        if item:
            begun.set()
            answered.wait()
        assert pool.closed == 0
        return item

    pool = Pool(do)
    batch = pool.batch()
    assert next(batch) == 0
    begun.wait()
    leaving = threading.Thread(target=batch.close)
    if until == "Ctrl-C":
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "join", interrupt)
            with pytest.raises(KeyboardInterrupt):
                batch.close()
    leaving.start()
    if is_patient:
        assert list(batch) == []  # nobody waits for results any more
    else:
        leaving.join()
        assert (list(batch), batch.not_begun, pool.closed) == ([1], 1, 0)
        assert all(thread.daemon for thread in pool.threads)
    answered.set()
    for thread in (leaving, *pool.threads):
        thread.join()
    assert (pool.done, pool.closed) == ([0, 1], int(is_patient))


@GRACE
@LOOPS
def test_a_create_in_flight_is_awaited_by_tasks(
    backend: str, monkeypatch: pytest.MonkeyPatch, *, is_patient: bool
) -> None:
    """Whoever cancels, its response says what was paid; what hangs is cut off after the grace."""
    monkeypatch.setattr(async_worker_pool, "GRACE", 60.0 if is_patient else 0.0)

    async def test() -> None:
        begun, cancelled = anyio.Event(), anyio.Event()

        async def do(_item: int, _sleep: Any) -> None:
            begun.set()
            await cancelled.wait()
            for _ in range(50):
                await anyio.lowlevel.checkpoint()
            if not is_patient:
                await anyio.sleep_forever()

        pool = Pool(do)
        batch = pool.async_batch()
        with anyio.CancelScope() as scope:
            async with batch:
                await begun.wait()
                scope.cancel()
                cancelled.set()
                await anext(batch)
        assert scope.cancelled_caught
        assert [each async for each in batch] == [None if is_patient else 0]
        assert (pool.done, pool.closed) == ([0] if is_patient else [], 1)

    anyio.run(test, backend=backend)
