"""A stand-in for the Kling Elements API: stateful, driven by the OpenAPI document, with real videos.

In a test::

    from kling_elements_mock import INSTANT, MockSettings, serve

    with serve(MockSettings(pace=INSTANT)) as served:
        client = KlingElements(api_key="any", base_url=served.url)
        ...
        assert len(served.mock.tasks) == 1

As an ASGI application: `create_app()`; its state is `app.state.mock`.
From a terminal: `python -m kling_elements_mock --port 8080`.
"""

try:
    from kling_elements_mock.document.node import DocumentError
    from kling_elements_mock.http.app import create_app
    from kling_elements_mock.http.server import ServedMock, serve
    from kling_elements_mock.mock import Mock, RecordedRequest
    from kling_elements_mock.settings import WEBHOOK_SECRET, MockSettings
    from kling_elements_mock.tasks.clock import Clock, ManualClock, SystemClock
    from kling_elements_mock.tasks.life_cycle import INSTANT, Polls, Seconds
    from kling_elements_mock.tasks.limits import VENDOR_CONCURRENCY, VENDOR_RATE_LIMITS, RateLimit
    from kling_elements_mock.tasks.scenarios import CATALOGUE, Scenario, ScenarioError
    from kling_elements_mock.tasks.store import Task
    from kling_elements_mock.tasks.webhooks import Delivery
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"the mock needs {error.name}, which is not installed: pip install 'kling-elements[mock]'",
        name=error.name,
    ) from None

__all__ = [
    "CATALOGUE",
    "INSTANT",
    "VENDOR_CONCURRENCY",
    "VENDOR_RATE_LIMITS",
    "WEBHOOK_SECRET",
    "Clock",
    "Delivery",
    "DocumentError",
    "ManualClock",
    "Mock",
    "MockSettings",
    "Polls",
    "RateLimit",
    "RecordedRequest",
    "Scenario",
    "ScenarioError",
    "Seconds",
    "ServedMock",
    "SystemClock",
    "Task",
    "create_app",
    "serve",
]
