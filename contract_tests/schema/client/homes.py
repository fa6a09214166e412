"""Where operations of the document live in the public client: to give a new one a home, add a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, field, frozen

from contract_tests.support.answers import ID, IMAGE, png
from contract_tests.support.contract import document
from contract_tests.support.judge import Place, places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contract_tests.support.clients import Opened


@frozen
class Home:
    """A public method, and what it must be called with to ask for one operation.

    Attributes:
        method: The method of `KlingElements` and of `AsyncKlingElements`.
        arguments: What it takes by position.
        options: What it takes by name.
        is_step: Whether the operation is a step on the way to what the method is called for.
    """

    method: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(factory=dict)
    is_step: bool = False

    def about(self, task_id: str) -> Home:
        """The same, asking about a certain task, where the method asks about one."""
        return evolve(self, arguments=(task_id,)) if task_id and self.method in {"get", "wait"} else self

    def call(self, client: Opened, **more: Any) -> Any:
        """Call it."""
        return getattr(client, self.method)(*self.arguments, **self.options, **more)


HOMES: Final[Mapping[str, Home]] = {
    "createKlingElementsStdTask": Home("create", ([IMAGE],)),
    "createKlingElementsProTask": Home("create", ([IMAGE],), {"model": "pro"}),
    "getKlingElementsTask": Home("get", (ID,)),
    "listKlingElementsStdTasks": Home("list"),
    "listKlingElementsProTasks": Home("list", (), {"model": "pro"}),
    "requestUploadUrls": Home("create", ([png()],), {"local_files": "upload"}, is_step=True),
}
CALLBACK_HOMES: Final[Mapping[str, str]] = {
    "onKlingElementsTaskStatusChanged": "verify_webhook",
    "onKlingElementsProTaskStatusChanged": "verify_webhook",
}
"""The public names of `kling_elements.webhooks` that take what the service sends by itself."""


def task_places() -> tuple[Place, ...]:
    """The operations that methods are called for; what has no home is reached by `generated` alone."""
    return tuple(
        place for place in places() if place.operation_id in HOMES and not HOMES[place.operation_id].is_step
    )


def step_places() -> tuple[Place, ...]:
    """The operations that are a step on the way to another one."""
    return tuple(
        place for place in places() if place.operation_id in HOMES and HOMES[place.operation_id].is_step
    )


def callback_operations(whole: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The operations that the service asks of its user."""
    found = whole or document()
    return [
        operation
        for place in places(found)
        for callback in found["paths"][place.path][place.method.lower()].get("callbacks", {}).values()
        for item in callback.values()
        for operation in item.values()
    ]
