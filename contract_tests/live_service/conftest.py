"""A service for the canary: the mock, with answers that a test may alter."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.loopback import serving
from kling_elements.api.endpoints import MODELS
from kling_elements.canary import examine, plan
from kling_elements.document import load_document
from kling_elements.settings import resolve_settings
from kling_elements_mock import MockSettings, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract_tests.support.loopback import Answer, Asked
    from kling_elements.api.auth import Settings

KEY = "fpk-0123456789-secret"


@dataclass
class Service:
    """A served mock.

    Attributes:
        url: Its origin.
        asked: The requests that it got.
        tasks: How many tasks it has made.
    """

    url: str
    asked: list[Asked]
    tasks: Callable[[], int]

    @property
    def settings(self) -> Settings:
        """The client's settings for it."""
        return resolve_settings(api_key=KEY, base_url=self.url, auth_header=None, timeout=10, environ={})

    def deviations(self) -> dict[str, list[str]]:
        """What the canary says, by probe; those without a deviation left out."""
        document = load_document()
        probes, _ = plan(document, MODELS)
        told = examine(document, probes, self.settings)
        return {probe.name: [each.text for each in found] for probe, found in told if found}


@pytest.fixture
def service() -> Callable[..., Any]:
    """Serve a mock that knows one key, and whose answers a function alters."""

    @contextmanager
    def start(alter: Callable[[Asked, Answer], Answer] = lambda _, answer: answer) -> Iterator[Service]:
        with (
            serve(MockSettings(keys=(KEY,))) as mock,
            httpx.Client(base_url=mock.url, trust_env=False) as inner,
        ):

            def answer(asked: Asked) -> Answer:
                headers = {name: value for name, value in asked.headers.items() if name != "host"}
                got = inner.request(asked.method, asked.path, headers=headers, content=asked.body)
                given = {
                    name: value
                    for name, value in got.headers.items()
                    if name not in {"content-length", "connection", "transfer-encoding"}
                }
                status, given, body = alter(asked, (got.status_code, given, got.content))
                return status, {**given, "content-length": str(len(body))}, body

            with serving(answer) as loopback:
                yield Service(loopback.url, loopback.asked, lambda: len(mock.mock.tasks))

    return start
