"""Scenarios: each does what its sentence says, and nothing else is broken by it."""

from pathlib import Path
from typing import Any

import pytest

from contract_tests.mock.api import STATUS, Api
from kling_elements_mock import CATALOGUE, MockSettings, ScenarioError, Seconds


def test_the_list_of_scenarios_is_complete_and_open(api: Api) -> None:
    """Anybody can read all scenarios with their header, without a key; the guide has them word by word."""
    answer = api.call("GET", "/_mock/scenarios", headers={}).json()
    assert answer["header"] == "x-mock-scenario"
    assert [entry["name"] for entry in answer["scenarios"]] == [scenario.name for scenario in CATALOGUE]
    for scenario in CATALOGUE:
        api.mock.next_scenario(scenario.example)  # each example is understood
    guide = (Path(__file__).parents[3] / "docs/mock.md").read_text("utf-8")
    assert "\n".join(f"| `{scenario.example}` | {scenario.summary} |" for scenario in CATALOGUE) in guide


BAD_SCENARIOS = (
    *("nope", "status=503;x=1", "fail=1", "slow", "slow=x", "slow=-1", "slow=nan", "slow=1e9"),
    *("seconds=inf", "fail-after=nan", "polls=0", "polls=10001", "polls=1e3", "rate=0", "status=99"),
    *("status=600", "status=", "seed=a;b=c", "redirect=", "redirect=http://a/;status=20", "flaky=0"),
    *("flaky=503;times=0", "not-found-first=0", "unknown-status=a b", "webhook-retry=-1"),
)


def test_a_bad_scenario_is_refused(api: Api) -> None:
    """An unknown or badly written scenario is a 400 that says what there is, and nothing is created."""
    for text in BAD_SCENARIOS:
        answer = api.create(text)
        assert answer.status_code == 400
        name = text.split("=", maxsplit=1)[0].split(";", maxsplit=1)[0]
        assert ("There are: bad-id," if name == "nope" else name) in answer.text
    assert api.mock.tasks == ()


@pytest.mark.parametrize(
    ("scenario", "status", "headers", "text"),
    [
        ("rate=7", 429, {"retry-after": "7", "x-ratelimit-reset": "7"}, "message"),
        ("status=429;hint=limit", 429, {}, "limit"),
        ("status=429;hint=limmit", 400, {}, "limmit"),
        ("quota", 429, {"content-type": "application/json"}, "usage limit"),
        ("status=503;retry-after=2", 503, {"retry-after": "2"}, "message"),
        ("html-503", 503, {"content-type": "text/html"}, "<html>"),
        ("empty-200", 200, {"content-length": "0"}, ""),
        ("redirect=http://127.0.0.1:9/a%2Cb;status=307", 307, {"location": "http://127.0.0.1:9/a,b"}, ""),
    ],
)
def test_answers_instead_of_the_real_one(
    api: Api, scenario: str, status: int, headers: dict[str, str], text: str
) -> None:
    """Errors of the service and of the network's edge come as asked for, and nothing is created."""
    answer = api.create(scenario)
    assert answer.status_code == status
    assert headers.items() <= answer.headers.items()
    assert text in answer.text
    assert api.mock.tasks == ()


HOW_TASKS_GO: dict[str, list[str | int]] = {
    "instant": ["COMPLETED"],
    "polls=2": ["IN_PROGRESS", "COMPLETED"],
    "polls=2, fail": ["IN_PROGRESS", "FAILED"],
    "instant, never-finish": ["IN_PROGRESS"] * 3,
    "unknown-status=WAITING, polls=3": ["WAITING", "IN_PROGRESS", "COMPLETED"],
    "instant, not-found-first=2": [404, 404, "COMPLETED"],
    "instant, flaky=503;times=1": [503, "COMPLETED"],
}


def test_how_a_task_goes() -> None:
    """Each scenario of a task shows in its status answers, or in what comes in their place."""
    api = Api(MockSettings(pace=Seconds(1000)))
    for scenario, statuses in HOW_TASKS_GO.items():
        task_id = api.created(scenario)
        answers = [api.call("GET", STATUS + task_id) for _ in statuses]
        seen = [a.json()["data"]["status"] if a.is_success else a.status_code for a in answers]
        assert seen == statuses, scenario


def test_what_a_task_looks_like(api: Api) -> None:
    """Scenarios change the result, the fields and the id of a task as they say."""

    def look(scenario: str) -> dict[str, Any]:
        return api.status(api.created(scenario))

    assert look("complete-empty")["generated"] == []
    assert "generated" not in look("missing-generated")
    assert look("fail, error-null")["error"] is None
    assert look("bad-id")["task_id"].startswith("not-a-uuid-")
    assert look("seed=a")["task_id"] != look("seed=b")["task_id"]
    assert look("fail-after=3")["status"] == "CREATED"
    api.mock.advance(3)
    assert [task.status(3) for task in api.mock.tasks][-1] == "FAILED"


def test_scenarios_can_be_queued(api: Api) -> None:
    """A queued scenario acts on the next requests of its operation only, as often as asked."""
    with pytest.raises(ScenarioError, match=r"`operation` is one of .*'create'.*: got 'creat'"):
        api.mock.next_scenario("fail", operation="creat")
    api.mock.next_scenario("status=503", operation="status", times=2)
    api.mock.next_scenario("instant, fail", operation="createKlingElementsStdTask")
    task_id = api.created()
    assert [api.call("GET", STATUS + task_id).status_code for _ in range(3)] == [503, 503, 200]
    assert api.status(task_id)["status"] == "FAILED"
    assert api.status(api.created())["status"] == "COMPLETED"


def test_a_scenario_for_all_requests() -> None:
    """The settings' scenario acts on every request that has no header of its own."""
    api = Api(MockSettings(scenario="status=503"))
    assert api.create().status_code == 503
    assert api.create("instant").status_code == 200
    with pytest.raises(ScenarioError, match="There are"):
        Api(MockSettings(scenario="nope"))
