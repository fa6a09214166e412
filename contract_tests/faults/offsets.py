"""A create whose connection ends at every single byte of the request and of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contract_tests.faults.fault import PASS, Fault
from contract_tests.faults.oracle import Finding, Kind, Tally
from contract_tests.faults.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.faults.stage import Stage

_IN_ONE_WORLD: Final = 100  # creates: their tasks are compared with the journal together


def sweep(stage: Stage, *, stride: int = 1) -> Tally:
    """End creates at each `stride`th place, by a reset and by an orderly close, and judge each."""
    world = World(stage, Tally(), 0)
    world.create([PASS])
    world.finish()
    tally = Tally()
    faults = list(_faults(*stage.proxy.last_sizes, stride))
    for start in range(0, len(faults), _IN_ONE_WORLD):
        world = World(stage, tally, len(faults))
        for fault in faults[start : start + _IN_ONE_WORLD]:
            _create(world, fault)
        world.finish()
    return tally


def _faults(request: int, answer: int, stride: int) -> Iterator[Fault]:
    for series, (is_reset, end) in enumerate([(True, "reset"), (False, "cut")]):
        first = series * (stride // 2)
        for at in range(first, request, stride):
            yield Fault(f"create's request {end} at each byte", request_at=at, is_reset=is_reset)
        for at in range(first, answer + 1, stride):
            yield Fault(f"create's answer {end} at each byte", answer_at=at, is_reset=is_reset)


def _create(world: World, fault: Fault) -> None:
    before = len(world.task_ids)
    world.create([fault])
    made = len(world.task_ids) - before
    # A connection that ends before it is read may never have been open: then the create is rightly repeated.
    wanted = {None: {1}, 0: {0, 1}}.get(fault.request_at, {0})
    if made not in wanted:
        place = fault.answer_at if fault.request_at is None else fault.request_at
        world.findings.append(Finding(Kind.WRONG, f"{fault.name}: {made} tasks were made at {place}"))
