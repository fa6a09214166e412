"""A fresh mock for each test, called in process under a clock that stands still."""

import pytest

from contract_tests.mock.api import Api


@pytest.fixture
def api() -> Api:
    return Api()
