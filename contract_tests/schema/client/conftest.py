"""What the tests of the client side share."""

import pytest

from contract_tests.support.clients import ASYNC, SYNC, Driver


@pytest.fixture(params=[SYNC, ASYNC], ids=["sync", "async"])
def driver(request: pytest.FixtureRequest) -> Driver:
    found: Driver = request.param
    return found
