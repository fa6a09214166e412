"""Bodies of a create that no service could take as valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_elements.validation import Validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kling_elements.document import Document

_LEAST_BROKEN = 2  # members of a create's body that must not fit the document, each by itself
_WRONG_TYPES: tuple[Any, ...] = ({"canary": True}, [["canary"]], -1, "canary: of no such type", None)


def impossible_bodies(document: Document, method: str, path: str) -> dict[str, dict[str, Any]]:
    """Bodies of a create that no service could take as valid, by what is wrong with them.

    Every field that the schema knows is there, and none fits. Only safe bodies are given: see `is_safe`.

    Args:
        document: The document.
        method: The create's method.
        path: The create's path template.
    """
    schema = _body_schema(document, method, path)
    validator = Validator(schema, document)
    members = {name: document.resolve(member) for name, member in schema.get("properties", {}).items()}

    def body(candidates: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        found = {}
        for name, values in candidates.items():
            for value in values:
                if name in _broken(validator, {name: value}):
                    found[name] = value
                    break
        return found

    bodies = {
        "wrong types": body(dict.fromkeys(members, _WRONG_TYPES)),
        "wrong values": body(
            {name: (*_wrong_values(member), *_WRONG_TYPES) for name, member in members.items()}
        ),
    }
    return {kind: made for kind, made in bodies.items() if is_safe(document, method, path, made)}


def is_safe(document: Document, method: str, path: str, body: Mapping[str, Any]) -> bool:
    """Whether no service could take a body as valid.

    Each member breaks the schema, and the required ones are all there: none could be taken as left out.

    Args:
        document: The document.
        method: The create's method.
        path: The create's path template.
        body: The body.
    """
    schema = _body_schema(document, method, path)
    broken = _broken(Validator(schema, document), body)
    required = set(schema.get("required", ()))
    return len(broken) >= _LEAST_BROKEN and bool(required) and required <= broken and broken == set(body)


def _broken(validator: Validator, body: Mapping[str, Any]) -> set[str]:
    """The members that are there and don't fit the schema."""
    return {str(path[0]) for path, _ in validator.misfits(dict(body)) if path}


def _wrong_values(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Values of the right type that break a limit, and are of no use where it is not enforced."""
    match schema.get("type"):
        case "string":
            yield "canary: no such value"
            yield "canary " * (int(schema.get("maxLength", 0)) // len("canary ") + 1)
        case "array":
            yield [{"canary": True}] * (int(schema.get("maxItems", 0)) + 1)
        case "integer" | "number":
            yield schema.get("maximum", 0) + 1
            yield schema.get("minimum", 0) - 1


def _body_schema(document: Document, method: str, path: str) -> Mapping[str, Any]:
    body = document.resolve(document.operation_at(method, path)["requestBody"])
    return document.resolve(body["content"]["application/json"]["schema"])
