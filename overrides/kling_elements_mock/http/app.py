"""The ASGI application: decides for each request which answer it gets, and records it."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from starlette.applications import Starlette

from kling_elements_mock.document import examples
from kling_elements_mock.document.validation import parameters
from kling_elements_mock.http import bodies, control, negotiation, ranges
from kling_elements_mock.http import operations as life_cycle
from kling_elements_mock.http import requests as wire
from kling_elements_mock.http.admission import Call, Refusal, admit
from kling_elements_mock.http.responses import Answer, json_answer, text_answer
from kling_elements_mock.mock import Mock, RecordedRequest
from kling_elements_mock.tasks import loopback as fetching
from kling_elements_mock.tasks import results, uploads
from kling_elements_mock.tasks import signed_urls as addresses
from kling_elements_mock.tasks.scenarios import HEADER, ScenarioError

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from kling_elements_mock.document.openapi import Operation
    from kling_elements_mock.settings import MockSettings
    from kling_elements_mock.tasks.clock import Clock
    from kling_elements_mock.tasks.images import Fetch
    from kling_elements_mock.tasks.script import Forced, Script
    from kling_elements_mock.tasks.webhooks import Sender

_log = logging.getLogger("kling_elements_mock")
_EDGE_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>\n"
_QUICK_BYTES = 8_000
_EDGE_TITLES = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable"}


class Reset(Exception):  # noqa: N818 - no error: the scenario asks for it
    """The connection is to be reset instead of answered."""


def create_app(
    settings: MockSettings | None = None,
    *,
    clock: Clock | None = None,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    sender: Sender | None = None,
    fetch: Fetch = fetching.fetch,
) -> Starlette:
    """Make the mock as an ASGI application; its state and controls are at `app.state.mock`.

    Args:
        settings: How it behaves.
        clock: What it reads time from, e.g. a `ManualClock`.
        sleep: Waits so many seconds, for the scenario `slow`.
        sender: Sends webhooks: called with URL, headers and body, gives the receiver's status.
        fetch: Fetches images from the loopback: called with the URL and the most bytes to take.

    Raises:
        DocumentError: The document can't be read.
        ScenarioError: The settings' scenario is unknown.
    """
    mock = Mock(settings, clock=clock, sender=sender, fetch=fetch)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        mock.close()

    app = Starlette(lifespan=lifespan)
    app.state.mock = mock
    # Not routes: paths come from the document, and a key is asked for before a path is looked up.
    app.router.default = Shell(mock, sleep)
    return app


class Shell:
    """Reads a request, has it answered, and sends the answer.

    Args:
        mock: The state.
        sleep: Waits.
    """

    def __init__(self, mock: Mock, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._mock = mock
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        mock = self._mock
        incoming = await wire.read(scope, receive, mock.settings.max_body_bytes)
        if incoming.path.startswith(control.PREFIX):
            await wire.write(await control.answer(mock, incoming), scope, receive, send)
            return
        request_id = mock.next_request_id()
        record = _records(mock, incoming.path)
        operation: Operation | None = None
        try:
            if record is not mock.requests:
                answer = await self._file(incoming)
            else:
                entry = admit(mock, incoming)
                operation = entry.operation
                answer = entry.answer if isinstance(entry, Refusal) else await self._called(entry, incoming)
        except Reset:
            record.append(_recorded(mock, incoming, operation, 0, request_id))
            await wire.reset(scope, receive)
            return
        except Exception:  # noqa: BLE001 - a bug of the mock must not look like the client's
            _log.exception("the mock failed on %s %s: this is its bug", incoming.method, incoming.path)
            answer = mock.answers.documented(operation, 500, incoming.accept)
        record.append(_recorded(mock, incoming, operation, answer.status, request_id))
        await wire.write(answer.adding(("x-request-id", request_id)), scope, receive, send)

    async def _called(self, call: Call, incoming: wire.Incoming) -> Answer:
        answer = await self._staged(
            call.operation, incoming, call.script, lambda: self._operate(call, incoming)
        )
        is_create = any(cycle.create is call.operation for cycle in self._mock.document.life_cycles)
        # A recorded create had none of these headers.
        return answer.adding(*call.standing.headers()) if answer.is_success and not is_create else answer

    async def _staged(
        self,
        operation: Operation | None,
        incoming: wire.Incoming,
        script: Script,
        real: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        """Play a request's own scenarios around its real answer."""
        if script.delay:
            await self._sleep(script.delay)
        if script.reset:
            raise Reset
        answer = await real() if script.forced is None else self._forced(operation, incoming, script.forced)
        return replace(answer, close_after=len(answer.body) // 2) if script.truncated else answer

    def _forced(self, operation: Operation | None, incoming: wire.Incoming, forced: Forced) -> Answer:
        if forced.empty:
            return Answer(forced.status, headers=forced.headers)
        if forced.html:
            return text_answer(forced.status, _EDGE_PAGE.format(_EDGE_TITLES[forced.status]), "text/html")
        answer = self._mock.answers.documented(operation, forced.status, incoming.accept, forced.hint)
        return answer.adding(*forced.headers)

    async def _operate(self, call: Call, incoming: wire.Incoming) -> Answer:
        mock = self._mock
        cycles = mock.document.life_cycles
        following = next((cycle for cycle in cycles if cycle.status is call.operation), None)
        # An id that can't exist is unknown, not malformed.
        skip = () if following is None else (following.parameter,)
        faults = parameters(mock.schemas, call.operation, incoming.carried(call.path_parameters), skip)
        if faults:
            return mock.answers.refusal(
                call.operation, 400, incoming.accept, "The request's parameters are not valid", faults
            )
        if following is not None:
            answer, task = life_cycle.status(mock, following, incoming, call)
            if task is not None and task.webhook_url is not None:
                await anyio.to_thread.run_sync(mock.tell, task)
            return answer
        for cycle in cycles:
            if cycle.listing is call.operation:
                return life_cycle.listing(mock, cycle, incoming, call)
        if _is_quick(incoming.body or b""):
            return self._with_body(call, incoming)
        return await anyio.to_thread.run_sync(self._with_body, call, incoming)

    def _with_body(self, call: Call, incoming: wire.Incoming) -> Answer:
        mock = self._mock
        body = bodies.read(mock, call.operation, incoming)
        if isinstance(body, Answer):
            return body
        cycle = next((cycle for cycle in mock.document.life_cycles if cycle.create is call.operation), None)
        files = uploads.files_of(call.operation)
        if files is not None:
            return mock.uploads.request(call.operation, files, body.value, incoming.origin)
        if cycle is None:
            return _example(call.operation, incoming.accept).adding(("x-mock-life-cycle", "none"))
        answer = life_cycle.create(mock, cycle, incoming, call, body.value)
        if not answer.is_success or call.script.after_create is None:
            return answer
        if call.script.after_create == "reset":
            raise Reset
        return mock.answers.documented(call.operation, int(call.script.after_create), incoming.accept)

    async def _file(self, incoming: wire.Incoming) -> Answer:
        """Answer for a result or an upload: no key is asked for, but scenarios act here too."""
        is_result = incoming.path.startswith(addresses.PREFIX)
        try:
            name = "result" if is_result else "upload"
            script = self._mock.script_for(incoming.headers.get(HEADER), {name})
        except ScenarioError as error:
            return text_answer(400, f"{error}\n")
        real = self._stored_result if is_result else self._upload
        return await self._staged(None, incoming, script, lambda: real(incoming))

    async def _upload(self, incoming: wire.Incoming) -> Answer:
        return self._mock.uploads.answer(incoming)

    async def _stored_result(self, incoming: wire.Incoming) -> Answer:
        if incoming.method not in {"GET", "HEAD"}:
            return text_answer(405, "Method Not Allowed\n").adding(("allow", "GET, HEAD"))
        found = results.find(self._mock, incoming)
        if isinstance(found, Answer):
            return found
        data = found.video
        if data is None:
            data = await anyio.to_thread.run_sync(results.draw, found)
        return ranges.serve(data, incoming.headers)


def _records(mock: Mock, path: str) -> deque[RecordedRequest]:
    """Give where a request to this path is recorded."""
    if path.startswith(addresses.PREFIX):
        return mock.result_requests
    is_upload = path.startswith((uploads.PUT_PREFIX, uploads.ASSET_PREFIX))
    return mock.upload_requests if is_upload else mock.requests


def _recorded(
    mock: Mock, incoming: wire.Incoming, operation: Operation | None, status: int, request_id: str
) -> RecordedRequest:
    secret = {"cookie", *(place.name for place in mock.document.key_places if place.part == "header")}
    headers = {name: "(key)" if name in secret else value for name, value in incoming.headers.items()}
    name = None if operation is None else operation.id
    return RecordedRequest(incoming.method, incoming.path, name, status, request_id, headers)


def _is_quick(body: bytes) -> bool:
    """Tell whether a body has no images to decode or to fetch, so that it need not leave the event loop."""
    return len(body) < _QUICK_BYTES and not any(host in body for host in (b"127.", b"localhost", b"::1"))


def _example(operation: Operation, accept: str) -> Answer:
    """Answer with the documented example, else with a value made from the schema."""
    status, response = operation.success()
    content = None if response is None else response.get("content")
    offered = {} if content is None else dict(content.items())
    if not offered:
        return Answer(status)
    media_type = negotiation.choose(accept, list(offered))
    value = examples.of_media_type(offered[media_type])
    if isinstance(value, str) and "json" not in media_type:
        return text_answer(status, value, media_type)
    return json_answer(status, value, media_type)
