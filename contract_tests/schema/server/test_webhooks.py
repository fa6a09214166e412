"""Webhooks: delivered, well-formed and signed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server import receiver
from contract_tests.schema.server.operations import TERMINAL, LifeCycle, life_cycles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.schema.server.receiver import Delivery, Receiver
    from contract_tests.schema.server.target import Target

CYCLES = [
    pytest.param(c, id=c.create.path.rpartition("/")[2]) for c in life_cycles() if c.webhook_name is not None
]


@pytest.fixture
def hook(target: Target) -> Iterator[Receiver]:
    """A receiver that the server can reach."""
    if not target.is_near:
        pytest.skip(
            f"{target.origin} can't reach this machine: to check webhooks, run the suite on the server's own"
        )
    with receiver.listening() as found:
        yield found


def watch(target: Target, cycle: LifeCycle, hook: Receiver, scenario: str, count: int) -> list[Delivery]:
    """Make a task with a webhook, look at it until it has ended, and give what was delivered."""
    assert cycle.webhook_name is not None
    task_id = target.create(cycle, scenario, body={cycle.webhook_name: hook.url})
    while target.task(cycle, task_id)[cycle.word_name] not in TERMINAL:
        pass
    deliveries = hook.wait_for(count)
    for delivery in deliveries:
        assert list(receiver.faults(cycle, delivery)) == []
        assert delivery.content.json()[cycle.id_name] == task_id
    return deliveries


@pytest.mark.parametrize("cycle", CYCLES)
@pytest.mark.parametrize("end", ["", ", fail"])
def test_each_change_is_delivered_once_and_in_order(
    target: Target, cycle: LifeCycle, hook: Receiver, end: str
) -> None:
    """Each change of status is one delivery, IN_PROGRESS included, with the very body that status answers."""
    deliveries = watch(target, cycle, hook, f"polls=3{end}", 2)
    task_id = str(deliveries[0].content.json()[cycle.id_name])
    last = target.task(cycle, task_id)
    words = [delivery.content.json()[cycle.word_name] for delivery in deliveries]
    assert words == ["IN_PROGRESS", last[cycle.word_name]]
    assert deliveries[-1].content.json() == last
    assert len({delivery.header("webhook-id") for delivery in deliveries}) == len(deliveries)
    assert all(receiver.is_recent(delivery, time.time()) for delivery in deliveries)


@pytest.mark.parametrize("cycle", CYCLES)
def test_each_delivery_is_signed(target: Target, cycle: LifeCycle, hook: Receiver) -> None:
    """The signature is the HMAC of id, timestamp and raw body; with another secret it is not."""
    if target.webhook_secret is None:
        pytest.skip("the secret is not known: put it into CONTRACT_WEBHOOK_SECRET")
    good = watch(target, cycle, hook, "polls=2", 2)
    assert good
    assert all(receiver.is_signed(delivery, target.webhook_secret) for delivery in good)
    assert not any(receiver.is_signed(delivery, target.webhook_secret + "x") for delivery in good)


@pytest.mark.parametrize("cycle", CYCLES)
def test_no_address_means_no_delivery(target: Target, cycle: LifeCycle, hook: Receiver) -> None:
    """A task without a webhook tells nobody, though another task's receiver is known."""
    watch(target, cycle, hook, "polls=2", 2)
    quiet = target.create(cycle, "polls=2")
    for _ in range(2):
        target.task(cycle, quiet)
    assert all(delivery.content.json()[cycle.id_name] != quiet for delivery in hook.deliveries)
