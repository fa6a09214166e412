"""The document's operations, and which of them make up a task's life cycle: found by links, not by names."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from attrs import frozen

from contract_tests.schema.exercised import in_class, template_of
from contract_tests.support import contract
from contract_tests.support.contract import document, resolve

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
        if self.word == "Basic":
            pair = key if ":" in key else f"{key}:"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        return f"{self.word} {key}" if self.word and key else key


def place_of(scheme: str) -> Place:
    node = resolve(document().get("components", {}).get("securitySchemes", {}).get(scheme, {}))
    if node.get("type") == "apiKey":
        return Place(node["in"], node["name"].lower() if node["in"] == "header" else node["name"])
    is_basic = node.get("type") == "http" and str(node.get("scheme")).lower() == "basic"
    return Place("header", "authorization", "Basic" if is_basic else "Bearer")


def carried(places: Iterable[Place], key: str) -> tuple[dict[str, str], str]:
    places = list(places)
    headers = {place.name: place.written(key) for place in places if place.part == "header"}
    cookies = "; ".join(f"{place.name}={key}" for place in places if place.part == "cookie")
    query = urlencode({place.name: key for place in places if place.part == "query"})
    return headers | ({"cookie": cookies} if cookies else {}), query


@frozen(eq=False)
class Operation:
    """One operation, references followed. What it does not have is empty."""

    method: str
    path: str
    node: dict[str, Any]
    responses: dict[str, dict[str, Any]]  # by status, or class of statuses
    body: dict[str, Any]
    media_type: str  # of the body: JSON if it is among those offered
    media: dict[str, Any]  # what the document has under it
    body_schema: dict[str, Any]
    security: tuple[tuple[str, ...], ...]  # alternatives, each the schemes that are all wanted
    samples: dict[str, dict[str, Any]]  # of the required parameters, by part of the request

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def documents(self, status: int) -> bool:
        return in_class(status, self.responses) is not None

    def response(self, status: int) -> dict[str, Any]:
        """Return the documented answer of a status: its own, its class's or the default one; else nothing."""
        return self.responses.get(in_class(status, self.responses) or "default", {})

    def content(self, status: int) -> dict[str, Any]:
        found: dict[str, Any] = self.response(status).get("content", {})
        return found

    @property
    def success(self) -> dict[str, Any]:
        usual = {} if self.has_success else self.responses.get("default", {})
        return next((r for status, r in self.responses.items() if status[:1] == "2"), usual)

    @property
    def has_success(self) -> bool:
        return any(status[:1] in {"2", "3"} for status in self.responses)

    @property
    def unwritten(self) -> set[int]:
        """HTTP's statuses for a refusal that every server needs, and the document has no status for."""
        if "default" in self.responses:
            return set()
        bad = set() if self.documents(400) or self.documents(422) else {400, 413, 415, 422}
        no_key = {401} if self.security and not self.documents(401) else set()
        return bad | no_key | (set() if self.is_found_for_sure or self.documents(404) else {404})

    @property
    def needs_body(self) -> bool:
        return bool(self.body.get("required"))

    @property
    def is_found_for_sure(self) -> bool:
        """Whether nothing in its path names what a server may not have."""
        return "{" not in self.path

    def refusals(self, *usual: int) -> set[int]:
        """Return the statuses of a refusal: the usual ones, and what the document has for the purpose."""
        documented = set(filter(self.documents, (400, 401, 403, 413, 415, 422)))
        if not documented.intersection(usual) and "default" not in self.responses:
            return documented | set(usual) & self.unwritten
        return set(usual) | (documented & {422} if 400 in usual else set())

    def url(self, **parameters: str) -> str:
        """Return a path to call, and its query; a parameter that is not given has its documented example."""
        known = self.samples["path"] | parameters
        path = re.sub(r"\{([^}]+)\}", lambda match: known.get(match[1], "x"), self.path)
        return with_query(path, urlencode(self.samples["query"], doseq=True))


def with_query(path: str, query: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path


def _read(method: str, path: str, node: dict[str, Any]) -> Operation:
    body = resolve(node["requestBody"]) if "requestBody" in node else {}
    offered: dict[str, Any] = body.get("content", {})
    media_type = next((name for name in offered if "json" in name), next(iter(offered), ""))
    media = offered.get(media_type, {})
    wanted = node.get("security", document().get("security", []))
    shared = document()["paths"][path].get("parameters", ())
    parameters = {(p["in"], p["name"]): p for p in map(resolve, (*shared, *node.get("parameters", ())))}
    samples: dict[str, dict[str, Any]] = {part: {} for part in ("path", "query", "header", "cookie")}
    for (part, name), parameter in parameters.items():
        if part == "path" or (parameter.get("required") and name.lower() not in _NO_PARAMETERS):
            samples[part] |= _written(parameter)
    return Operation(
        method, path, node,
        responses={str(status): resolve(response) for status, response in node["responses"].items()},
        body=body, media_type=media_type, media=media, body_schema=resolve(media.get("schema", {})),
        security=() if {} in wanted else tuple(map(tuple, wanted)),
        samples=samples,
    )  # fmt: skip


def _written(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an example of a parameter, in its style; a field that comes often has a list."""
    name, in_query = parameter["name"], parameter["in"] == "query"
    value = parameter.get("example", sample(parameter.get("schema", {})))
    style = parameter.get("style", "form" if in_query else "simple")
    has_fields = in_query and (style == "deepObject" or parameter.get("explode", style == "form"))
    if isinstance(value, dict) and has_fields:
        return {f"{name}[{k}]" if style == "deepObject" else k: in_text(v) for k, v in value.items()}
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    if not isinstance(value, list):
        return {name: in_text(value)}
    texts = [in_text(part) for part in value]
    between = {"spaceDelimited": " ", "pipeDelimited": "|"}.get(style, ",")
    return {name: texts if has_fields else between.join(texts)}


def in_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@cache
def operations() -> tuple[Operation, ...]:
    return tuple(_read(*each) for each in contract.operations())


@cache
def by_path() -> dict[str, dict[str, Operation]]:
    found: dict[str, dict[str, Operation]] = {}
    for operation in operations():
        found.setdefault(operation.path, {})[operation.method] = operation
    return found


def find(method: str, path: str) -> Operation | None:
    return by_path().get(template_of(path) or "", {}).get(method)


@cache
def ways(operation: Operation | None, origin: str) -> tuple[tuple[str, ...], ...]:
    """Return the alternatives of security schemes: of an operation, or of all."""
    # Each of the document's servers may name its own one; another origin is a stand-in, and takes all.
    servers = document().get("servers", ())
    named = {server["url"].rstrip("/"): server.get("x-api-key-scheme") for server in servers}
    others = {scheme for scheme in named.values() if scheme and named.get(origin) not in {scheme, None}}
    some = [operation] if operation else operations()
    found = dict.fromkeys(option for op in some for option in op.security)
    return tuple(option for option in found if not others.intersection(option))


def at(value: Any, pointer: str) -> Any:
    """Return what a JSON pointer names in a value; None if it is not there."""
    for part in pointer.split("/")[1:]:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def branches(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a schema, references followed, and all that it is combined of."""
    node = resolve(schema)
    yield node
    for key in ("allOf", "anyOf", "oneOf"):
        for branch in node.get(key, ()):
            yield from branches(branch)


def properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all properties that a schema declares, in any of its branches."""
    return {n: resolve(child) for b in branches(schema) for n, child in b.get("properties", {}).items()}


def sample(schema: dict[str, Any]) -> Any:
    """Return a value of a schema: its example, its default, its first word, or a plain one of its type."""
    node = resolve(schema)
    for keyword in ("example", "default"):
        if keyword in node:
            return node[keyword]
    if "enum" in node:
        return node["enum"][0]
    if "properties" in node or any(map(properties, node.get("allOf", ()))):
        known = properties(node)
        parts = (node, *map(resolve, node.get("allOf", ())))
        required = {name for part in parts for name in part.get("required", ())}
        return {name: sample(known[name]) for name in known if name in required}
    for branch in (*node.get("allOf", ()), *node.get("oneOf", ()), *node.get("anyOf", ())):
        return sample(branch)
    if node.get("type") == "array":
        return [sample(node.get("items", {}))] * node.get("minItems", 1)
    text = "https://example.com/a" if node.get("format") == "uri" else "text"
    text += "x" * (node.get("minLength", 0) - len(text))
    plain: dict[str | None, Any] = {
        "integer": node.get("minimum", 7), "number": node.get("minimum", 7.5), "boolean": True, "object": {},
    }  # fmt: skip
    return plain.get(node.get("type"), text[: node.get("maxLength")])


@frozen(eq=False)
class LifeCycle:
    """The operations of one kind of task, and where its parts stand in answers and in create's body."""

    create: Operation
    status: Operation
    listing: Operation | None
    parameter: str
    id_pointer: str
    task_pointer: str  # in the answers of create and status; of tasks in the list's
    id_name: str
    word_name: str
    result_name: str
    webhook_name: str | None
    callback: dict[str, Any]  # the operation by which a receiver is told of a change

    def __str__(self) -> str:
        return self.create.path.rpartition("/")[2]

    def status_url(self, task_id: str) -> str:
        return self.status.url(**{self.parameter: task_id})


@cache
def life_cycles() -> tuple[LifeCycle, ...]:
    """Return the life cycles that the document's links tell of."""
    by_id = {op.node.get("operationId"): op for op in operations()}
    found = []
    for create in operations():
        for link in map(resolve, create.success.get("links", {}).values()):
            status = by_id.get(link.get("operationId"))
            pairs = [(n, e) for n, e in link.get("parameters", {}).items() if e.startswith(_FROM_BODY)]
            if create.body and status is not None and status is not create and pairs:
                found.append(_life_cycle(create, status, *pairs[0]))
    return tuple(found)


def _life_cycle(create: Operation, status: Operation, parameter: str, expression: str) -> LifeCycle:
    pointer = expression.removeprefix(_FROM_BODY)
    task_pointer, _, id_name = pointer.rpartition("/")
    task: dict[str, Any] = status.success["content"]["application/json"]["schema"]
    for part in task_pointer.split("/")[1:]:
        task = properties(task)[part]
    known = properties(task)
    callbacks = map(resolve, create.node.get("callbacks", {}).values())
    hooks = [pair for callback in callbacks for pair in callback.items()]
    hook, item = hooks[0] if hooks else ("", {})
    named = re.fullmatch(r"\{\$request\.body#/([^/}]+)\}", hook)
    return LifeCycle(
        create, status, by_path()[create.path].get("GET"), parameter.removeprefix("path."),
        pointer, task_pointer, id_name,
        word_name=next((name for name, node in known.items() if "enum" in node), "status"),
        result_name=next((name for name, node in known.items() if node.get("type") == "array"), "generated"),
        webhook_name=named[1] if named else None, callback=item.get("post", {}),
    )  # fmt: skip


def cycle_of(operation: Operation) -> LifeCycle | None:
    """Return the life cycle that an operation belongs to; several may share one status."""
    return next((c for c in life_cycles() if operation in (c.create, c.status, c.listing)), None)
