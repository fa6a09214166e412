"""The life of tasks on any server: with webhooks, lists and results, and as few tasks as that takes."""

import pytest

from contract_tests.schema.server import lives
from contract_tests.schema.server.operations import LifeCycle, life_cycles
from contract_tests.schema.server.target import Target
from contract_tests.support.loopback import Loopback

of_each = pytest.mark.parametrize("cycle", life_cycles(), ids=str)


@of_each
def test_tasks_live_as_documented(target: Target, cycle: LifeCycle, near: Loopback) -> None:
    """Tasks made at once, two of them alike, are told apart, end, and have the results asked for."""
    lives.hold(target, lives.live(target, cycle, near if target.is_near else None))


def test_a_webhook_is_checked(target: Target) -> None:
    """Webhooks reach the suite, and their secret is known."""
    if not target.is_near:
        pytest.skip("the server would have to reach this machine: run the suite on the server's own")
    if target.webhook_secret is None:
        pytest.skip("the webhooks' secret would have to be known: put it into CONTRACT_WEBHOOK_SECRET")


@of_each
def test_a_task_is_its_makers_alone(target: Target, cycle: LifeCycle) -> None:
    """Another account's key finds neither the task nor a row for it; nor does the first the other's."""
    if target.other_key is None:
        pytest.skip("a second account's key is needed: put it into CONTRACT_OTHER_KEY")
    theirs = (target.key, target.create(cycle, key=target.other_key))
    for key, task_id in ((target.other_key, target.any_task(cycle)), theirs):
        seen = target.call("GET", cycle.status_url(task_id), key=key)
        target.wants(seen, {404}, "another key sees the task")
        if cycle.listing is not None:
            rows = target.call("GET", cycle.listing.url(), key=key)
            target.expect(task_id not in rows.answer.text, "another key lists the task", rows)
