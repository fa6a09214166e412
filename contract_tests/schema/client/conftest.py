"""What the tests of the client side share."""

from __future__ import annotations

import os

import pytest

from contract_tests.support.clients import ASYNC, SYNC, Driver


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().endswith(("_API_KEY", "_PROXY", "_BASE_URL")):
            monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=[SYNC, ASYNC], ids=["sync", "async"])
def driver(request: pytest.FixtureRequest) -> Driver:
    found: Driver = request.param
    return found
