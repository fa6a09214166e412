"""The life of tasks on any server: with webhooks, lists and results, and as few tasks as that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server import lives
from contract_tests.schema.server.neighbour import is_signed
from contract_tests.schema.server.operations import LifeCycle, life_cycles

if TYPE_CHECKING:
    from contract_tests.schema.server.neighbour import Neighbour
    from contract_tests.schema.server.target import Target


@pytest.mark.parametrize("cycle", life_cycles(), ids=str)
def test_tasks_live_as_documented(target: Target, cycle: LifeCycle, reached: Neighbour | None) -> None:
    """Tasks made at once, two of them alike, are told apart, end, and have the results asked for."""
    made = lives.live(target, cycle, reached)
    lives.hold(target, made)
    for life in made if target.webhook_secret else ():
        for delivery in life.deliveries:
            signed = is_signed(delivery, str(target.webhook_secret))
            target.expect(signed, "a delivery is not signed", life.made)


def test_a_webhook_is_checked(target: Target) -> None:
    """Webhooks reach the suite, and their secret is known."""
    if not target.is_near:
        pytest.skip("the server would have to reach this machine: run the suite on the server's own")
    if target.webhook_secret is None:
        pytest.skip("the webhooks' secret would have to be known: put it into CONTRACT_WEBHOOK_SECRET")


@pytest.mark.parametrize("cycle", life_cycles(), ids=str)
def test_a_task_is_its_makers_alone(target: Target, cycle: LifeCycle) -> None:
    """Another account's key finds neither the task nor a row for it; nor does the first the other's."""
    if target.other_key is None:
        pytest.skip("a second account's key is needed: put it into CONTRACT_OTHER_KEY")
    other = target.other_key

    def seen_by(key: str, task_id: str) -> None:
        seen = target.call("GET", cycle.status_url(task_id), key=key)
        target.expect(seen.answer.status == 404, "another key sees the task", seen)
        if cycle.listing is not None:
            rows = target.call("GET", cycle.listing.url(), key=key)
            target.expect(task_id not in rows.answer.text, "another key lists the task", rows)

    seen_by(other, target.any_task(cycle))
    seen_by(target.key, target.create(cycle, key=other))
