"""Watches a whole run for keys and for signatures of results in places that need neither.

What is watched, in every test: each log record of each logger at every level, though no test sees more
records than without this; what a test prints, or reads from `capsys` or from a process; each error of the
client, as text, repr and pickle; and, at the end of the run, the bytes of each journal.

The keys are those that clients were given in this process, and those of the tests that start others.
"""

import logging
import pickle
import re
import traceback
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from attrs import define, field

from kling_elements import errors
from kling_elements.api.auth import ApiKey
from kling_elements.errors import KlingError

_LEAST_KEY = 12  # characters; a shorter key is found in ordinary words
_SIGNATURE = re.compile(r"hmac=[0-9a-zA-Z]")
_MOST_ERRORS = 200  # kept until their test ends
_MOST_TRACEBACKS = 10  # of those; it takes a millisecond each
_PACKAGE = Path(errors.__file__).parent
_FORMATTER = logging.Formatter("%(message)s")
KEYS_OF_PROCESSES = frozenset({"fpk-0123456789-secret", "key-of-the-tests-0123456789"})


@define
class Watch:
    """What was found where it should not be; `signs` says whether signatures are looked for."""

    keys: set[str] = field(factory=lambda: set(KEYS_OF_PROCESSES))
    leaks: list[str] = field(factory=list)
    signs: bool = True

    def look(self, where: str, text: str, *, may_sign: bool = False) -> None:
        """Look for keys in a text, and for signatures unless they may be there."""
        found = "a key" if any(key in text for key in self.keys) else None
        if not found and self.signs and not may_sign and _SIGNATURE.search(text):
            found = "a result's signature"
        if found:
            self.leaks.append(f"{found} in {where}: {text[:1000]}")

    def take(self) -> list[str]:
        leaks, self.leaks = self.leaks, []
        return leaks


watch = Watch()
_errors: list[KlingError] = []


def _look_at_record(record: logging.LogRecord) -> None:
    """Look at a log record as a handler would show it, its traceback included."""
    try:
        text = _FORMATTER.format(record)
    except Exception:  # noqa: BLE001 - its arguments don't fit; another test's matter
        text = f"{record.msg!r} {record.args!r}"
    # The stand-in's own server logs what it is asked: it is the service, not the client.
    watch.look(f"the log of {record.name}", text, may_sign=record.name.startswith("uvicorn"))


def _look_at_errors() -> None:
    """Look at the errors made since, and all that they carry; bodies and a task's URL may be signed."""
    made, _errors[:] = list(_errors), []
    for error in made:
        name = type(error).__name__
        watch.look(f"the text of {name}", f"{error} {error!r}")
        watch.look(f"the attributes of {name}", repr(vars(error)), may_sign=True)
        with suppress(Exception):  # whether it can be pickled is proven elsewhere
            text = pickle.dumps(error, protocol=0).decode("latin-1")
            watch.look(f"the pickle of {name}", text, may_sign=True)
    for frame, _ in chain(*(traceback.walk_tb(error.__traceback__) for error in made[:_MOST_TRACEBACKS])):
        path = Path(frame.f_code.co_filename)
        # The command line shows no traceback.
        if path.is_relative_to(_PACKAGE) and "cli" not in path.parts:
            for name, value in frame.f_locals.items():
                watch.look(f"{frame.f_code.co_name}'s variable {name}", _shown(value), may_sign=True)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - one entry's fault is not another's; it is in the result
        return f"<{type(error).__name__} in its repr>"


def _look_at_output(output: str | bytes | None, told: str | bytes | None) -> None:
    # The addresses of results are what some commands are asked for: they go to stdout.
    for name, said, may_sign in (("stdout", output, True), ("stderr", told, False)):
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said or ""
        watch.look(name, text, may_sign=may_sign)


def look_at_journals(folder: Path) -> None:
    for path in folder.rglob("*.sqlite3*"):
        if path.is_file():
            watch.look(f"the journal {path.name}", path.read_bytes().decode("latin-1"), may_sign=True)


def fail_if_found() -> None:
    """Fail the test that runs, if anything was found since the last call."""
    _look_at_errors()
    if leaks := watch.take():
        pytest.fail("\n".join(leaks), pytrace=False)


def install(patch: pytest.MonkeyPatch) -> None:
    """Begin to watch; undone with the patch."""
    make_key, make_error = ApiKey.__init__, KlingError.__init__
    handle, is_enabled = logging.Logger.handle, logging.Logger.isEnabledFor
    communicate, read = Popen.communicate, pytest.CaptureFixture.readouterr

    def learn(self: ApiKey, value: str) -> None:
        make_key(self, value)
        if len(value) >= _LEAST_KEY:
            watch.keys.add(value)

    def note(self: KlingError, *args: Any, **options: Any) -> None:
        make_error(self, *args, **options)
        _errors.append(self)  # its subclass has not finished yet
        if len(_errors) > _MOST_ERRORS:
            _look_at_errors()

    def look_and_handle(self: logging.Logger, record: logging.LogRecord) -> None:
        # As a handler sees it: the logger's own filters come first.
        if passed := self.filter(record):
            _look_at_record(passed if isinstance(passed, logging.LogRecord) else record)
        if is_enabled(self, record.levelno):
            handle(self, record)

    def look_at_process(self: Popen[Any], *args: Any, **options: Any) -> tuple[Any, Any]:
        said = communicate(self, *args, **options)
        _look_at_output(*said)
        return said

    def look_at_capture(self: pytest.CaptureFixture[Any]) -> Any:
        captured = read(self)
        _look_at_output(captured.out, captured.err)
        return captured

    patch.setattr(ApiKey, "__init__", learn)
    patch.setattr(KlingError, "__init__", note)
    patch.setattr(logging.Logger, "handle", look_and_handle)
    patch.setattr(logging.Logger, "isEnabledFor", lambda self, level: not self.disabled)
    patch.setattr(Popen, "communicate", look_at_process)
    patch.setattr(pytest.CaptureFixture, "readouterr", look_at_capture)


# Their tests fetch results with an httpx of their own, which logs as ever; no client of ours is at work.
_WITHOUT_CLIENT = frozenset({"mock", "server", "server_itself"})


class Plugin:
    """Fails the test in which something was found: in its set-up, itself, its tear-down or its output."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        watch.signs = _WITHOUT_CLIENT.isdisjoint(item.path.parts)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def _look(self) -> Iterator[None]:
        yield
        fail_if_found()

    pytest_runtest_setup = pytest_runtest_call = pytest_runtest_teardown = _look

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Any:
        report = yield
        _look_at_output(report.capstdout, report.capstderr)
        if report.passed and (leaks := watch.take()):
            report.outcome, report.longrepr = "failed", "\n".join(leaks)
        return report
