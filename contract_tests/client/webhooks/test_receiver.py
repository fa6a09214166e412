"""The receiver as an ASGI application, and as a listener of its own."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterator, MutableMapping
from functools import partial
from itertools import product
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

from contract_tests.support.deliveries import BODY, NOW, SECRET, TASK_ID, body_of, headers
from kling_elements import ValidationError, webhooks
from kling_elements.log import logger
from kling_elements.task import Task


def receiver(**options: Any) -> webhooks.WebhookReceiver:
    return webhooks.WebhookReceiver(SECRET, now=lambda: NOW, **options)


def client_of(app: webhooks.WebhookReceiver) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://receiver")


def post(
    app: webhooks.WebhookReceiver, *requests: tuple[bytes, dict[str, str]], backend: str = "asyncio"
) -> list[httpx.Response]:
    async def send() -> list[httpx.Response]:
        async with client_of(app) as client:
            return [await client.post("/", content=body, headers=given) for body, given in requests]

    return anyio.run(send, backend=backend)


def deliver(app: webhooks.WebhookReceiver, *statuses: str, backend: str = "asyncio") -> list[int]:
    bodies = [body_of(status) for status in statuses]
    requests = [(body, headers(body, message_id=f"m{place}")) for place, body in enumerate(bodies)]
    return [response.status_code for response in post(app, *requests, backend=backend)]


def hand_over(app: webhooks.WebhookReceiver, status: str, message_id: str = "first") -> None:
    body = body_of(status)
    app.handle("POST", headers(body, message_id=message_id), body)


SIDES = pytest.mark.parametrize(
    ("backend", "is_async"), [("asyncio", False), ("asyncio", True), ("trio", False), ("trio", True)]
)


@SIDES
def test_each_new_status_is_told_once(backend: str, *, is_async: bool) -> None:
    """Genuine deliveries are answered with 200; the listener hears changes, not repetitions."""
    told: list[Task] = []

    async def listen(task: Task) -> None:
        await anyio.lowlevel.checkpoint()
        told.append(task)

    app = receiver(on_task=listen if is_async else told.append)
    statuses = ("CREATED", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED", "IN_PROGRESS")
    assert deliver(app, *statuses, backend=backend) == [200] * 5
    assert deliver(app, "CREATED") == [200]
    assert [task.status for task in told] == ["CREATED", "IN_PROGRESS", "COMPLETED"]
    assert app.latest(TASK_ID) == told[-1]


LONG = b"x" * 100_001
REFUSED: dict[str, tuple[bytes, dict[str, str], int]] = {
    "forged": (BODY, headers(signature="v1,AAAA"), 401),
    "replayed": (BODY, headers(timestamp=NOW - 1000), 401),
    "changed": (BODY + b" ", headers(), 401),
    "no headers": (BODY, {}, 400),
    "no time": (BODY, headers(timestamp="soon"), 400),
    "no task": (b"{}", headers(b"{}"), 400),
    "too long": (LONG, headers(LONG), 413),
}


def test_what_is_not_genuine_is_answered_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """401 for a bad signature or time, 400 for what is malformed, 413 for too much; no secret is shown."""
    told: list[Task] = []
    seen: list[webhooks.HandledRequest] = []
    app = receiver(on_task=told.append, on_request=seen.append, max_body_bytes=100_000)
    with caplog.at_level(logging.DEBUG):
        answers = post(app, *((body, given) for body, given, _ in REFUSED.values()))
    statuses = [status for _, _, status in REFUSED.values()]
    assert [response.status_code for response in answers] == statuses
    assert [handled.reply.status for handled in seen] == statuses
    assert all(handled.refusal for handled in seen if handled.reply.status != 413)
    assert {response.headers["content-type"] for response in answers} == {"application/json"}
    assert SECRET not in caplog.text + "".join(response.text for response in answers)
    assert told == []
    post(app, (BODY, headers()), (BODY, headers()))
    assert [handled.receipt for handled in seen[-2:]] == [webhooks.Receipt.NEW, webhooks.Receipt.DUPLICATE]


@SIDES
@pytest.mark.parametrize("kind", [RuntimeError, asyncio.CancelledError])
def test_a_listeners_fault_goes_no_further(
    kind: type[BaseException], backend: str, *, is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with the task's id; the delivery is answered, and the next change is reported.

    That the listener's own work was cancelled is such a fault: the listener is not.
    """
    told: list[str] = []
    app = receiver(on_task=lambda task: later(task) if is_async else listen(task), on_request=lambda _: 1 / 0)

    def listen(task: Task) -> None:
        told.append(task.status)
        if task.status == "CREATED":
            hand_over(app, "COMPLETED", "second")
        raise kind("the listener's own")

    async def later(task: Task) -> None:
        listen(task)

    assert deliver(app, "CREATED", backend=backend) == [200]
    assert told == ["CREATED", "COMPLETED"]
    assert TASK_ID in caplog.text
    assert "the listener's own" in caplog.text


def asgi(
    app: webhooks.WebhookReceiver,
    scope: dict[str, Any],
    *messages: dict[str, Any],
    sent: list[Any] | None = None,
) -> list[Any]:
    """What an application sends in answer to these messages; after them, nothing comes any more."""
    sent = [] if sent is None else sent
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await anyio.sleep_forever()
        return waiting.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    anyio.run(app, scope, receive, send)
    assert not waiting
    return sent


RAW = [(name.encode(), value.encode()) for name, value in headers().items()]
POST: dict[str, Any] = {"type": "http", "method": "POST", "headers": RAW}


def piece(body: bytes, *, is_last: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": not is_last}


def test_the_messages_of_an_answer() -> None:
    """A body in pieces is one, and only POST is taken; a sender that leaves gets no answer."""
    whole, rest = piece(BODY, is_last=True), piece(BODY[9:], is_last=True)
    for method, messages, status, body in (
        ("POST", [whole], 200, b'{"message": "received"}'),
        ("POST", [piece(b""), piece(BODY[:9]), rest], 200, b'{"message": "received"}'),
        ("GET", [], 405, b'{"message": "deliveries come as POST"}'),
        ("HEAD", [], 405, b""),
    ):
        start, answer = asgi(receiver(), {**POST, "method": method}, *messages)
        assert (start["status"], answer["body"]) == (status, body)
        assert ((b"allow", b"POST") in start["headers"]) == (status == 405)
    assert asgi(receiver(), POST, piece(BODY[:9]), {"type": "http.disconnect"}) == []


def test_the_answer_is_sent_before_the_listener_is_called() -> None:
    """A slow listener does not make the service wait; it runs outside the event loop's thread."""
    sent: list[Any] = []
    seen: list[object] = []

    def listen(task: Task) -> None:
        seen.extend([len(sent), threading.current_thread() is threading.main_thread()])

    asgi(receiver(on_task=listen), POST, {"type": "http.request", "body": BODY}, sent=sent)
    assert seen == [2, False]


def test_a_long_body_is_refused_unread() -> None:
    """No more than the limit is kept of it; a sender that continues is cut off after four times as much."""
    part = piece(b"x" * 100)
    for pieces in ([part, part, piece(b"x" * 100, is_last=True)], [part] * 11):
        assert asgi(receiver(max_body_bytes=250), POST, *pieces)[0]["status"] == 413


def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that sends the head and then nothing holds its connection for a limited time."""
    monkeypatch.setattr("kling_elements.webhooks.receiver._BODY_SECONDS", 0.0)  # a test has no 20 seconds
    assert asgi(receiver(), POST) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_request_leaves_nothing_behind(backend: str) -> None:
    """A server cancels a request whose sender has gone: the listener continues, also with what came later."""
    told: list[str] = []
    busy, gone, done = threading.Event(), threading.Event(), threading.Event()

    def listen(task: Task) -> None:
        busy.set()
        assert gone.wait(20)
        told.append(task.status)
        if task.status == "COMPLETED":
            done.set()

    async def serve() -> None:
        async with client_of(receiver(on_task=listen)) as client, anyio.create_task_group() as group:
            created, completed = body_of("CREATED"), body_of("COMPLETED")
            group.start_soon(partial(client.post, "/", content=created, headers=headers(created)))
            await anyio.to_thread.run_sync(busy.wait, 20)
            await client.post("/", content=completed, headers=headers(completed, message_id="second"))
            group.cancel_scope.cancel()
        gone.set()
        assert await anyio.to_thread.run_sync(done.wait, 20)

    anyio.run(serve, backend=backend)
    assert told == ["CREATED", "COMPLETED"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_sender_that_leaves_before_the_reply(backend: str) -> None:
    """A server that can't send the reply, or is cancelled as it does, has taken the delivery: it is told."""
    told = threading.Event()
    app = receiver(on_task=lambda _: told.set())

    async def receive() -> dict[str, Any]:
        return piece(BODY, is_last=True)

    async def send(_: MutableMapping[str, Any]) -> None:
        raise OSError("the sender has gone")

    async def serve() -> None:
        with pytest.raises(OSError, match="gone"):
            await app(POST, receive, send)
        assert await anyio.to_thread.run_sync(told.wait, 20)

    anyio.run(serve, backend=backend)


def test_it_lives_in_a_server() -> None:
    """The lifespan is answered, and a WebSocket is closed."""
    sent = asgi(receiver(), {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert [m["type"] for m in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert asgi(receiver(), {"type": "websocket"}) == [{"type": "websocket.close", "code": 1000}]


def test_changes_are_told_in_order_one_at_a_time() -> None:
    """While a listener is busy, what comes meanwhile waits its turn, even if it raises SystemExit."""
    told: list[str] = []

    def listen(task: Task) -> None:
        told.append(f"begin {task.status}")
        if task.status == "CREATED":
            hand_over(app, "COMPLETED", "second")
            app.notify()  # as another thread would, while this one is at it
            told.append(f"end {task.status}")
            raise SystemExit
        told.append(f"end {task.status}")

    app = receiver(on_task=listen)
    hand_over(app, "CREATED")
    with pytest.raises(SystemExit):
        app.notify()
    app.notify()
    assert told == ["begin CREATED", "end CREATED", "begin COMPLETED", "end COMPLETED"]


def test_a_change_is_not_overtaken_while_it_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A log that blocks does not let a later delivery go first."""
    told: list[str] = []
    app = receiver(on_task=lambda task: told.append(task.status))

    def overtake(record: logging.LogRecord) -> bool:
        if "is CREATED" in record.getMessage():
            hand_over(app, "COMPLETED", "second")  # as another thread would meanwhile
            app.notify()
        return False

    monkeypatch.setattr(logger, "filters", [overtake])
    with caplog.at_level(logging.INFO, logger.name):
        hand_over(app, "CREATED")
    app.notify()
    assert told == ["CREATED", "COMPLETED"]


# --- the listener over a loopback socket


@pytest.fixture
def told() -> list[Task]:
    return []


@pytest.fixture
def served(told: list[Task]) -> Iterator[webhooks.WebhookListener]:
    with webhooks.WebhookListener(receiver(on_task=told.append), port=0) as listener:
        yield listener


def test_deliveries_come_over_http(served: webhooks.WebhookListener, told: list[Task]) -> None:
    """Two deliveries over one connection are verified, answered and reported."""
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        for number, status in enumerate(("IN_PROGRESS", "COMPLETED")):
            body = body_of(status)
            response = client.post("/any/path", content=body, headers=headers(body, message_id=f"m{number}"))
            assert (response.status_code, response.headers["server"]) == (200, "kling-elements")
        assert client.post("/", content=iter([BODY[:5], BODY[5:]]), headers=headers()).status_code == 200
        assert client.post("/", content=BODY, headers=headers(signature="v1,AAAA")).status_code == 401
        refused = client.request("BREW", "/")
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
        assert client.head("/").status_code == 405
        assert client.post("/", content=b"x" * 3_000_000, headers=headers()).status_code == 413
    assert [task.status for task in told] == ["IN_PROGRESS", "COMPLETED"]


def test_the_end_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """A request that is half here when the listener is closed is no error of it."""
    with webhooks.WebhookListener(receiver(), port=0) as listener:
        raw = socket.create_connection((listener.host, listener.port), timeout=20)
        raw.sendall(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 100")  # it waits for the body
    raw.close()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_silent_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that sends no request, or half of its head, is closed: slow senders keep nobody out."""
    monkeypatch.setattr("kling_elements.webhooks.server._IDLE_SECONDS", 0.05)  # as above
    with webhooks.WebhookListener(receiver(), port=0) as listener:
        for sent in (b"", b"POST / HTTP/1.1\r\nhost"):
            with socket.create_connection((listener.host, listener.port), timeout=20) as raw:
                raw.sendall(sent)
                assert raw.recv(100) == b""
        assert httpx.post(listener.url, content=BODY, headers=headers(), trust_env=False).status_code == 200


async def _later(_: object) -> None:
    """A function that a synchronous caller would not await."""


MADE = partial(webhooks.WebhookReceiver, SECRET)
HUB = webhooks.WakeHub()
LISTENED = partial(webhooks.WebhookListener, receiver=MADE())
SIGNED = partial(webhooks.sign_webhook, BODY, SECRET, webhook_id="a")
VERIFIED = partial(webhooks.verify_webhook, BODY, headers(), SECRET)
UNUSABLE: list[tuple[Callable[..., object], dict[str, Any]]] = [
    *((MADE, {"on_task": 3}), (MADE, {"on_request": "x"}), (MADE, {"now": None}), (MADE, {"hub": False})),
    *((MADE, {"max_body_bytes": "x"}), (MADE, {"tolerance": "5"}), (webhooks.WakeHub, {"log": 5})),
    *((webhooks.DeliveryLog, {"max_ids": 0}), (webhooks.DeliveryLog, {"max_tasks": "x"})),
    *((webhooks.WebhookListener, {"receiver": print}), (MADE, {"on_request": _later})),
    *((LISTENED, {"port": port}) for port in (99_999, -1, 10**5000, "x", 1.5, True, None)),
    *((LISTENED, {"host": host}) for host in (5, None, "\udcff", "é" * 100, "a\0")),
    *((HUB.wakeable, {"on_update": 5}), (HUB.wakeable, {"on_update": _later})),
    *((HUB.async_wakeable, {"on_update": 5}), (HUB.wakeable, {"task_id": Task("a", "CREATED")})),
    *((HUB.deliver, {"delivery": 5}), (HUB.latest, {"task_id": []})),
    *((webhooks.SigningKeys, {"keys": keys}) for keys in (5, "text", [SECRET])),
    (partial(webhooks.examine, BODY, headers()), {"keys": webhooks.signing_keys("")}),
    (partial(MADE().handle, "POST", {}), {"body": None}),
    *((VERIFIED, {"tolerance": each}) for each in (-1, float("nan"), "5", None, True)),
    (partial(webhooks.sign_webhook, secrets=SECRET, webhook_id="a"), {"body": "text"}),
    *((SIGNED, {"webhook_id": each}) for each in (5, "", "\ud800", "a\nb")),
    *((SIGNED, {"timestamp": each}) for each in ("5", -1, 10**5000, float("inf"))),
    *((call, {"now": now}) for call in (SIGNED, VERIFIED) for now in (5, lambda: None, lambda: float("nan"))),
]


def test_arguments_that_cannot_be_used() -> None:
    """They are refused by name."""
    for call, arguments in UNUSABLE:
        with pytest.raises(ValidationError, match=rf"{next(iter(arguments))}(\(\))? must (not )?be "):
            call(**arguments)


# --- which deliveries are news


@pytest.mark.parametrize(
    "deliveries",
    [
        "CREATED 1 1 NEW, IN_PROGRESS 2 2 NEW, COMPLETED 3 3 NEW",
        "IN_PROGRESS 1 0 NEW, IN_PROGRESS 2 0 REPEATED, IN_PROGRESS 1 0 DUPLICATE, COMPLETED 1 0 DUPLICATE",
        # a terminal status is final
        "COMPLETED 1 10 NEW, CREATED 2 99 OUTDATED, QUEUED 3 99 OUTDATED, FAILED 4 99 OUTDATED",
        # A delivery that is repeated may be signed again: the time decides only between words of one rank.
        "IN_PROGRESS 1 10 NEW, CREATED 2 20 OUTDATED, QUEUED 3 9 OUTDATED, QUEUED 4 10 NEW, FAILED 5 5 NEW",
        "CREATED 1 10 NEW, IN_PROGRESS 2 5 NEW",
    ],
)
def test_sequences(deliveries: str) -> None:
    """By status, id and when it was signed, each is news or known; the log keeps the latest news."""
    log, news = webhooks.DeliveryLog(), list[Task]()
    for each in deliveries.split(", "):
        status, number, at, receipt = each.split()
        task = Task("t", status)
        assert log.receive(webhooks.Delivery(f"msg_{number}", int(at), task)).name == receipt
        news += [task] * (receipt == "NEW")
    assert (log.changes("t"), log.latest("t")) == (len(news), news[-1])
    assert (log.latest("another"), log.changes("another")) == (None, 0)


STATUSES = ("CREATED", "IN_PROGRESS", "COMPLETED")
OTHER_ID = "00000000-0000-4000-8000-000000000000"


def test_reordered_and_repeated_deliveries() -> None:
    """In each order of five: no status goes back or is reported twice, and each COMPLETED is reported."""
    for order in product(range(3), repeat=5):
        told = list[Task]()
        app = receiver(on_task=told.append)
        for task_id, rank in (pair for r in order for pair in ((TASK_ID, r), (OTHER_ID, 2 - r))):
            body = body_of(STATUSES[rank], task_id)
            given = headers(body, message_id=f"msg-{task_id}-{rank}", timestamp=NOW + rank)
            assert app.handle("POST", given, body).reply.status == 200
            app.notify()
        for task_id, best in ((TASK_ID, max(order)), (OTHER_ID, 2 - min(order))):
            ranks = [STATUSES.index(task.status) for task in told if task.id == task_id]
            assert ranks == sorted(set(ranks)), f"a status went back, or came twice: {order}"
            assert ranks[-1] == best


def test_memory_is_bounded() -> None:
    """The oldest ids and tasks are forgotten, and no more is kept than asked; a URL that follows is news."""
    log = webhooks.DeliveryLog(max_ids=3, max_tasks=2)

    def receive(number: int, task: Task) -> str:
        return log.receive(webhooks.Delivery(f"msg_{number}", 0, task)).name

    tasks = [Task(f"task {number}", "CREATED") for number in range(10)]
    assert {receive(number, task) for number, task in enumerate(tasks)} == {"NEW"}
    assert [task for task in tasks if log.latest(task.id)] == tasks[-2:]
    assert [receive(number, tasks[9]) for number in (9, 0)] == ["DUPLICATE", "REPEATED"]
    done = Task("t", "COMPLETED"), Task("t", "COMPLETED", ("https://a.example/v.mp4",))
    assert [receive(11, done[0]), receive(12, done[1]), receive(13, done[0])] == ["NEW", "NEW", "REPEATED"]
