"""The commands that are about one task, and `list`, whole: what they print, send, and return."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from contract_tests.client.cli.conftest import KEY, names
from contract_tests.client.cli.unfinished import (
    LIST,
    LIST_PRO,
    NOW,
    URL,
    about,
    asked,
    foreign,
    untimed,
    unwaited,
)
from kling_elements import Journal, KlingElements, Task
from kling_elements.cli.console import Console
from kling_elements.cli.signals import Interrupted
from kling_elements_mock import Polls

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]

P = "kling-elements: "
CREATE = ("POST", LIST[1])
OPTIONS = {
    "prompt": "p",
    "negative_prompt": "n",
    "duration": "10",
    "aspect_ratio": "square_1_1",
    "webhook_url": "https://example.com/hook",
}


def shown(served: ServedMock, task_id: str, file: str | None = None) -> dict[str, Any]:
    """What `--json` shows of a task, as the service has it now."""
    request_id = list(served.mock.requests)[-1].request_id
    with KlingElements(KEY, served.url, journal=False) as client:
        task = client.get(task_id)
    return {
        "id": task_id,
        "status": task.status,
        "urls": list(task.urls),
        "expires_at": task.expires_at.isoformat() if task.expires_at else None,
        "request_id": request_id,
        "file": file,
    }


@pytest.mark.parametrize("option", ["", "-q", "--json"])
def test_create(run: Run, serve_mock: Serve, option: str) -> None:
    """`create` sends its options, tells the id, and the command that waits; it does not wait itself."""
    served = serve_mock(pace=Polls(9))
    words = [word for name, value in OPTIONS.items() for word in (f"--{name.replace('_', '-')}", value)]
    ended = run(*filter(None, (option,)), "create", URL, *words)
    (task,) = served.mock.tasks
    assert (ended.code, task.body, len(task.pictures)) == (0, OPTIONS, 1)
    if option == "--json":
        request_id = served.mock.requests[0].request_id
        nothing: dict[str, Any] = {"urls": [], "expires_at": None, "file": None}
        assert ended.json == {"id": task.id, "status": "CREATED", "request_id": request_id, **nothing}
        assert ended.err == f"task {task.id}\n"
    else:
        hint = f"CREATED. To wait for it: kling-elements wait {task.id} -o {task.id}.mp4\n"
        assert (ended.out, ended.err) == (f"{task.id}\n", "" if option else hint)
    assert asked(served) == [CREATE]
    entry = Journal.open().find(task.id, served.url)
    assert entry
    assert entry.target is None


@pytest.mark.parametrize("option", ["", "-q", "--json"])
def test_generate(run: Run, serve_mock: Serve, option: str) -> None:
    """`generate` tells the id in any case, progress without `-q`, and the file, as JSON with all else."""
    served = serve_mock(pace=Polls(2))
    ended = run(*filter(None, (option,)), "generate", URL, *NOW)
    (task,) = served.mock.tasks
    progress = "" if option else "CREATED after TIME\nIN_PROGRESS after TIME\nCOMPLETED after TIME\n"
    assert (ended.code, untimed(ended.err)) == (0, f"task {task.id}\n{progress}")
    assert Path(f"{task.id}.mp4").is_file()
    if option == "--json":
        assert ended.json == shown(served, task.id, f"{task.id}.mp4")
        return
    assert ended.out == f"{task.id}.mp4\n"
    assert asked(served) == [CREATE, about(task.id), about(task.id)]


def test_status(run: Run, serve_mock: Serve) -> None:
    """`status` asks once, and shows what the task is."""
    served = serve_mock(pace=Polls(9))
    task_id = foreign(served)
    ended = run("status", task_id)
    assert (ended.code, ended.out, ended.err) == (0, f"id      {task_id}\nstatus  CREATED\n", "")
    assert asked(served) == [about(task_id)]
    ended = run("status", task_id, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.json == {**shown(served, task_id), "status": "IN_PROGRESS"}


@pytest.mark.parametrize("model", [(), ("--model", "std"), ("--model", "pro")])
def test_list(run: Run, serve_mock: Serve, model: tuple[str, ...]) -> None:
    """`list` shows id and status of the tasks of a model, one a line, or as JSON; without any it says so."""
    served = serve_mock(pace=Polls(9))
    expected = LIST_PRO if "pro" in model else LIST
    ended = run("list", *model)
    assert (ended.code, ended.out, ended.err) == (0, "", "no tasks\n")
    ended = run("-q", "list", *model)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert asked(served) == [expected, expected]
    ids = []
    for _ in range(2):
        run("create", URL, *model)
        ids.append(served.mock.tasks[-1].id)
    asked(served)
    ended = run("list", *model)
    lines = [f"{task_id}\tCREATED" for task_id in ids]
    assert (ended.code, sorted(ended.out.splitlines()), ended.err) == (0, sorted(lines), "")
    ended = run("list", *model, "--json")
    order = [line.split("\t")[0] for line in run("list", *model).out.splitlines()]
    assert (ended.code, ended.err) == (0, "")
    assert ended.json == {"tasks": [{"id": task_id, "status": "CREATED"} for task_id in order]}
    assert asked(served) == [expected] * 3


@pytest.mark.parametrize("option", ["", "-q", "--json"])
@pytest.mark.parametrize("file", [None, "w.mp4"])
def test_wait(run: Run, serve_mock: Serve, option: str, file: str | None) -> None:
    """`wait` shows the task when it is done, or with `-o` the file that it fetched; with `-q` no progress."""
    served = serve_mock(pace=Polls(2))
    run("create", URL)
    task_id = served.mock.tasks[0].id
    asked(served)
    ended = run(*filter(None, (option,)), "wait", task_id, *NOW, *(("-o", file) if file else ()))
    progress = "" if option else "IN_PROGRESS after TIME\nCOMPLETED after TIME\n"
    assert (ended.code, untimed(ended.err)) == (0, progress)
    document = shown(served, task_id, file)
    if option == "--json":
        assert ended.json == document
    elif file:
        assert ended.out == f"{file}\n"
    else:
        lines = ended.out.splitlines()
        video = [f"video   {url}" for url in document["urls"]]
        assert lines[:-1] == [f"id      {task_id}", "status  COMPLETED", *video]
        assert lines[-1].startswith("expires ")
    assert asked(served)[:-1] == [about(task_id), about(task_id)]
    assert names() == ([file] if file else [])
    entry = Journal.open().find(task_id, served.url)
    assert entry
    assert entry.target == (file and str(Path(file).absolute()))


@pytest.mark.parametrize("option", ["", "-q", "--json"])
def test_download(run: Run, serve_mock: Serve, option: str) -> None:
    """`download` looks once, and fetches to the file that is named after the task."""
    served = serve_mock()
    task_id = foreign(served)
    ended = run(*filter(None, (option,)), "download", task_id)
    assert (ended.code, ended.err, names()) == (0, "", [f"{task_id}.mp4"])
    if option == "--json":
        assert ended.json == shown(served, task_id, f"{task_id}.mp4")
    else:
        assert ended.out == f"{task_id}.mp4\n"
        assert asked(served) == [about(task_id)]


@pytest.mark.parametrize(
    "line",
    ["download ID", "download ID -o ID.mp4", "wait ID -o ID.mp4", f"generate {URL} -o ID.mp4"],
)
def test_a_file_that_exists_is_found_out_first(run: Run, serve_mock: Serve, line: str) -> None:
    """Where the video's file exists nothing is asked of the service, and the file stays."""
    served = serve_mock()
    task_id = foreign(served)
    Path(f"{task_id}.mp4").write_text("mine")
    ended = run(*line.replace("ID", task_id).split())
    assert (ended.code, ended.out) == (2, "")
    hint = "exists: choose another name, or add --overwrite. Nothing was sent"
    assert ended.err == f"{P}{task_id}.mp4 {hint}\n"
    assert asked(served) == []
    assert Path(f"{task_id}.mp4").read_text() == "mine"


def test_a_task_without_a_video_yet(run: Run, serve_mock: Serve) -> None:
    """`download` of a task that is not done tells the command that waits for it."""
    served = serve_mock(pace=Polls(9))
    task_id = foreign(served)
    ended = run("download", task_id)
    assert (ended.code, ended.out, names()) == (5, "", [])
    assert ended.err == (
        f"{P}task {task_id} is CREATED: it has no video yet. "
        f"Wait for it: kling-elements wait {task_id} -o {task_id}.mp4\n"
    )


@pytest.mark.parametrize("option", [(), ("-q",)])
@pytest.mark.parametrize("line", ["generate URL", "wait ID -o w.mp4", "download ID"])
def test_a_terminal_is_told_of_the_fetching(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch, line: str, option: tuple[str, ...]
) -> None:
    """A terminal's line says when the video is fetched, but with `-q`."""
    task_id = foreign(serve_mock())
    lines: list[str] = []
    monkeypatch.setattr(Console, "is_live", property(lambda _: True))
    monkeypatch.setattr(Console, "transient", lambda _, text: lines.append(text))
    words = line.replace("URL", f"{URL} {' '.join(NOW)}").replace("ID", task_id).split()
    assert run(*option, *words).code == 0
    assert ("COMPLETED  fetching the video" in lines) == (not option)
    assert not option or not any(lines)


def going_on(task_id: str, file: str) -> str:
    """What an interruption tells."""
    return (
        f"{P}interrupted (SIGTERM). Task {task_id} runs on and is billed. "
        f"All that is unfinished: kling-elements resume. "
        f"To resume: kling-elements wait {task_id} -o {file}\n"
    )


def interrupt(*_: object, **options: Any) -> Any:
    """What is asked for ends by a signal, and before it, if it is listened to, by a task."""
    if listener := options.get("on_update"):
        listener(Task("t-1", "CREATED"))
    raise Interrupted(signal.SIGTERM)


@pytest.mark.parametrize("option", ["", "-q"])
@pytest.mark.usefixtures("nowhere")
def test_an_interrupted_generate(run: Run, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """A signal after the create tells that the task runs on, and how to go on; its id was told before."""
    monkeypatch.setattr(KlingElements, "generate", interrupt)
    ended = run(*filter(None, (option,)), "generate", URL, "-o", "my video.mp4")
    progress = "" if option else "CREATED after TIME\n"
    assert (ended.code, ended.out) == (143, "")
    assert untimed(ended.err) == f"task t-1\n{progress}{going_on('t-1', shlex.quote('my video.mp4'))}"


@pytest.mark.parametrize(
    ("line", "noted"), [("wait t-1 -o w.mp4", "w.mp4"), ("wait t-1", None), ("download t-1", None)]
)
def test_an_interruption_names_the_task(
    run: Run, nowhere: str, monkeypatch: pytest.MonkeyPatch, line: str, noted: str | None
) -> None:
    """A signal before the first answer tells how to go on; where the video goes is noted by then."""
    entry = unwaited(nowhere, "t-1")
    for method in ("wait", "get"):
        monkeypatch.setattr(KlingElements, method, lambda *_, **__: interrupt())
    ended = run(*line.split())
    assert (ended.code, ended.out, ended.err) == (143, "", going_on("t-1", noted or "t-1.mp4"))
    left = Journal.open().entry(entry.entry_id)
    assert left
    assert left == evolve(entry, target=noted and str(Path(noted).absolute()), updated_at=left.updated_at)
