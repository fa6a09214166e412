"""Validates values against the document's schemas, and finds fields that no schema declares."""

from __future__ import annotations

import re
from functools import cache
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
        for error in _validator(_Identity(schema)).iter_errors(value)
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


class _Identity:
    """A schema as a cache's key: the same object is the same schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.schema is other.schema


@cache
def _validator(identity: _Identity) -> jsonschema_rs.Draft4Validator:
    whole = {"components": document().get("components", {}), "allOf": [identity.schema]}
    return jsonschema_rs.Draft4Validator(
        in_json_schema(whole), validate_formats=True, formats={"uuid": _is_uuid}
    )


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
