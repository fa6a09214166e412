"""What the two shells share of httpx: requests, the key's header, faults, answers. Nothing in here sends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

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


def make_client(kind: type[ClientT]) -> ClientT:
    """An httpx client with the environment's proxies and certificates.

    Raises:
        ValidationError: If the environment names ones that can't be used. Nothing was sent.
    """
    try:
        return kind()
    except (OSError, ValueError, ImportError) as error:
        raise ValidationError(
            [f"no HTTP client can be made: {error} (look at SSL_CERT_FILE, SSL_CERT_DIR and *_PROXY)"]
        ) from None


def service_request(
    client: httpx.Client | httpx.AsyncClient, settings: Settings, effect: Send
) -> httpx.Request:
    """The httpx request for the service, without the key."""
    request = effect.request
    return client.build_request(
        request.method,
        settings.base_url + request.path,
        headers=dict(request.headers),
        content=request.content,
        timeout=effect.timeout,
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


class AnswerTooSlow(httpx.StreamError):
    """An answer that trickles in past the time that its request was allowed."""


@define
class Body:
    """The body of an answer while it is read: bounded in size and in time.

    Attributes:
        expires: When reading must end, on the clock.
        clock: A monotonic clock, in seconds.
    """

    expires: float
    clock: Callable[[], float] = time.monotonic
    _chunks: bytearray = field(factory=bytearray, init=False, repr=False)

    def add(self, chunk: bytes) -> bool:
        """Take a chunk; answers whether more is wanted.

        Raises:
            AnswerTooSlow: If time is up.
        """
        self._chunks += chunk[: MAX_ANSWER_BYTES - len(self._chunks)]
        if self.clock() > self.expires:
            raise AnswerTooSlow("the answer trickled in for too long")
        return len(self._chunks) < MAX_ANSWER_BYTES

    def answer(self, response: httpx.Response, key: ApiKey) -> Answer:
        """The answer, whole or as far as it came. Should the service echo the key, it is struck out."""
        body = bytes(self._chunks)
        if key.reveal().encode() in body:
            body = key.redact(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        headers = {name: key.redact(value) for name, value in headers_of(response).items()}
        return Answer(response.status_code, headers, body)


# What fetching from another host can raise: UnicodeError for half of a surrogate pair in an address. Not
# OSError: that is the disk's.
STREAM_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError)
# What the service's answers can raise, decoding included.
SEND_ERRORS = (*STREAM_ERRORS, OSError, ValueError)
