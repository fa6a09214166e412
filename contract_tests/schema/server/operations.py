"""The document's operations, and which of them make up a task's life cycle: found by links, not by names."""

from __future__ import annotations

import base64
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from attrs import frozen

from contract_tests.schema.exercised import in_class, template_of
from contract_tests.support import contract
from contract_tests.support.contract import document, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FROM_BODY: Final = "$response.body#"
_NO_PARAMETERS: Final = frozenset({"accept", "content-type", "authorization"})  # OpenAPI ignores them

# The document's enum lists the words; which of them end a task, and their order, no schema can say.
# Recorded on sibling endpoints: CREATED, then IN_PROGRESS, then one of the two ends, for good.
COMPLETED: Final = "COMPLETED"
FAILED: Final = "FAILED"
TERMINAL: Final = frozenset({COMPLETED, FAILED})
RANK: Final = {"CREATED": 0, "IN_PROGRESS": 1, COMPLETED: 2, FAILED: 2}


@frozen
class Place:
    """Where a security scheme has its key: in a `header`, the `query` or a `cookie`, perhaps after a word."""

    part: str
    name: str
    word: str = ""

    def written(self, key: str) -> str:
        """Return a key as it stands there."""
        if self.word == "Basic":
            pair = key if ":" in key else f"{key}:"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        return f"{self.word} {key}" if self.word and key else key


def place_of(scheme: str) -> Place:
    """Return the place of a security scheme's key."""
    node = resolve(document().get("components", {}).get("securitySchemes", {}).get(scheme, {}))
    if node.get("type") == "apiKey":
        return Place(node["in"], node["name"].lower() if node["in"] == "header" else node["name"])
    is_basic = node.get("type") == "http" and str(node.get("scheme")).lower() == "basic"
    return Place("header", "authorization", "Basic" if is_basic else "Bearer")


def carried(places: Iterable[Place], key: str) -> tuple[dict[str, str], str]:
    """Return the headers and the query that have a key in some places."""
    headers = {place.name: place.written(key) for place in places if place.part == "header"}
    cookies = "; ".join(f"{place.name}={key}" for place in places if place.part == "cookie")
    query = urlencode({place.name: key for place in places if place.part == "query"})
    return headers | ({"cookie": cookies} if cookies else {}), query


@frozen(eq=False)
class Operation:
    """One operation: its path as the document writes it, and its place there."""

    method: str
    path: str
    node: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def responses(self) -> dict[str, dict[str, Any]]:
        """Its answers by status, references followed."""
        return {str(status): resolve(response) for status, response in self.node["responses"].items()}

    def documents(self, status: int) -> bool:
        """Tell whether a status, or its class (`4XX`), stands in the document."""
        return in_class(status, self.responses) is not None

    def response(self, status: int) -> dict[str, Any]:
        """Return the documented answer of a status: its own, its class's or the default one; else nothing."""
        return self.responses.get(in_class(status, self.responses) or "default", {})

    def content(self, status: int) -> dict[str, Any]:
        """The documented media types of a status code."""
        found: dict[str, Any] = self.response(status).get("content", {})
        return found

    @property
    def success(self) -> dict[str, Any]:
        """The first documented 2xx answer."""
        return next((r for status, r in self.responses.items() if status[:1] == "2"), {})

    def refusals(self, *usual: int) -> set[int]:
        """Return the statuses of a refusal: the usual ones, and what the document has for the purpose."""
        documented = {status for status in (400, 401, 403, 413, 415, 422) if self.documents(status)}
        if not documented.intersection(usual) and "default" not in self.responses:
            return documented or set(usual)
        return set(usual) | (documented & {422} if 400 in usual else set())

    @property
    def body(self) -> dict[str, Any] | None:
        """The request body, references followed."""
        return resolve(self.node["requestBody"]) if "requestBody" in self.node else None

    @property
    def needs_body(self) -> bool:
        """Whether a request without a body is wrong."""
        return bool((self.body or {}).get("required"))

    @property
    def media_type(self) -> str:
        """The media type of the request body: JSON if it is among those offered; empty without a body."""
        offered = list((self.body or {}).get("content", ()))
        return next((name for name in offered if "json" in name), str((offered or [""])[0]))

    @property
    def media(self) -> dict[str, Any]:
        """What the document has under the media type of the request body."""
        found: dict[str, Any] = (self.body or {}).get("content", {}).get(self.media_type, {})
        return found

    @property
    def body_schema(self) -> dict[str, Any]:
        """The schema of the request body."""
        return resolve(self.media.get("schema", {}))

    @property
    def security(self) -> tuple[tuple[str, ...], ...]:
        """Alternatives, each the security schemes that are all wanted; none if a request needs no key."""
        wanted = self.node.get("security", document().get("security", []))
        return () if {} in wanted else tuple(tuple(option) for option in wanted)

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """Its required parameters, its path's own ones included."""
        shared = document()["paths"].get(self.path, {}).get("parameters", ())
        both = {(p["in"], p["name"]): p for p in map(resolve, (*shared, *self.node.get("parameters", ())))}
        return [p for (part, _), p in both.items() if part == "path" or p.get("required")]

    def samples(self, part: str) -> dict[str, str]:
        """Return values of the required parameters in a part of the request: the documented examples."""
        wanted = [p for p in self.parameters if p["in"] == part and p["name"].lower() not in _NO_PARAMETERS]
        values = ((p["name"], p.get("example", sample(p.get("schema", {})))) for p in wanted)
        return {name: ",".join(map(str, v)) if isinstance(v, list) else str(v) for name, v in values}

    def url(self, **parameters: str) -> str:
        """Return a path to call, and its query; a parameter that is not given has its documented example."""
        query = urlencode(self.samples("query"))
        known = self.samples("path") | parameters
        path = re.sub(r"\{([^}]+)\}", lambda match: known.get(match[1], "x"), self.path)
        return f"{path}?{query}" if query else path

    @property
    def is_found_for_sure(self) -> bool:
        """Whether nothing in its path names what a server may not have."""
        return "{" not in self.path


@cache
def operations() -> tuple[Operation, ...]:
    """Return all operations of the document, in its order."""
    return tuple(Operation(method, path, node) for method, path, node in contract.operations())


def find(method: str, path: str) -> Operation | None:
    """Return the operation that a method and a path (or a URL) call."""
    template = template_of(path)
    return next((op for op in operations() if (op.method, op.path) == (method, template)), None)


def nearest(method: str, path: str) -> Operation | None:
    """Return the operation that a method and a path call, else another one of the path."""
    return find(method, path) or next(iter(by_path().get(template_of(path) or "", {}).values()), None)


@cache
def by_path() -> dict[str, dict[str, Operation]]:
    """Return the operations by path and method."""
    found: dict[str, dict[str, Operation]] = {}
    for operation in operations():
        found.setdefault(operation.path, {})[operation.method] = operation
    return found


def at(value: Any, pointer: str) -> Any:
    """Return what a JSON pointer names in a value; None if it is not there."""
    for part in pointer.split("/")[1:]:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all properties that a schema declares, in any of its branches."""
    node = resolve(schema)
    found = {name: resolve(child) for name, child in node.get("properties", {}).items()}
    for key in ("allOf", "anyOf", "oneOf"):
        for branch in node.get(key, ()):
            found.update(properties(branch))
    return found


def sample(schema: dict[str, Any]) -> Any:
    """Return a value of a schema: its example, its default, its first word, or a plain one of its type."""
    node = resolve(schema)
    for keyword in ("example", "default"):
        if keyword in node:
            return node[keyword]
    if "enum" in node:
        return node["enum"][0]
    if "properties" in node or "allOf" in node:
        known = properties(node)
        parts = (node, *map(resolve, node.get("allOf", ())))
        required = {name for part in parts for name in part.get("required", ())}
        return {name: sample(known[name]) for name in known if name in required}
    for branch in (*node.get("oneOf", ()), *node.get("anyOf", ())):
        return sample(branch)
    if node.get("type") == "array":
        return [sample(node.get("items", {}))] * node.get("minItems", 1)
    text = "https://example.com/a" if node.get("format") == "uri" else "text"
    text += "x" * (node.get("minLength", 0) - len(text))
    plain = {"integer": node.get("minimum", 7), "number": node.get("minimum", 7.5), "boolean": True}
    return plain.get(
        str(node.get("type")), {} if node.get("type") == "object" else text[: node.get("maxLength")]
    )


@frozen(eq=False)
class LifeCycle:
    """The operations of one kind of task, and where its parts stand in answers and in create's body."""

    create: Operation
    status: Operation
    listing: Operation | None
    parameter: str
    id_pointer: str
    id_name: str
    word_name: str
    result_name: str
    webhook_name: str | None

    def __str__(self) -> str:
        return self.create.path.rpartition("/")[2]

    @property
    def task_pointer(self) -> str:
        """Where the task stands in create's and in status' answers, and tasks in the list's."""
        return self.id_pointer.rpartition("/")[0]

    def status_url(self, task_id: str) -> str:
        """Return the path that shows a task."""
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
    """Return the life cycles that the document's links tell of."""
    return tuple(_life_cycles())


def cycle_of(operation: Operation) -> LifeCycle | None:
    """Return the life cycle that an operation belongs to; several may share one status."""
    parts = ((cycle, (cycle.create, cycle.status, cycle.listing)) for cycle in life_cycles())
    return next((cycle for cycle, some in parts if operation in some), None)


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
