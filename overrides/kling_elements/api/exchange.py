"""How far one exchange got, from what httpcore reports of it: was anything sent, over which connection."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from kling_elements.api.proxies import describe_proxy, is_loopback
from kling_elements.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


_OPENED = (".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")


class KeptConnection(Exception):  # noqa: N818 - never leaves the transports
    """A request was about to go over a connection that was open already. Nothing of it was sent.

    The service may be closing such a connection, and a create lost in it would be of unknown outcome. It may
    also be shared with a forked process, or belong to an event loop that has ended.
    """


class Exchange:
    """One request on its way.

    Attributes:
        may_keep: Whether it may go over a connection that is open already: it can be repeated safely.
        on_opened: Called with each connection that is opened for it, and each layer of TLS on it: a network
            stream of httpcore's.
        host: The host that is asked.
        port: Its port.
        size: Bytes of the body.
        is_taken: Whether a transport has taken the request. Before that, nothing can have been sent.
        given: Bytes of the body that a transport has taken.
        was_kept: Whether it went over a connection that was open already.
        body: What came of the response's body; None before its head came.
        status: The status and headers of the response, once httpcore has read them.
    """

    def __init__(
        self, on_opened: Callable[[Any], object] = lambda _: None, *, may_keep: bool = False
    ) -> None:
        self.on_opened = on_opened
        self.may_keep = may_keep
        self.host = ""
        self.port = self.size = self.given = 0
        self.is_taken = self.was_kept = False
        self.body: Any = None
        self.status: tuple[int, Sequence[tuple[bytes, bytes]]] | None = None
        self._hop: tuple[str, int] | None = None
        self._is_reported = self._is_opened = self._is_sending = False

    @property
    def may_be_sent(self) -> bool:
        """Whether the service may have the whole request, and so may have acted on it.

        Of a transport that reports nothing it is assumed.
        """
        if not self.is_taken:
            return False
        if self.given:
            return self.given == self.size
        return not self._is_reported or (self._is_sending and not self.size)

    @property
    def is_stale(self) -> bool:
        """Whether a kept connection brought no response: the service may have closed it just before."""
        return self.was_kept and self.status is None

    @property
    def proxy(self) -> str:
        """The proxy that was used, and where it comes from; empty if none was."""
        if self._hop is None or self._hop == (self.host, self.port):
            return ""
        return describe_proxy(*self._hop)

    def begin(self, host: str, port: int, size: int) -> None:
        """Note a request that is handed to httpx."""
        self.host, self.port, self.size = host, port, size
        self.is_taken = self._is_opened = self._is_sending = False
        self.given = 0

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Take one event; called by httpcore in the middle of the exchange.

        Raises:
            KeptConnection: If the request would go over a connection that was open already.
        """
        self._is_reported = True
        if event.endswith(".connect_tcp.started"):
            self._hop = (info["host"], info["port"])
            if self.proxy and is_loopback(self.host):
                _warn_of_proxy(self.host, self.proxy)
        elif event.endswith(_OPENED):
            self._is_opened = True
            self.on_opened(info["return_value"])
        elif event.endswith(".send_request_headers.started"):
            if info["request"].method != b"CONNECT":  # which goes to a proxy
                if not self._is_opened and event.startswith("http11."):
                    if not self.may_keep:
                        raise KeptConnection
                    self.was_kept = True
                self._is_sending = True
        elif event.endswith(".receive_response_headers.complete") and self._is_sending:
            # HTTP/1.1: version, status, reason, headers. HTTP/2: status, headers.
            *first, headers = info["return_value"]
            self.status = next(value for value in first if isinstance(value, int)), headers

    async def anote(self, event: str, info: Mapping[str, Any]) -> None:
        """`note`, as the asynchronous httpcore wants it."""
        self.note(event, info)

    def describe(self, problem: str) -> str:
        """Say what went wrong, with what is known of the way."""
        if 0 < self.given < self.size:
            problem += f"; only a part was sent, {self.given:,} of {self.size:,} bytes"
        return f"{proxy}: {problem}" if (proxy := self.proxy) else problem


@cache
def _warn_of_proxy(host: str, proxy: str) -> None:
    logger.warning("requests to %s, which is this machine, go to %s; set NO_PROXY=%s", host, proxy, host)
