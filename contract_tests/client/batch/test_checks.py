"""What must hold before a job costs money, or before a video is taken for its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from contract_tests.client.batch.conftest import JOB, URL
from kling_elements import ValidationError
from kling_elements.api.endpoints import MODELS
from kling_elements.batch import BatchJob, Order
from kling_elements.batch.preflight import require_room, require_same_content, require_same_service
from kling_elements.document import load_document
from kling_elements.journal import Entry, request_digest
from kling_elements.operations.create_request import draft_request, finish_request

if TYPE_CHECKING:
    from pathlib import Path


def digest_of(model: str | None, prompt: str) -> str:
    """What identifies the request of a job."""
    draft = draft_request(MODELS[model or "std"], (URL,), {"prompt": prompt})
    return request_digest(finish_request(draft))


@pytest.mark.parametrize("before", ["std", "pro"])
@pytest.mark.parametrize("now", ["std", "pro", None])
@pytest.mark.parametrize("prompt", ["a", "b"])
def test_a_job_of_another_content_is_another(before: str, now: str | None, prompt: str) -> None:
    """A job is still what its task was made for if model and fields are the same; no model is the default."""
    entry = Entry("e", task_id="t", digest=digest_of(before, "a"))
    order = Order(1, "k", BatchJob((URL,), {"prompt": prompt, "model": now}), None)
    if (before, "a") == (now or "std", prompt):
        require_same_content(order, entry)
        return
    with pytest.raises(ValidationError) as caught:
        require_same_content(order, entry)
    (problem,) = caught.value.problems
    assert "'k'" in problem
    assert "task t " in problem
    assert caught.value.hint == "kling-elements resume"


def test_what_nobody_can_tell_is_let_pass() -> None:
    """If a job's image is gone, or its task's request is not known, its video is still its own."""
    paid = Entry("e", task_id="t", digest=digest_of("std", "b"))
    require_same_content(Order(1, "k", evolve(JOB, images=("gone.png",)), None), paid)
    require_same_content(Order(1, "k", JOB, None), Entry("e", task_id="t"))


def test_the_document_s_servers_are_one_service() -> None:
    """A job goes on where it was begun, or at another origin of the vendor's; elsewhere it is refused."""
    order, vendor, mock = Order(1, "k", JOB, None), [s.url for s in load_document().servers], "http://mock:1"
    for begun, now in [*((one, two) for one in vendor for two in vendor), (mock, mock)]:
        require_same_service(order, Entry("e", origin=begun), now)
    for begun, now in [(vendor[0], mock), (mock, vendor[0]), (mock, "http://mock:2")]:
        with pytest.raises(ValidationError) as caught:
            require_same_service(order, Entry("e", origin=begun), now)
        (told,) = caught.value.problems
        assert all(part in told for part in ("'k'", begun, now, "--batch-id"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file/sub/a.mp4", "can't be written: Not a directory"),
        ("file/a.mp4", "can't be written: File exists"),
        ("a\0b/c.mp4", "can't be written: its name holds a null byte"),
        (".", "exists, and is no file"),
    ],
)
def test_why_there_is_no_room_is_told(tmp_path: Path, name: str, reason: str) -> None:
    """A file that can't be written is told by its path and the reason alone."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ValidationError) as caught:
        require_room(tmp_path / name)
    assert list(caught.value.problems) == [f"output {tmp_path / name} {reason}"]
