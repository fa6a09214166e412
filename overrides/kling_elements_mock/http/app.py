"""The ASGI application: routes each request, plays its scenarios, and records it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
from attrs import frozen
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocketClose

from kling_elements_mock.http import control, files
from kling_elements_mock.http.admission import admit
from kling_elements_mock.http.disconnects import ResetResponse, TruncatedResponse
from kling_elements_mock.http.operations import perform
from kling_elements_mock.http.requests import MockRequest
from kling_elements_mock.http.responses import Refused, Responses, text_response
from kling_elements_mock.mock import Mock, RecordedRequest
from kling_elements_mock.settings import MockSettings
from kling_elements_mock.tasks import loopback
from kling_elements_mock.tasks.clock import Clock
from kling_elements_mock.tasks.loopback import Fetch, Sender
from kling_elements_mock.tasks.scenarios import HEADER, ScenarioError

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from kling_elements_mock.tasks.script import Forced, Script

_log = logging.getLogger("kling_elements_mock")
_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>\n"
_TITLES = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable"}
_BODILESS = frozenset({204, 304})


def create_app(
    settings: MockSettings | None = None,
    *,
    clock: Clock | None = None,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    sender: Sender | None = None,
    fetch: Fetch = loopback.fetch,
) -> Starlette:
    """Make the mock as an ASGI application; its state and controls are at `app.state.mock`.

    Args:
        settings: How it behaves.
        clock: Where it reads time, e.g. a `ManualClock`.
        sleep: Waits so many seconds, for the scenario `slow`.
        sender: Sends webhooks: called with URL, headers and body, returns the receiver's status.
        fetch: Fetches images from the loopback: called with the URL and the most bytes to take.

    Raises:
        DocumentError: The document can't be read.
        ScenarioError: The settings' scenario is unknown.
    """
    mock = Mock(settings, clock=clock, sender=sender, fetch=fetch)
    responses = Responses(mock.document, mock.schemas)
    endpoint = partial(Endpoint, mock, responses, sleep)
    upload = endpoint(mock.upload_requests, "upload", files.upload)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        mock.close()

    app = Starlette(
        routes=[
            control.routes(mock),
            Route("/results/{path:path}", endpoint(mock.result_requests, "result", files.result)),
            Route("/uploads/{path:path}", upload),
            Route("/assets/{path:path}", upload),
        ],
        exception_handlers={HTTPException: control.refusal},
        lifespan=lifespan,
    )
    app.state.mock = mock
    app.router.redirect_slashes = False
    # The API has no routes: paths come from the document, and the key is checked before the path.
    app.router.default = endpoint(mock.requests)
    return app


@frozen(eq=False)
class Endpoint:
    """Answers and records requests: to the API, or to the files of one kind."""

    mock: Mock
    responses: Responses
    sleep: Callable[[float], Awaitable[None]]
    records: deque[RecordedRequest]  # where requests are recorded
    name: str = ""  # the name of these files in `next_scenario`
    serve_file: Callable[[Mock, MockRequest], Awaitable[Response]] | None = None  # returns a file's response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await WebSocketClose()(scope, receive, send)
            return
        mock, request = self.mock, MockRequest(scope, receive)
        try:
            await request.read(mock.settings.max_body_bytes)
        except ClientDisconnect:
            return
        request_id = mock.next_request_id()
        try:
            response = await self._respond(request)
        except Refused as refused:
            response = refused.response
        except Exception:  # noqa: BLE001 - a bug of the mock must not look like the client's
            _log.exception("the mock failed on %s %s: this is its bug", request.method, request.sent_path)
            response = self.responses.documented(request.operation, 500, request.accept)
        for name, value in self.responses.required_headers(request.operation, response.status_code):
            response.headers.setdefault(name, value)
        mock.record(self.records, self._recorded(request, response.status_code, request_id))
        response.headers["x-request-id"] = request_id
        if request.method == "HEAD":
            response.body = b""  # uvicorn drops it too, other ASGI servers don't
        await response(scope, receive, send)

    async def _respond(self, request: MockRequest) -> Response:
        if self.serve_file is not None:
            try:
                script = self.mock.script_for(request.fields.get(HEADER), {self.name})
            except ScenarioError as error:
                return text_response(400, f"{error}\n")
            return await self._play(script, request, partial(self.serve_file, self.mock, request))
        call = admit(self.mock, self.responses, request)
        response = await self._play(call.script, request, partial(perform, call))
        # A recorded create had no rate limit headers.
        is_create = any(cycle.create is call.operation for cycle in self.mock.document.life_cycles)
        if response.status_code // 100 == 2 and not is_create:  # noqa: PLR2004 - a 2xx
            response.headers.update(call.standing.headers())
        return response

    async def _play(
        self, script: Script, request: MockRequest, real: Callable[[], Awaitable[Response]]
    ) -> Response:
        """Play a request's own scenarios around its real response."""
        if script.delay:
            await self.sleep(script.delay)
        if script.reset:
            return ResetResponse()
        try:
            response = await real() if script.forced is None else self._forced(request, script.forced)
        except Refused as refused:
            response = refused.response
        return TruncatedResponse(response) if script.truncated and response.status_code else response

    def _forced(self, request: MockRequest, forced: Forced) -> Response:
        operation, hint = request.operation, forced.hint
        if forced.hint_is_asked_for and not self.responses.has_example(operation, forced.status, hint):
            text = f"No documented example of {forced.status} has {hint[:40]!r} in its name or text"
            return self.responses.refusal(operation, 400, request.accept, text)
        if forced.empty or forced.status in _BODILESS:
            return Response(status_code=forced.status, headers=forced.headers)
        if forced.html:
            return text_response(forced.status, _PAGE.format(_TITLES[forced.status]), "text/html")
        response = self.responses.documented(operation, forced.status, request.accept, hint)
        response.headers.update(forced.headers)
        return response

    def _recorded(self, request: MockRequest, status: int, request_id: str) -> RecordedRequest:
        secret = self.mock.document.secret_headers
        headers = {name: "(key)" if name in secret else value for name, value in request.fields.items()}
        name = None if request.operation is None else request.operation.id
        return RecordedRequest(
            request.method, request.sent_path, name, status, request_id, headers, request.content
        )
