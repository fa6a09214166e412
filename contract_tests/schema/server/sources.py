"""Makes the target of each test: the mock in this process, an application in its place, or an origin."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from contract_tests.schema.server.configuration import Configuration
from contract_tests.schema.server.exchange import Backend
from contract_tests.schema.server.guard import Guard
from contract_tests.schema.server.ledger import Ledger
from contract_tests.schema.server.target import Target
from kling_elements_mock import WEBHOOK_SECRET, MockSettings, Polls, create_app

ORIGIN: Final = "http://contract.test"
OTHER_KEY: Final = "another-suite-key-2"
STAND_IN_SECRET: Final = "stand-in-secret"
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)

# What answers in place of the mock; who wants to see the suite bite puts another application here.
stand_in: Callable[[Configuration], Any] | None = None


@contextmanager
def opened(run: Configuration) -> Iterator[Callable[[], Target]]:
    """Give what makes the target of each test, for as long as the context lasts."""
    other_key = run.other_key if run.url else OTHER_KEY
    keys = (run.key, *([other_key] if other_key else []))
    secret = run.webhook_secret if run.url else STAND_IN_SECRET if stand_in else WEBHOOK_SECRET
    guard, ledger, mock = Guard(run.profile, keys, run.cap), Ledger(), None
    if not run.url and not stand_in:
        seed = f"contract-{run.seed}"
        mock = create_app(MockSettings(document=run.document, pace=Polls(3), seed=seed, keys=keys))
    transport = httpx.ASGITransport(app=mock)  # type: ignore[arg-type]  # without a mock, each test puts one in
    mounts = {} if run.url else {ORIGIN: transport}
    loop = asyncio.new_event_loop()
    client = httpx.AsyncClient(mounts=mounts, timeout=_TIMEOUT)
    backend = Backend(httpx.URL(run.url or ORIGIN), client, loop)

    def target() -> Target:
        # An origin keeps over the tests what is known of its tasks, and what was spent. The mock forgets all.
        more: dict[str, Any] = {"known": run.known, "images": run.images}
        if run.url:
            return Target(backend, run.url, run.key, guard, other_key, secret, ledger, **more)
        if mock is not None:
            mock.state.mock.reset()
        elif stand_in is not None:
            transport.app = stand_in(run)
        fresh = Guard(run.profile, keys, run.cap)
        return Target(backend, ORIGIN, run.key, fresh, other_key, secret, **more)

    try:
        yield target
    finally:
        loop.run_until_complete(client.aclose())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
