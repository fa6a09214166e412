"""Typed calls of the public names. Never run: mypy and pyright read it, and break when a signature does."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

from kling_elements import (
    ApiError,
    AsyncKlingElements,
    AsyncTask,
    BatchResult,
    DeadlineExceeded,
    DownloadError,
    InvalidParam,
    KlingElements,
    KlingError,
    Look,
    OutcomeUnknown,
    PollSchedule,
    ResponseFormatError,
    Stage,
    Task,
    TaskData,
    TaskFailed,
    ValidationError,
    __version__,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx


def told(task: Task) -> None: ...


async def told_later(task: Task) -> None: ...


def looked(look: Look) -> None:
    assert_type(look.task, TaskData | None)
    assert_type(look.error, KlingError | None)
    assert_type(look.next_look, float | None)


def sync_calls(http: httpx.Client) -> None:
    KlingElements()
    KlingElements("key", "https://api.example", "x-key", timeout=30, poll_interval=2.5, http_client=http)
    schedule = PollSchedule(first=1, stages=(Stage(10, 1, 2),), jitter=0)
    client = KlingElements(schedule=schedule, default_headers={"x-team": "films"}, sleep=lambda seconds: None)
    with client as entered:
        assert_type(entered, KlingElements)
        assert_type(entered.create(["https://a.example/x.jpg", Path("b.png"), b"bytes"]), Task)
        entered.create("a.png", prompt="p", duration="5", check_images=True, model="std")
        assert_type((entered.get("id"), entered.list()), tuple[Task, list[Task]])
        task = entered.wait("id", timeout=None, poll_interval=1, on_update=told, on_look=looked)
        assert_type(task, Task)
        entered.wait(task, clock=lambda: 0.0, sleep=lambda seconds: None)
        for update in entered.with_options(timeout=5, headers={"x-tag": "a"}).watch(task, timeout=60):
            assert_type(update, Task)
        shape = entered.generate("a.png", prompt=None, aspect_ratio="square_1_1", on_update=print, timeout=9)
        assert_type(shape, Task)
        assert_type(task.download("out.mp4"), Path)
        assert_type((task.read(), task.write_to(BytesIO())), tuple[bytes, int])
        for result in entered.batch("jobs.jsonl"):
            assert_type(result, BatchResult[Task])
    client.close()


async def async_calls(http: httpx.AsyncClient) -> None:
    async with AsyncKlingElements("key", http_client=http) as client:
        assert_type(client, AsyncKlingElements)
        assert_type(await client.create(["a.png"], prompt="p"), AsyncTask)
        assert_type(await client.get("id"), AsyncTask)
        assert_type(await client.list(model="std"), list[AsyncTask])
        assert_type(await client.wait("id", on_update=told_later, timeout=5), AsyncTask)
        task = await client.generate(["a.png"], on_update=told, poll_interval=1)
        assert_type(task, AsyncTask)
        assert_type(await task.read(max_bytes=9), bytes)
        assert_type(await client.download("id", "out.mp4"), Path)
        async for update in client.watch("id"):
            assert_type(update, AsyncTask)
        task.download("a.mp4")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
        path: Path = task.download("a.mp4")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
        assert path
    await client.aclose()


def values(task: Task) -> None:
    assert_type((task.id, task.status, task.urls), tuple[str, str, tuple[str, ...]])
    raw: Mapping[str, Any] = task.raw
    assert raw is task.raw
    assert_type((task.request_id, task.failure_reason), tuple[str | None, str | None])
    assert_type((task.expires_at, task.is_terminal), tuple[datetime | None, bool])
    assert_type((task.to_dict(), task.to_json(indent=2)), tuple[dict[str, Any], str])
    assert_type((Task.from_dict(task.to_dict()), __version__), tuple[Task, str])


def failures(error: KlingError) -> None:
    assert_type((error.task_id, error.hint), tuple[str | None, str | None])
    match error:
        case ValidationError():
            assert_type(error.problems, tuple[str, ...])
        case ApiError():
            assert_type((error.status_code, error.message, error.body), tuple[int, str, str])
            assert_type(error.invalid_params, tuple[InvalidParam, ...])
            assert_type((error.request_id, error.retry_after), tuple[str | None, float | None])
        case OutcomeUnknown():
            assert_type(error.status_code, int | None)
        case ResponseFormatError():
            assert_type(error.content_type, str)
        case TaskFailed():
            assert_type((error.task, error.task_id), tuple[TaskData, str])
        case DeadlineExceeded():
            assert_type((error.task_id, error.last_status), tuple[str, str | None])
            assert_type(error.elapsed, float)
        case DownloadError():
            assert_type(error.expires_at, datetime | None)


def mistakes(client: KlingElements) -> None:
    """Each ignore is needed: a checker that takes the call would report the ignore as unused."""
    client.create(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create(["a.png"], promt="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.create(["a.png"], duration=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create(["a.png"], duration="6")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.generate("a", aspect_ratio="16:9")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.list(model="ultra")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.wait("id", timout=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.get("id", timout=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    KlingElements(timout=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.get()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
