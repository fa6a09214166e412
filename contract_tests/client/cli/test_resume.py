"""`resume`, whole: what it prints, what it asks the service for, and what it leaves in the journal."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.cli.unfinished import (
    URL,
    about,
    asked,
    begun,
    in_doubt,
    interrupted_with,
    that_gives,
    untimed,
)
from kling_elements import Journal, KlingElements, Task
from kling_elements.batch.results import JobStatus
from kling_elements.batch.resume import Resumed
from kling_elements.errors import TaskFailed
from kling_elements.journal import Entry
from kling_elements_mock import Polls

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]
    Ends = Callable[..., None]

P = "kling-elements: "
NO_FILE = "no file is noted for its video. To fetch it: kling-elements"
GIVE_UP = "to give an entry up: kling-elements resume --abandon ENTRY\n"


@pytest.fixture
def ends(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> Ends:
    """Let `resume` find that tasks have ended so."""
    return partial(that_gives, monkeypatch)


def test_nothing_is_unfinished(run: Run, serve_mock: Serve) -> None:
    """With nothing to do it says so, but for `-q`, and asks the service for nothing."""
    served = serve_mock()
    ended = run("resume")
    assert (ended.code, ended.out, ended.err) == (0, "", "nothing is unfinished\n")
    ended = run("-q", "resume")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert run("resume", "--json").json == {"finished": [], "unknown": [], "unrecorded": []}
    assert asked(served) == []


def test_each_end_is_told(run: Run, serve_mock: Serve) -> None:
    """Each unfinished task is looked at, unless another process is at it, and its end is told."""
    served = serve_mock(pace=Polls(2))
    ids = [str(begun(run, served, "-o", "a.mp4").task_id)]
    run("create", URL)
    ids.append(served.mock.tasks[-1].id)
    run("wait", ids[1], "--timeout", "0")
    busy = begun(run, served, "-o", "b.mp4")
    assert Journal.open().claim(busy.entry_id, "another", 60)
    for scenario in ("fail", "never-finish"):
        served.mock.next_scenario(scenario)
        ids.append(str(begun(run, served, "-o", f"{scenario}.mp4").task_id))
    _, made, failed, late = ids
    asked(served)
    ended = run("resume", "--timeout", "0", "--workers", "1")
    assert (ended.code, ended.out) == (9, f"{Path('a.mp4').absolute()}\n")
    assert untimed(ended.err) == (
        f"task {made} is COMPLETED, and no file is noted for its video. "
        f"To fetch it: kling-elements download {made} -o FILE\n"
        f"task {busy.task_id}: another process is at it\n"
        f"{P}task {failed}: failed: task {failed} ended as FAILED, and the service gives no reason. "
        "It may be billed; try other images\n"
        f"{P}task {late}: unfinished: stopped waiting for task {late} after TIME; it was last seen "
        f"IN_PROGRESS. It runs on and is billed. To resume: kling-elements wait {late}\n"
    )
    assert asked(served) == [about(each) for each in ids]


ODD = "t 2\n"
ENTRY, OTHER = Entry("e-1", task_id="t-1"), Entry("e-2", task_id=ODD)
SEEN = Task(ODD, "IN\nPROGRESS")
FAULT = TaskFailed("no\nhttps://h.example/v?token=1", task=SEEN)
DONE = Resumed(ENTRY, JobStatus.DONE, SEEN, Path("/videos/a.mp4"))
THERE = Resumed(OTHER, JobStatus.EXISTING, SEEN, Path("/videos/b.mp4"))
BUSY = Resumed[Task](OTHER, JobStatus.BUSY)
LEFT = Resumed(OTHER, JobStatus.DONE, SEEN)
UNFINISHED = Resumed[Task](OTHER, JobStatus.UNFINISHED, None, None, FAULT)
FAILED = Resumed(ENTRY, JobStatus.FAILED, SEEN, None, FAULT)


@pytest.mark.parametrize(
    ("resumed", "told", "code"),
    [
        (DONE, "", 0),
        (THERE, "", 0),
        (BUSY, "task t 2: another process is at it\n", 0),
        (LEFT, f"task t 2 is IN PROGRESS, and {NO_FILE} download $'t\\x202\\x0a' -o FILE\n", 0),
        (UNFINISHED, f"{P}task t 2: unfinished: no https://h.example/v?...\n", 9),
        (FAILED, f"{P}task t-1: failed: no https://h.example/v?...\n", 9),
    ],
    ids=["fetched", "there before", "busy", "no file", "unfinished", "failed"],
)
def test_an_end(run: Run, ends: Ends, resumed: Resumed[Task], told: str, code: int) -> None:
    """An end is a path on stdout or a line on stderr; the code tells whether all are well, in any order."""
    for results in ([resumed], [resumed, DONE], [DONE, resumed]):
        ends(*results)
        ended = run("resume")
        assert (ended.code, ended.err) == (code, told)
        assert ended.out.splitlines() == [str(each.file) for each in results if each.file]


def test_ends_as_json(run: Run, ends: Ends) -> None:
    """With `--json` stdout is one document with what became of each task, and stderr is empty."""
    ends(DONE, THERE, BUSY, LEFT, UNFINISHED, FAILED)
    ended = run("resume", "--json")
    one, two = {"task_id": "t-1", "entry": "e-1"}, {"task_id": ODD, "entry": "e-2"}
    error = "no\nhttps://h.example/v?..."
    assert (ended.code, ended.err) == (9, "")
    assert ended.json == {
        "finished": [
            {**one, "standing": "done", "file": "/videos/a.mp4", "error": None},
            {**two, "standing": "existing", "file": "/videos/b.mp4", "error": None},
            {**two, "standing": "busy", "file": None, "error": None},
            {**two, "standing": "done", "file": None, "error": None},
            {**two, "standing": "unfinished", "file": None, "error": error},
            {**one, "standing": "failed", "file": None, "error": error},
        ],
        "unknown": [],
        "unrecorded": [],
    }


@pytest.mark.usefixtures("nowhere")
def test_options_reach_the_client(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option of `resume` is the client's option of that name."""
    given: list[dict[str, Any]] = []
    resume = KlingElements.resume

    def note(client: KlingElements, **options: Any) -> Any:
        given.append(options)
        return resume(client, **options)

    monkeypatch.setattr(KlingElements, "resume", note)
    run("resume")
    run("resume", "-d", "out", "--workers", "2", "--timeout", "4", "--poll-interval", "0.5")
    assert given == [
        {"directory": None, "workers": 3, "timeout": 1800.0, "poll_interval": None},
        {"directory": "out", "workers": 2, "timeout": 4.0, "poll_interval": 0.5},
    ]


@pytest.mark.parametrize(
    "case",
    [
        ("resume", 0, "", "resume"),
        ("resume -d out", 1, "These tasks run on: task-0. ", "resume -d out"),
        ("resume --workers 2", 2, "These tasks run on: task-0, task-1. ", "resume --workers 2"),
    ],
)
def test_an_interruption_tells_the_line_that_goes_on(
    run: Run, nowhere: str, monkeypatch: pytest.MonkeyPatch, case: tuple[str, int, str, str]
) -> None:
    """A signal ends it with its code, the tasks that run on, and the line that goes on, without a look."""
    line, tasks, running, again = case
    told = f"{running}To go on: kling-elements {again}\n"
    entry = in_doubt(nowhere)
    interrupted_with(monkeypatch, tasks, signal.SIGTERM)
    ended = run(*line.split())
    assert (ended.code, ended.out) == (143, "")
    assert ended.err == (
        f"{P}interrupted (SIGTERM). {told}"
        f"{P}the outcome of 1 create is unknown. Not sent again:\n"
        f"  entry {entry}: its process was ended\n{GIVE_UP}"
    )
    ended = run(*line.split(), "--json")
    assert (ended.code, ended.err) == (143, f"{P}interrupted (SIGTERM). {told}")
    assert (len(ended.json["unknown"]), ended.json["unrecorded"]) == (1, None)
