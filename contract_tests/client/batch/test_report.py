"""The report of a batch, a line for each job, and its page, a video beside each image."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract_tests.support.answers import png
from kling_elements import TaskFailed
from kling_elements.batch import BatchJob, BatchResult
from kling_elements.batch.contact_sheet import is_foreign, write_contact_sheet
from kling_elements.batch.report import BatchReport, last_records
from kling_elements.batch.results import JobStatus
from kling_elements.task import Task

URL = "https://h/a.png?token=1"
EVIL = "</script><script>alert(1)</script>"


@pytest.mark.parametrize("before", ["", '{"line": 1}\n', '{"line": 1, "st'])
def test_a_report_is_appended_to(tmp_path: Path, before: str) -> None:
    """What a report holds stays, and a line that a kill cut off does not run into the next one."""
    path = tmp_path / "report.jsonl"
    path.write_text(before)
    report = BatchReport(path, "b", lambda error: f"shown {error.args[0]}", print)
    error = TaskFailed("no", task=Task("t-1", "FAILED"))
    images = (URL, b"1", Path("a.png"), "ftp://a")
    job = BatchJob(images, {"prompt": "x"})
    for number, key in ((7, "cat"), (3, "dog"), (3, "dog")):
        report.add(BatchResult(number, JobStatus.FAILED, key, job, task_id="t-1", error=error))
    report.close()
    assert path.read_text().startswith(before)
    records = last_records(path, "b")
    assert [record["id"] for record in records] == ["dog", "cat"]
    assert records[0].pop("at").endswith("+00:00")
    assert records[0] == {
        "batch": "b", "line": 3, "id": "dog", "standing": "failed", "task_id": "t-1", "file": None,
        "error": "shown no", "error_type": "TaskFailed", "prompt": "x",
        "images": ["https://h/a.png?…", None, "a.png", "ftp://a"],
    }  # fmt: skip


def test_a_page_shows_each_job(tmp_path: Path) -> None:
    """Text of others is escaped; a copy of each image is in it; a video that is gone has no link."""
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "<b>.mp4").touch()
    page = tmp_path / "report.html"
    assert not is_foreign(page)
    images = [str(tmp_path / "a.png"), "https://h/a.png", None, "https://h/a.png?…", "gone.png"]
    done = {"standing": "done", "file": str(tmp_path / "<b>.mp4"), "prompt": EVIL, "images": images}
    failed = {"standing": "failed", "file": str(tmp_path / "gone.mp4"), "error": EVIL, "line": 2}
    write_contact_sheet(page, EVIL, "2 jobs", [done, failed, {"at": "2026-11-28T20:00:00", "line": 3}])
    text = page.read_text()
    assert text.count("<article>") == 3
    assert text.count("<img ") == 2
    assert text.count('<img src="data:image/jpeg;base64,') == 1
    assert text.count("<video ") == 1
    assert 'data-src="%3Cb%3E.mp4#t=0.1"' in text
    assert (EVIL in text, text.count("<script>")) == (False, 1)
    assert not is_foreign(page)
    assert [path.name for path in tmp_path.glob("*.part")] == []
    page.write_text("mine")
    assert is_foreign(page)
    assert is_foreign(tmp_path)
