"""Tasks: created, followed, listed, owned."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.mock.api import CREATE, KEY, STATUS, Api
from kling_elements_mock import INSTANT, MockSettings, Polls, Seconds
from kling_elements_mock.tasks.life_cycle import (
    CREATED,
    TERMINAL,
    Pace,
    Plan,
    history,
)

PACES = st.one_of(
    st.floats(0, 10_000).map(Seconds),
    st.integers(1, 100).map(Polls),
)
PLANS = st.builds(
    Plan, PACES, st.sampled_from(["COMPLETED", "FAILED", None]), st.sampled_from([None, "QUEUED"])
)


@given(PLANS, st.lists(st.floats(0, 20_000), min_size=1), st.integers(0, 200))
def test_a_history_only_grows(plan: Plan, moments: list[float], polls: int) -> None:
    """As time and polls go on, statuses are added at the end and none is taken back."""
    earlier: tuple[str, ...] = ()
    for position, moment in enumerate(sorted(moments)):
        now = history(plan, moment, polls + position)
        assert now[: len(earlier)] == earlier
        assert now[0] == CREATED
        assert not any(status in TERMINAL for status in now[:-1])
        earlier = now


def test_create_answers_as_recorded(api: Api) -> None:
    """Create answers 200 with the id, CREATED and an empty `generated`, and without rate limit headers."""
    answer = api.create()
    data = answer.json()["data"]
    assert answer.status_code == 200
    assert list(answer.json()) == ["data"]
    assert list(data) == ["task_id", "status", "generated"]
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", data["task_id"]
    )
    assert (data["status"], data["generated"]) == ("CREATED", [])
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize(
    ("pace", "expected"),
    [
        (INSTANT, ["COMPLETED", "COMPLETED"]),
        (Polls(2), ["IN_PROGRESS", "COMPLETED"]),
        (Polls(4), ["CREATED", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED", "COMPLETED"]),
    ],
)
def test_polls_drive_a_task(pace: Pace, expected: list[str]) -> None:
    """A task that counts polls ends at the Nth status request, and no other request counts."""
    api = Api(MockSettings(pace=pace))
    task_id = api.created()
    seen = []
    for _ in expected:
        api.call("GET", CREATE)
        api.call("HEAD", STATUS + task_id)
        seen.append(api.status(task_id)["status"])
    assert seen == expected


def test_time_drives_a_task() -> None:
    """A task that counts seconds follows the clock alone, and polling changes nothing."""
    api = Api(MockSettings(pace=Seconds(8)))
    task_id = api.created()
    seen = []
    for _ in range(10):
        seen.append(api.status(task_id)["status"])
        api.mock.advance(1)
    assert seen == ["CREATED", *["IN_PROGRESS"] * 7, "COMPLETED", "COMPLETED"]


def test_only_completed_has_a_result(api: Api) -> None:
    """`generated` is empty until the task is COMPLETED, and then holds the same address at each look."""
    task_id = api.created("polls=3")
    looks = [api.status(task_id) for _ in range(5)]
    assert [len(look["generated"]) for look in looks] == [0, 0, 1, 1, 1]
    assert looks[2] == looks[4]
    failed = api.created("fail")
    assert api.status(failed) == {"task_id": failed, "status": "FAILED", "generated": []}


def test_the_list_shows_each_task_once(api: Api) -> None:
    """The list has every task of the key, the newest first, without `generated`."""
    ids = [api.created() for _ in range(3)]
    listed = api.call("GET", CREATE).json()["data"]
    assert listed == [{"task_id": task_id, "status": "CREATED"} for task_id in reversed(ids)]


def test_a_task_is_visible_to_its_key_only(api: Api) -> None:
    """Another key gets 404 for the task and for the list; the same key in the other header does not."""
    task_id = api.created()
    other = {"x-freepik-api-key": "another"}
    assert api.call("GET", STATUS + task_id, headers=other).status_code == 404
    assert api.call("GET", CREATE, headers=other).status_code == 404
    assert (
        api.call(
            "GET", STATUS + task_id, headers={"x-magnific-api-key": KEY["x-freepik-api-key"]}
        ).status_code
        == 200
    )


@pytest.mark.parametrize(
    "task_id", ["046b6c7f-0b8a-43b9-b35d-6489e6daee91", "x", "%2e%2e", "%00", "%ff", "a%2Fb", "é"]
)
def test_an_unknown_id_is_not_found(api: Api, task_id: str) -> None:
    """Whatever stands in place of an id: 404, never 400 or 500."""
    assert api.call("GET", STATUS + task_id).status_code == 404


def test_ids_come_from_the_seed() -> None:
    """The same seed gives the same ids and request ids, another seed others, and reset begins anew."""
    first, second = Api(MockSettings(seed="a")), Api(MockSettings(seed="a"))
    answers = [api.create() for api in (first, second)]
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers["x-request-id"] == answers[1].headers["x-request-id"]
    assert Api(MockSettings(seed="b")).created() != answers[0].json()["data"]["task_id"]
    later = first.created()
    assert later != answers[0].json()["data"]["task_id"]
    first.mock.reset()
    assert first.mock.tasks == ()
    assert first.create().json() == answers[0].json()
