"""Webhooks: one delivery for each change, signed, to the loopback only."""

import json
import threading

import httpx
import pytest

from contract_tests.mock.api import CREATE, KEY, Api
from contract_tests.support.deliveries import sign
from contract_tests.support.loopback import Answer, Asked, serving
from kling_elements_mock import WEBHOOK_SECRET, MockSettings, Seconds, serve

URL = "http://127.0.0.1:9/hook"


class Receiver:
    """Answers deliveries with these statuses in turn, then with 200; 0 stands for no answer."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        self.got.append((url, headers, body))
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            raise ConnectionRefusedError
        return status

    def statuses(self) -> list[str]:
        return [json.loads(body)["status"] for _, _, body in self.got]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def hooked(receiver: Receiver) -> Api:
    return Api(MockSettings(pace=Seconds(8)), sender=receiver)


def test_each_change_is_told_at_its_time(hooked: Api, receiver: Receiver) -> None:
    """IN_PROGRESS and COMPLETED are delivered as the clock reaches them, once each."""
    task_id = hooked.created(webhook_url=URL)
    told = []
    for _ in range(10):
        hooked.mock.advance(1)
        told.append(len(receiver.got))
    assert told == [1, 1, 1, 1, 1, 1, 1, 2, 2, 2]
    assert receiver.statuses() == ["IN_PROGRESS", "COMPLETED"]
    url, _, body = receiver.got[-1]
    assert (url, json.loads(body)) == (URL, hooked.status(task_id))  # the status' answer without `data`


def test_only_the_loopback_is_told(hooked: Api, receiver: Receiver) -> None:
    """A receiver elsewhere is never called; the delivery is on record as skipped."""
    far = "https://example.com/hook", "http://127.0.0.1.example.com/", "mailto:a@b", "http://10.1.2.3/"
    for url in far:
        hooked.status(hooked.created("instant", webhook_url=url))
    assert receiver.got == []
    assert [delivery.outcome for delivery in hooked.mock.deliveries] == ["skipped"] * 8


@pytest.mark.parametrize(
    ("scenario", "answers", "outcomes"),
    [
        ("", [299, 302], ["delivered", "refused"]),
        ("", [410, 0], ["refused", "failed"]),
        ("webhook-retry=2", [500, 0], ["refused", "failed", "delivered", "delivered"]),
    ],
)
def test_outcomes_and_retries(scenario: str, answers: list[int], outcomes: list[str]) -> None:
    """Only a 2xx is a delivery, not a redirect; what fails is tried again only if `webhook-retry` says so."""
    api = Api(sender=Receiver(*answers))
    api.status(api.created(scenario, webhook_url=URL))
    assert [delivery.outcome for delivery in api.mock.deliveries] == outcomes
    assert [delivery.response_status or 0 for delivery in api.mock.deliveries][:2] == answers


def test_served_it_delivers_by_itself() -> None:
    """Over sockets, the mock posts each change in time, without a poll, and follows no redirect."""
    done = threading.Event()

    def answer(asked: Asked) -> Answer:
        if b"COMPLETED" in asked.body:
            done.set()
        return 302, {"location": "/elsewhere"}, b""

    with serving(answer) as hooks, serve(MockSettings(pace=Seconds(0.2))) as served:
        body = {"images": ["https://example.com/a.png"], "webhook_url": hooks.url}
        httpx.post(served.url + CREATE, json=body, headers=KEY, trust_env=False)
        assert done.wait(60)
        served.mock.advance(0)  # returns once the delivery is on record
    assert [json.loads(asked.body)["status"] for asked in hooks.asked] == ["IN_PROGRESS", "COMPLETED"]
    assert [delivery.response_status for delivery in served.mock.deliveries] == [302, 302]


@pytest.mark.parametrize(
    ("scenario", "statuses"),
    [
        ("", ["IN_PROGRESS", "COMPLETED"]),
        ("webhook-duplicate", ["IN_PROGRESS", "IN_PROGRESS", "COMPLETED", "COMPLETED"]),
        ("webhook-reorder", ["COMPLETED", "IN_PROGRESS"]),
        ("webhook-bad-signature", ["IN_PROGRESS", "COMPLETED"]),
    ],
)
def test_disturbed_deliveries(hooked: Api, receiver: Receiver, scenario: str, statuses: list[str]) -> None:
    """A repeated delivery has the id of the first; a bad signature has the right shape."""
    hooked.status(hooked.created(f"instant, {scenario}".rstrip(", "), webhook_url=URL))
    assert receiver.statuses() == statuses
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 2
    _, headers, body = receiver.got[0]
    stamp = headers["webhook-timestamp"]
    assert int(stamp) == int(hooked.clock.time())
    sent = headers["webhook-signature"]
    assert sent.startswith("v1,")
    is_good = sent == f"v1,{sign(body, WEBHOOK_SECRET.encode(), headers['webhook-id'], stamp)}"
    assert is_good is (scenario != "webhook-bad-signature")
