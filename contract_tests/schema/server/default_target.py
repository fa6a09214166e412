"""Makes targets: the mock in this process, by its public interface, or the origin of the run."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contract_tests.schema.server.backends import Backend
from contract_tests.schema.server.guard import Guard
from contract_tests.schema.server.ledger import Ledger
from contract_tests.schema.server.target import Target
from kling_elements_mock import WEBHOOK_SECRET, MockSettings, Polls, create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.applications import Starlette

    from contract_tests.schema.server.backends import ASGIApp
    from contract_tests.schema.server.configuration import Configuration

ORIGIN = "http://contract.test"
OTHER_KEY = "another-suite-key-2"
STAND_IN_SECRET = "stand-in-secret"
_POLLS = 3


# What answers in place of the mock; who wants to see the suite bite puts another application here.
stand_in: Callable[[Configuration], ASGIApp] | None = None


# Reading the document takes longer than most tests: a mock is reset and used again by the next one.
_idle: dict[str, list[Starlette]] = {}


@contextmanager
def in_process(configuration: Configuration, **settings: Any) -> Iterator[Target]:
    """Give a fresh mock as a target.

    Args:
        configuration: The run's.
        **settings: Of the mock, beside those that the suite needs.
    """
    guard = Guard(configuration.profile, (configuration.key, OTHER_KEY), configuration.cap)
    if stand_in is not None:
        backend = Backend(ORIGIN, stand_in(configuration))
        try:
            yield Target(backend, ORIGIN, configuration.key, guard, OTHER_KEY, STAND_IN_SECRET)
        finally:
            backend.close()
        return
    needed = {
        "pace": Polls(_POLLS),
        "seed": f"contract-{configuration.seed}",
        "keys": (configuration.key, OTHER_KEY),
        "webhook_secret": WEBHOOK_SECRET,
    }
    wanted = MockSettings(**{**needed, **settings})
    idle = _idle.setdefault(repr(wanted), [])
    app = idle.pop() if idle else create_app(wanted)
    app.state.mock.reset()
    backend = Backend(ORIGIN, app)
    try:
        yield Target(backend, ORIGIN, configuration.key, guard, OTHER_KEY, WEBHOOK_SECRET)
    finally:
        backend.close()
        idle.append(app)


@dataclass(frozen=True)
class Remote:
    """An origin, with what is kept of it from test to test: its tasks, and what was spent."""

    configuration: Configuration
    backend: Backend
    guard: Guard
    ledger: Ledger

    def target(self) -> Target:
        """Give a target for one test."""
        run = self.configuration
        return Target(
            self.backend,
            str(run.url),
            run.key,
            self.guard,
            run.other_key,
            run.webhook_secret,
            ledger=self.ledger,
        )


@contextmanager
def remote(configuration: Configuration) -> Iterator[Remote]:
    """Reach the origin that the run is pointed at."""
    backend = Backend(str(configuration.url))
    keys = tuple(filter(None, (configuration.key, configuration.other_key)))
    try:
        yield Remote(configuration, backend, Guard(configuration.profile, keys, configuration.cap), Ledger())
    finally:
        backend.close()
