"""Jobs: what each is made of, what identifies it, and what is told of one that can't be used."""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import closing
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.batch.conftest import URL, write_jobs
from kling_elements import ValidationError
from kling_elements.batch import BatchJob
from kling_elements.batch import job_sources as reading
from kling_elements.batch.job_ids import JobIndex, batch_of, name_problem
from kling_elements.batch.job_sources import located, numbered_lines, opened, parse_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.client.batch.conftest import Open, Service


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


@pytest.mark.parametrize("jobs", [7, {"images": [URL]}])
def test_what_is_no_source_is_told(open_client: Open, jobs: Any) -> None:
    """A single job, or what gives none, is refused with a sentence about what is needed."""
    with pytest.raises(ValidationError, match="one job after another"):
        open_client().batch(jobs)


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


LEADS_OUT = "must not lead out of the batch's folder"
ABSOLUTE = "must be relative: videos go below the batch's folder"
NO_NAME = "can't be the name of a file"
NO_FILE = "must name a file"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[JobIndex]:
    found = JobIndex(tmp_path)
    yield found
    found.close()


def test_batches_and_jobs_are_known_for_years(tmp_path: Path) -> None:
    """What identifies batches and jobs stands in journals: a later version must come to the same."""
    paths = tmp_path / "jobs.jsonl", tmp_path / "b\udcff"
    text = f"{paths[0]}\0{paths[1]}".encode("utf-8", "surrogatepass")
    assert batch_of(*paths) == hashlib.sha256(text).hexdigest()[:16]
    digest = BatchJob((URL,), {"prompt": "\xe4\ud800", "duration": None}).digest()
    content = rf'{{"images": ["{URL}"], "prompt": "\u00e4\ud800"}}'
    assert digest == hashlib.sha256(content.encode()).hexdigest()


def test_a_job_without_an_id_is_its_content(tmp_path: Path) -> None:
    """Lines may move: a job's key and file come from its content, and equal jobs are counted."""
    one, other = BatchJob((URL,), {"prompt": "a"}), BatchJob((URL,), {"prompt": "b"})
    keys = []
    for jobs in ([one, other, one], [other, one, one]):
        with closing(JobIndex(tmp_path)) as index:
            orders = [index.add(7 * number, job) for number, job in enumerate(jobs)]
        keys.append({order.key for order in orders})
        assert all(order.target == tmp_path / f"{order.key}.mp4" for order in orders)
    digest = one.digest()[:16]
    assert keys == [{digest, f"{digest}-2", other.digest()[:16]}] * 2


@pytest.mark.parametrize("where", ["journal", "folder"])
def test_a_job_that_an_older_version_began_keeps_its_key(tmp_path: Path, where: str) -> None:
    """Its key had the line's number before the content: it is found by the content, wherever the line is."""
    one = BatchJob((URL,), {"prompt": "a"})
    old = [f"{place}-{one.digest()[:16]}" for place in (3, 12)]
    if where == "folder":
        for key in old:
            (tmp_path / f"{key}.mp4").touch()
    with closing(JobIndex(tmp_path, ["x", *reversed(old)] if where == "journal" else ())) as index:
        assert [index.add(number, one).key for number in (1, 2, 3)] == [*old, f"{one.digest()[:16]}-3"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", "a/b.mp4"),
        ("a/b.mp4", "a"),
        ("A/c.mp4", "a"),
        ("x.mp4", "a.mp4.part"),
        ("x.mp4", "a.mp4.PART.json"),
        ("x.mp4", "a.part/b.mp4"),
    ],
)
def test_outputs_do_not_meet(index: JobIndex, first: str, second: str) -> None:
    """A file is no folder of another's, nor named as unfinished downloads are, in any case of letters."""
    index.add(1, BatchJob((URL,), id="one", output=first))
    with pytest.raises(ValidationError, match="output"):
        index.add(2, BatchJob((URL,), id="two", output=second))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a.mp4", None),
        ("a/report.jsonl", None),
        ("..a", None),
        ("x" * 255, None),
        ("\xe4" * 127, None),
        ("x" * 256, NO_NAME),
        ("\xe4" * 128, NO_NAME),
        (f"{'x' * 256}/a", NO_NAME),
        ("a\0b", NO_NAME),
        ("/a", ABSOLUTE),
        ("C:a", ABSOLUTE),
        ("C:\\a", ABSOLUTE),
        ("\\a", ABSOLUTE),
        ("..", LEADS_OUT),
        ("a/../b", LEADS_OUT),
        ("a\\..\\b", LEADS_OUT),
        ("a/..\\b", LEADS_OUT),
        ("", NO_FILE),
        (".", NO_FILE),
        ("a/", NO_FILE),
        ("a\\", NO_FILE),
        ("report.jsonl", "is the batch's report"),
        ("./REPORT.JSONL", "is the batch's report"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_which_names_a_file_may_have(name: str, problem: str | None) -> None:
    """A name is one below the folder on any system, or it is said why it isn't."""
    assert name_problem(name) == problem


TOO_LONG = "the line has more than 4 bytes"


def told(stream: Any) -> list[tuple[int, bytes | str]]:
    """Each line, or what is said of it."""
    return [
        (number, line if isinstance(line, bytes) else str(line)) for number, line in numbered_lines(stream)
    ]


@pytest.mark.parametrize("is_text", [True, False], ids=["text", "bytes"])
@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("", []),
        ("a\nb", [(1, b"a\n"), (2, b"b")]),
        ("a\n\n \t\nb\r\n", [(1, b"a\n"), (4, b"b\r\n")]),
        ("\ufeffa\n", [(1, b"a\n")]),
        ("a\n\ufeff", [(1, b"a\n"), (2, b"\xef\xbb\xbf")]),
        ("1234\n1234", [(1, b"1234\n"), (2, b"1234")]),
        ("12345\na\n", [(1, TOO_LONG), (2, b"a\n")]),
        ("123456\na\n", [(1, TOO_LONG), (2, b"a\n")]),
        ("123456789\na\n123456", [(1, TOO_LONG), (2, b"a\n"), (3, TOO_LONG)]),
    ],
)
def test_each_line_that_holds_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, content: str, lines: list[tuple[int, bytes | str]], *, is_text: bool
) -> None:
    """Lines keep their numbers, blank ones hold nothing, and one beyond the bound hides no other."""
    monkeypatch.setattr(reading, "LONGEST_LINE", 4)
    stream = io.StringIO(content, newline="\n") if is_text else io.BytesIO(content.encode())
    assert told(stream) == lines


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{bad", "the line is no JSON: Expecting property name enclosed in double quotes at character 2"),
        (b"", "the line is no JSON: Expecting value at character 1"),
        (b"[1]", 'the line must be a JSON object like {"images": ["a.jpg"]}'),
        (b'{"a": NaN}', "the line is no JSON: NaN is no value"),
        (b'{"a": -Infinity}', "the line is no JSON: -Infinity is no value"),
        (b'{"b": 1, "a": 1, "a": 1}', "a stands twice in the line"),
        (b'{"b": {"a": 1, "a": 1}}', "a stands twice in the line"),
        (b'{"a": "\xff"}', "the line is not UTF-8 at byte 8"),
        (b"\xff", "the line is not UTF-8 at byte 1"),
        (b"[" * 100_000, "the line is no job: its JSON is nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_line_is_told(line: bytes, said: str) -> None:
    """A line that is no JSON object is told by what is wrong with it, and where."""
    with pytest.raises(ValidationError) as caught:
        parse_line(line)
    assert list(caught.value.problems) == [said]


LONG = ".x" * 2048


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("a.png", "in/a.png"),
        ("gone/a.png", "in/gone/a.png"),
        (["a.png", URL, 7, ["a.png"]], ["in/a.png", URL, 7, ["in/a.png"]]),
        ("/a.png", "/a.png"),
        (LONG, f"in/{LONG}"),
        (f"{LONG}x", f"{LONG}x"),
        ("data:image/png;base64,broken!", "data:image/png;base64,broken!"),
        ("ftp://a/a.png", "ftp://a/a.png"),
        ("ftp://a/data:", "ftp://a/data:"),
        (URL, URL),
        ("", ""),
        (" ", " "),
        (7, 7),
        (None, None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_relative_paths_begin_at_a_folder(
    given: object, found: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths of images are led to the folder, there or not; addresses, base64 text and faults stay."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"x")
    expected = json.loads(json.dumps(found).replace('"in/', f'"{folder.as_posix()}/'))
    assert located(given, folder) == expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none", "No such file or directory"), (".", "Is a directory"), ("a\0b", "its name holds a null byte")],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, reason: str) -> None:
    """A file of jobs that can't be opened is told by its path and the reason alone."""
    path = tmp_path / name
    with pytest.raises(ValidationError) as caught, opened(path):
        pass
    assert list(caught.value.problems) == [f"the jobs in {path} can't be read: {reason}"]
