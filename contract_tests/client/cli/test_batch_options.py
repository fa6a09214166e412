"""`batch` and its options: where jobs come from, what is done again, and what an interruption tells."""

from __future__ import annotations

import io
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.cli.conftest import KEY
from contract_tests.client.cli.unfinished import (
    LIST,
    NOW,
    URL,
    about,
    asked,
    in_doubt,
    interrupted_with,
    write,
)
from kling_elements import KlingElements
from kling_elements.batch import Batch, BatchJob, BatchResult
from kling_elements.batch.job_ids import batch_of
from kling_elements.batch.results import JobStatus, Running
from kling_elements.cli.batch_progress import BatchProgress
from kling_elements.cli.console import Console
from kling_elements.journal import Job
from kling_elements.policy.rate_limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]

P = "kling-elements: "
CREATE = ("POST", LIST[1])
LINE = ("batch", "jobs.jsonl", "-d", "out")
ONE_BY_ONE = (*LINE, "--workers", "1", "--timeout", "0")
COUNTS = ("done", "existing", "invalid", "refused", "unknown", "failed", "unfinished", "busy")
ONE, TWO = {"images": URL, "id": "one"}, {"images": URL, "id": "two"}


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


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("batch - -d out --api-key-file -", "the key and the jobs can't both come from stdin"),
        ("batch - -d out", "there are no jobs: stdin is closed"),
    ],
)
def test_a_stdin_without_jobs(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    """Where stdin can't hold the jobs, that is said, and not that there are none."""
    served = serve_mock()
    monkeypatch.setattr(sys, "stdin", None)
    ended = run(*line.split())
    assert (ended.code, ended.out, ended.err) == (2, "", f"{P}{said}. Nothing was sent\n")
    assert asked(served) == []


def test_the_key_from_stdin(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key may come from stdin if the jobs come from a file."""
    serve_mock()
    write()
    monkeypatch.delenv("KLING_ELEMENTS_API_KEY")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    assert run(*LINE, "--api-key-file", "-").code == 0


class Spied:
    """A batch of one change and one result while two tasks run, and what it and its count were asked for."""

    running = (Running("one", "t-1"), Running("two", "t-2"))

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given: list[tuple[Any, dict[str, Any], Limits]] = []
        self.counted: list[tuple[bool, int | None, bool]] = []
        self.shown: list[int] = []
        self._on_update: Any = None
        count = BatchProgress.__init__

        def batch(client: KlingElements, jobs: Any, *, on_update: Any, **options: Any) -> Spied:
            assert client.usage
            self.given.append((jobs, options, client.usage.limits))
            self._on_update = on_update
            return self

        def tally(new: BatchProgress, console: Any, total: int | None, *, is_quiet: bool) -> None:
            self.counted.append((isinstance(console, Console), total, is_quiet))
            count(new, console, total, is_quiet=is_quiet)

        monkeypatch.setattr(KlingElements, "batch", batch)
        monkeypatch.setattr(BatchProgress, "__init__", tally)
        monkeypatch.setattr(BatchProgress, "show", lambda _, running: self.shown.append(running))

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def __iter__(self) -> Iterator[Any]:
        self._on_update(None, None)
        return iter(
            [BatchResult(1, JobStatus.EXISTING, "one", BatchJob(("a.jpg",), {}), file=Path("one.mp4"))]
        )


WORDS = "--workers 5 --batch-id b --retry-unknown --retry-failed --timeout 4 --poll-interval 0.5"
CHOSEN = {"workers": 5, "batch_id": "b", "retry_unknown": True, "retry_failed": True, "timeout": 4.0}


@pytest.mark.parametrize(
    "case",
    [
        ("batch jobs.jsonl -d out", "jobs.jsonl", {}, (2, False)),
        (f"-q batch jobs.jsonl -d out {WORDS}", "jobs.jsonl", {**CHOSEN, "poll_interval": 0.5}, (2, True)),
        ("batch jobs.jsonl -d out --workers 1", "jobs.jsonl", {"workers": 1}, (2, False)),
        ("batch - -d out", None, {}, (None, False)),
    ],
    ids=["none", "all", "one worker", "stdin"],
)
@pytest.mark.usefixtures("nowhere")
def test_options_reach_the_client(
    run: Run, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str | None, dict[str, Any], Any]
) -> None:
    """Each option is the client's of that name; as many tasks may run at once as there are workers."""
    line, jobs, options, counted = case
    spied = Spied(monkeypatch)
    write(ONE, TWO)
    Path("-").write_text("not this file\n", encoding="utf-8")
    stdin = io.TextIOWrapper(io.BytesIO(b""))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run(*line.split()).code == 0
    plain = {
        "directory": Path("out"),
        "workers": 3,
        "batch_id": batch_of("jobs.jsonl", "out") if jobs else batch_of("out"),
        "retry_unknown": False,
        "retry_failed": False,
        "timeout": 1800.0,
        "poll_interval": None,
    }
    given = {**plain, **options}
    assert spied.given == [(jobs or stdin.buffer, given, Limits(tasks=given["workers"]))]
    assert spied.counted == [(True, *counted)]
    assert spied.shown == [2, 2]


def test_what_failed_is_made_again_if_asked(run: Run, serve_mock: Serve) -> None:
    """`--retry-failed` creates anew what failed, and nothing else does."""
    served = serve_mock()
    write(ONE)
    served.mock.next_scenario("fail", operation="createKlingElementsStdTask")
    assert [run(*ONE_BY_ONE).code, run(*ONE_BY_ONE, "--retry-unknown").code] == [9, 9]
    assert len(served.mock.tasks) == 1
    ended = run(*ONE_BY_ONE, "--retry-failed")
    assert (ended.code, ended.out) == (0, f"{Path('out/one.mp4').absolute()}\n")
    assert len(served.mock.tasks) == 2


def test_what_is_unknown_is_made_again_if_asked(run: Run, serve_mock: Serve) -> None:
    """`--retry-unknown` creates anew what was sent and not answered, and nothing else does."""
    served = serve_mock()
    write(ONE)
    in_doubt(served.url, "no answer", job=Job(batch_of("jobs.jsonl", "out"), "one"))
    refused = run(*LINE, "--retry-failed")
    assert (refused.code, asked(served)) == (9, [])
    assert f"{P}job 1 (one): unknown: this job was sent before (no answer)" in refused.err
    ended = run(*LINE, "--retry-unknown", *NOW)
    assert (ended.code, ended.out) == (0, f"{Path('out/one.mp4').absolute()}\n")
    assert asked(served) == [CREATE, about(served.mock.tasks[0].id)]


def test_the_line_of_a_terminal(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal's line counts the jobs of the file, but with `-q`; jobs of stdin have no total."""
    serve_mock()
    write(ONE, "", "{}", TWO)
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
        (("-d", "\0"), "\\x00 can't be written: its name holds a null byte. Nothing was sent"),
    ],
    ids=["no worker", "too many workers", "a file", "below a file", "a folder for a report", "no name"],
)
def test_what_cannot_begin(run: Run, serve_mock: Serve, args: tuple[str, ...], said: str) -> None:
    """A batch that can't begin is one line and exit code 2, and sends nothing."""
    served = serve_mock()
    write(ONE)
    Path("taken/report.jsonl").mkdir(parents=True)
    ended = run("batch", "jobs.jsonl", *args)
    assert (ended.code, ended.out, ended.err) == (2, "", f"{P}{said}\n")
    assert asked(served) == []


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
    write(ONE)
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
    write(ONE)
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
