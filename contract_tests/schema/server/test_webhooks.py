"""Webhooks that need a scenario: of a task that fails, and none for a task without a receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server import lives
from contract_tests.schema.server.lives import Life
from contract_tests.schema.server.operations import FAILED, LifeCycle, at, life_cycles

if TYPE_CHECKING:
    from contract_tests.schema.server.neighbour import Neighbour
    from contract_tests.schema.server.target import Target

CYCLES = [
    pytest.param(c, id=c.create.path.rpartition("/")[2]) for c in life_cycles() if c.webhook_name is not None
]


@pytest.mark.parametrize("cycle", CYCLES)
def test_a_failure_is_delivered(target: Target, cycle: LifeCycle, near: Neighbour) -> None:
    """A task that fails tells its receiver, in order and with the status' body, and of no other task."""
    assert cycle.webhook_name is not None
    body = {**target.body(cycle.create), cycle.webhook_name: near.hook(name := f"failed-{len(near.asked)}")}
    made = target.call(cycle.create.method, cycle.create.url(), json=body, scenario="polls=3, fail")
    quiet = target.create(cycle, "polls=2")
    task = at(made.answer.json(), cycle.task_pointer)
    life = Life(cycle, task[cycle.id_name], body, made, name, words=[str(task[cycle.word_name])])
    lives.watch(target, [life])
    for _ in range(2):
        target.task(cycle, quiet)
    lives.collect(life, near)
    assert life.words[-1] == FAILED
    lives.hold(target, [life], (lives.each_change_is_delivered_in_order, lives.a_delivery_is_the_status))
    assert not [d for d in near.deliveries(name) if quiet.encode() in d.sent.body]
