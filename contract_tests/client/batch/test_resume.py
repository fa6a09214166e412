"""Resuming: what was begun is finished once; what is doubtful is reported, never repeated."""

import os
from pathlib import Path
from typing import Any

import anyio.lowlevel
import httpx
import pytest

from contract_tests.client.batch.conftest import DONE, HOST, TASK_ID, URL, VIDEO, WAITED, Bench, answer
from kling_elements import DeadlineExceeded, DownloadError, OutcomeUnknown, Task
from kling_elements.batch.results import JobStatus
from kling_elements.batch.resume import Resumed
from kling_elements.journal import Entry, NewEntry, State, journal_at


def begin(bench: Bench, target: Path | None, prompt: str = "a") -> str:
    """Create a task and stop waiting for it; return its id."""
    bench.service.ends[prompt] = "IN_PROGRESS"
    with pytest.raises(DeadlineExceeded) as caught:
        bench.open_client().generate([URL], prompt=prompt, target=target, timeout=0)
    del bench.service.ends[prompt]
    bench.service.polls.clear()  # so that it is done at the second poll from here
    return caught.value.task_id


def resume_one(bench: Bench, client: Any = None) -> Resumed[Task]:
    """Resume the one unfinished entry."""
    (resumed,) = (client or bench.open_client()).resume(workers=1)
    found: Resumed[Task] = resumed
    return found


def test_a_file_that_appeared_is_the_video(bench: Bench) -> None:
    """A process killed between the file and the note fetches nothing twice; an older file is another one."""
    target = bench.folder / "out.mp4"
    begin(bench, target)
    target.write_bytes(b"whole")
    (resumed,) = bench.open_client().resume()
    assert (resumed.standing, resumed.file) == (JobStatus.EXISTING, target)
    assert list(bench.open_client().resume()) == []
    begin(bench, target, "b")
    os.utime(target, (0, 0))
    (resumed,) = bench.open_client().resume()
    assert resumed.standing is JobStatus.UNFINISHED
    assert str(target) in str(resumed.error)
    assert target.read_bytes() == b"whole"


def test_a_doubtful_create_is_not_resumed(bench: Bench) -> None:
    """A create whose outcome is unknown is not touched; its task is found among the unrecorded."""

    def lost() -> httpx.Response:
        bench.service.make("a")
        return httpx.Response(500)

    bench.service.plan = {"a": lost}
    client = bench.open_client()
    with pytest.raises(OutcomeUnknown):
        client.generate([URL], prompt="a")
    assert list(client.resume()) == []
    assert len(client.journal.doubtful(client.journal_owner.origin, client.journal_owner.fingerprint)) == 1
    assert [task.id for task in client.find_unrecorded()] == list(bench.service.prompts)


@pytest.mark.parametrize("backend", [None, "asyncio", "trio"])
def test_a_resumption_is_as_it_was_asked_for(bench: Bench, backend: str | None) -> None:
    """Videos go to the given folder, and the client's own sleep is slept by the given interval."""
    task_id = begin(bench, None)
    seen: list[tuple[str | None, str]] = []
    slept: list[float] = []

    def listen(entry: Entry, task: Task) -> None:
        seen.append((entry.task_id, task.status))

    async def sleep_async(seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        slept.append(seconds)

    sleep = sleep_async if backend == "trio" else slept.append
    options = {"directory": bench.folder / "rescued", "workers": 1, "poll_interval": 3.0, "on_update": listen}
    (resumed,) = bench.collect(backend, lambda client: client.resume(**options), sleep=sleep)
    assert (resumed.error, resumed.standing, resumed.entry.task_id) == (None, JobStatus.DONE, task_id)
    assert resumed.file == bench.folder / "rescued" / f"{task_id}.mp4"
    assert resumed.file.read_bytes() == VIDEO
    assert slept == [3.0]
    assert seen == [(task_id, "IN_PROGRESS"), (task_id, "COMPLETED")]
    assert bench.collect(backend, lambda client: client.resume()) == []


def test_an_entry_comes_to_its_video(bench: Bench) -> None:
    """A task is fetched to the file that is noted for it, whose folder is made, and that is noted."""
    entry_id, other_id = bench.create(), bench.create_elsewhere()
    target = bench.target.parent / "new" / "deep" / "a.mp4"
    bench.journal.set_target(TASK_ID, target, bench.open_client().journal_owner.origin)
    entry = bench.entry(entry_id)
    assert resume_one(bench) == Resumed(entry, JobStatus.DONE, DONE, target)
    assert bench.service.asked == WAITED
    assert target.read_bytes() == VIDEO
    assert bench.entry(entry_id).file == str(target)
    assert (bench.entry(other_id).file, bench.entry(other_id).target) == (None, None)
    assert bench.is_free()


PAST, FUTURE = "?token=exp=100000000~hmac=00", "?token=exp=4102444800~hmac=00"


@pytest.mark.parametrize(
    ("status", "query", "folder", "state"),
    [
        (403, PAST, "", State.ABANDONED),
        (404, "", "", State.CREATED),
        (500, FUTURE, "", State.CREATED),
        (None, PAST, "", State.CREATED),
        (500, FUTURE, "file", State.CREATED),
    ],
    ids=["refused after its hour", "no hour known", "within its hour", "cut after its hour", "no folder"],
)
def test_only_what_is_lost_for_sure_is_given_up(
    bench: Bench, status: int | None, query: str, folder: str, state: State
) -> None:
    """A video is given up if the service itself says so after its hour; else it is tried again."""
    bench.create()
    (bench.target.parent / "file").write_text("")
    bench.journal.set_target(TASK_ID, bench.target.parent / folder / "a.mp4")

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host != HOST:
            return answer(TASK_ID, "COMPLETED", f"https://{HOST}/a.mp4{query}")
        if status is None:
            raise httpx.ReadError("cut")
        return httpx.Response(status)

    resumed = resume_one(bench, bench.open_client(handler=handle, sleep=lambda _: None))
    assert not resumed.standing.is_done
    assert isinstance(resumed.error, DownloadError)
    assert (resumed.error.task_id, resumed.error.expires_at is None) == (TASK_ID, query == "")
    entry = bench.entry()
    assert entry.state is state
    assert ("1973-03-03 09:46:40 UTC" in str(entry.note)) is (state is State.ABANDONED)


def test_a_wait_prolongs_its_claim(bench: Bench) -> None:
    """A task that is waited for for hours is held all the time: the claim grows with each poll."""
    now = [1_000_000.0]
    journal = journal_at(None, lambda: now[0], lambda: now[0])
    ends: list[float] = []

    def sleep(_: float) -> None:
        (entry,) = journal.entries()
        assert entry.lease
        ends.append(entry.lease.until)
        now[0] += 500.0
        bench.service.polls[TASK_ID] = len(ends) // 3

    client = bench.open_client(journal=journal, sleep=sleep, poll_interval=10)
    owner = client.journal_owner
    bench.service.make("a")
    journal.adopt(Task(TASK_ID, "CREATED"), NewEntry("std", owner.origin, owner.fingerprint))
    assert resume_one(bench, client).standing is JobStatus.DONE
    assert ends == [1_000_900.0, 1_001_410.0, 1_001_910.0]
