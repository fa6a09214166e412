"""The target of a test: held to all rules when the test ends. What matters most runs first."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from contract_tests.schema.server import neighbour, sources
from contract_tests.schema.server.configuration import Configuration, ConfigurationError, from_environment
from contract_tests.schema.server.exchange import NoAnswerError
from contract_tests.schema.server.guard import NotSentError
from contract_tests.schema.server.patience import Patience
from contract_tests.schema.server.target import Target
from contract_tests.schema.server.verdicts import Line, note, rule_of
from contract_tests.support.loopback import Loopback

# A cap on tasks, or a day's quota, may end before the run does: tasks, keys and uploads come before bodies.
_ORDER: Final = ("lives", "keys", "uploads", "tasks", "methods", "bodies", "answers", "schemathesis")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files of this folder last, sorted by what matters most."""

    def place(item: pytest.Item) -> int:
        is_here = item.path.parent == Path(__file__).parent
        return _ORDER.index(item.path.stem.removeprefix("test_")) if is_here else -1

    items.sort(key=place)


@pytest.fixture(scope="session")
def configuration() -> Configuration:
    try:
        return from_environment()
    except ConfigurationError as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def near() -> Iterator[Loopback]:
    with neighbour.listening() as found:
        yield found


@pytest.fixture(scope="session")
def patience(configuration: Configuration, pytestconfig: pytest.Config) -> Patience:
    """How long the run waits; it says what for on the terminal, past pytest's capturing."""
    capture: Any = pytestconfig.pluginmanager.getplugin("capturemanager")
    terminal: Any = pytestconfig.pluginmanager.getplugin("terminalreporter")

    def say(text: str) -> None:
        if capture is not None and terminal is not None:
            with capture.global_and_fixture_disabled():
                terminal.write_line(f"  {text}")

    return Patience(configuration.wait, say)


@pytest.fixture(scope="session")
def new_target(configuration: Configuration) -> Iterator[Callable[[], Target]]:
    with sources.opened(configuration) as found:
        yield found


@pytest.fixture
def target(
    request: pytest.FixtureRequest, new_target: Callable[[], Target], near: Loopback, patience: Patience
) -> Target:
    """The server under test; when the test ends, its answers are held to all rules."""
    target = new_target()
    target.rule, target.patience = rule_of(request.function), patience
    if not target.images and target.is_near and not target.offered:
        target.images = tuple(near.url + path for path in neighbour.IMAGES)
    return target


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Hold a test's answers to all rules; skip it where the guard keeps a request back."""
    target = pyfuncitem.funcargs.get("target")
    if not isinstance(target, Target):
        return (yield)
    done, skipped = None, ""
    try:
        done = yield
    except (NotSentError, pytest.skip.Exception) as kept_back:
        skipped = str(kept_back)
    except (AssertionError, LookupError, TypeError, ValueError, AttributeError, NoAnswerError) as error:
        # What a rule has seen says more than where the test broke because of it.
        target.broke(error)
    target.assert_clean()
    note(Line(target.rule, "skipped" if skipped else "held", skipped))
    if skipped:
        pytest.skip(skipped)
    return done
