"""A server that costs money: nothing is spent with PROFILE=free, and no more than CAP with PROFILE=full."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from contract_tests.schema.server import bodies
from contract_tests.schema.server.configuration import Configuration, ConfigurationError, from_environment
from contract_tests.schema.server.exchange import Answer, Sent
from contract_tests.schema.server.guard import Guard, NotSentError, may_create
from contract_tests.schema.server.operations import life_cycles
from contract_tests.schema.server.target import example_body
from kling_elements_mock import MockSettings, Polls, serve

ROOT = Path(__file__).resolve().parents[3]
CREATE = life_cycles()[0].create
KEY = "a-good-key"
GOOD = json.dumps(example_body(CREATE)).encode()


def post(body: bytes, key: str = KEY, method: str = "POST") -> Sent:
    """Build a create."""
    return Sent(method, CREATE.url(), (("x-freepik-api-key", key),), body)


@pytest.mark.parametrize(
    "body", [GOOD, b"{}", b'{"x": 1}', GOOD[:-1], GOOD.upper(), b"images=a", b"\xff" + GOOD]
)
def test_free_keeps_back_what_a_lenient_server_could_take(body: bytes) -> None:
    """With a good key no object and nothing that names a parameter is sent, however broken it is."""
    guard = Guard("free", (KEY,))
    for method in ("POST", "PUT", "PATCH", "DELETE", "MADE-UP"):
        with pytest.raises(NotSentError, match="PROFILE=free"):
            guard.admit(post(body, method=method))
    assert guard.spent == 0


@pytest.mark.parametrize("sent", [
    post(GOOD, key=""), post(GOOD, key="wrong"), post(b""), post(b"[]"), post(b"null"), post(b"hello"),
    post(b"[" * 9999),
    post(b"", method="GET"), post(b"", method="DELETE"),
], ids=repr)  # fmt: skip
def test_free_sends_what_makes_no_task(sent: Sent) -> None:
    """Without a good key, or with a body in which nobody finds a parameter, a request passes."""
    assert not Guard("free", (KEY,)).admit(sent)


def test_every_broken_body_of_the_suite_counts_as_a_create() -> None:
    """What this suite breaks at one place may be taken by a server with a fault: it is never free."""
    for body in bodies.broken(CREATE):
        if isinstance(body.value, dict):
            assert may_create(post(json.dumps(body.value).encode()), (KEY,))


def test_the_cap_is_taken_before_a_request_is_sent() -> None:
    """No more creates pass than the cap has; only a refusal gives one back: an error may have made one."""
    guard = Guard("full", (KEY,), cap=3)
    for status in (200, 500, 429):
        assert guard.admit(post(GOOD))
        guard.settle(Answer(status))
    with pytest.raises(NotSentError, match="cap of 3"):
        guard.admit(post(GOOD))
    refusing = Guard("full", (KEY,), cap=1)
    for _ in range(5):
        assert refusing.admit(post(GOOD))
        refusing.settle(Answer(400))
    assert refusing.left == 1


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"URL": "ftp://x", "KEY": "k"}, "no origin"),
        ({"URL": "https://x/v1", "KEY": "k"}, "no origin"),
        ({"URL": "https://x"}, "CONTRACT_KEY"),
        ({"URL": "https://x", "KEY": KEY}, "PROFILE=free"),
        ({"URL": "https://x", "KEY": KEY, "PROFILE": "full"}, "CAP=20"),
        ({"URL": "https://x", "KEY": KEY, "PROFILE": "all"}, "unknown"),
        ({"URL": "https://x", "KEY": "one", "PROFILE": "free"}, "ordinary words"),
        ({"CAP": "-1"}, "no number"),
        ({"SEED": "x"}, "no number"),
    ],
)
def test_a_run_that_could_spend_unseen_is_refused(environment: dict[str, str], said: str) -> None:
    """An origin without a key, a profile or a cap is refused with what to write."""
    with pytest.raises(ConfigurationError, match=said):
        from_environment({f"CONTRACT_{name}": value for name, value in environment.items()})
    assert from_environment({}) == Configuration(key="contract-suite-key")


def run(url: str, tests: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a part of this suite against an origin, as a user would."""
    known = {
        name: value for name, value in os.environ.items() if not name.startswith(("CONTRACT_", "PYTEST_"))
    }
    given = {"CONTRACT_URL": url, "CONTRACT_KEY": KEY, "CONTRACT_EXAMPLES": "2", **environment}
    command = [sys.executable, "-m", "pytest", "contract_tests/schema/server", "-q", "-p", "no:randomly"]
    command += ["-p", "no:cacheprovider", "--color=no"]
    command += ["-k", tests]
    return subprocess.run(  # noqa: S603 - this repository's own suite
        command, cwd=ROOT, env={**known, **given}, capture_output=True, text=True, check=False, timeout=300
    )


def test_free_makes_no_task_and_says_what_it_could_not_check() -> None:
    """A run with PROFILE=free leaves the server without a task, and tells what it left out."""
    with serve(MockSettings(keys=(KEY,), pace=Polls(2))) as served:
        done = run(served.url, "fuzzing or keys or no_json or missing", CONTRACT_PROFILE="free")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
        assert served.mock.tasks == ()
        assert len(served.mock.requests) > 50
    assert "PROFILE=free: a server could make a task of it, which costs money" in done.stdout
    assert re.search(r"\d+ passed, \d+ skipped", done.stdout)
    assert KEY not in done.stdout


def test_full_stays_under_its_cap() -> None:
    """A whole run with PROFILE=full makes no more tasks than its cap, and tells what it had none left for."""
    with serve(MockSettings(keys=(KEY,), pace=Polls(2))) as served:
        done = run(served.url, "stateful or tasks or valid", CONTRACT_PROFILE="full", CONTRACT_CAP="9")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
        assert 0 < len(served.mock.tasks) <= 9
    assert "the cap of 9 tasks is reached" in done.stdout
