"""An answer about another task than was asked for, as from a confused cache on the way."""

from __future__ import annotations

import json

import pytest

from kling_elements.api.outcomes import Operation, Retry, Return, decide
from kling_elements.types import Response

ASKED = "046b6c7f-0b8a-43b9-b35d-6489e6daee91"
OTHER = "00000000-0000-4000-8000-00000000000a"


def answer(task_id: str) -> Response:
    """A status answer about a task that is done."""
    task = {"task_id": task_id, "status": "COMPLETED", "generated": ["https://cdn.example/a.mp4"]}
    return Response(200, {}, json.dumps({"data": task}).encode())


def test_another_tasks_video_is_not_taken() -> None:
    """It is no answer: the question is repeated, and the error names the task that was asked for."""
    decision = decide(Operation.STATUS, answer(OTHER), task_id=ASKED)
    assert isinstance(decision, Retry)
    assert decision.error.task_id == ASKED


def test_an_id_in_other_letters_is_the_same_task() -> None:
    """A UUID in capitals is the same UUID."""
    assert isinstance(decide(Operation.STATUS, answer(ASKED.upper()), task_id=ASKED), Return)


@pytest.mark.parametrize(
    ("asked", "answered"), [("task-1", "task-2"), ("01hzx3", "01hzx4"), ("not-a-uuid-1", "not-a-uuid-10")]
)
def test_ids_of_another_form_are_told_apart(asked: str, answered: str) -> None:
    """Two ids that are no UUIDs are two tasks: a service that changes the form of its ids is guarded too."""
    assert isinstance(decide(Operation.STATUS, answer(answered), task_id=asked), Retry)
    assert isinstance(decide(Operation.STATUS, answer(asked), task_id=asked), Return)


@pytest.mark.parametrize(("asked", "answered"), [("task-1", ASKED), (ASKED, "task-1"), ("Task-1", "task-1")])
def test_two_names_of_one_task_may_be(asked: str, answered: str) -> None:
    """A UUID for an id of another form, or other letters' case, is not known to be another task."""
    assert isinstance(decide(Operation.STATUS, answer(answered), task_id=asked), Return)
