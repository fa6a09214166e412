"""Webhooks come over HTTP through every fault of a delivery, and wake waits; a mistake would be seen."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.faults import nap
from contract_tests.faults.fault import Fault
from contract_tests.faults.ledger import Ledger
from contract_tests.faults.letter import DROPPED, WHOLE, Alteration, Door, Letter, Passage
from contract_tests.faults.nap import SLEPT_OUT, WOKEN, Visit
from contract_tests.faults.oracle import Kind, Tally
from contract_tests.faults.stage import staged
from contract_tests.faults.world import World
from kling_elements import Task
from kling_elements.effects import call
from kling_elements.waiting import Wait
from kling_elements.webhooks import Hub, Inbox, Receipt, SigningKeys, WebhookReceiver, listener, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.faults.stage import Stage
    from kling_elements.effects import Flow

MOVING = Fault("task: seconds", scenario="seconds=17")  # it ends in the third pause of a wait
FORGED = Passage("forged", alteration=Alteration.STATUS)
TWICE = Passage("twice", times=2, door=Door.ASGI)
JUNK = Passage("junk", in_place=b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
NO_LENGTH = Passage("junk", in_place=b"POST / HTTP/1.1\r\nhost: a\r\n\r\n")
STALLED = Passage("stalled", end_at=100, is_stalled=True)
HARMFUL = (
    Passage("reset", end_at=50, is_reset=True),
    Passage("cut", end_at=-1, door=Door.ASGI),
    Passage("shorter", surplus=-1),
    Passage("longer", surplus=1),
    *(Passage("altered", alteration=alteration, door=door) for alteration in Alteration for door in Door),
)
HARMLESS = (Passage("drips", piece=3, chunk=5), Passage("chunks", chunk=1, door=Door.ASGI), TWICE, WHOLE)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The mock, the post, and both doors of a receiver."""
    with staged() as made:
        yield made


def deliveries(stage: Stage) -> World:
    """Of each task one letter comes to harm, and the other arrives."""
    world = World(stage, Tally(), 99)
    for passage in (STALLED, FORGED, JUNK, NO_LENGTH, TWICE, *HARMLESS):
        world.create([], name="generate", has_webhook=True)
        world.deliver(1, passage)
        world.deliver(0, WHOLE)
    return world


def woken(stage: Stage, *, is_async: bool = False) -> World:
    """A wait is visited with another task's letters, then with its own, of which the first is forged."""
    world = World(stage, Tally(), 99)
    world.create([], name="generate", has_webhook=True)
    task = world.create([MOVING], has_webhook=True)
    assert task is not None
    visits = [Visit(0.0, ((1, WHOLE),)), Visit(0.5, ((1, FORGED), (0, WHOLE))), Visit(1.0, ((0, TWICE),))]
    world.look("wait", task.id, [], visits=visits, is_async=is_async)
    return world


def kinds(world: World) -> set[Kind]:
    """What was found, in the end."""
    return {finding.kind for finding in world.finish()}


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_wait_is_woken_over_http(stage: Stage, is_async: bool) -> None:  # noqa: FBT001 - a case
    """What comes for a wait's own task wakes it, and it returns what the server has."""
    world = woken(stage, is_async=is_async)
    assert world.tally.outcomes["wait: returned"] == 1
    assert world.tally.outcomes[WOKEN] > 0
    assert kinds(world) == set()


@pytest.mark.parametrize("passage", [DROPPED, FORGED, JUNK], ids=lambda passage: passage.name)
def test_a_wait_of_which_nothing_comes_ends_by_polling(stage: Stage, passage: Passage) -> None:
    """Where every webhook is dropped, forged or displaced, no pause is cut short; the task is returned."""
    world = World(stage, Tally(), 99)
    world.create([MOVING], name="generate", has_webhook=True, visits=[Visit(0.5, ((0, passage),) * 3)])
    assert world.tally.outcomes["generate: returned"] == 1
    assert world.tally.outcomes[WOKEN] == 0
    assert world.tally.outcomes[SLEPT_OUT] > 0
    assert kinds(world) == set()


def test_what_harms_a_delivery_is_refused(stage: Stage) -> None:
    """Half a delivery and an altered one are refused at both doors; a whole one is told, however it comes."""
    world = World(stage, Tally(), 99)
    for passage in (*HARMFUL, *HARMLESS):
        world.create([], name="generate", has_webhook=True)
        world.deliver(0, passage)
    assert kinds(world) == set()


def test_this_receiver_weathers_it(stage: Stage) -> None:
    """Of the deliveries by which the broken receivers below are found out, nothing is found here."""
    assert kinds(deliveries(stage)) == set()


def trusting(self: SigningKeys, *_: object) -> bool:
    """Takes every signature."""
    return True


def forgetful(self: Inbox, delivery: object) -> Receipt:
    """Takes everything for news."""
    return Receipt.NEW


def silent(self: WebhookReceiver) -> None:
    """Tells nothing."""


def crashing(*_: object) -> bytes:
    """Lets an exception out where a body can't be read."""
    raise KeyError("content-length")


@pytest.mark.parametrize(
    ("home", "name", "broken", "found"),
    [
        (SigningKeys, "match", trusting, {Kind.WRONG}),
        (Inbox, "receive", forgetful, {Kind.WRONG}),
        (WebhookReceiver, "tell", silent, {Kind.WRONG}),
        (listener, "read_body", crashing, {Kind.WRONG, Kind.UNEXPECTED}),
        (receiver, "examine", crashing, {Kind.WRONG, Kind.UNEXPECTED}),
    ],
    ids=["trusting", "forgetful", "silent", "crashing", "crashing within"],
)
def test_a_broken_receiver_is_seen(  # noqa: PLR0913, PLR0917 - a row of the table
    stage: Stage, monkeypatch: pytest.MonkeyPatch, home: object, name: str, broken: object, found: set[Kind]
) -> None:
    """One that checks no signature, tells twice or not at all, or breaks, is found out."""
    monkeypatch.setattr(home, name, broken)
    assert kinds(deliveries(stage)) == found


@pytest.mark.parametrize("place", [0, -1], ids=["the first", "the last"])
def test_a_credulous_wait_is_seen(stage: Stage, monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    """A wait that ends by what a webhook says, be it another task's or forged, is found out."""

    def run(self: Wait) -> Flow[Task]:
        yield from call(self.sleep, 20.0)
        yield from call(self.sleep, 20.0)
        return stage.post._told[place]

    monkeypatch.setattr(SigningKeys, "match", trusting)
    monkeypatch.setattr(Wait, "run", run)
    world = woken(stage)
    assert Kind.WRONG in {finding.kind for finding in world.findings}
    world.finish()


def test_a_wait_that_sleeps_on_is_seen(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that no webhook wakes is found out."""

    def sleep_on(self: Hub, task_id: str | None, seen: int, seconds: float) -> None:
        threading.Event().wait(seconds)

    monkeypatch.setattr(nap, "_NIGHT", 0.1)
    monkeypatch.setattr(Hub, "await_change", sleep_on)
    assert kinds(woken(stage)) == {Kind.WRONG}


def letter(status: str, delivery: str, *urls: str) -> Letter:
    """A delivery as the service signs it."""
    body = f'{{"task_id":"t","status":"{status}","generated":{list(urls)}}}'.replace("'", '"')
    return Letter({"webhook-id": delivery, "webhook-timestamp": "1000"}, body.encode())


def judged(*entries: tuple[Letter, Passage, float, int | None, list[Any]]) -> int:
    """How many faults a ledger finds."""
    ledger = Ledger()
    for entry in entries:
        ledger.enter(*entry)
    return len(ledger.faults)


BEGUN, DONE = letter("IN_PROGRESS", "1"), letter("COMPLETED", "2", "https://results.example/0.mp4")
TOLD_BEGUN, TOLD_DONE = Task("t", "IN_PROGRESS"), Task("t", "COMPLETED", DONE.urls)


@pytest.mark.parametrize(
    ("entries", "faults"),
    [
        ([(BEGUN, WHOLE, 1000, 200, [TOLD_BEGUN]), (DONE, WHOLE, 1000, 200, [TOLD_DONE])], 0),
        ([(DONE, WHOLE, 1000, 200, [TOLD_DONE]), (BEGUN, WHOLE, 1000, 200, [])], 0),
        ([(DONE, WHOLE, 1000, 200, [TOLD_DONE]), (BEGUN, WHOLE, 1000, 200, [TOLD_BEGUN])], 1),
        ([(DONE, WHOLE, 1000, 200, [TOLD_DONE]), (DONE, WHOLE, 1000, 200, [TOLD_DONE])], 1),
        ([(BEGUN, WHOLE, 1000, 200, [])], 1),
        ([(BEGUN, WHOLE, 1000, 200, [TOLD_DONE])], 1),
        ([(BEGUN, WHOLE, 1000, 500, [])], 2),
        ([(BEGUN, WHOLE, 1301, 401, [])], 0),
        ([(BEGUN, WHOLE, 699, 200, [TOLD_BEGUN])], 2),
        ([(BEGUN, FORGED, 1000, 401, [])], 0),
        ([(BEGUN, FORGED, 1000, 401, [TOLD_BEGUN])], 1),
        ([(BEGUN, FORGED, 1000, 200, [])], 1),
        ([(BEGUN, JUNK, 1000, None, [])], 0),
        ([(BEGUN, JUNK, 1000, 0, [])], 1),
        ([(BEGUN, JUNK, 1000, 500, [])], 1),
    ],
)
def test_what_a_receiver_may_do(entries: list[Any], faults: int) -> None:
    """What arrives whole and in time is accepted, and told if it is news; all else is refused."""
    assert judged(*entries) == faults
