"""A job whose create is refused because the account is busy: it waits, and is never paid twice for that."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import evolve

from contract_tests.client.batch.conftest import CREATE, DONE, FETCH, JOB, LOOK, TASK_ID, TOLD
from kling_elements import RateLimitError, RetryPolicy
from kling_elements.batch.results import JobStatus
from kling_elements.errors import JournalUnusable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contract_tests.client.batch.conftest import Bench
    from kling_elements import KlingElements

PAUSES = [15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 600.0]


def busy(times: int, bench: Bench, hint: int | None = None, **body: Any) -> None:
    """Let the service refuse so many creates by a rate, the first one with a hint of when it ends."""
    hints = iter([hint])

    def answer() -> httpx.Response:
        if len([each for each in bench.service.asked if each == CREATE]) > times:
            return bench.service.make("a")
        told = next(hints, None)
        headers = {"retry-after": str(told)} if told else {}
        return httpx.Response(429, json={"message": "Rate limit exceeded", **body}, headers=headers)

    bench.service.plan = {"a": answer}


def patient(bench: Bench, slept: list[float], then: Callable[[float], object] = float) -> KlingElements:
    """A client that sends each create once, notes its pauses, and then does something else."""

    def sleep(seconds: float) -> None:
        if seconds:
            slept.append(seconds)
            then(seconds)

    return bench.open_client(sleep=sleep, retries=RetryPolicy(attempts=1))


@pytest.mark.parametrize(
    ("times", "hint", "pauses"),
    [(1, None, PAUSES[:1]), (1, 10, PAUSES[:1]), (1, 40, [40.0]), (2, 40, [40.0, 30.0]), (7, None, PAUSES)],
)
def test_a_job_waits_until_the_account_is_free(
    bench: Bench, times: int, hint: int | None, pauses: list[float]
) -> None:
    """A job pauses longer and longer, or as long as the service asks, and is then done like any other."""
    slept: list[float] = []
    busy(times, bench, hint)
    told = bench.run(client=patient(bench, slept))
    assert told == evolve(TOLD, standing=JobStatus.DONE, task=DONE, task_id=TASK_ID, file=bench.target)
    assert bench.service.asked == [CREATE] * (times + 1) + [LOOK, LOOK, FETCH]
    assert slept == pauses


def test_a_job_does_not_wait_for_ever(bench: Bench) -> None:
    """After half an hour a job is told as refused; run again, it is created."""
    slept: list[float] = []
    busy(8, bench)
    result = bench.run_whole(client=patient(bench, slept))
    assert evolve(result, error=None) == evolve(TOLD, standing=JobStatus.REFUSED)
    assert isinstance(result.error, RateLimitError)
    assert bench.service.asked == [CREATE] * 8
    assert slept == PAUSES
    assert 1700 < sum(slept) < 1800
    assert bench.run().standing is JobStatus.DONE


def test_a_refusal_that_names_a_task_is_not_repeated(bench: Bench) -> None:
    """A 429 that names a task may have made it: that is waited for by the next run, and no other is made."""
    slept: list[float] = []
    busy(1, bench, data={"task_id": TASK_ID, "status": "CREATED", "generated": []})
    result = bench.run(client=patient(bench, slept))
    assert result == evolve(TOLD, standing=JobStatus.UNFINISHED, task_id=TASK_ID)
    assert (bench.service.asked, slept) == ([CREATE], [])
    bench.service.make("a")
    told = bench.run()
    assert told == evolve(TOLD, standing=JobStatus.DONE, task=DONE, task_id=TASK_ID, file=bench.target)
    assert bench.service.asked == [CREATE, LOOK, LOOK, FETCH]


@pytest.mark.parametrize("is_answered", [False, True])
def test_another_process_may_begin_the_job_meanwhile(bench: Bench, *, is_answered: bool) -> None:
    """A job that another process began during a pause is that one's, and is not sent a second time."""
    slept: list[float] = []
    begun: list[str] = []

    def begin(_: float) -> None:
        begun.append(bench.begin())
        if is_answered:
            bench.journal.unknown(begun[0], "the answer was cut")

    busy(1, bench)
    told = bench.run(client=patient(bench, slept, begin))
    if is_answered:
        assert told == evolve(TOLD, standing=JobStatus.UNKNOWN, entry_id=begun[0])
    else:
        assert told == evolve(TOLD, standing=JobStatus.BUSY)
    assert (bench.service.asked, slept) == ([CREATE], PAUSES[:1])


@pytest.mark.parametrize("last", [1, 7], ids=["the first pause", "the last pause"])
def test_a_journal_that_breaks_in_a_pause_ends_it(bench_on_disk: Bench, tmp_path: Path, last: int) -> None:
    """Before each create, the last one too, the journal must be usable: what is paid is written down."""
    bench = bench_on_disk
    slept: list[float] = []

    def break_it(_: float) -> None:
        if len(slept) == last:
            with closing(sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)) as connection:
                connection.execute("DROP TABLE entries")
                connection.execute("DROP TABLE meta")

    busy(8, bench)
    client = patient(bench, slept, break_it)
    with pytest.raises(JournalUnusable, match="would pay twice"):
        list(client.batch([JOB], directory=bench.target.parent, batch_id="b"))
    assert bench.service.asked == [CREATE] * last
