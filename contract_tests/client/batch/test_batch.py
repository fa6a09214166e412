"""Batches: each job once, whatever happens; one bad job fails alone; the report, and its page."""

import gc
import io
import itertools
import json
import os
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from PIL import Image

from contract_tests.client.batch.conftest import KEY, URL, VIDEO, Bench, job, write_jobs
from contract_tests.support.answers import png
from kling_elements import AuthenticationError, KlingElements, TaskFailed, ValidationError
from kling_elements.batch import BatchJob, BatchResult, worker_pool
from kling_elements.batch.contact_sheet import is_foreign, write_contact_sheet
from kling_elements.batch.report import BatchReport, last_records
from kling_elements.batch.results import JobStatus
from kling_elements.task import Task

ANY = pytest.mark.parametrize("backend", [None, "asyncio", "trio"])


def standings(results: Any) -> dict[str | None, JobStatus]:
    return {result.key: result.standing for result in results}


def held_jobs() -> int:
    """Return how many jobs are in memory."""
    gc.collect()
    return sum(isinstance(each, BatchJob) for each in gc.get_objects())


@ANY
def test_each_job_becomes_its_video(bench: Bench, backend: str | None) -> None:
    """Each job is created once, at most three at once; images are beside the file, videos where it says."""
    jobs = (job(f"j{n}", images=["a.png"], output=f"sub/{n}.mp4") for n in range(8))
    path = write_jobs(bench.folder / "in" / "jobs.jsonl", *jobs)
    (bench.folder / "in" / "a.png").write_bytes(png())
    out = bench.folder / "out"
    results = bench.collect(backend, lambda client: client.batch(path, directory=out))
    assert set(standings(results).values()) == {JobStatus.DONE}
    assert {result.file for result in results} == {out / "sub" / f"{n}.mp4" for n in range(8)}
    assert all(result.file.read_bytes() == VIDEO for result in results)
    assert set(bench.service.made().values()) == {1}
    assert 1 < bench.service.most <= 3
    again = bench.collect(backend, lambda client: client.batch(path, directory=out))
    assert set(standings(again).values()) == {JobStatus.EXISTING}
    assert {result.task_id for result in again} == set(bench.service.prompts)
    assert len(bench.service.prompts) == 8


@ANY
def test_a_fault_of_all_jobs_ends_the_batch(bench: Bench, backend: str | None) -> None:
    """A refused key is not tried a thousand times: first come the results of what was begun."""
    asked: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(401, json={"message": "Invalid API key"})

    jobs = (job(f"j{n}") for n in range(1000))
    *seen, error = bench.collect(backend, lambda client: client.batch(jobs, directory=bench.folder), refuse)
    assert isinstance(error, AuthenticationError)
    assert 1 <= len(seen) == len(asked) <= 3
    assert KEY not in str(seen)


@pytest.mark.parametrize("is_async", [False, True], ids=["a source", "an asynchronous source"])
@ANY
def test_a_source_that_fails_ends_the_batch(bench: Bench, backend: str | None, *, is_async: bool) -> None:
    """An error of the caller's own iterator is raised as it is, after the results of what was begun."""

    def jobs() -> Iterator[dict[str, Any]]:
        yield job("a")
        raise LookupError("mine")

    async def jobs_later() -> AsyncIterator[dict[str, Any]]:
        for each in jobs():
            yield each

    source = jobs_later() if is_async and backend else jobs()
    done, error = bench.collect(backend, lambda client: client.batch(source))
    assert (done.key, done.standing, repr(error)) == ("a", "done", "LookupError('mine')")


BAD_LINES: list[tuple[Any, str]] = [
    ("{bad", "at character 2"),
    ("[1]", "JSON object"),
    ('{"a": NaN}', "NaN"),
    ('{"b": {"a": 1, "a": 1}}', "a stands twice"),
    ('{"a": "\udcff"}', "UTF-8 at byte 8"),
    ("[" * 100_000, "nested too deeply"),
    (f'{{"a": {"9" * 5000}}}', "5,000 digits"),
    ({"image": URL}, "did you mean 'images'"),
    ({"images": [URL], "timeout": 1}, "timeout"),
    ({"images": ["missing.png"]}, "missing.png"),
    ({"images": [URL], "duration": 5}, "duration"),
    ({"images": [URL], "id": "good"}, "job 1"),
    ({"images": [URL], "output": "GOOD.mp4"}, "job 1"),
    ({"images": [URL], "model": "ultra"}, "model"),
    ({"images": [URL], "output": "\ud800.mp4"}, "can't be the name of a file"),
    ({"images": [URL], "output": "a/" * 3000 + "b"}, "output"),
    ({"images": [URL], "id": "", "output": " "}, "output must be text"),
    ({"images": [URL], "id": ["x"]}, "id must be text"),
]


class _NoPath(os.PathLike[str]):
    def __fspath__(self) -> str:
        raise LookupError("mine")


NO_PATH = _NoPath()
UNTYPED: Any = BatchJob
BAD_JOBS: list[tuple[Any, str]] = [
    (UNTYPED((URL,), id=5), "id must be text: got 5"),
    (UNTYPED((URL,), output=3), "output must be text: got 3"),
    (UNTYPED((URL,), output=NO_PATH), "output must be text"),
    (UNTYPED((URL,), None), "options must map fields to values: got NoneType"),
    (UNTYPED((URL,), {5: 1}), "options can't have 5"),
    (UNTYPED((URL,), {"images": [URL]}), "options can't have 'images'"),
    (UNTYPED((URL,), {"check_images": True, "job": 5}), "check_images is not an option of a job"),
    (UNTYPED({URL}), "images[0]: a value of type set is no image"),
    ({"images": [io.StringIO("x")]}, "images[0]: the open file gives no bytes"),
    ({"images": [io.StringIO("x")], "id": "x"}, "images[0]: the open file gives no bytes"),
    ({"images": [Image.new("1", (20_000, 20_000))]}, "the Pillow image has over"),
    ({"images": [URL], "prompt": {1: 1, "1": 1}}, "Give it an id"),
]


def test_a_bad_line_fails_alone(bench: Bench) -> None:
    """A line that can't be used is reported with its number and sends nothing; its neighbours are done."""
    lines = [line if isinstance(line, str) else json.dumps(line) for line, _ in BAD_LINES]
    path, good, last = bench.folder / "jobs.jsonl", json.dumps(job("good")), json.dumps(job("last"))
    path.write_bytes("\n".join([good, *lines, last]).encode(errors="surrogateescape"))
    jobs = [job("good"), *(bad for bad, _ in BAD_JOBS), job("last")]
    sources: list[tuple[Any, list[tuple[Any, str]]]] = [(path, BAD_LINES), (jobs, BAD_JOBS)]
    for source, rows in sources:
        results = {result.number: result for result in bench.batch(source)}
        assert results[1].is_done
        assert results[len(rows) + 2].is_done
        for number, (_, said) in enumerate(rows, 2):
            assert results[number].standing == "invalid"
            assert said in str(results[number].error)
    assert bench.service.made() == {"good": 1, "last": 1}


def test_jobs_are_read_as_they_are_begun(bench: Bench) -> None:
    """Of an endless source no more is read than can be worked on; closed, nothing more is begun."""
    read = itertools.count()
    endless = (job(f"j{number}") for number in read)
    with bench.batch(endless) as batch:
        for _ in range(5):
            next(batch)
        held = held_jobs()
        for _ in range(30):
            next(batch)
        assert held_jobs() - held <= 3 + 3  # of any number of jobs no more is kept than is in work
    # Taken, waiting to be taken, and in work.
    assert next(read) <= 35 + 3 + 3
    assert max(bench.service.made().values()) == 1
    # What was finished is not lost.
    assert len(list(batch)) + 35 + len(batch.running) == sum(bench.service.made().values())
    assert list(batch) == []
    assert batch.not_begun is None


def test_leaving_early_names_what_runs_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the tasks that run on, and creates without an answer; run again, none is created twice."""
    monkeypatch.setattr(worker_pool, "GRACE", 0.0)
    sent, go = threading.Event(), threading.Event()

    def handle(request: httpx.Request) -> httpx.Response:
        if b'"unanswered"' in request.content:
            sent.set()
            go.wait()
        return bench.service(request)

    bench.service.ends = {"slow": "IN_PROGRESS"}
    jobs = [job("quick"), job("slow"), job("unanswered")]
    with bench.batch(jobs, bench.open_client(handler=handle, poll_interval=0.01), workers=3) as batch:
        assert next(batch).key == "quick"
        sent.wait()
        while "slow" not in {each.name for each in batch.running}:
            pass
    (left,) = batch
    assert (left.key, left.standing, bool(left.entry_id)) == ("unanswered", "unknown", True)
    assert ([each.name for each in batch.running], batch.not_begun) == (["slow"], 0)
    go.set()
    for thread in threading.enumerate():
        if thread.name.startswith("kling-elements-batch"):
            thread.join()
    bench.service.ends = {}
    again = standings(bench.batch(jobs))
    assert again == {"quick": "existing", "slow": "done", "unanswered": "done"}
    assert set(bench.service.made().values()) == {1}


def test_lines_may_move(bench: Bench) -> None:
    """Moved, sorted, removed or between blank lines: each line is paid once, two equal ones twice."""
    lines = [json.dumps({"images": [URL], "prompt": prompt}) for prompt in "aab"]
    for text in (lines, ["", *lines], lines[::-1], lines[1:], ["", *lines[1:], "", lines[0]]):
        jobs = write_jobs(bench.folder / "jobs.jsonl", *text)
        results = list(bench.batch(jobs))
        assert all(result.is_done for result in results)
        assert bench.service.made() == {"a": 2, "b": 1}


def test_a_batch_is_known_by_its_paths(bench: Bench) -> None:
    """A batch is known by the paths of its jobs and its folder; with neither, none is like another."""
    one, two = (write_jobs(bench.folder / f"{name}.jsonl", job("a")) for name in ("one", "two"))
    for source in (one, one, two, two, [job("a")], [job("a")]):
        assert [result.standing for result in bench.batch(source, directory=None)] == ["done"]
    # The files' jobs once each, those of the lists each time.
    assert bench.service.made() == {"a": 4}


async def later(*_: object) -> None:
    """Do nothing, asynchronously."""


async def jobs_later() -> AsyncIterator[Any]:
    yield job("a")


CANNOT: dict[str, tuple[Any, ...]] = {
    "defaults": ({"duration": "7"}, {"id": "x"}, {"model": ""}, {5: 1}, 5, False),
    "batch_id": (b"x", float("nan"), ("a",), " "),
    **dict.fromkeys(("retry_unknown", "retry_failed", "dry_run"), ("false", "", 1)),
}
# Of `resume` too.
CAN_NEITHER: dict[str, tuple[Any, ...]] = {
    "workers": (0, True), "directory": (3, b"x", " ", NO_PATH), "on_update": (3, later),
    "wrokers": (1,), "timeout": (-1,), "poll_interval": ("x",),
}  # fmt: skip


def test_what_cannot_begin(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option or a source that can't be used is reported before anything is sent."""
    client = bench.open_client()
    for call, rows in (
        (partial(client.batch, [job("a")]), CANNOT | CAN_NEITHER),
        (client.resume, CAN_NEITHER),
    ):
        for name, value in ((name, value) for name, values in rows.items() for value in values):
            with pytest.raises(ValidationError, match=None if name == "defaults" else name):
                call(**{name: value})
    sources = [7, job("a"), "none.jsonl", "a\0b", jobs_later(), anyio.AsyncFile(io.StringIO()), " ", NO_PATH]
    for source in sources:
        with pytest.raises(ValidationError, match="jobs"):
            bench.batch(source)
    (gone := bench.folder / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for begin in (
        partial(bench.batch, "jobs.jsonl"),
        partial(bench.batch, [], directory="out"),
        partial(client.resume, directory="out"),
        partial(client.create, URL, target="a.mp4"),
        partial(KlingElements, KEY, journal="rel.db"),
    ):
        with pytest.raises(ValidationError, match="current folder is gone"):
            begin()
    (left,) = bench.batch([job("a", output="a.mp4")], client, directory=None)
    assert (left.standing, "current folder is gone" in str(left.error)) == ("invalid", True)
    assert bench.service.asked == []


SIGNED = "https://h/a.png?token=1"
EVIL = "</script><script>alert(1)</script>"


@pytest.mark.parametrize("before", ["", '{"line": 1}\n', '{"line": 1, "st', "[" * 100_000])
def test_a_report_is_appended_to(tmp_path: Path, before: str) -> None:
    """What a report holds stays, and a line that a kill cut off does not run into the next one."""
    path = tmp_path / "report.jsonl"
    path.write_text(before)
    report = BatchReport(path, "b", lambda error: f"shown {error.args[0]}", print)
    error = TaskFailed("no", task=Task("t-1", "FAILED"))
    images = (SIGNED, b"1", Path("a.png"), "ftp://a")
    job = BatchJob(images, {"prompt": "x"})
    for number, key in ((7, "cat"), (3, "dog"), (3, "dog")):
        report.add(BatchResult(number, JobStatus.FAILED, key, job, task_id="t-1", error=error))
    report.close()
    assert path.read_text().startswith(before)
    records = last_records(path, "b")
    assert [record["id"] for record in records] == ["dog", "cat"]
    assert records[0].pop("at").endswith("+00:00")
    assert records[0] == {
        "batch": "b", "line": 3, "id": "dog", "standing": "failed", "task_id": "t-1", "file": None,
        "error": "shown no", "error_type": "TaskFailed", "prompt": "x",
        "images": ["https://h/a.png?…", None, "a.png", "ftp://a"],
    }  # fmt: skip


def test_a_page_shows_each_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text of others is escaped; a copy of each image is in it; a video that is gone has no link."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)  # above it Pillow warns
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "<b>.mp4").touch()
    page = tmp_path / "report.html"
    assert not is_foreign(page)
    images = [str(tmp_path / "a.png"), "https://h/a.png", None, "https://h/a.png?…", "gone.png"]
    done = {"standing": "done", "file": str(tmp_path / "<b>.mp4"), "prompt": EVIL, "images": images}
    failed = {"standing": "failed", "file": str(tmp_path / "gone.mp4"), "error": EVIL, "line": 2}
    write_contact_sheet(page, EVIL, "2 jobs", [done, failed, {"at": "2026-11-28T20:00:00", "line": 3}])
    text = page.read_text()
    assert text.count("<article>") == 3
    assert text.count("<img ") == 2
    assert text.count('<img src="data:image/jpeg;base64,') == 1
    assert text.count("<video ") == 1
    assert 'data-src="%3Cb%3E.mp4#t=0.1"' in text
    assert (EVIL in text, text.count("<script>")) == (False, 1)
    assert not is_foreign(page)
    assert [path.name for path in tmp_path.glob("*.part")] == []
    page.write_text("mine")
    assert is_foreign(page)
    assert is_foreign(tmp_path)
