"""Tasks: created, followed, listed, owned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.mock.api import CREATE, STATUS, Api
from kling_elements_mock import INSTANT, MockSettings, Polls, Seconds
from kling_elements_mock.tasks.life_cycle import CREATED, TERMINAL, Pace, Plan, history

PACES = st.floats(0, 10_000).map(Seconds) | st.integers(1, 100).map(Polls)
ENDS = st.sampled_from(["COMPLETED", "FAILED", None])
PLANS = st.builds(Plan, PACES, ENDS, st.sampled_from([None, "QUEUED"]))


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
    """Create answers with the id, CREATED and an empty `generated`, in this order, and without a rate."""
    answer = api.create()
    [(_, data)] = answer.json().items()
    assert list(data.items())[1:] == [("status", "CREATED"), ("generated", [])]
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize(
    ("pace", "expected"),
    [
        (INSTANT, ["COMPLETED", "COMPLETED"]),
        (Polls(2), ["IN_PROGRESS", "COMPLETED"]),
        (Polls(4), ["CREATED", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED", "COMPLETED"]),
        (Seconds(8), ["CREATED", *["IN_PROGRESS"] * 7, "COMPLETED", "COMPLETED"]),
    ],
)
def test_a_task_goes_by_its_pace(pace: Pace, expected: list[str]) -> None:
    """A task ends at the Nth status request, and no other request counts; or after seconds of the clock."""
    api = Api(MockSettings(pace=pace))
    task_id = api.created()
    seen = []
    for _ in expected:
        api.call("GET", CREATE)
        api.call("HEAD", STATUS + task_id)
        seen.append(api.status(task_id)["status"])
        api.mock.advance(1)
    assert seen == expected


def test_ids_come_from_the_seed() -> None:
    """The same seed gives the same ids and request ids, another seed others; a reset begins again."""
    first, second = Api(MockSettings(seed="a")), Api(MockSettings(seed="a"))
    answers = [api.create() for api in (first, second)]
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers["x-request-id"] == answers[1].headers["x-request-id"]
    task_id = answers[0].json()["data"]["task_id"]
    assert Api(MockSettings(seed="b")).created() != task_id
    assert first.created() != task_id
    first.mock.reset()
    assert first.mock.tasks == ()
    assert first.created() == task_id
