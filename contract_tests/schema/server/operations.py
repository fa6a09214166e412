"""The document's operations, and which of them make up a task's life cycle: found by links, not by names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from contract_tests.schema.exercised import template_of
from contract_tests.support import contract
from contract_tests.support.contract import document, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

_FROM_BODY: Final = "$response.body#"

# The document's enum lists the words; which of them end a task, and their order, no schema can say.
# Recorded on sibling endpoints: CREATED, then IN_PROGRESS, then one of the two ends, for good.
COMPLETED: Final = "COMPLETED"
FAILED: Final = "FAILED"
TERMINAL: Final = frozenset({COMPLETED, FAILED})
RANK: Final = {"CREATED": 0, "IN_PROGRESS": 1, COMPLETED: 2, FAILED: 2}


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation.

    Attributes:
        method: In capitals.
        path: As the document writes it.
        node: Its place in the document.
    """

    method: str
    path: str
    node: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def responses(self) -> dict[str, dict[str, Any]]:
        """Its answers by status, references followed."""
        return {str(status): resolve(response) for status, response in self.node["responses"].items()}

    def response(self, status: int) -> dict[str, Any] | None:
        """Give the documented answer of a status code: its own, else the default one."""
        return self.responses.get(str(status)) or self.responses.get("default")

    def content(self, status: int) -> dict[str, Any]:
        """The documented media types of a status code."""
        found: dict[str, Any] = (self.response(status) or {}).get("content", {})
        return found

    @property
    def success(self) -> dict[str, Any]:
        """The first documented 2xx answer."""
        return next((r for status, r in self.responses.items() if status[:1] == "2"), {})

    @property
    def body(self) -> dict[str, Any] | None:
        """The request body, references followed."""
        return resolve(self.node["requestBody"]) if "requestBody" in self.node else None

    @property
    def body_schema(self) -> dict[str, Any]:
        """The schema of the JSON request body."""
        return resolve(self.json_body.get("schema", {}))

    @property
    def json_body(self) -> dict[str, Any]:
        """The JSON media type of the request body; empty without one."""
        found: dict[str, Any] = self.body["content"].get("application/json", {}) if self.body else {}
        return found

    @property
    def security(self) -> list[str]:
        """The names of the security schemes of which any will do; empty if none is asked for."""
        wanted = self.node.get("security", document().get("security", []))
        return [name for option in wanted for name in option]

    def url(self, **parameters: str) -> str:
        """Give a path to call, and its query; a parameter that is not given has its documented example."""
        wanted = [p for p in map(resolve, self.node.get("parameters", ())) if p.get("required")]
        samples = {p["name"]: str(p.get("example", sample(p.get("schema", {})))) for p in wanted}
        known = samples | parameters
        query = urlencode({p["name"]: known[p["name"]] for p in wanted if p["in"] == "query"})
        path = re.sub(r"\{([^}]+)\}", lambda match: known.get(match[1], "x"), self.path)
        return f"{path}?{query}" if query else path


@cache
def operations() -> tuple[Operation, ...]:
    """Give all operations of the document, in its order."""
    return tuple(Operation(method, path, node) for method, path, node in contract.operations())


def find(method: str, path: str) -> Operation | None:
    """Give the operation that a method and a path (or a URL) call."""
    template = template_of(path)
    return next((op for op in operations() if (op.method, op.path) == (method, template)), None)


def key_header(scheme: str) -> str:
    """Give the header in which a security scheme's key stands."""
    name: str = document()["components"]["securitySchemes"][scheme].get("name", "authorization")
    return name


def at(value: Any, pointer: str) -> Any:
    """Give what a JSON pointer names in a value; None if it is not there."""
    for part in pointer.split("/")[1:]:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give all properties that a schema declares, in any of its branches."""
    node = resolve(schema)
    found = {name: resolve(child) for name, child in node.get("properties", {}).items()}
    for key in ("allOf", "anyOf", "oneOf"):
        for branch in node.get(key, ()):
            found.update(properties(branch))
    return found


def sample(schema: dict[str, Any]) -> Any:
    """Give a value of a schema: its example, its default, its first word, or a plain one of its type."""
    node = resolve(schema)
    for keyword in ("example", "default"):
        if keyword in node:
            return node[keyword]
    if "enum" in node:
        return node["enum"][0]
    if "properties" in node or "allOf" in node:
        known = properties(node)
        return {name: sample(known[name]) for name in node.get("required", ()) if name in known}
    if node.get("type") == "array":
        return [sample(node.get("items", {}))] * node.get("minItems", 1)
    plain = {"integer": node.get("minimum", 7), "number": node.get("minimum", 7.5), "boolean": True}
    return (
        "https://example.com/a" if node.get("format") == "uri" else plain.get(str(node.get("type")), "text")
    )


@dataclass(frozen=True, eq=False)
class LifeCycle:
    """The operations of one kind of task.

    Attributes:
        create: Makes a task.
        status: Shows one.
        listing: Shows all; None if the document has no such operation.
        parameter: The status operation's path parameter that takes the id.
        id_pointer: Where the id stands in create's and in status' answers.
        id_name: The property of the id.
        word_name: The property of the status word.
        result_name: The property of the result's addresses.
        webhook_name: The property of create's body that names a receiver; None if there is none.
    """

    create: Operation
    status: Operation
    listing: Operation | None
    parameter: str
    id_pointer: str
    id_name: str
    word_name: str
    result_name: str
    webhook_name: str | None

    @property
    def task_pointer(self) -> str:
        """Where the task stands in create's and in status' answers."""
        return self.id_pointer.rpartition("/")[0]

    @property
    def list_pointer(self) -> str:
        """Where the tasks stand in the list's answer."""
        return self.task_pointer

    def status_url(self, task_id: str) -> str:
        """Give the path that shows a task."""
        return self.status.url(**{self.parameter: task_id})

    @property
    def callback(self) -> dict[str, Any]:
        """The operation by which a receiver is told of a change."""
        for callback in self.create.node.get("callbacks", {}).values():
            for item in resolve(callback).values():
                post: dict[str, Any] = item["post"]
                return post
        return {}


@cache
def life_cycles() -> tuple[LifeCycle, ...]:
    """Give the life cycles that the document's links tell of."""
    return tuple(_life_cycles())


def _life_cycles() -> Iterator[LifeCycle]:
    by_id = {op.node.get("operationId"): op for op in operations()}
    for create in operations():
        for link in map(resolve, create.success.get("links", {}).values()):
            status = by_id.get(link.get("operationId"))
            pairs = [(n, e) for n, e in link.get("parameters", {}).items() if e.startswith(_FROM_BODY)]
            if create.body is None or status is None or status is create or not pairs:
                continue
            parameter, pointer = pairs[0][0], pairs[0][1].removeprefix(_FROM_BODY)
            task = _schema_of_task(status, pointer.rpartition("/")[0])
            word = next((name for name, node in task.items() if "enum" in node), "status")
            result = next((name for name, node in task.items() if node.get("type") == "array"), "generated")
            listing = next((op for op in operations() if op.path == create.path and op.method == "GET"), None)
            yield LifeCycle(
                create, status, listing, parameter.removeprefix("path."), pointer, pointer.rpartition("/")[2],
                word, result, _webhook_name(create),
            )  # fmt: skip


def _schema_of_task(status: Operation, pointer: str) -> dict[str, dict[str, Any]]:
    schema: dict[str, Any] = status.success["content"]["application/json"]["schema"]
    for part in pointer.split("/")[1:]:
        schema = properties(schema)[part]
    return properties(schema)


def _webhook_name(create: Operation) -> str | None:
    for callback in create.node.get("callbacks", {}).values():
        for expression in resolve(callback):
            match = re.fullmatch(r"\{\$request\.body#/([^/}]+)\}", expression)
            if match:
                return match[1]
    return None
