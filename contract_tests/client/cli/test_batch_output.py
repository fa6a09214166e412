"""`batch`, whole: what it prints, sends, returns, and writes into its report."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.cli.unfinished import (
    LIST,
    URL,
    about,
    asked,
    report,
    that_gives,
    untimed,
    unwritable,
    write,
)
from kling_elements import Journal
from kling_elements.batch import BatchResult
from kling_elements.batch.job_ids import batch_of
from kling_elements.batch.results import JobStatus
from kling_elements.cli.batch_progress import BatchReport
from kling_elements.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]
    Gives = Callable[..., None]

P = "kling-elements: "
CREATE = ("POST", LIST[1])
LINE = ("batch", "jobs.jsonl", "-d", "out")
ONE_BY_ONE = (*LINE, "--workers", "1", "--timeout", "0")
SUMMARY = "8 jobs: 1 done, 1 existing, 1 invalid, 1 refused, 1 unknown, 1 failed, 1 unfinished, 1 busy"
COUNTS = ("done", "existing", "invalid", "refused", "unknown", "failed", "unfinished", "busy")


def job(name: str) -> dict[str, str]:
    """A job with an id."""
    return {"images": URL, "id": name}


@pytest.fixture
def gives(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> Gives:
    """Let a batch have these results."""
    write()
    return partial(that_gives, monkeypatch)


def jobs_of_all_kinds(run: Run, served: ServedMock) -> str:
    """Jobs, one of each standing, in the order of what is told of them; gives the task of the busy one."""
    served.mock.next_scenario("never-finish", operation="createKlingElementsStdTask")
    write(job("busy"))
    run(*ONE_BY_ONE)
    entry = Journal.open().job(batch_of("jobs.jsonl", "out"), "busy")
    assert entry
    assert Journal.open().claim(entry.entry_id, "another", 60)
    Path("out/there.mp4").write_text("")
    long = "refused\t" + 80 * "x"
    write(*map(job, ("there", long, "un\nknown", "failed", "late", "done", "busy")), '{"image": "a.png"}')
    for scenario in ("status=400", "created-but-500", "fail", "never-finish"):
        served.mock.next_scenario(scenario, operation="createKlingElementsStdTask")
    asked(served)
    return str(entry.task_id)


def errors_of(served: ServedMock, refused: str, unknown: str) -> list[str | None]:
    """What is told of each job, from the second on."""
    _, _, failed, late, _ = (task.id for task in served.mock.tasks)
    refusal = "HTTP 400: Parameter 'page' must be greater than 0. No task was created; mend the request"
    doubt = (
        "the create was sent, and the service answered HTTP 500: Internal Server Error. The fault is the "
        f"service's [request {unknown}]. A task may have been created and billed. Before you repeat, look "
        "for it: kling-elements list"
    )
    deadline = (
        f"stopped waiting for task {late} after TIME; it was last seen IN_PROGRESS. It runs on and is "
        f"billed. To resume: kling-elements wait {late}"
    )
    return [
        f"{refusal} [request {refused}]",
        doubt,
        f"task {failed} ended as FAILED, and the service gives no reason. It may be billed; try other images",
        deadline,
        None,
        None,
        "image is not a field of a job (did you mean 'images'?); images is missing",
    ]


def test_each_standing_is_told(run: Run, serve_mock: Serve) -> None:
    """Paths go to stdout, faults and counts to stderr; each create is sent once."""
    served = serve_mock()
    jobs_of_all_kinds(run, served)
    ended = run(*ONE_BY_ONE)
    refused, unknown = (each.request_id for each in list(served.mock.requests)[:2])
    errors = errors_of(served, refused, unknown)
    assert ended.code == 9
    assert ended.out == f"{Path('out/there.mp4').absolute()}\n{Path('out/done.mp4').absolute()}\n"
    assert untimed(ended.err) == (
        f"batch {batch_of('jobs.jsonl', 'out')}\n"
        f"{P}job 2 (refused {72 * 'x'}): refused: {errors[0]}\n"
        f"{P}job 3 (un known): unknown: {errors[1]}\n"
        f"{P}job 4 (failed): failed: {errors[2]}\n"
        f"{P}job 5 (late): unfinished: {errors[3]}\n"
        f"{P}job 7 (busy): busy: another process is at it\n"
        f"{P}job 8: invalid: {errors[6]}\n"
        f"{SUMMARY}. Each is in out/report.jsonl\n"
    )
    _, _, failed, late, done = (task.id for task in served.mock.tasks)
    assert asked(served) == [CREATE, CREATE, CREATE, about(failed), CREATE, about(late), CREATE, about(done)]


FAULT = ValidationError(["no\nhttps://h.example/v?token=1"])
DONE = BatchResult[Any](1, JobStatus.DONE, "one", file=Path("/videos/a.mp4"))
THERE = BatchResult[Any](2, JobStatus.EXISTING, file=Path("/videos/b.mp4"))
BUSY = BatchResult[Any](3, JobStatus.BUSY)
INVALID = BatchResult[Any](4, JobStatus.INVALID, "x\t" + 80 * "y", error=FAULT)
FAILED = BatchResult[Any](5, JobStatus.FAILED, error=FAULT)


@pytest.mark.parametrize(
    ("result", "told", "code"),
    [
        (DONE, "", 0),
        (THERE, "", 0),
        (BUSY, f"{P}job 3: busy: another process is at it\n", 9),
        (INVALID, f"{P}job 4 (x {78 * 'y'}): invalid: no https://h.example/v?...\n", 9),
        (FAILED, f"{P}job 5: failed: no https://h.example/v?...\n", 9),
    ],
    ids=["fetched", "there before", "busy", "invalid", "failed"],
)
def test_a_result(run: Run, gives: Gives, result: BatchResult[Any], told: str, code: int) -> None:
    """A result is a path on stdout or a line on stderr; the code tells whether all are done, in any order."""
    for results in ([result], [result, DONE], [DONE, result]):
        gives(*results)
        ended = run(*LINE, "-q")
        assert (ended.code, ended.err) == (code, told)
        assert ended.out.splitlines() == [str(each.file) for each in results if each.file]


def test_results_as_json(run: Run, gives: Gives) -> None:
    """With `--json` stdout is one document with how many jobs stand how."""
    gives(DONE, DONE, THERE, BUSY, INVALID, INVALID, INVALID, FAILED)
    ended = run(*LINE, "--json", "--batch-id", "b")
    lines = ended.err.splitlines()
    assert (ended.code, [line.split(": ")[2] for line in lines]) == (9, ["busy", *3 * ["invalid"], "failed"])
    assert ended.json == {
        "batch": "b",
        "jobs": 8,
        **dict.fromkeys(COUNTS, 0),
        "done": 2,
        "existing": 1,
        "invalid": 3,
        "failed": 1,
        "busy": 1,
        "running": [],
        "report": "out/report.jsonl",
    }
    assert list(ended.json) == ["batch", "jobs", *COUNTS, "running", "report"]


def test_each_standing_is_in_the_report(run: Run, serve_mock: Serve) -> None:
    """The report tells each job's id, standing, task, file and error."""
    served = serve_mock()
    busy = jobs_of_all_kinds(run, served)
    run(*ONE_BY_ONE)
    refused, unknown = (each.request_id for each in list(served.mock.requests)[:2])
    errors = [None, *errors_of(served, refused, unknown)]
    _, _, failed, late, done = (task.id for task in served.mock.tasks)
    lines = [report()[number] for number in range(1, 9)]
    for line in lines:
        line["error"] = line["error"] and untimed(line["error"])
    assert all(line.pop("at") for line in lines)
    ids = ["there", "refused\t" + 80 * "x", "un\nknown", "failed", "late", "done", "busy", None]
    standings = ["existing", "refused", "unknown", "failed", "unfinished", "done", "busy", "invalid"]
    kinds = {1: "BadRequestError", 2: "OutcomeUnknown", 3: "TaskFailed", 4: "DeadlineExceeded"}
    tasks = {3: failed, 4: late, 5: done, 6: busy}
    files = {0: "out/there.mp4", 5: "out/done.mp4"}
    assert lines == [
        {
            "batch": batch_of("jobs.jsonl", "out"),
            "line": place + 1,
            "id": ids[place],
            "standing": standings[place],
            "task_id": tasks.get(place),
            "file": str(Path(files[place]).absolute()) if place in files else None,
            "error": errors[place],
            "error_type": {**kinds, 7: "ValidationError"}.get(place),
        }
        for place in range(8)
    ]


@pytest.mark.usefixtures("nowhere")
def test_a_batch_without_jobs(run: Run) -> None:
    """A file without jobs is a batch that is done, known by the paths of its file and its folder."""
    write("", "  ")
    known = batch_of("jobs.jsonl", "deep/er/out")
    ended = run("batch", "jobs.jsonl", "-d", "deep/er/out")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"batch {known}\n0 jobs: none. Each is in deep/er/out/report.jsonl\n"
    assert run("batch", "jobs.jsonl", "-d", "deep/er/out", "--json").json["batch"] == known


@pytest.mark.parametrize("option", ["", "-q"])
def test_a_batch_that_is_done(run: Run, serve_mock: Serve, option: str) -> None:
    """When every video is there, by this run or before it, the exit code is 0, and the counts tell which."""
    served = serve_mock()
    write(job("one"), job("two"))
    Path("out").mkdir()
    Path("out/two.mp4").write_text("")
    ended = run(*filter(None, (option,)), *ONE_BY_ONE)
    paths = [str(Path("out", name).absolute()) for name in ("one.mp4", "two.mp4")]
    known = batch_of("jobs.jsonl", "out")
    assert (ended.code, ended.out.splitlines()) == (0, paths)
    assert ended.err == (
        "" if option else f"batch {known}\n2 jobs: 1 done, 1 existing. Each is in out/report.jsonl\n"
    )
    assert report()[1]["task_id"] == served.mock.tasks[0].id
    assert asked(served) == [CREATE, about(served.mock.tasks[0].id)]


def test_a_report_that_cannot_be_written(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The videos are made all the same; that the report isn't whole is told once, and in the exit code."""
    serve_mock()
    write(job("one"), job("two"))
    add = BatchReport.add
    monkeypatch.setattr(BatchReport, "add", lambda report, result: add(unwritable(report), result))
    ended = run(*ONE_BY_ONE)
    assert (ended.code, ended.out.count(".mp4\n")) == (9, 2)
    assert ended.err == (
        f"batch {batch_of('jobs.jsonl', 'out')}\n"
        "the report out/report.jsonl can't be written: Bad file descriptor\n"
        "2 jobs: 2 done. Each is in out/report.jsonl\n"
    )
