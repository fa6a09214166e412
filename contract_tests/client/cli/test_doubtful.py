"""`resume` and creates of unknown outcome: what it tells of them, and of tasks that nobody recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.cli.unfinished import (
    ANOTHER_KEY,
    LIST,
    LIST_PRO,
    NOW,
    asked,
    in_doubt,
    that_gives,
    unrecorded,
)
from kling_elements import PermissionDeniedError, Task
from kling_elements.batch.results import JobStatus
from kling_elements.batch.resume import Resumed
from kling_elements.journal import Entry, Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]

P = "kling-elements: "
NONE_MADE = "the service has no task that nobody recorded: no task was made, as far as its list tells\n"
TAKE = "to take one: kling-elements resume --adopt TASK --entry ENTRY\n"
GIVE_UP = "to give an entry up: kling-elements resume --abandon ENTRY\n"


DONE = Resumed[Task](Entry("e-1", task_id="t-1"), JobStatus.DONE, None, Path("/videos/a.mp4"))


@pytest.mark.parametrize("owner", ["key", "origin"])
def test_others_doubtful_creates(run: Run, nowhere: str, owner: str) -> None:
    """A create of another key, or at another origin, is not told."""
    in_doubt(nowhere, key=ANOTHER_KEY) if owner == "key" else in_doubt(f"{nowhere}9")
    ended = run("resume")
    assert (ended.code, ended.out, ended.err) == (0, "", "nothing is unfinished\n")


def test_doubtful_creates_are_told(run: Run, serve_mock: Serve) -> None:
    """Each create of unknown outcome is told with its job, its file and why."""
    served = serve_mock()
    first = in_doubt(served.url, "no answer\nat all", job=Job("b", "k\t" + 70 * "x"), target="/videos/k.mp4")
    ended = run("resume")
    assert (ended.code, ended.out) == (6, "")
    assert ended.err == (
        f"{P}the outcome of 1 create is unknown. Not sent again:\n"
        f"  entry {first}, job k {58 * 'x'}, for /videos/k.mp4: no answer at all\n"
        f"{NONE_MADE}{GIVE_UP}"
    )
    assert asked(served) == [LIST]
    second = in_doubt(served.url)
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


def test_doubtful_creates_as_json(run: Run, nowhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--json` the document holds each create of unknown outcome, and the tasks that nobody recorded."""
    unrecorded(monkeypatch, {"std": [Task("t1", "CREATED"), Task("t2", "COMPLETED")]})
    job = in_doubt(nowhere, "no answer", job=Job("b", "k"), target="/videos/k.mp4")
    ended = run("resume", "--json")
    assert (ended.code, ended.err) == (6, "")
    assert ended.json == {
        "finished": [],
        "unknown": [{"entry": job, "batch": "b", "job": "k", "target": "/videos/k.mp4", "why": "no answer"}],
        "unrecorded": [{"id": "t1", "status": "CREATED"}, {"id": "t2", "status": "COMPLETED"}],
    }
    assert run("resume", "--abandon", job).code == 0
    alone = in_doubt(nowhere)
    assert run("resume", "--json").json["unknown"] == [
        {"entry": alone, "batch": None, "job": None, "target": None, "why": None}
    ]


@pytest.mark.parametrize(("count", "more"), [(1, ""), (50, ""), (51, "  and 1 more: kling-elements list\n")])
def test_fifty_candidates_are_shown(
    run: Run, nowhere: str, monkeypatch: pytest.MonkeyPatch, count: int, more: str
) -> None:
    """Up to fifty tasks that nobody recorded are shown; of those beyond, how many, and how to see them."""
    unrecorded(monkeypatch, {"std": [Task(f"t\t{n}", "IN\nPROGRESS") for n in range(count)]})
    entry = in_doubt(nowhere)
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
    in_doubt(served.url, model="pro")
    run("resume")
    assert asked(served) == [LIST_PRO]
    in_doubt(served.url, model="")  # an entry of a journal that knew of one model only
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
    run: Run, nowhere: str, monkeypatch: pytest.MonkeyPatch, case: tuple[list[Task], str, Any]
) -> None:
    """If the service refuses its list, all else is told, but not that no task was made."""
    std, told, as_json = case
    that_gives(monkeypatch, DONE)
    entries = [in_doubt(nowhere, "no answer", model=model) for model in ("pro", "std")]
    text = "HTTP 403: see\nhttps://plans.example.com/x?token=1"
    refusal = PermissionDeniedError(text, status_code=403, message="see your plan")
    unrecorded(monkeypatch, {"pro": refusal, "std": std})
    why = "HTTP 403: see https://plans.example.com/x?..."
    refused = f"{P}the tasks of the model pro could not be compared: {why}\n"
    ended = run("resume", *NOW)
    assert (ended.code, ended.out) == (6, "/videos/a.mp4\n")
    kept = "".join(line for line in ended.err.splitlines(keepends=True) if "  entry " not in line)
    assert kept == f"{refused}{P}the outcome of 2 creates is unknown. Not sent again:\n{told}{GIVE_UP}"
    ended = run("resume", "--json", *NOW)
    assert (ended.code, ended.err, ended.json["unrecorded"]) == (6, refused, as_json)
    assert {each["entry"] for each in ended.json["unknown"]} == set(entries)
