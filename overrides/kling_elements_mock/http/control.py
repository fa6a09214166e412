"""The mock's control routes, under `/_mock/`: another process can look and steer, without a key."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router

from kling_elements_mock.document import strict_json
from kling_elements_mock.http.requests import MockRequest
from kling_elements_mock.tasks import scenarios
from kling_elements_mock.tasks.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from kling_elements_mock.mock import Mock

_PREFIX: Final = "/_mock"
_MOST_BYTES: Final = 1024 * 1024


def routes(mock: Mock) -> Mount:
    """Return the control routes of a mock."""
    looks = [Route(f"/{name}", _looks(mock, show), methods=["GET"]) for name, show in _LOOKS.items()]
    acts = [Route(f"/{name}", _acts(mock, *act), methods=["POST"]) for name, act in _ACTS.items()]
    return Mount(_PREFIX, app=Router([*looks, *acts], redirect_slashes=False, default=_no_route))


async def refusal(request: Request, error: Exception) -> Response:
    """Return an HTTPException as JSON."""
    del request
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette calls it for nothing else
    return JSONResponse({"message": error.detail}, error.status_code, error.headers)


async def _no_route(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
    known = ", ".join(sorted(f"{_PREFIX}/{name}" for name in (*_LOOKS, *_ACTS)))
    raise HTTPException(404, f"No such route. There are: {known}")


def _looks(mock: Mock, show: Callable[[Mock], dict[str, Any]]) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        del request
        return JSONResponse(show(mock))

    return endpoint


def _acts(
    mock: Mock, act: Callable[[Mock, dict[str, Any]], dict[str, Any]], known: frozenset[str]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(given: Request) -> Response:
        request = MockRequest(given.scope, given.receive)
        _require_same_origin(request)
        await request.read(_MOST_BYTES)
        try:
            # Advancing the clock waits for webhook receivers, perhaps on this very event loop.
            return JSONResponse(await anyio.to_thread.run_sync(act, mock, _body(request, known)))
        except (TypeError, ValueError) as error:
            raise HTTPException(400, str(error)) from None

    return endpoint


def _require_same_origin(request: MockRequest) -> None:
    """Refuse requests of foreign web pages, under a name too that resolves to this machine (rebinding)."""
    origin = request.fields.get("origin")
    if origin is not None and not (origin == request.origin and is_loopback(origin)):
        raise HTTPException(403, "The controls take no requests from web pages of other origins")


def _body(request: MockRequest, known: frozenset[str]) -> dict[str, Any]:
    if request.content is None:
        raise ValueError(f"The body is larger than {_MOST_BYTES} bytes")
    body = strict_json.parse(request.content or b"{}")
    if not isinstance(body, dict):
        raise TypeError("The body is not a JSON object")
    if unknown := sorted(body.keys() - known):
        names = ", ".join(sorted(known)) or "none"
        raise ValueError(f"There is no {unknown[0][:40]!r} here. There are: {names}")
    return body


def _health(mock: Mock) -> dict[str, Any]:
    return {
        "status": "ok",
        "document": mock.document.root.get("info", {}),
        "operations": [
            {"id": operation.id, "method": operation.method, "path": operation.path}
            for operation in mock.document.operations
        ],
        "life_cycles": [
            {"create": c.create.id, "status": c.status.id, "list": c.listing.id if c.listing else None}
            for c in mock.document.life_cycles
        ],
        "tasks": len(mock.store),
    }


def _scenarios(mock: Mock) -> dict[str, Any]:
    del mock
    return {
        "header": scenarios.HEADER,
        "scenarios": [
            {"name": s.name, "example": s.example, "summary": s.summary, "options": list(s.options)}
            for s in scenarios.CATALOGUE
        ],
    }


def _tasks(mock: Mock) -> dict[str, Any]:
    return {
        "tasks": [
            {
                "task_id": task.id,
                "status": mock.store.look(task),
                "operation": task.life_cycle.create.id,
                "owner": task.owner[:12],
                "created_at": task.born_at,
                "settled_at": task.settled_at,
                "polls": task.polls,
                "images": len(task.pictures),
                "request": task.body,
            }
            for task in mock.tasks
        ]
    }


def _deliveries(mock: Mock) -> dict[str, Any]:
    return {
        "deliveries": [
            {
                "webhook_id": d.id,
                "task_id": d.task_id,
                "status": d.task_status,
                "url": d.url,
                "headers": d.headers,
                "body_base64": base64.b64encode(d.body).decode(),
                "outcome": d.outcome,
                "response_status": d.response_status,
            }
            for d in mock.deliveries
        ]
    }


def _requests(mock: Mock) -> dict[str, Any]:
    names = ("method", "path", "operation", "status", "request_id", "headers")
    return {
        kind: [{name: getattr(record, name) for name in names} for record in list(records)]
        for kind, records in (
            ("requests", mock.requests),
            ("result_requests", mock.result_requests),
            ("upload_requests", mock.upload_requests),
        )
    }


def _reset(mock: Mock, body: dict[str, Any]) -> dict[str, Any]:
    del body
    mock.reset()
    return {"tasks": len(mock.store)}


def _advance(mock: Mock, body: dict[str, Any]) -> dict[str, Any]:
    seconds = body.get("seconds")
    if not isinstance(seconds, (int, float)):
        raise TypeError('Expected e.g. {"seconds": 5}')
    mock.advance(seconds)
    return {"time": mock.clock.time()}


def _next_scenario(mock: Mock, body: dict[str, Any]) -> dict[str, Any]:
    text, operation, times = body.get("scenario"), body.get("operation"), body.get("times", 1)
    if not (isinstance(text, str) and isinstance(operation, str | None) and isinstance(times, int)):
        raise TypeError('Expected e.g. {"scenario": "status=503", "operation": "status", "times": 2}')
    mock.next_scenario(text, operation=operation, times=times)
    return {"queued": times}


_LOOKS: Final[dict[str, Callable[[Mock], dict[str, Any]]]] = {
    "health": _health,
    "scenarios": _scenarios,
    "tasks": _tasks,
    "deliveries": _deliveries,
    "requests": _requests,
}
# What each does, and the names that its body may have.
_ACTS: Final[dict[str, tuple[Callable[[Mock, dict[str, Any]], dict[str, Any]], frozenset[str]]]] = {
    "reset": (_reset, frozenset()),
    "advance": (_advance, frozenset({"seconds"})),
    "next-scenario": (_next_scenario, frozenset({"scenario", "operation", "times"})),
}
