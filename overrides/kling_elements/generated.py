"""The generated client, ready for every operation of the document: key, origin, time-outs, no redirects.

    from kling_elements import generated_client
    from kling_elements_api.api.image_to_video import list_kling_elements_std_tasks

    with generated_client() as client:
        tasks = list_kling_elements_std_tasks.sync(client=client)

Its functions send once and repeat nothing; they record nothing in the journal.
"""

from __future__ import annotations

import os
import re
import sys
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote, urlsplit

import anyio
import httpx
from attrs import define, field, frozen

from kling_elements.api.async_transport import AsyncTransport
from kling_elements.api.auth import GivenKey, Settings
from kling_elements.api.error_responses import format_error, read_error
from kling_elements.api.io import run_sync
from kling_elements.api.parsing import find_created_task, parse_json
from kling_elements.api.sync_transport import SyncTransport
from kling_elements.document import load_document
from kling_elements.errors import ConnectionFailed, OutcomeUnknown, ValidationError
from kling_elements.settings import REQUEST_TIMEOUT, resolve_settings
from kling_elements.types import NoResponse, Request
from kling_elements_api import AuthenticatedClient, Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kling_elements.errors import ApiError, ResponseFormatError
    from kling_elements.types import Outcome, Response

_STATUSES = frozenset(status.value for status in HTTPStatus)
_NO_CLIENT = Client(base_url="")
_LONGEST = 200  # of what generated code says about a response
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_NOT_FORWARDED = frozenset({"host", "connection", "content-length", "accept-encoding", "user-agent"})
_DECODED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def generated_client(api_key: str | None = None, base_url: str | None = None) -> GeneratedClient:
    """Return a client for the functions of `kling_elements_api`, synchronous and asynchronous.

    Args:
        api_key: The key; by default from the environment, as for `KlingElements`.
        base_url: The origin; by default from the environment, or the document's first server. An operation
            of another host needs a client with that host's URL and key.

    Raises:
        ValidationError: If there is no key, or one of the two can't be used.
    """
    key = GivenKey(api_key)
    del api_key  # a traceback that shows variables would show it
    return GeneratedClient.of(
        resolve_settings(
            api_key=key, base_url=base_url, auth_header=None, timeout=REQUEST_TIMEOUT, environ=os.environ
        )
    )


@define(repr=False, eq=False)
class GeneratedClient(AuthenticatedClient):
    """The generated package's client, over this package's transports.

    The key is in none of its fields. A response that the generated code can't parse, or that the document
    doesn't know, is raised as one of this package's errors.
    """

    _settings: Settings = field(kw_only=True, alias="settings")

    @classmethod
    def of(cls, settings: Settings) -> GeneratedClient:
        """Return a client with those settings."""
        timeout = httpx.Timeout(settings.timeout)
        return cls(settings=settings, base_url=settings.base_url, token="", timeout=timeout)

    def __repr__(self) -> str:
        return f"GeneratedClient(base_url={self._settings.base_url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client can't be pickled: it holds a key and connections. Make another one")

    def get_httpx_client(self) -> httpx.Client:
        """Return the httpx client that the functions use, made when first needed."""
        if self._client is None:
            self._client = httpx.Client(transport=_Sync(self._settings), **self._arguments())
        return self._client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the httpx client that the asynchronous functions use, made when first needed."""
        if self._async_client is None:
            self._async_client = httpx.AsyncClient(transport=_Async(self._settings), **self._arguments())
        return self._async_client

    def close(self) -> None:
        """Send nothing more."""
        self.get_httpx_client().close()

    async def aclose(self) -> None:
        """Send nothing more by the asynchronous functions."""
        await self.get_async_httpx_client().aclose()

    def _arguments(self) -> dict[str, Any]:
        return {
            "base_url": self._base_url,
            "cookies": self._cookies,
            "headers": self._headers,
            "timeout": self._timeout,
            "follow_redirects": False,
        }


class _Sync(httpx.BaseTransport):
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._transport = SyncTransport(settings, sleep=time.sleep)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = _Call.of(request, self._settings)
        transport = self._transport.with_settings(call.settings)
        content = request.read()
        return call.response(run_sync(transport.send(call.sent(content), call.settings.timeout)))

    def close(self) -> None:
        self._transport.close()


class _Async(httpx.AsyncBaseTransport):
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._transport = AsyncTransport(settings, sleep=anyio.sleep)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = _Call.of(request, self._settings)
        transport = self._transport.with_settings(call.settings)
        content = await request.aread()
        return call.response(await transport.send(call.sent(content), call.settings.timeout))

    async def aclose(self) -> None:
        await self._transport.aclose()


@frozen
class _Call:
    """One call of an operation of the document."""

    request: httpx.Request
    settings: Settings
    operation: Mapping[str, Any]
    read: Callable[..., Any] | None

    @classmethod
    def of(cls, request: httpx.Request, settings: Settings) -> _Call:
        """Find the operation, and which key it takes; raise ValidationError before anything is sent."""
        path, operation = _find(request, settings)
        _check_host(request.method, path, operation, settings.base_url)
        timeout = request.extensions.get("timeout", {}).get("read") or settings.timeout
        settings = _with_key(settings, operation)._replace(timeout=timeout)
        return cls(request, settings, operation, _reader())

    def sent(self, content: bytes) -> Request:
        """Return the request for our transport, which adds the origin and the key."""
        target = self.request.url.raw_path.decode("ascii")
        headers = {
            name: value for name, value in self.request.headers.items() if name.lower() not in _NOT_FORWARDED
        }
        return Request(self.request.method, target[len(_prefix(self.settings)) :], headers, content or None)

    def response(self, outcome: Outcome) -> httpx.Response:
        """Return what the generated function can parse; raise one of our errors for anything else."""
        if isinstance(outcome, NoResponse):
            what = f"{self.request.method} {self.request.url.path}: no response: {outcome.text}"
            if outcome.was_sent and self.request.method not in _SAFE:
                raise OutcomeUnknown(f"{what}. It was sent, and may have been carried out and billed")
            raise ConnectionFailed(f"{what}. Nothing is lost; repeat it.")
        responses = self.operation.get("responses", {})
        names = (str(outcome.status), f"{outcome.status // 100}XX", "default")
        known = next((responses[name] for name in names if name in responses), None)
        if outcome.status not in _STATUSES or known is None:
            raise _error(outcome, "its status is not documented")
        content = load_document().resolve(known).get("content") or {}
        if any("json" in media_type for media_type in content):
            try:
                parse_json(outcome)
            except ValueError:
                raise _error(outcome, "it is no JSON") from None
        headers = {name: value for name, value in outcome.headers.items() if name not in _DECODED}
        made = httpx.Response(outcome.status, headers=headers, content=outcome.body, request=self.request)
        if self.read is not None:
            try:
                self.read(client=_NO_CLIENT, response=made)
            except Exception as error:  # noqa: BLE001 - generated code raises whatever it meets
                what = f"it is not as documented ({type(error).__name__}: {str(error)[:_LONGEST]})"
                raise _error(outcome, what) from None
        return made


def _error(response: Response, what: str) -> ApiError | ResponseFormatError:
    """Make the error for a response that can't be used; it keeps the id of a created task."""
    if not response.is_ok:
        return read_error(response)
    task = find_created_task(response)
    return format_error(response, what, task_id=task.id if task else None)


def _reader() -> Callable[..., Any] | None:
    """Return what the generated function that called will parse its response with; None if none did."""
    frame = sys._getframe()  # noqa: SLF001 - documented; names of modules don't follow from the document
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_globals.get("__name__", "").startswith("kling_elements_api.api."):
            found: Callable[..., Any] | None = frame.f_globals.get("_build_response")
            return found
    return None


def _prefix(settings: Settings) -> str:
    return urlsplit(settings.base_url).path.rstrip("/")


def _find(request: httpx.Request, settings: Settings) -> tuple[str, Mapping[str, Any]]:
    """Find the operation that a request calls; a path without parameters counts first."""
    own, prefix = httpx.URL(settings.base_url), _prefix(settings)
    path = request.url.raw_path.decode("ascii").partition("?")[0]
    is_ours = (request.url.scheme, request.url.host, request.url.port) == (own.scheme, own.host, own.port)
    if is_ours and path.startswith(prefix):
        parts = [unquote(part) for part in path[len(prefix) :].split("/")]
        for template, item in sorted(
            load_document().content["paths"].items(), key=lambda one: one[0].count("{")
        ):
            if (operation := item.get(request.method.lower())) and _matches(template.split("/"), parts):
                return template, {"servers": item.get("servers"), **operation}
    raise ValidationError([f"the document has no {request.method} {request.url.path}. Nothing was sent"])


def _matches(template: list[str], parts: list[str]) -> bool:
    return len(template) == len(parts) and all(
        re.fullmatch(re.sub(r"\\\{[^{}]*\\\}", ".+", re.escape(one)), part, re.DOTALL)
        for one, part in zip(template, parts, strict=True)
    )


def _check_host(method: str, path: str, operation: Mapping[str, Any], base_url: str) -> None:
    """Refuse a documented host that is not this operation's; a proxy or a mock may be at any other."""
    document = load_document().content
    own = operation.get("servers") or document["servers"]
    holders = [document]
    for item in document["paths"].values():
        holders += [item, *(one for one in item.values() if isinstance(one, dict))]
    known = [server for holder in holders for server in holder.get("servers") or ()]
    host = urlsplit(base_url).hostname
    if host not in _hosts(own) and host in _hosts(known):
        url = own[0]["url"]
        raise ValidationError(
            [f"{method} {path} is of {url}: use generated_client(api_key=…, base_url={url!r})"]
        )


def _hosts(servers: Iterable[Mapping[str, Any]]) -> set[str | None]:
    return {urlsplit(server["url"]).hostname for server in servers}


def _with_key(settings: Settings, operation: Mapping[str, Any]) -> Settings:
    """Return the settings with the key where the operation wants it: the scheme of the host, or its first."""
    document = load_document().content
    schemes = document.get("components", {}).get("securitySchemes", {})
    security = operation.get("security", document.get("security", ()))
    if not security:
        return settings._replace(key_in="nowhere")
    wanted = [schemes[next(iter(one))] for one in security if len(one) == 1]
    if not wanted:
        raise ValidationError(["the operation wants several keys at once, and this client has one"])
    header = settings.key_header.lower()
    found = next((one for one in wanted if str(one.get("name")).lower() == header), wanted[0])
    if found["type"] == "apiKey":
        return settings._replace(key_header=found["name"], key_in=found["in"])
    prefix = str(found.get("scheme", "bearer")).capitalize()
    return settings._replace(key_header="Authorization", key_prefix=f"{prefix} ")
