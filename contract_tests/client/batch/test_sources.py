"""Jobs from images (a folder, a pattern, files) and from CSV; what jobs share; dry runs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.batch.conftest import KEY, job
from contract_tests.support.answers import png
from kling_elements import KlingElements, ValidationError
from kling_elements.batch.csv_jobs import csv_rows
from kling_elements.batch.image_jobs import image_jobs, names_images
from kling_elements.batch.results import JobStatus

if TYPE_CHECKING:
    from contract_tests.client.batch.conftest import Bench


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the current one, with files of all kinds."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("b.JPG", "a b.png", ".hidden.png", "notes.txt", "x.heic", "deep/c.jpg", "deep/b.png"):
        (tmp_path / "in" / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        (["in"], ["a b.png", "b.JPG", "x.heic"]),
        (["in/*"], ["a b.png", "b.JPG", "x.heic"]),
        (["in/**/c.*", "in/b.JPG", "in/b.JPG"], ["deep/c.jpg", "b.JPG"]),
        (["in/notes.txt"], ["notes.txt"]),
        (["in/*.gif"], "there is no image in in/*.gif"),
        (["none"], "none does not exist"),
        (["in/**"], "would both become b.mp4"),
    ],
)
def test_each_image_is_a_job_of_its_name(folder: Path, sources: list[str], found: list[str] | str) -> None:
    """A job for each image, named after it; two of one name would be the same video, and are refused."""
    assert names_images(sources[0]) is (sources[0] not in {"in/notes.txt", "none"})
    if isinstance(found, str):
        with pytest.raises(ValidationError) as caught:
            image_jobs(sources)
        assert found in str(caught.value)
        return
    assert image_jobs(sources) == [
        {"images": [str(folder / "in" / name)], "id": Path(name).stem, "output": f"{Path(name).stem}.mp4"}
        for name in found
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("images,prompt\na.png,x\n", [(2, {"images": ["a.png"], "prompt": "x"})]),
        (
            '\ufeffprompt;images\r\n"a\nb";a.png | b.png\r\n\r\n',
            [(3, {"prompt": "a\nb", "images": ["a.png", "b.png"]})],
        ),
        ("id\timages\n\ta.png\n \t \n", [(2, {"images": ["a.png"]})]),
        ("images\na.png,b\n", [(2, "the line has 2 cells, and the first line names 1")]),
        ("images\n" + "x" * 200_000 + "\na.png\n", [(2, "the line is no CSV"), (3, {"images": ["a.png"]})]),
        ("images,promt\n", "promt is not a field of a job .did you mean 'prompt'"),
        ("prompt,prompt\n", "the column prompt stands twice; the column images is missing"),
        ("", "the column images is missing"),
        ("images\n\xff", "not UTF-8"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_each_line_of_csv_is_a_job(text: str, rows: list[Any] | str) -> None:
    """The first line names the fields; an empty cell leaves one out; a bad line fails alone."""
    stream = io.BytesIO(text.encode("latin-1" if "\xff" in text else "utf-8"))
    if isinstance(rows, str):
        with pytest.raises(ValidationError, match=rows):
            list(csv_rows(stream))
        return
    read = [(number, str(row)[: len(want)] if isinstance(want, str) else row)
            for (number, row), (_, want) in zip(csv_rows(stream), rows, strict=True)]  # fmt: skip
    assert read == rows
    assert not stream.closed


@pytest.mark.parametrize("source", ["in", "jobs.csv"])
def test_what_all_jobs_share(bench: Bench, folder: Path, source: str) -> None:
    """A field of the batch counts where a job has none itself."""
    for file in (folder / "in").glob("*.*"):
        file.unlink()
    Path("in/a.png").write_bytes(png())
    Path("jobs.csv").write_text("images,prompt,output\nin/a.png,own,b.mp4\nin/a.png,,a.mp4\n")
    batch = bench.batch(source, directory="out", defaults={"prompt": "shared"})
    assert batch.total == (1 if source == "in" else 2)
    assert {each.standing for each in batch} == {JobStatus.DONE}
    assert bench.service.made() == ({"shared": 1} if source == "in" else {"own": 1, "shared": 1})
    assert Path("out/a.mp4").is_file()


def test_a_dry_run_sends_and_changes_nothing(bench: Bench, folder: Path) -> None:
    """A dry run says of each job what would be done, after all checks, and leaves disk and service alone."""
    jobs = [job("done"), job("begun"), job("new"), job("bad", images="gone.png"), job("x" * 3000)]
    jobs.append(job("there", output="notes.txt"))
    client = bench.open_client()
    list(client.batch(jobs[:1], directory="out", batch_id="b"))
    list(client.batch(jobs[1:2], directory="out", batch_id="b", timeout=0))
    Path("out/notes.txt").mkdir()
    before, asked = sorted(folder.rglob("*")), len(bench.service.asked)

    def plan(*jobs: Any, client: KlingElements = client, directory: str = "out") -> list[JobStatus]:
        batch = client.batch(jobs, directory=directory, batch_id="b", dry_run=True, workers=1)
        return [each.standing for each in batch]

    assert plan(*jobs) == ["existing", "unfinished", "planned", "invalid", "invalid", "invalid"]
    assert plan(job("begun", prompt="another")) == ["invalid"]
    assert (sorted(folder.rglob("*")), len(bench.service.asked)) == (before, asked)
    with KlingElements(KEY, "http://127.0.0.1:9", journal="new.sqlite3") as fresh:
        assert plan(jobs[2], client=fresh, directory="new") == ["planned"]
    assert not Path("new").exists()
    assert not Path("new.sqlite3").exists()
