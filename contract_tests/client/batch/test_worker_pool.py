"""The worker pool of a synchronous batch: failures, pauses, signals, and how long leaving takes."""

from __future__ import annotations

import threading

import pytest

from contract_tests.client.batch.desk import Desk, Sleep, numbers
from kling_elements.batch import worker_pool as engine
from kling_elements.batch.results import BatchClosed, Running


def test_a_signal_while_the_threads_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before all threads run ends those that do, and is itself what is raised."""
    start = threading.Thread.start

    def start_one(thread: threading.Thread) -> None:
        if thread.name.endswith("1"):
            raise KeyboardInterrupt
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    desk = Desk(lambda item, _sleep: item, numbers(1, 2, 3), workers=2)
    with pytest.raises(KeyboardInterrupt), desk.batch() as batch:
        next(batch)
    assert desk.closed == 1
    assert not any(thread.is_alive() for thread in desk.threads)


def test_a_batch_that_was_left_begins_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A batch that is closed before its first result does nothing, and closed again tells nothing anew."""
    caplog.set_level("INFO")
    desk = Desk(lambda item, _sleep: item, numbers(1, 2, 3))
    desk.running_tasks.add("a", "t-1")
    batch = desk.batch()
    for _ in range(2):
        batch.close()
    assert list(batch) == []
    assert (desk.done, desk.closed) == ([], 1)
    assert batch.running == (Running("a", "t-1"),)
    (told,) = [each.getMessage() for each in caplog.records]
    assert "t-1" in told
    assert "kling-elements resume" in told


@pytest.mark.parametrize("is_told", [True, False], ids=["a result that ends it", "an error"])
def test_after_a_failure_no_more_is_begun(*, is_told: bool) -> None:
    """A failure ends the reading; what was begun gives its result, and then the first failure comes."""
    begun = threading.Barrier(3)
    failed = threading.Event()
    failing: list[threading.Thread] = []

    def fail(error: Exception) -> Exception:
        if is_told:
            return error
        raise error

    def do(item: int, _sleep: Sleep) -> object:
        if item == 2:
            failing.append(threading.current_thread())
        if item <= 3:
            begun.wait()
        if item == 2:
            return fail(LookupError(item))
        if is_told:
            failed.wait()
        else:
            failing[0].join()
        return fail(OSError(item)) if item == 1 else item

    desk = Desk(do, numbers(1, 2, 3, 4, 5, 6), workers=3)
    batch = desk.batch()
    seen: list[object] = []
    if is_told:
        seen.append(next(batch))
        failed.set()
    with pytest.raises(LookupError) as caught:
        seen.extend(iter(batch.__next__, None))
    assert caught.value.args == (2,)
    assert sorted(desk.done) == ([1, 2, 3] if is_told else [3])
    assert sorted(map(str, seen)) == (["1", "2", "3"] if is_told else ["3"])
    assert list(batch) == []


def test_what_is_on_its_way_is_awaited() -> None:
    """Left early, a batch awaits what is being sent, and only then closes what is needed for it."""
    begun, left = threading.Event(), threading.Event()
    closed: list[int] = []

    def do(item: int, sleep: Sleep) -> int:
        begun.set()
        left.wait()
        closed.append(desk.closed)
        return item

    desk = Desk(do, numbers(1, 2))
    batch = desk.batch()
    taking = threading.Thread(target=lambda: list(batch))
    taking.start()
    begun.wait()
    closing = threading.Thread(target=batch.close)
    closing.start()
    taking.join()  # nobody waits for results any more
    left.set()
    closing.join()
    assert (desk.done, closed, desk.closed) == ([1], [0], 1)


def test_a_pause_ends_when_the_batch_is_left() -> None:
    """What pauses stops at once when the batch is left, however long the pause was to be."""
    paused = threading.Event()
    stopped: list[str] = []

    def do(item: int, sleep: Sleep) -> int:
        if item:
            paused.set()
            try:
                sleep(float("inf"))
            except BatchClosed as error:
                stopped.append(str(error))
                raise
        return item

    desk = Desk(do, numbers(0, 1, 2))
    with desk.batch() as batch:
        assert next(batch) == 0
        paused.wait()
    assert stopped == ["the batch was closed"]
    assert (desk.done, desk.closed) == ([0], 1)


def test_leaving_takes_no_longer_than_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that hangs is left behind after the grace, keeps no process, and what it uses stays open."""
    monkeypatch.setattr(engine, "GRACE", 0.0)
    begun, left = threading.Barrier(2), threading.Event()

    def do(item: int, _sleep: Sleep) -> int:
        if item:
            begun.wait()
            left.wait()
        return item

    desk = Desk(do, numbers(0, 1))
    batch = desk.batch()
    assert next(batch) == 0
    begun.wait()
    batch.close()
    assert desk.closed == 0
    assert all(thread.daemon for thread in desk.threads)
    left.set()
    for thread in desk.threads:
        thread.join()
