"""Which test runs which line, and which tests a mutant is therefore asked.

No test can tell a mutant from the program unless it runs the statement that was changed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import coverage
import pytest

from contract_tests.mutation.child import Ran, forget_cached, run_tests

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from contract_tests.mutation.mutant import Mutant


@dataclass(frozen=True)
class Reach:
    """What the tests run.

    Attributes:
        ran: How they went, without a mutant.
        lines: For each file and each line of it the tests that run it, by their places.
        names: The tests' functions, by their places.
    """

    ran: Ran
    lines: Mapping[Path, Mapping[int, frozenset[int]]]
    names: Sequence[str]

    @cached_property
    def breadths(self) -> Counter[int]:
        """How many lines each test runs: those that run few are about them."""
        return Counter(
            place for lines in self.lines.values() for places in lines.values() for place in places
        )

    def tests_for(self, mutant: Mutant) -> list[int]:
        """Choose the tests for a mutant.

        Those that run the least else are first: they are about it. In turn with them come all test functions,
        with one case each, then a second: many cases of one function see the same.
        """
        lines = self.lines.get(mutant.source.path, {})
        first, last = mutant.lines
        found = set[int]().union(*(lines.get(line, ()) for line in range(first, last + 1)))
        narrow = sorted(found, key=lambda place: (self.breadths[place], place))
        cases = Counter[str]()
        ranks: dict[int, int] = {}
        for place in narrow:
            ranks[place] = cases[self.names[place]]
            cases[self.names[place]] += 1
        various = sorted(narrow, key=ranks.__getitem__)
        return list(dict.fromkeys(chain.from_iterable(zip(narrow, various, strict=True))))

    def within(self, seconds: float, places: Sequence[int]) -> list[int]:
        """Leave out the tests that would take longer, all in all; one is always left."""
        taken, spent = list[int](), 0.0
        for place in places:
            if taken and spent + self.ran.seconds[place] > seconds:
                continue
            taken.append(place)
            spent += self.ran.seconds[place]
        return taken


def measure(session: pytest.Session, package: Path) -> Reach:
    """Run all tests, in a process made for that, and see which lines of a package each of them runs.

    Args:
        session: The tests.
        package: The package's folder.
    """
    watch = coverage.Coverage(data_file=None, config_file=False, include=[f"{package}/*"], messages=False)
    watch.set_option("run:core", "ctrace")
    places = range(len(session.items))
    names = [item.nodeid.partition("[")[0] for item in session.items]
    files = [item.path for item in session.items]

    shared = _Shared(watch, session.items)

    def before(place: int) -> None:
        # Each file's first test computes anew what is kept between tests, so that it counts as theirs.
        if not place or files[place] != files[place - 1]:
            forget_cached(package.name)
        shared.context = str(place)
        watch.switch_context(shared.context)

    session.config.pluginmanager.register(shared)
    watch.start()
    try:
        ran = run_tests(session, places, to_the_end=True, before=before)
    finally:
        watch.stop()
    data = watch.get_data()
    lines = {
        Path(path): {
            line: frozenset().union(*map(shared.places, contexts))
            for line, contexts in data.contexts_by_lineno(path).items()
        }
        for path in data.measured_files()
    }
    return Reach(ran, lines, names)


class _Shared:
    """A pytest plugin: what a shared fixture runs counts for all tests that have it, not for the first."""

    def __init__(self, watch: coverage.Coverage, items: Sequence[pytest.Item]) -> None:
        self.context = ""
        self._watch = watch
        self._users: dict[str, set[int]] = {}
        for place, item in enumerate(items):
            known: Any = getattr(item, "_fixtureinfo", None)
            for fixtures in known.name2fixturedefs.values() if known else ():
                for fixture in fixtures:
                    self._users.setdefault(_context(fixture), set()).add(place)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        if fixturedef.scope == "function":
            return (yield)
        self._watch.switch_context(_context(fixturedef))
        try:
            return (yield)
        finally:
            self._watch.switch_context(self.context)

    def places(self, context: str) -> frozenset[int]:
        """The tests that a context stands for."""
        if context.isdigit():
            return frozenset({int(context)})
        return frozenset(self._users.get(context, ()))


def _context(fixture: object) -> str:
    return f"fixture {id(fixture)}"
