"""A pytest plugin that applies one violation, and writes whether the tests have found it.

A violation is found only if a test *fails*: by an assertion, by an expected error that did not come, or by
the program's typed refusal of valid input. A test that breaks in another way finds nothing.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from contract_tests.violations.violation import CannotApplyError, Violation
from kling_elements.errors import KlingError
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Generator

_SLOWEST = ("test_schemathesis", "test_reproducible", "test_profiles")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addoption("--violation", default="", help="kind:name; none: the program as it is")
    parser.addoption("--verdict", default="", help="file that the verdict is written to")


def pytest_configure(config: pytest.Config) -> None:
    """Watch the run of the violation that was asked for."""
    # Shrinking helps a reader, and takes minutes.
    hypothesis.settings.register_profile(
        "violations",
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        database=None,
        deadline=None,
        derandomize=True,
        print_blob=False,
    )
    hypothesis.settings.load_profile("violations")
    kind, _, name = str(config.getoption("violation")).partition(":")
    # Only the violation's own kind: the others' imports take seconds.
    known = import_module(f"contract_tests.violations.{kind}").VIOLATIONS if kind else ()
    found = next((violation for violation in known if violation.name == name), None)
    config.pluginmanager.register(Watch(found, str(config.getoption("verdict"))))


class Watch:
    """Applies a violation once the tests are collected, and stops when it is found.

    Args:
        violation: Which one; None for the program as it is.
        file: Where the verdict goes.
    """

    def __init__(self, violation: Violation | None, file: str) -> None:
        self._violation, self._file = violation, file
        self._failed: dict[str, str] = {}
        self._broken: tuple[str, str] | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Run the slowest tests last."""
        items.sort(key=lambda item: any(slow in item.nodeid for slow in _SLOWEST))

    def pytest_collection_finish(self) -> None:
        """Put the violation in."""
        if self._violation and self._violation.apply:
            try:
                self._violation.apply()
            except CannotApplyError as error:
                self._write("can't be applied", "", str(error))
                pytest.exit(str(error), returncode=4)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note how a test ends."""
        report = yield
        if report.failed and call.excinfo is not None:
            text = str(call.excinfo.value).strip().partition("\n")[0][:200] or call.excinfo.typename
            if is_check(call.excinfo.value) and call.when != "setup":
                self._failed.setdefault(item.nodeid, text)
            else:
                self._broken = self._broken or (item.nodeid, f"{call.excinfo.typename}: {text}")
            if self._is_found:
                item.session.shouldstop = "found"
        return report

    @property
    def _is_found(self) -> bool:
        needed = self._violation.needed if self._violation else ()
        return bool(self._failed) and all(any(n in test for test in self._failed) for n in needed)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the verdict."""
        if self._is_found:
            self._write("found", *next(iter(self._failed.items())))
        elif self._broken or not session.testscollected:
            self._write("broken", *(self._broken or ("", "there are no tests")))
        else:
            self._write("survived", *next(iter(self._failed.items()), ("", "")))

    def _write(self, outcome: str, test: str, text: str) -> None:
        if self._file and not Path(self._file).exists():
            Path(self._file).write_text(json.dumps([outcome, test, text]), encoding="utf-8")


def is_check(error: BaseException) -> bool:
    """Tell whether a test failed by what it asserts, not by accident."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_check(inner) for inner in error.exceptions)
    if isinstance(error, (LookupError, AttributeError, TypeError, ValueError)) and not isinstance(
        error, KlingError
    ):
        return _is_raised_in_a_test(error)
    return isinstance(error, (AssertionError, pytest.fail.Exception, KlingError, SpecError))


def _is_raised_in_a_test(error: BaseException) -> bool:
    """Tell whether a test itself looked for what should have been there, e.g. a header of a request."""
    trace: Any = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    return Path(trace.tb_frame.f_code.co_filename).name.startswith("test_")
