"""Webhooks: one delivery for each change, signed, to the loopback only."""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from contract_tests.mock.api import CREATE, DOCUMENT, Api, errors
from kling_elements_mock import WEBHOOK_SECRET, MockSettings, Seconds, serve

URL = "http://127.0.0.1:9/hook"


class Receiver:
    """Takes deliveries, and answers what it is told to.

    Args:
        answers: Statuses to answer with, in order; 200 afterwards. 0 stands for no answer.
    """

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
        """Give the statuses that were told, in order."""
        return [json.loads(body)["status"] for _, _, body in self.got]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def hooked(receiver: Receiver) -> Api:
    return Api(MockSettings(pace=Seconds(8)), sender=receiver)


def signature(secret: str, headers: dict[str, str], body: bytes) -> str:
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def test_each_change_is_told_at_its_time(hooked: Api, receiver: Receiver) -> None:
    """IN_PROGRESS and COMPLETED are delivered as the clock reaches them, once each."""
    hooked.created(webhook_url=URL)
    told = []
    for _ in range(10):
        hooked.mock.advance(1)
        told.append(len(receiver.got))
    assert told == [1, 1, 1, 1, 1, 1, 1, 2, 2, 2]
    assert receiver.statuses() == ["IN_PROGRESS", "COMPLETED"]


def test_a_delivery_is_the_status_answer_without_data(hooked: Api, receiver: Receiver) -> None:
    """The body is what the status operation shows, fits the document's callback, and is signed."""
    task_id = hooked.created("instant", webhook_url=URL)
    shown = hooked.status(task_id)
    url, headers, body = receiver.got[-1]
    assert url == URL
    assert json.loads(body) == shown
    callback = DOCUMENT["paths"][CREATE]["post"]["callbacks"]["statusChanged"][
        "{$request.body#/webhook_url}"
    ]["post"]
    assert errors(callback["requestBody"]["content"]["application/json"]["schema"], json.loads(body)) == []
    for parameter in callback["parameters"]:
        value: object = headers[parameter["name"]]
        value = int(str(value)) if parameter["schema"]["type"] == "integer" else value
        assert errors(parameter["schema"], value) == []
    assert int(headers["webhook-timestamp"]) == int(hooked.clock.time())
    assert headers["webhook-signature"] == signature(WEBHOOK_SECRET, headers, body)


@pytest.mark.parametrize(
    "url", ["https://example.com/hook", "http://127.0.0.1.example.com/", "mailto:a@b", "http://10.1.2.3/"]
)
def test_only_the_loopback_is_told(hooked: Api, receiver: Receiver, url: str) -> None:
    """A receiver elsewhere is never called; the delivery is on record as skipped."""
    hooked.status(hooked.created("instant", webhook_url=url))
    assert receiver.got == []
    assert [delivery.outcome for delivery in hooked.mock.deliveries] == ["skipped", "skipped"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "delivered"), (299, "delivered"), (302, "refused"), (410, "refused"), (0, "failed")],
)
def test_outcomes(status: int, outcome: str) -> None:
    """Only a 2xx is a delivery: a redirect is refused like an error."""
    api = Api(sender=Receiver(status))
    api.status(api.created(webhook_url=URL))
    first = api.mock.deliveries[0]
    assert (first.outcome, first.response_status) == (outcome, status or None)


def test_retries() -> None:
    """`webhook-retry` tries again after a refusal or no answer; without it one attempt is all."""
    receiver = Receiver(500, 0)
    api = Api(sender=receiver)
    api.status(api.created("instant, webhook-retry=2", webhook_url=URL))
    outcomes = [(delivery.task_status, delivery.outcome) for delivery in api.mock.deliveries]
    assert outcomes == [
        ("IN_PROGRESS", "refused"),
        ("IN_PROGRESS", "failed"),
        ("IN_PROGRESS", "delivered"),
        ("COMPLETED", "delivered"),
    ]
    once = Api(sender=Receiver(500))
    once.status(once.created("instant", webhook_url=URL))
    assert [delivery.outcome for delivery in once.mock.deliveries] == ["refused", "delivered"]


def test_over_sockets_and_by_itself() -> None:
    """Served for real, the mock posts to a real receiver in time, without a poll, and follows no redirect."""
    done = threading.Event()
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200 if len(got) > 1 else 302)
            self.send_header("location", "/elsewhere")
            self.end_headers()
            if b"COMPLETED" in got[-1]:
                done.set()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
            del format, args

    with HTTPServer(("127.0.0.1", 0), Handler) as hooks, serve(MockSettings(pace=Seconds(0.2))) as served:
        thread = threading.Thread(target=hooks.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        body = {
            "images": ["https://example.com/a.png"],
            "webhook_url": f"http://127.0.0.1:{hooks.server_port}/",
        }
        answer = httpx.post(
            served.url + CREATE, json=body, headers={"x-freepik-api-key": "k"}, trust_env=False
        )
        assert done.wait(20)
        hooks.shutdown()
        thread.join()
    assert [json.loads(each)["status"] for each in got] == ["IN_PROGRESS", "COMPLETED"]
    assert [delivery.response_status for delivery in served.mock.deliveries] == [302, 200]
    assert json.loads(got[0])["task_id"] == answer.json()["data"]["task_id"]
    assert [request.method for request in served.mock.requests] == ["POST"]


@pytest.mark.parametrize(
    ("scenario", "statuses", "ids"),
    [
        ("webhook-duplicate", ["IN_PROGRESS", "IN_PROGRESS", "COMPLETED", "COMPLETED"], 2),
        ("webhook-reorder", ["COMPLETED", "IN_PROGRESS"], 2),
        ("webhook-bad-signature", ["IN_PROGRESS", "COMPLETED"], 2),
    ],
)
def test_disturbed_deliveries(
    hooked: Api, receiver: Receiver, scenario: str, statuses: list[str], ids: int
) -> None:
    """A repeated delivery has the id of the first; a bad signature has the right shape."""
    hooked.status(hooked.created(f"instant, {scenario}", webhook_url=URL))
    assert receiver.statuses() == statuses
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == ids
    _, headers, body = receiver.got[0]
    assert headers["webhook-signature"].startswith("v1,")
    is_good = headers["webhook-signature"] == signature(WEBHOOK_SECRET, headers, body)
    assert is_good is (scenario != "webhook-bad-signature")
