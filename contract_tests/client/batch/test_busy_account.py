"""A job whose create is refused because the account is busy: it waits, and is never paid twice for that."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import evolve

from contract_tests.client.batch.conftest import CREATE, MADE, TASK_ID, UNDONE, WAITED
from kling_elements import RateLimitError, RetryPolicy
from kling_elements.batch.results import JobStatus
from kling_elements.errors import JournalUnusable

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.batch.conftest import Bench
    from kling_elements import KlingElements

PAUSES = [15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 600.0]


def busy(bench: Bench, times: int, hint: int | None = None, **body: Any) -> None:
    """Let the service refuse so many creates by a rate, the first one with a hint of when it ends."""
    hints = iter([{"retry-after": str(hint)}] if hint else [])

    def answer() -> httpx.Response:
        if bench.service.asked.count(CREATE) > times:
            return bench.service.make("a")
        body_ = {"message": "Rate limit exceeded", **body}
        return httpx.Response(429, json=body_, headers=next(hints, {}))

    bench.service.plan = {"a": answer}


def patient(bench: Bench, slept: list[float], then: Callable[[], object] = list) -> KlingElements:
    """Return a client that sends each create once, notes its pauses, and does something in each."""

    def sleep(seconds: float) -> None:
        if seconds:
            slept.append(seconds)
            then()

    return bench.open_client(sleep=sleep, retries=RetryPolicy(attempts=1))


@pytest.mark.parametrize(
    ("times", "hint", "pauses"),
    [(1, None, PAUSES[:1]), (1, 10, PAUSES[:1]), (2, 40, [40.0, 30.0]), (7, None, PAUSES)],
)
def test_a_job_waits_until_the_account_is_free(
    bench: Bench, times: int, hint: int | None, pauses: list[float]
) -> None:
    """A job pauses longer and longer, or as long as the service asks, and is then done like any other."""
    slept: list[float] = []
    busy(bench, times, hint)
    assert bench.run(client=patient(bench, slept)) == bench.done()
    assert bench.service.asked == [CREATE] * (times + 1) + WAITED
    assert slept == pauses


def test_a_job_does_not_wait_for_ever(bench: Bench) -> None:
    """After half an hour a job is refused; run again, it is created."""
    slept: list[float] = []
    busy(bench, 8)
    assert bench.run(client=patient(bench, slept)) == evolve(UNDONE, standing=JobStatus.REFUSED)
    assert isinstance(bench.error, RateLimitError)
    assert (bench.service.asked, slept) == ([CREATE] * 8, PAUSES)
    assert bench.run().standing is JobStatus.DONE


def test_a_refusal_that_names_a_task_is_not_repeated(bench: Bench) -> None:
    """A 429 that names a task may have made it: the next run waits for it, and no other is made."""
    slept: list[float] = []
    busy(bench, 1, data={"task_id": TASK_ID, "status": "CREATED", "generated": []})
    result = bench.run(client=patient(bench, slept))
    assert result == evolve(UNDONE, standing=JobStatus.UNFINISHED, task_id=TASK_ID)
    assert (bench.service.asked, slept) == ([CREATE], [])
    bench.service.make("a")
    assert bench.run() == bench.done()
    assert bench.service.asked == MADE


@pytest.mark.parametrize("is_answered", [False, True])
def test_another_process_may_begin_the_job_meanwhile(bench: Bench, *, is_answered: bool) -> None:
    """A job that another process began during a pause is that one's, and is not sent a second time."""
    slept: list[float] = []
    begun: list[str] = []

    def begin() -> None:
        begun.append(bench.begin())
        if is_answered:
            bench.journal.unknown(begun[0], "the answer was cut")

    busy(bench, 1)
    result = bench.run(client=patient(bench, slept, begin))
    standing = JobStatus.UNKNOWN if is_answered else JobStatus.BUSY
    assert result == evolve(UNDONE, standing=standing, entry_id=begun[0] if is_answered else None)
    assert (bench.service.asked, slept) == ([CREATE], PAUSES[:1])


@pytest.mark.parametrize("last", [1, 7], ids=["the first pause", "the last pause"])
def test_a_journal_that_breaks_in_a_pause_ends_it(bench: Bench, last: int) -> None:
    """Before each create, the last one too, the journal must be usable: what is paid is written down."""
    slept: list[float] = []

    def break_it() -> None:
        if len(slept) == last:
            with closing(
                sqlite3.connect(bench.folder / "journal.sqlite3", isolation_level=None)
            ) as connection:
                connection.execute("DROP TABLE entries")
                connection.execute("DROP TABLE meta")

    busy(bench, 8)
    with pytest.raises(JournalUnusable):
        bench.run(client=patient(bench, slept, break_it))
    assert bench.service.asked == [CREATE] * last
