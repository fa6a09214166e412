"""How work stands that ended with an error, and which tasks run on when it is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kling_elements import DeadlineExceeded, DownloadError, ResultMissing, Task, TaskFailed
from kling_elements.batch.results import JobStatus, Running, RunningTasks, is_over, job_status

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
TASK = Task("t", "FAILED")


@pytest.mark.parametrize(
    ("expiry", "over"),
    [
        (None, False),
        (NOW - timedelta(seconds=1), True),
        (NOW, True),
        (NOW + timedelta(microseconds=1), False),
    ],
    ids=["unknown", "before", "now", "later"],
)
def test_a_video_can_be_fetched_until_its_hour_is_over(expiry: datetime | None, over: bool) -> None:  # noqa: FBT001 - a case
    """At the very moment of its expiry a video is gone; of one that tells none nobody knows."""
    assert is_over(DownloadError("a", expires_at=expiry), NOW) is over


@pytest.mark.parametrize(
    ("error", "standing"),
    [
        (TaskFailed("a", task=TASK), JobStatus.FAILED),
        (ResultMissing("a", task=TASK), JobStatus.FAILED),
        (DownloadError("a", expires_at=datetime(2020, 1, 1, tzinfo=UTC)), JobStatus.FAILED),
        (DownloadError("a", expires_at=datetime(9999, 1, 1, tzinfo=UTC)), JobStatus.UNFINISHED),
        (DownloadError("a"), JobStatus.UNFINISHED),
        (
            DeadlineExceeded("a", task_id="t", last_status=None, elapsed=1, timeout=1),
            JobStatus.UNFINISHED,
        ),
        (KeyboardInterrupt(), JobStatus.UNFINISHED),
    ],
    ids=["failed", "no video", "expired", "not expired", "no expiry", "deadline", "Ctrl-C"],
)
def test_how_work_stands(error: BaseException, standing: JobStatus) -> None:
    """Only what no repetition can mend has failed; everything else goes on where it stands."""
    assert job_status(error) is standing


def test_what_is_done() -> None:
    """Of all standings two have the video."""
    assert {each for each in JobStatus if each.is_done} == {JobStatus.DONE, JobStatus.EXISTING}


def test_the_tasks_that_run_on() -> None:
    """Tasks that were seen, and not seen to end, run on; one that was never seen may end as well."""
    running_tasks = RunningTasks()
    assert running_tasks.running() == ()
    running_tasks.add("a", "task-1")
    running_tasks.add("b", "task-2")
    before = running_tasks.running()
    running_tasks.discard("a")
    running_tasks.discard("never seen")
    assert before == (Running("a", "task-1"), Running("b", "task-2"))
    assert running_tasks.running() == (Running("b", "task-2"),)
