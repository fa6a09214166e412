"""Runs tests against violations, in a process that forks for each: the tests are collected once.

    python -m contract_tests.violations.runner PIPE JOBS TEST,… KIND:NAME…

`-` for a violation is the program as it is. A violation is found only if a test *fails*: by an assertion, by
an expected error that did not come, or by the program's typed refusal of valid input. A test that breaks in
another way finds nothing. A line of JSON goes into the pipe for each: name, outcome, test, message, seconds.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from traceback import extract_tb
from typing import Any, Final

import hypothesis
import pytest
from attrs import define, field

from contract_tests.violations.page import found_by
from contract_tests.violations.violation import KINDS, CannotApplyError, Kind, Violation, violations

_OPTIONS: Final = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist",
                   "-W", "ignore::pytest.PytestAssertRewriteWarning")  # fmt: skip
_PATIENCE: Final = 600  # seconds; a violation may make a test wait for ever


@define(eq=False)
class Runner:
    """The plugin that runs the collected tests once for each violation, until one finds it."""

    pipe: int
    jobs: int
    violations: dict[str, Violation | None]
    failed: dict[str, str] = field(factory=dict)
    broken: tuple[str, str] | None = None
    needed: tuple[str, ...] = ()

    def pytest_configure(self) -> None:
        """Let Hypothesis not shrink: it helps a reader, and takes minutes."""
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        quiet: dict[str, Any] = {"database": None, "deadline": None, "derandomize": True, "print_blob": False}
        hypothesis.settings.register_profile("violations", phases=phases, **quiet)
        hypothesis.settings.load_profile("violations")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        children: dict[int, str] = {}
        waiting = list(self.violations)
        while waiting or children:
            if waiting and len(children) < self.jobs:
                name = waiting.pop(0)
                pid = os.fork()
                if not pid:
                    self._judge(session, name)
                children[pid] = name
                continue
            pid, status = os.wait()
            name = children.pop(pid)
            if status:
                outcome = "timed out" if os.WIFSIGNALED(status) else "broken"
                self._write(name, outcome, "", f"status {status}", 0.0)
        return True

    def _judge(self, session: pytest.Session, name: str) -> None:
        """Run the tests against one violation, write the verdict, and end this process."""
        code, started = 1, time.monotonic()
        try:
            signal.alarm(_PATIENCE)
            nothing = os.open(os.devnull, os.O_WRONLY)
            for stream in (1, 2):
                os.dup2(nothing, stream)
            with tempfile.TemporaryDirectory(prefix="violation-") as tempfile.tempdir:
                self._write(name, *self._run(session, self.violations[name]), time.monotonic() - started)
            code = 0
        finally:
            os._exit(code)

    def _run(self, session: pytest.Session, violation: Violation | None) -> tuple[str, str, str]:
        # What found it last time runs first: it saves time, and changes no verdict.
        near = found_by().get(violation.name, "") if violation else ""
        items = sorted(session.items, key=lambda item: not _name(item.nodeid).startswith(near))
        if violation:
            self.needed = violation.needed
            try:
                violation.apply()
            except CannotApplyError as error:
                return "can't be applied", "", str(error)
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None if self._found else following)
            if self._found:
                return ("found", *next(iter(self.failed.items())))
        if self.broken or not items:
            test, text = self.broken or ("", "there are no tests")
            return "broken", test, text
        test, text = next(iter(self.failed.items()), ("", ""))
        return "survived", test, text

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed and call.excinfo is not None:
            text = str(call.excinfo.value).strip().partition("\n")[0][:200] or call.excinfo.typename
            if is_check(call.excinfo.value) and call.when != "setup":
                self.failed.setdefault(_name(item.nodeid), text)
            else:
                self.broken = self.broken or (_name(item.nodeid), f"{call.excinfo.typename}: {text}")
        return report

    @property
    def _found(self) -> bool:
        return bool(self.failed) and all(any(n in test for test in self.failed) for n in self.needed)

    def _write(self, *verdict: Any) -> None:
        os.write(self.pipe, f"{json.dumps(verdict)}\n".encode())


def _name(test: str) -> str:
    return test.removeprefix("contract_tests/")


def is_check(error: BaseException) -> bool:
    """Tell whether a test failed by what it asserts, not by accident."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_check(inner) for inner in error.exceptions)
    # Only if whoever ran has imported them: the server side must not import the client.
    paths = {"kling_elements.errors": "KlingError", "spec.tools.errors": "SpecError"}
    known = [(sys.modules[module], name) for module, name in paths.items() if module in sys.modules]
    refusals = tuple(getattr(module, name) for module, name in known)
    if isinstance(error, (AssertionError, pytest.fail.Exception, *refusals)):
        return True
    # A test itself may have looked for what should have been there, e.g. a header of a request.
    looked_for = isinstance(error, (LookupError, AttributeError, TypeError, ValueError))
    return looked_for and Path(extract_tb(error.__traceback__)[-1].filename).name.startswith("test_")


def main(arguments: Sequence[str]) -> None:
    pipe, jobs, tests, *names = arguments
    kinds: list[Kind] = [kind for kind in KINDS if any(name.startswith(f"{kind}:") for name in names)]
    known = {str(v): v for kind in kinds for v in violations(kind)}
    files = [f"contract_tests/{test}" for test in tests.split(",")]
    runner = Runner(int(pipe), int(jobs), {name: known.get(name) for name in names})
    pytest.main([*_OPTIONS, *files], plugins=[runner])


if __name__ == "__main__":
    main(sys.argv[1:])
