"""Limits, when the mock is told to keep them."""

import math

import pytest

from contract_tests.mock.api import CREATE, KEY, STATUS, Api
from kling_elements_mock import INSTANT, MockSettings, Polls, RateLimit, Seconds
from kling_elements_mock.tasks.limits import RateLimiter

OTHER_KEY = {"x-freepik-api-key": "another"}


def create_by_another(api: Api) -> int:
    return api.call("POST", CREATE, json={"images": ["https://a.test/"]}, headers=OTHER_KEY).status_code


def test_a_rate_is_kept() -> None:
    """The request after the last allowed one is a 429 that says when to come back, and then it is so."""
    api = Api(MockSettings(pace=INSTANT, rate_limits=(RateLimit(3, 5), RateLimit(100, 60))))
    answers = [api.call("GET", STATUS + "x") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    wait = int(answers[-1].headers["retry-after"])
    assert answers[-1].headers["x-ratelimit-reset"] == str(wait)
    assert answers[-1].headers["x-ratelimit-remaining"] == "0"
    api.clock.advance(wait - 1)
    assert api.call("GET", STATUS + "x").status_code == 429
    api.clock.advance(1)
    assert api.call("GET", STATUS + "x").status_code == 404


def test_concurrent_tasks_are_counted_by_key() -> None:
    """A key's fourth unfinished task is a 429; another key's first is not, and an ended one makes room."""
    api = Api(MockSettings(pace=Seconds(8), concurrency=3))
    for _ in range(3):
        api.created()
    refused = api.create()
    assert refused.status_code == 429
    assert "retry-after" in refused.headers
    assert create_by_another(api) == 200
    api.clock.advance(8)
    api.created()


def test_the_daily_quota_is_counted_by_day() -> None:
    """Beyond the quota, create answers with the quota's prose until the next day. A refused body is free."""
    api = Api(MockSettings(pace=INSTANT, daily_quota=2))
    assert api.create(duration="7").status_code == 400
    api.created()
    api.created()
    refused = api.create()
    assert refused.status_code == 429
    assert "usage limit" in refused.json()["message"]
    assert len(api.mock.tasks) == 2
    assert create_by_another(api) == 200
    api.clock.advance(86_400)
    api.created()


def test_a_rate_is_counted_by_address() -> None:
    """One address does not use up another's rate, and a refused request does not count."""
    limiter = RateLimiter((RateLimit(1, 5),))
    seen = [limiter.count(client, now).exceeded for client, now in (("a", 0), ("b", 0), ("a", 4), ("a", 5))]
    assert seen == [False, False, True, False]


def test_what_counts_against_a_rate() -> None:
    """A request with a good key to a known operation counts, whatever its response; no other does."""
    for method, path, headers, counts in (
        ("GET", CREATE, KEY, True),
        ("POST", CREATE, KEY, True),  # a 400
        ("GET", CREATE, {**KEY, "x-mock-scenario": "status=503"}, True),
        ("GET", CREATE, {}, False),
        ("GET", CREATE, {**KEY, "x-mock-scenario": "nope"}, False),
        ("DELETE", CREATE, KEY, False),
        ("OPTIONS", CREATE, {}, False),
        ("GET", "/nowhere", KEY, False),
        ("GET", "/results/x", {}, False),
        ("GET", "/_mock/health", {}, False),
    ):
        api = Api(MockSettings(pace=INSTANT, rate_limits=(RateLimit(1, 5),)))
        api.call(method, path, headers=headers)
        after = api.call("GET", CREATE, headers=OTHER_KEY).status_code
        assert after == (429 if counts else 404), (method, path)


def test_numbers_of_settings_are_bounded() -> None:
    """A number that would break the mock later is refused when the settings are made."""
    for make in (
        lambda: RateLimit(0, 1),
        lambda: RateLimit(1, math.nan),
        lambda: Seconds(-1),
        lambda: Polls(0),
        lambda: MockSettings(result_lifetime=math.inf),
        lambda: MockSettings(webhook_timeout=0),
        lambda: MockSettings(max_body_bytes=0),
    ):
        with pytest.raises(ValueError, match=r"\d"):
            make()
