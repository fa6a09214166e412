"""Run the transports, synchronous and asynchronous, over a handler in place of a network."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

import httpx
from attrs import frozen

from contract_tests.support.clients import KEY, call_under
from kling_elements.api.async_transport import AsyncTransport
from kling_elements.api.auth import ApiKey, Settings
from kling_elements.api.io import run_sync
from kling_elements.api.sync_transport import SyncTransport
from kling_elements.external import ExternalRequest
from kling_elements.types import Request

Handler = Callable[[httpx.Request], Any]
Transport = SyncTransport | AsyncTransport
ORIGIN: Final = "https://service.example"
HEADER: Final = "x-key-header"
CREATE: Final = Request("POST", "/v1/x", {"content-type": "application/json"}, b"{}")
SETTINGS: Final = Settings(ORIGIN, HEADER, ApiKey(KEY), 30.0)


@frozen
class TransportKind:
    """The asynchronous transport under this event loop; None: the synchronous one."""

    backend: str | None

    @property
    def client_kind(self) -> type[Any]:
        return httpx.Client if self.backend is None else httpx.AsyncClient

    def http(self, handler: Handler, **options: Any) -> Any:
        return self.client_kind(transport=httpx.MockTransport(handler), **options)

    def transport(self, client: Any = None, settings: Settings | None = SETTINGS) -> Transport:
        """Make a transport; without settings, one that asks other hosts only."""
        kind = SyncTransport if self.backend is None else AsyncTransport
        return kind(settings, client, sleep=lambda _: None)

    def run(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return run_sync(make()) if self.backend is None else call_under(self.backend, make)

    def send(self, transport: Any, request: Request = CREATE, timeout: float = 5.0) -> Any:
        return self.run(lambda: transport.send(request, timeout))

    def fetch(self, transport: Any, url: str | ExternalRequest, timeout: float = 5.0) -> tuple[Any, bytes]:
        """Ask another host; the outcome, and the body that came."""
        body = bytearray()

        def sink(chunk: bytes) -> bool:
            body.extend(chunk)
            return True

        request = ExternalRequest(url, {}, timeout) if isinstance(url, str) else url
        return self.run(lambda: transport.stream(request, lambda _: sink)), bytes(body)
