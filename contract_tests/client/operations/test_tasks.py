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

import httpx
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
    KlingError,
    Task,
    TaskData,
    TaskFailed,
    ValidationError,
    notebook,
)
from kling_elements.api.result_urls import result_urls
from kling_elements.batch.results import JobStatus
from kling_elements.batch.resume import Resumed
from kling_elements.journal import Entry

if TYPE_CHECKING:
    from contract_tests.support.clients import Driver, FakeTime
    from kling_elements.journal import Journal

URL, OTHER = "https://cdn.example/a.mp4", "https://cdn.example/b.jpg"
SECOND = "https://cdn.example/b.mp4"
DATA = {"task_id": ID, "status": "COMPLETED", "generated": [RESULT], "new": {"a": [1]}}
KINDS = [TaskData, Task, AsyncTask]


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_is_plain_data_and_back(kind: type[TaskData]) -> None:
    """`to_dict` is JSON data that shares nothing with the task, and `from_dict` restores it."""
    task = kind(ID, "COMPLETED", (RESULT,), DATA, "req-1")
    plain = json.loads(task.to_json())
    assert plain == task.to_dict()
    assert set(plain) == {"id", "status", "urls", "expires_at", "request_id", "raw"}
    assert (plain["urls"], plain["raw"], plain["request_id"]) == ([RESULT], DATA, "req-1")
    restored = kind.from_dict(plain)
    assert (restored, restored.raw, restored.request_id) == (task, DATA, "req-1")
    task.to_dict()["raw"]["new"]["a"].append(2)
    assert task.raw == DATA


@pytest.mark.parametrize("kind", KINDS)
def test_pydantic_takes_and_gives_tasks(kind: type[TaskData]) -> None:
    """A model's field may be a task: from an instance or plain data, to plain data, with a JSON schema."""
    adapter = pydantic.TypeAdapter(kind)
    task = kind(ID, "CREATED", raw={"x": 1})
    assert adapter.validate_python(task) is task
    assert adapter.validate_python(task.to_dict()) == task
    assert adapter.validate_json(adapter.dump_json(task)) == task
    assert adapter.dump_python(task) == task.to_dict()
    for mode in ("validation", "serialization"):
        assert {"id", "status", "urls"} <= set(adapter.json_schema(mode=mode)["properties"])
    with pytest.raises(pydantic.ValidationError):
        adapter.validate_python({"id": 1})


def public_functions() -> list[Any]:
    """Every public name that can be called, with its public methods."""
    found: list[Any] = []
    values = [getattr(kling_elements, name) for name in dir(kling_elements)]
    for value in (each for each in values if inspect.isroutine(each) or isinstance(each, type)):
        found.append(value)
        if isinstance(value, type):
            members = inspect.getmembers(value, inspect.isfunction)
            found += [each for name, each in members if not name.startswith("_") or name == "__init__"]
    return found


METHODS = ("create", "download", "find_unrecorded", "generate", "get", "list", "upload", "wait", "watch")


@pytest.mark.parametrize("name", [*METHODS, "batch", "resume", "with_options", "__init__"])
def test_a_method_shows_its_keywords(name: str) -> None:
    """Signature and hints name each option with its values and default; both clients' are the same."""
    sync, other = (
        inspect.signature(getattr(kind, name), eval_str=True).parameters
        for kind in (KlingElements, AsyncKlingElements)
    )
    assert [(each.name, each.kind, each.default) for each in sync.values()] == [
        (each.name, each.kind, each.default) for each in other.values()
    ]
    assert inspect.Parameter.VAR_KEYWORD not in {each.kind for each in sync.values()}
    if name in {"create", "generate"}:
        assert typing.get_args(typing.get_args(sync["duration"].annotation)[0]) == ("5", "10")
        assert (sync["model"].default, sync["prompt"].default) == ("std", None)


@pytest.mark.parametrize("function", public_functions(), ids=lambda each: each.__qualname__)
def test_type_hints_can_be_read_at_run_time(function: Any) -> None:
    """Tools for validation, injection and documentation can read every public annotation."""
    assert isinstance(typing.get_type_hints(function), dict)
    if not typing.is_typeddict(function):
        inspect.signature(function, eval_str=True)


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
def test_the_reason_of_a_failure_in_any_shape(
    driver: Driver, time: FakeTime, task: dict[str, Any], reason: str | None
) -> None:
    """The reason stands in the error and on the task."""
    failed = reply(body={"data": {"task_id": ID, "status": "FAILED", "generated": [], **task}})
    client = driver.open(Script.of(shown(), failed), clock=time.clock, sleep=time.sleep)
    with pytest.raises(TaskFailed) as caught:
        client.generate(["https://images.example.com/a.jpg"])
    assert caught.value.task.failure_reason == reason
    assert (reason or "no reason") in str(caught.value)


def test_a_reason_beside_the_task(driver: Driver) -> None:
    """The reason of a failure may stand beside `data`; the task's own fields go before it."""
    own = {"task_id": ID, "status": "FAILED", "generated": [], "data": "its own"}
    answer = {"error": "no faces", "status": "ok", "data": own}
    task = driver.open(Script.of(reply(body=answer))).get(ID)
    assert (task.status, task.failure_reason) == ("FAILED", "no faces")
    assert task.raw["data"] == "its own"


def test_only_a_failed_task_has_a_reason() -> None:
    """A message of a task that runs is no reason for a failure."""
    assert TaskData(ID, "IN_PROGRESS", raw={"message": "busy"}).failure_reason is None


def test_the_bytes_of_a_video(driver: Driver, tmp_path: Path, journal: Journal) -> None:
    """`read` returns the bytes, `write_to` writes them; `client.download` takes a task or its id."""
    video = reply(content=mp4(), headers={"content-type": "video/mp4"})
    told: list[Event] = []
    server = Script.of(shown(), video, video, completed(), video, video)
    client = driver.open(server, journal=journal, on_event=told.append).client
    assert client is not None

    task = driver.run(lambda: client.create("https://a.example/a.jpg"))
    task = client._bind(TaskData(ID, "COMPLETED", (RESULT,)))  # as from a webhook
    assert driver.run(task.read) == mp4()
    assert journal.unfinished() == []
    with (tmp_path / "c.mp4").open("wb") as stream:
        stream.write(b"before")
        assert driver.run(lambda: task.write_to(stream)) == len(mp4())
    assert (tmp_path / "c.mp4").read_bytes() == b"before" + mp4()
    assert [dict(event.fields) for event in told if event.name == "download.finished"] == [
        {"task_id": ID, "bytes": len(mp4())}
    ] * 2
    for which, name in ((ID, "a.mp4"), (task, "b.mp4")):
        file = driver.run(partial(client.download, which, tmp_path / name))
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
    video = reply(content=mp4(), headers={"content-type": "video/mp4"})
    client = driver.open(Script.of(shown(), completed(), video, completed()), journal=journal).client
    assert client is not None
    assert "created" in driver.run(lambda: client.create("https://a.example/a.jpg"))._repr_html_()
    task = driver.run(lambda: client.get(ID))
    assert "expires in" in task._repr_html_()
    assert "<video" not in task._repr_html_()
    assert html.escape(RESULT) in task.to_html(with_url=True)
    file = driver.run(lambda: task.download(tmp_path / "<b>.mp4"))
    encoded = base64.b64encode(mp4()).decode()
    for shown_task in (task, driver.run(lambda: client.get(ID))):
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


@pytest.mark.parametrize(
    ("call", "right"),
    [
        (lambda client: client.create("https://a.example/a.jpg", promt="x"), "prompt"),
        (lambda client: client.create("https://a.example/a.jpg", chek_images=None), "check_images"),
        (lambda client: client.generate("https://a.example/a.jpg", timout=5), "timeout"),
        (lambda client: client.generate("https://a.example/a.jpg", on_updat=None), "on_update"),
        (lambda client: client.wait(ID, poll_intervall=5), "poll_interval"),
        (lambda client: client.get(ID, timout=5), "timeout"),
        (lambda client: client.list(modl="std"), "model"),
        (lambda client: client.find_unrecorded(modle="std"), "model"),
        (lambda client: client.download(ID, "a.mp4", overwite=True), "overwrite"),
        (lambda client: client.batch([], worker=3), "workers"),
        (lambda client: client.resume(directry="."), "directory"),
    ],
)
def test_a_misspelled_option_gets_the_right_spelling(driver: Driver, call: Any, right: str) -> None:
    """Whatever the call, the error names the option that was meant."""
    client = driver.open(Script.of(completed())).client
    with pytest.raises(ValidationError, match=f"did you mean '{right}'"):
        driver.run(lambda: call(client))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"check_images": "no"}, "check_images must be True or False: got 'no'"),
        ({"job": 5}, "job must be a Job: got int"),
        ({"target": 5}, "target must be a path: got int"),
        ({"local_files": "s3"}, "local_files must be"),
        ({"model": "ultra"}, "model must be"),
    ],
)
def test_an_option_of_the_wrong_kind(driver: Driver, options: dict[str, Any], problem: str) -> None:
    """An option of create with a value of the wrong kind is refused, and nothing is sent."""
    server = Script.of(completed())
    for call in ("create", "generate"):
        with pytest.raises(ValidationError, match=problem):
            getattr(driver.open(server), call)("https://a.example/a.jpg", **options)
    assert server.requests == []


def httpx2_client() -> object:
    """A client of httpx's successor, which has the same methods."""
    return type("Client", (), {"__module__": "httpx2._client"})()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"limits": "off"}, "limits must be kling_elements.Limits: got str"),
        ({"http_client": httpx2_client()}, r"http_client must be httpx\.(Async)?Client: got httpx2\.Client"),
        ({"schedule": 5}, "schedule must be"),
        ({"retries": 3}, "retries must be"),
        ({"clock": 5}, "clock must be a function"),
        ({"sleep": 5}, "sleep must be a function"),
        ({"on_event": []}, "on_event must be a function"),
        ({"journal": 5}, "journal must be a path"),
        ({"base_url": 5}, "base_url must be a string"),
        ({"auth_header": 5}, "auth_header must be a string"),
        ({"timeout": "5"}, "timeout must be a number"),
        ({"timeout": httpx.Timeout(0)}, "timeout.connect must be above zero"),
        ({"default_headers": "x"}, "default_headers must map names to values: got str"),
        ({"default_headers": {"X-Freepik-API-Key": "k"}}, "can't replace X-Freepik-API-Key: pass the key as"),
        ({"default_headers": {"Host": "h"}}, "can't replace Host"),
        ({"default_headers": {"a b": "c"}}, "'a b' is not the name of an HTTP header"),
        ({"default_headers": {"a": "b\r\nc: d"}}, "the value of a must be a line of ASCII text"),
        ({"poll_interval": "5"}, "poll_interval must be a number"),
        ({"timout": 5}, "did you mean 'timeout'"),
        ({"api_key": 5}, "api_key must be a string"),
    ],
)
def test_an_argument_of_the_wrong_kind(driver: Driver, arguments: dict[str, Any], problem: str) -> None:
    """It is refused when the client is made, and clients that were made before go on as they were."""
    before = driver.open(Script.of(completed()))
    with pytest.raises(ValidationError, match=problem):
        driver.make(None, {"api_key": "key-of-the-tests-0123456789", **arguments})
    assert before.get(ID).id == ID


def test_a_closed_client_says_so(driver: Driver) -> None:
    """Every call of a closed client is refused, and nothing is sent."""
    server = Script.of(completed())
    client: Any = driver.open(server).client
    close = client.close if driver.backend is None else client.aclose
    driver.run(close)
    driver.run(close)
    calls: list[Any] = [
        lambda: client.create("https://a.example/a.jpg"),
        lambda: client.generate("https://a.example/a.jpg"),
        lambda: client.upload(b""),
        lambda: client.get(ID),
        client.list,
        lambda: client.wait(ID),
        lambda: client.watch(ID),
        client.with_options,
        client.find_unrecorded,
        lambda: client.download(ID, "a.mp4"),
        lambda: client.batch([]),
        client.resume,
    ]
    for call in calls:
        with pytest.raises(KlingError, match="closed"):
            driver.run(call)
    assert server.requests == []
