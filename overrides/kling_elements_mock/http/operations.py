"""Perform an operation: create, status and list of a life cycle, upload requests, or an example."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import anyio.to_thread
from starlette.responses import JSONResponse, Response

from kling_elements_mock.document.validation import Violation, parameters
from kling_elements_mock.http import bodies
from kling_elements_mock.http.disconnects import ResetResponse
from kling_elements_mock.http.responses import example
from kling_elements_mock.tasks import images, life_cycle, uploads
from kling_elements_mock.tasks.loopback import FetchError
from kling_elements_mock.tasks.store import Task

if TYPE_CHECKING:
    from kling_elements_mock.document.openapi import LifeCycle, Operation
    from kling_elements_mock.http.admission import Call

_QUICK_BYTES = 8_000
# A loopback URL in any spelling, JSON's escapes included.
_MAYBE_LOOPBACK = re.compile(rb"127\.|localhost|://[^/]*\[|\\", re.IGNORECASE)


async def perform(call: Call) -> Response:
    """Return the real response to a call; raises Refused."""
    cycles = call.mock.document.life_cycles
    followed = next((cycle for cycle in cycles if cycle.status is call.operation), None)
    # An id that can't exist is unknown, not malformed.
    skip = () if followed is None else (followed.parameter,)
    violations = parameters(call.mock.schemas, call.operation, call.carried, skip)
    if violations:
        raise call.refused(400, "The request's parameters are not valid", violations)
    if followed is not None:
        return await _status(call, followed)
    for cycle in cycles:
        if cycle.listing is call.operation:
            return _list(call, cycle)
    content = call.request.content or b""
    if len(content) < _QUICK_BYTES and not _MAYBE_LOOPBACK.search(content):
        return _with_body(call)
    # There are images to decode or to fetch, perhaps from this very event loop.
    return await anyio.to_thread.run_sync(_with_body, call)


def _with_body(call: Call) -> Response:
    body = bodies.read(call)
    listing = uploads.files_of(call.operation)
    if listing is not None:
        files = call.mock.uploads.request(listing, body, call.request.origin)
        return JSONResponse(files, call.operation.success[0])
    for cycle in call.mock.document.life_cycles:
        if cycle.create is call.operation:
            return _create(call, cycle, body)
    response = example(call.operation, call.request.accept)
    response.headers["x-mock-life-cycle"] = "none"
    return response


def _create(call: Call, cycle: LifeCycle, body: Any) -> Response:
    """Create a task, or refuse it for its images or the limits."""
    mock, script = call.mock, call.script
    pictures = _pictures(call, body)
    reasons = [Violation(picture.place, reason) for picture in pictures for reason in picture.reasons]
    if reasons:
        raise call.refused(400, "Image validation failed", reasons, "image")
    fields: dict[str, Any] = body if isinstance(body, dict) else {}
    sent = {picture.place.split("[", 1)[0] for picture in pictures}
    is_broken = script.end is not None and any(picture.broken for picture in pictures)
    end = life_cycle.FAILED if is_broken else script.end
    with mock.creating:  # two creates at once must not both take the last place
        now = mock.clock.time()
        most = mock.settings.concurrency
        if most is not None and mock.store.unfinished(call.owner) >= most:
            response = call.documented(429, "rate")
            response.headers["retry-after"] = "1"
            return response
        if mock.quota.used_up(call.owner, now):
            return call.documented(429, "quota")
        mock.quota.spend(call.owner, now)
        task = Task(
            id=mock.store.new_id(script),
            life_cycle=cycle,
            owner=call.owner,
            body={name: value for name, value in fields.items() if name not in sent},
            pictures=pictures,
            plan=life_cycle.Plan(script.pace or mock.settings.pace, end, script.interlude),
            script=script,
            origin=call.request.origin,
            webhook_url=fields.get(cycle.webhook_field) if cycle.webhook_field else None,
            born=mock.clock.monotonic(),
            born_at=now,
            faults_left=script.status_faults[0],
        )
        mock.store.add(task)
    if task.webhook_url is not None:
        mock.follow(task)
    if script.after_create is not None:
        return ResetResponse() if script.after_create == "reset" else call.documented(500)
    detail = {"task_id": task.id, "status": life_cycle.CREATED}
    return _success(call.operation, detail if script.omit_generated else {**detail, "generated": []})


async def _status(call: Call, cycle: LifeCycle) -> Response:
    """Return one task of the owner, after its webhook has got the changes that this request shows."""
    mock = call.mock
    task = mock.store.find(unquote(call.carried.path[cycle.parameter]))
    if task is None or task.owner != call.owner or task.life_cycle.status is not call.operation:
        return call.documented(404, "not found")
    if mock.store.spend_fault(task):
        return call.documented(task.script.status_faults[1])
    status = mock.store.look(task, poll=call.request.method == "GET")
    response = _success(call.operation, mock.detail(task, status))
    if task.webhook_url is not None:
        await anyio.to_thread.run_sync(mock.deliver, task)
    return response


def _list(call: Call, cycle: LifeCycle) -> Response:
    """Return the owner's tasks, newest first and without results; an empty list is the documented 404."""
    found = [
        {"task_id": task.id, "status": call.mock.store.look(task)}
        for task in reversed(call.mock.tasks)
        if task.owner == call.owner and task.life_cycle.create is cycle.create
    ]
    return _success(call.operation, found) if found else call.documented(404, "not found")


def _pictures(call: Call, body: Any) -> tuple[images.Picture, ...]:
    origin = call.request.origin

    def uploaded(url: str) -> bytes | None:
        if not url.startswith(origin + uploads.ASSET_PREFIX):
            return None
        path, _, query = url.removeprefix(origin).partition("?")
        upload = call.mock.uploads.find(path, query)
        if upload is None or upload.data is None:
            raise FetchError("the URL is not valid or is expired, or no file was put")
        return upload.data

    return tuple(
        images.read(place, text, limits, call.mock.fetch, uploaded)
        for place, text, limits in images.places(call.operation.body_properties, body)
    )


def _success(operation: Operation, value: Any) -> Response:
    """Return the documented success, with the value under `data` where the document has that property."""
    status, response = operation.success
    for media in () if response is None else response.children("content").values():
        schema = media.get("schema")
        if schema is not None and "data" not in (schema.children("properties") or {"data"}):
            return JSONResponse(value, status)
    return JSONResponse({"data": value}, status)
