"""`batch` on the command line, against a mock over a socket."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from inline_snapshot import snapshot

from contract_tests.client.cli.conftest import KEY, context_of, names
from contract_tests.client.cli.unfinished import (
    CREATE,
    NOW,
    about,
    asked,
    job,
    plain,
    report,
    write,
)
from kling_elements import Journal, KlingElements, TaskFailed
from kling_elements.batch import BatchResult
from kling_elements.batch.job_ids import batch_of
from kling_elements.batch.report import BatchReport
from kling_elements.batch.results import JobStatus, Running
from kling_elements.cli.batch_progress import BatchProgress
from kling_elements.cli.console import Console
from kling_elements.cli.signals import Interrupted
from kling_elements.task import Task

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Start = Callable[..., subprocess.Popen[str]]
    Serve = Callable[..., ServedMock]

LINE = ("batch", "jobs.jsonl", "-d", "out")
ONE_BY_ONE = (*LINE, "--workers", "1", "--timeout", "0")
KEYS = [
    "batch", "jobs", "done", "existing", "invalid", "refused", "unknown", "failed", "unfinished", "busy",
    "running", "not_begun", "report",
]  # fmt: skip


def jobs_of_all_kinds(run: Run, served: ServedMock) -> None:
    """Write jobs, one of each status."""
    served.mock.next_scenario("never-finish", operation="createKlingElementsStdTask")
    write(job("busy"))
    run(*ONE_BY_ONE)
    entry = Journal.open().job(batch_of("jobs.jsonl", "out"), "busy")
    assert entry
    assert Journal.open().claim(entry.entry_id, "another", 60)
    Path("out/there.mp4").write_text("")
    write(*map(job, ("there", "refused", "unknown", "failed", "late", "done", "busy")), '{"image": "a.png"}')
    for scenario in ("status=400", "created-but-500", "fail", "never-finish"):
        served.mock.next_scenario(scenario, operation="createKlingElementsStdTask")
    asked(served)


def test_each_status_is_shown(run: Run, serve_mock: Serve) -> None:
    """Paths go to stdout, failures and counts to stderr, each job to the report; each create is sent once."""
    served = serve_mock()
    jobs_of_all_kinds(run, served)
    ended = run(*ONE_BY_ONE)
    assert ended.code == 9
    assert plain(ended.out) == "HERE/out/there.mp4\nHERE/out/done.mp4\n"
    assert plain(ended.err) == snapshot("""\
batch BATCH
kling-elements: job 2 (refused): refused: HTTP 400: Parameter 'page' must be greater than 0 [request
      R]. No task was created; correct the request.
kling-elements: job 3 (unknown): unknown: the create was sent, and the service responded: HTTP 500:
      Internal Server Error [request R]. The fault is the service's. A task may have been created
      and billed. Look for it before you repeat the create. Next: kling-elements list
kling-elements: job 4 (failed): failed: task TASK ended as FAILED, and the service gives no reason.
      It may be billed. Try other images
kling-elements: job 5 (late): unfinished: stopped waiting for task TASK after TIME; it was last seen
      IN_PROGRESS. It runs on and is billed. Next: kling-elements wait TASK
kling-elements: job 7 (busy): busy: another process has claimed it
kling-elements: job 8: invalid: image is not a field of a job (did you mean 'images'?); images is
      missing
8 jobs: 1 done, 1 existing, 1 invalid, 1 refused, 1 unknown, 1 failed, 1 unfinished, 1 busy. Each is
      in out/report.jsonl
""")
    _, _, failed, late, done = (task.id for task in served.mock.tasks)
    assert asked(served) == [CREATE, CREATE, CREATE, about(failed), CREATE, about(late), CREATE, about(done)]
    lines = [report()[number] for number in range(1, 9)]
    assert [line["standing"] for line in lines] == [
        "existing", "refused", "unknown", "failed", "unfinished", "done", "busy", "invalid",
    ]  # fmt: skip
    assert [line["error_type"] for line in lines] == [
        None, "BadRequestError", "OutcomeUnknown", "TaskFailed", "DeadlineExceeded", None, None,
        "ValidationError",
    ]  # fmt: skip
    assert (lines[3]["task_id"], lines[5]["task_id"]) == (failed, done)
    assert lines[5]["file"] == str(Path("out/done.mp4").absolute())
    again = run(*ONE_BY_ONE, "--json")
    assert list(again.json) == KEYS
    assert (again.code, again.json["jobs"], again.json["existing"], again.json["failed"]) == (9, 8, 2, 1)
    assert CREATE in asked(served)  # the refused one alone
    assert len(served.mock.tasks) == 6


def test_a_batch_that_is_done(run: Run, serve_mock: Serve) -> None:
    """When every video is there, the exit code is 0, and nothing is sent again."""
    served = serve_mock()
    write(job("one"), job("two"))
    ended = run(*LINE, *NOW)
    assert (ended.code, len(ended.out.splitlines())) == (0, 2)
    assert plain(ended.err) == "batch BATCH\n2 jobs: 2 done. Each is in out/report.jsonl\n"
    asked(served)
    again = run("-q", *LINE)
    assert (again.code, again.err) == (0, "")
    assert sorted(again.out.splitlines()) == sorted(ended.out.splitlines())
    assert asked(served) == []
    assert names() == ["jobs.jsonl", "out"]


def test_jobs_and_key_from_stdin(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads the jobs from stdin, known by their folder, or the key, but not both."""
    serve_mock()
    line = json.dumps(job("one")).encode()
    for status in ("done", "existing"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line)))
        ended = run("batch", "-", "-d", "out", *NOW)
        assert ended.code == 0
        assert ended.err == f"batch {batch_of('out')}\n1 job: 1 {status}. Each is in out/report.jsonl\n"
    write()
    monkeypatch.delenv("KLING_ELEMENTS_API_KEY")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    assert run(*LINE, "--api-key-file", "-").code == 0
    assert run("batch", "-", "-d", "out", "--api-key-file", "-").code == 2
    monkeypatch.setattr(sys, "stdin", None)
    assert run("batch", "-", "-d", "out").code == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["none.jsonl", "-d", "out"], "can't be read"),
        (["jobs.jsonl", "-d", "out", "--workers", "101"], "workers must be a number from 1 to 100"),
        (["jobs.jsonl", "-d", "jobs.jsonl"], "can't be written: File exists"),
        (["jobs.jsonl", "-d", "taken"], "taken/report.jsonl can't be written: it is not a regular file"),
        (["jobs.jsonl", "-d", "\0"], "its name holds a null byte"),
    ],
)
def test_what_cannot_begin(run: Run, serve_mock: Serve, args: list[str], said: str) -> None:
    """A batch that can't begin is one line and exit code 2, and sends nothing."""
    served = serve_mock()
    write(job("one"))
    Path("taken/report.jsonl").mkdir(parents=True)
    ended = run("batch", *args)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert said in ended.err
    assert asked(served) == []


def test_a_refused_key_ends_the_batch(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused key ends the batch with the code of a refusal, and says how many were not begun."""
    monkeypatch.setenv("KLING_ELEMENTS_API_KEY", "invalid-key-of-the-tests")
    served = serve_mock()
    write(*(job(f"j{n}") for n in range(50)))
    ended = run(*LINE, "--workers", "1", *NOW)
    assert ended.code == 3
    assert len(served.mock.requests) == 1
    assert "50 jobs: 1 refused, 49 not begun." in ended.err
    assert "invalid-key-of-the-tests" not in ended.err + Path("out/report.jsonl").read_text()


def test_a_signal_shows_how_to_continue(start: Start, run: Run, serve_mock: Serve) -> None:
    """A signal ends a batch soon, with the ids and the command; run again, that pays for nothing again."""
    served = serve_mock("never-finish")
    write(*map(job, ("one", "two")))
    process = start("batch", "jobs.jsonl", "-d", "my out", "--poll-interval", "0.05")
    while sum(task.polls for task in served.mock.tasks if task.polls) < 4:
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    ids = [task.id for task in served.mock.tasks]
    assert len(ids) == 2
    assert all(task_id in err for task_id in ids)
    assert "Next: kling-elements batch jobs.jsonl -d 'my out'\n" in err
    assert "2 jobs: 2 still running." in err
    assert "Traceback" not in err
    assert KEY not in err
    run("batch", "jobs.jsonl", "-d", "my out", "--timeout", "0", *NOW)
    assert len(served.mock.tasks) == 2


class Interrupting:
    """A batch that is interrupted while results are ready, as Ctrl-C finds it."""

    def __init__(
        self, *results: Any, running: tuple[Running, ...] = (), total: int | None = None, seen: int = 0
    ) -> None:
        self._results = deque(results)
        self._was_interrupted = False
        self.running = running
        self.total = total
        self.not_begun = None if total is None else total - seen - len(running)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None: ...

    def __iter__(self) -> Interrupting:
        return self

    def __next__(self) -> Any:
        if not self._was_interrupted:
            self._was_interrupted = True
            raise Interrupted(signal.SIGINT)
        if not self._results:
            raise StopIteration
        result: BatchResult[Any] = self._results.popleft()
        return result


@pytest.mark.parametrize(("words", "tasks"), [((), 0), (("--batch-id", "b", "--workers", "5"), 2)])
def test_what_was_finished_is_reported(
    run: Run, nowhere: str, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], tasks: int
) -> None:
    """After Ctrl-C every finished result is printed, counted and reported; what was not begun is counted."""
    write(*map(job, "abcdef"))
    running = tuple(Running(f"job {n}", f"task-{n}") for n in range(tasks))

    def interrupted(*_: object, **__: object) -> Interrupting:
        done = BatchResult[Any](1, JobStatus.DONE, "a", file=Path("/videos/a.mp4"))
        failed = BatchResult[Any](2, JobStatus.FAILED, "b", error=TaskFailed("no.", task=Task("t", "FAILED")))
        return Interrupting(done, failed, running=running, total=6, seen=2)

    monkeypatch.setattr(KlingElements, "batch", interrupted)
    ended = run(*LINE, *words)
    assert (ended.code, ended.out) == (130, "/videos/a.mp4\n")
    assert [report()[line]["standing"] for line in (1, 2)] == ["done", "failed"]
    left = "2 tasks continue and are billed: task-0, task-1" if tasks else "No task was left running"
    _, *lines = ended.err.splitlines()
    still = f", {tasks} still running" if tasks else ""
    assert lines == [
        "kling-elements: job 2 (b): failed: no.",
        f"kling-elements: interrupted (Ctrl-C). {left}.",
        "Next: kling-elements batch jobs.jsonl -d out" + (" --workers 5 --batch-id b" if tasks else ""),
        "To fetch only what was created: kling-elements resume",
        f"6 jobs: 1 done, 1 failed{still}, {4 - tasks} not begun. Each is in out/report.jsonl",
    ]
    shown = run(*LINE, *words, "--json").json
    assert list(shown) == KEYS
    assert (shown["done"], shown["failed"], shown["not_begun"]) == (1, 1, 4 - tasks)
    assert shown["running"] == [each.task_id for each in running]


@pytest.mark.parametrize(
    ("total", "statuses", "running", "line", "summary"),
    [
        (10, "", 0, "0 of 10 done", "10 jobs: 10 not begun"),
        (10, "E", 3, "1 of 10 done, 3 running", "10 jobs: 1 existing, 3 still running, 6 not begun"),
        (10, "EDI", 3, "2 of 10 done, about 7:00 left, 1 not done, 3 running",
         "10 jobs: 1 done, 1 existing, 1 invalid, 3 still running, 4 not begun"),
        (10, "DF", 1, "1 of 10 done, about 4:00 left, 1 not done, 1 running",
         "10 jobs: 1 done, 1 failed, 1 still running, 7 not begun"),
        (2, "DD", 0, "2 of 2 done", "2 jobs: 2 done"),
        (None, "DF", 2, "1 done, 1 not done, 2 running", "4 jobs: 1 done, 1 failed, 2 still running"),
        (0, "", 0, "0 of 0 done", "0 jobs: none"),
    ],
)  # fmt: skip
def test_counts(total: int | None, statuses: str, running: int, line: str, summary: str) -> None:
    """The line has counts and an estimate at the pace so far, once a minute; the summary has all jobs."""
    now, err = [500.0], io.StringIO()
    tasks = tuple(Running(f"job {n}", f"task-{n}") for n in range(running))
    batch: Any = Interrupting(running=tasks, total=total, seen=len(statuses))
    progress = BatchProgress(Console(None, err, {}), is_quiet=False, clock=lambda: now[0]).of(batch)
    for letter in statuses:
        progress.add(next(status for status in JobStatus if status.name[0] == letter))
    for now[0] in (559.9, 560.0, 619.9):
        progress.changed()
    now[0] = 560.0
    assert (err.getvalue(), progress.summary()) == (f"{line}\n", summary)
    status = progress.now()
    assert (status.done, status.total) == (len(statuses), total)


@pytest.mark.parametrize("before", ["", '{"line": 1}\n', '{"line": 1, "st'])
def test_a_report_is_appended_to(tmp_path: Path, before: str) -> None:
    """What a report holds stays, and a line that a kill cut off does not run into the next one."""
    path = tmp_path / "report.jsonl"
    path.write_text(before, encoding="utf-8")
    error = TaskFailed("see\nhttps://h/v?token=1", task=Task("t-1", "FAILED"))
    written = BatchReport(path, "b", context_of().context.format_error, print)
    written.add(BatchResult(3, JobStatus.FAILED, "dog", task_id="t-1", error=error))
    written.close()
    text = path.read_text(encoding="utf-8")
    whole = before if before.endswith("\n") or not before else f"{before}\n"
    assert text.startswith(whole)
    line = json.loads(text[len(whole) :])
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "batch": "b", "line": 3, "id": "dog", "standing": "failed", "task_id": "t-1", "file": None,
        "error": "see\\nhttps://h/v?...", "error_type": "TaskFailed", "images": [], "prompt": None,
    }  # fmt: skip


def test_a_report_that_cannot_be_written(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The videos are made all the same; that the report isn't whole is shown once, and in the exit code."""
    serve_mock()
    write(job("one"), job("two"))
    add = BatchReport.add

    def add_to_full_disk(report: BatchReport, result: BatchResult[Any]) -> None:
        reading = os.open(report.path, os.O_RDONLY)
        os.dup2(reading, report._file)  # a descriptor that takes no more
        os.close(reading)
        add(report, result)

    monkeypatch.setattr(BatchReport, "add", add_to_full_disk)
    ended = run(*ONE_BY_ONE)
    assert (ended.code, ended.out.count(".mp4\n")) == (9, 2)
    assert ended.err.count("the report out/report.jsonl can't be written: Bad file descriptor\n") == 1
