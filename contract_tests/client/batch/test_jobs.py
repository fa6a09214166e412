"""Jobs: what identifies each, and where they come from: lines, images, CSV; dry runs."""

import hashlib
import io
from contextlib import closing
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from contract_tests.client.batch.conftest import KEY, URL, Bench, job
from contract_tests.support.answers import png
from kling_elements import KlingElements, ValidationError
from kling_elements.batch import BatchJob
from kling_elements.batch import job_sources as reading
from kling_elements.batch.csv_jobs import csv_rows
from kling_elements.batch.image_jobs import image_jobs, names_images
from kling_elements.batch.job_ids import JobIndex, batch_of, name_problem
from kling_elements.batch.job_sources import decoded, located, numbered_lines
from kling_elements.batch.results import JobStatus


class _Kind(Enum):
    WIDE = "16:9"


def pillow(colour: int = 0, orientation: int = 1, **info: Any) -> Image.Image:
    """Return an image of Pillow's with a palette of one colour."""
    image = Image.new("P", (1, 1))
    image.putpalette([colour] * 3)
    image.getexif()[0x0112] = orientation
    image.info.update(info)
    return image


def test_a_job_is_known_by_its_content() -> None:
    """Without an id, the same content is the same job, in whatever kind of value it stands."""

    def digest(image: Any, **options: Any) -> str:
        return BatchJob((image,), options).read().digest()

    same = [
        (digest(URL, prompt="x", duration="5"), digest(URL, duration="5", prompt="x", model=None)),
        (digest(URL), BatchJob((URL,), id="k", output="a.mp4").digest()),
        (digest(b"1"), digest(bytearray(b"1"))),
        (digest(b"1"), digest(io.BytesIO(b"1"))),
        (digest(b"02"), digest(memoryview(b"0123")[::2])),
        (digest(pillow()), digest(pillow())),
        (digest(Path("1")), digest("1")),
        (digest("1", aspect_ratio=_Kind.WIDE), digest("1", aspect_ratio="16:9")),
    ]
    assert all(one == other for one, other in same)
    others = [digest(b"2"), digest("2"), *(digest("1", prompt=each) for each in ("\ud800", "y", 1j, 2j))]
    others += map(digest, (pillow(1), pillow(0, 6), pillow(transparency=0), pillow(icc_profile=b"1")))
    others += (digest(Image.new("L", (1, 2), colour)) for colour in (0, 1))
    assert len({one for one, _ in same} | {*others}) == len(same) - 1 + len(others)


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
    "can't be the name of a file": ["x" * 256, "\xe4" * 128, f"{'x' * 256}/a", "a\0b", "a/\ud800"],
    "must be relative": ["/a", "C:a", "C:\\a", "\\a"],
    "must not lead out of the batch's folder": ["..", "a/../b", "a\\..\\b", "a/..\\b"],
    "must name a file": ["", ".", "a/", "a\\"],
    "is the batch's report": ["report.jsonl", "./REPORT.JSONL", "report.html"],
    "unfinished downloads": ["a.mp4.part", "a.mp4.PART.json", "a.part/b.mp4"],
}


def test_which_names_a_file_may_have() -> None:
    """A name is one below the folder on any system, or the error says why it isn't."""
    for problem, names in NAMES.items():
        for name in names:
            found = name_problem(name)
            assert found is None if problem is None else problem in str(found), name


def test_outputs_do_not_meet(tmp_path: Path) -> None:
    """A file is neither another's nor a folder of another's, in any case of letters."""
    for one, two in (("a", "a/b.mp4"), ("a/b.mp4", "a"), ("A/c.mp4", "a"), ("x", "X")):
        with closing(JobIndex(tmp_path)) as index:
            index.add(1, BatchJob((URL,), id="one", output=one))
            with pytest.raises(ValidationError, match=r"output.* job 1"):
                index.add(2, BatchJob((URL,), id="two", output=two))


def test_each_line_that_holds_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines keep their numbers, blank ones hold nothing, and one beyond the bound hides no other."""
    monkeypatch.setattr(reading, "LONGEST_LINE", 4)
    for content, lines in (
        ("", []),
        ("a\nb", [(1, b"a\n"), (2, b"b")]),
        ("a\n\n \t\nb\r\n", [(1, b"a\n"), (4, b"b\r\n")]),
        ("\ufeffa\n", [(1, b"a\n")]),
        ("a\n\ufeff", [(1, b"a\n"), (2, b"\xef\xbb\xbf")]),
        ("1234\n1234", [(1, b"1234\n"), (2, b"1234")]),
        ("12345\na\n", [(1, None), (2, b"a\n")]),
        ("123456789\na\n123456", [(1, None), (2, b"a\n"), (3, None)]),
    ):
        for stream in (io.StringIO(content, newline="\n"), io.BytesIO(content.encode())):
            found = list(numbered_lines(stream))
            assert [(n, line if isinstance(line, bytes) else None) for n, line in found] == lines


LONG = ".x" * 2048


def test_relative_paths_begin_at_a_folder(tmp_path: Path) -> None:
    """Paths of images are joined to the folder, there or not; addresses, base64 text and faults stay."""
    for given in ("gone/a.png", LONG):
        assert located(given, tmp_path) == f"{tmp_path.as_posix()}/{given}"
    path = f"{tmp_path.as_posix()}/a.png"
    assert located(["a.png", URL, 7, ["a.png"]], tmp_path) == [path, URL, 7, [path]]
    for kept in ("/a.png", f"{LONG}x", "data:image/png;base64,broken!", "ftp://a/data:", "", " ", 7, None):
        assert located(kept, tmp_path) == kept


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
        ('images,prompt\na.png,"x\nb.png,y\n', [(3, "the line is no CSV")]),
        ('"images\na.png\n', "the first line is no CSV"),
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
    with decoded(stream, is_text=True) as lines:
        if isinstance(rows, str):
            with pytest.raises(ValidationError, match=rows):
                list(csv_rows(lines))
            return
        read = [(number, str(row)[: len(want)] if isinstance(want, str) else row)
                for (number, row), (_, want) in zip(csv_rows(lines), rows, strict=True)]  # fmt: skip
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
    models: list[Any] = [False, "", 0, []]
    jobs += [job(f"model {model}", model=model) for model in models]
    jobs.append(job("deep", output=f"{'a/' * 3000}b.mp4"))
    client = bench.open_client()
    list(client.batch(jobs[:1], directory="out", batch_id="b"))
    list(client.batch(jobs[1:2], directory="out", batch_id="b", timeout=0))
    Path("out/notes.txt").mkdir()
    before, asked = sorted(folder.rglob("*")), len(bench.service.asked)

    def plan(*jobs: Any, client: KlingElements = client, directory: str = "out") -> list[JobStatus]:
        batch = client.batch(jobs, directory=directory, batch_id="b", dry_run=True, workers=1)
        return [each.standing for each in batch]

    assert plan(*jobs) == ["existing", "unfinished", "planned", *["invalid"] * 8]
    assert plan(job("begun", prompt="another")) == ["invalid"]
    assert (sorted(folder.rglob("*")), len(bench.service.asked)) == (before, asked)
    with KlingElements(KEY, "http://127.0.0.1:9", journal="new.sqlite3") as fresh:
        assert plan(jobs[2], client=fresh, directory="new") == ["planned"]
    assert not Path("new").exists()
    assert not Path("new.sqlite3").exists()
