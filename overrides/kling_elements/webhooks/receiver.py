"""Receives deliveries: one answer to a request, and around it an ASGI application without a framework."""

from __future__ import annotations

import inspect
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio.to_thread
from attrs import field, frozen

from kling_elements.errors import ValidationError
from kling_elements.policy.durations import check_seconds
from kling_elements.webhooks.contract import webhook_contract
from kling_elements.webhooks.deduplication import Receipt
from kling_elements.webhooks.signing import MAX_BODY_BYTES, TOLERANCE, Encoding, Secrets, signing_keys
from kling_elements.webhooks.verification import Delivery, Headers, Reason, Refusal, examine
from kling_elements.webhooks.wakeups import Listener, WakeHub

if TYPE_CHECKING:
    from kling_elements.task import Task

logger = logging.getLogger("kling_elements")

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_METHOD_NOT_ALLOWED = 405
_TOO_LARGE = 413

_FAILED = "a listener to webhooks failed for task %s, which is %s; the task itself is not touched by it"

_STATUS_OF = {
    Reason.HEADERS: _BAD_REQUEST,
    Reason.SIGNATURE: _UNAUTHORIZED,
    Reason.TIMESTAMP: _UNAUTHORIZED,
    Reason.BODY: _BAD_REQUEST,
}


@frozen
class Reply:
    """The HTTP answer to a request.

    Attributes:
        status: The status code.
        headers: The headers, names in lower case.
        body: The body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@frozen
class Handled:
    """A request that was handled.

    Attributes:
        reply: What it is answered.
        delivery: The delivery, if it is genuine.
        receipt: What the delivery was worth, if it is genuine.
        refusal: Why it was refused, if it was a delivery and was.
    """

    reply: Reply
    delivery: Delivery | None = field(default=None)
    receipt: Receipt | None = field(default=None)
    refusal: Refusal | None = field(default=None)


class WebhookReceiver:
    """Verifies deliveries, answers, drops what is no news, wakes waits, tells a listener; an ASGI app.

    A request is answered before the listener is called; a fault of the listener is logged and goes no
    further. It is called for one change at a time, in their order.

    Args:
        secrets: The webhook's secret, or several while one replaces another.
        on_task: Called with the task at each new status. As an ASGI application, it is called in a worker
            thread, and awaited if it can be.
        on_request: Called with each request's `Handled`, in the thread of the request.
        encoding: What the secrets' text is.
        tolerance: Seconds that a timestamp may be before or behind the clock.
        max_body_bytes: A longer body is refused.
        hub: Wakes waits; one of its own by default.
        now: The clock, in Unix seconds.

    Raises:
        ValidationError: An argument can't be used.
    """

    def __init__(  # noqa: PLR0913 - options, each by its name
        self,
        secrets: Secrets,
        *,
        on_task: Listener | None = None,
        on_request: Callable[[Handled], object] | None = None,
        encoding: Encoding = "utf-8",
        tolerance: float = TOLERANCE,
        max_body_bytes: int = MAX_BODY_BYTES,
        hub: WakeHub | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        keys = signing_keys(secrets, encoding)
        del secrets  # a traceback with locals must not show them
        if isinstance(keys, ValidationError):
            raise keys
        self.hub = hub or WakeHub()
        self.wakeable = self.hub.wakeable
        self.async_wakeable = self.hub.async_wakeable
        self.latest = self.hub.latest
        self.max_body_bytes = max_body_bytes
        self._keys = keys
        self._tolerance = check_seconds("tolerance", tolerance)
        self._on_request = on_request
        self._now = now
        self._news = News(on_task)

    @property
    def is_async(self) -> bool:
        """Whether the listener is a coroutine function, which only an ASGI server can await."""
        return inspect.iscoroutinefunction(self._news.listener)

    def handle(self, method: str, headers: Headers, body: bytes) -> Handled:
        """Take a request and give its answer. The listener is called by `tell`, after the answer was sent."""
        handled = self._handle(method, headers, body)
        if self._on_request:
            try:
                self._on_request(handled)
            except Exception:
                logger.exception("a listener to webhook requests failed")
        return handled

    def refuse(self, method: str, body_bytes: int) -> Reply | None:
        """The answer to a request that needs no look at its body, if it is one."""
        contract = webhook_contract()
        if method != contract.method:
            return _reply(
                _METHOD_NOT_ALLOWED, f"deliveries come as {contract.method}", {"allow": contract.method}
            )
        if body_bytes > self.max_body_bytes:
            return _reply(_TOO_LARGE, f"a body may have {self.max_body_bytes} bytes")
        return None

    def tell(self) -> None:
        """Tell the listener what is new."""
        self._news.tell()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        match scope["type"]:
            case "lifespan":
                await _live(receive, send)
            case "http":
                await self._serve(scope, receive, send)
            case _:
                await send({"type": "websocket.close", "code": 1000})

    def _handle(self, method: str, headers: Headers, body: bytes) -> Handled:
        if reply := self.refuse(method, len(body)):
            return Handled(reply)
        result = examine(body, headers, self._keys, tolerance=self._tolerance, now=self._now)
        if isinstance(result, Refusal):
            level = logging.INFO if self._on_request else logging.WARNING  # it is told once
            logger.log(level, "a webhook delivery was refused: %s", result.text)
            return Handled(_reply(_STATUS_OF[result.reason], _public(result)), refusal=result)
        receipt = self.hub.deliver(result)
        logger.info(
            "webhook %s: task %s is %s (%s)", result.id, result.task.id, result.task.status, receipt.value
        )
        if receipt is Receipt.NEW:
            self._news.add(result.task)
        return Handled(_reply(webhook_contract().success, "received"), delivery=result, receipt=receipt)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        body = await self._read(scope["method"], receive)
        if body is None:
            return  # the sender has gone
        reply = self.handle(scope["method"], headers, body).reply
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [(name.encode(), value.encode()) for name, value in reply.headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})
        await self._news.tell_async()

    async def _read(self, method: str, receive: Receive) -> bytes | None:
        """The body, or as much of it as it takes to refuse it; None if the sender has gone."""
        body = bytearray()
        while True:
            if self.refuse(method, len(body)):
                return bytes(body)
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if not message.get("more_body", False):
                return bytes(body)


class News:
    """Tells a listener one task after the other, in order, whichever threads bring them."""

    def __init__(self, listener: Listener | None) -> None:
        self.listener = listener
        self._lock = threading.Lock()
        self._waiting: deque[Task] = deque()
        self._is_telling = False

    def add(self, task: Task) -> None:
        """Have a task told by whoever tells next."""
        if self.listener:
            with self._lock:
                self._waiting.append(task)

    def tell(self) -> None:
        """Tell all that is waiting, unless someone else is at it."""
        while task := self._next():
            try:
                self._call(task)
            except Exception:
                logger.exception(_FAILED, task.id, task.status)
            finally:
                self._done()

    async def tell_async(self) -> None:
        """`tell`, in a worker thread; what the listener returns is awaited if it can be."""
        while task := self._next():
            try:
                result = await anyio.to_thread.run_sync(self._call, task)
                if inspect.isawaitable(result):
                    await result
            except Exception:
                logger.exception(_FAILED, task.id, task.status)
            finally:
                self._done()

    def _call(self, task: Task) -> object:
        return self.listener(task) if self.listener else None

    def _next(self) -> Task | None:
        with self._lock:
            if self._is_telling or not self._waiting:
                return None
            self._is_telling = True
            return self._waiting.popleft()

    def _done(self) -> None:
        with self._lock:
            self._is_telling = False


async def _live(receive: Receive, send: Send) -> None:
    """Follow a server's start and stop; there is nothing to open or close."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _public(refusal: Refusal) -> str:
    """What the sender of a refused delivery is told: the kind of fault, and no more."""
    return f"refused: {refusal.reason.value}"


def _reply(status: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps({"message": message}).encode()
    return Reply(
        status,
        {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})},
        body,
    )
