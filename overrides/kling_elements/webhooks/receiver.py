"""Receive deliveries: an ASGI application without a framework, which answers, deduplicates and notifies."""

from __future__ import annotations

import inspect
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, TypeAlias

import anyio
from attrs import field, frozen

from kling_elements.arguments import check_count, check_function, check_kind, check_seconds
from kling_elements.errors import ValidationError
from kling_elements.log import logger
from kling_elements.webhooks.deduplication import Receipt
from kling_elements.webhooks.listener_queue import ListenerQueue
from kling_elements.webhooks.signing import Encoding, Secrets, signing_keys
from kling_elements.webhooks.verification import (
    TOLERANCE,
    Delivery,
    Headers,
    Reason,
    Refusal,
    examine,
    raw_body,
)
from kling_elements.webhooks.wakeups import Listener, WakeHub

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HOST, PORT = "127.0.0.1", 8765  # where `server` listens by default; here, so that to know it needs no uvicorn
METHOD = "POST"  # the document's callback says so; a contract test compares them
_MAX_BODY_BYTES = 1024 * 1024  # a real delivery has some 300 bytes
_DISCARDED = 4  # times that limit is read from a sender that goes on, so that it can read its refusal
_BODY_SECONDS = 20.0  # within which a body must arrive

_STATUS_OF = {
    Reason.HEADERS: HTTPStatus.BAD_REQUEST,
    Reason.SIGNATURE: HTTPStatus.UNAUTHORIZED,
    Reason.TIMESTAMP: HTTPStatus.UNAUTHORIZED,
    Reason.BODY: HTTPStatus.BAD_REQUEST,
}


@frozen
class Reply:
    """The HTTP response to a request.

    Attributes:
        status: The status code.
        headers: The headers, names in lower case.
        body: The body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@frozen
class HandledRequest:
    """A request that was handled.

    Attributes:
        reply: The response.
        delivery: The delivery, if it is genuine.
        receipt: What the delivery brought, if it is genuine.
        refusal: Why it was refused, if it was a delivery and was.
    """

    reply: Reply
    delivery: Delivery | None = field(default=None)
    receipt: Receipt | None = field(default=None)
    refusal: Refusal | None = field(default=None)


class WebhookReceiver:
    """Verifies deliveries, replies, drops duplicates, wakes polls and calls a listener; an ASGI application.

    A request is answered before the listener is called; an error of the listener is logged and goes no
    further. The listener is called for one change at a time, in order.

    Args:
        secrets: The webhook's secret, or several while one replaces another.
        on_task: Called with the task at each new status, in a worker thread; awaited if it can be.
        on_request: Called with each request's `HandledRequest`, in the thread of the request.
        encoding: How the secrets' text is decoded.
        tolerance: Seconds that a timestamp may be before or behind the clock.
        max_body_bytes: A longer body is refused.
        hub: Wakes polls; one of its own by default.
        now: The clock, in Unix seconds.

    Raises:
        ValidationError: An argument can't be used.
    """

    def __init__(  # noqa: PLR0913 - options, each by its name
        self,
        secrets: Secrets,
        *,
        on_task: Listener | None = None,
        on_request: Callable[[HandledRequest], object] | None = None,
        encoding: Encoding = "utf-8",
        tolerance: float = TOLERANCE,
        max_body_bytes: int = _MAX_BODY_BYTES,
        hub: WakeHub | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        keys = signing_keys(secrets, encoding)
        del secrets  # a traceback with locals must not show them
        if isinstance(keys, ValidationError):
            raise keys
        for name, function in (("on_task", on_task), ("on_request", on_request), ("now", now)):
            if function is not None or name == "now":
                check_function(name, function)
        if inspect.iscoroutinefunction(on_request):
            raise ValidationError(["on_request must be a function that is not asynchronous"])
        check_count("max_body_bytes", max_body_bytes)
        self.hub = WakeHub() if hub is None else hub
        check_kind("hub", self.hub, WakeHub)
        self.wakeable = self.hub.wakeable
        self.async_wakeable = self.hub.async_wakeable
        self.latest = self.hub.latest
        self._max_body_bytes = max_body_bytes
        self._keys = keys
        self._tolerance = check_seconds("tolerance", tolerance)
        self._on_request = on_request
        self._now = now
        self._queue = ListenerQueue(on_task)
        self._in_order = threading.RLock()  # a signal's handler may enter it again

    def handle(self, method: str, headers: Headers, body: bytes) -> HandledRequest:
        """Handle a request without a server. `notify` calls the listener, after the reply was sent."""
        handled = self._handle(method, headers, body)
        if self._on_request:
            try:
                self._on_request(handled)
            except Exception:
                logger.exception("a listener to webhook requests failed")
        return handled

    def notify(self) -> None:
        """Call the listener, which must not be asynchronous, with what is new."""
        self._queue.drain()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        match scope["type"]:
            case "lifespan":
                await _live(receive, send)
            case "http":
                await self._serve(scope, receive, send)
            case _:
                await send({"type": "websocket.close", "code": 1000})

    def _handle(self, method: str, headers: Headers, body: bytes) -> HandledRequest:
        if method != METHOD:
            reply = _reply(HTTPStatus.METHOD_NOT_ALLOWED, f"deliveries come as {METHOD}", {"allow": METHOD})
            return HandledRequest(reply)
        body = raw_body(body)
        if len(body) > self._max_body_bytes:
            limit = f"a body may have {self._max_body_bytes} bytes"
            return HandledRequest(_reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, limit))
        result = examine(body, headers, self._keys, tolerance=self._tolerance, now=self._now)
        if isinstance(result, Refusal):
            level = logging.INFO if self._on_request else logging.WARNING  # it is reported once
            logger.log(level, "a webhook delivery was refused: %s", result.text)
            # The sender learns the kind of fault, and no more.
            reply = _reply(_STATUS_OF[result.reason], f"refused: {result.reason.value}")
            return HandledRequest(reply, refusal=result)
        with self._in_order:
            receipt = self.hub.deliver(result)
            if receipt is Receipt.NEW:
                self._queue.add(result.task)
        logger.info(
            "webhook %s: task %s is %s (%s)", result.id, result.task.id, result.task.status, receipt.value
        )
        return HandledRequest(_reply(HTTPStatus.OK, "received"), delivery=result, receipt=receipt)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        body = await self._read(receive) if scope["method"] == METHOD else b""
        if body is None:
            return
        reply = self.handle(scope["method"], headers, body).reply
        sent = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
        shown = b"" if scope["method"] == "HEAD" else reply.body
        try:
            await send({"type": "http.response.start", "status": reply.status, "headers": sent})
            await send({"type": "http.response.body", "body": shown})
        finally:  # a sender that has gone misses the reply, and the listener nothing
            drained = self._queue.drain_detached()
        await drained.wait()

    async def _read(self, receive: Receive) -> bytes | None:
        """Return the body, or enough to refuse it; None if the sender has gone or is too slow."""
        body, seen = bytearray(), 0
        with anyio.move_on_after(_BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                chunk = message.get("body", b"")
                seen += len(chunk)
                body += chunk[: self._max_body_bytes + 1 - len(body)]
                if not message.get("more_body", False) or seen > _DISCARDED * self._max_body_bytes:
                    return bytes(body)
        logger.warning("a webhook request took longer than %.0f s to arrive", _BODY_SECONDS)
        return None


async def _live(receive: Receive, send: Send) -> None:
    """Follow a server's start and stop; there is nothing to open or close."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _reply(status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps({"message": message}).encode()
    return Reply(
        status,
        {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})},
        body,
    )
