"""Nothing is lost or paid twice, whatever happens (`make faults`: for longer); these tests would see it."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from contract_tests.faults import kill
from contract_tests.faults.__main__ import text
from contract_tests.faults.fault import PASS, Fault
from contract_tests.faults.machine import explore, sweep
from contract_tests.faults.oracle import Ask, Books, Kind, Made, Tally, judge, wrong_task
from contract_tests.faults.stage import Stage, staged
from contract_tests.faults.world import World
from kling_elements import OutcomeUnknown, Task
from kling_elements.api.outcomes import Decision, Operation, Raise, Retry, decide
from kling_elements.journal import Begun
from kling_elements.journal.database import Database
from kling_elements.operations.recorder import Recorder
from kling_elements.types import Outcome

DECIDE = "kling_elements.operations.sender.decide"
TAG, DIGEST, ID, OTHER = "ask-0", "digest", "id-0", "id-1"
MADE = Made(ID, TAG, "COMPLETED", ("https://results.example/0.mp4",))
NO_BOOKS = Books(frozenset(), frozenset(), frozenset())
WRITING = Database.writing


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    logging.getLogger("kling_elements").addHandler(handler := logging.NullHandler())
    with staged() as made:
        yield made
    logging.getLogger("kling_elements").removeHandler(handler)


def test_a_storm(stage: Stage) -> None:
    """100 drawn faults: nothing is billed twice, lost or wrong, and no strange exception comes out."""
    tally = explore(stage, 100, 1, is_strict=True, steps=30)
    assert tally.faults == 100
    assert tally.made > 0


def test_the_end_of_a_connection_at_many_bytes_of_a_create(stage: Stage) -> None:
    """Wherever in request or answer the connection ends, the task, if there is one, is told or found."""
    tally = sweep(stage, stride=15)
    assert tally.findings == []
    assert tally.faults == tally.asked
    assert 0 < tally.made < tally.asked


@pytest.mark.skipif(os.name != "posix", reason="kill -9 and fork are POSIX's")
def test_kill_9_at_random_moments(tmp_path: Path) -> None:
    """After each kill the same command again: each video is there, each task made once."""
    assert kill.run(kills=3, jobs=4, seed=3, folder=tmp_path) == []


def storm(stage: Stage, *, has_odd_ids: bool = False) -> list[Kind]:
    """What is found in a storm that always breaks a create, a look and a survey."""
    world = World(stage, Tally(), 20, has_odd_ids=has_odd_ids)
    world.create([Fault("cut", answer_at=0), PASS])
    for _ in range(2):
        task = world.create([])
        assert task is not None
        world.look("get", task.id, [Fault("crossed", is_crossed=True), PASS])
    world.survey("list", [Fault("html", reply=b"HTTP/1.1 200 OK\r\n\r\n<html>", is_asked=False), PASS])
    return [finding.kind for finding in world.finish()]


def repeating_create(operation: Operation, outcome: Outcome, **details: Any) -> Decision:
    decision = decide(operation, outcome, **details)
    if isinstance(decision, Raise) and isinstance(decision.error, OutcomeUnknown):
        return Retry(decision.error)
    return decision


def crashing(operation: Operation, outcome: Outcome, **details: Any) -> Decision:
    """Lets an exception of its own out where an answer can't be used."""
    decision = decide(operation, outcome, **details)
    if isinstance(decision, Retry):
        raise KeyError("data")
    return decision


def careless(operation: Operation, outcome: Outcome, **details: Any) -> Decision:
    """Takes whatever task an answer shows."""
    return decide(operation, outcome, **{**details, "task_id": None})


def forgetting(self: Recorder, begun: Begun, error: BaseException, *rest: object, **more: object) -> None:
    """Takes an unanswered create for a refused one."""
    self.journal.refused(begun.entry_id, str(error))


@contextmanager
def lying(self: Database, **options: Any) -> Iterator[sqlite3.Connection]:
    """Claims to be on the disk, and is not."""
    with WRITING(self, **options) as connection:
        yield connection
        connection.execute("ROLLBACK")
        connection.execute("BEGIN")


@pytest.mark.parametrize(
    ("path", "broken", "odd", "kinds"),
    [
        (DECIDE, decide, False, set()),
        (DECIDE, decide, True, set()),
        (DECIDE, repeating_create, False, {Kind.BILLED_TWICE, Kind.LOST}),
        (DECIDE, crashing, False, {Kind.UNEXPECTED}),
        (DECIDE, careless, False, {Kind.WRONG}),
        (DECIDE, careless, True, {Kind.WRONG}),
        ("kling_elements.operations.recorder.Recorder.failed", forgetting, False, {Kind.LOST}),
        ("kling_elements.journal.database.Database.writing", lying, False, {Kind.LOST}),
    ],
)
def test_a_broken_client_is_seen(  # noqa: PLR0913 - columns of the table
    stage: Stage, monkeypatch: pytest.MonkeyPatch, path: str, broken: Any, *, odd: bool, kinds: set[Kind]
) -> None:
    """One that repeats, crashes, takes any answer, or whose journal forgets or lies is; the real one not."""
    monkeypatch.setattr(path, broken)
    assert set(storm(stage, has_odd_ids=odd)) == kinds


def test_when_a_task_is_lost() -> None:
    """A task is kept if its caller has its id, the journal has it, or a doubtful create leads to it."""
    findable = Books(frozenset(), frozenset({DIGEST}), frozenset({ID}))
    for books, told, kept in (
        (NO_BOOKS, {OTHER}, False),
        (NO_BOOKS, {ID}, True),
        (evolve(NO_BOOKS, recorded=frozenset({ID})), set[str](), True),
        (evolve(findable, unrecorded=frozenset()), set[str](), False),
        (evolve(findable, doubtful=frozenset({"another"})), set[str](), False),
        (findable, set[str](), True),
    ):
        found = judge([Ask(TAG, DIGEST, told=told)], [MADE], books)
        assert [finding.kind for finding in found] == ([] if kept else [Kind.LOST]), (books, told)


def test_what_is_billed_twice_and_what_nobody_asked_for() -> None:
    """Two tasks for one ask are one finding, a task that nobody asked for is one; both are told."""
    found = judge([Ask(TAG, DIGEST, told={ID, OTHER})], [MADE, evolve(MADE, task_id=OTHER)], NO_BOOKS)
    found += judge([], [MADE], NO_BOOKS)
    assert [finding.kind for finding in found] == [Kind.BILLED_TWICE, Kind.WRONG]
    shown = text(Tally(3, 2, findings=found))
    for row in ("creates asked", "tasks the server made", *Kind, "tasks billed twice: ask-0 has 2 tasks"):
        assert row in shown


def test_what_a_wrong_result_is() -> None:
    """Another task, another end, or another result than the server has is wrong; an older status is not."""
    done = Task(ID, "COMPLETED", MADE.urls)
    for task, asked, is_right in (
        (done, {"tag": TAG}, True),
        (Task(ID, "IN_PROGRESS"), {"task_id": ID}, True),
        (Task(ID, "FAILED"), {"task_id": ID}, False),
        (Task(ID, "COMPLETED", ("https://results.example/1.mp4",)), {"task_id": ID}, False),
        (done, {"tag": "ask-1"}, False),
        (done, {"task_id": OTHER}, False),
        (Task(OTHER, "CREATED"), {"task_id": OTHER}, False),
    ):
        assert (wrong_task(task, {ID: MADE}, **asked) is None) == is_right, (task, asked)
