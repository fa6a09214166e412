"""What the client writes down of a create, and that no task id of an answer is lost, whatever comes of it."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, completed, failing, mp4, reply, shown
from contract_tests.support.clients import ASYNC, KEY, FakeTime, Script
from kling_elements import AsyncKlingElements, KlingElements, Limits, errors
from kling_elements.api.endpoints import DEFAULT_MODEL
from kling_elements.journal import Job, Journal, State, request_digest
from kling_elements.types import Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contract_tests.support.clients import Driver, FakeTime, Opened
    from kling_elements.journal import Entry

    Step = Callable[[httpx.Request], httpx.Response]


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


def interrupt(_: object = None) -> Any:
    raise KeyboardInterrupt


CUT = httpx.ConnectError("refused")
# What comes of a create, the state of its entry, and its task's id.
OUTCOMES: dict[str, tuple[Any, State, str | None]] = {
    "created": (shown(), State.CREATED, ID),
    "an id in a 5xx": (reply(500, {"data": {"task_id": ID}}), State.CREATED, ID),
    "an id in a refusal": (reply(409, {"data": {"task_id": ID}}), State.CREATED, ID),
    "refused": (failing(400), State.REFUSED, None),
    "no key": (failing(401), State.REFUSED, None),
    "the quota": (failing(429, "Daily quota exceeded"), State.REFUSED, None),
    "a rate to the end": (failing(429), State.REFUSED, None),
    "never reached": (CUT, State.REFUSED, None),
    "a fault of the service's": (failing(503), State.UNKNOWN, None),
    "no answer": (httpx.ReadTimeout("late"), State.UNKNOWN, None),
    "no JSON": (reply(200, content=b"<html>"), State.UNKNOWN, None),
}


@pytest.mark.parametrize(("step", "state", "task_id"), OUTCOMES.values(), ids=OUTCOMES)
def test_every_outcome_of_a_create(
    any_driver: Driver, path: Path, step: Any, state: State, task_id: str | None
) -> None:
    """Whatever comes of a create, one entry tells whether a task exists, its id, and why not."""
    client = any_driver.open(Script.of(step), journal=path, sleep=lambda _: None)
    text = ""
    try:
        client.create([IMAGE])
    except errors.KlingError as error:
        text = error.args[0]
    entry = only(path)
    assert (entry.state, entry.task_id) == (state, task_id)
    assert entry.note == (text if state is not State.CREATED else entry.note)
    assert entry.is_doubtful == (state is State.UNKNOWN)


def test_a_create_is_two_commits(any_driver: Driver, path: Path) -> None:
    """The journal costs a create two commits, one before and one after it; a look without news none."""

    def commits() -> int:
        return int.from_bytes(path.read_bytes()[24:28])  # SQLite's own count

    client = any_driver.open(Script.of(shown(), shown(), shown()), journal=path)
    client.create([IMAGE])  # the first makes the file
    counts = [commits()]
    for operation, argument in ((client.create, [IMAGE]), (client.get, ID), (client.get, ID)):
        operation(argument)
        counts.append(commits())
    assert [count - counts[0] for count in counts] == [0, 2, 2, 2]


# What breaks a create off, in a hook before it is sent, while it is sent, or in a pause.
BREAKS: dict[str, tuple[dict[str, Any], list[Any], State]] = {
    "Ctrl-C before it is sent": ({"hook": interrupt}, [shown()], State.REFUSED),
    "Ctrl-C while it is sent": ({}, [interrupt], State.UNKNOWN),
    "Ctrl-C in the pause after a rate": ({"sleep": interrupt}, [failing(429)], State.REFUSED),
    "Ctrl-C in the pause before a retry": ({"sleep": interrupt}, [CUT], State.REFUSED),
    "Ctrl-C in a retry": ({}, [CUT, interrupt], State.UNKNOWN),
}


@pytest.mark.parametrize(("options", "steps", "state"), BREAKS.values(), ids=BREAKS)
def test_only_what_was_sent_is_in_doubt(
    path: Path, options: dict[str, Any], steps: list[Any], state: State
) -> None:
    """A create that ends before its first byte is recorded as refused; any other leaves a note."""
    options = {"sleep": lambda _: None, **options}
    hooks = {"request": [options.pop("hook")]} if "hook" in options else {}
    http = httpx.Client(transport=httpx.MockTransport(Script.of(*steps)), event_hooks=hooks)
    with pytest.raises(KeyboardInterrupt) as caught:
        KlingElements(KEY, http_client=http, journal=path, **options).create([IMAGE])
    assert only(path).state is state
    assert ("interrupted before it was sent" in str(only(path).note)) == (state is State.REFUSED)
    notes = getattr(caught.value, "__notes__", [])
    assert any("kling-elements list" in note for note in notes) == (state is State.UNKNOWN)


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


def test_each_change_is_noted(driver: Driver, time: FakeTime, path: Path, tmp_path: Path) -> None:
    """An entry is there before the create is sent; then status, URLs with their expiry, and the file."""
    pending: list[State] = []
    seen: list[tuple[str | None, bool]] = []

    def look(request: httpx.Request) -> httpx.Response:
        pending.append(only(path).state)  # a process that is killed here is found
        return shown()(request)

    steps = [look, shown("IN_PROGRESS"), completed(), reply(content=mp4())]
    client = opened(driver, path, time, *steps, limits=Limits.off())
    task = client.generate(
        [IMAGE], on_update=lambda _: seen.append((only(path).status, only(path).urls != ()))
    )
    assert pending == [State.PENDING]
    assert seen == [("CREATED", False), ("IN_PROGRESS", False), ("COMPLETED", True)]
    assert only(path).expires_at == 4102444800.0
    file = client.download(task, tmp_path / "out.mp4")
    assert (only(path).file, only(path).urls) == (str(file), ())


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
    run, count = anyio.to_thread.run_sync, 0

    async def cancelled(function: Any) -> Any:
        nonlocal count
        count += 1
        if count == 3:  # after finishing the request and noting it: the id
            raise asyncio.CancelledError
        return await run(function)

    client: Any = ASYNC.open(Script.of(shown()), journal=path)
    monkeypatch.setattr(anyio.to_thread, "run_sync", cancelled)
    with pytest.raises(asyncio.CancelledError) as caught:
        client.create([IMAGE])
    assert (only(path).state, only(path).task_id) == (State.CREATED, ID)
    assert f"kling-elements wait {ID}" in caught.value.__notes__[0]


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


def test_the_quota_is_remembered_and_shown(driver: Driver, path: Path) -> None:
    """A used-up quota is in the usage of all clients of this key and journal, until a create is accepted."""
    server = Script.of(failing(429, "Daily quota exceeded"), shown())
    mine, later, other_key, other_origin = (
        driver.open(server, journal=path, **options)
        for options in ({}, {}, {"api_key": "another-key-0123456789"}, {"base_url": "https://b.example"})
    )
    assert quota_wait(mine) is None
    with pytest.raises(errors.QuotaExceededError):
        mine.create([IMAGE])
    for client in (mine, later):
        assert 0 < (quota_wait(client) or 0) <= 86_400
    assert quota_wait(other_key) is quota_wait(other_origin) is None
    other_key.create([IMAGE])
    assert quota_wait(mine)
    later.create([IMAGE])
    assert quota_wait(mine) is None


def quota_wait(opened: Opened) -> float | None:
    assert opened.client is not None
    assert opened.client.usage is not None
    return opened.client.usage.quota_wait


def test_a_closed_client_closes_its_journal(
    any_driver: Driver, path: Path, monkeypatch: pytest.MonkeyPatch
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
            client: Any = any_driver.open(Script.of(shown()), journal=journal).client
            any_driver.run(partial(client.create, [IMAGE]))
            any_driver.run(client.close if any_driver.backend is None else client.aclose)
            assert closed == ([] if journal is given else [client.journal])
            closed.clear()
        assert len(list(given.entries())) == 2


# --- a paid id is never hidden


RECORD = {"task_id": ID, "status": "CREATED", "more": [1]}
WHOLE = json.dumps({"data": RECORD}).encode()
HALF = f'{{"data":{{"task_id":"{ID}","sta'.encode()


# What a 2xx may be and yet show its task, and whether the task comes whole.
FOUND: dict[str, tuple[Step, bool]] = {
    "as documented": (reply(body={"data": RECORD}), True),
    "bare": (reply(body=RECORD), True),
    "a list": (reply(body=[RECORD]), True),
    "deep inside": (reply(201, {"result": {"payload": [None, {"data": RECORD}]}}), True),
    "HTML": (reply(content=WHOLE, headers={"content-type": "text/html"}), True),
    "in prose": (reply(content=b"created: " + WHOLE + b" enjoy"), False),
    "reset": (reply(content=HALF, cut=httpx.ReadError("reset")), False),
    "timed out": (reply(content=HALF, cut=httpx.ReadTimeout("slow")), False),
    "an unknown status": (shown("QUEUED"), False),
}


@pytest.mark.parametrize(("step", "is_whole"), FOUND.values(), ids=FOUND)
def test_a_successful_create_gives_its_task(any_driver: Driver, step: Step, is_whole: bool) -> None:  # noqa: FBT001
    """Whatever else is unexpected in a 2xx, its task comes back, with all that can be read of it."""
    task = any_driver.open(Script.of(step)).create([IMAGE])
    assert task.id == ID
    if is_whole:
        assert (task.status, task.raw) == ("CREATED", RECORD)


UNKNOWN = [(status, body, cut, errors.OutcomeUnknown) for status in (302, 409, 500, 520)
           for body, cut in ((WHOLE, None), (HALF, httpx.ReadError("reset")))]  # fmt: skip
REFUSED = [(status, WHOLE, None, errors.ApiError) for status in (400, 403, 429)]


@pytest.mark.parametrize(("status", "body", "cut", "kind"), [*UNKNOWN, *REFUSED])
def test_a_failed_create_that_names_a_task(
    driver: Driver, status: int, body: bytes, cut: Any, kind: type[errors.KlingError]
) -> None:
    """An error that names a task has its id, and is not repeated, not even one for the rate."""
    server = Script.of(reply(status, content=body, cut=cut))
    with pytest.raises(kind) as caught:
        driver.open(server).create([IMAGE])
    assert caught.value.task_id == ID
    assert kind is errors.ApiError or caught.value.hint == f"kling-elements wait {ID}"
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["a/b", "x" * 300, "with space", "é"])
def test_an_id_that_cant_be_asked_for(driver: Driver, value: str) -> None:
    """An id that the document refuses is returned by create, and in generate's error: it is paid for."""
    server = Script.of(shown(task_id=value))
    assert driver.open(server).create([IMAGE]).id == value
    with pytest.raises(errors.OutcomeUnknown) as caught:
        driver.open(server).generate([IMAGE])
    assert caught.value.task_id == value
    assert value in str(caught.value)
    assert len(server.requests) == 2


@pytest.mark.parametrize("where", ["sleep", "on_update", "on_look"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("the caller's own")], ids=repr)
def test_an_interrupted_wait(any_driver: Driver, time: FakeTime, where: str, error: BaseException) -> None:
    """Ctrl-C, or an error of the caller's listener, is raised with the id and how to resume as a note."""

    def interrupt(_: object) -> None:
        raise error

    client = any_driver.open(Script.of(shown("IN_PROGRESS")), clock=time.clock)
    with pytest.raises(type(error)) as caught:
        client.generate([IMAGE], **{"sleep": time.sleep, where: interrupt})
    assert any(f"kling-elements wait {ID}" in note for note in caught.value.__notes__)
