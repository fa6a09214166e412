"""What one client writes down, by itself: whole entries, of its own origin and key alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from contract_tests.support.answers import ID
from contract_tests.support.clients import KEY, FakeTime
from kling_elements.api.auth import ApiKey, Settings
from kling_elements.errors import (
    ApiError,
    BadRequestError,
    ConnectionFailed,
    OutcomeUnknown,
    QuotaExceededError,
    ResponseFormatError,
)
from kling_elements.files import absolute
from kling_elements.journal import Entry, Job, Journal, NewEntry, State, request_digest
from kling_elements.operations.recorder import Recorder, next_midnight, task_of
from kling_elements.types import Request, TaskData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_elements.journal import Begun

SETTINGS = Settings("https://a.example", "x-key", ApiKey(KEY), 30.0)
ELSEWHERE = Settings("https://b.example", "x-key", ApiKey(KEY), 30.0)
REQUEST = Request("POST", "/v1/x", content=b"{}")
SIGNED = "https://cdn.example/a.mp4?exp=1900000000"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()
JOB = Job("b", "j")


@pytest.fixture
def time() -> FakeTime:
    """Noon."""
    return FakeTime(NOON)


@pytest.fixture
def journal(tmp_path: Path, time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    """A journal, at noon; its fingerprints are quickly made."""
    monkeypatch.setattr("kling_elements.journal.fingerprint._ROUNDS", 1)
    found = Journal.open(tmp_path / "j.sqlite3", {}, time.clock)
    yield found
    found.close()


@pytest.fixture
def records(journal: Journal) -> Recorder:
    """Those of one client."""
    return Recorder.of(journal, SETTINGS)


def begin(records: Recorder) -> Begun:
    return records.begin("m", REQUEST, JOB, "videos/../out.mp4")


def noted(records: Recorder, begun: Begun) -> Entry:
    """What is noted of a begun create, without its lease."""
    return Entry(
        begun.entry_id,
        NOON,
        NOON,
        "m",
        "https://a.example",
        records.journal.fingerprint(KEY),
        request_digest(REQUEST),
        JOB,
        str(absolute("out.mp4")),
    )


def test_whose_journal_it_is(journal: Journal, tmp_path: Path) -> None:
    """One that is handed in stays its owner's; one that a path asks for is the client's."""
    given = Recorder.of(journal, SETTINGS)
    assert given.journal is journal
    assert not given.is_own
    opened = Recorder.of(tmp_path / "other.sqlite3", SETTINGS)
    assert opened.journal.path == tmp_path / "other.sqlite3"
    assert opened.is_own


def test_what_all_entries_have_in_common(records: Recorder) -> None:
    """The origin and the key's fingerprint; the model where there is one."""
    owner = NewEntry("", "https://a.example", records.journal.fingerprint(KEY))
    assert (records.owner(), records.owner("m")) == (owner, evolve(owner, model="m"))


def test_a_begun_create(records: Recorder) -> None:
    """All that is known before a create is sent is noted; of what is not known nothing is."""
    begun = begin(records)
    entry = records.journal.entry(begun.entry_id)
    assert entry
    assert entry.lease
    assert evolve(entry, lease=None) == noted(records, begun)
    bare = records.begin("m", REQUEST, None, None)
    entry = records.journal.entry(bare.entry_id)
    assert entry
    assert evolve(entry, lease=None) == evolve(noted(records, bare), job=None, target=None)


FAILURES: dict[str, tuple[BaseException, dict[str, Any]]] = {
    "a task in a refusal": (
        ApiError("no", status_code=409, message="no", request_id="r", task_id=ID),
        {"state": State.CREATED, "task_id": ID, "request_id": "r"},
    ),
    "a task in an answer that is none": (
        OutcomeUnknown("odd", request_id="r", task_id=ID),
        {"state": State.CREATED, "task_id": ID, "request_id": "r"},
    ),
    "a task in an odd answer": (
        ResponseFormatError("odd", status_code=200, request_id="r", task_id=ID),
        {"state": State.CREATED, "task_id": ID, "request_id": "r"},
    ),
    "a task, and nothing else": (
        ConnectionFailed("cut", task_id=ID),
        {"state": State.CREATED, "task_id": ID},
    ),
    "refused": (
        BadRequestError("HTTP 400: no", status_code=400, message="no"),
        {"state": State.REFUSED, "note": "HTTP 400: no"},
    ),
    "never reached": (ConnectionFailed("no route"), {"state": State.REFUSED, "note": "no route"}),
    "nobody knows": (OutcomeUnknown("cut"), {"state": State.UNKNOWN, "note": "cut"}),
    "struck down": (KeyboardInterrupt(), {"state": State.UNKNOWN, "note": "KeyboardInterrupt"}),
    "struck down with a word": (RuntimeError("why"), {"state": State.UNKNOWN, "note": "why"}),
}


@pytest.mark.parametrize("case", FAILURES.values(), ids=FAILURES)
def test_a_failed_create(records: Recorder, case: tuple[BaseException, dict[str, Any]]) -> None:
    """A task that is named was made; else it is noted whether one can be, and why."""
    error, changes = case
    begun = begin(records)
    records.failed(begun, error)
    assert records.journal.entry(begun.entry_id) == evolve(noted(records, begun), **changes)
    assert records.quota_wait() is None


def test_a_create_that_was_not_sent(records: Recorder) -> None:
    """It made no task, and what struck it is noted."""
    begun = begin(records)
    records.unsent(begun, KeyboardInterrupt())
    note = "interrupted before it was sent (KeyboardInterrupt)"
    unsent = evolve(noted(records, begun), state=State.REFUSED, note=note)
    assert records.journal.entry(begun.entry_id) == unsent


def test_the_quota(records: Recorder, journal: Journal) -> None:
    """A used-up quota is noted for this origin and key, until midnight or a create that made a task."""
    begun = begin(records)
    for other in (
        Recorder.of(journal, ELSEWHERE),
        Recorder.of(journal, evolve(SETTINGS, key=ApiKey("k" * 20))),
    ):
        records.failed(begun, QuotaExceededError("used up", status_code=429, message="used up"))
        assert (records.quota_wait(), other.quota_wait()) == (12 * 3600, None)
        other.created(other.begin("m", REQUEST, None, None), TaskData("u", "CREATED"))
        assert (records.quota_wait(), other.quota_wait()) == (12 * 3600, None)
        begun = begin(records)
    records.created(begun, TaskData(ID, "CREATED", request_id="r"))
    assert records.quota_wait() is None
    created = evolve(noted(records, begun), state=State.CREATED, task_id=ID, status="CREATED", request_id="r")
    assert journal.entry(begun.entry_id) == created


def test_only_ones_own_tasks(records: Recorder, journal: Journal, time: FakeTime) -> None:
    """What is seen and fetched is noted of the task at this origin, not of the one of that name elsewhere."""
    task, other = TaskData(ID, "CREATED"), Recorder.of(journal, ELSEWHERE)
    for each in (records, other):
        each.created(each.begin("m", REQUEST, None, "/out.mp4"), task)
        time.sleep(1)
    assert (records.unrecorded([task, TaskData("u", "CREATED")]), other.unrecorded([task])) == (
        [TaskData("u", "CREATED")],
        [],
    )
    records.seen(TaskData(ID, "COMPLETED", (SIGNED,)))
    records.downloaded(task, Path("/out.mp4"))
    here, there = journal.find(ID, SETTINGS.base_url), journal.find(ID, ELSEWHERE.base_url)
    assert here
    assert there
    assert (here.status, here.file, there.status, there.file) == ("COMPLETED", "/out.mp4", "CREATED", None)
    assert Recorder.of(journal, evolve(SETTINGS, base_url="https://c.example")).unrecorded([task]) == [task]


def test_the_task_of_an_entry_has_its_request() -> None:
    """A task out of the journal names the request that told of it last."""
    task = task_of(Entry("e", state=State.CREATED, task_id=ID, request_id="r"))
    assert task
    assert (task, task.request_id) == (TaskData(ID, "UNKNOWN"), "r")


def test_midnight_is_in_utc() -> None:
    """Whatever the time zone is that a moment is told in, or that the machine stands in."""
    assert next_midnight(datetime.fromisoformat("2026-11-26T23:30:00-01:00")).tzinfo is UTC
