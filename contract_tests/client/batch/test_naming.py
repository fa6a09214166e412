"""Names that are kept between runs: what identifies batches and jobs, and the files of the videos."""

from __future__ import annotations

import hashlib
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
def register(tmp_path: Path) -> Iterator[JobIndex]:
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


def test_a_job_without_an_id_has_a_key_and_a_file(register: JobIndex, tmp_path: Path) -> None:
    """Without an id a job is known by its number and its content, and its file is named after that."""
    job = BatchJob((URL,), {"prompt": "a"})
    order = register.order(7, job)
    assert order.key == f"7-{job.digest()[:16]}"
    assert order.target == tmp_path / f"{order.key}.mp4"


@pytest.mark.parametrize("key", ["\udcff", "X.a", "XX"])
def test_any_text_is_an_id(register: JobIndex, tmp_path: Path, key: str) -> None:
    """Whatever text an id is, it can be used, and a second one is found."""
    order = register.order(1, BatchJob((URL,), id=key))
    assert order.target == tmp_path / f"{key if key[0] == 'X' else '_'}.mp4"
    with pytest.raises(ValidationError, match="is that of job 1 too"):
        register.order(2, BatchJob((URL,), id=key))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "n" * 70}, f"id '{'n' * 60}' is that of job 1 too"),
        ({"id": "2", "output": "n" * 70}, f"output '{'n' * 60}' is that of job 1 too"),
        ({"id": "2", "output": "../" + "n" * 70}, f"output '../{'n' * 57}' {LEADS_OUT}"),
    ],
)
def test_a_name_that_cannot_be_used_is_shown(register: JobIndex, fields: Any, said: str) -> None:
    """What is said of a name shows as much of it as fits into a line."""
    register.order(1, BatchJob((URL,), id="n" * 70, output="n" * 70))
    with pytest.raises(ValidationError) as caught:
        register.order(2, BatchJob((URL,), **fields))
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
