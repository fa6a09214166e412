"""Jobs: what each is made of, what identifies it, and what is told of one that can't be used."""

from __future__ import annotations

import io
import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.batch.conftest import URL, write_jobs
from kling_elements import ValidationError
from kling_elements.batch import BatchJob, Order
from kling_elements.batch import job_sources as reading
from kling_elements.batch.job_ids import JobIndex, batch_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.batch.conftest import Service
    from kling_elements import KlingElements

    Open = Callable[..., KlingElements]


class _Kind(Enum):
    WIDE = "16:9"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (7, ["a job must be a BatchJob or a mapping: got int"]),
        (
            {"images": [URL], "id": "", "output": " "},
            ["id must be text: got ''", "output must be text: got ' '"],
        ),
        ({"images": [URL], "id": Path("a")}, ["id must be text: got PosixPath('a')"]),
        ({"images": [URL], "output": b"a"}, ["output must be text: got b'a'"]),
        ({"images": [URL], "id": ["x" * 90]}, [f"id must be text: got {repr(['x' * 90])[:60]}"]),
        ({"image": URL}, ["image is not a field of a job (did you mean 'images'?)", "images is missing"]),
    ],
)
def test_all_faults_of_a_job_are_told(given: object, said: list[str]) -> None:
    """A job that can't be used is told with each of its faults, and the value that is at fault."""
    with pytest.raises(ValidationError) as caught:
        BatchJob.of(given)
    assert list(caught.value.problems) == said


def test_a_job_is_what_its_line_says() -> None:
    """Images, id and output are the job's own; all the rest is the request's."""
    path = Path("a.mp4")
    job = BatchJob.of({"images": URL, "id": "k", "output": path, "model": "pro", "prompt": "x"})
    assert job == BatchJob((URL,), {"model": "pro", "prompt": "x"}, "k", path)


def test_a_job_is_told_by_its_content() -> None:
    """Without an id the content is what identifies a job: the same content the same, any other another."""
    same = [
        BatchJob((URL,), {"prompt": "x", "duration": "5"}),
        BatchJob((URL,), {"duration": "5", "prompt": "x", "model": None}),
        BatchJob((URL,), {"duration": "5", "prompt": "x"}, id="k", output="a.mp4"),
    ]
    assert len({job.digest() for job in same}) == 1
    others = [
        BatchJob((b"1",)),
        BatchJob((b"2",)),
        BatchJob((Path("1"),)),
        BatchJob((Path("2"),)),
        BatchJob(("1",), {"prompt": "\ud800"}),
        BatchJob(("1",), {"prompt": "y"}),
        BatchJob(("1",), {"prompt": _Kind.WIDE}),
        BatchJob(("1",), {"prompt": 1j}),
        BatchJob(("1",), {"prompt": 2j}),
    ]
    assert len({job.digest() for job in (*same[:1], *others)}) == len(others) + 1
    assert BatchJob((b"1",)).digest() == BatchJob((bytearray(b"1"),)).digest()
    assert BatchJob((Path("1"),)).digest() == BatchJob(("1",)).digest()
    assert (
        BatchJob((), {"aspect_ratio": _Kind.WIDE}).digest() == BatchJob((), {"aspect_ratio": "16:9"}).digest()
    )


def test_each_job_has_its_place(service: Service, open_client: Open) -> None:
    """Jobs are counted from 1, and one that can't be used keeps its place, its id and itself."""
    bad = BatchJob((URL,), {"prompt": "b"}, id="a")
    jobs: list[Any] = [BatchJob((URL,), {"prompt": "a"}, id="a"), bad, 7]
    told = {result.number: result for result in open_client().batch(jobs)}
    assert {number: result.standing for number, result in told.items()} == {
        1: "done",
        2: "invalid",
        3: "invalid",
    }
    assert (told[2].key, told[2].job, told[3].key, told[3].job) == ("a", bad, None, None)
    assert service.made() == {"a": 1}


@pytest.mark.parametrize("as_text", [False, True])
def test_an_open_file_is_a_source(service: Service, open_client: Open, as_text: bool) -> None:  # noqa: FBT001
    """Of a file that is open already, of text or of bytes, each line is a job."""
    text = "".join(json.dumps({"images": [URL], "prompt": name, "id": name}) + "\n" for name in "ab")
    stream: Any = io.StringIO(text) if as_text else io.BytesIO(text.encode())
    told = {(result.number, result.key): result.standing for result in open_client().batch(stream)}
    assert told == {(1, "a"): "done", (2, "b"): "done"}
    assert service.made() == {"a": 1, "b": 1}


@pytest.mark.parametrize("jobs", [7, {"images": [URL]}])
def test_what_is_no_source_is_told(open_client: Open, jobs: Any) -> None:
    """A single job, or what gives none, is refused with a sentence about what is needed."""
    with pytest.raises(ValidationError, match="one job after another"):
        open_client().batch(jobs)


@pytest.mark.parametrize("workers", [1, 100])
def test_as_many_workers_as_may_be(open_client: Open, workers: int) -> None:
    """From one worker to a hundred a batch can have; a hundred and one are refused."""
    assert list(open_client().batch([], workers=workers)) == []
    with pytest.raises(ValidationError, match="from 1 to 100: got 101"):
        open_client().batch([], workers=101)


def test_changes_are_told_with_their_order(service: Service, open_client: Open) -> None:
    """Each change of a task is told, with the order that it is for."""
    seen: list[tuple[str, str]] = []

    def saw(order: Order, task: Any) -> None:
        seen.append((order.key, task.status))

    list(open_client().batch([{"images": [URL], "prompt": "a", "id": "a"}], on_update=saw))
    assert seen[0] == ("a", "CREATED")
    assert seen[-1] == ("a", "COMPLETED")


def test_a_batch_is_told_by_its_paths(service: Service, open_client: Open, tmp_path: Path) -> None:
    """A batch is known by the paths of its jobs and its folder; with neither, none is like another."""
    job = {"images": [URL], "prompt": "a", "id": "a"}
    one, two = (write_jobs(tmp_path / f"{name}.jsonl", job) for name in ("one", "two"))
    for source in (one, one, two, two, [job], [job]):
        assert [result.standing for result in open_client().batch(source)] == ["done"]
    # The files' jobs once each, those of the lists anew each time.
    assert service.made() == {"a": 4}
    assert batch_of("a", "b") != batch_of("b", "a")
    assert batch_of("a/../b") == batch_of("b")


def test_a_line_that_is_too_long_fails_alone(
    service: Service, open_client: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line beyond the bound is told with its number; the next one is read from its beginning."""
    good, other = (json.dumps({"images": [URL], "prompt": name, "id": name}) for name in "ab")
    monkeypatch.setattr(reading, "LONGEST_LINE", len(good))
    path = tmp_path / "jobs.jsonl"
    path.write_text(f"{good}\n" + "x" * (3 * len(good)) + f"\n{other}\n" + "x" * (len(good) + 1))
    told = {result.number: result for result in open_client().batch(path)}
    assert {number: result.standing for number, result in told.items()} == {
        1: "done", 2: "invalid", 3: "done", 4: "invalid",
    }  # fmt: skip
    assert "the line has more than" in str(told[2].error)
    assert (told[2].key, told[2].job) == (None, None)
    assert reading.count_lines(path) == 4
    assert reading.count_lines(tmp_path) is None


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"id": "k"}, {"id": "k"}, "id 'k' is that of job 1 too"),
        ({"output": "a.mp4"}, {"output": "A.MP4"}, "output 'a.mp4' is that of job 1 too"),
        ({"output": "\xe4.mp4"}, {"output": "a\u0308.mp4"}, "output 'ä.mp4' is that of job 1 too"),
    ],
)
def test_two_jobs_are_never_one(tmp_path: Path, first: Any, second: Any, said: str) -> None:
    """Of two jobs with one id, or one file as some file system sees it, the second is refused."""
    index = JobIndex(tmp_path)
    index.add(1, BatchJob((URL,), **first))
    with pytest.raises(ValidationError, match=said):
        index.add(2, BatchJob((URL,), {"prompt": "other"}, **second))
    index.close()


@pytest.mark.parametrize(
    ("key", "name"),
    [("a b/c", "a_b_c.mp4"), ("..a.", "a..mp4"), ("..", "_.mp4"), ("x" * 200, "x" * 120 + ".mp4")],
)
def test_a_file_is_named_after_the_id(tmp_path: Path, key: str, name: str) -> None:
    """Whatever the id is, the file's name is one in the folder and like the id."""
    index = JobIndex(tmp_path)
    assert index.add(1, BatchJob((URL,), id=key)).target == tmp_path / name
    index.close()
