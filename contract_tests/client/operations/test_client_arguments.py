"""Every argument of a client gets where it belongs, and what a client tells of its doings."""

import logging
import math
import re
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

import kling_elements as k
from contract_tests.support.answers import ID, IMAGE, RESULT, completed, failing, mp4, reply, shown
from contract_tests.support.clients import KEY, Driver, FakeTime, Script
from contract_tests.support.loopback import Answer, Asked, serving
from kling_elements.journal import Journal, State
from kling_elements.operations import events
from kling_elements.policy.rate_limits import Rate

VIDEO = mp4()
LIMITS = k.Limits(rates=(Rate(50, 3600.0),), tasks=2)
OWN = "https://own.example/prefix"


def test_every_argument_gets_where_it_belongs(any_driver: Driver, time: FakeTime, tmp_path: Path) -> None:
    """Origin, header, time, schedule, clock, sleep, journal, limits and listener are all the client's own."""
    told: list[k.Event] = []
    server = Script.of(shown(), shown("IN_PROGRESS"), completed(), reply(content=VIDEO))
    client = any_driver.open(
        server,
        base_url=OWN,
        auth_header="x-mine",
        timeout=7.0,
        schedule=k.PollSchedule(first=3.0, stages=(k.Stage(math.inf, 4.0, 4.0),), jitter=0.0),
        clock=time.clock,
        sleep=time.sleep,
        journal=tmp_path / "own.sqlite3",
        limits=LIMITS,
        on_event=told.append,
    )
    file = client.download(client.generate([IMAGE]), tmp_path / "out.mp4")
    *asked, fetched = server.requests
    for request in asked:
        assert (str(request.url).startswith(OWN), request.headers["x-mine"]) == (True, KEY)
        assert request.extensions["timeout"]["connect"] == 7.0
    assert (str(fetched.url), KEY in str(fetched.headers)) == (RESULT, False)
    assert time.sleeps == [3.0, 4.0]
    names = [event.name for event in told if not event.name.startswith("request.")]
    assert names == ["task.created", "task.status", "task.status", "download.finished"]
    either: Any = client.client
    assert (either.usage.limits, either.usage.requests) == (LIMITS, (3,))
    with closing(Journal.open(tmp_path / "own.sqlite3")) as found:
        [entry] = found.entries()
    assert (entry.origin, entry.state, entry.task_id) == (OWN, State.CREATED, ID)
    assert (entry.status, entry.file) == ("COMPLETED", str(file))


def test_options_of_some_calls(any_driver: Driver, time: FakeTime, tmp_path: Path) -> None:
    """`with_options` changes time, retries and headers of calls through it, and shares all the rest."""
    server = Script.of(shown(), completed(), failing(503), completed(), reply(content=VIDEO))
    timeout = httpx.Timeout(9, connect=2, read=8)
    headers = {"X-Tag": "a", "X-Team": "t"}
    options: dict[str, Any] = {"clock": time.clock, "sleep": time.sleep, "default_headers": headers}
    client: Any = any_driver.open(server, timeout=timeout, **options).client
    twin = client.with_options(timeout=4, retries=k.RetryPolicy(attempts=1), headers={"x-tag": "b"})
    task = any_driver.run(lambda: twin.create([IMAGE]))
    assert any_driver.run(lambda: client.wait(task)).urls == (RESULT,)  # it knows how new the task is
    assert len(time.sleeps) == 1
    with pytest.raises(k.ServerError):
        any_driver.run(lambda: twin.get(ID, timeout=60))
    any_driver.run(lambda: twin.download(ID, tmp_path / "out.mp4"))
    *asked, fetched = server.requests
    sent = [(r.headers["x-tag"], r.headers["x-team"], r.headers["x-freepik-api-key"]) for r in asked]
    assert sent == [("b", "t", KEY), ("a", "t", KEY), ("b", "t", KEY), ("b", "t", KEY)]
    assert [r.extensions["timeout"]["connect"] for r in asked] == [4, 2, 4, 4]
    assert [int(r.extensions["timeout"]["read"]) for r in asked] == [4, 8, 4, 4]
    assert not {"x-tag", "x-team", "x-freepik-api-key"} & set(fetched.headers)
    assert twin.journal is client.journal
    any_driver.run(twin.close if any_driver.backend is None else twin.aclose)
    with pytest.raises(k.ValidationError, match="closed"):
        client.with_options()


@pytest.mark.parametrize("whose", ["nobody's", "a closed client's"])
def test_a_download_without_a_client_is_patient(
    any_driver: Driver, tmp_path: Path, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that may pass is retried as with a client, by pauses drawn at random."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    def host(asked: Asked) -> Answer:
        if asked.path != "/x.mp4":
            shows = shown("COMPLETED", (f"{served.url}/x.mp4",))(httpx.Request("GET", served.url))
            return 200, {"content-type": "application/json"}, shows.read()
        return (200, {"content-type": "video/mp4"}, VIDEO) if slept else (503, {}, b"")

    with serving(host) as served:
        kind: Any = k.AsyncTask if any_driver.backend else k.Task
        task: Any = kind(ID, "COMPLETED", (f"{served.url}/x.mp4",))
        if whose == "a closed client's":
            task = any_driver.open(base_url=served.url).get(ID)  # by a client of its own
        monkeypatch.setattr("time.sleep", slept.append)
        monkeypatch.setattr(anyio, "sleep", sleep)
        file = any_driver.run(lambda: task.download(tmp_path / "out.mp4"))
    assert file.read_bytes() == VIDEO
    [pause] = slept
    assert 0 <= pause <= k.RetryPolicy().base


# --- what it tells: events for metrics, and the log


def test_every_event_is_told(driver: Driver, time: FakeTime, tmp_path: Path) -> None:
    """Events have the names and fields that are documented, plain and fixed values, and no secret."""
    told: list[k.Event] = []

    def run(*steps: Any, **options: Any) -> None:
        options = {"clock": time.clock, "sleep": time.sleep, "on_event": told.append, **options}
        client = driver.open(Script.of(*steps), **options)
        with suppress(k.KlingError):
            client.download(client.generate([IMAGE]), tmp_path / "out.mp4")

    run(httpx.ConnectError("refused"), shown(), failing(500), completed(), reply(content=mp4()))
    run(failing(429, retry_after="1"), failing(503, f"we know {KEY}"), limits=k.Limits((Rate(1, 9.0),)))
    run(httpx.ReadError(f"cut {KEY}"))
    documented = re.findall(r"^\| `([a-z.]+)` +\| ([a-z_, ]+?) +\|$", events.__doc__ or "", re.MULTILINE)
    assert len(documented) == 9
    assert {event.name: ", ".join(event.fields) for event in told} == dict(documented)
    first = [event for event in told if event.name != "request.started"]
    answered = {"operation": "create", "status_code": 200, "request_id": "req-1", "seconds": 0.0}
    failed = {"operation": "create", "reason": "refused", "was_sent": False, "seconds": 0.0}
    assert (first[0], first[2]) == (k.Event("request.failed", failed), k.Event("request.answered", answered))
    assert first[3] == k.Event("task.created", {"task_id": ID, "model": "std"})
    assert [event.fields["status"] for event in told if event.name == "task.status"] == ["COMPLETED"]
    for event in told:
        assert all(isinstance(value, str | int | float | None) for value in event.fields.values())
        assert (KEY in repr(event), "hmac" in repr(event)) == (False, False)
        with pytest.raises(TypeError):
            event.fields["task_id"] = "x"  # type: ignore[index]  # that is the point


def test_a_hook_that_raises_harms_nothing(
    driver: Driver, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    """A hook that fails is logged, on the one logger, and the task is made and waited for all the same."""

    def hook(event: k.Event) -> None:
        raise ZeroDivisionError(event.name)

    client = driver.open(Script.of(shown(), completed()), clock=time.clock, sleep=time.sleep, on_event=hook)
    assert client.generate([IMAGE]).id == ID
    failures = [record for record in caplog.records if record.exc_info]
    assert "the event hook failed on task.created" in [record.getMessage() for record in failures]
    assert {record.name for record in failures} == {"kling_elements"}
    logger = logging.getLogger("kling_elements")
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
    assert (logger.level, logger.propagate) == (logging.NOTSET, True)
