"""One job of a batch: its result by what the journal knows of it, and what the service is asked for it."""

from typing import Any

import httpx
import pytest
from attrs import evolve

from contract_tests.client.batch.conftest import (
    DONE,
    HOST,
    JOB,
    MADE,
    TASK_ID,
    UNDONE,
    URL,
    WAITED,
    Bench,
    answer,
    job,
)
from kling_elements import Task, errors
from kling_elements.api.endpoints import find_model
from kling_elements.batch import BatchJob
from kling_elements.batch.results import JobStatus
from kling_elements.document import load_document
from kling_elements.journal import State, request_digest
from kling_elements.operations.create_request import draft_request
from kling_elements.operations.local_images import finish_request

VENDOR = [server.url for server in load_document().servers]
OTHER = "https://other.example"
AGAIN = {"retry_unknown": True, "retry_failed": True}


@pytest.mark.parametrize("is_begun", [True, False], ids=["begun before", "new"])
@pytest.mark.parametrize("is_fetched", [True, False], ids=["to a file", "not fetched"])
def test_a_job_becomes_its_video(bench: Bench, *, is_begun: bool, is_fetched: bool) -> None:
    """A job has its task, its file if it has one, and itself; each change was reported before."""
    if is_begun:
        bench.create()
    seen: list[tuple[str, Task]] = []
    target = bench.target if is_fetched else None
    result = bench.run(
        directory=target and target.parent, on_update=lambda order, task: seen.append((order.key, task))
    )
    assert result == evolve(bench.done(), file=target)
    changes = [Task(TASK_ID, "CREATED"), Task(TASK_ID, "IN_PROGRESS"), DONE][is_begun:]
    assert seen == [("a", task) for task in changes]
    assert bench.service.asked == MADE[is_begun : 4 if is_fetched else 3]


@pytest.mark.parametrize(
    ("state", "known", "options", "end"),
    [
        (State.PENDING, {}, AGAIN, "busy"),
        (State.PENDING, {"ago": 3600}, {"retry_failed": True}, "unknown"),
        (State.PENDING, {"ago": 3600}, AGAIN, "made"),
        (State.UNKNOWN, {}, {"retry_failed": True}, "unknown"),
        (State.UNKNOWN, {}, AGAIN, "made"),
        (State.UNKNOWN, {"origin": OTHER}, AGAIN, "invalid"),
        (State.REFUSED, {}, {}, "made"),
        (State.REFUSED, {"origin": OTHER}, {}, "made"),
        (State.ABANDONED, {}, {}, "made"),
        (State.CREATED, {"origin": OTHER}, AGAIN, "invalid"),
        (State.CREATED, {"origin": VENDOR[-1]}, AGAIN, "waited"),
        (State.CREATED, {"digest": "of another request"}, AGAIN, "invalid"),
        ("COMPLETED", {}, AGAIN, "waited"),
        ("FAILED", {}, {"retry_unknown": True}, "failed"),
        ("FAILED", {}, AGAIN, "made"),
        ("lost", {}, {"retry_unknown": True}, "failed"),
        ("lost", {}, AGAIN, "made"),
    ],
)
def test_what_was_begun_decides_the_next_step(
    bench: Bench, state: str, known: dict[str, Any], options: dict[str, Any], end: str
) -> None:
    """Only what surely made no task is created without being asked for; another service's is left alone."""
    if state in {State.PENDING, State.UNKNOWN, State.REFUSED, State.ABANDONED}:
        entry_id = bench.begin(**known)
    else:
        entry_id = bench.create("CREATED" if state in {State.CREATED, "lost"} else state, **known)
    if end == "made":
        bench.service.prompts.clear()
        bench.service._count = 0
    journal: Any = bench.journal
    settle = {"unknown": journal.unknown, "refused": journal.refused, "abandoned": journal.abandon}
    if state in {*settle, "lost"}:
        settle.get(state, journal.abandon)(entry_id, "cut")
    before = bench.entry(entry_id)
    # A doubtful create is reported even if the image is gone by now.
    result = bench.run(evolve(JOB, images=("gone.png",)) if end in {"unknown", "busy"} else JOB, **options)
    assert result.standing == ("done" if end in {"made", "waited"} else end)
    assert bench.service.asked == {"made": MADE, "waited": WAITED}.get(end, [])
    error = {"unknown": errors.OutcomeUnknown, "failed": errors.TaskFailed, "invalid": errors.ValidationError}
    assert type(bench.error) is error.get(end, type(None))
    assert result.entry_id == (entry_id if end == "unknown" else None)
    if end == "failed":
        assert result.task_id == getattr(bench.error, "task_id", None) == TASK_ID
    if end == "made" and state != State.REFUSED:
        assert bench.entry(entry_id).state is State.ABANDONED
    elif end not in {"made", "waited"}:
        assert bench.entry(entry_id) == before


def expiring(at: int) -> dict[str, Any]:
    """Let the video be refused, whose URL expires then."""
    url = f"https://{HOST}/{TASK_ID}.mp4?token=exp={at}~hmac=00"
    return {"GET": answer(TASK_ID, "COMPLETED", url), HOST: httpx.Response(403)}


def fail(*_: object) -> None:
    """Fail as a caller's own function may."""
    raise KeyError("mine")


@pytest.mark.parametrize(
    ("answers", "options", "standing", "error"),
    [
        ({"POST": httpx.Response(400)}, {}, "refused", errors.BadRequestError),
        ({"POST": httpx.Response(401)}, {}, "refused", errors.AuthenticationError),
        ({"POST": httpx.Response(402)}, {}, "refused", errors.InsufficientCreditsError),
        ({"POST": httpx.Response(429, json={"message": "free trial usage limit"})}, {}, "refused",
         errors.QuotaExceededError),
        ({"POST": httpx.ConnectError("refused")}, {}, "refused", errors.ConnectionFailed),
        ({"POST": httpx.Response(500)}, {}, "unknown", errors.OutcomeUnknown),
        ({"POST": httpx.ReadError("cut")}, {}, "unknown", errors.OutcomeUnknown),
        ({"GET": httpx.Response(401)}, {}, "unfinished", errors.AuthenticationError),
        ({"GET": answer(TASK_ID, "CREATED")}, {"timeout": 0}, "unfinished", errors.DeadlineExceeded),
        ({"GET": answer(TASK_ID, "FAILED")}, {}, "failed", errors.TaskFailed),
        ({"GET": answer(TASK_ID, "COMPLETED")}, {}, "failed", errors.ResultMissing),
        (expiring(100_000_000), {}, "failed", errors.DownloadError),
        (expiring(4_102_444_800), {}, "unfinished", errors.DownloadError),
        ({HOST: httpx.Response(404)}, {}, "unfinished", errors.DownloadError),
        ({}, {"on_update": fail}, "unfinished", KeyError),
    ],
)  # fmt: skip
def test_each_end_of_a_job(
    bench: Bench, answers: dict[str, Any], options: dict[str, Any], standing: str, error: type
) -> None:
    """A job shows its error and, where one exists, its task; only a fault of all jobs ends the batch."""
    is_created = "POST" not in answers

    def handle(request: httpx.Request) -> httpx.Response:
        given = answers.get(HOST if request.url.host == HOST else request.method)
        if given is None or (request.method == "GET" and TASK_ID not in request.url.path):
            return bench.service(request)
        if isinstance(given, Exception):
            raise given
        return httpx.Response(given.status_code, content=given.content, headers=given.headers)

    client = bench.open_client(handler=handle, sleep=lambda _: None)
    batch = bench.batch([JOB, job("b")], client, batch_id="b", workers=1, **options)
    result = next(batch)
    assert (result.key, result.standing, type(result.error)) == ("a", standing, error)
    assert result.task_id == (TASK_ID if is_created else None)
    assert bool(result.entry_id) is (standing == "unknown")
    if not is_created and error not in {errors.BadRequestError, errors.OutcomeUnknown}:
        with pytest.raises(error):
            next(batch)
    else:
        assert next(batch).key == "b"


def test_a_file_that_is_there_counts_as_done(bench: Bench) -> None:
    """Whoever made it, nothing is sent; killed between the file and the note, the file is noted now."""
    bench.target.write_bytes(b"whole")
    there = evolve(UNDONE, standing=JobStatus.EXISTING, file=bench.target)
    assert bench.run() == there
    bench.begin()
    assert bench.run() == there
    entry_id, other_id = bench.create(), bench.create_elsewhere()
    assert bench.run() == evolve(there, task_id=TASK_ID)
    assert bench.service.asked == []
    assert (bench.entry(entry_id).file, bench.entry(other_id).file) == (str(bench.target), None)


@pytest.mark.parametrize("is_begun", [True, False])
def test_a_task_is_held_while_it_is_worked_on(bench: Bench, *, is_begun: bool) -> None:
    """Until its video is there no other process can claim a task, and where that goes is in the journal."""
    if is_begun:
        bench.create()
    other_id, free = bench.create_elsewhere(), list[bool]()

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == HOST:
            free.append(bench.is_free())
        return bench.service(request)

    def sleep(_: float) -> None:
        free.append(bench.is_free())
        assert (bench.entry().target, bench.entry(other_id).target) == (str(bench.target), None)

    assert bench.run(client=bench.open_client(handler=handle, sleep=sleep)) == bench.done()
    assert free == [False] * (2 if is_begun else 3)
    assert bench.is_free()


@pytest.mark.parametrize(
    ("fields", "is_same"),
    [({}, True), ({"model": "std"}, True), ({"model": "pro"}, False), ({"prompt": "b"}, False),
     ({"images": "gone.png", "prompt": "b"}, True)],
    ids=str,
)  # fmt: skip
def test_a_changed_job_keeps_its_task(bench: Bench, fields: dict[str, str], *, is_same: bool) -> None:
    """It is neither sent nor given the other's video. With its image gone, its video is still its own."""
    request = finish_request(draft_request(find_model("std"), (URL,), {"prompt": "a"}))
    bench.create(digest=request_digest(request))
    result = bench.run({"images": [URL], "prompt": "a", "id": "a", **fields})
    assert (result.standing, result.task_id) == ("done" if is_same else "invalid", TASK_ID)
    assert MADE[0] not in bench.service.asked
    if not is_same:
        assert isinstance(bench.error, errors.ValidationError)
        assert (TASK_ID in str(bench.error), bench.error.hint) == (True, "kling-elements resume")


@pytest.mark.parametrize("output", ["file/sub/a.mp4", "file/a.mp4", "folder", "link", "full.mp4"])
def test_a_file_that_cannot_be_written_costs_nothing(
    bench: Bench, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before money is spent, the place of the video is looked at; the error names it."""
    folder = bench.target.parent
    (folder / "file").write_text("mine")
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("nowhere")
    if output == "full.mp4":  # no file can be made, though root may write anywhere
        monkeypatch.setattr("secrets.token_hex", lambda _: "x" * 300)
    assert bench.run(BatchJob((URL,), id="a", output=output)).standing is JobStatus.INVALID
    assert str(folder / output) in str(bench.error)
    assert (bench.service.asked, (folder / "file").read_text()) == ([], "mine")
