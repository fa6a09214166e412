"""What the client's tests share."""

from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec

import pytest

from contract_tests.support.clients import ASYNC, SYNC, TRIO, Driver, FakeTime
from contract_tests.support.transports import TransportKind
from kling_elements.journal import Journal


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        for spelling in (name, name.lower()):
            monkeypatch.delenv(spelling, raising=False)


@pytest.fixture
def driver() -> Driver:
    """The synchronous client, for most tests: both clients run one core."""
    return SYNC


_NO_TRIO = pytest.mark.skipif(find_spec("trio") is None, reason="trio is not installed")


@pytest.fixture(params=[SYNC, ASYNC, pytest.param(TRIO, marks=_NO_TRIO)], ids=["sync", "asyncio", "trio"])
def any_driver(request: pytest.FixtureRequest) -> Driver:
    """Either kind of client, the asynchronous one under each event loop."""
    found: Driver = request.param
    return found


@pytest.fixture(params=[None, "asyncio"], ids=["sync", "asyncio"])
def kind(request: pytest.FixtureRequest) -> TransportKind:
    """Either kind of transport; `any_driver` runs the asynchronous one under trio too."""
    return TransportKind(request.param)


@pytest.fixture
def journal() -> Iterator[Journal]:
    """A journal in memory."""
    with closing(Journal.open("off")) as found:
        yield found


@pytest.fixture
def time() -> FakeTime:
    """A clock that moves only when somebody sleeps."""
    return FakeTime()
