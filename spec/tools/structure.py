"""What an OpenAPI 3.0 document is made of: which keys each kind of object has.

One table serves every tool that walks a document, so that none takes a key inside an example for one of
OpenAPI's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.errors import Keys

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def _data(keys: str) -> dict[str, str]:
    return dict.fromkeys(keys.split(), "")


# The kind of each key's value: "" is data, "kind" one object, "[kind]" a list of them, "{kind}" a map to
# them. A key that isn't here is unknown, unless it begins with x-. The key "*" is any key.
_HEADER: Final = _data(
    "$ref description required deprecated allowEmptyValue style explode allowReserved example"
) | {"schema": "schema", "examples": "{example}", "content": "{media type}"}
KIND_OF_SECTION: Final = {
    "schemas": "schema",
    "responses": "response",
    "parameters": "parameter",
    "examples": "example",
    "requestBodies": "request body",
    "headers": "header",
    "securitySchemes": "security scheme",
    "links": "link",
    "callbacks": "callback",
}
GRAMMAR: Final[dict[str, dict[str, str]]] = {
    "document": _data("openapi info servers security tags externalDocs")
    | {"paths": "paths", "components": "components"},
    "paths": {"*": "path item"},
    "path item": _data("$ref summary description servers")
    | {"parameters": "[parameter]", **dict.fromkeys(METHODS, "operation")},
    "operation": _data("tags summary description externalDocs operationId deprecated security servers")
    | {"parameters": "[parameter]", "requestBody": "request body"}
    | {"responses": "responses", "callbacks": "{callback}"},
    "parameter": _data("name in") | _HEADER,
    "header": _HEADER,
    "request body": _data("$ref description required") | {"content": "{media type}"},
    "media type": {"schema": "schema", "example": "", "examples": "{example}", "encoding": "{encoding}"},
    "encoding": _data("contentType style explode allowReserved") | {"headers": "{header}"},
    "responses": {"*": "response"},
    "response": _data("$ref description")
    | {"headers": "{header}", "content": "{media type}", "links": "{link}"},
    "callback": {"$ref": "", "*": "path item"},
    "example": _data("$ref summary description value externalValue"),
    "link": _data("$ref operationRef operationId parameters requestBody description server"),
    "components": {section: f"{{{kind}}}" for section, kind in KIND_OF_SECTION.items()},
    "security scheme": _data("$ref type description name in scheme bearerFormat flows openIdConnectUrl"),
}
_SCHEMA: Final = {
    "properties": "{schema}",
    "items": "schema",
    "not": "schema",
    "additionalProperties": "schema",
    "allOf": "[schema]",
    "anyOf": "[schema]",
    "oneOf": "[schema]",
}


@dataclass(frozen=True)
class Node:
    """One object of a document: its kind, the way to it, and the very map (not a copy)."""

    kind: str
    keys: Keys
    value: dict[str, Any]


class UnknownKeyError(LookupError):
    """A key, or a value where an object belongs, that OpenAPI 3.0 doesn't have."""

    def __init__(self, keys: Keys, problem: str) -> None:
        super().__init__(keys, problem)
        self.keys, self.problem = keys, problem


def parts(node: Node) -> Iterator[tuple[str, Keys, Any]]:
    """Give the kind, the way and the value of all that an object holds; data has the kind ""."""
    grammar = _SCHEMA if node.kind == "schema" else GRAMMAR[node.kind]
    for key, value in node.value.items():
        keys = (*node.keys, key)
        kind = "" if key.startswith("x-") else grammar.get(key, grammar.get("*"))
        if kind is None:
            if node.kind != "schema":  # Schemas have a converter of their own, which knows their keywords.
                raise UnknownKeyError(keys, f"`{key}` is not known in a {node.kind} of OpenAPI 3.0")
            kind = ""
        if kind.startswith("{"):
            yield from ((kind[1:-1], (*keys, name), item) for name, item in _as(dict, value, keys).items())
        elif kind.startswith("["):
            yield from (
                (kind[1:-1], (*keys, place), item) for place, item in enumerate(_as(list, value, keys))
            )
        else:
            yield kind, keys, value


def _as(expected: type, value: Any, keys: Keys) -> Any:
    if not isinstance(value, expected):
        raise UnknownKeyError(keys, f"expected a {'map' if expected is dict else 'list'} here")
    return value


def walk(value: dict[str, Any], kind: str = "document", keys: Keys = ()) -> Iterator[Node]:
    """Give every object of a document, the outer ones first.

    The caller may change an object's data and its inner objects while walking: what it puts there is walked.
    """
    node = Node(kind, keys, value)
    yield node
    for inner_kind, inner_keys, inner in parts(node):
        if inner_kind == "" or (inner_kind == "schema" and isinstance(inner, bool)):
            continue
        yield from walk(_as(dict, inner, inner_keys), inner_kind, inner_keys)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same JSON: Python's `==` takes `1` for `true`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the path, the method and the map of each operation, callbacks not counted."""
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if not path.startswith("x-") and method in item:
                yield path, method, item[method]


def followed(document: dict[str, Any], value: Any) -> Any:
    """Follow the references that a value is; they lead somewhere in a checked document."""
    return placed(document, value, ())[0]


def placed(document: dict[str, Any], value: Any, keys: Keys) -> tuple[Any, Keys]:
    """Follow the references that a value is; return what they lead to, and where that stands."""
    while "$ref" in value:
        keys = reference_keys(value["$ref"])
        value = resolve(document, value["$ref"])
    return value, keys


def parameters(document: dict[str, Any], path: str, method: str) -> Iterator[tuple[dict[str, Any], Keys]]:
    """Give an operation's parameters with their places: its own, then those of its path that it keeps."""
    item = document["paths"][path]
    seen: set[tuple[Any, Any]] = set()
    for holder, way in ((item[method], ("paths", path, method)), (item, ("paths", path))):
        for number, one in enumerate(holder.get("parameters", [])):
            found, keys = placed(document, one, (*way, "parameters", number))
            if (name := (found.get("in"), found.get("name"))) not in seen:
                yield found, keys
            seen.add(name)


def pointer(keys: Keys) -> str:
    """Write a way as a JSON pointer in a fragment: ``#/paths/~1v1``."""
    return "#" + "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def reference_keys(reference: str) -> Keys:
    """Read the way that a local reference names."""
    return tuple(
        part.replace("~1", "/").replace("~0", "~") for part in reference.removeprefix("#/").split("/")
    )


def resolve(document: dict[str, Any], reference: str) -> Any:
    """Look up a local reference."""
    if not reference.startswith("#/"):
        raise LookupError(reference)
    value: Any = document
    for key in map(str, reference_keys(reference)):
        if isinstance(value, list) and key.isdecimal():
            value = value[int(key)]
        elif isinstance(value, dict):
            value = value[key]
        else:
            raise LookupError(reference)
    return value
