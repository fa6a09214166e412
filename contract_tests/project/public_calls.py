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
    KlingElements("key", "https://api.example", "x-key")
    client = KlingElements(
        api_key="key",
        base_url=None,
        auth_header=None,
        timeout=30,
        poll_interval=2.5,
        http_client=http,
        schedule=PollSchedule(first=1, stages=(Stage(10, 1, 2),), jitter=0),
        default_headers={"x-team": "films"},
        clock=lambda: 0.0,
        sleep=lambda seconds: None,
    )
    with client as entered:
        assert_type(entered, KlingElements)
        assert_type(entered.create(["https://a.example/x.jpg", Path("b.png"), b"bytes"]), Task)
        assert_type(entered.create("a.png", prompt="p", duration="5", check_images=True, model="std"), Task)
        assert_type(entered.get("id"), Task)
        assert_type(entered.list(), list[Task])
        task = entered.wait("id", timeout=None, poll_interval=1, on_update=told, on_look=looked)
        assert_type(task, Task)
        entered.wait(task, clock=lambda: 0.0, sleep=lambda seconds: None)
        for update in entered.with_options(timeout=5, headers={"x-tag": "a"}).watch(task, timeout=60):
            assert_type(update, Task)
        assert_type(
            entered.generate(
                images=["a.png"],
                prompt=None,
                negative_prompt="n",
                duration="10",
                aspect_ratio="square_1_1",
                webhook_url=None,
                timeout=1800,
                on_update=print,
            ),
            Task,
        )
        assert_type(task.download("out.mp4"), Path)
        assert_type(task.download(Path("out.mp4"), overwrite=True), Path)
        assert_type(task.read(), bytes)
        assert_type(task.write_to(BytesIO()), int)
        assert_type(entered.download(task, "out.mp4"), Path)
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
        client.download("id", "a.mp4")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
        task.download("a.mp4")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
        task.read()  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
        path: Path = task.download("a.mp4")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
        assert path
        assert_type(await task.download("out.mp4", overwrite=True), Path)
    await client.aclose()


def values(task: Task) -> None:
    assert_type(task.id, str)
    assert_type(task.status, str)
    assert_type(task.urls, tuple[str, ...])
    raw: Mapping[str, Any] = task.raw
    assert raw is task.raw
    assert_type(task.request_id, str | None)
    assert_type(task.expires_at, datetime | None)
    assert_type(task.is_terminal, bool)
    assert_type(task.failure_reason, str | None)
    assert_type(task.to_dict(), dict[str, Any])
    assert_type(task.to_json(indent=2), str)
    assert_type(Task.from_dict(task.to_dict()), Task)
    assert_type(__version__, str)


def failures(client: KlingElements) -> None:
    try:
        client.generate(["a.png"])
    except ValidationError as error:
        assert_type(error.problems, tuple[str, ...])
    except ApiError as error:
        assert_type(error.status_code, int)
        assert_type(error.message, str)
        assert_type(error.invalid_params, tuple[InvalidParam, ...])
        assert_type(error.request_id, str | None)
        assert_type(error.retry_after, float | None)
        assert_type(error.body, str)
    except OutcomeUnknown as error:
        assert_type(error.task_id, str | None)
        assert_type(error.status_code, int | None)
    except ResponseFormatError as error:
        assert_type(error.content_type, str)
    except TaskFailed as error:
        assert_type(error.task, TaskData)
        assert_type(error.task_id, str)
    except DeadlineExceeded as error:
        assert_type(error.task_id, str)
        assert_type(error.last_status, str | None)
        assert_type(error.elapsed, float)
    except DownloadError as error:
        assert_type(error.expires_at, datetime | None)
    except KlingError as error:
        assert_type(error.task_id, str | None)
        assert_type(error.hint, str | None)


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
