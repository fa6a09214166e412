"""What the two transports share of httpx: clients, requests, the key's header, errors, responses."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Self

import httpx

from kling_elements import __version__
from kling_elements.api.content_coding import ACCEPT_ENCODING, decode_body
from kling_elements.api.proxies import certificate_advice
from kling_elements.log import without_queries
from kling_elements.types import DEFAULT_PORTS, MAX_RESPONSE_BYTES, NoResponse, Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping

    from kling_elements.api.auth import ApiKey, Settings
    from kling_elements.api.exchange import Exchange
    from kling_elements.external import ExternalRequest, ResponseHead
    from kling_elements.types import Request

_USER_AGENT = f"kling-elements/{__version__}"
_SLOWEST_UPLINK = 64 * 1024  # bytes a second; a body gets the time that it takes at this rate
_CHUNK = 64 * 1024  # bytes of a request's body that are written at a time
_LOCATION = "location"


class KeyAuth(httpx.Auth):
    """Puts the key into its header at the moment of sending.

    So no request that is built, shown or logged holds it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the key; called by httpx."""
        settings = self._settings
        if settings.key_in == "header":
            request.headers[settings.key_header] = settings.key_prefix + settings.key.reveal()
        elif settings.key_in == "query":
            request.url = request.url.copy_merge_params({settings.key_header: settings.key.reveal()})
        elif settings.key_in == "cookie":
            cookies = [request.headers.get("cookie"), f"{settings.key_header}={settings.key.reveal()}"]
            request.headers["cookie"] = "; ".join(filter(None, cookies))
        yield request


def service_request(
    client: httpx.Client | httpx.AsyncClient | None, settings: Settings, request: Request, timeout: float
) -> WatchedRequest:
    """Build the httpx request for the service, without the key.

    Args:
        client: The caller's client, which adds its defaults; None for one of ours.
        settings: The service.
        request: The request.
        timeout: Seconds that it may take.
    """
    url = settings.base_url + request.path
    headers = _service_headers(
        (*settings.headers.items(), *request.headers.items()), keep=request.method == "GET"
    )
    timeouts = _timeouts(timeout, total_seconds(timeout, request.content), settings.connect_timeout)
    parsed = _parsed(url)
    if client is not None:
        built = client.build_request(request.method, parsed, content=request.content, timeout=timeouts)
        return WatchedRequest.like(built, _overridden(built.headers, headers))
    return WatchedRequest(
        request.method,
        parsed,
        headers=headers,
        content=request.content,
        extensions={"timeout": timeouts.as_dict()},
    )


_parsed = lru_cache(maxsize=256)(httpx.URL)  # a task's URL is asked for again and again


def external_request(request: ExternalRequest) -> WatchedRequest:
    """Build the httpx request for another host.

    Not built by a client, so that nothing of a caller's client (cookies, headers) goes there.
    """
    return WatchedRequest(
        request.method,
        request.url,
        headers=_all_headers(tuple(request.headers.items()), keep=False),
        content=request.content,
        extensions={
            "timeout": _timeouts(request.timeout, total_seconds(request.timeout, request.content)).as_dict()
        },
    )


def _all_headers(given: tuple[tuple[str, str], ...], *, keep: bool) -> httpx.Headers:
    """Return the headers with ours, of which those that are given take the place; httpx copies them."""
    ours = {"User-Agent": _USER_AGENT, "Connection": "keep-alive" if keep else "close"}
    headers = httpx.Headers({**ours, "Accept-Encoding": ACCEPT_ENCODING})
    headers.update(dict(given))
    return headers


def _overridden(headers: httpx.Headers, ours: httpx.Headers) -> httpx.Headers:
    """Return headers with ours in place of those of the same names.

    As `Headers.update` does, which takes as long for it as for all else of a request.
    """
    names = {name.lower() for name, _ in ours.raw}
    return httpx.Headers([item for item in headers.raw if item[0].lower() not in names] + ours.raw)


_service_headers = lru_cache(maxsize=64)(_all_headers)  # they are the same for each request of a kind


@lru_cache(maxsize=64)
def _timeouts(timeout: float, total: float, connect: float | None = None) -> httpx.Timeout:
    # The whole body is in the operating system's buffers some time before it is at the host.
    connect = timeout if connect is None else min(connect, timeout)
    return httpx.Timeout(timeout, read=total, connect=connect)


def total_seconds(timeout: float, content: bytes | None) -> float:
    """Return how long a request may take: its timeout, and the time for its body over a slow uplink."""
    return timeout + len(content or b"") / _SLOWEST_UPLINK


class WatchedRequest(httpx.Request):
    """A request that notes when a transport takes it: httpx's hooks and checks come before that."""

    exchange: Exchange | None = None

    @classmethod
    def like(cls, request: httpx.Request, headers: httpx.Headers) -> WatchedRequest:
        """Return a request with all that another one has, but other headers: these get the key."""
        twin = cls.__new__(cls)
        vars(twin).update(vars(request), headers=headers, _stream=request.stream)
        return twin

    @property
    def stream(self) -> Any:
        """The body, for the transport."""
        if self.exchange is not None:
            self.exchange.is_taken = True
        return self._stream

    @stream.setter
    def stream(self, value: Any) -> None:
        self._stream = value


class _WatchedBody(httpx.ByteStream):
    """A body that notes how much of it a transport has taken."""

    def __init__(self, content: bytes, exchange: Exchange) -> None:
        super().__init__(content)
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        self._exchange.given = 0
        for chunk in super().__iter__():
            for start in range(0, len(chunk), _CHUNK):
                piece = chunk[start : start + _CHUNK]
                self._exchange.given += len(piece)
                yield piece

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _AsyncPieces(iter(self))


class _AsyncPieces:
    """An iterator as an asynchronous one. No generator, as trio warns of one that is not exhausted."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if (piece := next(self._pieces, None)) is None:
            raise StopAsyncIteration
        return piece


def watched(request: WatchedRequest, exchange: Exchange, trace: Callable[..., Any]) -> WatchedRequest:
    """Return a request whose way is now noted in an exchange."""
    url, content = request.url, request.content
    port = url.port or DEFAULT_PORTS.get(url.scheme, 0)
    exchange.begin(url.raw_host.decode("ascii"), port, len(content))
    request.extensions = {**request.extensions, "trace": trace}
    if content:
        request.stream = _WatchedBody(content, exchange)
    request.exchange = exchange
    return request


def no_response(error: Exception, exchange: Exchange, key: ApiKey | None = None) -> NoResponse:
    """Return what an exception in place of a response means.

    Its text names no header; the key and queries of URLs are struck out of it.
    """
    text = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        text = f"timed out ({type(error).__name__})"
    is_certificate = "CERTIFICATE_VERIFY_FAILED" in text
    if is_certificate:
        text = f"{text}. {certificate_advice()}"
    text = exchange.describe(without_queries(text))
    return NoResponse(
        key.redact(text) if key else text,
        was_sent=exchange.may_be_sent and not isinstance(error, _NEVER_SENT),
        is_permanent=is_certificate,
    )


def timed_out(exchange: Exchange) -> NoResponse:
    """Return the outcome of an exchange that outlived its time."""
    return NoResponse(exchange.describe("timed out (ReadTimeout)"), was_sent=exchange.may_be_sent)


def response_despite(error: Exception, exchange: Exchange, key: ApiKey) -> Response | None:
    """Return the response that came before something failed, a caller's hook, say; None if none came."""
    for cause in _chain(error):
        # An error of the hook's own names no response, but was raised where httpx had it.
        frames = (frame.f_locals.values() for frame, _ in walk_tb(cause.__traceback__))
        for response in chain([getattr(cause, "response", None)], *frames):
            if isinstance(response, httpx.Response) and _is_answer(response, exchange):
                return service_response(response, _content(response), key)
    if exchange.status is None:
        return None
    status, headers = exchange.status
    return service_response(httpx.Response(status, headers=list(headers)), b"", key)


def _is_answer(response: httpx.Response, exchange: Exchange) -> bool:
    try:
        request = response.request
    except RuntimeError:  # it answers no request
        return False
    return getattr(request.extensions.get("trace"), "__self__", None) is exchange


def _content(response: httpx.Response) -> bytes:
    try:
        return response.content[:MAX_RESPONSE_BYTES]
    except httpx.ResponseNotRead:
        return b""


def hide_location(response: httpx.Response) -> None:
    """Hide from httpx where a redirect leads; a response hook of our own clients.

    It makes the next request even if it is not to follow it. Where it can't, the body would be lost, and with
    it the id of a paid task.
    """
    if response.is_redirect and _LOCATION in response.headers:
        response.extensions[_LOCATION] = response.headers.pop(_LOCATION)


async def ahide_location(response: httpx.Response) -> None:
    """`hide_location`, as the asynchronous httpx wants it."""
    hide_location(response)


def response_head(response: httpx.Response) -> ResponseHead:
    """Return the beginning of a response."""
    from kling_elements.external import ResponseHead

    return ResponseHead(response.status_code, _headers(response), str(response.url))


def service_response(response: httpx.Response, body: bytes, key: ApiKey) -> Response:
    """Return the service's response, with a body as far as it came; a key in it is struck out."""
    headers = _headers(response)
    values = "\n".join(headers.values())
    if key.redact(values) != values:
        headers = {name: key.redact(value) for name, value in headers.items()}
    return Response(response.status_code, headers, key.redact_body(body))


def _headers(response: httpx.Response) -> Mapping[str, str]:
    """Headers with names in lower case, repeated ones joined."""
    headers = dict(response.headers.items())
    if _LOCATION in response.extensions:
        headers[_LOCATION] = response.extensions[_LOCATION]
    return headers


class Body:
    """The body of a response of the service while it is read, bounded in size.

    Attributes:
        response: The response, of which nothing is read yet, unless by a caller's hook.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._raw = bytearray()
        self._coding = coding_of(response)

    def add(self, chunk: bytes) -> bool:
        """Take a chunk; return whether more is wanted."""
        self._raw += chunk[: MAX_RESPONSE_BYTES - len(self._raw)]
        return len(self._raw) < MAX_RESPONSE_BYTES

    def finish(self, key: ApiKey) -> Response:
        """Return the response with its body decoded."""
        return service_response(
            self.response, decode_body(bytes(self._raw), self._coding, MAX_RESPONSE_BYTES), key
        )


def without_frames(error: BaseException, outer: BaseException | None) -> BaseException:
    """Return an error that goes to the caller as it is (a Ctrl-C, a cancellation) without the frames below.

    Those of httpx hold the request's headers in their variables, and so the key, for whatever shows a
    traceback with its variables.

    Args:
        error: The error.
        outer: The error that the caller was handling already, which is its own.
    """
    for inner in _chain(error, outer):
        inner.__traceback__ = None
    return error


def _chain(error: BaseException, outer: BaseException | None = None) -> Iterator[BaseException]:
    """Yield an error and all that led to it, by cause and by context, down to `outer`; each once."""
    left: list[BaseException | None] = [error]
    seen = {id(outer)}
    while left:
        inner = left.pop()
        if inner is not None and id(inner) not in seen:
            seen.add(id(inner))  # an error object that is raised again may lead to itself
            yield inner
            left += [inner.__context__, inner.__cause__]


def coding_of(response: httpx.Response) -> str:
    """Return the content coding of what is still to be read; none if a caller's hook has read it."""
    return "" if response.is_stream_consumed else response.headers.get("content-encoding", "")


# Errors that httpx raises before it has a connection: nothing of the request was sent.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
