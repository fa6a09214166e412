"""A create whose connection ends at every single byte of the request and of the answer."""

from typing import Final

from attrs import evolve

from contract_tests.faults.fault import PASS, Fault
from contract_tests.faults.oracle import Finding, Kind, Tally
from contract_tests.faults.stage import Stage
from contract_tests.faults.world import World

_PARTS: Final = ("request", "answer")
_IN_ONE_WORLD: Final = 100  # creates: their tasks are compared with the journal together


def sweep(stage: Stage, *, stride: int = 1) -> Tally:
    """End creates at each `stride`th place, by a reset and by an orderly close, and judge each."""
    world = World(stage, Tally(), 0)
    world.create([PASS])
    request, answer = stage.proxy.last_sizes
    world.finish()
    faults: list[Fault] = []
    for first, is_reset, end in ((0, True, "reset"), (stride // 2, False, "cut")):
        cut, late = (Fault(f"create's {part} {end} at each byte", is_reset=is_reset) for part in _PARTS)
        faults += [evolve(cut, request_at=at) for at in range(first, request, stride)]
        faults += [evolve(late, answer_at=at) for at in range(first, answer + 1, stride)]
    tally = Tally()
    for start in range(0, len(faults), _IN_ONE_WORLD):
        world = World(stage, tally, len(faults))
        for fault in faults[start : start + _IN_ONE_WORLD]:
            before = len(world.task_ids)
            world.create([fault])
            made = len(world.task_ids) - before
            # A connection that ends before it is read may never have been open: it is rightly repeated.
            if made not in {None: {1}, 0: {0, 1}}.get(fault.request_at, {0}):
                place = fault.answer_at if fault.request_at is None else fault.request_at
                world.findings.append(Finding(Kind.WRONG, f"{fault.name}: {made} tasks were made at {place}"))
        world.finish()
    return tally
