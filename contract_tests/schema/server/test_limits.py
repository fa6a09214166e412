"""Limits that a server is told to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contract_tests.schema.server.operations import life_cycles
from contract_tests.schema.server.target import example_body
from kling_elements_mock import RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from contract_tests.schema.server.exchange import Exchange
    from contract_tests.schema.server.target import Target

    Limited = Callable[..., AbstractContextManager[Target]]

CYCLE = life_cycles()[0]
LONG = 3600.0


def create(target: Target, scenario: str | None = None, key: str | None = None) -> Exchange:
    """Try to make a task."""
    body = example_body(CYCLE.create)
    return target.call(CYCLE.create.method, CYCLE.create.url(), json=body, scenario=scenario, key=key)


def test_a_rate_is_kept(limited: Limited) -> None:
    """So many requests pass in a window and not one more; a 429 says when to return."""
    with limited(rate_limits=(RateLimit(4, LONG),)) as target:
        assert create(target).answer.status == 200
        left = [target.call("GET", CYCLE.create.url()).answer for _ in range(3)]
        assert [answer.status for answer in left] == [200] * 3
        assert [answer.header("x-ratelimit-remaining") for answer in left] == ["2", "1", "0"]
        assert {answer.header("x-ratelimit-limit") for answer in left} == {"4"}
        for _ in range(2):
            refused = target.call("GET", CYCLE.create.url())
            assert refused.answer.status == 429, target.tell("one request too many passes", refused)
            wait = refused.answer.header("retry-after") or refused.answer.header("x-ratelimit-reset") or ""
            assert 1 <= int(wait) <= LONG, target.tell("it does not say when to return", refused)


def test_concurrency_is_kept(limited: Limited) -> None:
    """So many unfinished tasks may an account have; one more is a 429; an ended one makes room."""
    with limited(concurrency=2) as target:
        first = target.create(CYCLE, "polls=1")
        assert create(target, "never-finish").answer.status == 200
        refused = create(target)
        assert refused.answer.status == 429, target.tell("a third task is made", refused)
        assert create(target, key=target.other_key).answer.status == 200, "the limit is each account's own"
        assert target.task(CYCLE, first)[CYCLE.word_name] == "COMPLETED"
        assert create(target, "never-finish").answer.status == 200
        assert create(target).answer.status == 429


def test_a_days_quota_is_kept(limited: Limited) -> None:
    """So many tasks may an account make in a day, ended or not; a refused one doesn't count."""
    with limited(daily_quota=3) as target:
        bad = target.call(CYCLE.create.method, CYCLE.create.url(), json={})
        assert bad.answer.status == 400
        for _ in range(3):
            made = target.create(CYCLE, "polls=1")
            target.task(CYCLE, made)
        for _ in range(2):
            refused = create(target)
            assert refused.answer.status == 429, target.tell("a task too many is made", refused)
            assert refused.answer.header("retry-after") is None, target.tell("a quota is no rate", refused)
        assert create(target, key=target.other_key).answer.status == 200, "the quota is each account's own"


def test_a_refused_create_makes_no_task(limited: Limited) -> None:
    """After a 429 the list is as long as before."""
    with limited(concurrency=1) as target:
        made = target.create(CYCLE, "never-finish")
        assert create(target).answer.status == 429
        rows = target.call("GET", CYCLE.create.url()).answer.json()["data"]
        assert [row[CYCLE.id_name] for row in rows] == [made]
