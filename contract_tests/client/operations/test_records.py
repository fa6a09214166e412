"""What the client writes down, whatever becomes of a create."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, completed, failing, mp4, reply, shown
from contract_tests.support.clients import ASYNC, KEY, SYNC, Script
from kling_elements import (
    AsyncKlingElements,
    KlingError,
    Limits,
    OutcomeUnknown,
    QuotaExceededError,
)
from kling_elements.api.endpoints import DEFAULT_MODEL
from kling_elements.journal import Job, Journal, State, request_digest
from kling_elements.operations.recorder import next_midnight
from kling_elements.types import Request

if TYPE_CHECKING:
    from pathlib import Path

    from contract_tests.support.clients import Driver, FakeTime, Opened
    from kling_elements.journal import Entry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "j.sqlite3"


def entries(path: Path) -> list[Entry]:
    with closing(Journal.open(path)) as journal:
        return list(journal.entries())


def only(path: Path) -> Entry:
    (entry,) = entries(path)
    return entry


def opened(driver: Driver, path: Path, time: FakeTime, *steps: Any, **options: Any) -> Opened:
    return driver.open(
        Script.of(*steps), journal=path, **{"clock": time.clock, "sleep": time.sleep, **options}
    )


OUTCOMES: list[tuple[str, Any, State, str | None]] = [
    ("created", shown(), State.CREATED, ID),
    ("an id in a 5xx", reply(500, {"data": {"task_id": ID}}), State.CREATED, ID),
    ("an id in a refusal", reply(409, {"data": {"task_id": ID}}), State.CREATED, ID),
    ("refused", failing(400), State.REFUSED, None),
    ("no key", failing(401), State.REFUSED, None),
    ("the quota", failing(429, "Daily quota exceeded"), State.REFUSED, None),
    ("a rate to the end", failing(429), State.REFUSED, None),
    ("never reached", httpx.ConnectError("refused"), State.REFUSED, None),
    ("a fault of the service's", failing(503), State.UNKNOWN, None),
    ("no answer", httpx.ReadTimeout("late"), State.UNKNOWN, None),
    ("no JSON", reply(200, content=b"<html>"), State.UNKNOWN, None),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome[0])
def test_every_outcome_of_a_create(
    driver: Driver, time: FakeTime, path: Path, outcome: tuple[str, Any, State, str | None]
) -> None:
    """Whatever comes of a create, one entry tells whether a task exists, its id, and why not."""
    _, step, state, task_id = outcome
    client = opened(driver, path, time, step)
    text = ""
    try:
        client.create([IMAGE])
    except KlingError as error:
        text = error.args[0]
    entry = only(path)
    assert (entry.state, entry.task_id) == (state, task_id)
    if state is not State.CREATED:
        assert entry.note == text
    assert entry.is_doubtful == (state is State.UNKNOWN)


def test_what_is_noted_of_a_create(driver: Driver, time: FakeTime, path: Path, tmp_path: Path) -> None:
    """An entry has the model, the origin, the key's fingerprint, the request's digest and the target."""
    target = tmp_path / "videos" / ".." / "out.mp4"
    server = Script.of(shown())
    client = driver.open(server, journal=path, base_url="https://a.example", sleep=time.sleep)
    client.create([IMAGE], prompt="p", target=target)
    (sent,) = server.requests
    entry = only(path)
    assert (entry.model, entry.origin) == (DEFAULT_MODEL, "https://a.example")
    assert entry.digest == request_digest(Request("POST", sent.url.path, content=sent.content))
    assert entry.target == str(tmp_path / "out.mp4")
    assert len(entry.fingerprint) == 16
    driver.open(Script.of(shown(task_id="b")), journal=path, api_key="another-key-of-the-tests").create(
        [IMAGE]
    )
    assert len({entry.fingerprint for entry in entries(path)}) == 2
    assert not target.exists()


def test_the_create_is_noted_before_it_is_sent(driver: Driver, time: FakeTime, path: Path) -> None:
    """At the moment of sending the entry is on the disk: a process that is killed there is found."""
    found: list[Entry] = []

    def look(request: httpx.Request) -> httpx.Response:
        found.append(only(path))
        return shown()(request)

    opened(driver, path, time, look).create([IMAGE])
    assert [entry.state for entry in found] == [State.PENDING]


def test_each_change_is_noted(driver: Driver, time: FakeTime, path: Path, tmp_path: Path) -> None:
    """The status, the URLs with their expiry, and the file are written down as they become known."""
    seen: list[tuple[str | None, bool]] = []
    client = opened(
        driver,
        path,
        time,
        shown(),
        shown("IN_PROGRESS"),
        completed(),
        reply(content=mp4()),
        limits=Limits.off(),
    )
    task = client.generate(
        [IMAGE], on_update=lambda _: seen.append((only(path).status, only(path).urls != ()))
    )
    assert seen == [("CREATED", False), ("IN_PROGRESS", False), ("COMPLETED", True)]
    assert only(path).expires_at == 4102444800.0
    file = client.download(task, tmp_path / "out.mp4")
    assert (only(path).file, only(path).urls) == (str(file), ())


def interrupt(_: object) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("step", "state"),
    [
        (interrupt, State.UNKNOWN),
        (failing(429), State.REFUSED),
        (httpx.ConnectError("refused"), State.REFUSED),
    ],
)
def test_ctrl_c(time: FakeTime, path: Path, step: Any, state: State) -> None:
    """Ctrl-C while a create is sent leaves its outcome unknown, and a note; in a pause, no task exists."""
    with pytest.raises(KeyboardInterrupt) as caught:
        opened(SYNC, path, time, step, sleep=interrupt).create([IMAGE])
    entry = only(path)
    assert entry.state is state
    assert ("interrupted before it was sent" in str(entry.note)) == (state is State.REFUSED)
    notes = getattr(caught.value, "__notes__", [])
    assert any("kling-elements list" in note for note in notes) == (state is State.UNKNOWN)


def test_a_create_that_is_cancelled(path: Path) -> None:
    """A create whose asyncio task is cancelled while it is sent leaves its outcome as unknown, and a note."""

    async def run() -> asyncio.CancelledError:
        reached = asyncio.Event()

        async def answer(request: httpx.Request) -> httpx.Response:
            reached.set()
            await asyncio.sleep(60)
            raise AssertionError

        http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        client = AsyncKlingElements(KEY, http_client=http, journal=path)
        running = asyncio.create_task(client.create([IMAGE]))
        await reached.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await running
        return caught.value

    error = asyncio.run(run())
    assert only(path).state is State.UNKNOWN
    assert "may exist and be billed" in error.__notes__[0]


def test_an_answered_create_that_is_cancelled_keeps_its_id(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A create that is cancelled as its id is to be written down has it in the journal all the same."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(Script.of(shown())))
    client = AsyncKlingElements(KEY, http_client=http, journal=path)
    run, count = client._transport.run, 0

    async def cancelled(function: Any) -> Any:
        nonlocal count
        count += 1
        if count == 3:  # after finishing the request and noting it: the id
            raise asyncio.CancelledError
        return await run(function)

    monkeypatch.setattr(client._transport, "run", cancelled)
    with pytest.raises(asyncio.CancelledError) as caught:
        ASYNC.run(lambda: client.create([IMAGE]))
    assert (only(path).state, only(path).task_id) == (State.CREATED, ID)
    assert f"kling-elements wait {ID}" in caught.value.__notes__[0]


def test_a_job_is_created_once(driver: Driver, time: FakeTime, path: Path) -> None:
    """A job that has a task is not sent again, by another client either: the known task is returned."""
    server = Script.of(shown())
    for name in ("1", "1", "1", "2"):
        another = driver.open(server, journal=path, sleep=time.sleep)
        assert another.create([IMAGE], job=Job("batch", name)).id == ID
    assert len(server.requests) == 2


def test_a_job_whose_outcome_is_unknown_is_not_sent_again(driver: Driver, time: FakeTime, path: Path) -> None:
    """A job that may have made a task is refused with what to do; one that was refused for sure is sent."""
    server = Script.of(failing(400), failing(503))
    client = driver.open(server, journal=path, sleep=time.sleep)
    for sent in (1, 2, 2):
        with pytest.raises(KlingError) as caught:
            client.create([IMAGE], job=Job("batch", "1"))
        assert len(server.requests) == sent
    assert isinstance(caught.value, OutcomeUnknown)
    assert caught.value.hint == "kling-elements list"


def test_only_tasks_of_its_own_origin(driver: Driver, time: FakeTime, path: Path) -> None:
    """What a client sees is noted of the task at its origin, not of the one of that name elsewhere."""
    for origin in ("https://a.example", "https://b.example"):
        opened(driver, path, time, shown(), base_url=origin).create([IMAGE])
        time.now += 1
    opened(driver, path, time, completed(), base_url="https://a.example").get(ID)
    assert {(entry.origin[8], entry.status) for entry in entries(path)} == {
        ("a", "COMPLETED"),
        ("b", "CREATED"),
    }


def test_find_unrecorded(driver: Driver, time: FakeTime, path: Path) -> None:
    """Tasks that the service lists, and the journal doesn't know for this origin, are found."""
    tasks = reply(body={"data": [{"task_id": name, "status": "COMPLETED"} for name in (ID, "other")]})
    client = opened(driver, path, time, shown(), tasks)
    client.create([IMAGE])

    def find(opened: Opened) -> list[str]:
        found: list[Any] = opened._call("find_unrecorded")
        return [task.id for task in found]

    assert find(client) == ["other"]
    assert find(opened(driver, path, time, tasks, base_url="https://b.example")) == [ID, "other"]
    assert find(opened(driver, path, time, failing(404, "Tasks not found"))) == []


def test_the_quota_is_remembered_and_shown(driver: Driver, tmp_path: Path) -> None:
    """A used-up quota is in the usage of all clients of this key and journal, until a create is accepted."""
    server = Script.of(failing(429, "Daily quota exceeded"), shown())
    mine = driver.open(server, journal=tmp_path / "journal.sqlite3")
    later = driver.open(server, journal=tmp_path / "journal.sqlite3")
    others = [
        driver.open(server, journal=tmp_path / "journal.sqlite3", **options)
        for options in ({"api_key": "another-key-0123456789"}, {"base_url": "https://b.example"})
    ]
    assert quota_wait(mine) is None
    with pytest.raises(QuotaExceededError):
        mine.create([IMAGE])
    for client in (mine, later):
        assert 0 < (quota_wait(client) or 0) <= 86_400
        assert client.client is not None
        assert "the day's quota is used up" in str(client.client.usage)
    assert [quota_wait(other) for other in others] == [None, None]
    others[0].create([IMAGE])
    assert quota_wait(mine)
    later.create([IMAGE])
    assert quota_wait(mine) is None


def quota_wait(opened: Opened) -> float | None:
    assert opened.client is not None
    assert opened.client.usage is not None
    return opened.client.usage.quota_wait


@pytest.mark.parametrize(
    ("now", "renewed"),
    [
        ("2026-11-25T00:00:00+00:00", "2026-11-26"),
        ("2026-12-31T23:59:59.500+00:00", "2027-01-01"),
        ("2026-12-31T23:30:00-01:00", "2027-01-02"),
        ("2028-02-28T01:02:03+00:00", "2028-02-29"),
    ],
)
def test_a_quota_is_of_the_day(now: str, renewed: str) -> None:
    """It is thought to be renewed with the next day in UTC."""
    assert next_midnight(datetime.fromisoformat(now)) == datetime.fromisoformat(f"{renewed}T00:00:00+00:00")


def test_a_closed_client_closes_its_journal(
    driver: Driver, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is closed with the client that opened it; one that was passed in is its owner's."""
    closed: list[Journal] = []
    close = Journal.close

    def close_and_note(journal: Journal) -> None:
        closed.append(journal)
        close(journal)

    monkeypatch.setattr(Journal, "close", close_and_note)
    with closing(Journal.open(path)) as given:
        for journal in (path, given):
            client: Any = driver.open(Script.of(shown()), journal=journal).client
            driver.run(partial(client.create, [IMAGE]))
            driver.run(client.close if driver.backend is None else client.aclose)
            assert closed == ([] if journal is given else [client.journal])
            closed.clear()
        assert len(list(given.entries())) == 2
