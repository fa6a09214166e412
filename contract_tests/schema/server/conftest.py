"""The target of a test: fresh for each, and held to all rules when the test ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server import default_target
from contract_tests.schema.server.configuration import Configuration, ConfigurationError, from_environment
from contract_tests.schema.server.guard import NotSentError
from contract_tests.schema.server.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


@pytest.fixture(scope="session")
def configuration() -> Configuration:
    """How this run is set up."""
    try:
        return from_environment()
    except ConfigurationError as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def remote(configuration: Configuration) -> Iterator[default_target.Remote | None]:
    """The origin of the run; None for the mock."""
    if configuration.url is None:
        yield None
        return
    with default_target.remote(configuration) as found:
        yield found


@pytest.fixture
def target(configuration: Configuration, remote: default_target.Remote | None) -> Iterator[Target]:
    """The server under test; when the test ends, its answers are held to all rules."""
    if remote is not None:
        yield remote.target()
        return
    with default_target.in_process(configuration) as found:
        yield found


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Hold a test's answers to all rules; skip it where the guard keeps a request back."""
    target = pyfuncitem.funcargs.get("target")
    held: Callable[[], None] = target.assert_clean if isinstance(target, Target) else _nothing
    try:
        done = yield
    except NotSentError as kept_back:
        held()
        pytest.skip(str(kept_back))
    except pytest.skip.Exception:
        held()
        raise
    held()
    return done


def _nothing() -> None:
    pass
