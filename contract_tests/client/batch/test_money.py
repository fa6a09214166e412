"""What keeps a batch from paying twice, or for nothing: the journal, the file of jobs, and a busy account."""

import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve
from PIL import Image

from contract_tests.client.batch.conftest import CREATE, MADE, TASK_ID, UNDONE, URL, WAITED, Bench, job
from contract_tests.support.answers import png
from contract_tests.support.locks import locked
from kling_elements import KlingElements, RateLimitError, RetryPolicy, ValidationError
from kling_elements.batch import BatchJob
from kling_elements.batch.results import JobStatus
from kling_elements.errors import JournalUnusable
from kling_elements.journal import Job, Journal
from kling_elements.journal.database import Database
from kling_elements.journal.fallback import Fallback


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:108] = b"\xff" * 8
    path.write_bytes(data)


def no_table(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE entries")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("break_it", [damage, no_table, a_folder])
def test_a_journal_that_cannot_be_used_costs_nothing(bench: Bench, break_it: Callable[[Path], None]) -> None:
    """Unreadable is not empty: no job is sent, and nothing is said to be finished, or unrecorded."""
    bench.service.ends = {"a": "IN_PROGRESS"}
    client = bench.open_client()
    list(bench.batch([job("a")], client, batch_id="b", timeout=0.001))
    client.close()
    break_it(bench.folder / "journal.sqlite3")
    client = bench.open_client()
    for use in (
        lambda: bench.batch([job("a")], client, batch_id="b"),
        lambda: list(client.resume()),
        client.find_unrecorded,
    ):
        with pytest.raises(JournalUnusable, match="journal"):
            use()
    assert bench.service.made() == {"a": 1}


def test_a_journal_that_cannot_be_written_stops_it(bench: Bench) -> None:
    """Without a journal a killed batch would pay twice: it isn't begun, unless that is off on purpose."""
    (bench.folder / "file").write_text("")
    with pytest.raises(ValidationError, match="journal"):
        bench.batch([job("a")], bench.open_client(journal=bench.folder / "file" / "journal"))
    assert not bench.service.prompts
    (result,) = bench.batch([job("a")], bench.open_client(journal=False), directory=bench.folder)
    assert result.is_done


def test_a_journal_that_breaks_in_mid_batch_stops_it(bench: Bench) -> None:
    """What can't be written down is not sent, whenever that begins."""

    def jobs() -> Iterator[dict[str, Any]]:
        yield job("a")
        damage(bench.folder / "journal.sqlite3")
        yield job("b")
        yield job("c")

    with pytest.raises(JournalUnusable):
        list(bench.batch(jobs(), workers=1))
    assert bench.service.made() == {"a": 1}


def test_a_journal_that_is_in_use_when_a_create_is_due(bench: Bench) -> None:
    """In the moment after the check, too, a job's create is written down or not sent."""
    path = bench.folder / "journal.sqlite3"
    with closing(Journal(Fallback(Database(path, busy_seconds=0.05)))) as journal:
        batch = bench.batch([job("a")], bench.open_client(journal=journal), workers=1)
        with locked(path), pytest.raises(JournalUnusable):
            list(batch)
    assert not bench.service.prompts


@pytest.mark.parametrize("has_files", [True, False])
def test_a_batch_of_an_older_version_is_not_paid_again(bench: Bench, *, has_files: bool) -> None:
    """Its jobs without ids are in the journal by their places; they are found wherever their lines are."""
    client, fields = bench.open_client(), {"images": [URL], "prompt": "a"}
    digest = BatchJob.of(fields).digest()[:16]
    for place in (12, 3):
        client.create([URL], prompt="a", job=Job("b", f"{place}-{digest}"))
    if has_files:
        (bench.folder / "out" / f"3-{digest}.mp4").touch()
    results = list(bench.batch([fields] * 3, client, batch_id="b"))
    existing = {f"3-{digest}"} if has_files else set()
    assert {result.key for result in results} == {f"3-{digest}", f"12-{digest}", f"{digest}-3"}
    assert {result.key for result in results if result.standing == "existing"} == existing
    assert bench.service.made() == {"a": 3}


@pytest.mark.parametrize("opened", [io.BytesIO, lambda data: Image.open(io.BytesIO(data))])
def test_an_open_image_is_known_by_what_it_holds(bench: Bench, opened: Callable[[bytes], Any]) -> None:
    """An open file or a Pillow image is sent whole when the account is free, and never created again."""
    busy(bench, 1)
    for _ in range(2):
        fields = {"images": [opened(png())], "prompt": "a"}
        assert bench.run(fields, client=patient(bench, [])).standing in {JobStatus.DONE, JobStatus.EXISTING}
        (target,) = (bench.folder / "out").iterdir()
        target.unlink()
    assert bench.service.asked.count(CREATE) == 2
    assert bench.service.made() == {"a": 1}


ONE = {"images": [URL], "prompt": "a"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ONE, ONE], indent=1),
        "[\n" + json.dumps(ONE) + ",\n" + json.dumps(ONE) + "\n]",
        json.dumps([ONE, ONE]),
        json.dumps(ONE, indent=2) + "\n" + json.dumps(ONE),
        json.dumps(ONE) + ",\n" + json.dumps(ONE),
        "images,prompt\na.jpg,a\n" + json.dumps(ONE),
        '"a"\n' + json.dumps(ONE),
    ],
    ids=["array", "array of lines", "array in a line", "object", "commas", "CSV", "text"],
)
def test_what_is_no_json_lines_is_refused_whole(bench: Bench, text: str) -> None:
    """A file that holds something else costs nothing: none of its lines is taken for a job by chance."""
    (bench.folder / "jobs").write_bytes('{"'.encode("utf-16") + b"x")
    with pytest.raises(ValidationError, match="decoded"):
        bench.batch(bench.folder / "jobs")
    (bench.folder / "jobs").write_text(text)
    for jobs in (bench.folder / "jobs", io.BytesIO(text.encode()), io.StringIO(text)):
        with pytest.raises(ValidationError, match="one JSON object a line"):
            list(bench.batch(jobs))
    assert not bench.service.prompts


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_jobs_in_another_encoding_are_read(bench: Bench, encoding: str) -> None:
    """UTF-16 and UTF-32, as some editors write them, with a mark or without; the caller's file stays open."""
    path = bench.folder / "jobs"
    path.write_text(json.dumps(job("\xe4\u2028")) + "\n", encoding)
    with path.open("rb") as stream:
        results = [list(bench.batch(jobs)) for jobs in (path, stream, io.BytesIO(path.read_bytes()))]
        assert not stream.closed
    assert all(result.is_done for (result,) in results)
    assert set(bench.service.made()) == {"\xe4\u2028"}


PAUSES = [15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 600.0]


def busy(bench: Bench, times: int, hint: int | None = None, **body: Any) -> None:
    """Let the service refuse so many creates by a rate, the first one with a hint of when it ends."""
    hints = iter([{"retry-after": str(hint)}] if hint else [])

    def answer() -> httpx.Response:
        if bench.service.asked.count(CREATE) > times:
            return bench.service.make("a")
        body_ = {"message": "Rate limit exceeded", **body}
        return httpx.Response(429, json=body_, headers=next(hints, {}))

    bench.service.plan = {"a": answer}


def patient(bench: Bench, slept: list[float], then: Callable[[], object] = list) -> KlingElements:
    """Return a client that sends each create once, notes its pauses, and does something in each."""

    def sleep(seconds: float) -> None:
        if seconds:
            slept.append(seconds)
            then()

    return bench.open_client(sleep=sleep, retries=RetryPolicy(attempts=1))


@pytest.mark.parametrize(
    ("times", "hint", "pauses"),
    [(1, None, PAUSES[:1]), (1, 10, PAUSES[:1]), (2, 40, [40.0, 30.0]), (7, None, PAUSES)],
)
def test_a_job_waits_until_the_account_is_free(
    bench: Bench, times: int, hint: int | None, pauses: list[float]
) -> None:
    """A job pauses longer and longer, or as long as the service asks, and is then done like any other."""
    slept: list[float] = []
    busy(bench, times, hint)
    assert bench.run(client=patient(bench, slept)) == bench.done()
    assert bench.service.asked == [CREATE] * (times + 1) + WAITED
    assert slept == pauses


def test_a_job_does_not_wait_for_ever(bench: Bench) -> None:
    """After half an hour a job is refused; run again, it is created."""
    slept: list[float] = []
    busy(bench, 8)
    assert bench.run(client=patient(bench, slept)) == evolve(UNDONE, standing=JobStatus.REFUSED)
    assert isinstance(bench.error, RateLimitError)
    assert (bench.service.asked, slept) == ([CREATE] * 8, PAUSES)
    assert bench.run().standing is JobStatus.DONE


def test_a_refusal_that_names_a_task_is_not_repeated(bench: Bench) -> None:
    """A 429 that names a task may have made it: the next run waits for it, and no other is made."""
    slept: list[float] = []
    busy(bench, 1, data={"task_id": TASK_ID, "status": "CREATED", "generated": []})
    result = bench.run(client=patient(bench, slept))
    assert result == evolve(UNDONE, standing=JobStatus.UNFINISHED, task_id=TASK_ID)
    assert (bench.service.asked, slept) == ([CREATE], [])
    bench.service.make("a")
    assert bench.run() == bench.done()
    assert bench.service.asked == MADE


@pytest.mark.parametrize(("is_answered", "standing"), [(False, JobStatus.BUSY), (True, JobStatus.UNKNOWN)])
def test_another_process_may_begin_the_job_meanwhile(
    bench: Bench, standing: JobStatus, *, is_answered: bool
) -> None:
    """A job that another process began during a pause is that one's, and is not sent a second time."""
    slept: list[float] = []

    def begin() -> None:
        entry_id = bench.begin()
        if is_answered:
            bench.journal.unknown(entry_id, "the answer was cut")

    busy(bench, 1)
    assert bench.run(client=patient(bench, slept, begin)).standing is standing
    assert (bench.service.asked, slept) == ([CREATE], PAUSES[:1])


@pytest.mark.parametrize("last", [1, 7], ids=["the first pause", "the last pause"])
def test_a_journal_that_breaks_in_a_pause_ends_it(bench: Bench, last: int) -> None:
    """Before each create, the last one too, the journal must be usable: what is paid is written down."""
    slept: list[float] = []

    def break_it() -> None:
        if len(slept) == last:
            damage(bench.folder / "journal.sqlite3")

    busy(bench, 8)
    with pytest.raises(JournalUnusable):
        bench.run(client=patient(bench, slept, break_it))
    assert bench.service.asked == [CREATE] * last
