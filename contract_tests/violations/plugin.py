"""A pytest plugin that collects once, and then runs the tests in a forked process for each violation.

A violation is found only if a test *fails*: by an assertion, by an expected error that did not come, or by
the program's typed refusal of valid input. A test that breaks in another way finds nothing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import hypothesis
import pytest

from contract_tests.violations.violation import CannotApplyError, Violation

if TYPE_CHECKING:
    from collections.abc import Generator

_SLOWEST: Final = ("test_schemathesis", "test_runs", "test_profiles")
_PATIENCE: Final = 600  # seconds; a violation may make a test wait for ever


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addoption(
        "--violations", default="", help="kind:name, separated by commas; `-`: the program as it is"
    )
    parser.addoption("--verdicts", default="", help="file that a line is added to for each violation")
    parser.addoption("--at-once", type=int, default=1, help="how many processes")


def pytest_configure(config: pytest.Config) -> None:
    """Watch the runs of the violations that were asked for."""
    # Shrinking helps a reader, and takes minutes.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    quiet: dict[str, Any] = {"database": None, "deadline": None, "derandomize": True, "print_blob": False}
    hypothesis.settings.register_profile("violations", phases=phases, **quiet)
    hypothesis.settings.load_profile("violations")
    names = str(config.getoption("violations")).split(",")
    kinds = {name.partition(":")[0] for name in names if ":" in name}
    # Only the violations' own kinds: the others' imports take seconds.
    modules = [import_module(f"contract_tests.violations.{kind}") for kind in kinds]
    known = {str(v): v for module in modules for v in module.VIOLATIONS}
    file, at_once = Path(str(config.getoption("verdicts"))), int(str(config.getoption("at_once")))
    config.pluginmanager.register(Watch({name: known.get(name) for name in names}, file, at_once))


class Watch:
    """Runs the collected tests once for each violation, until one finds it."""

    def __init__(self, violations: dict[str, Violation | None], file: Path, at_once: int) -> None:
        self._violations, self._file, self._at_once = violations, file, at_once
        self._failed: dict[str, str] = {}
        self._broken: tuple[str, str] | None = None
        self._running: Violation | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Fork a process for each violation."""
        children: dict[int, str] = {}

        def wait() -> None:
            pid, status = os.wait()
            name = children.pop(pid)
            if status:
                outcome = "timed out" if os.WIFSIGNALED(status) else "broken"
                self._write(name, outcome, "", f"status {status}", 0.0)

        for name, violation in self._violations.items():
            if len(children) >= self._at_once:
                wait()
            pid = os.fork()
            if not pid:
                self._judge(session, name, violation)
            children[pid] = name
        while children:
            wait()
        return True

    def _judge(self, session: pytest.Session, name: str, violation: Violation | None) -> None:
        """Run the tests against one violation, write the verdict, and end this process."""
        code, started = 1, time.monotonic()
        try:
            signal.alarm(_PATIENCE)
            with (
                tempfile.TemporaryDirectory(prefix="violation-") as folder,
                Path(os.devnull).open("w") as nothing,
            ):
                os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
                for stream in (1, 2):
                    os.dup2(nothing.fileno(), stream)
                self._running = violation
                verdict = self._run(session, violation)
                self._write(name, *verdict, time.monotonic() - started)
                code = 0
        finally:
            os._exit(code)

    def _run(self, session: pytest.Session, violation: Violation | None) -> tuple[str, str, str]:
        near = violation.near if violation else ""
        slowness = {item: any(slow in item.nodeid for slow in _SLOWEST) for item in session.items}
        items = sorted(session.items, key=lambda item: (not (near and near in item.nodeid), slowness[item]))
        if violation and violation.apply:
            try:
                violation.apply()
            except CannotApplyError as error:
                return "can't be applied", "", str(error)
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(
                item=item, nextitem=None if self._is_found else following
            )
            if self._is_found:
                return ("found", *next(iter(self._failed.items())))
        if self._broken or not items:
            test, text = self._broken or ("", "there are no tests")
            return "broken", test, text
        test, text = next(iter(self._failed.items()), ("", ""))
        return "survived", test, text

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
        return report

    @property
    def _is_found(self) -> bool:
        needed = self._running.needed if self._running else ()
        return bool(self._failed) and all(any(n in test for test in self._failed) for n in needed)

    def _write(self, *verdict: Any) -> None:
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(verdict) + "\n")


def is_check(error: BaseException) -> bool:
    """Tell whether a test failed by what it asserts, not by accident."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_check(inner) for inner in error.exceptions)
    # Only if whoever ran has imported them: the server side must not import the client.
    paths = {"kling_elements.errors": "KlingError", "spec.tools.errors": "SpecError"}
    refusals = tuple(
        getattr(sys.modules[module], name) for module, name in paths.items() if module in sys.modules
    )
    if isinstance(error, (AssertionError, pytest.fail.Exception, *refusals)):
        return True
    return isinstance(error, (LookupError, AttributeError, TypeError, ValueError)) and _is_raised_in_a_test(
        error
    )


def _is_raised_in_a_test(error: BaseException) -> bool:
    """Tell whether a test itself looked for what should have been there, e.g. a header of a request."""
    trace: Any = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    return Path(trace.tb_frame.f_code.co_filename).name.startswith("test_")
