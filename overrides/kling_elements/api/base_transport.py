"""What the two transports have in common."""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from kling_elements.api.clients import Clients
from kling_elements.api.exchange import Exchange
from kling_elements.api.httpx_adapter import without_frames
from kling_elements.log import RedactedLogs
from kling_elements.types import SendState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kling_elements.api.auth import Settings
    from kling_elements.types import Outcome, Request

ClientsT = TypeVar("ClientsT", bound=Clients[Any])

MOST_KEPT = 100  # connections that a caller's client may have kept; httpx keeps 20 by default
LEAST_PROGRESS = 16 * 1024  # bytes that a body must bring within each timeout


class BaseTransport(Generic[ClientsT]):
    """A transport's clients and settings.

    Args:
        clients: Gives the httpx client of each exchange.
        settings: The service and the key; None for a transport that asks other hosts only.
        sleep: Sleeps for that many seconds.
    """

    def __init__(
        self, clients: ClientsT, settings: Settings | None, sleep: Callable[[float], object]
    ) -> None:
        self._clients = clients
        self._settings = settings
        self._sleep = sleep

    @property
    def can_fetch(self) -> bool:
        """Whether other hosts can still be asked: not once it is closed, unless by a caller's client."""
        return self._clients.given is not None or not self._clients.is_closed

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._clients.is_closed

    async def send(self, request: Request, timeout: float, state: SendState | None = None) -> Outcome:
        """Send a request to the service, with the key."""
        if self._settings is None:
            raise TypeError("this transport knows no service")
        handled = sys.exc_info()[1]
        try:
            with RedactedLogs(self._settings.key.redact):
                return await self._send(request, timeout, self._settings, state or SendState())
        except BaseException as error:  # noqa: BLE001 - it is raised again
            raise without_frames(error, handled)  # noqa: B904 - it is the same

    async def _send(self, request: Request, timeout: float, settings: Settings, state: SendState) -> Outcome:
        raise NotImplementedError

    def with_settings(self, settings: Settings) -> Self:
        """Return the same transport with other settings; to close one is to close both."""
        twin = copy.copy(self)
        twin._settings = settings  # noqa: SLF001 - its own class
        return twin

    def with_sleep(self, sleep: Callable[[float], object]) -> Self:
        """Return the same transport with another sleep."""
        twin = copy.copy(self)
        twin._sleep = sleep  # noqa: SLF001 - its own class
        return twin


def attempts(request: Request, *, may_keep: bool = True) -> Iterator[Exchange]:
    """Yield the exchanges that a request may take.

    A look may go over a kept connection. If the service has just closed that, it is repeated over a new one.
    Any other request has a connection of its own, once.
    """
    if may_keep and request.method == "GET":
        yield Exchange(may_keep=True)
    yield Exchange()
