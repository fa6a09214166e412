"""One job of a batch: what it comes to, whole, by what the journal says of it, and what is asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from attrs import evolve

from contract_tests.client.batch.conftest import CREATE, DONE, FETCH, JOB, LOOK, TASK_ID, TOLD, VIDEO
from kling_elements import Task
from kling_elements.batch.results import JobStatus
from kling_elements.journal import Job, NewEntry, State

if TYPE_CHECKING:
    from contract_tests.client.batch.conftest import Bench


@pytest.mark.parametrize("is_fetched", [True, False], ids=["to a file", "not fetched"])
def test_a_job_comes_to_its_video(bench: Bench, *, is_fetched: bool) -> None:
    """A job that is done tells its task, its file if it has one, and itself; its changes were told before."""
    seen: list[tuple[str, str]] = []
    target = bench.target if is_fetched else None
    told = bench.run(
        directory=target and target.parent,
        on_update=lambda order, task: seen.append((order.key, task.status)),
    )
    assert told == evolve(TOLD, standing=JobStatus.DONE, task=DONE, task_id=TASK_ID, file=target)
    assert seen == [("a", "CREATED"), ("a", "IN_PROGRESS"), ("a", "COMPLETED")]
    assert bench.service.asked == [CREATE, LOOK, LOOK, *([FETCH] if is_fetched else [])]


@pytest.mark.parametrize("is_fetched", [True, False], ids=["to a file", "not fetched"])
def test_a_job_that_was_begun_is_gone_on_with(bench: Bench, *, is_fetched: bool) -> None:
    """A task that an earlier run made is waited for and fetched, and told with all its changes."""
    bench.create()
    seen: list[tuple[str, Task]] = []
    target = bench.target if is_fetched else None
    told = bench.run(
        directory=target and target.parent, on_update=lambda order, task: seen.append((order.key, task))
    )
    assert told == evolve(TOLD, standing=JobStatus.DONE, task=DONE, task_id=TASK_ID, file=target)
    assert bench.service.asked == [LOOK, LOOK, *([FETCH] if is_fetched else [])]
    assert seen == [("a", Task(TASK_ID, "IN_PROGRESS")), ("a", DONE)]


def test_a_file_that_is_there_is_told_and_noted(bench: Bench) -> None:
    """Killed between the file and the note, a job asks nothing of anybody, and the file is noted."""
    entry_id = bench.create()
    other_id = bench.create_elsewhere()
    bench.target.write_bytes(VIDEO)
    assert bench.run() == evolve(TOLD, standing=JobStatus.EXISTING, task_id=TASK_ID, file=bench.target)
    assert bench.service.asked == []
    assert bench.entry(entry_id).file == str(bench.target)
    assert bench.entry(other_id).file is None


@pytest.mark.parametrize("is_begun", [True, False])
def test_a_file_of_nobodys_counts(bench: Bench, *, is_begun: bool) -> None:
    """A file that exists counts as finished, whoever made it, whether a create was begun or not."""
    if is_begun:
        bench.begin()
    bench.target.write_bytes(VIDEO)
    assert bench.run() == evolve(TOLD, standing=JobStatus.EXISTING, file=bench.target)
    assert bench.service.asked == []


@pytest.mark.parametrize("standing", [JobStatus.BUSY, JobStatus.UNKNOWN])
def test_a_doubtful_create_is_not_repeated(bench: Bench, standing: JobStatus) -> None:
    """What another process is sending, or has sent in vain, is told even if the image is gone by now."""
    entry_id: str | None = bench.begin()
    if standing is JobStatus.UNKNOWN:
        bench.journal.unknown(str(entry_id), "cut")
    told = bench.run(evolve(JOB, images=("gone.png",)), retry_failed=True)
    assert evolve(told, job=JOB) == evolve(
        TOLD, standing=standing, entry_id=entry_id if standing is JobStatus.UNKNOWN else None
    )
    assert bench.service.asked == []


@pytest.mark.parametrize("state", [State.CREATED, State.UNKNOWN, State.REFUSED])
def test_a_job_that_was_begun_at_another_service(bench: Bench, state: State) -> None:
    """A task or a doubtful create of another service is not this one's; what it refused is made here."""
    new = NewEntry("std", "https://other.example", "f", job=Job("b", "a"))
    entry_id = bench.journal.begin(new).entry_id
    if state is State.CREATED:
        bench.journal.created(entry_id, Task(TASK_ID, "CREATED"))
    elif state is State.UNKNOWN:
        bench.journal.unknown(entry_id, "cut")
    else:
        bench.journal.refused(entry_id, "no")
    told = bench.run()
    if state is State.REFUSED:
        assert told.standing is JobStatus.DONE
        return
    assert told == evolve(TOLD, standing=JobStatus.INVALID)
    assert bench.service.asked == []
    assert bench.entry(entry_id).state is state


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_what_is_done_again_is_given_up_before(bench: Bench, state: str) -> None:
    """What is created anew on request leaves an entry that says so, so that nothing waits for it."""
    entry_id = bench.begin()
    if state == "failed":
        bench.journal.created(entry_id, Task("t-failed", "FAILED"))
    else:
        bench.journal.unknown(entry_id, "the answer was cut")
    told = bench.run(retry_failed=state == "failed", retry_unknown=state == "unknown")
    assert told == evolve(TOLD, standing=JobStatus.DONE, task=DONE, task_id=TASK_ID, file=bench.target)
    entry = bench.entry(entry_id)
    assert (entry.state, entry.note) == (State.ABANDONED, "done again, as was asked")
    assert bench.service.asked == [CREATE, LOOK, LOOK, FETCH]


def test_the_file_of_a_task_is_noted_before_the_wait(bench: Bench) -> None:
    """Where a video goes is in the journal while its task is waited for: of this service's task alone."""
    entry_id = bench.create()
    other_id = bench.create_elsewhere()
    assert bench.run(timeout=0) == evolve(TOLD, standing=JobStatus.UNFINISHED, task_id=TASK_ID)
    assert bench.entry(entry_id).target == str(bench.target)
    assert bench.entry(other_id).target is None


@pytest.mark.parametrize("is_begun", [True, False])
def test_a_task_is_held_while_it_is_worked_on(bench: Bench, *, is_begun: bool) -> None:
    """No other process can take a task while it is waited for and fetched; afterwards it can."""
    if is_begun:
        bench.create()
    free: list[bool] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "results.example.com":
            free.append(bench.is_free())
        return bench.service(request)

    client = bench.open_client(handler=answer, sleep=lambda _: free.append(bench.is_free()))
    assert bench.run(client=client).standing is JobStatus.DONE
    assert free == [False] * (2 if is_begun else 3)
    assert bench.is_free()


def test_a_video_that_cannot_be_fetched_keeps_its_task(bench: Bench) -> None:
    """A fetch that fails after a create is told with the task, whose video the next run fetches."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404) if request.url.host == "results.example.com" else bench.service(request)

    result = bench.run_whole(client=bench.open_client(handler=answer))
    assert evolve(result, error=None) == evolve(
        TOLD, standing=JobStatus.UNFINISHED, task=DONE, task_id=TASK_ID
    )
    assert "404" in str(result.error)
    assert bench.run() == evolve(TOLD, standing=JobStatus.DONE, task=DONE, task_id=TASK_ID, file=bench.target)
    assert bench.service.made() == {"a": 1}


@pytest.mark.parametrize("when", ["on_update", "sleep"])
def test_a_journal_that_loses_the_entry_loses_no_video(bench_on_disk: Bench, when: str) -> None:
    """If somebody empties the journal meanwhile, the video is fetched all the same."""
    bench = bench_on_disk
    client = bench.open_client(**({"sleep": lambda _: bench.forget()} if when == "sleep" else {}))
    told = bench.run(client=client, on_update=lambda *_: bench.forget() if when == "on_update" else None)
    assert told == evolve(TOLD, standing=JobStatus.DONE, task=DONE, task_id=TASK_ID, file=bench.target)


def test_a_journal_that_loses_the_entry_makes_nothing_sure(bench_on_disk: Bench) -> None:
    """If somebody empties the journal while a create is sent that is not answered, it is unknown."""
    bench = bench_on_disk

    def lost() -> httpx.Response:
        bench.forget()
        return httpx.Response(500, json={"message": "oops"})

    bench.service.plan = {"a": lost}
    assert bench.run() == evolve(TOLD, standing=JobStatus.UNKNOWN)
