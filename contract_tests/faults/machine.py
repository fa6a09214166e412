"""What drives the world: a Hypothesis state machine, and a create that ends at every single byte."""

import itertools
import sys
from collections.abc import Callable
from typing import Any, Final

from attrs import evolve
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from contract_tests.faults.caller import DISK_TROUBLES, JUMP, RESTART, SLEEP
from contract_tests.faults.fault import PASS, TASK_SCENARIOS, TLS_FAULTS, Fault, exchanges, with_scenario
from contract_tests.faults.oracle import Finding, Kind, Tally
from contract_tests.faults.stage import Stage
from contract_tests.faults.world import World

_ROUND: Final = 50  # examples
_IN_ONE_WORLD: Final = 100  # creates: their tasks are compared with the journal together
_LEAST: Final = 10  # the first example is the simplest there is, without a fault
_VIDEO: Final = 21_000  # bytes, some more than one of the stage's has
_SEEDS_APART: Final = 1_000_003
_CHECKS: Final = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
_STORM: Final = settings(phases=[Phase.generate], deadline=None, database=None, suppress_health_check=_CHECKS)

_faults: Final = st.lists(exchanges(), min_size=1, max_size=4)
_fetches: Final = st.lists(exchanges(longest=_VIDEO, is_slow=False), min_size=1, max_size=3)
_jobs: Final = st.none() | st.sampled_from("abc")
_creates: Final = st.sampled_from(["create", "create", "generate"])
_places: Final = st.integers(0, 40)
_kinds: Final = st.sampled_from([False, False, False, False, True])  # an event loop takes longer to make
# What befalls a create and the exchanges after it: the way, or the task itself, or both.
_storms: Final = st.builds(
    lambda way, rest, how, scenario: [
        with_scenario(PASS if how == "task" else way, "" if how == "way" else scenario),
        *rest,
    ],
    exchanges(),
    st.lists(exchanges(), max_size=3),
    st.sampled_from(["way", "task", "both"]),
    st.sampled_from(TASK_SCENARIOS),
)


class FaultMachine(RuleBasedStateMachine):
    """Calls of a caller, in any order, each through its own storm."""

    stage: Stage
    tally: Tally
    most_faults: int
    is_strict: bool

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.stage, self.tally, self.most_faults)

    @initialize(has_odd_ids=st.sampled_from([False] * 7 + [True]))
    def begin(self, *, has_odd_ids: bool) -> None:
        self.world.has_odd_ids = has_odd_ids

    @rule(faults=_storms, name=_creates, job=_jobs, is_async=_kinds)
    def create(self, **create: Any) -> None:
        self.world.create(**create)

    @rule(faults=_faults, name=st.sampled_from(["get", "wait"]), place=_places, is_async=_kinds)
    def look(self, *, faults: list[Fault], name: str, place: int, is_async: bool) -> None:
        self.world.look(name, self._pick(place), faults, is_async=is_async)

    @rule(faults=_faults, name=st.sampled_from(["list", "find_unrecorded"]), is_async=_kinds)
    def survey(self, *, faults: list[Fault], name: str, is_async: bool) -> None:
        self.world.survey(name, faults, is_async=is_async)

    @rule(faults=_fetches, place=_places, is_async=_kinds)
    def download(self, *, faults: list[Fault], place: int, is_async: bool) -> None:
        self.world.download(self._pick(place), faults, is_async=is_async)

    @rule(tls=st.lists(st.sampled_from(TLS_FAULTS), min_size=1, max_size=3))
    def create_without_tls(self, tls: list[Fault]) -> None:
        self.world.create(tls, scheme="https")

    @rule(is_refused=st.booleans(), times=st.integers(1, 3), name=_creates, job=_jobs)
    def create_at_a_bad_moment(self, *, is_refused: bool, times: int, name: str, job: str | None) -> None:
        befall = self.world.caller.refuse if is_refused else self.world.caller.interrupt
        befall(times)
        self.world.create([], name=name, job=job)

    @rule(how=st.sampled_from(DISK_TROUBLES), at=st.integers(0, 4), faults=_storms, name=_creates, job=_jobs)
    def create_with_disk_trouble(self, how: str, at: int, **create: Any) -> None:
        self.world.caller.trouble_disk(how, at)
        self.world.create(**create)

    @rule(faults=st.lists(exchanges(can_interrupt=False), max_size=2), is_own=st.booleans(), is_async=_kinds)
    def create_after_fork(self, *, faults: list[Fault], is_own: bool, is_async: bool) -> None:
        self.world.create(faults, is_async=is_async, forks=True, is_own=is_own)

    @rule(how=st.sampled_from([JUMP, SLEEP, RESTART]), hours=st.floats(-24, 24))
    def disturb(self, how: str, hours: float) -> None:
        self.world.caller.disturb(how, hours)

    def teardown(self) -> None:
        findings = self.world.finish()
        if findings and self.is_strict:
            type(self).most_faults = sys.maxsize  # so that it can be repeated
            raise AssertionError("\n".join([*map(str, findings), "after:", *self.world.caller.trace]))

    def _pick(self, place: int) -> str:
        # Not by a precondition: the same draws must lead to the same rules, and whether a storm leaves a task
        # may depend on how busy the machine is.
        if not self.world.task_ids:
            self.world.create([])
        ids = self.world.task_ids
        return ids[place % len(ids)]


def explore(  # noqa: PLR0913 - options, each by its name
    stage: Stage,
    faults: int,
    first_seed: int,
    *,
    is_strict: bool = False,
    steps: int = 50,
    on_round: Callable[[Tally], object] = lambda _: None,
) -> Tally:
    """Run seeded examples until so many faults were injected; `is_strict`: raise a finding with its steps."""
    tally = Tally()
    members = {"stage": stage, "tally": tally, "most_faults": faults, "is_strict": is_strict}
    for number in itertools.count(first_seed * _SEEDS_APART):
        on_round(tally)
        left = faults - tally.faults
        if left <= 0:
            break
        machine: type[FaultMachine] = type("Storm", (FaultMachine,), members)
        most = min(_ROUND, _LEAST + left // steps)
        run = settings(_STORM, max_examples=most, stateful_step_count=steps)
        run_state_machine_as_test(seed(number)(machine), settings=run)
    return tally


def sweep(stage: Stage, *, stride: int = 1) -> Tally:
    """End creates at each `stride`th place, by a reset and by an orderly close, and judge each."""
    world = World(stage, Tally(), 0)
    world.create([PASS])
    request, answer = stage.proxy.last_sizes
    world.finish()
    faults: list[Fault] = []
    for first, is_reset, end in ((0, True, "reset"), (stride // 2, False, "cut")):
        cut, late = (
            Fault(f"create's {part} {end} at each byte", is_reset=is_reset) for part in ("request", "answer")
        )
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
