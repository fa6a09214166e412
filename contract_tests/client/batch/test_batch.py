"""Batches: each job once, whatever happens; one bad job fails alone."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.client.batch.conftest import KEY, URL, VIDEO, job, with_client, write_jobs
from kling_elements import AuthenticationError, KlingElements, ValidationError
from kling_elements.batch.results import JobStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from contract_tests.client.batch.conftest import Service

    Open = Callable[..., KlingElements]


def standings(results: Any) -> dict[str | None, JobStatus]:
    return {result.key: result.standing for result in results}


@pytest.mark.parametrize("backend", [None, "asyncio", "trio"])
def test_each_job_becomes_its_video(
    service: Service, open_client: Open, tmp_path: Path, backend: str | None
) -> None:
    """Every job of a file is created once, and its video is where its name says, at most three at once."""
    path = write_jobs(
        tmp_path / "in" / "jobs.jsonl", *(job(f"j{n}", output=f"sub/{n}.mp4") for n in range(8))
    )
    out = tmp_path / "out"
    results = run_batch(open_client, service, tmp_path, backend, path, directory=out)
    assert set(standings(results).values()) == {JobStatus.DONE}
    assert {result.file for result in results} == {out / "sub" / f"{n}.mp4" for n in range(8)}
    assert all(result.file.read_bytes() == VIDEO for result in results)
    assert set(service.made().values()) == {1}
    assert 1 < service.most <= 3
    again = run_batch(open_client, service, tmp_path, backend, path, directory=out)
    assert set(standings(again).values()) == {JobStatus.EXISTING}
    assert {result.task_id for result in again} == set(service.prompts)
    assert len(service.prompts) == 8


def run_batch(
    open_client: Open, service: Any, folder: Path, backend: str | None, jobs: Any, **options: Any
) -> list[Any]:
    """Return the results, an error that ends the batch as the last of them."""
    results: list[Any] = []
    try:
        if backend is None:
            results.extend(iter(open_client(handler=service).batch(jobs, **options).__next__, None))
        else:
            with_client(
                backend, service, folder, lambda client: collect(client.batch(jobs, **options), results)
            )
    except StopIteration:
        pass
    except Exception as error:  # noqa: BLE001 - the tests look at it
        results.append(error)
    return results


async def collect(batch: Any, results: list[Any]) -> None:
    async for result in batch:
        results.append(result)  # noqa: PERF401 - what came before an error counts


@pytest.mark.parametrize("backend", [None, "asyncio", "trio"])
def test_a_fault_of_all_jobs_ends_the_batch(open_client: Open, tmp_path: Path, backend: str | None) -> None:
    """A refused key is not tried a thousand times: the results of what was begun come, then the error."""
    asked: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(401, json={"message": "Invalid API key"})

    jobs = (job(f"j{n}") for n in range(1000))
    *seen, error = run_batch(open_client, refuse, tmp_path, backend, jobs, directory=tmp_path / "out")
    assert isinstance(error, AuthenticationError)
    assert 1 <= len(seen) == len(asked) <= 3
    assert KEY not in str(seen)


@pytest.mark.parametrize("is_async", [False, True], ids=["a source", "an asynchronous source"])
@pytest.mark.parametrize("backend", [None, "asyncio", "trio"])
def test_a_source_that_fails_ends_the_batch(
    service: Service, open_client: Open, tmp_path: Path, backend: str | None, *, is_async: bool
) -> None:
    """An error of the caller's own iterator comes out as it is, after the results of what was begun."""

    def jobs() -> Iterator[dict[str, Any]]:
        yield job("a")
        raise LookupError("mine")

    async def jobs_later() -> AsyncIterator[dict[str, Any]]:
        for each in jobs():
            yield each

    source = jobs_later() if is_async and backend else jobs()
    done, error = run_batch(open_client, service, tmp_path, backend, source, directory=tmp_path / "out")
    assert (done.key, done.standing, repr(error)) == ("a", "done", "LookupError('mine')")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{bad", "no JSON"),
        ({"image": URL}, "did you mean 'images'"),
        ({"images": [URL], "timeout": 1}, "timeout is not a field"),
        ({"images": ["missing.png"]}, "missing.png does not exist"),
        ({"images": [URL], "duration": 5}, "duration must be the string"),
        ({"images": [URL], "id": "good"}, "id 'good' is that of job 1 too"),
        ({"images": [URL], "output": "GOOD.mp4"}, "is that of job 1 too"),
        ({"images": [URL], "model": "ultra"}, "model must be"),
    ],
)
def test_a_bad_line_fails_alone(
    service: Service, open_client: Open, tmp_path: Path, line: Any, said: str
) -> None:
    """A line that can't be used is told with its number, and sends nothing; its neighbours are done."""
    path = write_jobs(tmp_path / "jobs.jsonl", job("good"), line, job("other"))
    results = {result.number: result for result in open_client().batch(path, directory=tmp_path / "out")}
    assert [results[number].standing for number in (1, 2, 3)] == ["done", "invalid", "done"]
    assert said in str(results[2].error)
    assert len(service.prompts) == 2


def test_images_are_found_beside_the_file(
    service: Service, open_client: Open, tmp_path: Path, image: Path
) -> None:
    """Relative paths of images begin at the folder of the jobs, wherever the process is."""
    path = write_jobs(image.parent / "jobs.jsonl", {"images": [image.name]}, {"images": image.name})
    assert [each.standing for each in open_client().batch(path, directory=tmp_path / "out")] == ["done"] * 2


def test_jobs_are_read_as_they_are_begun(service: Service, open_client: Open, tmp_path: Path) -> None:
    """Of an endless source no more is read than can be worked on; closed, nothing more is begun."""
    read = itertools.count()

    def endless() -> Iterator[dict[str, Any]]:
        for number in read:
            yield job(f"j{number}")

    with open_client().batch(endless(), directory=tmp_path / "out") as batch:
        for _ in range(5):
            next(batch)
    # Taken, waiting to be taken, and in work.
    assert next(read) <= 5 + 3 + 3
    assert max(service.made().values()) == 1
    assert len(list(batch)) + 5 + len(batch.running) == sum(
        service.made().values()
    )  # what was finished is not lost
    assert list(batch) == []
    assert batch.not_begun is None


def test_leaving_early_tells_what_runs_on(service: Service, open_client: Open, tmp_path: Path) -> None:
    """A batch that is left names the tasks that run on; run again, it finishes them without a create."""
    service.ends = {"slow1": "IN_PROGRESS", "slow2": "IN_PROGRESS"}
    jobs = [job("quick"), job("slow1"), job("slow2")]
    with open_client(poll_interval=0.01).batch(jobs, directory=tmp_path / "out") as batch:
        assert next(batch).key == "quick"
        while len(service.prompts) < 3:
            pass
    assert {each.name for each in batch.running} == {"slow1", "slow2"}
    assert batch.not_begun == 0
    assert {each.task_id for each in batch.running} <= set(service.prompts)
    service.ends = {}
    again = standings(open_client().batch(jobs, directory=tmp_path / "out"))
    assert again == {"quick": "existing", "slow1": "done", "slow2": "done"}
    assert set(service.made().values()) == {1}


def test_an_unknown_outcome_is_not_repeated(service: Service, open_client: Open, tmp_path: Path) -> None:
    """A create that was not answered is told as unknown, run after run, until it is asked for anew."""
    sent: list[httpx.Response] = []

    def made_and_lost() -> httpx.Response:
        sent.append(service.make("lost"))
        return httpx.Response(500, json={"message": "oops"})

    service.plan = {"lost": made_and_lost}
    for _ in range(3):
        results = list(open_client().batch([job("lost"), job("other")], directory=tmp_path / "out"))
        assert standings(results)["lost"] is JobStatus.UNKNOWN
    assert len(sent) == 1
    service.plan = {}
    anew = open_client().batch([job("lost")], directory=tmp_path / "out", retry_unknown=True)
    assert standings(anew) == {"lost": "done"}
    assert service.made()["lost"] == 2  # as was asked for


def test_a_failed_task_is_not_paid_again(service: Service, open_client: Open, tmp_path: Path) -> None:
    """A task that failed is told as failed, run after run, until it is asked for anew."""
    service.ends = {"bad": "FAILED"}
    for _ in range(2):
        results = list(open_client().batch([job("bad")], directory=tmp_path / "out"))
        assert standings(results) == {"bad": "failed"}
        assert str(results[0].task_id) in str(results[0].error)
    assert service.made() == {"bad": 1}
    service.ends = {}
    again = open_client().batch([job("bad")], directory=tmp_path / "out", retry_failed=True)
    assert standings(again) == {"bad": "done"}


def test_a_refused_job_is_created_the_next_time(service: Service, open_client: Open, tmp_path: Path) -> None:
    """What the service refused made no task: the next run creates it."""
    service.plan = {"no": lambda: httpx.Response(400, json={"message": "no"})}
    assert standings(open_client().batch([job("no")], directory=tmp_path / "out")) == {"no": "refused"}
    service.plan = {}
    assert standings(open_client().batch([job("no")], directory=tmp_path / "out")) == {"no": "done"}


def test_a_changed_job_keeps_its_task(service: Service, open_client: Open, tmp_path: Path) -> None:
    """A job that was changed after its create is told, and neither sent nor given the other's video."""
    service.ends = {"a": "IN_PROGRESS"}
    first = list(open_client().batch([job("a")], directory=tmp_path / "out", timeout=0))
    assert [each.standing for each in first] == ["unfinished"]
    changed = list(open_client().batch([job("b", id="a")], directory=tmp_path / "out"))
    assert [each.standing for each in changed] == ["invalid"]
    assert "was changed after task" in str(changed[0].error)
    assert service.made() == {"a": 1}


def test_a_journal_that_cannot_be_written_stops_it(
    service: Service, open_client: Open, tmp_path: Path
) -> None:
    """Without a journal a killed batch would pay twice: it isn't begun, unless that is off on purpose."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ValidationError, match="would pay twice"):
        open_client(journal=tmp_path / "file" / "journal").batch([job("a")], directory=tmp_path / "out")
    assert not service.prompts
    assert standings(open_client(journal=False).batch([job("a")], directory=tmp_path)) == {"a": "done"}


@pytest.mark.parametrize(
    "options", [{"workers": 0}, {"workers": True}, {"wrokers": 1}, {"timeout": -1}, {"poll_interval": "x"}]
)
def test_bad_options(open_client: Open, tmp_path: Path, options: dict[str, Any]) -> None:
    """An option that can't be used is told before anything is sent."""
    with pytest.raises(ValidationError):
        open_client().batch([job("a")], directory=tmp_path, **options)
    with pytest.raises(ValidationError, match="can't be read"):
        open_client().batch(tmp_path / "none.jsonl", directory=tmp_path)
