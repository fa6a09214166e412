"""Typed calls of the public names. Never run: mypy and pyright read it, and break when a signature does."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

import kling_elements as k

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx


def told(task: k.Task) -> None: ...


async def told_later(task: k.Task) -> None: ...


def looked(look: k.Look) -> None:
    assert_type(look.task, k.TaskData | None)
    assert_type(look.error, k.KlingError | None)
    assert_type(look.next_look, float | None)


def sync_calls(http: httpx.Client) -> None:
    k.KlingElements()
    k.KlingElements("key", "https://api.example", "x-key", timeout=30, poll_interval=2.5, http_client=http)
    schedule = k.PollSchedule(first=1, stages=(k.Stage(10, 1, 2),), jitter=0)
    client = k.KlingElements(schedule=schedule, default_headers={"x-team": "films"}, sleep=lambda _: None)
    with client as entered:
        assert_type(entered, k.KlingElements)
        assert_type(entered.create(["https://a.example/x.jpg", Path("b.png"), b"bytes"]), k.Task)
        entered.create("a.png", prompt="p", duration="5", check_images=True, model="std")
        assert_type((entered.get("id"), entered.list()), tuple[k.Task, list[k.Task]])
        task = entered.wait("id", timeout=None, poll_interval=1, on_update=told, on_look=looked)
        assert_type(task, k.Task)
        entered.wait(task, clock=lambda: 0.0, sleep=lambda seconds: None)
        for update in entered.with_options(timeout=5, headers={"x-tag": "a"}).watch(task, timeout=60):
            assert_type(update, k.Task)
        shape = entered.generate("a.png", prompt=None, aspect_ratio="square_1_1", on_update=print, timeout=9)
        assert_type(shape, k.Task)
        assert_type(task.download("out.mp4"), Path)
        assert_type((task.read(), task.write_to(BytesIO())), tuple[bytes, int])
        for result in entered.batch("jobs.jsonl"):
            assert_type(result, k.BatchResult[k.Task])
    client.close()


async def async_calls(http: httpx.AsyncClient) -> None:
    async with k.AsyncKlingElements("key", http_client=http) as client:
        assert_type(client, k.AsyncKlingElements)
        assert_type(await client.create(["a.png"], prompt="p"), k.AsyncTask)
        assert_type(await client.get("id"), k.AsyncTask)
        assert_type(await client.list(model="std"), list[k.AsyncTask])
        assert_type(await client.wait("id", on_update=told_later, timeout=5), k.AsyncTask)
        task = await client.generate(["a.png"], on_update=told, poll_interval=1)
        assert_type(task, k.AsyncTask)
        assert_type(await task.read(max_bytes=9), bytes)
        assert_type(await client.download("id", "out.mp4"), Path)
        async for update in client.watch("id"):
            assert_type(update, k.AsyncTask)
        task.download("a.mp4")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
        path: Path = task.download("a.mp4")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
        assert path
    await client.aclose()


def values(task: k.Task) -> None:
    assert_type((task.id, task.status, task.urls), tuple[str, str, tuple[str, ...]])
    raw: Mapping[str, Any] = task.raw
    assert raw is task.raw
    assert_type((task.request_id, task.failure_reason), tuple[str | None, str | None])
    assert_type((task.expires_at, task.is_terminal), tuple[datetime | None, bool])
    assert_type((task.to_dict(), task.to_json(indent=2)), tuple[dict[str, Any], str])
    assert_type((k.Task.from_dict(task.to_dict()), k.__version__), tuple[k.Task, str])


def failures(error: k.KlingError) -> None:
    assert_type((error.task_id, error.hint), tuple[str | None, str | None])
    match error:
        case k.ValidationError():
            assert_type(error.problems, tuple[str, ...])
        case k.ApiError():
            assert_type((error.status_code, error.message, error.body), tuple[int, str, str])
            assert_type(error.invalid_params, tuple[k.InvalidParam, ...])
            assert_type((error.request_id, error.retry_after), tuple[str | None, float | None])
        case k.OutcomeUnknown():
            assert_type(error.status_code, int | None)
        case k.ResponseFormatError():
            assert_type(error.content_type, str)
        case k.TaskFailed():
            assert_type((error.task, error.task_id), tuple[k.TaskData, str])
        case k.DeadlineExceeded():
            assert_type((error.task_id, error.last_status), tuple[str, str | None])
            assert_type(error.elapsed, float)
        case k.DownloadError():
            assert_type(error.expires_at, datetime | None)


def mistakes(client: k.KlingElements) -> None:
    """Each ignore is needed: a checker that takes the call would report the ignore as unused."""
    client.create(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create(["a.png"], promt="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.create(["a.png"], duration=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create(["a.png"], duration="6")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.generate("a", aspect_ratio="16:9")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.list(model="ultra")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.wait("id", timout=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.get("id", timout=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    k.KlingElements(timout=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.get()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
