"""The mock's own routes, under `/_mock/`: they ask for no key, and let another process look and steer."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread

from kling_elements_mock.document import strict_json
from kling_elements_mock.http.responses import Answer, json_answer
from kling_elements_mock.tasks import catalogue, scenarios
from kling_elements_mock.tasks.scenarios import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements_mock.http.requests import Incoming
    from kling_elements_mock.mock import Mock

PREFIX: Final = "/_mock/"


async def answer(mock: Mock, incoming: Incoming) -> Answer:
    """Answer one of the mock's own routes."""
    name = incoming.path.removeprefix(PREFIX)
    shown, done = _SHOWN.get(name), _DONE.get(name)
    if incoming.method in {"GET", "HEAD"} and shown is not None:
        return json_answer(200, shown(mock))
    if incoming.method == "POST" and done is not None:
        try:
            given = strict_json.parse(incoming.body or b"{}")
            # Advancing the clock waits for webhooks' receivers, which may live on this very event loop.
            return json_answer(
                200, await anyio.to_thread.run_sync(done, mock, given if isinstance(given, dict) else {})
            )
        except (ValueError, TypeError) as error:
            return json_answer(400, {"message": str(error)})
    if shown is not None or done is not None:
        allowed = "GET, HEAD" if shown is not None else "POST"
        return json_answer(405, {"message": f"Use {allowed}"}).adding(("allow", allowed))
    known = ", ".join(sorted(PREFIX + route for route in (*_SHOWN, *_DONE)))
    return json_answer(404, {"message": f"No such route. There are: {known}"})


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
            for s in catalogue.CATALOGUE
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
    return {
        kind: [
            {
                "method": r.method,
                "path": r.path,
                "operation": r.operation,
                "status": r.status,
                "request_id": r.request_id,
                "headers": r.headers,
            }
            for r in list(kept)
        ]
        for kind, kept in (
            ("requests", mock.requests),
            ("result_requests", mock.result_requests),
            ("upload_requests", mock.upload_requests),
        )
    }


def _reset(mock: Mock, given: dict[str, Any]) -> dict[str, Any]:
    del given
    mock.reset()
    return {"tasks": len(mock.store)}


def _advance(mock: Mock, given: dict[str, Any]) -> dict[str, Any]:
    seconds = given.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise ScenarioError('say how far, e.g. {"seconds": 5}')
    mock.advance(seconds)
    return {"time": mock.clock.time()}


def _next_scenario(mock: Mock, given: dict[str, Any]) -> dict[str, Any]:
    text, operation, times = given.get("scenario"), given.get("operation"), given.get("times", 1)
    if (
        not isinstance(text, str)
        or not isinstance(operation, (str, type(None)))
        or not isinstance(times, int)
    ):
        raise ScenarioError('say which, e.g. {"scenario": "status=503", "operation": "status", "times": 2}')
    mock.next_scenario(text, operation=operation, times=times)
    return {"queued": times}


_SHOWN: Final[dict[str, Callable[[Mock], dict[str, Any]]]] = {
    "health": _health,
    "scenarios": _scenarios,
    "tasks": _tasks,
    "deliveries": _deliveries,
    "requests": _requests,
}
_DONE: Final[dict[str, Callable[[Mock, dict[str, Any]], dict[str, Any]]]] = {
    "reset": _reset,
    "advance": _advance,
    "next-scenario": _next_scenario,
}
