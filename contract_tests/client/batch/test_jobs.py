"""Jobs: what identifies each, the files that their videos go to, and the lines that they are read from."""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import closing
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from contract_tests.client.batch.conftest import URL
from kling_elements import ValidationError
from kling_elements.batch import BatchJob
from kling_elements.batch import job_sources as reading
from kling_elements.batch.job_ids import JobIndex, batch_of, name_problem
from kling_elements.batch.job_sources import located, numbered_lines


class _Kind(Enum):
    WIDE = "16:9"


def test_a_job_is_known_by_its_content() -> None:
    """Without an id, the same content is the same job, in whatever kind of value it stands."""

    def digest(image: Any, **options: Any) -> str:
        return BatchJob((image,), options).digest()

    same = [
        (digest(URL, prompt="x", duration="5"), digest(URL, duration="5", prompt="x", model=None)),
        (digest(URL), BatchJob((URL,), id="k", output="a.mp4").digest()),
        (digest(b"1"), digest(bytearray(b"1"))),
        (digest(Path("1")), digest("1")),
        (digest("1", aspect_ratio=_Kind.WIDE), digest("1", aspect_ratio="16:9")),
    ]
    assert all(one == other for one, other in same)
    others = [digest(b"2"), digest("2"), *(digest("1", prompt=each) for each in ("\ud800", "y", 1j, 2j))]
    assert len({*(one for one, _ in same), *others}) == len(same) + len(others)


def test_batches_and_jobs_are_known_for_years(tmp_path: Path) -> None:
    """What identifies batches and jobs stands in journals: a later version must come to the same."""
    paths = tmp_path / "a" / ".." / "jobs.jsonl", tmp_path / "b\udcff"
    text = f"{tmp_path / 'jobs.jsonl'}\0{paths[1]}".encode("utf-8", "surrogatepass")
    assert batch_of(*paths) == hashlib.sha256(text).hexdigest()[:16]
    digest = BatchJob((URL,), {"prompt": "\xe4\ud800", "duration": None}).digest()
    content = rf'{{"images": ["{URL}"], "prompt": "\u00e4\ud800"}}'
    assert digest == hashlib.sha256(content.encode()).hexdigest()


NAMES: dict[str | None, list[str]] = {
    None: ["a.mp4", "a/report.jsonl", "..a", "x" * 255, "\xe4" * 127],
    "can't be the name of a file": ["x" * 256, "\xe4" * 128, f"{'x' * 256}/a", "a\0b"],
    "must be relative": ["/a", "C:a", "C:\\a", "\\a"],
    "must not lead out of the batch's folder": ["..", "a/../b", "a\\..\\b", "a/..\\b"],
    "must name a file": ["", ".", "a/", "a\\"],
    "is the batch's report": ["report.jsonl", "./REPORT.JSONL", "report.html"],
    "unfinished downloads": ["a.mp4.part", "a.mp4.PART.json", "a.part/b.mp4"],
}


@pytest.mark.parametrize("problem", NAMES)
def test_which_names_a_file_may_have(problem: str | None) -> None:
    """A name is one below the folder on any system, or the error says why it isn't."""
    for name in NAMES[problem]:
        found = name_problem(name)
        assert found is None if problem is None else problem in str(found), name


@pytest.mark.parametrize("outputs", [("a", "a/b.mp4"), ("a/b.mp4", "a"), ("A/c.mp4", "a"), ("x", "X")])
def test_outputs_do_not_meet(outputs: tuple[str, str], tmp_path: Path) -> None:
    """A file is neither another's nor a folder of another's, in any case of letters."""
    with closing(JobIndex(tmp_path)) as index:
        index.add(1, BatchJob((URL,), id="one", output=outputs[0]))
        with pytest.raises(ValidationError, match=r"output.* job 1"):
            index.add(2, BatchJob((URL,), id="two", output=outputs[1]))


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("", []),
        ("a\nb", [(1, b"a\n"), (2, b"b")]),
        ("a\n\n \t\nb\r\n", [(1, b"a\n"), (4, b"b\r\n")]),
        ("\ufeffa\n", [(1, b"a\n")]),
        ("a\n\ufeff", [(1, b"a\n"), (2, b"\xef\xbb\xbf")]),
        ("1234\n1234", [(1, b"1234\n"), (2, b"1234")]),
        ("12345\na\n", [(1, None), (2, b"a\n")]),
        ("123456789\na\n123456", [(1, None), (2, b"a\n"), (3, None)]),
    ],
)
def test_each_line_that_holds_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, content: str, lines: list[tuple[int, bytes | None]]
) -> None:
    """Lines keep their numbers, blank ones hold nothing, and one beyond the bound hides no other."""
    monkeypatch.setattr(reading, "LONGEST_LINE", 4)
    for stream in (io.StringIO(content, newline="\n"), io.BytesIO(content.encode())):
        found = list(numbered_lines(stream))
        assert [(n, line if isinstance(line, bytes) else None) for n, line in found] == lines


LONG = ".x" * 2048


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["a.png", URL, 7, ["a.png"]], ["in/a.png", URL, 7, ["in/a.png"]]),
        ("gone/a.png", "in/gone/a.png"),
        (LONG, f"in/{LONG}"),
        *((each, each) for each in ("/a.png", f"{LONG}x", "data:image/png;base64,broken!", "ftp://a/data:")),
        *((each, each) for each in ("", " ", 7, None)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_relative_paths_begin_at_a_folder(
    given: object, found: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths of images are joined to the folder, there or not; addresses, base64 text and faults stay."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"x")
    expected = json.loads(json.dumps(found).replace('"in/', f'"{folder.as_posix()}/'))
    assert located(given, folder) == expected
