"""For every test: nothing of this machine's user is read or written, and none feels another's requests."""

import gc
import os
from collections.abc import Generator, Iterator
from itertools import count

import hypothesis
import pytest

from contract_tests.support import hygiene
from contract_tests.support.examples import examples
from kling_elements.policy import rate_limits

_VARIABLES = ("KLING_ELEMENTS_API_KEY", "FREEPIK_API_KEY", "MAGNIFIC_API_KEY", "KLING_ELEMENTS_BASE_URL")
_NUMBERS = count()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    # Servers of two tests may have had the same port, and then the same tasks: a journal is of one test.
    journal = tmp_path_factory.getbasetemp() / "journals" / f"{next(_NUMBERS)}.sqlite3"
    monkeypatch.setenv("KLING_ELEMENTS_JOURNAL", str(journal))
    if not os.environ.get("CONTRACT_URL"):
        # Nobody connects with TLS here, and to read the system's certificates takes 40 ms for each client.
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path_factory.getbasetemp()))
    # The rate limiter is the process's own, and a test's many requests would slow down the next one's.
    monkeypatch.setattr(rate_limits, "_limiters", {})


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector: what is collected stays, and it would look at it all again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """Watch the whole run for keys that are shown; draw few examples where a test names no number."""
    hypothesis.settings.register_profile("quick", examples(25), derandomize=False)
    hypothesis.settings.load_profile("quick")
    patch = pytest.MonkeyPatch()
    hygiene.install(patch)
    config.pluginmanager.register(hygiene.Plugin())
    config.add_cleanup(patch.undo)


@pytest.fixture(scope="session", autouse=True)
def _journals_hold_no_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    yield
    hygiene.look_at_journals(tmp_path_factory.getbasetemp())
    hygiene.fail_if_found()
