"""Fixtures of pytest for code that uses `kling_elements`: a mock of the service, and clients of it.

pytest finds this module by its entry point. It stands beside the client and the mock, which don't know each
other, and imports them when a test asks for a fixture: the mock needs the extra `mock`.

Time is the mock's own (a `ManualClock`): clients sleep by moving it forward, so that no test waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_elements import AsyncKlingElements, KlingElements
    from kling_elements_mock import ServedMock

_MARKERS = (
    "kling_mock(**settings): fields of `MockSettings` for the fixture `kling_mock`, e.g. pace=Seconds(120)",
    "kling_scenario(text, operation=None, times=1): what happens to the next requests; the mock's scenarios",
)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.fixture
def kling_mock(request: pytest.FixtureRequest) -> Iterator[ServedMock]:
    """Serve a mock of the service for one test: `url`, and `mock` with its requests, tasks and controls."""
    from kling_elements_mock import ManualClock, MockSettings, serve  # noqa: PLC0415 - an extra

    settings: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("kling_mock"))):  # the closest has the last word
        if marker.args:
            raise pytest.UsageError(f"kling_mock takes keywords, e.g. pace=Seconds(120): got {marker.args}")
        settings |= marker.kwargs
    with serve(MockSettings(**settings), clock=ManualClock()) as served:
        for marker in reversed(list(request.node.iter_markers("kling_scenario"))):
            served.mock.next_scenario(*marker.args, **marker.kwargs)
        yield served


@pytest.fixture
def kling_client(kling_mock: ServedMock) -> Iterator[KlingElements]:
    """Return a client of the mock. It records nothing on the disk."""
    from kling_elements import KlingElements  # noqa: PLC0415 - only for who asks for it

    with KlingElements(sleep=kling_mock.mock.advance, **_options(kling_mock)) as client:
        yield client


@pytest.fixture
def async_kling_client(kling_mock: ServedMock) -> AsyncKlingElements:
    """Return an asynchronous client of the mock, for any event loop. It keeps nothing open."""
    import anyio.to_thread

    from kling_elements import AsyncKlingElements  # noqa: PLC0415

    async def sleep(seconds: float) -> None:
        await anyio.to_thread.run_sync(kling_mock.mock.advance, seconds)  # it may deliver webhooks

    return AsyncKlingElements(sleep=sleep, **_options(kling_mock))


def _options(served: ServedMock) -> dict[str, Any]:
    from kling_elements import Limits  # noqa: PLC0415 - only for who asks for it

    clock = served.mock.clock.monotonic
    return {
        "api_key": "any",
        "base_url": served.url,
        "clock": clock,
        "journal": "off",
        "limits": Limits.off(),
    }
