"""Every argument of a client gets where it belongs, and what a client shares with others is shared."""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, RESULT, completed, failing, mp4, reply, shown
from contract_tests.support.clients import KEY, Script
from contract_tests.support.loopback import serving
from kling_elements import (
    AsyncKlingElements,
    AsyncTask,
    Event,
    KlingElements,
    Limits,
    PollSchedule,
    RetryPolicy,
    ServerError,
    Stage,
    Task,
    ValidationError,
)
from kling_elements.journal import Journal, State
from kling_elements.policy.rate_limits import Rate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contract_tests.support.clients import Driver, FakeTime, Opened
    from contract_tests.support.loopback import Answer, Asked
    from kling_elements.policy.rate_limits import Usage

VIDEO = mp4()
LIMITS = Limits(rates=(Rate(50, 3600.0),), tasks=2)
OWN = "https://own.example/prefix"


@pytest.fixture(params=["a path", "a journal"])
def own_journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A journal of the caller's own, by its path or open."""
    path = tmp_path / "own.sqlite3"
    if request.param == "a path":
        yield path
    else:
        with closing(Journal.open(path)) as found:
            yield found


def test_every_argument_gets_where_it_belongs(
    driver: Driver, time: FakeTime, tmp_path: Path, own_journal: Any
) -> None:
    """Origin, header, time, schedule, clock, sleep, journal, limits and listener are all the client's own."""
    told: list[Event] = []
    video = reply(content=VIDEO, headers={"content-type": "video/mp4"})
    server = Script.of(shown(), shown("IN_PROGRESS"), completed(), video)
    client = driver.open(
        server,
        base_url=OWN,
        auth_header="x-mine",
        timeout=7.0,
        schedule=PollSchedule(first=3.0, stages=(Stage(math.inf, 4.0, 4.0),), jitter=0.0),
        clock=time.clock,
        sleep=time.sleep,
        journal=own_journal,
        limits=LIMITS,
        on_event=told.append,
    )
    task = client.generate([IMAGE])
    file = client.download(task, tmp_path / "out.mp4")
    assert file.read_bytes() == VIDEO
    *asked, fetched = server.requests
    assert [
        (request.method, str(request.url).startswith(OWN), request.headers["x-mine"]) for request in asked
    ] == [("POST", True, KEY), ("GET", True, KEY), ("GET", True, KEY)]
    assert [request.extensions["timeout"]["connect"] for request in asked] == [7.0] * 3
    assert (str(fetched.url), KEY in str(fetched.headers)) == (RESULT, False)
    assert time.sleeps == [3.0, 4.0]
    names = [event.name for event in told if not event.name.startswith("request.")]
    assert names == ["task.created", "task.status", "task.status", "download.finished"]
    assert usage_of(client).limits == LIMITS
    assert usage_of(client).requests == (3,)
    with closing(Journal.open(tmp_path / "own.sqlite3")) as found:
        [entry] = found.entries()
    assert (entry.origin, entry.state, entry.task_id) == (OWN, State.CREATED, ID)
    assert (entry.status, entry.file) == ("COMPLETED", str(file))


def usage_of(client: Opened) -> Usage:
    assert client.client is not None
    usage = client.client.usage
    assert usage is not None
    return usage


def test_options_of_some_calls(driver: Driver, time: FakeTime, tmp_path: Path) -> None:
    """`with_options` changes time, retries and headers of calls through it, and shares all the rest."""
    video = reply(content=VIDEO, headers={"content-type": "video/mp4"})
    server = Script.of(shown(), completed(), failing(503), completed(), video)
    timeout = httpx.Timeout(9, connect=2, read=8)
    headers = {"X-Tag": "a", "X-Team": "t"}
    options: dict[str, Any] = {"clock": time.clock, "sleep": time.sleep, "default_headers": headers}
    client: Any = driver.open(server, timeout=timeout, **options).client
    twin = client.with_options(timeout=4, retries=RetryPolicy(attempts=1), headers={"x-tag": "b"})
    task = driver.run(lambda: twin.create([IMAGE]))
    assert driver.run(lambda: client.wait(task)).urls == (RESULT,)  # it knows how new the task is
    assert len(time.sleeps) == 1
    with pytest.raises(ServerError):
        driver.run(lambda: twin.get(ID, timeout=60))
    driver.run(lambda: twin.download(ID, tmp_path / "out.mp4"))
    *asked, fetched = server.requests
    sent = [(r.headers["x-tag"], r.headers["x-team"], r.headers["x-freepik-api-key"]) for r in asked]
    assert sent == [("b", "t", KEY), ("a", "t", KEY), ("b", "t", KEY), ("b", "t", KEY)]
    assert [r.extensions["timeout"]["connect"] for r in asked] == [4, 2, 4, 4]
    assert [int(r.extensions["timeout"]["read"]) for r in asked] == [4, 8, 4, 4]
    assert not {"x-tag", "x-team", "x-freepik-api-key"} & set(fetched.headers)
    assert twin.journal is client.journal
    assert "'a'" not in repr(client._core) + repr(twin._core)
    driver.run(twin.close if driver.backend is None else twin.aclose)
    with pytest.raises(ValidationError, match="closed"):
        client.with_options()


def test_a_client_is_shown_by_its_origin(driver: Driver) -> None:
    """The repr tells the kind and the origin, also of a client that could not be made."""
    client = driver.open(Script.of(shown()), base_url=OWN).client
    name = "KlingElements" if driver.backend is None else "AsyncKlingElements"
    assert repr(client) == f"{name}(base_url='{OWN}')"
    kind = KlingElements if driver.backend is None else AsyncKlingElements
    assert repr(object.__new__(kind)) == f"{name}(base_url=None)"


def task_of(driver: Driver, whose: str, url: str) -> Task:
    """A task that belongs to no client, or to one that is closed."""
    if whose == "nobody's":
        return (Task if driver.backend is None else AsyncTask)(ID, "COMPLETED", (url,))
    client = driver.make(None, {"api_key": KEY})
    task = client._bind(Task(ID, "COMPLETED", (url,)))
    driver.run(client.close if isinstance(client, KlingElements) else client.aclose)
    return task


WITHOUT_CLIENT = pytest.mark.parametrize("whose", ["nobody's", "a closed client's"])


@WITHOUT_CLIENT
def test_a_download_without_a_client_is_patient(
    driver: Driver, tmp_path: Path, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that may pass is retried as with a client, by pauses drawn at random."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr(anyio, "sleep", sleep)

    def host(asked: Asked) -> Answer:
        return (200, {"content-type": "video/mp4"}, VIDEO) if slept else (503, {}, b"")

    with serving(host) as served:
        task = task_of(driver, whose, f"{served.url}/x.mp4")
        file = driver.run(lambda: task.download(tmp_path / "out.mp4"))
    assert file.read_bytes() == VIDEO
    assert len(served.asked) == 2
    [pause] = slept
    assert 0 <= pause <= RetryPolicy().base
