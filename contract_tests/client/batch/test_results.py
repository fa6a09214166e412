"""What the next step of a job is, what must hold before it costs money, and what its result shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from contract_tests.client.batch.conftest import JOB, URL
from kling_elements import (
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    DownloadError,
    InsufficientCreditsError,
    KlingError,
    OutcomeUnknown,
    QuotaExceededError,
    RateLimitError,
    ResultMissing,
    TaskFailed,
    ValidationError,
)
from kling_elements.api.endpoints import find_model
from kling_elements.batch import BatchJob, Order
from kling_elements.batch.next_step import RetryRules, Step, choose_step, why_stop
from kling_elements.batch.preflight import require_room, require_same_content, require_same_service
from kling_elements.batch.results import (
    BatchResult,
    JobStatus,
    ended_result,
    failed_result,
    is_over,
    job_status,
)
from kling_elements.document import load_document
from kling_elements.errors import JournalUnusable
from kling_elements.journal import Entry, State, request_digest
from kling_elements.operations.create_request import draft_request, finish_request
from kling_elements.task import Task

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
TASK = Task("t", "IN_PROGRESS")
BEGUN = BatchResult[Task](7, JobStatus.INVALID, "k")
CREATED = BatchResult[Task](7, JobStatus.INVALID, "k", task=TASK, task_id="t")
LATE = DeadlineExceeded("late", task_id="t", last_status=None, elapsed=1, timeout=1)
MADE = Entry("e", state=State.CREATED, task_id="t")
UNKNOWN_TOO, FAILED_TOO = RetryRules(unknown=True), RetryRules(failed=True)
BOTH = RetryRules(unknown=True, failed=True)


@pytest.mark.parametrize(
    ("entry", "again", "step"),
    [
        (None, RetryRules(), Step.CREATE),
        (Entry("e", state=State.REFUSED), RetryRules(), Step.CREATE),
        (Entry("e", state=State.ABANDONED), RetryRules(), Step.CREATE),  # given up by hand, and no task known
        (Entry("e"), RetryRules(), Step.REPORT_UNKNOWN),
        (Entry("e"), FAILED_TOO, Step.REPORT_UNKNOWN),
        (Entry("e"), UNKNOWN_TOO, Step.RECREATE),
        (Entry("e", state=State.UNKNOWN), RetryRules(), Step.REPORT_UNKNOWN),
        (MADE, BOTH, Step.CONTINUE),
        (evolve(MADE, status="COMPLETED"), FAILED_TOO, Step.CONTINUE),
        (evolve(MADE, status="FAILED"), UNKNOWN_TOO, Step.REPORT_FAILED),
        (evolve(MADE, status="FAILED"), FAILED_TOO, Step.RECREATE),
        (evolve(MADE, state=State.ABANDONED), RetryRules(), Step.REPORT_LOST),
        (evolve(MADE, state=State.ABANDONED), FAILED_TOO, Step.RECREATE),
    ],
)
def test_the_next_step(entry: Entry | None, again: RetryRules, step: Step) -> None:
    """Only what surely made no task is created without being asked for; what is under way is left alone."""
    assert choose_step(entry, again, is_under_way=False) is step
    if entry and entry.state in {State.PENDING, State.UNKNOWN}:
        assert choose_step(entry, again, is_under_way=True) is Step.REPORT_BUSY


def api_error(kind: Any) -> Any:
    return kind("no", status_code=400, message="no")


@pytest.mark.parametrize(
    ("result", "error", "standing", "task_id", "task"),
    [
        (BEGUN, OutcomeUnknown("x"), JobStatus.UNKNOWN, None, None),
        (BEGUN, api_error(AuthenticationError), JobStatus.REFUSED, None, None),
        (BEGUN, ConnectionFailed("x"), JobStatus.REFUSED, None, None),
        (BEGUN, ValidationError(["x"]), JobStatus.INVALID, None, None),
        (BEGUN, RuntimeError("x"), JobStatus.UNFINISHED, None, None),
        (BEGUN, LATE, JobStatus.UNFINISHED, "t", None),
        (BEGUN, TaskFailed("x", task=TASK), JobStatus.FAILED, "t", TASK),
        (CREATED, ValidationError(["x"]), JobStatus.INVALID, "t", TASK),
        (CREATED, KlingError("x"), JobStatus.UNFINISHED, "t", TASK),
        (CREATED, ConnectionFailed("x"), JobStatus.UNFINISHED, "t", TASK),
        (evolve(BEGUN, task=TASK), ConnectionFailed("x"), JobStatus.UNFINISHED, "t", TASK),
    ],
)
def test_where_a_task_exists_it_is_shown(
    result: BatchResult[Task], error: Exception, standing: JobStatus, task_id: str | None, task: Task | None
) -> None:
    """A job that ended with an error shows the task it has, whether the error knows of it or the result."""
    told = failed_result(result, error)
    assert told == evolve(result, standing=standing, task_id=task_id, task=task, error=error)


@pytest.mark.parametrize(
    ("error", "standing"),
    [
        (TaskFailed("a", task=TASK), JobStatus.FAILED),
        (ResultMissing("a", task=TASK), JobStatus.FAILED),
        (DownloadError("a", expires_at=datetime(2020, 1, 1, tzinfo=UTC)), JobStatus.FAILED),
        (DownloadError("a", expires_at=datetime(9999, 1, 1, tzinfo=UTC)), JobStatus.UNFINISHED),
        (DownloadError("a"), JobStatus.UNFINISHED),
        (LATE, JobStatus.UNFINISHED),
        (KeyboardInterrupt(), JobStatus.UNFINISHED),
    ],
)
def test_only_what_no_repetition_can_fix_has_failed(error: BaseException, standing: JobStatus) -> None:
    """Everything else continues where it stands."""
    assert job_status(error) is standing


def test_a_video_can_be_fetched_until_it_expires() -> None:
    """At the very moment of its expiry a video is gone; a URL without one may always be tried."""
    moments = [NOW - timedelta(microseconds=1), NOW, NOW + timedelta(microseconds=1)]
    assert [is_over(DownloadError("a", expires_at=each), NOW) for each in (*moments, None)] == [
        *(True, True, False, False)
    ]


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        (Entry("e", task_id="t", status="FAILED"), "FAILED"),
        (Entry("e", task_id="t", status="COMPLETED", note="expired"), "COMPLETED"),
        (Entry("e", task_id="t"), "FAILED"),
    ],
)
def test_a_task_that_is_over_is_shown_whole(entry: Entry, status: str) -> None:
    """The result names the task, its last status, and why there is no video."""
    told = ended_result(BEGUN, entry)
    assert (told.standing, told.task_id) == (JobStatus.FAILED, "t")
    assert isinstance(told.error, TaskFailed)
    assert told.error.task == Task("t", status)
    assert (entry.note or status) in str(told.error)


@pytest.mark.parametrize(
    ("error", "stops"),
    [
        (api_error(AuthenticationError), True),
        (api_error(InsufficientCreditsError), True),
        (api_error(QuotaExceededError), True),
        (ConnectionFailed("x"), True),
        (JournalUnusable(["x"]), True),
        (ConnectionFailed("x", task_id="t"), False),  # a poll that failed, long after the create
        (api_error(RateLimitError), False),
        (ValidationError(["x"]), False),
        (None, False),
    ],
)
def test_only_a_fault_of_all_jobs_stops_them(error: Exception | None, stops: bool) -> None:  # noqa: FBT001
    """An error that every job would meet ends the batch; one of a single task doesn't."""
    assert why_stop(error) is (error if stops else None)


def digest_of(model: str | None, prompt: str) -> str:
    """Return what identifies the request of a job."""
    draft = draft_request(find_model(model or "std"), (URL,), {"prompt": prompt})
    return request_digest(finish_request(draft))


@pytest.mark.parametrize("before", ["std", "pro"])
@pytest.mark.parametrize("now", ["std", "pro", None])
@pytest.mark.parametrize("prompt", ["a", "b"])
def test_a_job_with_other_content_is_another(before: str, now: str | None, prompt: str) -> None:
    """A job is still what its task was made for if model and fields are the same; no model is the default."""
    entry = Entry("e", task_id="t", digest=digest_of(before, "a"))
    order = Order(1, "k", BatchJob((URL,), {"prompt": prompt, "model": now}), None)
    if (before, "a") == (now or "std", prompt):
        require_same_content(order, entry)
        return
    with pytest.raises(ValidationError, match=r"'k'.* task t ") as caught:
        require_same_content(order, entry)
    assert caught.value.hint == "kling-elements resume"


def test_a_job_whose_content_nobody_knows_keeps_its_video() -> None:
    """If a job's image is gone, or its task's request is not known, its video is still its own."""
    paid = Entry("e", task_id="t", digest=digest_of("std", "b"))
    require_same_content(Order(1, "k", evolve(JOB, images=("gone.png",)), None), paid)
    require_same_content(Order(1, "k", JOB, None), Entry("e", task_id="t"))


def test_the_document_s_servers_are_one_service() -> None:
    """A job continues where it was begun, or at another origin of the vendor's; elsewhere it is refused."""
    order, vendor, mock = Order(1, "k", JOB, None), [s.url for s in load_document().servers], "http://mock:1"
    for begun, now in [*((one, two) for one in vendor for two in vendor), (mock, mock)]:
        require_same_service(order, Entry("e", origin=begun), now)
    for begun, now in [(vendor[0], mock), (mock, vendor[0]), (mock, "http://mock:2")]:
        with pytest.raises(ValidationError) as caught:
            require_same_service(order, Entry("e", origin=begun), now)
        assert all(part in str(caught.value) for part in ("'k'", begun, now, "--batch-id"))


def test_room_is_looked_for_before_money_is_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that can't be written is named with the reason; one that can has its folder made."""
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    require_room(tmp_path / "new" / "deep" / "a.mp4")
    for name, said in [
        ("file/sub/a.mp4", "can't be written: Not a directory"),
        ("file/a.mp4", "can't be written: File exists"),
        ("a\0b/c.mp4", "can't be written: its name holds a null byte"),
        ("new", "is a folder: name a file in it"),
        ("link", "exists: choose another name, or add overwrite=True (--overwrite)"),
    ]:
        with pytest.raises(ValidationError) as caught:
            require_room(tmp_path / name)
        assert list(caught.value.problems) == [f"output {tmp_path / name} {said}"]
    monkeypatch.setattr("os.access", lambda path, _: path != tmp_path)
    with pytest.raises(ValidationError, match="read-only"):
        require_room(tmp_path / "a.mp4")
