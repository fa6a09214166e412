"""A server that costs money: nothing is spent with PROFILE=free, and no more than CAP with PROFILE=full."""

from __future__ import annotations

import json
import re

import pytest

from contract_tests.schema.server import bodies, engine, sources
from contract_tests.schema.server.bodies import example_body
from contract_tests.schema.server.configuration import Configuration, ConfigurationError, from_environment
from contract_tests.schema.server.exchange import Answer, Sent
from contract_tests.schema.server.guard import Guard, NotSentError, Profile, may_create
from contract_tests.schema.server.operations import life_cycles
from contract_tests.support.contract import ROOT
from kling_elements_mock import MockSettings, Polls, serve

CREATE = life_cycles()[0].create
KEY = "a-good-key"
GOOD = json.dumps(example_body(CREATE)).encode()


def post(body: bytes, key: str = KEY, method: str = "POST") -> Sent:
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
    post(b"[" * 9999), post(b"", method="GET"), post(b"", method="DELETE"),
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
    for status in (400, 200, 401, 403, 500, 422, 429, 408):
        assert guard.admit(post(GOOD))
        guard.settle(Answer(status))
    assert guard.spent == 3
    with pytest.raises(NotSentError, match="cap of 3"):
        guard.admit(post(GOOD))


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"URL": "ftp://x", "KEY": KEY}, "no origin"),
        ({"URL": "https://x/v1", "KEY": KEY}, "no origin"),
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
    assert from_environment({}) == Configuration()


@pytest.mark.parametrize(("profile", "cap"), [("free", None), ("full", 9)])
def test_generated_requests_stay_within_the_profile(profile: Profile, cap: int | None) -> None:
    """With PROFILE=free a run makes no task; with PROFILE=full no more than its cap, and says why."""
    with (
        serve(MockSettings(keys=(KEY,), pace=Polls(2))) as served,
        sources.opened(Configuration(url=served.url, key=KEY, profile=profile, cap=cap)) as make,
    ):
        outcome = engine.run(make(), "coverage", 1, 2, "kling-elements-std")
        assert ("raise CAP" in outcome.kept_back) == (profile == "full")
        assert (0 < len(served.mock.tasks) <= 9) == (profile == "full")
        assert profile == "full" or not outcome.failures + served.mock.tasks
        assert len(served.mock.requests) > 20
        with pytest.raises(NotSentError, match=r"CAP=20|raise CAP"):
            make().create(life_cycles()[0])


def test_nothing_of_the_run_imports_the_client() -> None:
    """What `make contract-server` runs knows the document and the mock, never the client."""
    places = [
        path
        for glob in ("schema/server/*.py", "schema/exercised.py", "support/[cl]o*.py", "report/[!t]*.py")
        for path in (ROOT / "contract_tests").glob(glob)
    ]
    pattern = re.compile(r"^\s*(?:import|from) (?:kling_elements|kling_elements_api)\b", re.MULTILINE)
    assert [path.name for path in places if pattern.search(path.read_text(encoding="utf-8"))] == []
    assert len(places) > 20
