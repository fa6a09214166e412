"""Resuming: what was begun is finished once, and what is doubtful is told, never repeated."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.client.batch.conftest import DONE, FETCH, LOOK, TASK_ID, URL, VIDEO, with_client
from kling_elements import DeadlineExceeded, DownloadError, OutcomeUnknown, Task
from kling_elements.batch.results import JobStatus
from kling_elements.batch.resume import Resumed
from kling_elements.files import file_name
from kling_elements.journal import Journal, NewEntry, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contract_tests.client.batch.conftest import Bench, Open, Service
    from kling_elements import AsyncKlingElements, KlingElements
    from kling_elements.journal import Entry


def begin(client: KlingElements, service: Service, target: Path | None, prompt: str = "a") -> str:
    """Create a task and stop waiting for it; gives its id."""
    service.ends[prompt] = "IN_PROGRESS"
    with pytest.raises(DeadlineExceeded) as caught:
        client.generate([URL], prompt=prompt, target=target, timeout=0)
    del service.ends[prompt]
    return caught.value.task_id


def test_what_was_begun_is_finished_once(service: Service, open_client: Open, tmp_path: Path) -> None:
    """A task that was left is waited for and its video goes where it was to go; then nothing is left."""
    target = tmp_path / "sub" / "out.mp4"
    task_id = begin(open_client(), service, target)
    (resumed,) = open_client().resume()
    assert (resumed.standing, resumed.file, resumed.entry.task_id) == (JobStatus.DONE, target, task_id)
    assert target.read_bytes() == VIDEO
    assert list(open_client().resume()) == []
    assert len(service.prompts) == 1


def test_a_task_without_a_file(service: Service, open_client: Open, tmp_path: Path) -> None:
    """A task of which no file is noted is waited for; with a folder its video is fetched there."""
    first, second = (begin(open_client(), service, None, prompt) for prompt in "ab")
    client = open_client()
    resumed = next(iter(client.resume(workers=1)))
    assert (resumed.standing, resumed.file) == (JobStatus.DONE, None)
    assert resumed.task
    assert resumed.task.urls
    left = list(open_client().resume(directory=tmp_path / "rescued"))
    assert [each.file for each in left] == [tmp_path / "rescued" / f"{second}.mp4"]
    assert resumed.entry.task_id == first


def test_a_file_that_appeared_is_the_video(service: Service, open_client: Open, tmp_path: Path) -> None:
    """A process killed between the file and the note fetches nothing twice; an older file is another one."""
    target = tmp_path / "out.mp4"
    begin(open_client(), service, target)
    target.write_bytes(b"whole")
    (resumed,) = open_client().resume()
    assert (resumed.standing, resumed.file) == (JobStatus.EXISTING, target)
    assert target.read_bytes() == b"whole"
    assert list(open_client().resume()) == []
    begin(open_client(), service, target, "b")
    os.utime(target, (0, 0))
    (resumed,) = open_client().resume()
    assert resumed.standing is JobStatus.UNFINISHED
    assert "exists: choose another name" in str(resumed.error)
    assert target.read_bytes() == b"whole"


def test_a_doubtful_create_is_not_resumed(service: Service, open_client: Open) -> None:
    """A create whose outcome is unknown is not touched; its task is found among the unrecorded."""

    def lost() -> httpx.Response:
        service.make("a")
        return httpx.Response(500, json={"message": "oops"})

    service.plan = {"a": lost}
    client = open_client()
    with pytest.raises(OutcomeUnknown):
        client.generate([URL], prompt="a")
    assert list(client.resume()) == []
    assert len(client.journal.doubtful(client.journal_owner.origin, client.journal_owner.fingerprint)) == 1
    assert [task.id for task in client.find_unrecorded()] == list(service.prompts)


@pytest.mark.parametrize("task_id", ["../../etc/passwd", "a/b", "\0", "", "x" * 500, "ä"])
def test_a_files_name_stays_in_its_folder(task_id: str) -> None:
    """Whatever the service calls a task, its file is one in the folder."""
    name = file_name(task_id)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
    assert name.endswith(".mp4")
    assert len(name) < 120


def resume(
    backend: str | None,
    service: Service,
    open_client: Open,
    folder: Path,
    slept: list[float],
    **options: Any,
) -> list[Any]:
    """Resume with the synchronous client, or with the other one under an event loop."""
    if backend is None:
        return list(open_client(sleep=slept.append).resume(**options))
    results: list[Any] = []

    async def work(client: AsyncKlingElements) -> None:
        results.extend([result async for result in client.resume(**options)])

    with_client(backend, service, folder, work, sleep=slept.append)
    return results


@pytest.mark.parametrize("backend", [None, "asyncio", "trio"])
def test_a_resumption_is_as_it_was_asked_for(
    service: Service, open_client: Open, tmp_path: Path, backend: str | None
) -> None:
    """Videos go to the given folder, and the client's own sleep is slept by the given interval."""
    task_id = begin(open_client(), service, None)
    service.looks.clear()  # so that it is done at the second look from here
    seen: list[tuple[str | None, str]] = []

    def listen(entry: Entry, task: Task) -> None:
        seen.append((entry.task_id, task.status))

    slept: list[float] = []
    [resumed] = resume(
        backend,
        service,
        open_client,
        tmp_path,
        slept,
        directory=tmp_path / "rescued",
        workers=1,
        poll_interval=3.0,
        on_update=listen,
    )
    assert (resumed.error, resumed.standing, resumed.entry.task_id) == (None, JobStatus.DONE, task_id)
    assert resumed.file == tmp_path / "rescued" / f"{task_id}.mp4"
    assert resumed.file.read_bytes() == VIDEO
    assert slept == [3.0]
    assert seen == [(task_id, "IN_PROGRESS"), (task_id, "COMPLETED")]
    assert resume(backend, service, open_client, tmp_path, slept) == []


PAST = "100000000"


def resume_one(bench: Bench, client: Any = None, **options: Any) -> Resumed[Task]:
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
    assert resume_one(bench) == Resumed(entry, JobStatus.DONE, DONE, target)
    assert bench.service.asked == [LOOK, LOOK, FETCH]
    assert target.read_bytes() == VIDEO
    assert bench.entry(entry_id).file == str(target)
    assert (bench.entry(other_id).file, bench.entry(other_id).target) == (None, None)
    assert bench.is_free()


def test_an_entry_of_another_process_is_left_to_it(bench: Bench) -> None:
    """An entry that another process works on is told as it was found, and not asked for."""
    entry_id = bench.create()
    assert bench.journal.claim(entry_id, "another", 60)
    assert resume_one(bench) == Resumed(bench.entry(entry_id), JobStatus.BUSY)
    assert bench.service.asked == []


def test_a_folder_that_cannot_be_made_is_told(bench: Bench) -> None:
    """A video that can't be stored is told with its task, the reason, and how long it can be had."""
    bench.create()
    (bench.target.parent / "file").write_text("")
    target = bench.target.parent / "file" / "a.mp4"
    bench.journal.set_target(TASK_ID, target)
    resumed = resume_one(bench, fetching(bench, lambda: httpx.Response(500), "?token=exp=4102444800~hmac=00"))
    error = resumed.error
    assert isinstance(error, DownloadError)
    assert str(error) == f"the video of task {TASK_ID} was not stored as {target}: File exists"
    assert (error.task_id, error.expires_at) == (TASK_ID, datetime(2100, 1, 1, tzinfo=UTC))
    assert (resumed.standing, bench.of_job().state) == (JobStatus.UNFINISHED, State.CREATED)


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
    assert not resume_one(bench, fetching(bench, fetch, query)).standing.is_done
    assert bench.of_job().state is state
    note = "the video expired at 1973-03-03 09:46:40 UTC before it was fetched"
    assert bench.of_job().note == (note if state is State.ABANDONED else None)


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
    assert resume_one(bench, client).standing is JobStatus.DONE
    assert ends == [1_000_900.0, 1_001_410.0, 1_001_910.0]
