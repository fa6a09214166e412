"""What the two shells share of httpx: requests, the key's header, faults, answers. Nothing in here sends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx
from attrs import define, field

from kling_elements.answers import Answer
from kling_elements.decisions import Fault
from kling_elements.defaults import MAX_ANSWER_BYTES
from kling_elements.effects import Head
from kling_elements.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from kling_elements.effects import Send, Stream
    from kling_elements.settings import ApiKey, Settings

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
class LateClient(Generic[ClientT]):
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
    effect: Send,
    trace: Callable[[str, Mapping[str, Any]], object],
) -> httpx.Request:
    """The httpx request for the service, without the key. What befalls it on its way is told to `trace`."""
    request = effect.request
    return client.build_request(
        request.method,
        settings.base_url + request.path,
        headers=dict(request.headers),
        content=request.content,
        timeout=effect.timeout,
        extensions={"trace": trace},
    )


def foreign_request(effect: Stream) -> httpx.Request:
    """The httpx request for another host.

    Not built by a client, so that nothing of a caller's client (cookies, headers) goes there.
    """
    timeout = httpx.Timeout(effect.timeout).as_dict()
    return httpx.Request(
        effect.method,
        effect.url,
        headers=dict(effect.headers),
        content=effect.content,
        extensions={"timeout": timeout},
    )


def too_slow(*, was_sent: bool) -> Fault:
    """The fault of a request that outlived its time."""
    return Fault("timed out (ReadTimeout)", was_sent=was_sent)


def fault_of(error: Exception, key: ApiKey | None = None, *, was_sent: bool = True) -> Fault:
    """What an exception of the transport means. Its text names no header, and the key is struck out of it."""
    text = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        text = f"timed out ({type(error).__name__})"
    return Fault(key.redact(text) if key else text, was_sent=was_sent and not isinstance(error, _NEVER_SENT))


def head_of(response: httpx.Response) -> Head:
    """The beginning of an answer."""
    return Head(response.status_code, headers_of(response), str(response.url))


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

    def answer(self, response: httpx.Response, key: ApiKey) -> Answer:
        """The answer, whole or as far as it came. Should the service echo the key, it is struck out."""
        text = key.redact(self._chunks.decode("utf-8", "surrogateescape"))
        headers = {name: key.redact(value) for name, value in headers_of(response).items()}
        return Answer(response.status_code, headers, text.encode("utf-8", "surrogateescape"))


# What fetching from another host can raise: UnicodeError for half of a surrogate pair in an address. Not
# OSError: that is the disk's.
STREAM_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError)
# What the service's answers can raise, decoding included.
SEND_ERRORS = (*STREAM_ERRORS, OSError, ValueError)
