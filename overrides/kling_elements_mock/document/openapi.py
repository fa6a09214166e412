"""Read the OpenAPI document: operations, responses, places of the API key, and life cycles.

Routes come from the paths, messages from the examples. Links say which operations create and follow a task.
"""

from __future__ import annotations

import json
import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from attrs import frozen

from kling_elements_mock.document.node import DocumentError, Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@frozen(eq=False)
class Operation:
    """One method of one path.

    Without an `operationId`, `id` is the method and the path. An operation's own parameters come first.
    """

    id: str
    method: str
    path: str
    node: Node
    parameters: tuple[Node, ...]

    @cached_property
    def template(self) -> tuple[re.Pattern[str], list[str]]:
        """What matches its path, percent-encoded, and the names of what that captures."""
        pieces = re.split(r"\{([^}]+)\}", self.path)  # literal, name, literal, …
        return re.compile(r"([^/\n]+)".join(map(re.escape, pieces[::2]))), pieces[1::2]

    @property
    def body(self) -> Node | None:
        """The documented request body."""
        return self.node.get("requestBody")

    @property
    def body_properties(self) -> Mapping[str, Node]:
        """The properties of the request body's first schema."""
        content = {} if self.body is None else self.body.children("content")
        schemas = [schema for media in content.values() if (schema := media.get("schema")) is not None]
        return schemas[0].children("properties") if schemas else {}

    def response(self, status: int) -> Node | None:
        """Return the response for `status`: its own, its class's (`4XX`) or `default`."""
        responses = self.node.children("responses")
        return responses.get(str(status)) or responses.get(f"{status // 100}XX") or responses.get("default")

    def documents(self, status: int) -> bool:
        """Return whether `status` or its class (`4XX`) is documented."""
        return not {str(status), f"{status // 100}XX"}.isdisjoint(self.node.children("responses"))

    @cached_property
    def success(self) -> tuple[int, Node | None]:
        """The first documented 2xx or else 3xx, with its response; 200 with `default` where there is none."""
        responses = self.node.children("responses")
        for status in sorted(status for status in responses if status[0] in "23"):
            return int(status.replace("XX", "00")), responses[status]
        return 200, responses.get("default")


@frozen(eq=False)
class LifeCycle:
    """The operations of one kind of task."""

    create: Operation
    status: Operation
    listing: Operation | None  # lists the tasks that `create` made
    parameter: str  # the path parameter of `status` that carries the task's id
    webhook_field: str | None  # the property of create's body with the webhook URL


@frozen
class KeyPlace:
    """Where a request may carry its key: a part (`header`, `query` or `cookie`) and a name."""

    part: str
    name: str


class Document:
    """A parsed OpenAPI 3.0 document; DocumentError if it has no paths, or names what it doesn't define."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        if not isinstance(root, dict) or not isinstance(root.get("paths"), dict):
            raise DocumentError("not an OpenAPI document: it has no 'paths'")
        self.root = root
        self.top = Node(root, "", root)
        self.operations: tuple[Operation, ...] = tuple(_operations(self.top))
        self._by_id = {operation.id: operation for operation in self.operations}
        self._at = {(operation.method, operation.path): operation for operation in self.operations}
        self.life_cycles: tuple[LifeCycle, ...] = tuple(self._life_cycles())
        self._schemes = self._key_places()
        self.key_places = tuple(dict.fromkeys(self._schemes.values()))
        headers = (place.name for place in self.key_places if place.part == "header")
        self.secret_headers = frozenset({"cookie", *headers})
        self._check_security("#", root)
        for operation in self.operations:
            self._check_security(f"#{operation.node.pointer}", operation.node.value)

    def match(self, path: str) -> tuple[dict[str, Operation], dict[str, str]]:
        """Return the operations at a path by method, and the path's parameters.

        Both paths and parameters are percent-encoded. Starlette's routes match decoded paths, and take no
        names such as `{task-id}`.
        """
        best: tuple[int, dict[str, Operation], dict[str, str]] | None = None
        for operation in self.operations:
            pattern, names = operation.template
            values = pattern.fullmatch(path)
            if values is None:
                continue
            found = dict(zip(names, values.groups(), strict=True))
            if best is None or len(found) < best[0]:
                best = len(found), {}, found
            if len(found) == best[0]:
                best[1].setdefault(operation.method, operation)
        return ({}, {}) if best is None else (best[1], best[2])

    def key_ways(self, operation: Operation | None) -> tuple[tuple[KeyPlace, ...], ...]:
        """Return alternatives of places, of which each must have a key; none if an operation needs no key.

        Any place will do for an operation that the document does not have.
        """
        if operation is None:
            return tuple((place,) for place in self.key_places)
        wanted = operation.node.value.get("security", self.root.get("security"))
        if not wanted or {} in wanted:
            return ()
        return tuple(tuple(self._schemes[name] for name in option) for option in wanted)

    def _check_security(self, pointer: str, holder: Mapping[str, Any]) -> None:
        """Refuse a security scheme whose key has no known place: nobody could be kept out by it."""
        wanted: Any = holder.get("security") or []
        if not isinstance(wanted, list) or not all(isinstance(option, dict) for option in wanted):
            raise DocumentError(f"{pointer}/security: it must be a list of objects")
        for number, option in enumerate(wanted):
            for name in option:
                if name not in self._schemes:
                    raise DocumentError(
                        f"{pointer}/security/{number}: no security scheme of type apiKey, http, oauth2 or"
                        f" openIdConnect is called {name!r}"
                    )

    def _key_places(self) -> dict[str, KeyPlace]:
        places: dict[str, KeyPlace] = {}
        components = self.top.get("components")
        for scheme, node in ({} if components is None else components.children("securitySchemes")).items():
            if node.text("type") == "apiKey":
                name = node.text("name") or ""
                part = node.text("in") or "header"
                places[scheme] = KeyPlace(part, name.lower() if part == "header" else name)
            elif node.text("type") in {"http", "oauth2", "openIdConnect"}:
                places[scheme] = KeyPlace("header", "authorization")
        return places

    def _life_cycles(self) -> Iterator[LifeCycle]:
        for create in self.operations:
            if create.method == "GET":
                continue
            for status in self._linked(create):
                names = re.findall(r"\{([^}]+)\}", status.path)
                if status.method == "GET" and len(names) == 1:
                    listing = self._at.get(("GET", create.path))
                    yield LifeCycle(create, status, listing, names[0], _webhook_field(create))
                    break

    def _linked(self, operation: Operation) -> Iterator[Operation]:
        for link in (operation.success[1] or operation.node).children("links").values():
            target = link.text("operationId")
            if target is not None and target in self._by_id:
                yield self._by_id[target]
            reference = link.text("operationRef") or ""
            yield from (op for op in self.operations if reference == f"#{op.node.pointer}")


def _operations(root: Node) -> Iterator[Operation]:
    for path, item in root.children("paths").items():
        shared = item.children("parameters").values()
        for method in item.value:
            node = item.get(method) if method in METHODS else None
            if node is not None and isinstance(node.value, dict):
                both = (*shared, *node.children("parameters").values())
                own = {(parameter.text("in"), parameter.text("name")): parameter for parameter in both}
                name = node.text("operationId") or f"{method} {path}"
                yield Operation(name, method.upper(), path, node, tuple(own.values()))


def _webhook_field(create: Operation) -> str | None:
    for callback in create.node.children("callbacks").values():
        for expression in callback.value:
            named = re.fullmatch(r"\{\$request\.body#/([^/}]+)\}", str(expression))
            if named is not None:
                return named.group(1)
    return None


def default_path() -> Path:
    """Return the document that ships with the package; in a checkout, the one under `spec/`."""
    here = Path(__file__).resolve()
    shipped = here.parents[1] / "openapi.json"
    return shipped if shipped.is_file() else here.parents[3] / "spec" / "openapi.json"


@lru_cache(maxsize=4)
def _parse(content: bytes) -> Any:
    """Parse JSON or YAML. Cached, because each test makes a mock; nothing here changes the value."""
    try:
        return json.loads(content)  # in a tenth of the time that YAML takes
    except ValueError:
        pass
    return yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders


def load(path: Path | None = None) -> Document:
    """Read a YAML or JSON file, by default the shipped one; DocumentError if it is not usable."""
    file = default_path() if path is None else path
    try:
        root = _parse(file.read_bytes())
    except OSError as error:
        raise DocumentError(f"can't read the document {file}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(f"{file} can't be read as YAML: {' '.join(str(error).split())}") from error
    try:
        return Document(root)
    except DocumentError as error:
        raise DocumentError(f"{file}: {error}") from error
