"""What keeps a batch from paying twice, or for nothing: the journal, the file of jobs, and early exits."""

from __future__ import annotations

import io
import itertools
import json
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.batch.conftest import URL, job, write_jobs
from kling_elements import KlingElements, ValidationError
from kling_elements.batch import BatchJob
from kling_elements.errors import JournalUnusable
from kling_elements.journal import Job, Journal
from kling_elements.journal.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx

    from contract_tests.client.batch.conftest import Open, Service


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:108] = b"\xff" * 8
    path.write_bytes(data)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def no_table(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE entries")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def text(path: Path) -> None:
    path.write_text("my notes\n" * 100)


BREAKS = [damage, cut_off, newer, no_table, a_folder, text]


@pytest.mark.parametrize("break_it", BREAKS)
def test_a_journal_that_cannot_be_used_costs_nothing(
    service: Service, open_client: Open, tmp_path: Path, break_it: Callable[[Path], None]
) -> None:
    """Unreadable is not empty: no job is sent, and nothing is said to be finished, or unrecorded."""
    service.ends = {"a": "IN_PROGRESS"}
    client = open_client()
    list(client.batch([job("a")], directory=tmp_path / "out", batch_id="b", timeout=0.001))
    client.close()
    assert sum(service.made().values()) == 1
    break_it(tmp_path / "journal.sqlite3")
    client = open_client()
    for use in (
        lambda: client.batch([job("a")], directory=tmp_path / "out", batch_id="b"),
        lambda: list(client.resume()),
        client.find_unrecorded,
    ):
        with pytest.raises(JournalUnusable, match="journal"):
            use()
    assert sum(service.made().values()) == 1


@pytest.mark.parametrize("break_it", [damage, newer, no_table])
def test_a_journal_that_breaks_in_mid_batch_stops_it(
    service: Service, open_client: Open, tmp_path: Path, break_it: Callable[[Path], None]
) -> None:
    """What can't be written down is not sent, whenever that begins."""

    def jobs() -> Iterator[dict[str, Any]]:
        yield job("a")
        break_it(tmp_path / "journal.sqlite3")
        yield job("b")
        yield job("c")

    with pytest.raises(JournalUnusable):
        list(open_client().batch(jobs(), directory=tmp_path / "out", workers=1))
    assert service.made() == {"a": 1}


def test_a_journal_that_is_in_use_when_a_create_is_due(
    service: Service, open_client: Open, tmp_path: Path
) -> None:
    """In the moment after the check, too, a job's create is written down or not sent."""
    journal = Journal(Database(tmp_path / "journal.sqlite3", busy_seconds=0.05))
    holders: list[sqlite3.Connection] = []

    def jobs() -> Iterator[dict[str, Any]]:
        other = sqlite3.connect(journal.path or "", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        holders.append(other)
        yield job("a")

    batch = open_client(journal=journal).batch(jobs(), directory=tmp_path / "out", workers=1)
    with pytest.raises(JournalUnusable):
        list(batch)
    holders[0].close()
    journal.close()
    assert not service.prompts


def test_lines_may_move(service: Service, open_client: Open, tmp_path: Path) -> None:
    """Moved, sorted, removed or between blank lines: each line is paid once, two equal ones twice."""
    lines = [json.dumps({"images": [URL], "prompt": prompt}) for prompt in "aab"]
    for text in (lines, ["", *lines], lines[::-1], lines[1:], ["", *lines[1:], "", lines[0]]):
        jobs = write_jobs(tmp_path / "jobs.jsonl", *text)
        results = list(open_client().batch(jobs, directory=tmp_path / "out"))
        assert all(result.is_done for result in results)
        assert service.made() == {"a": 2, "b": 1}


@pytest.mark.parametrize("has_files", [True, False])
def test_a_batch_of_an_older_version_is_not_paid_again(
    service: Service, open_client: Open, tmp_path: Path, *, has_files: bool
) -> None:
    """Its jobs without ids are in the journal by their places; they are found wherever their lines are."""
    client, fields = open_client(), {"images": [URL], "prompt": "a"}
    digest = BatchJob.of(fields).digest()[:16]
    for place in (2, 5):
        client.create([URL], prompt="a", job=Job("b", f"{place}-{digest}"))
    if has_files:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / f"2-{digest}.mp4").touch()
    results = list(client.batch([fields, fields], directory=tmp_path / "out", batch_id="b"))
    assert sorted(result.standing for result in results) == ["done", "existing" if has_files else "done"]
    assert service.made() == {"a": 2}


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
@pytest.mark.parametrize("source", ["path", "binary", "text"])
def test_what_is_no_json_lines_is_refused_whole(
    service: Service, open_client: Open, tmp_path: Path, text: str, source: str
) -> None:
    """A file that holds something else costs nothing: none of its lines is taken for a job by chance."""
    jobs: Any = {"path": tmp_path / "jobs", "binary": io.BytesIO(text.encode()), "text": io.StringIO(text)}[
        source
    ]
    (tmp_path / "jobs").write_text(text)
    with pytest.raises(ValidationError, match="one JSON object a line"):
        list(open_client().batch(jobs, directory=tmp_path / "out"))
    assert not service.prompts


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("source", ["path", "open", "bytes"])
def test_jobs_in_another_encoding_are_read(
    service: Service, open_client: Open, tmp_path: Path, encoding: str, source: str
) -> None:
    """UTF-16 and UTF-32, as some editors write them, with a mark or without; the caller's file stays open."""
    (tmp_path / "jobs").write_text(json.dumps({"images": [URL], "prompt": "\xe4\u2028"}) + "\n", encoding)
    with (tmp_path / "jobs").open("rb") as stream:
        mark = io.BytesIO(stream.peek())
        sources: dict[str, Any] = {"path": tmp_path / "jobs", "open": stream, "bytes": mark}
        jobs = sources[source]
        assert [result.is_done for result in open_client().batch(jobs, directory=tmp_path / "out")] == [True]
        assert not stream.closed
    assert service.made() == {"\xe4\u2028": 1}


def test_text_that_cannot_be_decoded_is_named(open_client: Open, tmp_path: Path) -> None:
    """Half a character of UTF-16 is an error of ours."""
    (tmp_path / "jobs").write_bytes('{"'.encode("utf-16") + b"x")
    with pytest.raises(ValidationError, match="decoded"):
        open_client().batch(tmp_path / "jobs", directory=tmp_path / "out")


def test_results_are_kept_when_a_batch_is_closed(open_client: Open, service: Service, tmp_path: Path) -> None:
    """What was finished by then is still given, and how many jobs were not begun is known."""
    fetched, others = itertools.count(1), threading.Event()

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "results.example.com" and next(fetched) == 4:
            others.set()
        return service(request)

    jobs = [job(f"j{number}") for number in range(9)]
    batch = open_client(handler=handle).batch(jobs, directory=tmp_path / "out", workers=3)
    first = next(batch)
    others.wait(30)
    batch.close()
    results = [first, *batch]
    assert {result.file for result in results} == set((tmp_path / "out").glob("*.mp4"))
    assert len(results) >= 4
    assert batch.not_begun == 9 - len(results) - len(batch.running)


@pytest.mark.parametrize("journal", [3, True, b"x", ["a"]])
def test_a_journal_of_a_wrong_kind(journal: Any) -> None:
    """An argument that is no journal is refused, and no variable of a frame shows the key."""
    key = "key-that-nobody-may-see"
    with pytest.raises(ValidationError, match="journal must be") as caught:
        KlingElements(key, "http://127.0.0.1:9", journal=journal)
    trace = caught.tb
    while trace.tb_next:
        trace = trace.tb_next
    assert key not in repr(trace.tb_frame.f_locals)
