"""`batch`, whole: what it prints, sends, returns, and writes into its report."""

from __future__ import annotations

import io
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.command_line.unfinished import (
    LIST,
    NOW,
    URL,
    about,
    asked,
    in_doubt,
    interrupted_with,
    report,
    unwritable,
    write,
)
from kling_elements import Journal, KlingElements
from kling_elements.batch import Batch
from kling_elements.batch.naming import batch_of
from kling_elements.command_line.console import Console
from kling_elements.command_line.tally import Report, Tally
from kling_elements.governor import Limits
from kling_elements.journal import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.command_line.conftest import Ended
    from kling_elements_mock.server import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]

P = "kling-elements: "
CREATE = ("POST", LIST[1])
LINE = ("batch", "jobs.jsonl", "-d", "out")
ONE_BY_ONE = (*LINE, "--workers", "1", "--timeout", "0")
SUMMARY = "8 jobs: 1 done, 1 existing, 1 invalid, 1 refused, 1 unknown, 1 failed, 1 unfinished, 1 busy"
COUNTS = ("done", "existing", "invalid", "refused", "unknown", "failed", "unfinished", "busy")


def job(name: str) -> dict[str, str]:
    """A job with an id."""
    return {"images": URL, "id": name}


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
        f"stopped waiting for task {late} after 0 s; it was last seen IN_PROGRESS. It runs on and is billed. "
        f"To resume: kling-elements wait {late}"
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


def told_of(errors: list[str | None]) -> str:
    """What stderr tells of the jobs of all kinds."""
    return (
        f"{P}job 2 (refused {72 * 'x'}): refused: {errors[0]}\n"
        f"{P}job 3 (un known): unknown: {errors[1]}\n"
        f"{P}job 4 (failed): failed: {errors[2]}\n"
        f"{P}job 5 (late): unfinished: {errors[3]}\n"
        f"{P}job 7 (busy): busy: another process is at it\n"
        f"{P}job 8: invalid: {errors[6]}\n"
    )


@pytest.mark.parametrize("option", ["", "-q", "--json"])
def test_each_standing_is_told(run: Run, serve_mock: Serve, option: str) -> None:
    """Paths go to stdout, faults to stderr, counts too without `-q`; `--json` gives the counts on stdout."""
    served = serve_mock()
    jobs_of_all_kinds(run, served)
    ended = run(*filter(None, (option,)), *ONE_BY_ONE)
    refused, unknown = (each.request_id for each in list(served.mock.requests)[:2])
    told = told_of(errors_of(served, refused, unknown))
    known = batch_of("jobs.jsonl", "out")
    assert ended.code == 9
    if option == "--json":
        counts = dict.fromkeys(COUNTS, 1)
        rest = {"running": [], "report": "out/report.jsonl"}
        assert (ended.json, ended.err) == ({"batch": known, "jobs": 8, **counts, **rest}, told)
        return
    assert ended.out == f"{Path('out/there.mp4').absolute()}\n{Path('out/done.mp4').absolute()}\n"
    assert ended.err == (told if option else f"batch {known}\n{told}{SUMMARY}. Each is in out/report.jsonl\n")


def test_each_standing_is_in_the_report(run: Run, serve_mock: Serve) -> None:
    """The report tells each job's id, standing, task, file and error; each create was sent once."""
    served = serve_mock()
    busy = jobs_of_all_kinds(run, served)
    run(*ONE_BY_ONE)
    refused, unknown = (each.request_id for each in list(served.mock.requests)[:2])
    errors = [None, *errors_of(served, refused, unknown)]
    _, _, failed, late, done = (task.id for task in served.mock.tasks)
    assert asked(served) == [CREATE, CREATE, CREATE, about(failed), CREATE, about(late), CREATE, about(done)]
    lines = [report()[number] for number in range(1, 9)]
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


def test_a_batch_without_jobs(run: Run, serve_mock: Serve) -> None:
    """A file without jobs is a batch that is done, known by the paths of its file and its folder."""
    served = serve_mock()
    write("", "  ")
    known = batch_of("jobs.jsonl", "deep/er/out")
    ended = run("batch", "jobs.jsonl", "-d", "deep/er/out")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"batch {known}\n0 jobs: none. Each is in deep/er/out/report.jsonl\n"
    assert run("batch", "jobs.jsonl", "-d", "deep/er/out", "--json").json["batch"] == known
    assert asked(served) == []


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


def test_jobs_from_stdin(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads the jobs from stdin; the batch is then known by its folder, and run again it goes on."""
    served = serve_mock()
    known = batch_of("out")
    for standing in ("done", "existing"):
        line = b'{"images": "https://example.com/a.png", "id": "one"}\n'
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line)))
        ended = run("batch", "-", "-d", "out", *NOW)
        assert (ended.code, ended.out) == (0, f"{Path('out/one.mp4').absolute()}\n")
        assert ended.err == f"batch {known}\n1 job: 1 {standing}. Each is in out/report.jsonl\n"
    assert len(served.mock.tasks) == 1


def spied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any], Limits]]:
    """The jobs, the options and the limits of each batch that is begun."""
    given: list[tuple[Any, dict[str, Any], Limits]] = []
    batch = KlingElements.batch

    def note(client: KlingElements, jobs: Any, **options: Any) -> Any:
        assert client.usage
        given.append((jobs, {**options, "on_update": None}, client.usage.limits))
        return batch(client, jobs, **options)

    monkeypatch.setattr(KlingElements, "batch", note)
    return given


def test_options_reach_the_client(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option is the client's of that name; as many tasks may run at once as there are workers."""
    given = spied(monkeypatch)
    write()
    serve_mock()
    run(*LINE)
    serve_mock()
    words = "--workers 5 --batch-id b --retry-unknown --retry-failed --timeout 4 --poll-interval 0.5"
    run(*LINE, *words.split())
    plain = {
        "directory": Path("out"),
        "workers": 3,
        "batch_id": batch_of("jobs.jsonl", "out"),
        "retry_unknown": False,
        "retry_failed": False,
        "timeout": 1800.0,
        "poll_interval": None,
        "on_update": None,
    }
    chosen = {"workers": 5, "batch_id": "b", "retry_unknown": True, "retry_failed": True}
    assert given == [
        ("jobs.jsonl", plain, Limits(tasks=3)),
        ("jobs.jsonl", {**plain, **chosen, "timeout": 4.0, "poll_interval": 0.5}, Limits(tasks=5)),
    ]


def test_what_failed_is_made_again_if_asked(run: Run, serve_mock: Serve) -> None:
    """`--retry-failed` creates anew what failed, and nothing else does."""
    served = serve_mock()
    write(job("one"))
    served.mock.next_scenario("fail", operation="createKlingElementsStdTask")
    assert [run(*ONE_BY_ONE).code, run(*ONE_BY_ONE, "--retry-unknown").code] == [9, 9]
    assert len(served.mock.tasks) == 1
    ended = run(*ONE_BY_ONE, "--retry-failed")
    assert (ended.code, ended.out) == (0, f"{Path('out/one.mp4').absolute()}\n")
    assert len(served.mock.tasks) == 2


def test_what_is_unknown_is_made_again_if_asked(run: Run, serve_mock: Serve) -> None:
    """`--retry-unknown` creates anew what was sent and not answered, and nothing else does."""
    served = serve_mock()
    write(job("one"))
    in_doubt(served, "no answer", job=Job(batch_of("jobs.jsonl", "out"), "one"))
    refused = run(*LINE, "--retry-failed")
    assert (refused.code, asked(served)) == (9, [])
    assert f"{P}job 1 (one): unknown: this job was sent before (no answer)" in refused.err
    ended = run(*LINE, "--retry-unknown", *NOW)
    assert (ended.code, ended.out) == (0, f"{Path('out/one.mp4').absolute()}\n")
    assert asked(served) == [CREATE, about(served.mock.tasks[0].id)]


def test_the_line_of_a_terminal(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal's line counts the jobs of the file, but with `-q`; jobs of stdin have no total."""
    serve_mock()
    write(job("one"), "", "{}", job("two"))
    Path("out").mkdir()
    for name in ("one", "two"):
        Path(f"out/{name}.mp4").write_text("")
    lines: list[str] = []
    monkeypatch.setattr(Console, "is_live", property(lambda _: True))
    monkeypatch.setattr(Console, "transient", lambda _, text: lines.append(text))
    run(*ONE_BY_ONE)
    run("-q", *ONE_BY_ONE)
    data = Path("jobs.jsonl").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    run("batch", "-", *ONE_BY_ONE[2:])
    assert list(filter(None, lines)) == [
        "1 of 3 done",
        "1 of 3 done, 1 not",
        "2 of 3 done, 1 not",
        "1 done",
        "1 done, 1 not",
        "2 done, 1 not",
    ]


def test_each_change_is_shown(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count is shown at each change of a task, with those that run, and when a job is done."""
    serve_mock()
    write(job("one"))
    shown: list[int] = []
    monkeypatch.setattr(Tally, "show", lambda _, running: shown.append(running))
    run(*ONE_BY_ONE)
    assert shown == [1, 1, 0]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("-d", "out", "--workers", "0"), "--workers must be 1 or more: got 0. Nothing was sent"),
        (
            ("-d", "out", "--workers", "101"),
            "workers must be a number from 1 to 100: got 101. Nothing was sent",
        ),
        (("-d", "jobs.jsonl"), "jobs.jsonl can't be written: File exists. Nothing was sent"),
        (("-d", "jobs.jsonl/x"), "jobs.jsonl/x can't be written: Not a directory. Nothing was sent"),
        (("-d", "taken"), "taken/report.jsonl can't be written: Is a directory. Nothing was sent"),
        (("-d", "\0"), "\\x00 can't be written: embedded null byte. Nothing was sent"),
    ],
    ids=["no worker", "too many workers", "a file", "below a file", "a folder for a report", "no name"],
)
def test_what_cannot_begin(run: Run, serve_mock: Serve, args: tuple[str, ...], said: str) -> None:
    """A batch that can't begin is one line and exit code 2, and sends nothing."""
    served = serve_mock()
    write(job("one"))
    Path("taken/report.jsonl").mkdir(parents=True)
    ended = run("batch", "jobs.jsonl", *args)
    assert (ended.code, ended.out, ended.err) == (2, "", f"{P}{said}\n")
    assert asked(served) == []


def test_a_report_that_cannot_be_written(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The videos are made all the same; that the report isn't whole is told once, and in the exit code."""
    serve_mock()
    write(job("one"), job("two"))
    add = Report.add
    monkeypatch.setattr(Report, "add", lambda report, result: add(unwritable(report), result))
    ended = run(*ONE_BY_ONE)
    assert (ended.code, ended.out.count(".mp4\n")) == (9, 2)
    assert ended.err == (
        f"batch {batch_of('jobs.jsonl', 'out')}\n"
        "the report out/report.jsonl can't be written: Bad file descriptor\n"
        "2 jobs: 2 done. Each is in out/report.jsonl\n"
    )


GO_ON = "To go on: kling-elements batch jobs.jsonl -d 'my out'"


@pytest.mark.parametrize(
    "case",
    [
        ("", 0, f"No task was left running. {GO_ON}"),
        ("--workers 2", 1, f"1 task runs on and is billed: task-0. {GO_ON} --workers 2"),
        ("--batch-id b", 2, f"2 tasks run on and are billed: task-0, task-1. {GO_ON} --batch-id b"),
        ("--workers 3 --batch-id b", 3, None),
    ],
    ids=["no task", "one task", "two tasks", "as json"],
)
def test_an_interruption_tells_the_line_that_goes_on(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch, case: tuple[str, int, str | None]
) -> None:
    """A signal ends it with its code, the tasks that run on, and the line that goes on, with its options."""
    options, tasks, said = case
    serve_mock()
    write(job("one"))
    interrupted_with(monkeypatch, tasks, signal.SIGINT)
    ended = run("batch", "jobs.jsonl", "-d", "my out", *options.split(), *(() if said else ("--json",)))
    fetch = f"{P}to fetch only what was created: kling-elements resume\n"
    assert ended.code == 130
    if said is None:
        ids = ["task-0", "task-1", "task-2"]
        told = f"3 tasks run on and are billed: {', '.join(ids)}. {GO_ON} --batch-id b"
        assert ended.err == f"{P}interrupted (Ctrl-C). {told}\n{fetch}"
        rest = {"running": ids, "report": "my out/report.jsonl"}
        assert ended.json == {"batch": "b", "jobs": 0, **dict.fromkeys(COUNTS, 0), **rest}
        return
    known = "b" if "--batch-id" in options else batch_of("jobs.jsonl", "my out")
    assert ended.out == ""
    assert ended.err == (
        f"batch {known}\n{P}interrupted (Ctrl-C). {said}\n{fetch}"
        "0 jobs: none. Each is in my out/report.jsonl\n"
    )


def test_a_signal_does_not_wait_for_creates(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal ends a batch at once: it is the batch's threads that give a create its time."""
    served = serve_mock("never-finish")
    write(job("one"))
    proceed = Batch.__next__

    def follow(batch: Batch[Any, Any]) -> Any:
        if batch.running or served.mock.tasks:
            signal.raise_signal(signal.SIGTERM)
        return proceed(batch)

    monkeypatch.setattr(Batch, "__next__", follow)
    ended = run(*ONE_BY_ONE)
    assert ended.code == 143
    lines = ended.err.splitlines()
    assert lines[2] == (
        f"{P}interrupted (SIGTERM). No task was left running. "
        "To go on: kling-elements batch jobs.jsonl -d out --workers 1"
    )
    assert "a create is under way" not in ended.err
