"""What the two transports share of httpx: requests, the key's header, errors, responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


import threading
from typing import TYPE_CHECKING, Generic, TypeVar

import httpx

from kling_elements.errors import ValidationError
from kling_elements.types import NoResponse, Response, ResponseHead

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from kling_elements.api.auth import ApiKey, Settings
    from kling_elements.types import ExternalRequest, Request

# Errors that httpx raises before it has a connection: nothing of the request was sent.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


class KeyAuth(httpx.Auth):
    """Puts the key into its header at the moment of sending.

    So no request that is built, shown or logged holds it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header; called by httpx."""
        request.headers[self._settings.key_header] = self._settings.key.reveal()
        yield request


ClientT = TypeVar("ClientT", httpx.Client, httpx.AsyncClient)


@define
class LazyClient(Generic[ClientT]):
    """An httpx client that is made when it is first needed: it loads certificates, which takes a while.

    Attributes:
        kind: The class of httpx.
        given: A caller's client, to be used instead; it is not closed.
        keeps_alive: Whether its connections are kept for further requests.
    """

    kind: type[ClientT]
    given: ClientT | None = None
    keeps_alive: bool = True
    own: ClientT | None = field(default=None, init=False)
    _is_closed: bool = field(default=False, init=False)
    _making: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def get(self) -> ClientT:
        """The client. Several threads may be the first to ask.

        Raises:
            ValidationError: If the environment names proxies or certificates that can't be used. Nothing was
                sent.
        """
        if self.given is not None:
            return self.given
        with self._making:
            if self.own is None:
                self.own = _make_client(self.kind, keeps_alive=self.keeps_alive)
            return self.own

    @property
    def is_usable(self) -> bool:
        """Whether it can still be asked: not once it is closed, unless it is a caller's."""
        return self.given is not None or not self._is_closed

    def closed(self) -> ClientT | None:
        """Note that it is closed; return the client of our own that is to be closed, if there is one."""
        self._is_closed = True
        return self.own


def _make_client(kind: type[ClientT], *, keeps_alive: bool) -> ClientT:
    try:
        return kind() if keeps_alive else kind(limits=httpx.Limits(max_keepalive_connections=0))
    except (OSError, ValueError, ImportError) as error:
        raise ValidationError(
            [f"no HTTP client can be made: {error} (look at SSL_CERT_FILE, SSL_CERT_DIR and *_PROXY)"]
        ) from None


def service_request(
    client: httpx.Client | httpx.AsyncClient,
    settings: Settings,
    request: Request,
    timeout: float,
    trace: Callable[[str, Mapping[str, Any]], object],
) -> httpx.Request:
    """Build the httpx request for the service, without the key; `trace` is told its progress."""
    return client.build_request(
        request.method,
        settings.base_url + request.path,
        headers=dict(request.headers),
        content=request.content,
        timeout=timeout,
        extensions={"trace": trace},
    )


def external_request(request: ExternalRequest) -> httpx.Request:
    """Build the httpx request for another host.

    Not built by a client, so that nothing of a caller's client (cookies, headers) goes there.
    """
    timeout = httpx.Timeout(request.timeout).as_dict()
    return httpx.Request(
        request.method,
        request.url,
        headers=dict(request.headers),
        content=request.content,
        extensions={"timeout": timeout},
    )


def timed_out(*, was_sent: bool) -> NoResponse:
    """The fault of a request that outlived its time."""
    return NoResponse("timed out (ReadTimeout)", was_sent=was_sent)


def no_response(error: Exception, key: ApiKey | None = None, *, was_sent: bool = True) -> NoResponse:
    """What an exception of the transport means. Its text names no header, and the key is struck out of it."""
    text = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        text = f"timed out ({type(error).__name__})"
    return NoResponse(
        key.redact(text) if key else text, was_sent=was_sent and not isinstance(error, _NEVER_SENT)
    )


def response_head(response: httpx.Response) -> ResponseHead:
    """The beginning of an answer."""
    return ResponseHead(response.status_code, headers_of(response), str(response.url))


def headers_of(response: httpx.Response) -> Mapping[str, str]:
    """Headers with names in lower case, repeated ones joined."""
    return {name.lower(): response.headers[name] for name in response.headers}


def without_frames(error: BaseException, outer: BaseException | None) -> BaseException:
    """An error that goes to the caller as it is (a Ctrl-C, a cancellation), without the frames below.

    Those of httpx hold the request's headers in their variables, and so the key, for whatever shows a
    traceback with its variables.

    Args:
        error: The error.
        outer: The error that the caller was handling already, which is its own.
    """
    inner: BaseException | None = error
    while inner is not None and inner is not outer:
        inner.__traceback__ = None
        inner = inner.__context__
    return error


@define
class Body:
    """The body of an answer while it is read, bounded in size."""

    _chunks: bytearray = field(factory=bytearray, init=False, repr=False)

    def add(self, chunk: bytes) -> bool:
        """Take a chunk; answers whether more is wanted."""
        self._chunks += chunk[: MAX_ANSWER_BYTES - len(self._chunks)]
        return len(self._chunks) < MAX_ANSWER_BYTES

    def response(self, response: httpx.Response, key: ApiKey) -> Response:
        """Return the response, whole or as far as it came. A key that the service echoes is struck out."""
        text = key.redact(self._chunks.decode("utf-8", "surrogateescape"))
        headers = {name: key.redact(value) for name, value in headers_of(response).items()}
        return Response(response.status_code, headers, text.encode("utf-8", "surrogateescape"))


# What fetching from another host can raise: UnicodeError for half of a surrogate pair in an address. Not
# OSError: that is the disk's.
STREAM_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError)
# What the service's answers can raise, decoding included.
SEND_ERRORS = (*STREAM_ERRORS, OSError, ValueError)


MAX_ANSWER_BYTES = 32 * 1024 * 1024


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
