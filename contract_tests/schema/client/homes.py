"""Where operations of the document live in the public client: to give a new one a home, add a line."""

from collections.abc import Mapping
from typing import Any, Final, Self

import pytest
from attrs import evolve, field, frozen

from contract_tests.schema.exercised import Row, documented
from contract_tests.support.answers import ID, IMAGE, png
from contract_tests.support.clients import Opened
from contract_tests.support.judge import Place, places
from contract_tests.support.strategies import media_of


@frozen
class Home:
    """A public method of both clients, and what it must be called with to ask for one operation."""

    method: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(factory=dict)
    is_step: bool = False  # the operation is a step on the way to what the method is called for

    def about(self, task_id: str) -> Self:
        """The same, asking about a certain task, where the method asks about one."""
        return evolve(self, arguments=(task_id,)) if task_id and self.method in {"get", "wait"} else self

    def call(self, client: Opened, **more: Any) -> Any:
        return getattr(client, self.method)(*self.arguments, **self.options, **more)


HOMES: Final[Mapping[str, Home]] = {
    "createKlingElementsStdTask": Home("create", ([IMAGE],)),
    "createKlingElementsProTask": Home("create", ([IMAGE],), {"model": "pro"}),
    "getKlingElementsTask": Home("get", (ID,)),
    "listKlingElementsStdTasks": Home("list"),
    "listKlingElementsProTasks": Home("list", (), {"model": "pro"}),
    "requestUploadUrls": Home("create", ([png()],), {"local_files": "upload"}, is_step=True),
}
CALLBACKS: Final = {"onKlingElementsTaskStatusChanged", "onKlingElementsProTaskStatusChanged"}
"""What the service sends by itself, and `kling_elements.webhooks.verify_webhook` takes."""


def task_places() -> dict[Place, Home]:
    """The operations that methods are called for; what has no home is reached by `generated` alone."""
    homes = {place: HOMES[place.operation_id] for place in places() if place.operation_id in HOMES}
    return {place: home for place, home in homes.items() if not home.is_step}


def rows(*, is_step: bool = False) -> dict[Row, Home]:
    """The document's answers to operations with a home, or to those that are a step."""
    homes = {(place.method, place.path): HOMES.get(place.operation_id) for place in places()}
    found = {row: homes[row.method, row.path] for row in documented()}
    return {row: home for row, home in found.items() if home and home.is_step == is_step}


def examples_of(answers: Mapping[Row, Home]) -> list[Any]:
    """Each named example of answers, for a test: the answer, its home, and the example's name and value."""
    return [
        pytest.param(row, home, name, example["value"], id=f"{' '.join(row)} {name}")
        for row, home in answers.items()
        if row.media_type
        for name, example in media_of(row).get("examples", {}).items()
    ]


def callback_operations() -> list[dict[str, Any]]:
    """The operations that the service asks of its user."""
    asked = [callback for place in places() for callback in place.operation.get("callbacks", {}).values()]
    return [operation for callback in asked for item in callback.values() for operation in item.values()]
