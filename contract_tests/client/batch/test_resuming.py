"""One entry that is finished: what it comes to, whole, what is noted, and who may work on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import evolve

from contract_tests.client.batch.conftest import DONE, FETCH, LOOK, TASK_ID, VIDEO
from kling_elements import DownloadError, Task, TaskFailed
from kling_elements.batch.results import JobStatus
from kling_elements.batch.resume import CLAIM_SECONDS, Claim, Resumed
from kling_elements.journal import Journal, NewEntry, State
from kling_elements.operations.wait import Look

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.batch.conftest import Bench

PAST = "100000000"


def resume(bench: Bench, client: Any = None, **options: Any) -> Resumed[Task]:
    """What becomes of the one unfinished entry."""
    (resumed,) = (client or bench.open_client()).resume(workers=1, **options)
    found: Resumed[Task] = resumed
    return found


def fetching(bench: Bench, fetch: Callable[[], httpx.Response], query: str = "") -> Any:
    """A client whose videos are answered otherwise, and have a query."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "results.example.com":
            return fetch()
        told = bench.service(request)
        return httpx.Response(told.status_code, text=told.text.replace(".mp4", f".mp4{query}"))

    return bench.open_client(handler=answer, sleep=lambda _: None)


def test_an_entry_comes_to_its_video(bench: Bench) -> None:
    """A task is fetched to the file that is noted for it, whose folder is made, and that is noted."""
    entry_id = bench.create()
    other_id = bench.create_elsewhere()
    target = bench.target.parent / "new" / "deep" / "a.mp4"
    bench.journal.set_target(TASK_ID, target, bench.open_client().journal_owner.origin)
    entry = bench.entry(entry_id)
    assert resume(bench) == Resumed(entry, JobStatus.DONE, DONE, target)
    assert bench.service.asked == [LOOK, LOOK, FETCH]
    assert target.read_bytes() == VIDEO
    assert bench.entry(entry_id).file == str(target)
    assert (bench.entry(other_id).file, bench.entry(other_id).target) == (None, None)
    assert bench.is_free()


def test_a_folder_is_for_entries_without_a_file(bench: Bench) -> None:
    """A task without a file is fetched to the folder that was given, of this service alone."""
    entry = bench.entry(bench.create())
    other_id = bench.create_elsewhere()
    target = bench.target.parent / f"{TASK_ID}.mp4"
    assert resume(bench, directory=target.parent) == Resumed(entry, JobStatus.DONE, DONE, target)
    assert bench.entry(entry.entry_id).target == bench.entry(entry.entry_id).file == str(target)
    assert bench.entry(other_id).target is None


def test_a_file_that_is_there_is_noted(bench: Bench) -> None:
    """A file that appeared after the create is noted as the video of this service's task, and not fetched."""
    entry_id = bench.create()
    other_id = bench.create_elsewhere()
    bench.target.write_bytes(VIDEO)
    bench.journal.set_target(TASK_ID, bench.target, bench.open_client().journal_owner.origin)
    entry = bench.entry(entry_id)
    assert resume(bench) == Resumed(entry, JobStatus.EXISTING, DONE, bench.target)
    assert bench.service.asked == [LOOK, LOOK]
    assert (bench.entry(entry_id).file, bench.entry(other_id).file) == (str(bench.target), None)


def test_an_entry_of_another_process_is_left_to_it(bench: Bench) -> None:
    """An entry that another process works on is told as it was found, and not asked for."""
    entry_id = bench.create()
    assert bench.journal.claim(entry_id, "another", 60)
    assert resume(bench) == Resumed(bench.entry(entry_id), JobStatus.BUSY)
    assert bench.service.asked == []


def test_a_task_that_failed_is_told_with_it(bench: Bench) -> None:
    """A task that failed is told with its last state and the error, and is nobody's any more."""
    entry = bench.entry(bench.create())
    bench.service.ends = {"a": "FAILED"}
    resumed = resume(bench)
    assert evolve(resumed, error=None) == Resumed(entry, JobStatus.FAILED, Task(TASK_ID, "FAILED"))
    assert isinstance(resumed.error, TaskFailed)
    assert bench.is_free()


def test_changes_of_an_entry_are_told(bench: Bench) -> None:
    """Each change is told with its entry, and what is over runs on no more."""
    entry = bench.entry(bench.create())
    seen: list[Any] = []
    batch = bench.open_client().resume(on_update=lambda entry, task: seen.append((entry, task)))
    assert [each.standing for each in batch] == [JobStatus.DONE]
    assert seen == [(entry, Task(TASK_ID, "IN_PROGRESS")), (entry, DONE)]
    assert batch.running == ()


def test_a_folder_that_cannot_be_made_is_told(bench: Bench) -> None:
    """A video that can't be stored is told with its task, the reason, and how long it can be had."""
    bench.create()
    (bench.target.parent / "file").write_text("")
    target = bench.target.parent / "file" / "a.mp4"
    bench.journal.set_target(TASK_ID, target)
    resumed = resume(bench, fetching(bench, lambda: httpx.Response(500), "?token=exp=4102444800~hmac=00"))
    error = resumed.error
    assert isinstance(error, DownloadError)
    assert str(error) == f"the video of task {TASK_ID} was not stored as {target}: File exists"
    assert (error.task_id, error.expires_at) == (TASK_ID, datetime(2100, 1, 1, tzinfo=UTC))
    assert (resumed.standing, bench.of_job().state) == (JobStatus.UNFINISHED, State.CREATED)


def test_a_file_system_error_without_words_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason that the system has no words for is told as it is."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no words")

    bench.create()
    bench.journal.set_target(TASK_ID, bench.target)
    client = bench.open_client()
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.mkdir", refuse)
        resumed = resume(bench, client)
    assert str(resumed.error).endswith(f"{bench.target}: no words")


def cut() -> httpx.Response:
    raise httpx.ReadError("cut")


@pytest.mark.parametrize(
    ("fetch", "query", "state"),
    [
        (lambda: httpx.Response(403), f"?token=exp={PAST}~hmac=00", State.ABANDONED),
        (lambda: httpx.Response(404), "", State.CREATED),
        (lambda: httpx.Response(500), "?token=exp=4102444800~hmac=00", State.CREATED),
        (cut, f"?token=exp={PAST}~hmac=00", State.CREATED),
    ],
    ids=["refused after its hour", "gone, and no hour told", "refused within its hour", "cut after its hour"],
)
def test_only_what_is_lost_for_sure_is_given_up(
    bench: Bench, fetch: Callable[[], httpx.Response], query: str, state: State
) -> None:
    """A video is given up if the service's own answer says so after its hour; else it is tried again."""
    bench.create()
    bench.journal.set_target(TASK_ID, bench.target)
    assert not resume(bench, fetching(bench, fetch, query)).standing.is_done
    assert bench.of_job().state is state
    note = "the video expired at 1973-03-03 09:46:40 UTC before it was fetched"
    assert bench.of_job().note == (note if state is State.ABANDONED else None)


@pytest.mark.parametrize(("pause", "until"), [(None, 900.0), (0.0, 900.0), (60.0, 960.0)])
def test_a_claim_lasts_beyond_the_next_look(pause: float | None, until: float) -> None:
    """At each look a claim is prolonged by a quarter of an hour after the next one."""
    journal = Journal.open(False, clock=lambda: 1000.0)
    entry = journal.adopt(Task("t", "CREATED"), NewEntry("std", "o", "f"))
    claim = Claim(journal, entry.entry_id)
    claim.at_look(Look("t", None, None, 0.0, pause))
    found = journal.entry(entry.entry_id)
    assert found
    assert found.lease
    assert found.lease.until == 1000.0 + until
    assert CLAIM_SECONDS == 900.0


def test_a_wait_prolongs_its_claim(bench: Bench) -> None:
    """A task that is waited for for hours is held all the time: the claim grows with each look."""
    now = [1_000_000.0]
    journal = Journal(None, lambda: now[0], lambda: now[0])
    ends: list[float] = []

    def sleep(_: float) -> None:
        (entry,) = journal.entries()
        assert entry.lease
        ends.append(entry.lease.until)
        now[0] += 500.0
        bench.service.looks[TASK_ID] = len(ends) // 3

    client = bench.open_client(journal=journal, sleep=sleep, poll_interval=10)
    owner = client.journal_owner
    bench.service.make("a")
    journal.adopt(Task(TASK_ID, "CREATED"), NewEntry("std", owner.origin, owner.fingerprint))
    assert resume(bench, client).standing is JobStatus.DONE
    assert ends == [1_000_900.0, 1_001_410.0, 1_001_910.0]
