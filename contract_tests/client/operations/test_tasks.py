"""A task as a value: plain data, pydantic models, type hints; its URLs and its reason in any shape."""

from __future__ import annotations

import base64
import html
import inspect
import io
import json
import typing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pydantic
import pytest

import kling_elements
from contract_tests.support.answers import ID, RESULT, completed, mp4, reply, shown
from contract_tests.support.clients import Script
from kling_elements import (
    AsyncKlingElements,
    AsyncTask,
    BatchJob,
    BatchResult,
    Event,
    KlingElements,
    Task,
    TaskData,
    ValidationError,
    notebook,
)
from kling_elements.api.result_urls import result_urls
from kling_elements.batch.results import JobStatus
from kling_elements.batch.resume import Resumed
from kling_elements.journal import Entry

if TYPE_CHECKING:
    from contract_tests.support.clients import Driver
    from kling_elements.journal import Journal

URL, OTHER = "https://cdn.example/a.mp4", "https://cdn.example/b.jpg"
SECOND = "https://cdn.example/b.mp4"
DATA = {"task_id": ID, "status": "COMPLETED", "generated": [RESULT], "new": {"a": [1]}}


@pytest.mark.parametrize("kind", [TaskData, Task, AsyncTask])
def test_a_task_is_plain_data_and_back(kind: type[TaskData]) -> None:
    """`to_dict` is JSON data that shares nothing with the task; pydantic takes and gives the same."""
    task = kind(ID, "COMPLETED", (RESULT,), DATA, "req-1")
    plain = json.loads(task.to_json())
    assert plain == task.to_dict()
    assert set(plain) == {"id", "status", "urls", "expires_at", "request_id", "raw"}
    assert (plain["urls"], plain["raw"], plain["request_id"]) == ([RESULT], DATA, "req-1")
    restored = kind.from_dict(plain)
    assert (restored, restored.raw, restored.request_id) == (task, DATA, "req-1")
    task.to_dict()["raw"]["new"]["a"].append(2)
    assert task.raw == DATA
    adapter = pydantic.TypeAdapter(kind)
    assert adapter.validate_python(task) is task
    assert adapter.validate_json(adapter.dump_json(task)) == task
    assert adapter.dump_python(task) == task.to_dict()
    for mode in ("validation", "serialization"):
        assert {"id", "status", "urls"} <= set(adapter.json_schema(mode=mode)["properties"])
    with pytest.raises(pydantic.ValidationError):
        adapter.validate_python({"id": 1})


METHODS = ("create", "download", "find_unrecorded", "generate", "get", "list", "upload", "wait", "watch")


def test_signatures_and_hints_can_be_read_at_run_time() -> None:
    """Every public annotation can be read; a method names each option, and both clients' are the same."""
    for value in (getattr(kling_elements, name) for name in dir(kling_elements)):
        members = inspect.getmembers(value, inspect.isfunction) if isinstance(value, type) else []
        found = [each for name, each in members if not name.startswith("_") or name == "__init__"]
        for each in [value, *found] if inspect.isroutine(value) or isinstance(value, type) else []:
            assert isinstance(typing.get_type_hints(each), dict)
            if not typing.is_typeddict(each):
                inspect.signature(each, eval_str=True)
    for name in (*METHODS, "batch", "resume", "with_options", "__init__"):
        sync, other = (
            inspect.signature(getattr(kind, name), eval_str=True).parameters
            for kind in (KlingElements, AsyncKlingElements)
        )
        assert [(each.name, each.kind, each.default) for each in sync.values()] == [
            (each.name, each.kind, each.default) for each in other.values()
        ]
        assert inspect.Parameter.VAR_KEYWORD not in {each.kind for each in sync.values()}
    create = inspect.signature(KlingElements.create, eval_str=True).parameters
    assert typing.get_args(typing.get_args(create["duration"].annotation)[0]) == ("5", "10")
    assert (create["model"].default, create["prompt"].default) == ("std", None)


@pytest.mark.parametrize(
    ("task", "urls"),
    [
        ({"generated": [URL, OTHER]}, (URL, OTHER)),
        ({"generated": ["not a URL"]}, ("not a URL",)),
        ({"generated": URL}, (URL,)),
        ({"generated": [{"url": URL}]}, (URL,)),
        ({"generated": [{"url": URL, "thumbnail": OTHER}]}, (URL,)),
        ({"generated": {"video": {"url": URL}, "cover": {"url": OTHER}}}, (URL,)),
        ({"generated": {"videos": [{"link": URL}]}}, (URL,)),
        ({"generated": [], "video_url": URL}, (URL,)),
        ({"video": {"url": URL}}, (URL,)),
        ({"generated": [{"type": "image", "url": OTHER}, {"type": "video", "url": URL}]}, (URL,)),
        ({"generated": None, "result": {"output": [URL], "cover": OTHER}}, (URL,)),
        ({"generated": [], "result": {"output": [URL, SECOND]}}, ()),
        ({"generated": [{"first": URL, "second": SECOND}]}, ()),
        ({"generated": "soon"}, ()),
        ({"generated": None, "image": OTHER}, ()),
        ({"generated": 5}, ()),
        ({"generated": [[[[[[[[URL]]]]]]]]}, ()),
        ({}, ()),
    ],
)
def test_the_url_of_the_video_in_any_shape(task: dict[str, Any], urls: tuple[str, ...]) -> None:
    """A URL that can only be the video's is used, wherever it is; others are left to `raw`."""
    assert result_urls(task) == urls


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ({"error": "no faces"}, "no faces"),
        ({"error": {"code": 7, "message": " too\n dark "}}, "too dark"),
        ({"error": {"code": 7}}, "{'code': 7}"),
        ({"error": None, "message": "no"}, "no"),
        ({"error": False, "errors": [{"detail": "a"}, "b", None]}, "a; b"),
        ({"failure_reason": {"error": {"reason": "deep"}}}, "deep"),
        ({"error": 42}, "42"),
        ({"error": {"x": json.loads("[" * 900 + "]" * 900)}}, "{'x': [[[[[[...]]]]]]}"),
        ({"error": "x" * 9999}, "x" * 500),
        ({"error": "half \ud800"}, "half \\ud800"),
        ({"error": [[[[[[[["deep"]]]]]]]]}, None),
        ({"details": {"error": {"msg": "nested"}}}, "nested"),
        ({"error_code": 1301}, "error_code: 1301"),
        ({"has_nsfw": [False, True]}, "has_nsfw"),
        ({"error": "red \x1b[31m"}, "red \\x1b[31m"),
        ({"error": None, "has_nsfw": [False]}, None),
        ({"error": ""}, None),
    ],
)
def test_the_reason_of_a_failure_in_any_shape(task: dict[str, Any], reason: str | None) -> None:
    """The reason is found wherever it is, in one printable line; a task that runs has none."""
    assert TaskData(ID, "FAILED", raw=task).failure_reason == reason
    assert TaskData(ID, "IN_PROGRESS", raw=task).failure_reason is None


def test_a_reason_beside_the_task(driver: Driver) -> None:
    """The reason of a failure may stand beside `data`; the task's own fields go before it."""
    own = {"task_id": ID, "status": "FAILED", "generated": [], "data": "its own"}
    answer = {"error": "no faces", "status": "ok", "data": own}
    task = driver.open(Script.of(reply(body=answer))).get(ID)
    assert (task.status, task.failure_reason) == ("FAILED", "no faces")
    assert task.raw["data"] == "its own"


VIDEO = reply(content=mp4(), headers={"content-type": "video/mp4"})


def test_the_bytes_of_a_video(any_driver: Driver, tmp_path: Path, journal: Journal) -> None:
    """`read` returns the bytes, `write_to` writes them; `client.download` takes a task or its id."""
    told: list[Event] = []
    server = Script.of(shown(), completed(), VIDEO, VIDEO, completed(), VIDEO, VIDEO)
    client: Any = any_driver.open(server, journal=journal, on_event=told.append).client
    any_driver.run(lambda: client.create("https://a.example/a.jpg"))
    task = any_driver.run(lambda: client.get(ID))
    assert any_driver.run(task.read) == mp4()
    assert journal.unfinished() == []
    with (tmp_path / "c.mp4").open("wb") as stream:
        stream.write(b"before")
        assert any_driver.run(lambda: task.write_to(stream)) == len(mp4())
    assert (tmp_path / "c.mp4").read_bytes() == b"before" + mp4()
    fields = [dict(event.fields) for event in told if event.name == "download.finished"]
    assert fields == [{"task_id": ID, "bytes": len(mp4())}] * 2
    for which, name in ((ID, "a.mp4"), (task, "b.mp4")):
        file = any_driver.run(partial(client.download, which, tmp_path / name))
        assert file.read_bytes() == mp4()


class Pathless:
    def __fspath__(self) -> int:
        return 5


@pytest.mark.parametrize("target", [None, 5, io.BytesIO(), Pathless()])
def test_a_target_that_is_no_path(driver: Driver, target: Any) -> None:
    """It is refused before anything is fetched, with the way to the bytes."""
    task, text = driver.open(Script.of(completed())).get(ID), cast("Any", io.StringIO())
    with pytest.raises(ValidationError, match=r"task\.(read|write_to)\("):
        driver.run(lambda: task.download(target))
    with pytest.raises(ValidationError, match="file must be open for writing bytes"):
        driver.run(lambda: task.write_to(text))


def test_a_task_in_a_notebook(driver: Driver, tmp_path: Path, journal: Journal) -> None:
    """It shows status, times and a small video that was downloaded; a signed URL only when asked."""
    client: Any = driver.open(Script.of(shown(), completed(), VIDEO, completed()), journal=journal).client
    assert "created" in client.create("https://a.example/a.jpg")._repr_html_()
    task = client.get(ID)
    assert "expires in" in task._repr_html_()
    assert "<video" not in task._repr_html_()
    assert html.escape(RESULT) in task.to_html(with_url=True)
    file = task.download(tmp_path / "<b>.mp4")
    encoded = base64.b64encode(mp4()).decode()
    for shown_task in (task, client.get(ID)):
        page = shown_task._repr_html_()
        assert f'src="data:video/mp4;base64,{encoded}"' in page
        assert "&lt;b&gt;.mp4" in page
        assert "hmac" not in page
    file.write_bytes(mp4(notebook.MAX_SHOWN_BYTES + 1))
    assert "<video" not in task._repr_html_()
    file.unlink()
    assert "<video" not in task._repr_html_()
    failed = Task("<i>", "FAILED", raw={"error": "<dark>"})._repr_html_()
    assert "&lt;i&gt;" in failed
    assert "&lt;dark&gt;" in failed


def test_results_have_short_reprs() -> None:
    """What is known stands in one line, without prompts, images or signed URLs."""
    job = BatchJob(("a.png",), {"prompt": "x" * 999})
    task = Task(ID, "COMPLETED", (RESULT,))
    made = BatchResult(3, JobStatus.DONE, "a", job, task, ID, Path("a.mp4"))
    assert repr(made) == f"BatchResult(number='3', standing='done', key='a', task_id='{ID}', file='a.mp4')"
    left: Resumed[Task] = Resumed(
        Entry("e", task_id=ID, urls=(RESULT,)), JobStatus.UNFINISHED, error=OSError("x" * 999)
    )
    assert repr(left) == f"Resumed(standing='unfinished', task_id='{ID}', error='{'x' * 100}')"
