"""Tasks, by their ids and on stand-ins. Most rules are the ledger's, which reads every exchange."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pytest

from contract_tests.schema.server import lives
from contract_tests.schema.server.lives import Life
from contract_tests.schema.server.operations import (
    COMPLETED,
    FAILED,
    RANK,
    TERMINAL,
    LifeCycle,
    at,
    life_cycles,
)
from contract_tests.schema.server.operations import find as operation_at
from contract_tests.schema.server.verdicts import stricter

if TYPE_CHECKING:
    from contract_tests.schema.server.neighbour import Neighbour
    from contract_tests.schema.server.target import Target

pytestmark = pytest.mark.parametrize("cycle", life_cycles(), ids=str)
MOST_LOOKS: Final = 20
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


def to_the_end(target: Target, cycle: LifeCycle, task_id: str) -> list[dict[str, object]]:
    """Look at a task until it has ended; returns all that was seen."""
    seen: list[dict[str, object]] = []
    while not seen or (seen[-1][cycle.word_name] not in TERMINAL and len(seen) < MOST_LOOKS):
        seen.append(target.task(cycle, task_id))
    return seen


def test_a_task_goes_through_its_stages(target: Target, cycle: LifeCycle) -> None:
    """A task that is looked at again and again goes from CREATED over IN_PROGRESS to COMPLETED."""
    task_id = target.create(cycle, "polls=5")
    words = [str(task[cycle.word_name]) for task in to_the_end(target, cycle, task_id)]
    assert words == sorted(words, key=RANK.__getitem__), words
    assert list(dict.fromkeys(words)) == ["CREATED", "IN_PROGRESS", COMPLETED], words
    assert len(words) == 5, "polls=5 is a task that ends at the fifth look"


@pytest.mark.parametrize(("scenario", "end"), [("instant", COMPLETED), ("instant, fail", FAILED)])
def test_a_task_stays_as_it_ended(target: Target, cycle: LifeCycle, scenario: str, end: str) -> None:
    """COMPLETED and FAILED are for good, also after other tasks were made, and for the list too."""
    task_id = target.create(cycle, scenario)
    last = to_the_end(target, cycle, task_id)[-1]
    assert last[cycle.word_name] == end
    assert bool(last[cycle.result_name]) == (end == COMPLETED)
    target.create(cycle, "instant")
    assert [target.task(cycle, task_id) for _ in range(12)] == [last] * 12
    if cycle.listing is not None:
        rows = at(target.call("GET", cycle.listing.url()).answer.json(), cycle.task_pointer)
        assert [row[cycle.word_name] for row in rows if row[cycle.id_name] == task_id] == [end]


@stricter("The document says that an empty list is a 404; the schema would allow an empty array")
def test_an_empty_list_is_not_found(target: Target, cycle: LifeCycle) -> None:
    """An account without tasks gets a 404 with the document's words, as observed."""
    if not target.offered:
        pytest.skip("this account may have tasks: check it against a stand-in")
    if cycle.listing is None or "404" not in cycle.listing.responses:
        pytest.skip("the document has no list, or none that is a 404")
    exchange = target.call("GET", cycle.listing.url())
    if exchange.answer.is_success:
        pytest.skip("this account has tasks already")
    target.demand(exchange.answer.status == 404, "an empty list is no 404", exchange)
    examples = cycle.listing.responses["404"]["content"]["application/json"]["examples"]
    assert exchange.answer.json() in [example["value"] for example in examples.values()]


def test_an_unknown_id_is_not_found(target: Target, cycle: LifeCycle) -> None:
    """An id that was never created is a 404, before and after there are tasks; so is one that can't be."""
    for round_ in range(2):
        for task_id in IDS:
            exchange = target.call("GET", cycle.status_url(task_id))
            target.expect(exchange.answer.status == 404, f"the unknown id {task_id[:40]} is no 404", exchange)
        for task_id in ODD_IDS:
            exchange = target.call("GET", cycle.status_url(quote(task_id, safe="")))
            target.expect(exchange.answer.status in NOT_FOUND, "an impossible id", exchange)
        if round_ == 0 and target.guard.left != 0:
            target.any_task(cycle)


@stricter("RFC 4122 reads a UUID in large letters too; here an id is found as it was given")
def test_an_id_has_one_spelling(target: Target, cycle: LifeCycle) -> None:
    """A part of an id, one with something around it, or in another spelling is not found; encoding makes no other."""
    task_id = target.any_task(cycle)
    bare = task_id.replace("-", "")
    near = [
        task_id[:-1], task_id[1:], task_id[:8], task_id[-12:], task_id + "0", "0" + task_id, task_id * 2,
        task_id + "%20", "%20" + task_id, task_id + "%00", task_id + "%0A", task_id + "%09", task_id + ".",
        task_id + ".json", task_id + ".mp4", task_id + "-", task_id + "%2F", task_id + "%2F..", task_id + "%3F",
        task_id + ";a=b", task_id + "," + task_id, task_id + "%2C", task_id + "*", task_id + "%25", task_id + "%23",
        task_id[:8] + "*", task_id[:8] + "%25", bare, bare.upper(), "{" + task_id + "}", "%7B" + task_id + "%7D",
        "urn:uuid:" + task_id, "(" + task_id + ")", "%22" + task_id + "%22", "%27" + task_id + "%27",
        task_id.replace("-", "_"), task_id.replace("-", "%20"), task_id.replace("-", "."), task_id.title(),
        task_id.upper(), "task_" + task_id, "id=" + task_id, "kling_" + task_id, "%EF%BB%BF" + task_id,
        "".join(f"%25{ord(letter):02X}" for letter in task_id),
        str(int(bare, 16)) if re.fullmatch("[0-9a-f]+", bare) else "7",
        base64.urlsafe_b64encode(task_id.encode()).decode().rstrip("="),
    ]  # fmt: skip
    for other in filter(lambda other: other != task_id, near):
        exchange = target.call("GET", cycle.status_url(other))
        target.expect(exchange.answer.status in NOT_FOUND, f"nearly an id, {other}, is found", exchange)
    exchange = target.call("GET", cycle.status_url("".join(f"%{ord(letter):02X}" for letter in task_id)))
    target.expect(exchange.answer.is_success, "an id is not found when it is percent-encoded", exchange)


def test_a_task_has_one_path(target: Target, cycle: LifeCycle) -> None:
    """A task is shown at its documented path alone, and whatever the query says."""
    task_id = target.any_task(cycle)
    for other in (f"{cycle.create.url()}/{task_id}", f"/v1/ai/tasks/{task_id}", f"/v1/{task_id}"):
        if operation_at("GET", other) is None:
            exchange = target.call("GET", other)
            target.expect(exchange.answer.status in {404, 405}, "a task is shown at another path", exchange)
    for query in (f"id={task_id}", f"task_id={task_id}", f"{cycle.parameter}={task_id}"):
        exchange = target.call("GET", f"{cycle.status_url(UNKNOWN)}?{query}")
        target.expect(exchange.answer.status in {400, 404}, "the query names a task", exchange)


def test_tasks_keep_apart(target: Target, cycle: LifeCycle) -> None:
    """What is asked of one task is answered of it, though others live, end and fail beside it."""
    scenarios = ("instant", "never-finish, polls=1", "instant, fail", "instant, complete-empty", "polls=3")
    ids = [target.create(cycle, scenario) for scenario in scenarios]
    seen: list[str] = []
    for _ in range(3):
        seen = [target.task(cycle, task_id)[cycle.word_name] for task_id in reversed(ids)]
    assert seen[::-1] == [COMPLETED, "IN_PROGRESS", FAILED, COMPLETED, COMPLETED]


def test_reads_tell_the_rate_limit(target: Target, cycle: LifeCycle) -> None:
    """A read that succeeds tells the rate limit, as observed on sibling endpoints."""
    if not target.offered:
        pytest.skip("on the live service they come on most answers, not on all")
    task_id = target.create(cycle)
    for path in [cycle.status_url(task_id), *([cycle.listing.url()] if cycle.listing else [])]:
        exchange = target.call("GET", path)
        target.demand(exchange.answer.header("x-ratelimit-remaining"), "no rate limit is told", exchange)


def test_a_burst_counts_against_the_rate(target: Target, cycle: LifeCycle) -> None:
    """A dozen reads at once say a rate limit that means something, or none."""
    if target.guard.left == 0 and not target.ledger.tasks:
        pytest.skip("a task is needed that can be read: PROFILE=full")
    url = cycle.status_url(target.any_task(cycle))
    told = {target.call("GET", url).answer.header("x-ratelimit-remaining") is not None for _ in range(12)}
    assert len(told) == 1, "some of equal answers say a rate limit, and some do not"


def test_a_failure_is_delivered(target: Target, cycle: LifeCycle, near: Neighbour) -> None:
    """A task that fails tells its receiver, in order and with the status' body, and of no other task."""
    if cycle.webhook_name is None:
        pytest.skip("the document has no webhook")
    body = {**target.body(cycle.create), cycle.webhook_name: near.hook(name := f"failed-{len(near.asked)}")}
    made = target.request(cycle.create, body=body, scenario="polls=3, fail")
    quiet = target.create(cycle, "polls=2")
    task = at(made.answer.json(), cycle.task_pointer)
    life = Life(cycle, task[cycle.id_name], body, made, target.keys, name, words=[str(task[cycle.word_name])])
    lives.watch(target, [life])
    for _ in range(2):
        target.task(cycle, quiet)
    lives.collect(life, near)
    assert life.words[-1] == FAILED
    for check in (lives.each_change_is_delivered_in_order, lives.a_delivery_is_the_status):
        assert list(check(life)) == []
    assert not [delivery for delivery in near.deliveries(name) if quiet in delivery.text]
