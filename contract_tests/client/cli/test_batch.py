"""`batch` and `resume` on the command line, against a mock over a socket."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.cli.conftest import KEY, names
from contract_tests.client.cli.unfinished import NOW, begun, report, write
from kling_elements import Journal, KlingElements, PermissionDeniedError
from kling_elements.policy import rate_limits as governor
from kling_elements_mock import Polls

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Start = Callable[..., subprocess.Popen[str]]
    Serve = Callable[..., ServedMock]
    Draw = Callable[..., str]


def test_a_batch_and_the_same_again(run: Run, serve_mock: Serve, image: Draw) -> None:
    """Videos go to the folder and their paths to stdout; a bad line is told; again, nothing is sent."""
    served = serve_mock()
    write({"images": [image("a.jpg")], "id": "one"}, {"image": "a.jpg"}, "{bad")
    ended = run("batch", "jobs.jsonl", "-d", "out", *NOW)
    assert ended.code == 9
    assert ended.out == f"{Path('out/one.mp4').absolute()}\n"
    assert "job 2: invalid: image is not a field of a job (did you mean 'images'?)" in ended.err
    assert "3 jobs: 1 done, 2 invalid" in ended.err
    assert Path("out/one.mp4").read_bytes()[4:8] == b"ftyp"
    assert [report()[n]["standing"] for n in (1, 2, 3)] == ["done", "invalid", "invalid"]
    assert report()[1]["task_id"] == served.mock.tasks[0].id
    sent = len(served.mock.requests)
    again = run("batch", "jobs.jsonl", "-d", "out", "--json", *NOW)
    assert (again.code, again.json["existing"], again.json["invalid"]) == (9, 1, 2)
    assert len(served.mock.requests) == sent
    assert names() == ["a.jpg", "jobs.jsonl", "out"]


def test_a_report_that_was_cut_off_is_mended(run: Run, serve_mock: Serve) -> None:
    """A line that a kill cut off stays alone: what follows begins a line of its own."""
    serve_mock()
    write({"images": "nothing.png"})
    Path("out").mkdir()
    Path("out/report.jsonl").write_text('{"line": 1, "st')
    run("batch", "jobs.jsonl", "-d", "out", *NOW)
    lines = Path("out/report.jsonl").read_text().splitlines()
    assert lines[0] == '{"line": 1, "st'
    assert json.loads(lines[1])["standing"] == "invalid"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["none.jsonl", "-d", "out"], "can't be read"),
        (["jobs.jsonl", "-d", "jobs.jsonl/x"], "can't be written"),
        (["jobs.jsonl"], "required"),
        (["jobs.jsonl", "-d", "out", "--workers", "0"], "--workers must be"),
    ],
)
def test_what_cannot_begin(run: Run, serve_mock: Serve, args: list[str], said: str) -> None:
    """A batch that can't begin is one line and exit code 2, and sends nothing."""
    served = serve_mock()
    write({"images": ["https://example.com/a.png"]})
    ended = run("batch", *args, *NOW)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert said in ended.err
    assert not served.mock.requests


def test_a_refused_key_ends_the_batch(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is refused ends the batch with the code of a refusal, after few requests."""
    monkeypatch.setenv("KLING_ELEMENTS_API_KEY", "invalid-key-of-the-tests")
    served = serve_mock()
    write(*({"images": ["https://example.com/a.png"], "id": f"j{n}"} for n in range(50)))
    ended = run("batch", "jobs.jsonl", "-d", "out", *NOW)
    assert ended.code == 3
    assert len(served.mock.requests) <= 3
    assert "invalid-key-of-the-tests" not in ended.err + Path("out/report.jsonl").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_tells_how_to_go_on(
    start: Start, run: Run, serve_mock: Serve, number: signal.Signals
) -> None:
    """A signal ends a batch soon, with the ids and the command; that pays for nothing again."""
    served = serve_mock("never-finish")
    write(*({"images": [f"https://example.com/{n}.png"], "id": f"j{n}"} for n in range(2)))
    process = start("batch", "jobs.jsonl", "-d", "my out", "--poll-interval", "0.05")
    while sum(task.polls for task in served.mock.tasks if task.polls) < 4:
        assert process.poll() is None
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    ids = [task.id for task in served.mock.tasks]
    assert len(ids) == 2
    assert all(task_id in err for task_id in ids)
    assert "To go on: kling-elements batch jobs.jsonl -d 'my out'\n" in err
    assert "kling-elements resume\n" in err
    assert "Traceback" not in err
    assert KEY not in err
    run("batch", "jobs.jsonl", "-d", "my out", "--timeout", "0", *NOW)
    assert len(served.mock.tasks) == 2


def test_resume_finishes_a_generate(run: Run, serve_mock: Serve, image: Draw) -> None:
    """`resume` fetches what a `generate` that gave up was to fetch, to the same file, once."""
    served = serve_mock(pace=Polls(2))
    image("a.jpg")
    assert run("generate", "a.jpg", "-o", "a.mp4", "--timeout", "0").code == 5
    assert run("generate", "a.jpg", "--timeout", "0").code == 5
    ended = run("resume", *NOW)
    second = Path(f"{served.mock.tasks[1].id}.mp4").absolute()
    assert (ended.code, set(ended.out.split())) == (0, {str(Path("a.mp4").absolute()), str(second)})
    again = run("resume", *NOW)
    assert (again.code, again.out, again.err) == (0, "", "nothing is unfinished\n")
    assert len(served.mock.tasks) == 2


def test_a_doubtful_create_is_adopted_or_given_up(run: Run, serve_mock: Serve, image: Draw) -> None:
    """A create of unknown outcome is shown with its candidates, and can be adopted, or given up."""
    served = serve_mock()
    image("a.jpg")
    for name in ("a", "b"):
        served.mock.next_scenario("created-but-500")
        assert run("generate", "a.jpg", "-o", f"{name}.mp4").code == 6
    shown = run("resume", *NOW)
    assert shown.code == 6
    assert "the outcome of 2 creates is unknown" in shown.err
    state = run("resume", "--json", *NOW).json
    first, second = (entry["entry"] for entry in state["unknown"])
    task_id = served.mock.tasks[0].id
    assert task_id in {each["id"] for each in state["unrecorded"]}
    assert f"entry {first}, for {Path('a.mp4').absolute()}" in shown.err
    adopted = run("resume", "--adopt", task_id, "--entry", first, *NOW)
    assert (adopted.code, adopted.out) == (6, f"{Path('a.mp4').absolute()}\n")
    given_up = run("resume", "--abandon", second, *NOW)
    assert (given_up.code, given_up.out) == (0, "")
    assert run("resume", "--abandon", second).code == 2
    assert run("resume", "--entry", second).code == 2
    assert len(served.mock.tasks) == 2


@pytest.mark.parametrize(
    "line", [f"wait ID {' '.join(NOW)}", f"wait ID -o b.mp4 {' '.join(NOW)}", "download ID -o b.mp4"]
)
def test_a_task_is_one_process_s(
    run: Run, serve_mock: Serve, image: Draw, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """While a command waits for a task or fetches it, a `resume` leaves it alone; afterwards it doesn't."""
    served = serve_mock()
    image("a.jpg")
    entry = begun(run, served, "-o", "a.mp4")
    at = "_download" if "-o" in line else "wait"
    work, claimable = getattr(KlingElements, at), []

    def meanwhile(self: KlingElements, *args: Any, **options: Any) -> Any:
        claimable.append(Journal.open().claim(entry.entry_id, "another", 60))
        return work(self, *args, **options)

    monkeypatch.setattr(KlingElements, at, meanwhile)
    assert run(*line.replace("ID", served.mock.tasks[0].id).split()).code == 0
    assert claimable == [False]
    assert Journal.open().claim(entry.entry_id, "another", 60)


def test_a_task_that_another_process_is_at(run: Run, serve_mock: Serve, image: Draw) -> None:
    """A wait that is asked for goes on all the same, and says so."""
    served = serve_mock()
    image("a.jpg")
    assert Journal.open().claim(begun(run, served).entry_id, "another", 60)
    ended = run("wait", served.mock.tasks[0].id, *NOW)
    assert ended.code == 0
    assert "another process is at this task too" in ended.err


def test_a_wait_keeps_the_noted_file(run: Run, serve_mock: Serve, image: Draw) -> None:
    """A video that was meant for a file still is when a wait asks for another; one that wasn't is now."""
    served = serve_mock(pace=Polls(9))
    image("a.jpg")
    begun(run, served, "-o", "a.mp4")
    run("create", "a.jpg")
    targets = []
    for task in served.mock.tasks:
        run("wait", task.id, "-o", "b.mp4", "--timeout", "0")
        entry = Journal.open().find(task.id)
        assert entry is not None
        targets.append(Path(str(entry.target)).name)
    assert targets == ["a.mp4", "b.mp4"]


def test_doctor_shows_the_journal(run: Run, serve_mock: Serve, image: Draw) -> None:
    """`doctor` tells what is unfinished, doubtful, and unrecorded, and what is used of the limits."""
    served = serve_mock()
    assert "0 tasks unfinished, 0 creates of unknown outcome" in run("doctor").out
    image("a.jpg")
    run("generate", "a.jpg", "-o", "a.mp4", "--timeout", "0")
    served.mock.next_scenario("created-but-500")
    run("generate", "a.jpg", "-o", "b.mp4")
    ended = run("doctor")
    assert ended.code == 0
    assert "unfinished, 1 create of unknown outcome. To finish them: kling-elements resume" in ended.out
    assert "1 task of the model std at the service that the journal does not know" in ended.out
    assert served.mock.tasks[1].id in ended.out
    assert "requests in 5 s" in ended.out


def test_doctor_compares_every_model(run: Run, serve_mock: Serve, image: Draw) -> None:
    """A task of another model that nobody recorded is found too."""
    served = serve_mock()
    image("a.jpg")
    served.mock.next_scenario("created-but-500")
    run("generate", "a.jpg", "-o", "a.mp4", "--model", "pro")
    found = run("doctor").out
    assert "1 task of the model pro" in found
    assert "of the model std" not in found


def test_doctor_does_without_a_model(
    run: Run, serve_mock: Serve, image: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the plan lacks a model, its tasks can't be compared, and all else is told."""
    ask = KlingElements.find_unrecorded

    def refused(self: KlingElements, *, model: str, timeout: float = 0.0) -> Any:
        if model == "pro":
            raise PermissionDeniedError(
                "HTTP 403: not in your plan", status_code=403, message="not in your plan"
            )
        return ask(self, model=model, timeout=timeout)

    serve_mock()
    monkeypatch.setattr(KlingElements, "find_unrecorded", refused)
    ended = run("doctor")
    assert ended.code == 0
    assert "the tasks of the model pro could not be compared: HTTP 403: not in your plan" in ended.out


def test_doctor_shows_a_quota_that_another_process_met(run: Run, serve_mock: Serve, image: Draw) -> None:
    """That the day's quota is used up is known to the next process."""
    served = serve_mock()
    image("a.jpg")
    served.mock.next_scenario("quota")
    assert run("generate", "a.jpg", "-o", "a.mp4").code == 3
    governor._governors.clear()
    assert "the day's quota is used up; it may be renewed in " in run("doctor").out
    assert run("generate", "a.jpg", "-o", "a.mp4", *NOW).code == 0
    assert "quota" not in run("doctor").out
