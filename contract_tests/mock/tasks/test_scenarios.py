"""Scenarios: each does what its sentence says, and nothing else is broken by it."""

from pathlib import Path
from typing import Any

import pytest

from contract_tests.mock.api import CREATE, DOCUMENT, KEY, STATUS, Api, problems
from kling_elements_mock import CATALOGUE, MockSettings, ScenarioError, Seconds


def test_the_list_of_scenarios_is_complete_and_open(api: Api) -> None:
    """Anybody can read all scenarios with their header, without a key."""
    answer = api.call("GET", "/_mock/scenarios", headers={})
    assert answer.json()["header"] == "x-mock-scenario"
    assert [entry["name"] for entry in answer.json()["scenarios"]] == [
        scenario.name for scenario in CATALOGUE
    ]
    for scenario in CATALOGUE:
        api.mock.next_scenario(scenario.example)  # each example is understood


@pytest.mark.parametrize(
    "text",
    [
        *("nope", "status=503;x=1", "fail=1", "slow", "slow=x", "slow=-1", "slow=nan", "slow=1e9"),
        *("seconds=inf", "fail-after=nan", "polls=0", "polls=10001", "polls=1e3", "rate=0", "status=99"),
        *("status=600", "status=", "seed=a;b=c", "redirect=", "redirect=http://a/;status=20", "flaky=0"),
        *("flaky=503;times=0", "not-found-first=0", "unknown-status=a b", "webhook-retry=-1"),
    ],
)
def test_a_bad_scenario_is_refused(api: Api, text: str) -> None:
    """An unknown or badly written scenario is a 400 that says what there is, and nothing is created."""
    answer = api.create(text)
    assert answer.status_code == 400
    name = text.split("=", maxsplit=1)[0].split(";", maxsplit=1)[0]
    assert ("There are: bad-id," if name == "nope" else name) in answer.text
    assert api.mock.tasks == ()
    assert problems(answer, "POST", CREATE) == []


DOCUMENTED = [
    (path, method, int(status), media_type)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    for status, response in operation["responses"].items()
    if status.isdigit() and int(status) >= 400
    for media_type in (
        response.get("content")
        or DOCUMENT["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]["content"]
    )
]


@pytest.mark.parametrize(("path", "method", "status", "media_type"), DOCUMENTED)
def test_each_documented_error_can_be_forced(
    api: Api, path: str, method: str, status: int, media_type: str
) -> None:
    """`status=NNN` gives every documented error of every operation, in each of its media types."""
    headers = {**KEY, "x-mock-scenario": f"status={status}", "accept": media_type}
    answer = api.call(method, path.replace("{task-id}", "x"), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, media_type)
    assert problems(answer, method, path) == []


def test_the_two_kinds_of_429(api: Api) -> None:
    """`rate` says when to come back; `quota` says in prose that the day's quota is used up."""
    rate, quota = api.create("rate=7"), api.create("quota")
    assert (rate.status_code, rate.headers["retry-after"], rate.headers["x-ratelimit-reset"]) == (
        429,
        "7",
        "7",
    )
    assert quota.status_code == 429
    assert "retry-after" not in quota.headers
    assert "usage limit" in quota.json()["message"]
    assert api.mock.tasks == ()


def test_answers_of_the_edge(api: Api) -> None:
    """HTML, emptiness and redirects come as they would from a network edge."""
    page = api.create("html-503")
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html")
    empty = api.create("empty-200")
    assert (empty.status_code, empty.content) == (200, b"")
    away = api.create("redirect=http://127.0.0.1:9/a%2Cb;status=307")
    assert (away.status_code, away.headers["location"]) == (307, "http://127.0.0.1:9/a,b")
    assert api.mock.tasks == ()


def test_how_a_task_goes() -> None:
    """Each scenario of a task shows in its status answers."""
    api = Api(MockSettings(pace=Seconds(1000)))

    def looks(scenario: str, count: int) -> list[Any]:
        task_id = api.created(scenario)
        return [api.status(task_id) for _ in range(count)]

    assert [look["status"] for look in looks("instant", 1)] == ["COMPLETED"]
    assert [look["status"] for look in looks("polls=2", 2)] == ["IN_PROGRESS", "COMPLETED"]
    assert [look["status"] for look in looks("polls=2, fail", 2)] == ["IN_PROGRESS", "FAILED"]
    assert [look["status"] for look in looks("instant, never-finish", 3)] == ["IN_PROGRESS"] * 3
    assert [look["status"] for look in looks("unknown-status=WAITING, polls=3", 3)] == [
        "WAITING",
        "IN_PROGRESS",
        "COMPLETED",
    ]
    assert looks("instant, complete-empty", 1)[0]["generated"] == []
    assert "generated" not in looks("instant, missing-generated", 1)[0]
    assert looks("instant, fail, error-null", 1)[0]["error"] is None
    assert looks("instant, bad-id", 1)[0]["task_id"].startswith("not-a-uuid-")


@pytest.mark.parametrize(
    ("scenario", "codes"), [("not-found-first=2", [404, 404, 200]), ("flaky=503;times=1", [503, 200])]
)
def test_first_status_answers_can_be_bad(api: Api, scenario: str, codes: list[int]) -> None:
    """The first status requests fail as asked, and the task goes on undisturbed."""
    task_id = api.created(scenario)
    assert [api.call("GET", STATUS + task_id).status_code for _ in codes] == codes


def test_scenarios_can_be_queued(api: Api) -> None:
    """A queued scenario acts on the next requests of its operation only, as often as asked."""
    api.mock.next_scenario("status=503", operation="status", times=2)
    api.mock.next_scenario("instant, fail", operation="createKlingElementsStdTask")
    task_id = api.created()
    codes = [api.call("GET", STATUS + task_id).status_code for _ in range(3)]
    assert codes == [503, 503, 200]
    assert api.status(task_id)["status"] == "FAILED"
    assert api.status(api.created())["status"] == "COMPLETED"


def test_a_scenario_for_all_requests() -> None:
    """The settings' scenario acts on every request that has no header of its own."""
    api = Api(MockSettings(scenario="status=503"))
    assert api.create().status_code == 503
    assert api.create("instant").status_code == 200
    with pytest.raises(ScenarioError, match="There are"):
        Api(MockSettings(scenario="nope"))


def test_the_guide_lists_every_scenario() -> None:
    """The table in the guide says what the mock says."""
    guide = (Path(__file__).parents[3] / "docs/mock.md").read_text("utf-8")
    rows = [f"| `{scenario.example}` | {scenario.summary} |" for scenario in CATALOGUE]
    assert "\n".join(rows) in guide
