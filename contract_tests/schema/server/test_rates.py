"""Rate limits over several answers: most rules are the ledger's, and get a burst here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server.operations import life_cycles

if TYPE_CHECKING:
    from contract_tests.schema.server.target import Target


def test_a_burst_counts_against_the_rate(target: Target) -> None:
    """A dozen reads at once say a rate limit that means something, or none."""
    cycle = life_cycles()[0]
    if target.guard.left == 0 and not target.ledger.tasks:
        pytest.skip("a task is needed that can be read: PROFILE=full")
    url = cycle.status_url(target.any_task(cycle))
    told = {target.call("GET", url).answer.header("x-ratelimit-remaining") is not None for _ in range(12)}
    assert len(told) == 1, "some of equal answers say a rate limit, and some do not"
