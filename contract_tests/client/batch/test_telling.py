"""What is told of a job: nothing that is known of its task, and of what was paid, is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from kling_elements import (
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    InsufficientCreditsError,
    KlingError,
    OutcomeUnknown,
    QuotaExceededError,
    RateLimitError,
    TaskFailed,
    ValidationError,
)
from kling_elements.batch.next_step import RetryRules, Step, choose_step, why_stop
from kling_elements.batch.preflight import require_room
from kling_elements.batch.results import BatchResult, JobStatus, ended_result, failed_result, unknown_result
from kling_elements.errors import JournalUnusable
from kling_elements.journal import Entry, State
from kling_elements.task import Task
from kling_elements.types import FAILED

if TYPE_CHECKING:
    from pathlib import Path

TASK = Task("t", "IN_PROGRESS")
BEGUN = BatchResult[Task](7, JobStatus.INVALID, "k")
CREATED = BatchResult[Task](7, JobStatus.INVALID, "k", task=TASK, task_id="t")
LATE = DeadlineExceeded("late", task_id="t", last_status=None, elapsed=1, timeout=1)


def api_error(kind: Any, **more: Any) -> Any:
    return kind("no", status_code=400, message="no", **more)


@pytest.mark.parametrize(
    ("note", "said"), [("the answer was cut", "the answer was cut"), (None, "that sent it was ended")]
)
def test_a_create_without_an_answer_is_told_whole(note: str | None, said: str) -> None:
    """The result names the journal's entry and says why nobody knows, and that it is not sent again."""
    told = unknown_result(BEGUN, Entry("e", note=note))
    assert (told.standing, told.number, told.key, told.entry_id) == (JobStatus.UNKNOWN, 7, "k", "e")
    assert isinstance(told.error, OutcomeUnknown)
    assert said in str(told.error)
    assert "not sent again" in str(told.error)


@pytest.mark.parametrize(
    ("entry", "status", "said"),
    [
        (Entry("e", task_id="t", status="FAILED"), "FAILED", "ended as FAILED"),
        (Entry("e", task_id="t", status="COMPLETED", note="expired"), "COMPLETED", "expired"),
        (Entry("e", task_id="t"), FAILED, f"ended as {FAILED}"),
    ],
)
def test_a_task_that_is_over_is_told_whole(entry: Entry, status: str, said: str) -> None:
    """The result names the task, its last status, and why there is no video."""
    told = ended_result(BEGUN, entry)
    assert (told.standing, told.task_id) == (JobStatus.FAILED, "t")
    assert isinstance(told.error, TaskFailed)
    assert (told.error.task.id, told.error.task.status) == ("t", status)
    assert f"task t of this job: {said}" in str(told.error)


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
def test_where_a_task_exists_it_is_told(
    result: BatchResult[Task], error: Exception, standing: JobStatus, task_id: str | None, task: Task | None
) -> None:
    """A job that ended with an error tells the task it has, whether the error knows of it or the result."""
    told = failed_result(result, error)
    assert (told.standing, told.task_id, told.task) == (standing, task_id, task)
    assert told.error is error
    assert (told.number, told.key) == (7, "k")


@pytest.mark.parametrize(
    ("error", "stops"),
    [
        (api_error(AuthenticationError), True),
        (api_error(InsufficientCreditsError), True),
        (api_error(QuotaExceededError), True),
        (ConnectionFailed("x"), True),
        (JournalUnusable(["x"]), True),
        (ConnectionFailed("x", task_id="t"), False),  # a look that failed, long after the create
        (api_error(RateLimitError), False),
        (ValidationError(["x"]), False),
        (None, False),
    ],
)
def test_only_a_fault_of_all_jobs_stops_them(error: Exception | None, stops: bool) -> None:  # noqa: FBT001
    """An error that every job would meet ends the batch; one of a single task doesn't."""
    assert why_stop(error) is (error if stops else None)


@pytest.mark.parametrize("again", [RetryRules(), RetryRules(unknown=True, failed=True)])
@pytest.mark.parametrize("state", [State.PENDING, State.UNKNOWN])
def test_a_create_under_way_is_left_alone(state: State, again: RetryRules) -> None:
    """While another process sends a create, it is not made anew, even if that was asked for."""
    assert choose_step(Entry("e", state=state), again, is_under_way=True) is Step.REPORT_BUSY


def test_room_is_looked_for_before_money_is_spent(tmp_path: Path) -> None:
    """A file that can't be written is told with the reason; one that can has its folder made."""
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    require_room(tmp_path / "new" / "deep" / "a.mp4")
    require_room(tmp_path / "new" / "deep" / "b.mp4")
    assert (tmp_path / "new" / "deep").is_dir()
    for name, said in [
        ("file/sub/a.mp4", "Not a directory"),
        ("file/a.mp4", "File exists"),
        ("new", "new exists, and is no file"),
        ("link", "link exists, and is no file"),
        ("a\0b/c.mp4", "null"),
    ]:
        with pytest.raises(ValidationError, match=said) as caught:
            require_room(tmp_path / name)
        assert "output" in str(caught.value)


def test_a_folder_that_is_read_only_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that nothing can be written to is told before money is spent."""
    asked: list[Any] = []

    def access(*about: Any) -> bool:
        asked.append(about)
        return False

    monkeypatch.setattr("os.access", access)
    with pytest.raises(ValidationError, match="the folder is read-only"):
        require_room(tmp_path / "a.mp4")
    assert [path for path, _ in asked] == [tmp_path]
