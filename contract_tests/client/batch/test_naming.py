"""Names that are kept between runs: what identifies batches and jobs, and the files of the videos."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.batch.conftest import URL
from kling_elements import ValidationError
from kling_elements.batch import BatchJob
from kling_elements.batch.job_ids import JobIndex, batch_of, name_problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


@pytest.mark.parametrize("key", ["\udcff", "X.a", "XX"])
def test_any_text_is_an_id(index: JobIndex, tmp_path: Path, key: str) -> None:
    """Whatever text an id is, it can be used, and a second one is found."""
    order = index.add(1, BatchJob((URL,), id=key))
    assert order.target == tmp_path / f"{key if key[0] == 'X' else '_'}.mp4"
    with pytest.raises(ValidationError, match="is that of job 1 too"):
        index.add(2, BatchJob((URL,), id=key))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "n" * 70}, f"id '{'n' * 60}' is that of job 1 too"),
        ({"id": "2", "output": "n" * 70}, f"output '{'n' * 60}' is that of job 1 too"),
        ({"id": "2", "output": "../" + "n" * 70}, f"output '../{'n' * 57}' {LEADS_OUT}"),
    ],
)
def test_a_name_that_cannot_be_used_is_shown(index: JobIndex, fields: Any, said: str) -> None:
    """What is said of a name shows as much of it as fits into a line."""
    index.add(1, BatchJob((URL,), id="n" * 70, output="n" * 70))
    with pytest.raises(ValidationError) as caught:
        index.add(2, BatchJob((URL,), **fields))
    assert list(caught.value.problems) == [said]


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
