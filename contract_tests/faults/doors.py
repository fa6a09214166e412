"""Where webhooks come in: a receiver behind the project's own listener, and as an application of uvicorn."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import uvicorn
from attrs import define, field

from contract_tests.faults.letter import Door
from contract_tests.faults.sockets import PATIENCE
from kling_elements.webhooks import WebhookListener, WebhookReceiver
from kling_elements_mock import WEBHOOK_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_elements.webhooks.receiver import Receive, Scope, Send

_BROKE: Final = "a connection to the webhook listener broke: %r"


@define
class Doors:
    """Both doors. uvicorn's stands open all the time; the listener is a new one for each receiver.

    Attributes:
        asgi: Where uvicorn listens.
        unexpected: Exceptions that the receiver or a server let through.
        receiver: Whose doors they are.
    """

    asgi: tuple[str, int]
    unexpected: list[str] = field(factory=list)
    receiver: WebhookReceiver = field(factory=lambda: WebhookReceiver(WEBHOOK_SECRET))
    _listening: ExitStack = field(factory=ExitStack)
    _listener: tuple[str, int] | None = None
    _over: set[str] = field(factory=set)
    _changed: threading.Condition = field(factory=threading.Condition)

    def open(self, receiver: WebhookReceiver) -> None:
        """Let in for this receiver from now on."""
        self.close()
        self.unexpected.clear()
        self._over.clear()
        self.receiver = receiver

    def close(self) -> None:
        """Close the listener."""
        self._listener = None
        self._listening.close()

    def address(self, door: Door) -> tuple[str, int]:
        """Where a door is."""
        if door is Door.ASGI:
            return self.asgi
        if self._listener is None:  # in most examples there are no webhooks
            listener = self._listening.enter_context(WebhookListener(self.receiver, port=0))
            self._listener = listener.host, listener.port
        return self._listener

    def await_told(self, door: Door, path: str) -> None:
        """Return when the listener to tasks has been told of what came in an answered request.

        The project's own server closes the connection after that, uvicorn before.
        """
        if door is Door.ASGI:
            with self._changed:
                if not self._changed.wait_for(lambda: path in self._over, PATIENCE):
                    self.unexpected.append("the receiver has answered, and does not return")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection, as the receiver of the moment does."""
        try:
            await self.receiver(scope, receive, send)
        except Exception as error:
            self.unexpected.append(f"the receiver raised {error!r} as an ASGI application")
            raise
        finally:
            with self._changed:
                self._over.add(scope.get("path", ""))
                self._changed.notify_all()


class _Breakages(logging.Handler):
    """Notes what the listener only logs: exceptions in a connection that are not the sender's fault."""

    def __init__(self, doors: Doors) -> None:
        super().__init__()
        self._doors = doors

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        error = record.args[0] if isinstance(record.args, tuple) and record.args else None
        if record.msg == _BROKE and not isinstance(error, OSError):
            self._doors.unexpected.append(f"the listener let {error!r} through")


@contextmanager
def opened() -> Iterator[Doors]:
    """Doors, for as long as the context lasts."""
    plug = socket.create_server(("127.0.0.1", 0), backlog=64)
    doors = Doors(plug.getsockname())
    server = uvicorn.Server(
        uvicorn.Config(
            doors,
            http="h11",
            ws="none",
            lifespan="on",
            loop="asyncio",
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run, args=([plug],), name="fault-webhooks", daemon=True)
    thread.start()
    try:
        with _watched(doors):
            yield doors
    finally:
        doors.close()
        server.should_exit = True
        thread.join(PATIENCE)
        plug.close()


@contextmanager
def _watched(doors: Doors) -> Iterator[None]:
    logger, handler = logging.getLogger("kling_elements"), _Breakages(doors)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
