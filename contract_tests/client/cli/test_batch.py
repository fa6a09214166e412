"""`batch` on the command line, against a mock over a socket."""

import io
import itertools
import json
import os
import shlex
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from inline_snapshot import snapshot

from contract_tests.client.cli.conftest import CREATE, KEY, NOW, URL, Cli, Terminal, about, names, plain
from contract_tests.support.answers import png
from kling_elements import Journal
from kling_elements.batch import Batch, BatchResult
from kling_elements.batch.job_ids import batch_of
from kling_elements.batch.report import BatchReport
from kling_elements.batch.results import JobStatus, Running
from kling_elements.cli.batch_progress import BatchProgress
from kling_elements.cli.console import Console

LINE = ("batch", "jobs.jsonl", "-d", "out")
ONE_BY_ONE = (*LINE, "--workers", "1", "--timeout", "0")
KEYS = [
    "batch", "jobs", "done", "existing", "invalid", "refused", "unknown", "failed", "unfinished", "busy",
    "running", "not_begun", "report",
]  # fmt: skip


def write(*jobs: str) -> None:
    """Write a file of jobs: ids, or lines as they are."""
    lines = (each if each.startswith("{") else json.dumps({"images": URL, "id": each}) for each in jobs)
    Path("jobs.jsonl").write_text("".join(f"{line}\n" for line in lines))


def report() -> list[dict[str, Any]]:
    """Return the last line of the report about each job, in the order of the jobs."""
    lines = map(json.loads, Path("out/report.jsonl").read_text().splitlines())
    found: dict[int, dict[str, Any]] = {line["line"]: line for line in lines}
    return [found[number] for number in sorted(found)]


def test_each_status_is_shown(cli: Cli) -> None:
    """Paths go to stdout, failures and counts to stderr, each job to the report; each create is sent once."""
    cli.next("never-finish", operation="createKlingElementsStdTask")
    write("busy")
    cli(*ONE_BY_ONE)
    entry = Journal.open().job(batch_of("jobs.jsonl", "out"), "busy")
    assert entry
    assert Journal.open().claim(entry.entry_id, "another", 60)
    Path("out/there.mp4").write_text("")
    write("there", "refused", "unknown", "failed", "late", "done", "busy", '{"image": "a.png"}')
    for scenario in ("status=400", "created-but-500", "fail", "never-finish"):
        cli.next(scenario, operation="createKlingElementsStdTask")
    cli.asked()
    ended = cli(*ONE_BY_ONE)
    assert (ended.code, plain(ended.out)) == (9, "HERE/out/there.mp4\nHERE/out/done.mp4\n")
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
    _, _, failed, late, done = cli.ids
    assert cli.asked() == [CREATE, CREATE, CREATE, about(failed), CREATE, about(late), CREATE, about(done)]
    lines = report()
    assert [(line["standing"], line["error_type"]) for line in lines] == [
        ("existing", None), ("refused", "BadRequestError"), ("unknown", "OutcomeUnknown"),
        ("failed", "TaskFailed"), ("unfinished", "DeadlineExceeded"), ("done", None), ("busy", None),
        ("invalid", "ValidationError"),
    ]  # fmt: skip
    assert (lines[3]["task_id"], lines[5]["task_id"]) == (failed, done)
    assert lines[5]["file"] == str(Path("out/done.mp4").absolute())
    again = cli(*ONE_BY_ONE, "--json")
    assert list(again.json) == KEYS
    assert (again.code, again.json["jobs"], again.json["existing"], again.json["failed"]) == (9, 8, 2, 1)
    assert CREATE in cli.asked()  # the refused one alone
    assert len(cli.served.mock.tasks) == 6
    # A person sees a table of what is not done, of 20 jobs at most.
    write("busy", *['{"image": "a.png"}'] * 30)
    cli.patch.setattr(sys, "stderr", err := Terminal())
    assert cli(*ONE_BY_ONE).code == 9
    assert err.getvalue().count("invalid") == 30 + 19 + 1
    assert "and 11 more" in err.getvalue()


def test_a_batch_that_is_done(cli: Cli) -> None:
    """When every video is there, the exit code is 0, and nothing is sent again; jobs may come from stdin."""
    write("one", "two")
    ended = cli(*LINE, *NOW)
    assert (ended.code, len(ended.out.splitlines())) == (0, 2)
    assert plain(ended.err) == "batch BATCH\n2 jobs: 2 done. Each is in out/report.jsonl\n"
    cli.asked()
    again = cli("-q", *LINE)
    assert (again.code, again.err, cli.asked()) == (0, "", [])
    assert sorted(again.out.splitlines()) == sorted(ended.out.splitlines())
    assert names() == ["jobs.jsonl", "out"]
    for counts in ("1 done, 1 existing", "2 existing"):
        text = Path("jobs.jsonl").read_text().replace("two", "new")
        cli.patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        ended = cli("batch", "-", "-d", "out", *NOW)
        assert (ended.code, ended.err.splitlines()[0]) == (0, f"batch {batch_of('out')}")
        assert f"2 jobs: {counts}." in ended.err
    cli.environ(KLING_ELEMENTS_API_KEY=None)
    cli.patch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    assert cli(*LINE, "--api-key-file", "-").code == 0


def test_the_page_and_the_plan_of_a_batch(cli: Cli) -> None:
    """A dry run prints what would be done of each job; `--report` shows each video beside its image."""
    Path("in").mkdir()
    for name, width in (("in/a.png", 320), ("in/small.png", 50)):
        Path(name).write_bytes(png(width))
    Path("jobs.csv").write_text(f"images,id\n{URL},web\nin/a.png,\nin/gone.png,c\n")
    ended = cli("batch", "jobs.csv", "-d", "out", "--dry-run", "--json")
    assert (ended.code, ended.json["planned"]) == (9, 2)
    assert [job["standing"] for job in ended.json["plan"]] == ["planned", "planned", "invalid"]
    ended = cli("batch", "jobs.csv", "-d", "out", "--dry-run")
    assert re_ids(ended.out) == ["make  2 (web)", "make  3 (ID)", "fail  4 (c)"]
    assert (cli.asked(), Path("out").exists()) == ([], False)
    words = ("batch", "in", "-d", "out", "--prompt", "<b>", "--report", *NOW)
    ended = cli(*words, "--json")
    assert (ended.code, ended.json["page"]) == (9, "out/report.html")
    page = Path("out/report.html").read_text()
    assert (page.count("<article>"), page.count("<video "), page.count("data:image/jpeg")) == (2, 1, 2)
    assert ("&lt;b&gt;" in page, "<p><b></p>" in page, "at least 300x300" in page) == (True, False, True)
    assert "out/report.html\n" in cli(*words).err
    cli.patch.setattr(Path, "replace", refuse)
    ended = cli(*words)
    assert (ended.code, "the page out/report.html can't be written" in ended.err) == (9, True)


def re_ids(text: str) -> list[str]:
    """Return what is planned, without what it is planned from."""
    return [plain(line.rpartition("  ")[0]).replace("BATCH", "ID").strip() for line in text.splitlines()]


def refuse(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_report_that_cannot_be_written(cli: Cli) -> None:
    """The videos are made all the same; that the report isn't whole is shown once, and in the exit code."""
    write("one", "two")
    add = BatchReport.add

    def add_to_full_disk(report: BatchReport, result: BatchResult[Any]) -> None:
        reading = os.open(report.path, os.O_RDONLY)
        os.dup2(reading, report._file)  # a descriptor that takes no more
        os.close(reading)
        add(report, result)

    cli.patch.setattr(BatchReport, "add", add_to_full_disk)
    ended = cli(*ONE_BY_ONE)
    assert (ended.code, ended.out.count(".mp4\n")) == (9, 2)
    assert ended.err.count("the report out/report.jsonl can't be written: Bad file descriptor\n") == 1
    assert ended.err.endswith("2 jobs: 2 done\n")


def interrupt(cli: Cli, patch: pytest.MonkeyPatch, tasks: int, at: int = 2) -> None:
    """Send Ctrl-C once when this result is asked for and so many tasks were polled twice."""
    take, calls = Batch.__next__, itertools.count(1)

    def next_(self: Batch[Any, Any]) -> Any:
        if next(calls) == at:
            while sum(task.polls >= 2 for task in cli.served.mock.tasks) < tasks:
                pass
            signal.raise_signal(signal.SIGINT)
        return take(self)

    patch.setattr(Batch, "__next__", next_)


@pytest.mark.parametrize(
    ("folder", "more", "workers"),
    [
        ("out", "--workers 1", 1),
        ("my out", "--workers 2 --batch-id b --report --prompt='a b'", 2),
        ("out", "", 3),
    ],
)
def test_a_signal_shows_how_to_continue(cli: Cli, folder: str, more: str, workers: int) -> None:
    """Every finished result is printed and reported; run again, what was created is not paid again."""
    cli.next("instant", operation="create")
    cli.next("created-but-500", operation="create")
    cli.next("never-finish", operation="create", times=9)
    write(*"abcdefg")
    Path(folder).mkdir()
    Path(folder, "f.mp4").touch()
    line = " ".join(("batch jobs.jsonl -d", shlex.quote(folder), more)).strip()
    words = (*shlex.split(line), "--poll-interval", "0.01")
    with cli.patch.context() as patch:
        interrupt(cli, patch, workers, at=3)
        ended = cli(*words)
    ids = cli.ids
    assert (ended.code, len(ids)) == (130, workers + 2)
    assert (ended.out.count("\n"), plain(ended.out).startswith(f"HERE/{folder}/")) == (1, True)
    assert sorted(ended.err.count(task_id) for task_id in ids) == [0, 0, *[1] * workers]
    assert f"Next: kling-elements {line}\n" in ended.err.replace("'--prompt=a b'", "--prompt='a b'")
    assert "kling-elements resume\n" in ended.err
    assert "The outcome of 1 create is unknown" in ended.err
    assert f"7 jobs: 1 done, 1 unknown, {workers} still running, {5 - workers} not begun." in ended.err
    shown = cli(*words, "--timeout", "0", "--json").json
    assert list(shown)[: len(KEYS)] == KEYS
    assert [shown[name] for name in ("existing", "unfinished", "unknown", "not_begun")] == [2, 4, 1, 0]
    assert (cli.ids[: workers + 2], len(cli.ids)) == (ids, 6)


@pytest.mark.parametrize(
    ("total", "statuses", "running", "line", "summary"),
    [
        (10, "", 0, "0 of 10 done", "10 jobs: 10 not begun"),
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
    not_begun = None if total is None else total - len(statuses) - len(tasks)
    batch: Any = SimpleNamespace(running=tasks, total=total, not_begun=not_begun)
    progress = BatchProgress(Console(None, err, {}), batch, is_quiet=False, clock=lambda: now[0])
    for letter in statuses:
        progress.add(next(status for status in JobStatus if status.name[0] == letter))
    for now[0] in (559.9, 560.0, 619.9):
        progress.changed()
    now[0] = 560.0
    assert (err.getvalue(), progress.summary()) == (f"{line}\n", summary)
    status = progress.now()
    assert (status.done, status.total) == (len(statuses), total)
