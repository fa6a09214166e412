"""Tasks, by their ids and on stand-ins. Most rules are the ledger's, which reads every exchange."""

# ruff: noqa: E501 - tables

import base64
import re
from typing import Final
from urllib.parse import quote

import pytest

from contract_tests.schema.server import lives, neighbour
from contract_tests.schema.server.operations import COMPLETED, FAILED, LifeCycle, at, life_cycles
from contract_tests.schema.server.operations import find as operation_at
from contract_tests.schema.server.target import Target
from contract_tests.schema.server.verdicts import stricter
from contract_tests.support.loopback import Loopback

pytestmark = pytest.mark.parametrize("cycle", life_cycles(), ids=str)
NOT_FOUND: Final = {400, 404, 414}
UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"
IDS: Final = (
    UNKNOWN, "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000",
    "046b6c7f-0b8a-43b9-b35d-6489e6daee91", "x", "a" * 128, "0", "1", "-1", "last", "latest", "first", "me", "all",
    "list", "undefined", "test", "example",
)  # fmt: skip
ODD_IDS: Final = (
    "..", ".", "%", "a b", "\u00e9", "a/b", "\x00", "null", "' OR 1=1", "a" * 5000, "*", "?", "_", "%25", "\n",
)  # fmt: skip


@pytest.mark.parametrize(("scenario", "end"), [("polls=5", COMPLETED), ("polls=3, fail", FAILED)])
def test_a_task_stays_as_it_ended(target: Target, cycle: LifeCycle, scenario: str, end: str) -> None:
    """COMPLETED and FAILED come by way of CREATED and IN_PROGRESS, and are for good, for the list too."""
    task_id = target.create(cycle, scenario)
    seen = [target.task(cycle, task_id) for _ in range(9)]
    words = [task[cycle.word_name] for task in seen]
    assert list(dict.fromkeys(words)) == ["CREATED", "IN_PROGRESS", end], words
    assert bool(seen[-1][cycle.result_name]) == (end == COMPLETED)
    target.create(cycle, "instant")
    assert target.task(cycle, task_id) == seen[-1]
    if cycle.listing is not None:
        rows = at(target.call("GET", cycle.listing.url()).answer.json(), cycle.task_pointer)
        assert [row[cycle.word_name] for row in rows if row[cycle.id_name] == task_id] == [end]


def test_an_unknown_id_is_not_found(target: Target, cycle: LifeCycle) -> None:
    """An id that was never created is a 404, before and after there are tasks; so is one that can't be."""
    for round_ in range(2):
        for task_id in IDS:
            exchange = target.call("GET", cycle.status_url(task_id))
            target.wants(exchange, {404}, f"the unknown id {task_id[:40]} is no 404")
        for task_id in ODD_IDS:
            exchange = target.call("GET", cycle.status_url(quote(task_id, safe="")))
            target.wants(exchange, NOT_FOUND, "an impossible id")
        if round_ == 0 and target.guard.may_spend:
            target.any_task(cycle)


@stricter("RFC 4122 reads a UUID in large letters too; here an id is found as it was given")
def test_an_id_has_one_spelling(target: Target, cycle: LifeCycle) -> None:
    """A part of an id, or one with something around it or in another spelling, is not found."""
    task_id = target.any_task(cycle)
    bare = task_id.replace("-", "")
    near = [
        task_id[:-1], task_id[1:], task_id[:8], task_id[-12:], task_id * 2, bare, bare.upper(), task_id.title(),
        task_id.upper(), *(task_id.replace("-", other) for other in ("_", "%20", ".")),
        *(before + task_id for before in ("0", "%20", "urn:uuid:", "task_", "id=", "kling_", "%EF%BB%BF")),
        *(task_id + after for after in (
            "0", "%20", "%00", "%0A", "%09", ".", ".json", ".mp4", "-", "%2F", "%2F..", "%3F", ";a=b", "%2C", "*",
            "%25", "%23", f",{task_id}",
        )),
        *(first + task_id + last for first, last in ("{}", ("%7B", "%7D"), "()", ("%22", "%22"), ("%27", "%27"))),
        task_id[:8] + "*", task_id[:8] + "%25", "".join(f"%25{ord(letter):02X}" for letter in task_id),
        str(int(bare, 16)) if re.fullmatch("[0-9a-f]+", bare) else "7",
        base64.urlsafe_b64encode(task_id.encode()).decode().rstrip("="),
    ]  # fmt: skip
    for other in filter(lambda other: other != task_id, near):
        exchange = target.call("GET", cycle.status_url(other))
        target.wants(exchange, NOT_FOUND, f"nearly an id, {other}, is found")
    exchange = target.call("GET", cycle.status_url("".join(f"%{ord(letter):02X}" for letter in task_id)))
    target.expect(exchange.answer.is_success, "an id is not found when it is percent-encoded", exchange)


def test_a_task_has_one_path(target: Target, cycle: LifeCycle) -> None:
    """A task is shown at its documented path alone, and whatever the query says."""
    task_id = target.any_task(cycle)
    for other in (f"{cycle.create.url()}/{task_id}", f"/v1/ai/tasks/{task_id}", f"/v1/{task_id}"):
        if operation_at("GET", other) is None:
            target.wants(target.call("GET", other), {404, 405}, "a task is shown at another path")
    for query in (f"id={task_id}", f"task_id={task_id}", f"{cycle.parameter}={task_id}"):
        exchange = target.call("GET", f"{cycle.status_url(UNKNOWN)}?{query}")
        target.wants(exchange, {400, 404}, "the query names a task")


def test_a_burst_counts_against_the_rate(target: Target, cycle: LifeCycle) -> None:
    """All of a dozen reads that succeed tell the rate limit, as observed on sibling endpoints, or none does."""
    if not target.guard.may_spend and not target.ledger.tasks:
        pytest.skip("a task is needed that can be read: PROFILE=full")
    urls = [cycle.status_url(target.any_task(cycle)), *([cycle.listing.url()] if cycle.listing else [])]
    told = {target.call("GET", url).answer.header("x-ratelimit-remaining") is not None for url in urls * 6}
    assert len(told) == 1, "some of equal answers say a rate limit, and some do not"
    assert told == {True} or not target.offered, "no rate limit is told"


def test_a_failure_is_delivered(target: Target, cycle: LifeCycle, near: Loopback) -> None:
    """A task that fails tells its receiver, in order and with the status' body, and of no other task."""
    if cycle.webhook_name is None:
        pytest.skip("the document has no webhook")
    life = lives.begin(target, cycle, near, {}, scenario="polls=3, fail")
    quiet = target.create(cycle, "polls=1")
    target.task(cycle, quiet)
    lives.watch(target, [life])
    lives.collect([life], near)
    assert life.last == FAILED
    for check in (lives.each_change_is_delivered_in_order, lives.a_delivery_is_the_status):
        assert list(check(life)) == []
    assert not [delivery for delivery in neighbour.deliveries(near, life.hook) if quiet in delivery.text]
