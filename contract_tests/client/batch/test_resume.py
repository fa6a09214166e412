"""Resuming: what was begun is finished once, and what is doubtful is told, never repeated."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.client.batch.conftest import URL, VIDEO
from kling_elements import DeadlineExceeded, DownloadError, OutcomeUnknown
from kling_elements.batch.results import JobStatus, is_over, job_status
from kling_elements.batch.resume import Claim
from kling_elements.files import file_name
from kling_elements.journal import State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contract_tests.client.batch.conftest import Service
    from kling_elements import KlingElements

    Open = Callable[..., KlingElements]


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


def test_a_claimed_entry_is_left_alone(service: Service, open_client: Open, tmp_path: Path) -> None:
    """Of two that resume at once, one works on an entry; the other says so."""
    first = open_client()
    begin(first, service, tmp_path / "out.mp4")
    (entry,) = first.journal.unfinished()
    claim = Claim(first.journal, entry.entry_id)
    assert claim.take()
    assert [each.standing for each in open_client().resume()] == [JobStatus.BUSY]
    claim.release()
    assert [each.standing for each in open_client().resume()] == [JobStatus.DONE]


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
    assert "exists and is left as it is" in str(resumed.error)
    assert target.read_bytes() == b"whole"


def test_an_expired_result_is_told_once(service: Service, open_client: Open, tmp_path: Path) -> None:
    """A video whose hour has passed is lost: that is told, and noted, so that nothing asks for it again."""
    begin(open_client(), service, tmp_path / "out.mp4")
    past = int(time.time()) - 60

    def expired(request: httpx.Request) -> httpx.Response:
        if request.url.host == "results.example.com":
            return httpx.Response(403)
        answer = service(request)
        return httpx.Response(200, text=answer.text.replace(".mp4", f".mp4?token=exp={past}~hmac=00"))

    (resumed,) = open_client(handler=expired).resume()
    assert resumed.standing is JobStatus.FAILED
    assert "the video is gone" in str(resumed.error)
    assert list(open_client().resume()) == []
    entry = open_client().journal.find(resumed.entry.task_id or "")
    assert entry
    assert (entry.state, "expired" in (entry.note or "")) == (State.ABANDONED, True)


def test_a_failed_task_is_finished(service: Service, open_client: Open, tmp_path: Path) -> None:
    """A task that failed is told once."""
    begin(open_client(), service, tmp_path / "out.mp4")
    service.ends["a"] = "FAILED"
    assert [each.standing for each in open_client().resume()] == [JobStatus.FAILED]
    assert list(open_client().resume()) == []


def test_a_fault_of_one_is_not_anothers(service: Service, open_client: Open, tmp_path: Path) -> None:
    """A target that can't be written leaves that entry unfinished, and the others are finished."""
    (tmp_path / "file").write_text("")
    begin(open_client(), service, tmp_path / "file" / "out.mp4", "a")
    begin(open_client(), service, tmp_path / "out.mp4", "b")
    resumed = {each.entry.target: each.standing for each in open_client().resume()}
    assert sorted(resumed.values()) == [JobStatus.DONE, JobStatus.UNFINISHED]


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


def test_the_hour_is_over_when_it_is_over() -> None:
    """A video can be fetched until the moment that its address names; one without a moment never ends."""
    moment = datetime(2026, 11, 22, 13, 3, 4, tzinfo=UTC)
    error = DownloadError("x", task_id="t", expires_at=moment)
    assert not is_over(error, moment - timedelta(microseconds=1))
    assert is_over(error, moment)
    assert not is_over(DownloadError("x", task_id="t"), moment)


def test_a_download_that_failed_can_be_repeated() -> None:
    """Within the hour a download that failed is unfinished work."""
    error: Any = DownloadError("x", task_id="t")
    assert job_status(error) is JobStatus.UNFINISHED
