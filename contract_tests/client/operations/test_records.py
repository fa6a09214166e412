"""What the client writes down of a create, and that no task id of an answer is lost, whatever comes of it."""

import asyncio
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, completed, failing, mp4, reply, shown
from contract_tests.support.clients import ASYNC, SYNC, Driver, FakeTime, Script
from kling_elements import Event, Limits, errors
from kling_elements import journal as journals
from kling_elements.api.endpoints import DEFAULT_MODEL
from kling_elements.journal import Entry, Job, Journal, State, request_digest
from kling_elements.types import Request


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


def interrupt(_: object = None) -> Any:
    raise KeyboardInterrupt


REFUSED = httpx.ConnectError("refused")
RECORD = {"task_id": ID, "status": "CREATED"}
HALF = f'{{"data":{{"task_id":"{ID}","sta'.encode()
TASK = {"data": RECORD}
SECOND = json.dumps(TASK)[:-1].encode() + b', "data": null}'
# What comes of a create, the state of its entry, its task's id, and how often it is sent.
OUTCOMES: dict[str, tuple[Any, State, str | None, int]] = {
    "created": (shown(), State.CREATED, ID, 1),
    "prose around it": (reply(content=f"see {json.dumps(RECORD)} enjoy".encode()), State.CREATED, ID, 1),
    "cut after the id": (reply(content=HALF, cut=httpx.ReadTimeout("slow")), State.CREATED, ID, 1),
    "a second, empty data": (reply(content=SECOND), State.CREATED, ID, 1),
    "an id in a list": (reply(200, {"data": {"task_id": [ID]}}), State.CREATED, ID, 1),
    "UTF-16, cut": (reply(content=json.dumps(TASK).encode("utf-16")[:-8]), State.CREATED, ID, 1),
    "an id in a 5xx": (reply(500, TASK), State.CREATED, ID, 1),
    "an id in a 5xx that is cut": (reply(500, content=HALF, cut=httpx.ReadError("x")), State.CREATED, ID, 1),
    "an id in a refusal": (reply(409, TASK), State.CREATED, ID, 1),
    "an id in a 403": (reply(403, TASK), State.CREATED, ID, 1),
    "an id in a rate": (reply(429, TASK), State.CREATED, ID, 1),
    "refused": (failing(400), State.REFUSED, None, 1),
    "no key": (failing(401), State.REFUSED, None, 1),
    "the quota": (failing(429, "Daily quota exceeded"), State.REFUSED, None, 1),
    "a rate to the end": (failing(429), State.REFUSED, None, 3),
    **{
        kind.__name__: (kind("refused"), State.REFUSED, None, 3)
        for kind in (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    },
    **{
        kind.__name__: (kind("broken"), State.UNKNOWN, None, 1)
        for kind in (httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, ConnectionResetError, ValueError)
    },
    **{
        str(status): (failing(status, retry_after="0"), State.UNKNOWN, None, 1)
        for status in (302, 408, 418, 500, 503, 520)
    },
    "no JSON": (reply(200, content=b"<html>"), State.UNKNOWN, None, 1),
}


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
def test_every_outcome_of_a_create(any_driver: Driver, path: Path, outcome: Any) -> None:
    """One entry, and the task or the error, tell whether a task exists and its id; in doubt, one is sent."""
    step, state, task_id, sent = outcome
    server, error = Script.of(step), None
    client = any_driver.open(server, journal=path, sleep=lambda _: None)
    try:
        assert client.create([IMAGE]).id == task_id
    except errors.KlingError as raised:
        error = raised
    entry = only(path)
    assert (entry.state, entry.task_id, len(server.requests)) == (state, task_id, sent)
    assert entry.is_doubtful == (state is State.UNKNOWN)
    if error:
        assert error.task_id == task_id
        assert task_id or entry.note == error.args[0]
    assert isinstance(error, errors.OutcomeUnknown) or state is not State.UNKNOWN
    if isinstance(error, errors.OutcomeUnknown):
        assert error.hint == (f"kling-elements wait {ID}" if task_id else "kling-elements list")


def test_a_create_is_two_commits(driver: Driver, path: Path) -> None:
    """The journal costs a create two commits, one before and one after it; a look without news none."""
    client, counts = driver.open(Script.of(shown(), shown(), shown()), journal=path), list[int]()
    client.create([IMAGE])  # the first makes the file
    for ask, argument in ((client.create, [IMAGE]), (client.get, ID), (client.get, ID)):
        counts.append(-int.from_bytes(path.read_bytes()[24:28]))  # SQLite's own count
        ask(argument)
        counts[-1] += int.from_bytes(path.read_bytes()[24:28])
    assert counts == [2, 0, 0]


def test_a_create_that_never_left_is_retried(driver: Driver) -> None:
    """A create that had no connection is retried; then ConnectionFailed says that no task was created."""
    server = Script.of(REFUSED, shown())
    assert driver.open(server, sleep=lambda _: None).create([IMAGE]).id == ID
    with pytest.raises(errors.ConnectionFailed, match="No task was created"):
        driver.open(Script.of(REFUSED), sleep=lambda _: None).create([IMAGE])


# What breaks a create off, in a hook before it is sent, while it is sent, or in a pause.
BREAKS: dict[str, tuple[dict[str, Any], list[Any], State]] = {
    "Ctrl-C before it is sent": ({"hook": interrupt}, [shown()], State.REFUSED),
    "Ctrl-C while it is sent": ({}, [interrupt], State.UNKNOWN),
    "Ctrl-C in the pause after a rate": ({"sleep": interrupt}, [failing(429)], State.REFUSED),
    "Ctrl-C in the pause before a retry": ({"sleep": interrupt}, [REFUSED], State.REFUSED),
    "Ctrl-C in a retry": ({}, [REFUSED, interrupt], State.UNKNOWN),
}


@pytest.mark.parametrize("case", BREAKS.values(), ids=BREAKS)
def test_only_what_was_sent_is_in_doubt(path: Path, case: Any) -> None:
    """A create that ends before its first byte is recorded as refused; any other leaves a note."""
    options, steps, state = case
    options = {"sleep": lambda _: None, **options}
    hooks = {"request": [options.pop("hook")]} if "hook" in options else {}
    http = httpx.Client(transport=httpx.MockTransport(Script.of(*steps)), event_hooks=hooks)
    with pytest.raises(KeyboardInterrupt) as caught:
        SYNC.open(http_client=http, journal=path, **options).create([IMAGE])
    assert only(path).state is state
    assert ("interrupted before it was sent" in str(only(path).note)) == (state is State.REFUSED)
    notes = getattr(caught.value, "__notes__", [])
    assert any("kling-elements list" in note for note in notes) == (state is State.UNKNOWN)


@pytest.mark.parametrize(
    ("name", "step", "words"),
    [("task.created", shown(), f"wait {ID}"), ("create.unknown", failing(503), "kling-elements list")],
)
def test_ctrl_c_right_after_an_answer(driver: Driver, name: str, step: Any, words: str) -> None:
    """Ctrl-C while a create's outcome is noted, in the hook of its event here, tells it in a note."""

    def hook(event: Event) -> None:
        if event.name == name:
            interrupt()

    with pytest.raises(KeyboardInterrupt) as caught:
        driver.open(Script.of(step), on_event=hook).create([IMAGE])
    assert words in caught.value.__notes__[0]


class Stop(BaseException):
    """What ends a task at a moment that a test chooses."""


def test_a_create_that_ends_as_it_is_noted(
    any_driver: Driver, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A create that is broken off when its entry is on the disk already, and nothing is sent, is refused."""
    begin, server = Journal.begin, Script.of(shown())

    def broken_off(*args: Any) -> None:
        begin(*args)
        raise Stop

    monkeypatch.setattr(Journal, "begin", broken_off)
    with pytest.raises(Stop):
        any_driver.open(server, journal=path).create([IMAGE])
    assert (only(path).state, server.requests) == (State.REFUSED, [])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_create_in_a_scope_that_is_over_is_not_in_doubt(backend: str) -> None:
    """A create that was cancelled before it began is refused, though httpx and its pool had it already."""
    journal = Journal.open("off")

    async def run(url: str) -> None:
        options = {"base_url": url, "journal": journal, "sleep": lambda _: None}
        client: Any = ASYNC.make(None, {"api_key": "any", **options})
        with pytest.raises(errors.ConnectionFailed):
            await client.create([IMAGE])  # the next has no thread to go to
        with anyio.move_on_after(0):
            await client.create([IMAGE])

    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        anyio.run(run, f"http://127.0.0.1:{deaf.getsockname()[1]}", backend=backend)
    assert [entry.state for entry in journal.entries()] == [State.REFUSED, State.REFUSED]


def test_a_create_that_is_cancelled(path: Path) -> None:
    """A create whose asyncio task is cancelled while it is sent leaves its outcome as unknown, and a note."""

    async def run() -> None:
        async def answer(request: httpx.Request) -> httpx.Response:
            running.cancel()
            await asyncio.sleep(60)
            raise AssertionError

        http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        client: Any = ASYNC.make(None, {"api_key": "any", "http_client": http, "journal": path})
        running = asyncio.create_task(client.create([IMAGE]))
        with pytest.raises(asyncio.CancelledError) as caught:
            await running
        assert "may exist and be billed" in caught.value.__notes__[0]

    asyncio.run(run())
    assert only(path).state is State.UNKNOWN


def test_an_answered_create_that_is_cancelled_keeps_its_id(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A create that is cancelled as its id is to be written down has it in the journal all the same."""
    run, count = anyio.to_thread.run_sync, 0

    async def cancelled(function: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == 2:  # after noting the request: the id
            raise asyncio.CancelledError
        return await run(function, **options)

    client = ASYNC.open(Script.of(shown()), journal=path)
    monkeypatch.setattr(anyio.to_thread, "run_sync", cancelled)
    with pytest.raises(asyncio.CancelledError) as caught:
        client.create([IMAGE])
    assert (only(path).state, only(path).task_id) == (State.CREATED, ID)
    assert f"kling-elements wait {ID}" in caught.value.__notes__[0]


def test_each_change_is_noted(driver: Driver, time: FakeTime, path: Path, tmp_path: Path) -> None:
    """What is sent is noted before it is sent; then status, URLs with their expiry, and the file."""
    pending: list[Entry] = []
    seen: list[tuple[str | None, bool]] = []

    def look(request: httpx.Request) -> httpx.Response:
        pending.append(only(path))  # a process that is killed here is found
        return shown()(request)

    server = Script.of(look, shown("IN_PROGRESS"), completed(), reply(content=mp4()))
    options: dict[str, Any] = {"clock": time.clock, "sleep": time.sleep, "limits": Limits.off()}
    client = driver.open(server, journal=path, base_url="https://a.example", **options)
    target = tmp_path / "videos" / ".." / "out.mp4"
    task = client.generate(
        [IMAGE], target=target, on_update=lambda _: seen.append((only(path).status, only(path).urls != ()))
    )
    sent, entry = server.requests[0], pending[0]
    assert (entry.state, entry.model, entry.origin) == (State.PENDING, DEFAULT_MODEL, "https://a.example")
    assert entry.digest == request_digest(Request("POST", sent.url.path, content=sent.content))
    assert entry.target == str(tmp_path / "out.mp4")
    assert seen == [("CREATED", False), ("IN_PROGRESS", False), ("COMPLETED", True)]
    assert only(path).expires_at == 4102444800.0
    file = client.download(task, tmp_path / "out.mp4")
    assert (only(path).file, only(path).urls) == (str(file), ())
    driver.open(Script.of(shown(task_id="b")), journal=path, api_key="another-key").create([IMAGE])
    assert {len(each.fingerprint) for each in entries(path)} == {16}
    assert len({each.fingerprint for each in entries(path)}) == 2


def test_a_job_is_created_once(driver: Driver, path: Path) -> None:
    """A job that has a task, or may have, is not sent again, by another client either; a refused one is."""
    server = Script.of(failing(400), shown(), failing(503))
    unknown = ("2", 3, errors.OutcomeUnknown)
    for name, sent, kind in (("1", 1, errors.KlingError), ("1", 2, None), ("1", 2, None), unknown, unknown):
        client = driver.open(server, journal=path)
        if kind is None:
            assert client.create([IMAGE], job=Job("batch", name)).id == ID
        else:
            with pytest.raises(kind) as caught:
                client.create([IMAGE], job=Job("batch", name))
            assert kind is errors.KlingError or caught.value.hint == "kling-elements list"
        assert len(server.requests) == sent


def test_threads_share_one_journal(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that open a client's journal at once get the same one: else a job could be paid twice."""
    both, open_one = threading.Barrier(2), journals.journal_at

    def open_at_once(*args: Any) -> Journal:
        both.wait(20)
        return open_one(*args)

    monkeypatch.setattr(journals, "journal_at", open_at_once)
    client: Any = driver.open(Script.of(shown())).client
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: client.journal, range(2))
    assert one is other is client.journal


def test_find_unrecorded(driver: Driver, path: Path) -> None:
    """Tasks that the service lists, and the journal doesn't know for this origin, are found."""
    tasks = reply(body={"data": [{"task_id": name, "status": "COMPLETED"} for name in (ID, "other")]})
    driver.open(Script.of(shown()), journal=path).create([IMAGE])
    for step, options, found in (
        (tasks, {}, ["other"]),
        (tasks, {"base_url": "https://b.example"}, [ID, "other"]),
        (failing(404, "Tasks not found"), {}, []),
    ):
        client = driver.open(Script.of(step), journal=path, **options)
        assert [task.id for task in client.call("find_unrecorded")] == found


def test_the_quota_is_remembered_and_shown(driver: Driver, path: Path) -> None:
    """A used-up quota is in the usage of all clients of this key and journal, until a create is accepted."""
    server = Script.of(failing(429, "Daily quota exceeded"), shown())
    options: tuple[dict[str, str], ...]
    options = ({}, {}, {"api_key": "another-key-0123456789"}, {"base_url": "https://b.example"})
    clients: list[Any] = [driver.open(server, journal=path, **each).client for each in options]

    def waits() -> list[bool]:
        assert all(0 < (client.usage.quota_wait or 1) <= 86_400 for client in clients)
        return [bool(client.usage.quota_wait) for client in clients]

    assert not any(waits())
    with pytest.raises(errors.QuotaExceededError):
        clients[0].create([IMAGE])
    assert waits() == [True, True, False, False]
    clients[2].create([IMAGE])
    assert waits() == [True, True, False, False]
    clients[1].create([IMAGE])
    assert not any(waits())


def test_a_closed_client_closes_its_journal(
    any_driver: Driver, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is closed with the client that opened it; one that was passed in is its owner's."""
    closed: list[Journal] = []
    close = Journal.close

    def note(journal: Journal) -> None:
        closed.append(journal)
        close(journal)

    monkeypatch.setattr(Journal, "close", note)
    with closing(Journal.open(path)) as given:
        for journal in (path, given):
            client: Any = any_driver.open(Script.of(shown()), journal=journal).client
            any_driver.run(partial(client.create, [IMAGE]))
            any_driver.run(client.close if any_driver.backend is None else client.aclose)
            assert (client.journal in closed) == (journal is path)
        assert len(list(given.entries())) == 2


def test_an_id_that_cant_be_asked_for(driver: Driver) -> None:
    """An id that the document refuses is returned by create, and in generate's error: it is paid for."""
    for value in ("a/b", "x" * 300, "with space", "é"):
        server = Script.of(shown(task_id=value))
        assert driver.open(server).create([IMAGE]).id == value
        with pytest.raises(errors.OutcomeUnknown) as caught:
            driver.open(server).generate([IMAGE])
        assert (caught.value.task_id, value in str(caught.value)) == (value, True)
        assert len(server.requests) == 2


@pytest.mark.parametrize("where", ["sleep", "on_update", "on_look"])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError, errors.ValidationError])
def test_an_interrupted_wait(
    any_driver: Driver, time: FakeTime, where: str, kind: type[BaseException]
) -> None:
    """Ctrl-C, or an error of the caller's listener, is raised with the id and how to resume as a note."""
    error = kind(["the caller's own"])

    def interrupt(_: object) -> None:
        raise error

    client = any_driver.open(Script.of(shown("IN_PROGRESS")), clock=time.clock)
    with pytest.raises(kind) as caught:
        client.generate([IMAGE], **{"sleep": time.sleep, where: interrupt})
    assert caught.value is error
    if isinstance(error, errors.KlingError):
        assert error.task_id == ID
    else:
        assert any(f"kling-elements wait {ID}" in note for note in error.__notes__)
