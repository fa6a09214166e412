"""`resume`, whole: what it prints, what it asks the service for, and what it leaves in the journal."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.command_line.unfinished import (
    LIST,
    LIST_PRO,
    NOW,
    URL,
    about,
    asked,
    begun,
    in_doubt,
    interrupted_with,
    unrecorded,
)
from kling_elements import Journal, KlingElements, PermissionDeniedError, Task
from kling_elements.journal import Job
from kling_elements_mock.tasks import Polls

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.command_line.conftest import Ended
    from kling_elements_mock.server import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]

P = "kling-elements: "
NONE_MADE = "the service has no task that nobody recorded: no task was made, as far as its list tells\n"
TAKE = "to take one: kling-elements resume --adopt TASK --entry ENTRY\n"
GIVE_UP = "to give an entry up: kling-elements resume --abandon ENTRY\n"


def test_nothing_is_unfinished(run: Run, serve_mock: Serve) -> None:
    """With nothing to do it says so, but for `-q`, and asks the service for nothing."""
    served = serve_mock()
    ended = run("resume")
    assert (ended.code, ended.out, ended.err) == (0, "", "nothing is unfinished\n")
    ended = run("-q", "resume")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert run("resume", "--json").json == {"finished": [], "unknown": [], "unrecorded": []}
    assert asked(served) == []


def ends(run: Run, served: ServedMock) -> list[str]:
    """Tasks that `resume` finds done, without a file, at another process, failed, and not done in time."""
    ids = [begun(run, served, "-o", "a.mp4").task_id]
    run("create", URL)
    ids.append(served.mock.tasks[-1].id)
    busy = begun(run, served, "-o", "b.mp4")
    assert Journal.open().claim(busy.entry_id, "another", 60)
    ids.append(busy.task_id)
    for scenario in ("fail", "never-finish"):
        served.mock.next_scenario(scenario)
        ids.append(begun(run, served, "-o", f"{scenario}.mp4").task_id)
    asked(served)
    return [str(task_id) for task_id in ids]


def test_each_end_is_told(run: Run, serve_mock: Serve) -> None:
    """Paths go to stdout, what is not done is told on stderr, and each task is looked at once."""
    served = serve_mock(pace=Polls(2))
    done, made, busy, failed, late = ends(run, served)
    run("wait", made, "--timeout", "0")
    asked(served)
    ended = run("resume", "--timeout", "0", "--workers", "1")
    assert (ended.code, ended.out) == (9, f"{Path('a.mp4').absolute()}\n")
    assert ended.err == (
        f"task {made} is COMPLETED, and no file is noted for its video. "
        f"To fetch it: kling-elements download {made} -o FILE\n"
        f"task {busy}: another process is at it\n"
        f"{P}task {failed}: failed: task {failed} ended as FAILED, and the service gives no reason. "
        "It may be billed; try other images\n"
        f"{P}task {late}: unfinished: stopped waiting for task {late} after 0 s; it was last seen "
        f"IN_PROGRESS. It runs on and is billed. To resume: kling-elements wait {late}\n"
    )
    assert asked(served) == [about(each) for each in (done, made, failed, late)]


def test_each_end_as_json(run: Run, serve_mock: Serve) -> None:
    """With `--json` stdout is one document with what became of each task, and stderr is empty."""
    served = serve_mock(pace=Polls(2))
    done, made, busy, failed, late = ends(run, served)
    entries = {each: Journal.open().find(each, served.url) for each in (done, made, busy, failed, late)}

    def finished(task_id: str, standing: str, file: str | None = None, error: str | None = None) -> Any:
        entry = entries[task_id]
        assert entry
        where = file and str(Path(file).absolute())
        return {
            "task_id": task_id,
            "entry": entry.entry_id,
            "standing": standing,
            "file": where,
            "error": error,
        }

    ended = run("resume", "--timeout", "0", "--workers", "1", "--directory", "out", "--json")
    assert (ended.code, ended.err) == (9, "")
    assert ended.json == {
        "finished": [
            finished(done, "done", "a.mp4"),
            finished(
                made,
                "unfinished",
                None,
                f"stopped waiting for task {made} after 0 s; it was last seen IN_PROGRESS. It runs on and is "
                f"billed. To resume: kling-elements wait {made}",
            ),
            finished(busy, "busy"),
            finished(
                failed,
                "failed",
                None,
                f"task {failed} ended as FAILED, and the service gives no reason. "
                "It may be billed; try other images",
            ),
            finished(
                late,
                "unfinished",
                None,
                f"stopped waiting for task {late} after 0 s; it was last seen IN_PROGRESS. It runs on and is "
                f"billed. To resume: kling-elements wait {late}",
            ),
        ],
        "unknown": [],
        "unrecorded": [],
    }
    assert run("resume", "-d", "out", *NOW, "--timeout", "0").out == f"{Path(f'out/{made}.mp4').absolute()}\n"


def test_another_process_at_it_is_no_failure(run: Run, serve_mock: Serve) -> None:
    """A task that another process works on is left to it, which is no failure."""
    served = serve_mock(pace=Polls(2))
    busy = begun(run, served, "-o", "b.mp4")
    assert Journal.open().claim(busy.entry_id, "another", 60)
    asked(served)
    ended = run("resume")
    assert (ended.code, ended.out, ended.err) == (0, "", f"task {busy.task_id}: another process is at it\n")
    assert asked(served) == []


def test_options_reach_the_client(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option of `resume` is the client's option of that name."""
    serve_mock()
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


def test_doubtful_creates_are_told(run: Run, serve_mock: Serve) -> None:
    """Each create of unknown outcome is told with its job, its file and why."""
    served = serve_mock()
    first = in_doubt(served, "no answer\nat all", job=Job("b", "k\t" + 70 * "x"), target="/videos/k.mp4")
    ended = run("resume")
    assert (ended.code, ended.out) == (6, "")
    assert ended.err == (
        f"{P}the outcome of 1 create is unknown. Not sent again:\n"
        f"  entry {first}, job k {58 * 'x'}, for /videos/k.mp4: no answer at all\n"
        f"{NONE_MADE}{GIVE_UP}"
    )
    assert asked(served) == [LIST]
    second = in_doubt(served)
    ended = run("--base-url", served.url, "resume")
    assert ended.code == 6
    lines = [
        f"{P}the outcome of 2 creates is unknown. Not sent again:\n",
        f"  entry {second}: its process was ended\n",
        NONE_MADE,
        GIVE_UP.replace("resume", f"--base-url {served.url} resume"),
    ]
    told = ended.err.splitlines(keepends=True)
    assert [line for line in told if first not in line] == lines
    assert asked(served) == [LIST]


def test_doubtful_creates_as_json(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--json` the document holds each create of unknown outcome, and the tasks that nobody recorded."""
    served = serve_mock()
    unrecorded(monkeypatch, {"std": [Task("t1", "CREATED"), Task("t2", "COMPLETED")]})
    job = in_doubt(served, "no answer", job=Job("b", "k"), target="/videos/k.mp4")
    ended = run("resume", "--json")
    assert (ended.code, ended.err) == (6, "")
    assert ended.json == {
        "finished": [],
        "unknown": [{"entry": job, "batch": "b", "job": "k", "target": "/videos/k.mp4", "why": "no answer"}],
        "unrecorded": [{"id": "t1", "status": "CREATED"}, {"id": "t2", "status": "COMPLETED"}],
    }
    assert run("resume", "--abandon", job).code == 0
    alone = in_doubt(served)
    assert run("resume", "--json").json["unknown"] == [
        {"entry": alone, "batch": None, "job": None, "target": None, "why": None}
    ]


@pytest.mark.parametrize(("count", "more"), [(1, ""), (50, ""), (51, "  and 1 more: kling-elements list\n")])
def test_fifty_candidates_are_shown(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch, count: int, more: str
) -> None:
    """Up to fifty tasks that nobody recorded are shown; of those beyond, how many, and how to see them."""
    served = serve_mock()
    unrecorded(monkeypatch, {"std": [Task(f"t\t{n}", "IN\nPROGRESS") for n in range(count)]})
    entry = in_doubt(served)
    ended = run("resume")
    assert (ended.code, ended.out) == (6, "")
    assert ended.err == (
        f"{P}the outcome of 1 create is unknown. Not sent again:\n"
        f"  entry {entry}: its process was ended\n"
        "tasks at the service that nobody recorded, one of which may be it:\n"
        + "".join(f"  t {n}  IN PROGRESS\n" for n in range(min(count, 50)))
        + more
        + TAKE
        + GIVE_UP
    )


def test_candidates_are_of_the_doubtful_models(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service is asked for the tasks of those models alone that a doubtful create was sent to."""
    served = serve_mock()
    in_doubt(served, model="pro")
    run("resume")
    assert asked(served) == [LIST_PRO]
    in_doubt(served, model="")  # an entry of a journal that knew of one model only
    run("resume")
    assert asked(served) == [LIST_PRO, LIST]
    models = unrecorded(monkeypatch, {"pro": [Task("t1", "FAILED")], "std": [Task("t2", "CREATED")]})
    found = run("resume", "--json").json["unrecorded"]
    assert found == [{"id": "t1", "status": "FAILED"}, {"id": "t2", "status": "CREATED"}]
    assert models == ["pro", "std"]


@pytest.mark.parametrize(
    "case",
    [
        ([], "", None),
        (
            [Task("t2", "CREATED")],
            "tasks at the service that nobody recorded, one of which may be it:\n  t2  CREATED\n" + TAKE,
            [{"id": "t2", "status": "CREATED"}],
        ),
    ],
    ids=["no other task", "another task"],
)
def test_a_model_that_cannot_be_asked_for(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch, case: tuple[list[Task], str, Any]
) -> None:
    """If the service refuses its list, all else is told, but not that no task was made."""
    std, told, as_json = case
    served = serve_mock(pace=Polls(2))
    begun(run, served, "-o", "a.mp4")
    entries = [in_doubt(served, "no answer", model=model) for model in ("pro", "std")]
    text = "HTTP 403: see\nhttps://plans.example.com/x?token=1"
    refusal = PermissionDeniedError(text, status_code=403, message="see your plan")
    unrecorded(monkeypatch, {"pro": refusal, "std": std})
    why = "HTTP 403: see https://plans.example.com/x?..."
    refused = f"{P}the tasks of the model pro could not be compared: {why}\n"
    ended = run("resume", *NOW)
    assert (ended.code, ended.out) == (6, f"{Path('a.mp4').absolute()}\n")
    kept = "".join(line for line in ended.err.splitlines(keepends=True) if "  entry " not in line)
    assert kept == f"{refused}{P}the outcome of 2 creates is unknown. Not sent again:\n{told}{GIVE_UP}"
    ended = run("resume", "--json", *NOW)
    assert (ended.code, ended.err, ended.json["unrecorded"]) == (6, refused, as_json)
    assert {each["entry"] for each in ended.json["unknown"]} == set(entries)


@pytest.mark.parametrize(
    "case",
    [
        ("resume", 0, "", "resume"),
        ("resume -d out", 1, "These tasks run on: task-0. ", "resume -d out"),
        ("resume --workers 2", 2, "These tasks run on: task-0, task-1. ", "resume --workers 2"),
    ],
)
def test_an_interruption_tells_the_line_that_goes_on(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch, case: tuple[str, int, str, str]
) -> None:
    """A signal ends it with its code, the tasks that run on, and the line that goes on, without a look."""
    line, tasks, running, again = case
    told = f"{running}To go on: kling-elements {again}\n"
    served = serve_mock()
    entry = in_doubt(served)
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
    assert asked(served) == []
