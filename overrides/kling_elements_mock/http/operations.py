"""What the operations with a life cycle do: create, status, list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from kling_elements_mock.document.validation import Violation
from kling_elements_mock.http.responses import Answer, json_answer
from kling_elements_mock.tasks import images as pictures
from kling_elements_mock.tasks import life_cycle as tasks
from kling_elements_mock.tasks.store import Task
from kling_elements_mock.tasks.uploads import ASSET_PREFIX

if TYPE_CHECKING:
    from kling_elements_mock.document.openapi import LifeCycle, Operation
    from kling_elements_mock.http.admission import Call
    from kling_elements_mock.http.requests import Incoming
    from kling_elements_mock.mock import Mock


def create(mock: Mock, cycle: LifeCycle, incoming: Incoming, call: Call, body: Any) -> Answer:
    """Make a task from a valid body, or refuse its images, or refuse it for the limits."""
    operation, owner, script = cycle.create, call.owner, call.script
    found = _pictures(mock, operation, body, incoming.origin)
    faults = [Violation(picture.place, reason) for picture in found for reason in picture.reasons]
    if faults:
        return mock.answers.refusal(
            operation, 400, incoming.accept, "Image validation failed", faults, "image"
        )
    limits = mock.settings
    if limits.concurrency is not None and mock.store.unfinished(owner) >= limits.concurrency:
        return mock.answers.documented(operation, 429, incoming.accept, "rate").adding(("retry-after", "1"))
    if mock.quota.used_up(owner, mock.clock.time()):
        return mock.answers.documented(operation, 429, incoming.accept, "quota")
    mock.quota.spend(owner, mock.clock.time())
    end = tasks.FAILED if script.end is not None and any(picture.broken for picture in found) else script.end
    webhook_url = body.get(cycle.webhook_field) if cycle.webhook_field and isinstance(body, dict) else None
    taken = {picture.place.split("[", 1)[0] for picture in found}
    task = Task(
        id=mock.store.new_id(script),
        life_cycle=cycle,
        owner=owner,
        body={name: value for name, value in body.items() if name not in taken}
        if isinstance(body, dict)
        else {},
        pictures=found,
        plan=tasks.Plan(script.pace or limits.pace, end, script.interlude),
        script=script,
        origin=incoming.origin,
        webhook_url=webhook_url,
        born=mock.clock.monotonic(),
        born_at=mock.clock.time(),
        faults_left=script.status_faults[0],
    )
    mock.store.add(task)
    if webhook_url is not None:
        mock.follow(task)
    detail = {"task_id": task.id, "status": tasks.CREATED, "generated": []}
    if script.omit_generated:
        del detail["generated"]
    return json_answer(operation.success()[0], _wrapped(operation, detail))


def status(mock: Mock, cycle: LifeCycle, incoming: Incoming, call: Call) -> tuple[Answer, Task | None]:
    """Show one task to its owner. Also gives the task whose changes are now to be told."""
    operation = cycle.status
    task = mock.store.find(unquote(call.path_parameters[cycle.parameter]))
    if task is None or task.owner != call.owner or task.life_cycle.status is not operation:
        return mock.answers.documented(operation, 404, incoming.accept, "not found"), None
    if mock.store.spend_fault(task):
        return mock.answers.documented(operation, task.script.status_faults[1], incoming.accept), None
    word = mock.store.look(task, poll=incoming.method == "GET")
    return json_answer(operation.success()[0], _wrapped(operation, mock.detail(task, word))), task


def listing(mock: Mock, cycle: LifeCycle, incoming: Incoming, call: Call) -> Answer:
    """List the owner's tasks, the newest first and without results; an empty list is the documented 404."""
    operation = call.operation
    found = [
        {"task_id": task.id, "status": mock.store.look(task)}
        for task in reversed(mock.store.all())
        if task.owner == call.owner and task.life_cycle.create is cycle.create
    ]
    if not found:
        return mock.answers.documented(operation, 404, incoming.accept, "not found")
    return json_answer(operation.success()[0], _wrapped(operation, found))


def _pictures(mock: Mock, operation: Operation, body: Any, origin: str) -> tuple[pictures.Picture, ...]:
    media = operation.body.children("content") if operation.body is not None else []
    schema = media[0].get("schema") if media else None
    assets = origin + ASSET_PREFIX

    def own(url: str) -> bytes | None:
        return mock.uploads.read(url.removeprefix(origin)) if url.startswith(assets) else None

    return tuple(
        pictures.read(place, text, limits, mock.fetch, own(text))
        for place, text, limits in pictures.places(schema, body)
    )


def _wrapped(operation: Operation, value: Any) -> Any:
    """Put a value under `data` where the documented answer has that property."""
    response = operation.success()[1]
    for media in response.children("content") if response is not None else ():
        schema = media.get("schema")
        properties = None if schema is None else schema.get("properties")
        if properties is not None and properties.get("data") is None:
            return value
    return {"data": value}
