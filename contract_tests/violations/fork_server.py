"""Runs tests against mutants: everything is imported and collected once, then each mutant has a process.

A mutant is killed if a test *fails*: by an assertion, by an expected error that did not come, by not finding
what it looks for, or by the program's own refusal of what it must take. A test that breaks in another way (an
error of the harness, an accident in the program, a process that dies) kills nothing.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import pytest

from contract_tests.support.forks import Death, forked
from contract_tests.violations.mutant import Mutant, StaleMutantError
from kling_elements.errors import KlingError
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

Outcome = Literal["killed", "survived", "broken", "timed out", "stale"]

_PATIENCE_SECONDS: Final = 400.0
_SLOWEST: Final = ("test_schemathesis", "test_reproducible", "test_profiles")
_ROOT: Final = Path(__file__).resolve().parents[2]
_Work = tuple[Mutant | None, tuple[str, ...]]
_Answer = tuple[Outcome, str, str, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant.

    Attributes:
        mutant: Which one; None for the program as it is.
        outcome: `survived` is what the program as it is must do.
        test: The test that failed, if any.
        text: The first line of why.
        seconds: How long it took.
        tests: How many tests ran.
    """

    mutant: Mutant | None
    outcome: Outcome
    test: str = ""
    text: str = ""
    seconds: float = 0.0
    tests: int = 0


@dataclass
class ForkServer:
    """A pytest plugin that runs mutants in place of tests.

    Attributes:
        mutants: What to run.
        jobs: How many at a time.
        told: Called with each verdict.
        first: Whether the program as it is runs first; mutants run only if it is green.
        verdicts: What came out.
    """

    mutants: Sequence[Mutant]
    jobs: int
    told: Callable[[Verdict], None]
    first: bool = True
    verdicts: list[Verdict] = field(default_factory=list)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the mutants instead of the tests."""
        if session.testsfailed:
            raise session.Interrupted("the tests can't be collected")
        if self.first:
            suites = dict.fromkeys(mutant.tests for mutant in self.mutants)
            self._run(session, [(None, suite) for suite in suites])
            if any(verdict.outcome != "survived" for verdict in self.verdicts):
                return True
        self._run(session, [(mutant, mutant.tests) for mutant in self.mutants])
        return True

    def _run(self, session: pytest.Session, work: list[_Work]) -> None:
        def judged(piece: _Work) -> _Answer:
            return _in_child(session, *piece)

        for done in forked(work, judged, self.jobs, _PATIENCE_SECONDS):
            mutant, _ = done.work
            if isinstance(done.answer, Death):
                outcome: Outcome = "timed out" if done.answer.exit_code is None else "broken"
                self._tell(Verdict(mutant, outcome, text="the process died", seconds=done.seconds))
            else:
                outcome, test, text, tests = done.answer
                self._tell(Verdict(mutant, outcome, test, text, done.seconds, tests))

    def _tell(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)
        self.told(verdict)


@dataclass(eq=False)
class _Watch:
    """Notes how tests end, and whether the mutant is dead."""

    says: str = ""
    needed: tuple[str, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)
    broken: tuple[str, str] | None = None
    was_said: bool = False

    @property
    def is_dead(self) -> bool:
        """Whether all has failed that must, with the words that are wanted."""
        each = all(any(name in test for test in self.failed) for name in self.needed)
        return bool(self.failed) and each and (self.was_said or not self.says)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed and call.excinfo is not None:
            text = str(call.excinfo.value)
            line = text.strip().partition("\n")[0][:200] or call.excinfo.typename
            if is_check(call.excinfo.value) and call.when != "setup":
                self.failed.setdefault(item.nodeid, line)
                self.was_said |= self.says in text
            else:
                self.broken = self.broken or (item.nodeid, f"{call.excinfo.typename}: {line}")
        return report


def is_check(error: BaseException) -> bool:
    """Tell whether a test failed by what it asserts, not by accident."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_check(inner) for inner in error.exceptions)
    if isinstance(error, (LookupError, AttributeError)):
        return _is_a_tests_own(error)
    return isinstance(error, (AssertionError, pytest.fail.Exception, KlingError, SpecError))


def _is_a_tests_own(error: BaseException) -> bool:
    """Tell whether a test itself looked for what should have been there, e.g. a header of a request."""
    frames = (Path(frame.f_code.co_filename) for frame, _ in traceback.walk_tb(error.__traceback__))
    ours = [path for path in frames if path.is_relative_to(_ROOT) and ".venv" not in path.parts]
    return (
        bool(ours) and ours[-1].name.startswith("test_") and ours[-1].is_relative_to(_ROOT / "contract_tests")
    )


def _in_child(session: pytest.Session, mutant: Mutant | None, suite: tuple[str, ...]) -> _Answer:
    """Run a suite against one mutant and say what came out."""
    try:
        if mutant is not None:
            mutant.apply()
        return _judge(session, mutant, suite)
    except StaleMutantError as error:
        return "stale", "", str(error), 0
    except BaseException as error:  # noqa: BLE001 - it is raised again
        return "broken", "", f"{type(error).__name__}: {error}", 0


def _judge(session: pytest.Session, mutant: Mutant | None, suite: tuple[str, ...]) -> _Answer:
    near = "" if mutant is None else mutant.near
    items = sorted(
        (item for item in session.items if _is_in(item, suite)),
        key=lambda item: (not near or near not in item.nodeid, any(slow in item.nodeid for slow in _SLOWEST)),
    )
    watch, count = (_Watch() if mutant is None else _Watch(mutant.says, mutant.needed)), 0
    session.config.pluginmanager.register(watch)
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        count += 1
        if watch.is_dead or (mutant is None and watch.broken):
            break
    failed = next(iter(watch.failed.items()), ("", ""))
    if watch.is_dead:
        return "killed", failed[0], failed[1], count
    if watch.broken or not count:
        test, text = watch.broken or ("", "there are no tests")
        return "broken", test, text, count
    return "survived", failed[0], failed[1], count


def _is_in(item: pytest.Item, suite: tuple[str, ...]) -> bool:
    root = _ROOT / "contract_tests"
    return any(item.path == root / name or root / name in item.path.parents for name in suite)
