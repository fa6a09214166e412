"""One client for most tests here: both download by one core. `any_driver` is each kind, under each loop."""

from __future__ import annotations

import pytest

from contract_tests.support.clients import SYNC, Driver


@pytest.fixture
def driver() -> Driver:
    """The synchronous client."""
    return SYNC
