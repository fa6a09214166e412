"""Runs mutants: everything is imported and collected once, then each mutant has a process of its own."""

from __future__ import annotations

import gc
import signal
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from contract_tests.mutants.mutant import StaleMutantError
from contract_tests.mutation.child import confine, forget_cached, limit, run_tests
from contract_tests.mutation.reach import Reach, measure
from contract_tests.mutation.suite import HarnessError, Suite, with_collected
from contract_tests.support.forks import Death, Done, forked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pytest

    from contract_tests.mutation.mutant import Mutant

Outcome = Literal["killed", "timed out", "survived", "not reached", "not made"]

_TIMES: Final = 10
_PATIENCE_SECONDS: Final = 300.0
_PATIENCE_OF_ALL_SECONDS: Final = 3600.0
_REMEMBERED: Final = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant.

    Attributes:
        mutant: Which one.
        outcome: `not reached` is a survivor as well: no test runs the statement. `not made` says nothing.
        test: The test that failed, if any.
    """

    mutant: Mutant
    outcome: Outcome
    test: str = ""


class NotGreenError(Exception):
    """Tests fail without a mutant; the message names them."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done for each mutant.

    Attributes:
        jobs: How many at a time.
        seconds: How long its tests may take, as they took without a mutant. Where very many tests run a
            statement, those that have found nothing by then hardly find anything.
        patience_seconds: A test is ended after so long, and ten times what it took without a mutant.
        asked_first: The test that found a mutant in an earlier run, by the mutant's key.
    """

    jobs: int = 2
    seconds: float = 10.0
    patience_seconds: float = 3.0
    asked_first: Mapping[str, str] = field(default_factory=dict)


def run(
    suite: Suite, package: Path, mutants: Sequence[Mutant], effort: Effort, told: Callable[[Verdict], None]
) -> list[Verdict]:
    """Run mutants.

    Args:
        suite: The tests.
        package: The folder of the package that they are mutants of.
        mutants: Which.
        effort: How much is done for each.
        told: Called with each verdict as it comes.

    Raises:
        HarnessError: The tests can't be collected, or not be run.
        NotGreenError: They fail without a mutant.
    """
    verdicts: list[Verdict] = []
    failures: list[Exception] = []

    def tell(verdict: Verdict) -> None:
        verdicts.append(verdict)
        told(verdict)

    def instead(session: pytest.Session) -> None:
        try:
            reach = _measured(session, package)
        except (HarnessError, NotGreenError) as error:
            failures.append(error)
            return
        # What was computed at import, while tests were collected, must not hide what a mutant computes.
        forget_cached(package.name)
        # Collections would write to every page that the processes share.
        gc.collect()
        gc.freeze()
        for verdict in _Runner(session, package, reach, effort).run(mutants):
            tell(verdict)

    with_collected(suite, instead)
    if failures:
        raise failures[0]
    return verdicts


def _measured(session: pytest.Session, package: Path) -> Reach:
    def measured(package: Path) -> Reach:
        confine()
        return measure(session, package)

    (done,) = forked([package], measured, 1, _PATIENCE_OF_ALL_SECONDS)
    if isinstance(done.answer, Death):
        raise HarnessError("the tests end their process, or don't end")
    if done.answer.ran.failed:
        raise NotGreenError("\n".join(done.answer.ran.failed))
    return done.answer


@dataclass(eq=False)
class _Runner:
    session: pytest.Session
    package: Path
    reach: Reach
    effort: Effort

    def run(self, mutants: Sequence[Mutant]) -> Iterator[Verdict]:
        reached: deque[tuple[Mutant, list[int]]] = deque()
        for mutant in mutants:
            if tests := self.reach.tests_for(mutant):
                reached.append((mutant, tests))
            else:
                yield Verdict(mutant, "not reached")
        places = {item.nodeid: place for place, item in enumerate(self.session.items)}
        killers = _Killers(
            {key: places[test] for key, test in self.effort.asked_first.items() if test in places}
        )

        def work() -> Iterator[tuple[Mutant, list[int]]]:
            # What found the last mutants of a function is likely to find its next one.
            while reached:
                mutant, tests = reached.popleft()
                yield mutant, self.reach.within(self.effort.seconds, killers.first(mutant, tests))

        for done in forked(work(), self._judge, self.effort.jobs, _PATIENCE_SECONDS):
            verdict = self._verdict(done)
            if isinstance(done.answer, int):
                killers.note(verdict.mutant, done.answer)
            yield verdict

    def _verdict(self, done: Done[tuple[Mutant, list[int]], int | Outcome]) -> Verdict:
        mutant, answer = done.work[0], done.answer
        if isinstance(answer, Death):
            is_late = answer.exit_code in {None, -signal.SIGALRM}
            return Verdict(mutant, "timed out" if is_late else "killed", "(the process ended)")
        if isinstance(answer, int):
            return Verdict(mutant, "killed", self.session.items[answer].nodeid)
        return Verdict(mutant, answer)

    def _judge(self, work: tuple[Mutant, list[int]]) -> int | Outcome:
        """In a process made for that: the place of the test that fails, or what else is the outcome."""
        mutant, tests = work
        confine()
        try:
            mutant.apply()
        except StaleMutantError:
            return "not made"

        def before(place: int) -> None:
            limit(self.effort.patience_seconds + _TIMES * self.reach.ran.seconds[place])

        ran = run_tests(self.session, tests, to_the_end=False, before=before)
        return list(ran.seconds)[-1] if ran.failed else "survived"


class _Killers:
    """Which tests found the last mutants of a function, and which one found a mutant in an earlier run."""

    def __init__(self, earlier: Mapping[str, int]) -> None:
        self._earlier = earlier
        self._known: dict[str, deque[int]] = {}

    def note(self, mutant: Mutant, place: int) -> None:
        known = self._known.setdefault(mutant.where, deque(maxlen=_REMEMBERED))
        if place in known:
            known.remove(place)
        known.appendleft(place)

    def first(self, mutant: Mutant, tests: list[int]) -> list[int]:
        first = [self._earlier.get(mutant.key), *self._known.get(mutant.where, ())]
        known = [place for place in dict.fromkeys(first) if place in tests]
        return [*known, *(place for place in tests if place not in known)]
