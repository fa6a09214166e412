"""What a call of `batch` or `resume` makes of its jobs and options, before and while it works."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from attrs import evolve

from contract_tests.batch.conftest import URL, write_jobs
from contract_tests.support.answers import ID
from contract_tests.support.bench import REFUSED, Bench, answer
from contract_tests.support.shells import SETTINGS
from kling_elements import AuthenticationError, ValidationError
from kling_elements.answers import Answer
from kling_elements.batch import BatchJob, BatchResult, Order
from kling_elements.batch.making import plan_batch, plan_resume
from kling_elements.batch.naming import batch_of
from kling_elements.journal import Entry, Job, Journal, NewEntry
from kling_elements.resuming import Resumed
from kling_elements.roster import Running
from kling_elements.standing import Standing
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from kling_elements.batch.work import Work

    Plan = Callable[[Any, Any], Work[Any, Any]]

JOB = BatchJob((URL,), {"prompt": "a"}, "a")
LINE = {"images": [URL], "prompt": "a", "id": "a"}


@pytest.fixture
def bench() -> Bench:
    """Flows whose service is a list of outcomes, and whose journal is in memory."""
    return Bench(Journal.open(False))


@pytest.fixture
def plan(bench: Bench) -> Iterator[Plan]:
    """Plans a batch, and closes it afterwards."""
    planned: list[Work[Any, Any]] = []

    def make(jobs: Any, options: Any) -> Work[Any, Any]:
        planned.append(plan_batch(bench.flows, jobs, options))
        return planned[-1]

    yield make
    for work in planned:
        work.close()


def ready(work: Work[Any, Any]) -> list[Any]:
    """What the source gives."""
    source: Any = work.source
    return list(source)


def begin(bench: Bench, key: str = "a") -> str:
    """Note a create of a job of the batch "b"; gives the entry's id."""
    owner = bench.flows.records.owner()
    new = NewEntry("std", owner.origin, owner.fingerprint, job=Job("b", key))
    return bench.journal.begin(new).entry_id


def entry_of(bench: Bench) -> Entry:
    """The one entry of the journal."""
    (entry,) = bench.journal.entries()
    return entry


def test_the_lines_of_a_file_are_jobs(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line is a job with its key, its file, and its images beside the file; or it says why it isn't."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "in"
    write_jobs(
        folder / "jobs.jsonl",
        {"images": ["a.png", URL], "id": "a"},
        "",
        {"images": "b.png", "id": "b", "output": "sub/b.mp4"},
        {"prompt": "x", "id": "c"},
        "7",
        {**LINE, "output": "/a.mp4"},
    )
    work = plan(Path("in/jobs.jsonl"), {"directory": "out"})
    made = ready(work)
    first = BatchJob((str(folder / "a.png"), URL), {}, "a")
    second = BatchJob((str(folder / "b.png"),), {}, "b", "sub/b.mp4")
    assert made[:2] == [
        Order(1, "a", first, tmp_path / "out" / "a.mp4"),
        Order(3, "b", second, tmp_path / "out" / "sub" / "b.mp4"),
    ]
    assert [(each.number, each.standing, each.key, each.job, str(each.error)) for each in made[2:]] == [
        (4, "invalid", None, None, "images is missing"),
        (5, "invalid", None, None, 'the line must be a JSON object like {"images": ["a.jpg"]}'),
        (
            6,
            "invalid",
            "a",
            BatchJob((URL,), {"prompt": "a"}, "a", "/a.mp4"),
            "id 'a' is that of job 1 too",
        ),
    ]


def test_an_open_file_is_of_the_current_folder(plan: Plan) -> None:
    """The images of an open file are where the process is, however their paths are written."""
    lines = [json.dumps({"images": [name], "id": name}) for name in ("a.png", "./b.png", "c/../d.png")]
    made = ready(plan(io.StringIO("\n".join(lines)), {}))
    assert [each.job.images for each in made if each.job] == [("a.png",), ("b.png",), ("c/../d.png",)]
    assert [each.number for each in made] == [1, 2, 3]


def test_given_jobs_are_taken_as_they_are(plan: Plan) -> None:
    """Jobs out of a program keep their place and their images; what can't be used says so."""
    jobs: list[Any] = [JOB, {"images": ["./a.png"], "id": "b"}, None]
    made = ready(plan(jobs, {}))
    assert made[:2] == [Order(1, "a", JOB, None), Order(2, "b", BatchJob(("./a.png",), {}, "b"), None)]
    assert isinstance(made[2], BatchResult)
    assert (made[2].number, str(made[2].error)) == (3, "a job must be a BatchJob or a mapping: got NoneType")


def test_jobs_that_come_later_keep_their_place(plan: Plan) -> None:
    """An asynchronous source gives the same, counted from 1."""

    async def jobs() -> AsyncIterator[dict[str, Any]]:
        for name in "abc":
            yield {**LINE, "id": name}

    async def run() -> list[tuple[int, str | None]]:
        source: Any = plan(jobs(), {}).source
        return [(each.number, each.key) async for each in source]

    assert anyio.run(run) == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.parametrize(
    ("state", "options", "is_sent"),
    [
        ("unknown", {}, False),
        ("unknown", {"retry_failed": True}, False),
        ("unknown", {"retry_unknown": True}, True),
        ("failed", {}, False),
        ("failed", {"retry_unknown": True}, False),
        ("failed", {"retry_failed": True}, True),
    ],
)
def test_what_is_asked_for_is_done_again(
    bench: Bench, plan: Plan, state: str, options: dict[str, Any], *, is_sent: bool
) -> None:
    """Each of the two options has its own effect, which costs money, and no other."""
    entry_id = begin(bench)
    if state == "unknown":
        bench.journal.unknown(entry_id, "cut")
    else:
        bench.journal.created(entry_id, Task(ID, "FAILED"))
    work = plan([JOB], {"batch_id": "b", **options})
    (order,) = ready(work)
    result = bench.run(work.do(order, bench.time.sleep), *([REFUSED] * is_sent))
    assert result.standing is (Standing.REFUSED if is_sent else Standing(state))
    assert len(bench.sent) == is_sent


@pytest.mark.parametrize("source", ["path", "text", "list"])
@pytest.mark.parametrize("given", [("b", "out"), ("b", None), (None, "out"), (None, None)])
def test_a_batch_is_known_by_its_paths_or_its_id(
    bench: Bench, plan: Plan, tmp_path: Path, source: str, given: tuple[str | None, str | None]
) -> None:
    """A job is noted under the id that was given, else that of the paths; without either under a new one."""
    own, folder = given
    path = write_jobs(tmp_path / "jobs.jsonl", LINE)
    jobs: Any = {"path": path, "text": str(path), "list": [JOB]}[source]
    directory = None if folder is None else tmp_path / folder
    seen: list[str] = []
    for _ in range(2):
        work = plan(jobs, {"directory": directory, "batch_id": own})
        (order,) = ready(work)
        bench.run(work.do(order, bench.time.sleep), REFUSED)
        *_, last = bench.journal.entries()
        assert last.job
        seen.append(last.job.batch)
        work.close()
    paths = [*([] if source == "list" else [path]), *([] if directory is None else [directory])]
    if own or paths:
        assert seen == [own or batch_of(*paths)] * 2
    else:
        assert seen[0] != seen[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": 0}, ["workers must be a number from 1 to 100: got 0"]),
        ({"workers": 101}, ["workers must be a number from 1 to 100: got 101"]),
        ({"workers": True}, ["workers must be a number from 1 to 100: got True"]),
        ({"workers": 1.0}, ["workers must be a number from 1 to 100: got 1.0"]),
        (
            {"wrokers": 1, "workers": None},
            [
                "wrokers is not an option of this call (did you mean 'workers'?)",
                "workers must be a number from 1 to 100: got None",
            ],
        ),
    ],
)
def test_all_faults_of_the_options_are_told(bench: Bench, plan: Plan, options: Any, said: list[str]) -> None:
    """Options that can't be used are told at once, all of them, of a batch as of a resumption."""
    for begin_one in (lambda: plan([JOB], options), lambda: plan_resume(bench.flows, options)):
        with pytest.raises(ValidationError) as caught:
            begin_one()
        assert list(caught.value.problems) == said


def test_options_are_those_of_their_call(bench: Bench, plan: Plan) -> None:
    """What only a batch has, a resumption doesn't."""
    options: Any = {"batch_id": "b"}
    plan([JOB], options)
    with pytest.raises(ValidationError, match="batch_id is not an option of this call"):
        plan_resume(bench.flows, options)


def test_three_at_once_unless_told_otherwise(bench: Bench, plan: Plan) -> None:
    """The vendor lets three tasks of one user run at once."""
    assert plan([], {}).workers == plan_resume(bench.flows, {}).workers == 3
    assert plan([], {"workers": 1}).workers == 1
    assert plan_resume(bench.flows, {"workers": 100}).workers == 100


def test_what_a_batch_works_on_is_told(bench: Bench, plan: Plan) -> None:
    """While a job is waited for, by the sleep that the engine gives, its task is held and told."""
    slept: list[tuple[float, bool, tuple[Running, ...]]] = []

    def sleep(pause: float) -> None:
        slept.append((pause, entry_of(bench).lease is not None, work.roster.running()))

    work = plan([JOB], {"batch_id": "b", "poll_interval": 7})
    (order,) = ready(work)
    outcomes = answer(), answer(word="IN_PROGRESS"), answer(word="COMPLETED")
    result = bench.run(work.do(order, sleep), *outcomes)
    assert (result.standing, result.task.id) == (Standing.DONE, ID)
    assert slept == [(7, True, (Running("a", ID),))] * 2
    assert entry_of(bench).lease is None
    assert work.roster.running() == ()
    assert bench.time.sleeps == []


@pytest.mark.parametrize(("model", "end"), [("pro", "-pro"), ("std", "-std"), (None, "-std")])
def test_a_job_has_a_model(bench: Bench, plan: Plan, model: str | None, end: str) -> None:
    """A job is created by its model; without one by the default."""
    work = plan([evolve(JOB, options={"prompt": "a", "model": model})], {})
    (order,) = ready(work)
    assert bench.run(work.do(order, bench.time.sleep), REFUSED).standing is Standing.REFUSED
    assert [each.request.path[-4:] for each in bench.sent] == [end]


def unfinished(bench: Bench, key: str = "a", task_id: str = ID) -> Entry:
    """Note a task that is not finished; gives its entry."""
    entry_id = begin(bench, key)
    return bench.journal.created(entry_id, Task(task_id, "CREATED"))


def test_own_tasks_are_resumed(bench: Bench) -> None:
    """Only tasks of this origin and this key are resumed, the oldest first."""
    mine = [unfinished(bench), unfinished(bench, "c", "t-2")]
    owner = bench.flows.records.owner()
    for origin, fingerprint in [("https://b.example", owner.fingerprint), (owner.origin, "another")]:
        bench.journal.adopt(Task("t-3", "CREATED"), NewEntry("std", origin, fingerprint))
    assert ready(plan_resume(bench.flows, {})) == mine
    assert owner.origin == SETTINGS.base_url


def test_a_resumption_tells_what_it_does(bench: Bench) -> None:
    """Each change is told with its entry, by the sleep that the engine gives, and what runs on is known."""
    entry = unfinished(bench)
    seen: list[tuple[Entry, str]] = []
    slept: list[tuple[float, tuple[Running, ...]]] = []
    work = plan_resume(
        bench.flows, {"poll_interval": 7, "on_update": lambda entry, task: seen.append((entry, task.status))}
    )
    outcomes = answer(word="IN_PROGRESS"), answer(word="COMPLETED")
    resumed = bench.run(work.do(entry, lambda pause: slept.append((pause, work.roster.running()))), *outcomes)
    assert evolve(resumed, task=None) == Resumed(entry, Standing.DONE)
    assert resumed.task.status == "COMPLETED"
    assert seen == [(entry, "IN_PROGRESS"), (entry, "COMPLETED")]
    assert slept == [(7, (Running(entry.entry_id, ID),))]
    assert work.roster.running() == ()
    assert bench.time.sleeps == []


@pytest.mark.parametrize("folder", ["rescued", None])
def test_a_resumption_notes_where_a_video_goes(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str | None
) -> None:
    """Where a folder was given, a task without a file gets one there, which is noted before the wait."""
    monkeypatch.chdir(tmp_path)
    entry = unfinished(bench)
    work = plan_resume(bench.flows, {"directory": folder, "timeout": 0})
    assert bench.run(work.do(entry, bench.time.sleep), answer(word="IN_PROGRESS")).standing == "unfinished"
    assert entry_of(bench).target == (None if folder is None else str(tmp_path / folder / f"{ID}.mp4"))


def test_each_entry_is_resumed_whatever_befalls_another(bench: Bench) -> None:
    """A refused key ends no resumption: each entry is told, and the task is still to be had."""
    entry = unfinished(bench)
    work = plan_resume(bench.flows, {"poll_interval": 7})
    resumed = bench.run(work.do(entry, bench.time.sleep), answer(401))
    assert (resumed.entry, resumed.standing) == (entry, Standing.UNFINISHED)
    assert isinstance(resumed.error, AuthenticationError)
    assert work.stops(resumed) is None
    assert list(ready(work)) == [entry]
    work.close()


def test_a_fault_of_all_jobs_ends_a_batch(bench: Bench, plan: Plan) -> None:
    """A refused key ends a batch with its error."""
    work = plan([JOB], {})
    (order,) = ready(work)
    result = bench.run(work.do(order, bench.time.sleep), Answer(401, {}, b"{}"))
    assert isinstance(result.error, AuthenticationError)
    assert work.stops(result) is result.error
    work.close()
