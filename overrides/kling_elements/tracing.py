"""What httpcore tells of one request on its way, by its `trace` extension: whether it was sent, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CONNECTED = (".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")
_SENDING = ".send_request_headers.started"


@define
class Trace:
    """One request's way.

    Attributes:
        on_connected: Told each connection that is opened for the request, and each layer of TLS on it: a
            network stream of httpcore's.
    """

    on_connected: Callable[[Any], object] = field(default=lambda _: None, repr=False)
    _was_told: bool = field(default=False, init=False)
    _is_sending: bool = field(default=False, init=False)

    @property
    def may_be_sent(self) -> bool:
        """Whether a byte of the request may have left. Of a transport that tells nothing it is assumed."""
        return self._is_sending or not self._was_told

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Take one event; called by httpcore, in the middle of a request."""
        self._was_told = True
        if event.endswith(_SENDING) and info["request"].method != b"CONNECT":  # which goes to a proxy
            self._is_sending = True
        elif event.endswith(_CONNECTED):
            self.on_connected(info["return_value"])

    async def anote(self, event: str, info: Mapping[str, Any]) -> None:
        """`note`, as the asynchronous httpcore wants it."""
        self.note(event, info)
