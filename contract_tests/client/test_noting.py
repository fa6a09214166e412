"""What the flows note and tell of a task that exists: its status, its addresses, its file."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from contract_tests.support.answers import ID, IMAGE, mp4
from contract_tests.support.bench import ADDRESS, BUSY, DONE, Bench, Fetched, answer
from kling_elements import DownloadError, Event
from kling_elements.flows import _remember
from kling_elements.journal import State
from kling_elements.models import DEFAULT_MODEL
from kling_elements.records import Records, task_of
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRESH = "https://v.example/fresh.mp4"
VIDEO = mp4()


def known(**more: object) -> dict[str, object]:
    """What the entry of a created task knows, and more."""
    base = {"state": State.CREATED, "task_id": ID, "status": "CREATED", "urls": (ADDRESS,)}
    return {**base, "request_id": "req-1", **more}


def test_a_status_is_told_and_noted(bench: Bench) -> None:
    """A status that is news is an event and in the journal; the same one again is neither."""
    bench.run(bench.flows.create([IMAGE], {}), answer())
    bench.told.clear()
    for _ in range(2):
        assert bench.run(bench.flows.get(ID, 0), DONE).status == "COMPLETED"
    assert [event for event in bench.told if event.name != "request.answered"] == [
        Event("task.status", {"task_id": ID, "status": "COMPLETED"})
    ]
    assert bench.entry() == known(status="COMPLETED")


def test_the_status_of_any_task_is_told(bench: Bench) -> None:
    """The status of a task that the journal does not know is news as well."""
    bench.run(bench.flows.get("any", 0), answer(task_id="any", word="FAILED"))
    assert bench.events("task.status") == [{"task_id": "any", "status": "FAILED"}]


def test_what_is_news_is_noted_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look is written down where it is news."""
    noted: list[str] = []
    monkeypatch.setattr(Records, "seen", lambda _, task: noted.append(task.status))
    for word in ("CREATED", "CREATED", "FAILED"):
        bench.run(bench.flows.get(ID, 0), answer(word=word))
    assert noted == ["CREATED", "FAILED"]


def test_a_status_nobody_knows_is_logged_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A word that the document doesn't have is warned of, once for each word."""
    with caplog.at_level(logging.WARNING, "kling_elements"):
        for word in ("QUEUED", "QUEUED", "IN_PROGRESS", "HELD"):
            bench.run(bench.flows.get(ID, 0), answer(word=word))
    assert [record.getMessage() for record in caplog.records] == [
        f"task {ID} has the status {word!r}, which is not documented; it is taken as not final"
        for word in ("QUEUED", "HELD")
    ]


def test_a_download_is_told(bench: Bench, tmp_path: Path) -> None:
    """A download is told with its task and its size, also of a task that the journal does not know."""
    file = tmp_path / "out.mp4"
    task = Task("any", "COMPLETED", (ADDRESS,))
    assert bench.run(bench.flows.download(task, file, {}), Fetched(200, VIDEO)) == file
    assert bench.told == [Event("download.finished", {"task_id": "any", "bytes": len(VIDEO)})]


def test_a_download_is_noted(bench: Bench, tmp_path: Path) -> None:
    """The file of a task is noted with its task, and its addresses are forgotten."""
    bench.run(bench.flows.create([IMAGE], {}), answer())
    file = tmp_path / "out.mp4"
    task = Task(ID, "COMPLETED", (ADDRESS,))
    assert bench.run(bench.flows.download(task, file, {}), Fetched(200, VIDEO)) == file
    assert file.read_bytes() == VIDEO
    assert bench.fetched == [ADDRESS]
    noted = known(file=str(file))
    del noted["urls"]  # whoever has them can fetch the video
    assert bench.entry() == noted


def test_fresh_addresses_are_asked_for_and_noted(bench: Bench, tmp_path: Path) -> None:
    """Where an address is refused, the service is asked for a fresh one, patiently, and that is noted."""
    bench.run(bench.flows.create([IMAGE], {}), answer())
    file = tmp_path / "out.mp4"
    flow = bench.flows.download(Task(ID, "COMPLETED", (ADDRESS,)), file, {})
    fresh = answer(word="COMPLETED", address=FRESH)
    effects = Fetched(403), BUSY, fresh, Fetched(403)
    with pytest.raises(DownloadError, match="403"):
        bench.run(flow, *effects)
    assert bench.fetched == [ADDRESS, FRESH]
    assert [sent.request.task_id for sent in bench.sent[1:]] == [ID, ID]
    assert bench.entry() == known(status="COMPLETED", urls=(FRESH,))
    flow = bench.flows.download(Task(ID, "COMPLETED", (ADDRESS,)), file, {})
    assert bench.run(flow, Fetched(403), fresh, Fetched(200, VIDEO)) == file


def test_a_file_that_is_gone_at_once_has_no_size(bench: Bench, tmp_path: Path) -> None:
    """A file that somebody moves as soon as it is there is noted all the same; its size is not known."""
    bench.run(bench.flows.create([IMAGE], {}), answer())
    file = tmp_path / "out.mp4"
    assert bench.flows._note_download(Task(ID, "COMPLETED"), file) is None
    assert bench.entry()["file"] == str(file)


def test_unrecorded_tasks(bench: Bench) -> None:
    """Of the account's tasks those are unrecorded that the journal does not know."""
    bench.run(bench.flows.create([IMAGE], {}), answer())
    body = f'{{"data":[{{"task_id":"{ID}","status":"CREATED"}},{{"task_id":"t","status":"CREATED"}}]}}'
    listed = evolve(answer(), body=body.encode())
    found = bench.run(bench.flows.find_unrecorded(DEFAULT_MODEL, 0.0), listed)
    assert found == [Task("t", "CREATED")]


def test_the_oldest_is_forgotten() -> None:
    """What is known of tasks is bounded, and what is new takes the place of what is oldest."""
    memory = {f"t{number}": number for number in range(1000)}
    _remember(memory, "t999", 7)
    assert (len(memory), memory["t0"], memory["t999"]) == (1000, 0, 7)
    _remember(memory, "new", 8)
    assert (len(memory), "t0" in memory, memory["t1"], memory["new"]) == (1000, False, 1, 8)


class Shared(dict[str, int]):
    """What is known, while another thread forgets the oldest at the same time."""

    def __iter__(self) -> Iterator[str]:
        names = list(super().__iter__())
        self.pop(names[0], None)
        return iter(names)


def test_two_may_forget_the_same() -> None:
    """Of two threads that forget the same task at once, neither fails."""
    memory = Shared({f"t{number}": number for number in range(1000)})
    _remember(memory, "new", 8)
    assert len(memory) == 1000


ENTRIES: list[tuple[dict[str, Any], Task | None]] = [
    ({"state": State.CREATED, "task_id": "t"}, Task("t", "UNKNOWN")),
    (
        {"state": State.CREATED, "task_id": "t", "status": "FAILED", "urls": ("u",), "request_id": "r"},
        Task("t", "FAILED", ("u",), request_id="r"),
    ),
    ({"state": State.CREATED, "task_id": None}, None),
    ({"state": State.UNKNOWN, "task_id": "t"}, None),
]


@pytest.mark.parametrize(
    ("given", "expected"), ENTRIES, ids=["an id", "all that there is", "no id", "nobody knows"]
)
def test_the_task_of_an_entry(bench: Bench, given: dict[str, Any], expected: Task | None) -> None:
    """An entry whose create made a task gives it, with all that is known of it."""
    bench.run(bench.flows.create([IMAGE], {}), answer())
    (entry,) = bench.journal.entries()
    found = task_of(evolve(entry, **{"status": None, "urls": (), "request_id": None, **given}))
    assert found == expected
    assert (found and found.request_id) == (expected and expected.request_id)
