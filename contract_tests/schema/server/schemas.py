"""Validates values against the document's schemas, and finds fields that no schema declares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jsonschema_rs

from contract_tests.support.contract import document, in_json_schema, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """Give what is wrong with a value, formats included; nothing if it fits."""
    return [
        f"{''.join(f'/{part}' for part in error.instance_path) or 'the whole'}: {error.message[:300]}"
        for error in _validator(schema).iter_errors(value)
    ]


def header_faults(schema: dict[str, Any], text: str) -> list[str]:
    """Give what is wrong with a header's value. An integer is written in plain digits and nothing else."""
    value: Any = text
    kind = schema.get("type")
    if kind == "integer":
        if _INTEGER.fullmatch(text) is None:
            return [f"{text!r} is no integer"]
        value = int(text)
    elif kind == "boolean":
        value = {"true": True, "false": False}.get(text, text)
    return faults(schema, value)


def undeclared(schema: dict[str, Any], value: Any, place: str = "") -> Iterator[str]:
    """Give the place of each field that no branch of its schema declares.

    A schema allows other fields unless it says otherwise. What a server says beside the document is a change
    of the contract all the same, and is to be told.
    """
    branches = list(_branches(schema))
    if isinstance(value, list):
        items = [branch["items"] for branch in branches if "items" in branch]
        for index, element in enumerate(value):
            yield from undeclared({"anyOf": items}, element, f"{place}/{index}")
    elif isinstance(value, dict):
        declaring = [branch for branch in branches if "properties" in branch]
        if not declaring or any(branch.get("additionalProperties") for branch in branches):
            return
        for name, child in value.items():
            nodes = [b["properties"][name] for b in declaring if name in b["properties"]]
            if nodes:
                yield from undeclared({"anyOf": nodes}, child, f"{place}/{name}")
            else:
                yield f"{place}/{name}"


def _branches(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    node = resolve(schema)
    yield node
    for key in ("allOf", "anyOf", "oneOf"):
        for branch in node.get(key, ()):
            yield from _branches(branch)


_validators: dict[
    int, tuple[Any, jsonschema_rs.Draft4Validator]
] = {}  # with the schema, so that its id stays


def _validator(schema: dict[str, Any]) -> jsonschema_rs.Draft4Validator:
    """Return the validator of a schema of the document: the same object is the same schema."""
    if id(schema) not in _validators:
        whole = in_json_schema({"components": document().get("components", {}), "allOf": [schema]})
        made = jsonschema_rs.Draft4Validator(whole, validate_formats=True, formats={"uuid": _is_uuid})
        _validators[id(schema)] = schema, made
    return _validators[id(schema)][1]


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
