"""A task and an error as values: plain data, pydantic, pickles, type hints; and the public names."""

import base64
import copy
import dataclasses
import html
import inspect
import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
import typing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pydantic
import pytest

import kling_elements
import kling_elements as k
import kling_elements_mock
from contract_tests.support.answers import ID, RESULT, completed, mp4, reply, shown
from contract_tests.support.clients import Driver, Script
from kling_elements import batch, downloads, errors, journal, notebook, webhooks
from kling_elements.journal import Journal

DATA = {"task_id": ID, "status": "COMPLETED", "generated": [RESULT], "new": {"a": [1]}}


@pytest.mark.parametrize("kind", [k.TaskData, k.Task, k.AsyncTask])
def test_a_task_is_plain_data_and_back(kind: type[k.TaskData]) -> None:
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
    for change in (
        {"id": 1},
        {"status": None},
        {"urls": None},
        {"urls": RESULT},
        {"urls": [1]},
        {"raw": [1]},
        {"request_id": 5},
    ):
        with pytest.raises(ValueError, match=f"needs an? .*{next(iter(change))}"):
            kind.from_dict({**plain, **change})
    with pytest.raises(ValueError, match="got list"):
        kind.from_dict([])  # type: ignore[arg-type]
    # What belongs to a client is no field: frameworks copy fields.
    assert {*dataclasses.asdict(task)} == {"id", "status", "urls", "raw", "request_id"}


METHODS = ("create", "download", "find_unrecorded", "generate", "get", "list", "upload", "wait", "watch",
           "batch", "resume", "with_options", "__init__")  # fmt: skip


def annotated(public: Any) -> list[Any]:
    """A public function, or a class with its public methods and properties."""
    members = inspect.getmembers_static(public) if inspect.isclass(public) else []
    named = [getattr(one, "fget", one) for name, one in members if name == "__init__" or name[0] != "_"]
    return [one for one in (public, *named) if inspect.isclass(one) or inspect.isfunction(one)]


def test_signatures_and_hints_can_be_read_at_run_time() -> None:
    """Every public annotation can be read; a method names each option, and both clients' are the same."""
    for package in (k, batch, downloads, journal, webhooks, kling_elements_mock):
        for one in [one for name in package.__all__ for one in annotated(getattr(package, name))]:
            assert isinstance(typing.get_type_hints(one), dict), one
    for name in METHODS:
        sync, other = (
            [(each.name, each.kind, each.default) for each in inspect.signature(method).parameters.values()]
            for method in (getattr(k.KlingElements, name), getattr(k.AsyncKlingElements, name))
        )
        assert sync == other
        signature = inspect.signature(getattr(k.KlingElements, name))
        assert copy.copy(signature) == copy.deepcopy(signature) == signature
        assert inspect.Parameter.VAR_KEYWORD not in {kind for _, kind, _ in sync}


REASONS: list[tuple[dict[str, Any], str | None]] = [
    ({"error": "no faces"}, "no faces"),
    ({"error": {"code": 7, "message": " too\n dark "}}, "too dark"),
    ({"error": {"code": 7}}, "{'code': 7}"),
    ({"error": None, "message": "no"}, "no"),
    ({"error": False, "errors": [{"detail": "a"}, "b", None]}, "a; b"),
    ({"failure_reason": {"error": {"reason": "deep"}}}, "deep"),
    ({"error": {"x": json.loads("[" * 900 + "]" * 900)}}, "{'x': [[[[[[...]]]]]]}"),
    ({"error": "x" * 9999}, "x" * 500),
    ({"error": "half \ud800, red \x1b[31m"}, "half \\ud800, red \\x1b[31m"),
    ({"error": [[[[[[[["deep"]]]]]]]]}, None),
    ({"details": {"error": {"msg": "nested"}}}, "nested"),
    ({"error_code": 1301}, "error_code: 1301"),
    ({"has_nsfw": [False, True]}, "has_nsfw"),
    ({"error": None, "has_nsfw": [False]}, None),
]


def test_the_reason_in_any_shape(driver: Driver) -> None:
    """A failed task's reason is found wherever it stands, beside `data` too; no other task has one."""
    for task, reason in REASONS:
        assert k.TaskData(ID, "FAILED", raw=task).failure_reason == reason
        assert k.TaskData(ID, "IN_PROGRESS", raw=task).failure_reason is None
    own = {"task_id": ID, "status": "FAILED", "generated": [], "data": "its own"}
    failed = driver.open(Script.of(reply(body={"error": "no faces", "status": "ok", "data": own}))).get(ID)
    assert (failed.status, failed.failure_reason, failed.raw["data"]) == ("FAILED", "no faces", "its own")


VIDEO = reply(content=mp4(), headers={"content-type": "video/mp4"})


# A file that takes less than it is given, as an unbuffered one may.
Raw: Any = type("Raw", (io.BytesIO,), {"write": lambda self, data: io.BytesIO.write(self, data[:1000])})


def test_the_bytes_of_a_video(any_driver: Driver, tmp_path: Path, journal: Journal) -> None:
    """`read` returns the bytes, `write_to` writes them; `client.download` takes a task or its id."""
    told: list[k.Event] = []
    server = Script.of(shown(), completed(), VIDEO, VIDEO, completed(), VIDEO, VIDEO)
    client: Any = any_driver.open(server, journal=journal, on_event=told.append).client
    any_driver.run(lambda: client.create("https://a.example/a.jpg"))
    task = any_driver.run(lambda: client.get(ID))
    assert (any_driver.run(task.read), journal.unfinished()) == (mp4(), [])
    stream = Raw(b"before")
    stream.seek(0, io.SEEK_END)
    assert any_driver.run(lambda: task.write_to(stream)) == len(mp4())
    assert stream.getvalue() == b"before" + mp4()
    assert pickle.loads(pickle.dumps(told)) == copy.deepcopy(told) == told  # noqa: S301 - our own bytes
    fields = [dict(event.fields) for event in told if event.name == "download.finished"]
    assert fields == [{"task_id": ID, "bytes": len(mp4())}] * 2
    with tempfile.NamedTemporaryFile("w") as text, Path(os.devnull).open("rb") as reader:
        stream.close()
        for file, why in ((None, ""), (text, ""), (reader, ", .* reading"), (stream, ", .* closed")):
            with pytest.raises(errors.ValidationError, match=rf"writing bytes.*got \w+{why}$"):
                any_driver.run(partial(task.write_to, file))
    for target in (None, 5, io.BytesIO()):
        with pytest.raises(errors.ValidationError, match=r"task\.(read|write_to)\("):
            any_driver.run(partial(task.download, target))
    for which, name in ((ID, "a.mp4"), (task, "b.mp4")):
        file = any_driver.run(partial(client.download, which, tmp_path / name))
        assert file.read_bytes() == mp4()


def test_a_task_in_a_notebook(driver: Driver, tmp_path: Path, journal: Journal) -> None:
    """It shows status, times and a small video that was downloaded; a signed URL only when asked."""
    client: Any = driver.open(Script.of(shown(), completed(), VIDEO), journal=journal).client
    assert "created" in client.create("https://a.example/a.jpg")._repr_html_()  # IPython's name for it
    task = client.get(ID)
    assert "expires in" in task.to_html()
    assert html.escape(RESULT) in task.to_html(with_url=True)
    file = task.download(tmp_path / "<b>.mp4")
    page, video = task.to_html(), base64.b64encode(mp4()).decode()
    assert (video in page, "&lt;b&gt;.mp4" in page, "hmac" in page) == (True, True, False)
    file.write_bytes(mp4(notebook.MAX_SHOWN_BYTES + 1))
    assert "<video" not in task.to_html()
    page = k.Task("<i>", "FAILED", raw={"error": "<dark>"}).to_html()
    assert ("&lt;i&gt;" in page, "&lt;dark&gt;" in page) == (True, True)


# --- errors, and the public names


PUBLIC = {name: getattr(kling_elements, name) for name in dir(kling_elements)}
PUBLIC_ERRORS = [kind for kind in PUBLIC.values() if isinstance(kind, type) and issubclass(kind, Exception)]
TASK = k.Task(ID, "COMPLETED", (RESULT,), {"x": [1]}, "req")
# What the attributes of errors may be.
ATTRIBUTES: dict[str, Any] = {
    "text": "text", "problems": ["a", "b"], "task": TASK, "task_id": ID, "hint": "do it", "status_code": 418,
    "message": "m", "invalid_params": [k.InvalidParam("n", "r")], "request_id": "q", "retry_after": 1.5,
    "body": "b", "content_type": "c", "last_status": "CREATED", "elapsed": 1.5, "timeout": 2.5,
    "expires_at": datetime(2026, 1, 1, tzinfo=UTC),
}  # fmt: skip


@pytest.mark.parametrize("kind", [*PUBLIC_ERRORS, k.Task, k.AsyncTask])
def test_errors_and_tasks_survive_a_pickle(kind: type[Any]) -> None:
    """Each comes out of a pickle or a copy with its kind, its text and the value of every attribute."""
    value: Any
    if kind in PUBLIC_ERRORS:
        own = [name for name in inspect.signature(kind).parameters if name in ATTRIBUTES]
        value = kind(**{name: ATTRIBUTES[name] for name in own or ("text", "task_id", "hint")})
        value.add_note("a note")
    else:
        value = kind.of(TASK, lambda *_, **__: None)
    for twin in (pickle.loads(pickle.dumps(value)), pickle.loads(pickle.dumps(value, 2)), copy.copy(value)):  # noqa: S301 - our own bytes
        assert type(twin) is kind
        if kind in PUBLIC_ERRORS:
            assert (str(twin), twin.args, vars(twin)) == (str(value), value.args, vars(value))
        else:
            assert (twin, twin.raw, twin.request_id) == (value, value.raw, "req")


def test_public_names() -> None:
    """The public names are sorted, all there, and those of `import *`; every error is one of them."""
    names = list(PUBLIC)
    assert {"KlingElements", "AsyncTask", "Limits", "verify_webhook", "__version__"} < set(names)
    assert names == sorted(names) == vars(kling_elements)["__all__"]
    assert not hasattr(kling_elements, "nonsense")
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    defined = {kind for kind in kinds if issubclass(kind, errors.KlingError) and kind.__name__[0] != "_"}
    assert defined == set(PUBLIC_ERRORS)
    assert {kind.__module__ for kind in defined} == {"kling_elements"}, (
        "a traceback names them as they are imported"
    )
    assert [kind for kind in defined if f" {kind.__name__}" not in (errors.__doc__ or "")] == []


CLIENT = f"""
import httpx
http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={{
    "data": {{"task_id": "{ID}", "status": "CREATED", "generated": []}}}})))
client = kling_elements.KlingElements("key-of-the-tests", journal=False, http_client=http)
"""
LOOK = f'{CLIENT}client.get("{ID}")'
CREATE = f'{CLIENT}client.create("https://a.example/b.png")'
OPERATIONS = "kling_elements.operations"


@pytest.mark.parametrize(
    ("code", "costly"),
    [
        ("kling_elements.__version__", "httpx attrs logging re kling_elements_mock"),
        (
            LOOK,
            f"anyio attrs jsonschema_rs kling_elements_api PIL sqlite3 {OPERATIONS}.create {OPERATIONS}.wait",
        ),
        (CREATE, f"anyio attrs jsonschema_rs kling_elements_api PIL sqlite3 {OPERATIONS}.uploads"),
    ],
    ids=["import", "look", "create"],
)
def test_starting_costs_little(code: str, costly: str) -> None:
    """The import, a first look and a first create load nothing heavy that they don't need."""
    loaded = f"[m for m in {costly!r}.split() if m in sys.modules.keys() - before]"
    program = f"import sys\nbefore = {{*sys.modules}}\nimport kling_elements\n{code}\nprint({loaded})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


def test_no_control_character_is_shown(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """What the service sends can't move a cursor or begin a line of a log; `message` and `status` keep it."""
    caplog.set_level("DEBUG", "kling_elements")
    for char in ("\x1b", "\x07", "\0", "\r", "\n", "\x9b", "\u202e", "\u2028"):
        with pytest.raises(errors.ApiError) as caught:
            driver.open(Script.of(reply(400, body={"message": f"a{char}b"}))).get(ID)
        assert str(caught.value).isprintable()
        assert ascii(char)[1:-1] in str(caught.value)
        assert caught.value.message == f"a{char}b"
        with pytest.raises(errors.OutcomeUnknown) as unknown:
            driver.open(Script.of(reply(500, body={"data": {"task_id": f"a{char}b"}}))).create([RESULT])
        assert f"{unknown.value}{unknown.value.hint}".isprintable()
        assert driver.open(Script.of(shown(f"a{char}b"))).get(ID).status == f"a{char}b"
    assert "".join(record.getMessage() for record in caplog.records).isprintable()
